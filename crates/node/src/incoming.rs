//! Messages as they come: read, and checked against code lists, before any transaction starts.

use crate::bureau::Bureau;
use crate::reference::Lists;
use base::{Digest, Timestamp};
use std::sync::Arc;
use wire::{CodeCheck, Document, MessageType, Rejection};

/// A message as it came, with what can be said of it without any state.
pub struct Incoming {
    /// Its bytes.
    pub xml: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
    /// What reading it brought.
    pub read: Result<Arc<Document>, Rejection>,
    /// What its codes are worth today; nothing when it was not legible.
    pub codes: CodeCheck,
}

impl Incoming {
    /// Reads a message, and checks its codes as of `now`.
    pub fn read(xml: Vec<u8>, bureau: &Bureau, now: Timestamp) -> Self {
        let read = wire::read(&xml, &wire::Limits::default()).map(Arc::new);
        let codes =
            read.as_ref().map(|document| wire::check_codes(document, &Lists(&bureau.catalogue), now.date()));
        Self { digest: evidence::digest_of(&xml), codes: codes.unwrap_or_default(), read, xml }
    }

    /// The message that its root element names, if it names one.
    pub fn message_type(&self) -> Option<MessageType> {
        match &self.read {
            Ok(document) => Some(document.message()),
            Err(rejection) => rejection.message,
        }
    }

    /// What the sender calls it; for a message whose identification is not legible, its digest, so that a repeat is
    /// known all the same.
    pub fn name(&self) -> String {
        let header = match &self.read {
            Ok(document) => document.header(),
            Err(rejection) => rejection.header.as_ref().clone(),
        };
        header.identification.unwrap_or_else(|| format!("sha256:{}", self.digest))
    }
}
