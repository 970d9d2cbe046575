//! What all identifiers share: how a bad one is reported, and the text newtype they are built on.

use crate::Country;
use std::fmt;

/// The kind of an identifier, as named in an error message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub &'static str);

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

/// Why a text is not the identifier it was taken for.
///
/// The message names the kind, quotes the input (cut to 64 characters) and says which rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{input}` is not a valid {kind}: {reason}")]
pub struct Invalid {
    /// What the text was meant to be.
    pub kind: Kind,
    /// The text, cut to 64 characters.
    pub input: String,
    /// The rule that it breaks, in words.
    pub reason: String,
}

impl Invalid {
    /// Reports that `input` is not a `kind` because of `reason`.
    pub fn new(kind: &'static str, input: &str, reason: impl Into<String>) -> Self {
        Self { kind: Kind(kind), input: input.chars().take(64).collect(), reason: reason.into() }
    }
}

/// The country code at byte `position` of an identifier whose `parse` has admitted capitals only at these two bytes.
pub(crate) fn country_at(identifier: &str, position: usize) -> Country {
    // INVARIANT: see above; every caller names a position that its `parse` has checked.
    identifier
        .get(position..position + 2)
        .and_then(|code| Country::parse(code).ok())
        .unwrap_or_else(|| unreachable!())
}

/// Whether the text has between 1 and `longest` characters, none of them a control character, and neither starts nor
/// ends with a space: what the free-text references of traders have in common.
pub(crate) fn is_plain_text(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

/// Gives a text newtype its `Display`, `FromStr`, `TryFrom<String>`, `AsRef<str>` and serde form, all of which go
/// through its `parse`.
macro_rules! text_identifier {
    ($name:ident) => {
        impl $name {
            /// The identifier as text, in its canonical form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad(&self.0)
            }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::Invalid;
            fn from_str(text: &str) -> Result<Self, $crate::Invalid> {
                Self::parse(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = $crate::Invalid;
            fn try_from(text: String) -> Result<Self, $crate::Invalid> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(identifier: $name) -> String {
                identifier.0.to_string()
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}
pub(crate) use text_identifier;
