//! Staged statements after the receipt: what the recipient says became of a message, brought to its sender later.
//!
//! The recipient signs DECIDED, DELIVERED or EXPIRED in the command that makes it so, and brings its statements in
//! batches until the sender has taken them. Taking one twice changes nothing.

use crate::incoming::Receiver;
use crate::response::{AnswerError, signer};
use base::{Administration, MessageId, Timestamp};
use evidence::cbor::{Reader, Writer};
use evidence::key_register::{KeyLookup, SignedAt};
use evidence::{Digest, EvidenceError, Stage, StageName, StageReason, StagedStatement};

const VERSION: u64 = 1;

/// The most statements in one batch.
pub const MAX_BATCH: usize = 128;

/// The largest batch: as many statements of at most 2 KiB.
pub const MAX_BATCH_BYTES: usize = MAX_BATCH * 2 * 1024 + 16;

/// What a recipient decided. The words are fixed: a statement is shown to more people than the message, so nothing that
/// an officer writes goes into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It had its effect, or an officer accepted it.
    Accepted,
    /// An officer declined it.
    Declined,
    /// The procedure does not admit it.
    Rejected,
}

impl Decided {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Declined, Self::Rejected];

    /// The code in the statement.
    pub fn code(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
        }
    }

    /// The words in the statement.
    pub fn words(self) -> &'static str {
        match self {
            Self::Accepted => "the recipient accepted it",
            Self::Declined => "an officer of the recipient declined it",
            Self::Rejected => "the procedure does not admit it; the recipient's answer says why",
        }
    }

    /// The decision of a code; `None` when it is of a later version of the protocol.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decided| decided.code() == code)
    }
}

/// A stage that the recipient brings to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaterStage {
    /// The recipient decided.
    Decided(Decided),
    /// The effect reached whom it was for.
    Delivered,
    /// Nobody decided in time.
    Expired,
}

impl LaterStage {
    /// The stage's name.
    pub fn name(self) -> StageName {
        match self {
            Self::Decided(_) => StageName::Decided,
            Self::Delivered => StageName::Delivered,
            Self::Expired => StageName::Expired,
        }
    }

    /// The number that sorts stages, as in the statement.
    pub fn code(self) -> i64 {
        match self {
            Self::Decided(_) => 2,
            Self::Delivered => 3,
            Self::Expired => 4,
        }
    }

    fn reason(self) -> Option<StageReason> {
        let (code, words) = match self {
            Self::Decided(decided) => (decided.code(), decided.words()),
            Self::Delivered => return None,
            Self::Expired => ("undecided", "nobody decided on it in time"),
        };
        Some(StageReason { code: code.to_owned(), words: words.to_owned() })
    }
}

/// Signs a stage of the message with this id and statement.
///
/// # Errors
/// When it cannot be signed.
pub fn state(
    stage: LaterStage,
    (message_id, statement): (MessageId, Digest),
    receiver: &Receiver<'_>,
    now: Timestamp,
) -> Result<Vec<u8>, EvidenceError> {
    let stage = Stage {
        by: receiver.administration.clone(),
        name: stage.name(),
        message_id: Some(message_id),
        statement,
        entry: None,
        at: now,
        reason: stage.reason(),
    };
    Ok(StagedStatement::sign(&stage, &receiver.keys.sign)?.into_bytes())
}

/// The message that a staged statement claims to be about, to look it up before [`verify_stage`].
///
/// # Errors
/// When it cannot be read, or names none.
pub fn stage_is_about(statement: &[u8]) -> Result<MessageId, AnswerError> {
    let claim = StagedStatement::read(statement)?;
    claim.stage().message_id.ok_or_else(|| AnswerError::other("staged statement", "it names no message"))
}

/// Verifies a staged statement of `recipient` about a message of ours: that it is signed under a key of the recipient
/// that was active and is not revoked `now`, about this message, and one of the later stages.
///
/// # Errors
/// Names the first thing that does not hold.
pub fn verify_stage<K: KeyLookup + ?Sized>(
    statement: &[u8],
    (message_id, sent): (MessageId, Digest),
    recipient: &Administration,
    keys: &K,
    now: Timestamp,
) -> Result<(LaterStage, Stage), AnswerError> {
    let wrong = |reason: &str| AnswerError::other("staged statement", reason);
    let claim = StagedStatement::read(statement)?;
    let at = claim.stage().at;
    let key = signer(keys, recipient, claim.key_id(), &SignedAt::stating(at, now))?;
    let stage = claim.verify(key)?;
    if stage.by != *recipient {
        return Err(wrong("it is not by the recipient"));
    }
    if stage.message_id != Some(message_id) || stage.statement != sent {
        return Err(wrong("it is about another message"));
    }
    let code = stage.reason.as_ref().map(|reason| reason.code.as_str());
    let later = match stage.name {
        StageName::Decided => LaterStage::Decided(
            code.and_then(Decided::from_code).ok_or_else(|| wrong("it states no decision that is known"))?,
        ),
        StageName::Delivered => LaterStage::Delivered,
        StageName::Expired => LaterStage::Expired,
        StageName::Received | StageName::Refused => {
            return Err(wrong("its stage is given in the answer to an envelope, not later"));
        }
    };
    Ok((later, stage))
}

/// What became of one statement of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is kept, now or since earlier.
    Kept,
    /// There is no such message, or the statement does not hold: it is not to be brought again.
    Refused,
    /// It cannot be judged now, as when a key is not known yet: it is to be brought again.
    Later,
}

impl Taken {
    fn code(self) -> u64 {
        match self {
            Self::Kept => 1,
            Self::Refused => 2,
            Self::Later => 3,
        }
    }
}

/// Writes a batch: deterministic CBOR, `[1, [statement, ...]]`.
pub fn encode_batch<'s>(statements: impl ExactSizeIterator<Item = &'s [u8]>) -> Vec<u8> {
    let mut out = Writer::new();
    out.array(2).uint(VERSION).array(statements.len());
    for statement in statements {
        out.bytes(statement);
    }
    out.finish()
}

/// Reads a batch, strictly, copying nothing.
///
/// # Errors
/// When it is too large, holds too many, or is not in the one accepted encoding.
pub fn decode_batch(bytes: &[u8]) -> Result<Vec<&[u8]>, AnswerError> {
    const WHAT: &str = "batch of staged statements";
    if bytes.len() > MAX_BATCH_BYTES {
        return Err(AnswerError::other(WHAT, "it is larger than 262160 bytes"));
    }
    let mut input = Reader::new(WHAT, bytes);
    input.array_of(2)?;
    if input.uint()? != VERSION {
        return Err(AnswerError::other(WHAT, "its version is not 1"));
    }
    let count = input.array()?;
    if count > MAX_BATCH as u64 {
        return Err(AnswerError::other(WHAT, "it holds more than 128 statements"));
    }
    let mut statements = Vec::new();
    for _ in 0..count {
        statements.push(input.bytes()?);
    }
    input.end()?;
    Ok(statements)
}

/// Writes the answer to a batch: `[1, [code, ...]]` in the order of its statements.
pub fn encode_taken(taken: &[Taken]) -> Vec<u8> {
    let mut out = Writer::new();
    out.array(2).uint(VERSION).array(taken.len());
    for one in taken {
        out.uint(one.code());
    }
    out.finish()
}

/// Reads the answer to a batch of `count` statements.
///
/// # Errors
/// When it is not in the one accepted encoding or not about as many.
pub fn decode_taken(bytes: &[u8], count: usize) -> Result<Vec<Taken>, AnswerError> {
    const WHAT: &str = "answer to staged statements";
    let mut input = Reader::new(WHAT, bytes);
    input.array_of(2)?;
    if input.uint()? != VERSION {
        return Err(AnswerError::other(WHAT, "its version is not 1"));
    }
    input.array_of(count as u64)?;
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(match input.uint()? {
            1 => Taken::Kept,
            2 => Taken::Refused,
            3 => Taken::Later,
            code => return Err(AnswerError::other(WHAT, format!("`{code}` is no code"))),
        });
    }
    input.end()?;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn batches_are_read_as_they_are_written(statements in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..9)) {
            let bytes = encode_batch(statements.iter().map(Vec::as_slice));
            prop_assert_eq!(&decode_batch(&bytes).unwrap(), &statements);
            for length in 0..bytes.len().min(60) {
                prop_assert!(decode_batch(&bytes[..length]).is_err());
            }
        }

        #[test]
        fn only_one_encoding_of_a_batch_is_accepted(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(statements) = decode_batch(&bytes) {
                prop_assert_eq!(encode_batch(statements.into_iter()), bytes);
            }
        }
    }

    #[test]
    fn an_answer_is_about_as_many_as_were_brought() {
        let all = [Taken::Kept, Taken::Refused, Taken::Later];
        let bytes = encode_taken(&all);
        assert_eq!(decode_taken(&bytes, 3).unwrap(), all);
        for count in [0, 2, 4] {
            assert!(decode_taken(&bytes, count).is_err());
        }
        assert!(decode_taken(&[0x82, 0x01, 0x81, 0x04], 1).is_err(), "there is no code 4");
    }

    #[test]
    fn too_many_statements_are_refused() {
        let many = vec![b"s".as_slice(); MAX_BATCH + 1];
        assert!(decode_batch(&encode_batch(many.into_iter())).is_err());
        assert!(decode_batch(&vec![0; MAX_BATCH_BYTES + 1]).is_err());
    }
}
