//! Channels: the ordered streams that messages between two administrations travel in.

use base::{Administration, Invalid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One stream of messages: from one administration to another, about one subject (an MRN, a GRN, a case). Messages of
/// a channel are numbered from 1 without gaps and applied in that order; those of different channels never wait for
/// each other. Written as `NTA.GB>NTA.FR/24GB0000601001EBD4`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Channel {
    sender: Administration,
    recipient: Administration,
    subject: String,
}

/// The longest subject. An MRN has 18 characters, a GRN 24, a UCR 35; case numbers are shorter than this.
pub const MAX_SUBJECT: usize = 64;

impl Channel {
    /// The channel from `sender` to `recipient` about `subject`.
    ///
    /// # Errors
    /// When the subject is not 1 to 64 printable ASCII characters without spaces.
    pub fn new(sender: Administration, recipient: Administration, subject: &str) -> Result<Self, Invalid> {
        let printable = subject.bytes().all(|byte| byte.is_ascii_graphic());
        if subject.is_empty() || subject.len() > MAX_SUBJECT || !printable {
            return Err(Invalid::new(
                "channel subject",
                subject,
                "it must be 1 to 64 printable ASCII characters without spaces",
            ));
        }
        Ok(Self { sender, recipient, subject: subject.to_owned() })
    }

    /// Parses `NTA.GB>NTA.FR/SUBJECT`.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("channel", text, "it must be as in NTA.GB>NTA.FR/24GB0000601001EBD4");
        let (sender, rest) = text.split_once('>').ok_or_else(wrong)?;
        let (recipient, subject) = rest.split_once('/').ok_or_else(wrong)?;
        let sender = Administration::parse(sender).map_err(|_| wrong())?;
        let recipient = Administration::parse(recipient).map_err(|_| wrong())?;
        Self::new(sender, recipient, subject).map_err(|_| wrong())
    }

    /// The administration that sends.
    pub fn sender(&self) -> &Administration {
        &self.sender
    }

    /// The administration that receives.
    pub fn recipient(&self) -> &Administration {
        &self.recipient
    }

    /// What the messages are about.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}>{}/{}", self.sender, self.recipient, self.subject)
    }
}

impl std::str::FromStr for Channel {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Channel {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Channel> for String {
    fn from(channel: Channel) -> String {
        channel.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_read_as_it_is_written() {
        let text = "NTA.GB>NTA.FR/24GB0000601001EBD4";
        let channel = Channel::parse(text).unwrap();
        assert_eq!(channel.to_string(), text);
        assert_eq!(channel.subject(), "24GB0000601001EBD4");
        assert_eq!(Channel::parse("NTA.GB>NTA.FR/a/b>c").unwrap().subject(), "a/b>c");
    }

    #[test]
    fn other_forms_are_refused() {
        let long = format!("NTA.GB>NTA.FR/{}", "x".repeat(65));
        for text in [
            "",
            "NTA.GB",
            "NTA.GB>NTA.FR",
            "NTA.GB>NTA.FR/",
            "GB>FR/x",
            "NTA.GB>NTA.FR/a b",
            "NTA.GB>NTA.FR/\u{e9}",
            &long,
        ] {
            assert!(Channel::parse(text).is_err(), "{text}");
        }
    }
}
