//! Countries, by the two-letter codes that customs messages use.

use crate::Invalid;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A country code of two capital letters: ISO 3166-1 alpha-2, with the customs additions such as `XI` (Northern
/// Ireland) and `XK`. Whether a code is in a given code list is a question for [`crate::reference`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl Country {
    /// Parses two capital letters.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Ok(Self([*a, *b])),
            _ => Err(Invalid::new("country code", text, "it must be two capital letters")),
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        // INVARIANT: `parse` admits ASCII capitals only, so the bytes are always UTF-8.
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Country({})", self.as_str())
    }
}

impl std::str::FromStr for Country {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Country {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Country> for String {
    fn from(country: Country) -> String {
        country.as_str().to_owned()
    }
}
