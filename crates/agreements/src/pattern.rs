//! Patterns over element paths, the lines of an allow-list.

use base::Invalid;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest pattern and the most segments, so that matching stays cheap whatever a document says.
const LONGEST: usize = 256;
const MOST_SEGMENTS: usize = 32;
/// The most `**` in one pattern: each multiplies the ways to match, and no allow-list needs more.
const MOST_DEEP: usize = 3;

/// A pattern over element paths such as `Consignment/**/Consignee/**`.
///
/// Segments are separated by `/`. `*` stands for one segment and `**` for any number of them, none included; every
/// other segment stands for itself. Element paths have no positions: `Consignment/HouseConsignment/grossMass`.
///
/// ```
/// let pattern = agreements::Pattern::parse("Consignment/**/Consignee/*")?;
/// assert!(pattern.matches("Consignment/Consignee/name"));
/// assert!(pattern.matches("Consignment/HouseConsignment/Consignee/name"));
/// assert!(!pattern.matches("Consignment/Consignee/Address/city"));
/// # Ok::<(), base::Invalid>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// When it is empty or too long, has an empty segment, more than three `**`, or a `*` inside a segment.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = |reason: &str| Err(Invalid::new("path pattern", text, reason));
        if text.is_empty() || text.len() > LONGEST || text.split('/').count() > MOST_SEGMENTS {
            return wrong("it must have 1 to 256 characters and at most 32 segments");
        }
        if text.split('/').filter(|segment| *segment == "**").count() > MOST_DEEP {
            return wrong("it may hold `**` three times at most");
        }
        for segment in text.split('/') {
            let name = segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte));
            if segment.is_empty() || !(name || segment == "*" || segment == "**") {
                return wrong("each segment must be an element name, `*` or `**`");
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether the pattern stands for this path.
    pub fn matches(&self, path: &str) -> bool {
        matches(Some(&self.0), Some(path))
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment, when it is a plain element name.
    pub(crate) fn last_name(&self) -> Option<&str> {
        self.0.rsplit('/').next().filter(|segment| !segment.contains('*'))
    }
}

/// Matches what is left of the pattern with what is left of the path; `None` is "nothing left".
fn matches(pattern: Option<&str>, path: Option<&str>) -> bool {
    let Some(pattern) = pattern else {
        return path.is_none();
    };
    let (segment, pattern_rest) = split(pattern);
    if segment == "**" {
        return matches(pattern_rest, path) || path.is_some_and(|path| matches(Some(pattern), split(path).1));
    }
    path.is_some_and(|path| {
        let (name, path_rest) = split(path);
        (segment == "*" || segment == name) && matches(pattern_rest, path_rest)
    })
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)))
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

impl std::str::FromStr for Pattern {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        pattern.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(pattern: &str, path: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(path)
    }

    #[test]
    fn stars_stand_for_one_segment_and_double_stars_for_any_number() {
        assert!(holds("*", "messageSender"));
        assert!(!holds("*", "TransitOperation/MRN"));
        assert!(holds("**", "TransitOperation/MRN"));
        assert!(holds("A/**", "A"));
        assert!(holds("A/**/B", "A/B"));
        assert!(holds("A/**/B/**/C", "A/x/B/y/z/C"));
        assert!(!holds("A/**/B", "A/B/C"));
        assert!(!holds("A/B", "A"));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for wrong in ["", "/A", "A/", "A//B", "A*", "***", "A b", "**/**/**/**"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    /// The textbook definition over segment lists, by dynamic programming.
    fn textbook(pattern: &[&str], path: &[&str]) -> bool {
        let mut row: Vec<bool> = (0..=path.len()).map(|at| at == 0).collect();
        for segment in pattern {
            let mut next = vec![false; path.len() + 1];
            for at in 0..=path.len() {
                let skips = *segment == "**" && (row[at] || (at > 0 && next[at - 1]));
                let takes = *segment != "**"
                    && at > 0
                    && row[at - 1]
                    && (*segment == "*" || *segment == path[at - 1]);
                next[at] = skips || takes;
            }
            row = next;
        }
        row[path.len()]
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_textbook(
            pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "**"]), 1..6),
            path in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..7),
        ) {
            if let Ok(parsed) = Pattern::parse(&pattern.join("/")) {
                prop_assert_eq!(parsed.matches(&path.join("/")), textbook(&pattern, &path));
            }
        }
    }
}
