//! Staged statements: what the recipient says became of a message, under its signature.
//!
//! A message is RECEIVED when it is safely in the recipient's log, then DECIDED, and DELIVERED or EXPIRED; or it is
//! REFUSED, with a reason, and enters no log.

use crate::cbor::{Reader, Writer};
use crate::cose::{self, Claims, Profile, Unverified};
use crate::{
    Administration, Digest, EvidenceError, KeyId, MessageId, StatementKey, Timestamp, VerifyingKey, digest_of,
};
use std::fmt;

const PROFILE: Profile = Profile {
    what: "staged statement",
    content_type: "application/vnd.tidewaiter.stage+cbor",
    limit: MAX_STAGE,
};

/// The largest staged statement: fixed fields and a reason of at most 600 bytes.
pub const MAX_STAGE: usize = 2 * 1024;
/// The longest reason code.
pub const MAX_REASON_CODE: usize = 64;
/// The longest reason in words; longer ones are cut where the stage is made.
pub const MAX_REASON_WORDS: usize = 512;
const VERSION: u64 = 1;

/// A stage in the life of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageName {
    /// It is in the recipient's log and will be acted upon; code 1.
    Received,
    /// The recipient decided upon it; code 2.
    Decided,
    /// Its effect reached whom it was for; code 3.
    Delivered,
    /// It was not delivered in time; code 4.
    Expired,
    /// It was not accepted; code 5.
    Refused,
}

impl StageName {
    const ALL: [Self; 5] = [Self::Received, Self::Decided, Self::Delivered, Self::Expired, Self::Refused];

    /// The whole lives that a message can have. What is known of one is part of one of these.
    const LIVES: [&[Self]; 3] = [
        &[Self::Received, Self::Decided, Self::Delivered],
        &[Self::Received, Self::Expired],
        &[Self::Refused],
    ];

    /// Whether one message can come to all of these stages, each once. Some may be missing, as whoever asks may not have
    /// been told of them.
    pub fn admissible(stages: &[Self]) -> bool {
        let twice = stages.iter().enumerate().any(|(at, name)| stages.iter().skip(at + 1).any(|n| n == name));
        !twice && Self::LIVES.iter().any(|life| stages.iter().all(|stage| life.contains(stage)))
    }

    fn code(self) -> u64 {
        match self {
            Self::Received => 1,
            Self::Decided => 2,
            Self::Delivered => 3,
            Self::Expired => 4,
            Self::Refused => 5,
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Received => "received",
            Self::Decided => "decided",
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Refused => "refused",
        })
    }
}

/// Why a message came to its stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageReason {
    /// A stable code, as in `agreement-unknown`.
    pub code: String,
    /// The reason in words.
    pub words: String,
}

/// What the recipient says. In deterministic CBOR a map of seven fields: 1 version (1), 2 stage code, 3 message id or
/// null, 4 statement digest, 5 `[log index, log size]` or null, 6 moment in microseconds, 7 `[code, words]` or null.
///
/// RECEIVED states the log entry and no reason; REFUSED states the reason and no log entry. The CWT claims repeat it:
/// issuer = the recipient, subject = the message id (or the digest when there is none), issued at = the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The administration that says so.
    pub by: Administration,
    /// The stage.
    pub name: StageName,
    /// The message; absent when what arrived was so malformed that its id could not be read.
    pub message_id: Option<MessageId>,
    /// SHA-256 of the statement, or of everything that arrived when no statement could be read.
    pub statement: Digest,
    /// The entry in the recipient's log: its index and the size of the log with it.
    pub entry: Option<(u64, u64)>,
    /// When the message came to this stage.
    pub at: Timestamp,
    /// Why.
    pub reason: Option<StageReason>,
}

impl Stage {
    fn validate(&self) -> Result<(), EvidenceError> {
        let bad = |field, reason: &str| Err(EvidenceError::value(PROFILE.what, field, reason));
        match self.name {
            StageName::Received if self.entry.is_none() || self.message_id.is_none() => {
                return bad("received", "it must state the message and its log entry");
            }
            StageName::Received if self.reason.is_some() => {
                return bad("reason", "a received message has none");
            }
            StageName::Refused if self.reason.is_none() || self.entry.is_some() => {
                return bad("refused", "it must state a reason and no log entry");
            }
            _ => {}
        }
        if self.entry.is_some_and(|(index, size)| index >= size) {
            return bad("log entry", "its index is not within the log");
        }
        if let Some(reason) = &self.reason {
            let coded = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if reason.code.is_empty()
                || reason.code.len() > MAX_REASON_CODE
                || !reason.code.bytes().all(coded)
            {
                return bad("reason code", "it must be 1 to 64 lower-case letters, digits and hyphens");
            }
            if reason.words.len() > MAX_REASON_WORDS || reason.words.chars().any(char::is_control) {
                return bad("reason words", "they must be at most 512 bytes without control characters");
            }
        }
        Ok(())
    }

    fn claims(&self) -> Claims {
        let subject = match self.message_id {
            Some(id) => id.to_string(),
            None => self.statement.to_string(),
        };
        Claims::new(self.by.as_str(), subject, self.at)
    }

    fn to_cbor(&self) -> Result<Vec<u8>, EvidenceError> {
        self.validate()?;
        let mut out = Writer::new();
        out.map(7).uint(1).uint(VERSION).uint(2).uint(self.name.code()).uint(3);
        match &self.message_id {
            Some(id) => out.bytes(id.as_bytes()),
            None => out.null(),
        };
        out.uint(4).bytes(self.statement.as_bytes()).uint(5);
        match self.entry {
            Some((index, size)) => out.array(2).uint(index).uint(size),
            None => out.null(),
        };
        out.uint(6).int(self.at.as_micros()).uint(7);
        match &self.reason {
            Some(reason) => out.array(2).text(&reason.code).text(&reason.words),
            None => out.null(),
        };
        Ok(out.finish())
    }

    fn from_cbor(by: Administration, bytes: &[u8]) -> Result<Self, EvidenceError> {
        let wrong = |reason: String| EvidenceError::malformed(PROFILE.what, reason);
        let mut input = Reader::new(PROFILE.what, bytes);
        input.map_of(7)?;
        input.key(1)?;
        if input.uint()? != VERSION {
            return Err(wrong("its version is not 1".to_owned()));
        }
        input.key(2)?;
        let code = input.uint()?;
        let name = StageName::ALL.into_iter().find(|name| name.code() == code);
        let name = name.ok_or_else(|| wrong(format!("`{code}` is not a stage")))?;
        input.key(3)?;
        let message_id = if input.null() {
            None
        } else {
            Some(MessageId::from_bytes(input.bytes_of()?).map_err(|error| wrong(error.to_string()))?)
        };
        input.key(4)?;
        let statement = Digest(input.bytes_of()?);
        input.key(5)?;
        let entry = if input.null() {
            None
        } else {
            input.array_of(2)?;
            Some((input.uint()?, input.uint()?))
        };
        input.key(6)?;
        let at = Timestamp::from_micros(input.int()?);
        input.key(7)?;
        let reason = if input.null() {
            None
        } else {
            input.array_of(2)?;
            Some(StageReason { code: input.text()?.to_owned(), words: input.text()?.to_owned() })
        };
        input.end()?;
        let stage = Self { by, name, message_id, statement, entry, at, reason };
        stage.validate()?;
        Ok(stage)
    }
}

/// A stage under the recipient's signature: COSE_Sign1, as a statement is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedStatement(Vec<u8>);

impl StagedStatement {
    /// Signs a stage.
    ///
    /// # Errors
    /// When a field is outside its limits, or the key cannot be reached.
    pub fn sign(stage: &Stage, key: &StatementKey) -> Result<Self, EvidenceError> {
        cose::sign(&PROFILE, &stage.claims(), stage.to_cbor()?, key).map(Self)
    }

    /// Reads a staged statement without verifying it.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding, or its claims contradict its content.
    pub fn read(bytes: &[u8]) -> Result<StageClaim, EvidenceError> {
        let unverified = cose::read(&PROFILE, bytes)?;
        let by = Administration::parse(&unverified.claims().issuer)
            .map_err(|error| EvidenceError::malformed(PROFILE.what, error.to_string()))?;
        let stage = Stage::from_cbor(by, unverified.payload())?;
        unverified.claims().must_be(PROFILE.what, &stage.claims())?;
        Ok(StageClaim { unverified, stage })
    }

    /// Reads and verifies a staged statement.
    ///
    /// # Errors
    /// When it cannot be read, names another key, or its signature does not hold.
    pub fn verify(bytes: &[u8], key: impl Into<VerifyingKey>) -> Result<Stage, EvidenceError> {
        Self::read(bytes)?.verify(key)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Its SHA-256.
    pub fn digest(&self) -> Digest {
        digest_of(&self.0)
    }
}

/// A staged statement that was read and is not verified yet.
#[derive(Clone, Debug)]
pub struct StageClaim {
    unverified: Unverified,
    stage: Stage,
}

impl StageClaim {
    /// The stage as claimed.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The key that it says it is signed with.
    pub fn key_id(&self) -> KeyId {
        self.unverified.key_id()
    }

    /// Verifies the signature and gives the stage.
    ///
    /// # Errors
    /// When it names another key or the signature does not hold.
    pub fn verify(self, key: impl Into<VerifyingKey>) -> Result<Stage, EvidenceError> {
        self.unverified.verify(key)?;
        Ok(self.stage)
    }
}

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;
