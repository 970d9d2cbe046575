//! Commodity codes of the Harmonized System.

use crate::{Invalid, identifier::text_identifier};
use serde::{Deserialize, Serialize};

/// A Harmonized System code: chapter (2 digits), heading (4) or sub-heading (6), with national digits up to 10.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HsCode(String);

impl HsCode {
    /// Parses 2, 4, 6, 8 or 10 digits; the chapter is 01 to 99.
    ///
    /// # Errors
    /// When length, characters or chapter are wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if !matches!(text.len(), 2 | 4 | 6 | 8 | 10) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Invalid::new("HS code", text, "it must be 2, 4, 6, 8 or 10 digits"));
        }
        if text.starts_with("00") {
            return Err(Invalid::new("HS code", text, "chapters start at 01"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The first two digits, as in `87`.
    pub fn chapter(&self) -> &str {
        self.0.get(..2).unwrap_or(&self.0)
    }

    /// The first four digits, as in `8703`, if the code is that fine.
    pub fn heading(&self) -> Option<&str> {
        self.0.get(..4)
    }

    /// The first six digits, as in `870323`, if the code is that fine. They are the same in all countries.
    pub fn sub_heading(&self) -> Option<&str> {
        self.0.get(..6)
    }

    /// Whether this code lies within `range`, a shorter or equal code: `870323` lies within `8703`.
    pub fn lies_within(&self, range: &HsCode) -> bool {
        self.0.starts_with(&range.0)
    }
}

text_identifier!(HsCode);
