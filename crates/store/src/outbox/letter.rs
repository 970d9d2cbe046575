//! A letter in its forms: as it is put in, as it is claimed, and what has become of it.

use crate::StoreError;
use crate::db::{Row, parsed};
use base::{Administration, MessageId, Timestamp};

/// A document that has been cleared for a partner.
#[derive(Clone, Debug)]
pub struct Letter<'l> {
    /// Its identity.
    pub message_id: MessageId,
    /// Who is to get it.
    pub recipient: &'l Administration,
    /// The channel: the stream of one sender, recipient and subject. The text names all that tells streams apart.
    pub channel: &'l str,
    /// Its place in the channel, from [`next_sequence`](super::next_sequence).
    pub sequence: i64,
    /// The clause that allows it.
    pub clause: &'l str,
    /// The purpose it is sent for.
    pub purpose: &'l str,
    /// The agreement, its version and hash, in the caller's encoding.
    pub agreement: &'l str,
    /// The type of message, such as `CD001C`.
    pub message_type: &'l str,
    /// Its priority: lower goes first.
    pub lane: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops being worth sending.
    pub expires: Timestamp,
    /// The cleared document with its metadata, in the caller's encoding.
    pub cleared: &'l [u8],
}

/// A letter that is due, with what the sender needs to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The row, for what becomes of it.
    pub id: i64,
    /// Its identity.
    pub message_id: MessageId,
    /// Who is to get it.
    pub recipient: Administration,
    /// Its channel.
    pub channel: String,
    /// Its place in the channel.
    pub sequence: i64,
    /// The clause that allows it.
    pub clause: String,
    /// The purpose it is sent for.
    pub purpose: String,
    /// The agreement.
    pub agreement: String,
    /// The type of message.
    pub message_type: String,
    /// Its priority.
    pub lane: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops being worth sending.
    pub expires: Timestamp,
    /// The cleared document.
    pub cleared: Vec<u8>,
    /// The sealed bytes, when it has been sealed before: these are sent again, no others.
    pub envelope: Option<Vec<u8>>,
    /// Which attempt this is, from 1.
    pub attempts: i64,
    /// When it was withdrawn because its time was over; a tombstone is sent in its place then.
    pub withdrawn: Option<Timestamp>,
}

/// What is stored of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The cleared document; empty when it was erased.
    pub cleared: Vec<u8>,
    /// The sealed bytes, once it has been sealed.
    pub envelope: Option<Vec<u8>>,
    /// The partner's answer, once it has been settled.
    pub receipt: Option<Vec<u8>>,
}

impl Stored {
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            cleared: row.bytes(0)?.to_vec(),
            envelope: row.opt_bytes(1)?.map(<[u8]>::to_vec),
            receipt: row.opt_bytes(2)?.map(<[u8]>::to_vec),
        })
    }
}

impl Claim {
    /// How much memory its content and sealed bytes take.
    pub fn bytes(&self) -> usize {
        self.cleared.len().saturating_add(self.envelope.as_ref().map_or(0, Vec::len))
    }

    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.int(0)?,
            message_id: parsed("message id", row.text(1)?)?,
            recipient: parsed("recipient", row.text(2)?)?,
            channel: row.text(3)?.to_owned(),
            sequence: row.int(4)?,
            clause: row.text(5)?.to_owned(),
            purpose: row.text(6)?.to_owned(),
            agreement: row.text(7)?.to_owned(),
            message_type: row.text(8)?.to_owned(),
            lane: row.int(9)?,
            created: row.timestamp(10)?,
            expires: row.timestamp(11)?,
            cleared: row.bytes(12)?.to_vec(),
            envelope: row.opt_bytes(13)?.map(<[u8]>::to_vec),
            attempts: row.int(14)?.saturating_add(1),
            withdrawn: row.opt_timestamp(15)?,
        })
    }
}

/// Where a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Behind another letter of its channel.
    Waiting,
    /// To be sent now or at its next attempt.
    Ready,
    /// The partner has given a receipt.
    Delivered,
    /// Refused for good.
    Refused,
    /// Its time was over before the partner could be reached.
    Expired,
}

impl Status {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let all = [Self::Waiting, Self::Ready, Self::Delivered, Self::Refused, Self::Expired];
        let found = all.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| StoreError::damaged("outbox status", format!("`{text}` is none")))
    }
}

/// What has become of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// The row.
    pub id: i64,
    /// Where it stands.
    pub status: Status,
    /// How many attempts to deliver it have ended.
    pub attempts: i64,
    /// Why it was postponed or refused.
    pub reason: Option<String>,
    /// When it may be tried (again).
    pub available: Timestamp,
    /// When it was delivered, refused or expired.
    pub settled: Option<Timestamp>,
    /// The partner's receipt.
    pub receipt: Option<Vec<u8>>,
}

impl Dispatch {
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.int(0)?,
            status: Status::parse(row.text(1)?)?,
            attempts: row.int(2)?,
            reason: row.opt_text(3)?.map(str::to_owned),
            available: row.timestamp(4)?,
            settled: row.opt_timestamp(5)?,
            receipt: row.opt_bytes(6)?.map(<[u8]>::to_vec),
        })
    }
}

/// How many letters stand where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// First in their channel and not yet delivered.
    pub ready: i64,
    /// Behind another of their channel.
    pub waiting: i64,
    /// Delivered.
    pub delivered: i64,
    /// Refused for good.
    pub refused: i64,
    /// Expired.
    pub expired: i64,
}
