//! How messages are told apart, by traders and between nodes.

use crate::{Invalid, Timestamp, identifier::text_identifier};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The identification that a sender gives to a message: 1 to 35 characters, unique for that sender
/// (`messageIdentification`, an..35; a repeat is functional error 26).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageIdentification(String);

impl MessageIdentification {
    /// Parses 1 to 35 characters, none of them a control character.
    ///
    /// # Errors
    /// When it is empty or longer, or holds a control character.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if (1..=35).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("message identification", text, "it must be 1 to 35 characters"))
        }
    }
}

text_identifier!(MessageIdentification);

/// The identity of a message between nodes: a UUID version 7 (RFC 9562 section 5.7), so that ids sort by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// Makes an id from the time and ten random bytes.
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = (now.as_micros() / 1000).max(0).to_be_bytes();
        let mut bytes = [0u8; 16];
        for (slot, byte) in bytes.iter_mut().zip(millis.iter().skip(2).chain(random.iter())) {
            *slot = *byte;
        }
        bytes[6] = (bytes[6] & 0x0f) | 0x70;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From 16 bytes.
    ///
    /// # Errors
    /// When version or variant are not those of a UUID version 7.
    pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, Invalid> {
        let id = Self(bytes);
        if bytes[6] >> 4 == 7 && bytes[8] >> 6 == 2 {
            Ok(id)
        } else {
            Err(Invalid::new("message id", &id.to_string(), "it must be a UUID version 7"))
        }
    }

    /// Parses the hyphenated form.
    ///
    /// # Errors
    /// When the form, version or variant is wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("message id", text, "it must be a hyphenated UUID version 7");
        let hyphens = text.char_indices().filter(|(_, c)| *c == '-').map(|(at, _)| at);
        if text.len() != 36 || !text.is_ascii() || !hyphens.eq([8, 13, 18, 23]) {
            return Err(wrong());
        }
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        // `from_str_radix` alone would take a leading `+`.
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let number = u128::from_str_radix(&digits, 16).map_err(|_| wrong())?;
        Self::from_bytes(number.to_be_bytes()).map_err(|_| wrong())
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                out.write_str("-")?;
            }
            write!(out, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MessageId({self})")
    }
}

impl std::str::FromStr for MessageId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for MessageId {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> String {
        id.to_string()
    }
}
