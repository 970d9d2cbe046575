//! What an agreement applies to: procedures, goods, offences and places.

use crate::name::{Identifier, Term};
use base::{HsCode, Invalid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// The limits of an agreement. An empty list does not limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Customs procedures.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub procedures: BTreeSet<Term>,
    /// Ranges of the Harmonized System.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hs_ranges: BTreeSet<HsRange>,
    /// Classes of offence.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub offence_classes: BTreeSet<Term>,
    /// Places: customs offices, border crossing points.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub places: BTreeSet<Identifier>,
}

/// What a request is about, to be held against the scope of an agreement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The customs procedure.
    pub procedure: Option<Term>,
    /// The goods.
    pub goods: BTreeSet<HsCode>,
    /// The class of offence.
    pub offence_class: Option<Term>,
    /// The places.
    pub places: BTreeSet<Identifier>,
}

impl Scope {
    /// Whether no list limits anything.
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the subject lies wholly inside. What the scope limits must be stated, and all that is stated of it
    /// must lie inside: silence is outside.
    pub fn covers(&self, subject: &Subject) -> bool {
        let procedure = subject.procedure.as_ref();
        let offence = subject.offence_class.as_ref();
        let goods_inside = !subject.goods.is_empty()
            && subject.goods.iter().all(|code| self.hs_ranges.iter().any(|range| range.contains(code)));
        let places_inside = !subject.places.is_empty() && subject.places.is_subset(&self.places);
        (self.procedures.is_empty() || procedure.is_some_and(|term| self.procedures.contains(term)))
            && (self.offence_classes.is_empty()
                || offence.is_some_and(|term| self.offence_classes.contains(term)))
            && (self.hs_ranges.is_empty() || goods_inside)
            && (self.places.is_empty() || places_inside)
    }
}

/// A range of the Harmonized System by leading digits, both ends included: `84`, `8471` or `0101-0106`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HsRange {
    from: String,
    to: String,
}

impl HsRange {
    /// Parses one heading or two of the same length joined by `-`.
    ///
    /// # Errors
    /// When an end is not 2, 4 or 6 digits, the ends differ in length or are out of order.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let digits = |end: &str| matches!(end.len(), 2 | 4 | 6) && end.bytes().all(|b| b.is_ascii_digit());
        if digits(from) && digits(to) && from.len() == to.len() && from <= to {
            Ok(Self { from: from.to_owned(), to: to.to_owned() })
        } else {
            Err(Invalid::new(
                "HS range",
                text,
                "it must be 2, 4 or 6 digits, or two such joined by `-`, as in 0101-0106",
            ))
        }
    }

    /// Whether the code lies in the range.
    pub fn contains(&self, code: &HsCode) -> bool {
        let digits = code.to_string();
        digits
            .get(..self.from.len())
            .is_some_and(|head| self.from.as_str() <= head && head <= self.to.as_str())
    }
}

impl fmt::Display for HsRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            out.write_str(&self.from)
        } else {
            write!(out, "{}-{}", self.from, self.to)
        }
    }
}

impl std::str::FromStr for HsRange {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for HsRange {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<HsRange> for String {
    fn from(range: HsRange) -> String {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goods(codes: &[&str]) -> Subject {
        Subject { goods: codes.iter().map(|code| code.parse().unwrap()).collect(), ..Subject::default() }
    }

    #[test]
    fn a_range_takes_leading_digits() {
        let range = HsRange::parse("0101-0106").unwrap();
        assert!(range.contains(&"010600".parse().unwrap()));
        assert!(!range.contains(&"010700".parse().unwrap()));
        assert_eq!(range.to_string(), "0101-0106");
        for wrong in ["", "1", "0106-0101", "01-0101", "01a1"] {
            assert!(HsRange::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_limited_must_be_stated_and_lie_inside() {
        let mut scope = Scope::default();
        assert!(scope.covers(&Subject::default()));
        scope.hs_ranges.insert(HsRange::parse("84").unwrap());
        assert!(!scope.covers(&Subject::default()));
        assert!(scope.covers(&goods(&["847130"])));
        assert!(!scope.covers(&goods(&["847130", "010600"])));
    }
}
