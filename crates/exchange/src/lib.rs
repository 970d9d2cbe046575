//! The exchange: the protocol by which two nodes pass a message, prove it and apply it once.
//!
//! A message travels in an [`Envelope`]: the signed statement and the sealed parts. The sender makes one with
//! [`prepare`]. The recipient reads its statement ([`read_statement`]), looks the sender and message id up in its
//! inbox, and asks [`assess`] what to do: accept it, give the first answer again, prove a conflict, ask for an earlier
//! message, or refuse. What it accepts it enters in its log and answers with [`acknowledge`]; the sender checks every
//! answer with [`verify_response`].
//!
//! ```text
//!  sender                                            recipient
//!  prepare ──────────── envelope ──────────────────> read_statement
//!                                                    inbox: sender + message id, expected number of the channel
//!                                                    assess ── New ──> one transaction: inbox, effect, log leaf,
//!                                                      │               acknowledge ─┐
//!                                                      ├─ Offered: wanted chunks, or as New once all are here
//!                                                      ├─ Repeat: the first answer  │
//!                                                      ├─ Withdrawn: acknowledge_again, as a key of the first was revoked
//!                                                      ├─ Conflict: signed proof    │
//!                                                      ├─ Gap: expected number      │
//!                                                      └─ Refused: signed reason    │
//!  verify_response <─────────── response ───────────────────────────────────────────┘
//! ```
//!
//! This room performs no input or output: it reads no clock and no socket and draws no randomness. Time, random bytes,
//! the register of keys and agreements and the inbox are arguments.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod acknowledgement;
mod attachment;
mod backoff;
mod breaker;
mod channel;
mod chunk;
mod conflict;
mod envelope;
mod incoming;
mod lane;
mod offer;
mod outgoing;
mod refusal;
mod register;
mod renewal;
mod response;
pub mod stages;
mod status;
mod upload;

pub use acknowledgement::{Acknowledged, acknowledge, acknowledge_under, verify_acknowledgement};
pub use attachment::{OutgoingAttachment, head_and_path};
pub use backoff::Backoff;
pub use breaker::{Breaker, Circuit};
pub use channel::{Channel, Place, place};
pub use chunk::{Chunk, ChunkAnswer, ChunkRefusal, MAX_CHUNK_MESSAGE, VerifiedChunk};
pub use conflict::{Conflict, prove_conflict, verify_conflict};
pub use envelope::{Envelope, MAX_ENVELOPE};
pub use incoming::{
    Arrival, Assessment, Environment, FieldsOf, Found, InboxView, Incoming, Opened, OpenedPart, Receiver,
    assess, read_statement,
};
pub use lane::Lane;
pub use offer::{Attachment, ChunkRange, HeldChunks, Offer, Progress, Wanted};
pub use outgoing::{OutgoingLetter, OutgoingPart, PrepareError, Prepared, Sender, prepare, prepare_with};
pub use refusal::{Reason, Refusal, refuse, refuse_unreadable};
pub use register::{AgreementStanding, Register, Under};
pub use renewal::{acknowledge_again, answered_at};
pub use response::{
    AnswerError, AnswerEvidence, MAX_RESPONSE, Outcome, Refused, Response, answer_evidence, refusal_in,
    verify_response,
};
pub use status::DeliveryStatus;
pub use upload::{Next, Upload, WINDOW};
