//! Interim.
#![allow(missing_docs, clippy::unwrap_used)]
use crate::effort::Step;
use crate::messages::{self, Direction, NewMessage, outcome};
use crate::node::{Node, NodeError};
use crate::post::{self, Writer};
use base::{Administration, MessageId, Mrn};
use wire::{Document, MessageType};

impl Node {
    pub async fn interim_send(&self, to: &Administration, slot: usize, number: u64, size: usize) -> Result<MessageId, NodeError> {
        let now = self.now();
        let (own, to) = (self.administration().clone(), to.clone());
        let raw = format!("26IT{slot:012}J0");
        let mrn = Mrn::parse(&raw).unwrap();
        let mrn = format!("26IT{slot:012}J{}", mrn.expected_check_digit());
        let mut doc = Document::new(MessageType::CD906C);
        doc.set("messageSender", &own);
        doc.set("messageRecipient", &to);
        doc.set("preparationDateAndTime", now.message_form());
        doc.set("messageIdentification", format!("B{number}"));
        doc.set("messageType", "CD906C");
        doc.set("Header/MRN", mrn);
        for _ in 0..(size / 660).max(1) {
            let group = doc.add("FunctionalError");
            group.set("errorPointer", "/CD050C/x");
            group.set("errorCode", "12");
            group.set("errorReason", "G0009");
            group.set("originalAttributeValue", "x".repeat(490));
        }
        let body = wire::write(&doc).unwrap();
        let id = self.write_as(Step::Post, move |tx, bureau| -> Result<String, NodeError> {
            let id = messages::record(tx, &NewMessage {
                at: now, direction: Direction::Sent, from_party: "GB".into(), to_party: "FR".into(), message_type: "CD906C",
                identification: "B", correlation: None, movement: "", owner: "", cause: 0, outcome: outcome::QUEUED, body: &body,
            })?;
            post::post(tx, bureau, &to, (id, Writer::Departure), doc, now).unwrap();
            let rows = tx.query("SELECT exchange_id FROM messages WHERE id = ?1", &[id.into()])?;
            Ok(rows.first().unwrap().text(0)?.to_owned())
        }).await?;
        self.wake_sender();
        Ok(MessageId::parse(&id).unwrap())
    }
}
