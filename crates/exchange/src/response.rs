//! Responses: the answers of a recipient, and how the sender checks them.

use crate::acknowledgement::{self, Acknowledged};
use crate::conflict::{self, Conflict};
use crate::envelope::Envelope;
use crate::offer::Wanted;
use crate::refusal::{Reason, Refusal};
use base::{Administration, Timestamp};
use evidence::cbor::{Reader, Writer};
use evidence::key_register::{KeyLookup, RegisteredKey, SignedAt, Standing};
use evidence::{
    EvidenceError, KeyId, Manifest, Purpose, StageName, StagedStatement, Statement, VerifyingKey, digest_of,
};
use std::fmt;

/// The largest response: a staged statement of at most 2 KiB and a receipt of at most 4.
pub const MAX_RESPONSE: usize = 8 * 1024;
const VERSION: u64 = 1;
const ACKNOWLEDGED: u64 = 1;
const GAP: u64 = 2;
const CONFLICT: u64 = 3;
const REFUSED: u64 = 4;
const WANTED: u64 = 5;

/// What a recipient answers to an envelope. Its encoding is deterministic CBOR, `[1, kind, body]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Kind 1: it has the message; staged statement and receipt, `[1, stage, receipt]`.
    Acknowledged(Vec<u8>),
    /// Kind 2: it misses earlier messages of the channel. Not signed: it asks, and proves nothing.
    Gap {
        /// The number of the first missing message.
        expected: u64,
    },
    /// Kind 3: the sender used the message id before; a signed conflict proof.
    Conflict(Vec<u8>),
    /// Kind 4: it does not accept the message; a staged statement with the reason.
    Refused(Vec<u8>),
    /// Kind 5: it wants chunks of the attachments. Not signed: it asks, and proves nothing.
    Wanted(Wanted),
}

impl Response {
    /// Writes the response.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(3).uint(VERSION);
        match self {
            Self::Acknowledged(body) => out.uint(ACKNOWLEDGED).bytes(body),
            Self::Gap { expected } => out.uint(GAP).uint(*expected),
            Self::Conflict(body) => out.uint(CONFLICT).bytes(body),
            Self::Refused(body) => out.uint(REFUSED).bytes(body),
            Self::Wanted(wanted) => {
                wanted.write(out.uint(WANTED));
                &mut out
            }
        };
        out.finish()
    }

    /// Reads a response, strictly; what its body proves is for [`verify_response`].
    ///
    /// # Errors
    /// When it is too large or not in the one accepted encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, AnswerError> {
        if bytes.len() > MAX_RESPONSE {
            return Err(AnswerError::Evidence(EvidenceError::TooLarge {
                what: "response",
                size: bytes.len(),
                limit: MAX_RESPONSE,
            }));
        }
        let mut input = Reader::new("response", bytes);
        input.array_of(3)?;
        if input.uint()? != VERSION {
            return Err(AnswerError::other("response", "its version is not 1"));
        }
        let response = match input.uint()? {
            ACKNOWLEDGED => Self::Acknowledged(input.bytes()?.to_vec()),
            GAP => Self::Gap { expected: input.uint()? },
            CONFLICT => Self::Conflict(input.bytes()?.to_vec()),
            REFUSED => Self::Refused(input.bytes()?.to_vec()),
            WANTED => Self::Wanted(Wanted::read(&mut input)?),
            kind => {
                return Err(AnswerError::other("response", format!("`{kind}` is not a kind of response")));
            }
        };
        input.end()?;
        Ok(response)
    }
}

/// The reason of a refusal in a response of one's own, for counting; nothing is verified. `None` for any other response.
pub fn refusal_in(response: &[u8]) -> Option<Reason> {
    let Ok(Response::Refused(body)) = Response::decode(response) else { return None };
    let claim = StagedStatement::read(&body).ok()?;
    Reason::from_code(&claim.stage().reason.as_ref()?.code)
}

/// What of an answer is kept as evidence; nothing of it is verified here.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AnswerEvidence {
    /// A staged statement: RECEIVED or REFUSED.
    pub stage: Option<Vec<u8>>,
    /// The receipt of the recipient's log.
    pub receipt: Option<Vec<u8>>,
    /// A conflict proof.
    pub conflict: Option<Vec<u8>>,
}

/// The signed documents in an answer, which is an encoded [`Response`].
///
/// # Errors
/// When it is not in the one accepted encoding.
pub fn answer_evidence(response: &[u8]) -> Result<AnswerEvidence, AnswerError> {
    Ok(match Response::decode(response)? {
        Response::Acknowledged(body) => {
            let (stage, receipt) = acknowledgement::pieces(&body)?;
            AnswerEvidence {
                stage: Some(stage.to_vec()),
                receipt: Some(receipt.to_vec()),
                ..AnswerEvidence::default()
            }
        }
        Response::Refused(stage) => AnswerEvidence { stage: Some(stage), ..AnswerEvidence::default() },
        Response::Conflict(proof) => AnswerEvidence { conflict: Some(proof), ..AnswerEvidence::default() },
        Response::Gap { .. } | Response::Wanted(_) => AnswerEvidence::default(),
    })
}

/// Why an answer is not believed. The message stays unanswered then and is tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// A part of it does not hold.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// It is signed with a key that was not an active key of the recipient.
    #[error("the answer is signed with `{key}` of `{recipient}`, which is {standing}")]
    KeyNotActive {
        /// The recipient.
        recipient: Administration,
        /// The key that it names.
        key: String,
        /// Where the key stands, in words.
        standing: String,
    },
    /// It contradicts itself or the message that it answers.
    #[error("the {what} does not answer the message: {reason}")]
    Other {
        /// The kind of answer.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl AnswerError {
    pub(crate) fn other(what: &'static str, reason: impl fmt::Display) -> Self {
        Self::Other { what, reason: reason.to_string() }
    }
}

/// What a verified response means to the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The recipient has the message: it is received.
    Acknowledged(Acknowledged),
    /// The recipient misses earlier messages: send those first.
    Gap {
        /// The number of the first missing message.
        expected: u64,
    },
    /// The recipient wants chunks of the attachments: send them, then offer the message again.
    Wanted(Wanted),
    /// The message id was used before for something else: stop, and tell an operator.
    Conflict(Conflict),
    /// The recipient does not accept the message.
    Refused(Refused),
}

/// A refusal that its sender verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When it was refused, by the recipient's clock.
    pub at: Timestamp,
    /// The reason; `None` when its code is of a later version of the protocol.
    pub reason: Option<Reason>,
    /// The code of the reason.
    pub code: String,
    /// The reason in words.
    pub words: String,
    /// The signed statement, to keep.
    pub stage: Vec<u8>,
}

impl Refused {
    /// Whether the number in the channel is used, so that the next message can follow; otherwise the same message may
    /// be tried again. An unknown reason counts as not settled, which loses nothing.
    pub fn settles(&self) -> bool {
        self.reason.is_some_and(Reason::settles)
    }
}

/// Verifies the response to an envelope that one sent. `keys` are those of the register: [`crate::Under`],
/// or cards. What comes `now` under a key that is revoked is not believed, whatever moment it states.
///
/// # Errors
/// Names the first thing that does not hold.
pub fn verify_response<K: KeyLookup + ?Sized>(
    response: &[u8],
    envelope: &[u8],
    keys: &K,
    now: Timestamp,
) -> Result<Outcome, AnswerError> {
    let sent =
        Envelope::decode(envelope).map_err(|refusal: Refusal| AnswerError::other("envelope", refusal))?;
    let claim = Statement::read(sent.statement)?;
    let manifest = claim.manifest();
    Ok(match Response::decode(response)? {
        Response::Acknowledged(body) => {
            Outcome::Acknowledged(acknowledgement::verify(&body, sent.statement, manifest, keys, now)?)
        }
        Response::Gap { expected } if expected < manifest.sequence && expected > 0 => {
            Outcome::Gap { expected }
        }
        Response::Gap { expected } => {
            let reason = format!("it expects number {expected}, which is not before {}", manifest.sequence);
            return Err(AnswerError::other("gap answer", reason));
        }
        Response::Wanted(wanted) => {
            let ours = wanted.statement == digest_of(sent.statement) && wanted.is_within(manifest);
            if !ours {
                return Err(AnswerError::other("answer", "it wants chunks that the message has not"));
            }
            Outcome::Wanted(wanted)
        }
        Response::Conflict(body) => {
            Outcome::Conflict(conflict::verify(&body, sent.statement, manifest, keys, now)?)
        }
        Response::Refused(body) => {
            Outcome::Refused(verify_refusal(body, envelope, sent.statement, manifest, keys, now)?)
        }
    })
}

fn verify_refusal<K: KeyLookup + ?Sized>(
    body: Vec<u8>,
    envelope: &[u8],
    statement: &[u8],
    manifest: &Manifest,
    keys: &K,
    now: Timestamp,
) -> Result<Refused, AnswerError> {
    let claim = StagedStatement::read(&body)?;
    let at = claim.stage().at;
    let key = signer(keys, manifest.to(), claim.key_id(), &SignedAt::stating(at, now))?;
    let stage = claim.verify(key)?;
    let about = match stage.message_id {
        Some(id) => id == manifest.message_id && stage.statement == digest_of(statement),
        None => stage.statement == digest_of(envelope),
    };
    let (true, true, StageName::Refused, Some(reason)) =
        (about, stage.by == *manifest.to(), stage.name, stage.reason)
    else {
        return Err(AnswerError::other(
            "refusal",
            "it is about another message or not a refusal by the recipient",
        ));
    };
    Ok(Refused {
        at: stage.at,
        reason: Reason::from_code(&reason.code),
        code: reason.code,
        words: reason.words,
        stage: body,
    })
}

/// The recipient's signing key that an answer names, if it counts.
pub(crate) fn signer<K: KeyLookup + ?Sized>(
    keys: &K,
    recipient: &Administration,
    key: KeyId,
    signed: &SignedAt,
) -> Result<VerifyingKey, AnswerError> {
    match keys.standing(recipient, Purpose::Sign, key, signed) {
        Standing::Active(RegisteredKey::Sign(key)) => Ok(key),
        standing => Err(not_active(recipient, key, standing)),
    }
}

/// Why an answer under this key of the recipient is not believed.
pub(crate) fn not_active(recipient: &Administration, key: KeyId, standing: Standing) -> AnswerError {
    AnswerError::KeyNotActive {
        recipient: recipient.clone(),
        key: key.short(),
        standing: standing.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn response() -> impl Strategy<Value = Response> {
        let body = || prop::collection::vec(any::<u8>(), 0..500);
        prop_oneof![
            body().prop_map(Response::Acknowledged),
            any::<u64>().prop_map(|expected| Response::Gap { expected }),
            body().prop_map(Response::Conflict),
            body().prop_map(Response::Refused),
        ]
    }

    proptest! {
        #[test]
        fn a_response_is_read_as_it_is_written(response in response()) {
            let bytes = response.encode();
            prop_assert_eq!(Response::decode(&bytes).unwrap(), response);
            for length in 0..bytes.len().min(40) {
                prop_assert!(Response::decode(&bytes[..length]).is_err());
            }
        }

        #[test]
        fn only_one_encoding_is_accepted(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(response) = Response::decode(&bytes) {
                prop_assert_eq!(response.encode(), bytes);
            }
        }
    }

    #[test]
    fn a_large_response_is_refused() {
        assert!(Response::decode(&vec![0; MAX_RESPONSE + 1]).is_err());
    }
}
