//! Names inside an agreement: enumerated terms and the identifiers of its parts.

use base::Invalid;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;

/// The longest name, so that a name always fits in a log line, a refusal and a manifest.
const LONGEST: usize = 64;

/// Gives a name newtype its text forms, all of which go through its `parse`.
macro_rules! name {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(&self.0)
            }
        }
        impl std::str::FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::parse(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

/// A term that an agreement enumerates: a purpose, a category of data, a role, a fact, a ground of refusal.
///
/// Lower-case words and digits joined by `_`, as in `transit_control`; at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Term(String);

impl Term {
    /// Parses lower-case words joined by `_`.
    ///
    /// # Errors
    /// When the text is empty, longer than 64 characters, does not start with a letter or holds another character.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let form = (1..=LONGEST).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if form {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "term",
                text,
                "it must be lower-case words joined by `_`, as in transit_control",
            ))
        }
    }
}

name!(Term);

/// The identifier of an agreement, clause, disclosure, obligation or record type, as in `common-transit`, `5.1(c)`
/// or `CD001C`: letters, digits and `. - _ / ( )`; at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identifier(String);

impl Identifier {
    /// Parses letters, digits and `. - _ / ( )`.
    ///
    /// # Errors
    /// When the text is empty, longer than 64 characters or holds another character.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let form = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/()".contains(&byte));
        if form {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "identifier",
                text,
                "it must be letters, digits and `. - _ / ( )`, as in 5.1(c)",
            ))
        }
    }
}

name!(Identifier);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_lower_case_words() {
        assert!(Term::parse("transit_control").is_ok());
        for wrong in ["", "Transit", "1st", "a-b", "a b", "a\"b", &"x".repeat(65)] {
            assert!(Term::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn identifiers_have_no_quotes_or_spaces() {
        assert!(Identifier::parse("5.1(c)").is_ok());
        for wrong in ["", "a b", "a\"b", "a\\b", "é", &"x".repeat(65)] {
            assert!(Identifier::parse(wrong).is_err(), "{wrong}");
        }
    }
}
