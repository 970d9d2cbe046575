//! Checking identifiers one by one, for people and scripts that hold a value and want a verdict in words.

use crate::{ContainerNumber, Eori, Grn, Invalid, Mrn, OfficeReference};
use serde::Serialize;

/// The kinds of identifier that [`check`] knows, as they are named on the command line.
pub const KINDS: [&str; 5] = ["mrn", "grn", "container", "eori", "office"];

/// What [`check`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether the value is a valid identifier of its kind, check digit included.
    pub valid: bool,
    /// The rule that it breaks, in words; nothing when it is valid.
    pub reason: Option<String>,
}

/// Checks `value` as an identifier of `kind`, one of [`KINDS`]. The check digits of MRN, GRN and container number count
/// (R0028, ISO 6346); whether an office or a trader exists is a question for reference data and is not asked here.
///
/// ```
/// assert!(base::check("mrn", "23GB000060KNEJKEJ3").valid);
/// let wrong = base::check("mrn", "23GB000060KNEJKEJ4");
/// assert_eq!(wrong.reason.as_deref(), Some("its check digit should be 3 (R0028)"));
/// ```
pub fn check(kind: &str, value: &str) -> Verdict {
    let found = match kind {
        "mrn" => Mrn::parse_strict(value).map(drop),
        "grn" => Grn::parse_strict(value).map(drop),
        "container" => ContainerNumber::parse(value).map(drop),
        "eori" => Eori::parse(value).map(drop),
        "office" => OfficeReference::parse(value).map(drop),
        _ => Err(Invalid::new(
            "kind of identifier",
            kind,
            format!("there is no kind `{kind}`; use one of {}", KINDS.join(", ")),
        )),
    };
    match found {
        Ok(()) => Verdict { valid: true, reason: None },
        Err(invalid) => Verdict { valid: false, reason: Some(invalid.reason) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_say_why() {
        let reason = |kind, value| check(kind, value).reason.unwrap_or_default();
        let cases = [
            ("mrn", "24GB000246J8NY33L7", ""),
            ("mrn", "27WF9X1FQ9RCKN0TM3", "its check digit should be 9 (R0028)"),
            ("mrn", "GB", "it must have 18 characters"),
            ("grn", "23XI00000100000D0", ""),
            ("grn", "22GB0000010000296", "its check digit should be 1 (R0028)"),
            ("container", "CSQU3054383", ""),
            ("container", "CSQU3054384", "its check digit should be 3 (ISO 6346)"),
            ("eori", "GB123456789000", ""),
            (
                "eori",
                "GB",
                "it must be a country code and 1 to 15 printable characters without spaces (R0850)",
            ),
            ("office", "GB000060", ""),
            ("office", "GB00006", "it must be a country code and six capital letters or digits (an8)"),
            ("visa", "1", "there is no kind `visa`; use one of mrn, grn, container, eori, office"),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(reason(kind, value), expected, "{kind} {value}");
            assert_eq!(check(kind, value).valid, expected.is_empty(), "{kind} {value}");
        }
    }
}
