//! Freight container numbers.

use crate::{Invalid, check_digit, identifier::text_identifier};
use serde::{Deserialize, Serialize};

/// A container number by ISO 6346: four letters (three for the owner, then `U` for a freight
/// container, `J` for equipment of one or `Z` for a trailer or chassis), six digits and a check digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerNumber(String);

impl ContainerNumber {
    /// Parses eleven characters and verifies the check digit.
    ///
    /// # Errors
    /// When the form, the category letter or the check digit is wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = |reason: String| Invalid::new("container number", text, reason);
        let bytes = text.as_bytes();
        if bytes.len() != 11
            || !bytes.iter().take(4).all(u8::is_ascii_uppercase)
            || !bytes.iter().skip(4).all(u8::is_ascii_digit)
        {
            return Err(wrong("it must be four capital letters and seven digits (ISO 6346)".into()));
        }
        if !matches!(bytes.get(3), Some(b'U' | b'J' | b'Z')) {
            return Err(wrong("the fourth letter must be the category U, J or Z (ISO 6346)".into()));
        }
        // All eleven bytes are ASCII here, so the text may be split anywhere.
        let (body, digit) = text.split_at(10);
        match check_digit::over(body) {
            Some(expected) if digit.as_bytes() == [b'0' + expected] => Ok(Self(text.to_owned())),
            Some(expected) => Err(wrong(format!("its check digit should be {expected} (ISO 6346)"))),
            None => Err(wrong("it holds a character that ISO 6346 does not know".into())),
        }
    }

    /// The owner's code, three letters.
    pub fn owner(&self) -> &str {
        self.0.get(..3).unwrap_or(&self.0)
    }
}

text_identifier!(ContainerNumber);
