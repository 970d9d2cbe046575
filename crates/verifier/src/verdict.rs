//! What a verification gives. The JSON form has the same content; codes and field names are stable.

use serde::Serialize;

/// How a verification ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything holds, under keys that whoever verifies trusts.
    Proved,
    /// Everything holds together, but some or all keys are those that the file itself brings: it claims, and proves
    /// nothing yet.
    Unanchored,
    /// Something does not hold.
    Refused,
}

/// How far a finding can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Signed by a key that is trusted.
    Proved,
    /// Signed by a key that only the file vouches for.
    Claimed,
}

/// Something that the file shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its stable code, as in `statement`, `stage-received`, `log-receipt`, `checkpoint`, `witness`, `conflict`.
    pub code: String,
    /// How far it can be relied on.
    pub standing: Standing,
    /// Who says so: an administration or a witness.
    pub by: String,
    /// When, by that party's clock (RFC 3339); nothing where it states no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// In words.
    pub words: String,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its stable code, as in `malformed`, `signature`, `key-unknown`, `key-not-valid`, `proof`, `contradiction`.
    pub code: String,
    /// In words.
    pub words: String,
}

impl Problem {
    pub(crate) fn new(code: &str, words: impl Into<String>) -> Self {
        Self { code: code.to_owned(), words: words.into() }
    }
}

/// Something that the file does not prove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Its stable code, as in `no-receipt`, `no-witness`, `truth`.
    pub code: String,
    /// In words.
    pub words: String,
}

/// What the signed statement says of the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageFacts {
    /// Its identity, a UUID.
    pub message_id: String,
    /// The administration that sent it.
    pub from: String,
    /// The administration that it was for.
    pub to: String,
    /// What it is about: a movement reference or case.
    pub subject: String,
    /// Its number in the channel of these two about this subject.
    pub sequence: u64,
    /// The agreement.
    pub agreement: String,
    /// The agreement's version.
    pub agreement_version: u32,
    /// SHA-256 of what the agreement compiles to.
    pub agreement_hash: String,
    /// The clause that permits it.
    pub clause: String,
    /// The purpose for which the recipient may use it.
    pub purpose: String,
    /// When it was made, by the sender's clock.
    pub created: String,
    /// From when on the recipient had to refuse it.
    pub expires: String,
    /// Whether it belongs to an exercise.
    pub exercise: bool,
    /// SHA-256 of the signed statement.
    pub statement: String,
    /// Its parts.
    pub parts: Vec<Claimed>,
}

/// A part as the statement describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claimed {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
}

/// An attachment that the statement covers: a part that travelled in chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attached {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// In how many chunks it travelled.
    pub chunks: u64,
    /// The digest of its content that is signed: the root over its salted chunks.
    pub digest: String,
    /// The digest of its sealed form that is signed: the root over its head and its sealed chunks.
    pub sealed_digest: String,
    /// Whether the file holds what a copy of the attachment can be compared with.
    pub comparable: bool,
    /// The file that was given and is this attachment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
}

/// A field or the whole of a part that is shown and belongs to the signed message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownField {
    /// The name of the part.
    pub part: String,
    /// The path of the field; empty for the whole part.
    pub path: String,
    /// The text; nothing when it is not text.
    pub value: Option<String>,
    /// The size in bytes.
    pub size: usize,
    /// SHA-256 of the value.
    pub digest: String,
}

/// A card or register that the file or whoever verifies holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartyKeys {
    /// Whose card it is said to be, or of which agreement and version the register.
    pub of: String,
    /// `card` or `register`.
    pub kind: String,
    /// Its fingerprint, to be compared with what the administrations publish.
    pub fingerprint: String,
    /// Whether it is trusted.
    pub trusted: bool,
}

/// What a verification gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How it ends.
    pub outcome: Outcome,
    /// The message; nothing when its statement cannot be read.
    pub message: Option<MessageFacts>,
    /// What the file shows.
    pub findings: Vec<Finding>,
    /// What is shown of the content.
    pub shown: Vec<ShownField>,
    /// The attachments that the statement covers.
    pub attachments: Vec<Attached>,
    /// What does not hold.
    pub problems: Vec<Problem>,
    /// What is not proved.
    pub not_proved: Vec<Gap>,
    /// Whose keys the file holds.
    pub keys: Vec<PartyKeys>,
}

impl Verdict {
    /// The verdict as indented JSON with a final line feed.
    pub fn to_json(&self) -> String {
        // A record of texts and numbers serialises without fail.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// 0 when it is proved, 1 when something does not hold, 2 when nothing is decided, as its keys are not trusted.
    pub fn exit_code(&self) -> u8 {
        match self.outcome {
            Outcome::Proved => 0,
            Outcome::Refused => 1,
            Outcome::Unanchored => 2,
        }
    }
}
