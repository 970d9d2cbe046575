//! TIR carnets, under which goods cross many countries with one international guarantee.

use crate::{Invalid, identifier::text_identifier};
use serde::{Deserialize, Serialize};

/// The number of a TIR carnet (an..12): up to 25000000 plain digits; above that, two letters of which one is `X` come
/// first. Source: the pattern of `TIRcarnetNumber` in the NCTS phase 5 types.
///
/// R0990 goes further for declarations: ten or eleven characters, which is the form with letters, and the check letter
/// of the International Road Transport Union. That algorithm is not published with the rule, so the letter is not
/// verified here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TirCarnetNumber(String);

/// The last number printed without letters.
const LAST_PLAIN: u32 = 25_000_000;

impl TirCarnetNumber {
    /// Parses the form.
    ///
    /// # Errors
    /// When the text is neither a plain number up to 25000000 nor two letters, one of them `X`, and a number above.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let (letters, digits) = match text.as_bytes() {
            [first, second, ..] if first.is_ascii_uppercase() && second.is_ascii_uppercase() => {
                text.split_at(2)
            }
            _ => text.split_at(0),
        };
        // Nine digits are the most that the pattern admits, which also keeps the number within its type.
        let plain = (1..=9).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        let number: u32 = if plain { digits.parse().unwrap_or_default() } else { 0 };
        let form = match letters.as_bytes() {
            [] => (1..=LAST_PLAIN).contains(&number),
            letters => letters.contains(&b'X') && number >= LAST_PLAIN,
        };
        if form {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "TIR carnet number",
                text,
                "it must be a number up to 25000000, or two capital letters, one of them X, and a number from 25000000",
            ))
        }
    }
}

text_identifier!(TirCarnetNumber);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_changes_at_twenty_five_million() {
        let good = ["1", "9999999", "10000000", "25000000", "XA25000000", "BX99999999", "XX999999999"];
        let bad = [
            "",
            "0",
            "01",
            "25000001",
            "99999999",
            "XA24999999",
            "AB25000000",
            "XA025000000",
            "X25000000",
            "XA1000000000",
            "xa25000000",
            "+1",
            "١",
        ];
        for text in good {
            assert!(TirCarnetNumber::parse(text).is_ok(), "{text}");
        }
        for text in bad {
            assert!(TirCarnetNumber::parse(text).is_err(), "{text}");
        }
    }
}
