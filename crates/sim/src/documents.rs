//! The correspondence of a simulation: documents that officers send each other, whose contents follow from the seed.

use crate::clock;
use crate::dice::Dice;
use crate::faults::Fault;
use crate::stage::Stage;
use crate::world::WorldError;
use base::{Administration, Country};
use exchange::Lane;
use node::{DocumentContent, NewDocument, Principal, Role};
use std::time::Duration;

/// How many subjects the documents of a run are about: few, so that channels get long.
const SUBJECTS: u64 = 4;

/// For how long a document is worth delivering: longer than any run.
const EXPIRY_SECONDS: i64 = 24 * 3600;

/// A document that an officer is to send.
pub(crate) struct Planned {
    from: Country,
    to: Country,
    /// When, at the earliest.
    at: Duration,
    subject: String,
    lane: Lane,
    document: DocumentContent,
    sent: bool,
}

/// A document that was sent, and has to arrive.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) from: Country,
    pub(crate) to: Country,
    pub(crate) exchange_id: String,
    pub(crate) body: Vec<u8>,
}

/// Plans `count` documents between the countries, the last of them at `span`.
pub(crate) fn plan(seed: u64, countries: &[Country], count: usize, span: Duration) -> Vec<Planned> {
    let mut dice = Dice::of(seed, "documents");
    let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut planned = Vec::new();
    for number in 0..count {
        let Some(from) = dice.pick(countries).copied() else { break };
        let others: Vec<Country> = countries.iter().copied().filter(|country| *country != from).collect();
        let Some(to) = dice.pick(&others).copied() else { break };
        let mut content = vec![0; usize::try_from(dice.between(0, 600)).unwrap_or_default()];
        dice.fill(&mut content);
        planned.push(Planned {
            from,
            to,
            at: Duration::from_millis(dice.between(0, span)),
            subject: format!("CASE-{}", dice.between(1, SUBJECTS)),
            lane: if dice.per_mille(100) { Lane::Urgent } else { Lane::Normal },
            document: DocumentContent {
                title: format!("document {number}"),
                media_type: "application/octet-stream".to_owned(),
                content,
            },
            sent: false,
        });
    }
    planned
}

/// Sends the documents that are due, and says whether all have been sent. A node that is away, or cannot take a document
/// now, is asked again: it has nothing on record then.
pub(crate) async fn send_due(stage: &Stage, planned: &mut [Planned]) -> Result<bool, WorldError> {
    for one in planned.iter_mut().filter(|one| !one.sent && one.at <= clock::elapsed()) {
        one.send(stage).await?;
    }
    Ok(planned.iter().all(|one| one.sent))
}

impl Planned {
    async fn send(&mut self, stage: &Stage) -> Result<(), WorldError> {
        let Some(node) = stage.node(self.from) else { return Ok(()) };
        if stage.befalls(Fault::CommitFailed, self.from) {
            stage.fail_next_commit(self.from);
        }
        let new = NewDocument {
            recipient: Administration::of(self.to),
            subject: self.subject.clone(),
            purpose: node::default_purpose()
                .map_err(|invalid| WorldError::Consignment(invalid.to_string()))?,
            lane: self.lane,
            expires_seconds: EXPIRY_SECONDS,
            document: self.document.clone(),
        };
        let officer = Principal { name: "officer".to_owned(), role: Role::Officer };
        match node.send_document(&officer, new).await {
            Err(_) => stage.note(self.from.as_str(), format!("{} cannot be taken now", self.document.title)),
            Ok(Err(refused)) => {
                self.sent = true;
                stage.violation(format!("{} did not send {}: {refused}", self.from, self.document.title));
            }
            Ok(Ok(sent)) => {
                self.sent = true;
                stage.note(
                    self.from.as_str(),
                    format!("{} to {} about {}", self.document.title, self.to, self.subject),
                );
                stage.note_sent(Sent {
                    from: self.from,
                    to: self.to,
                    exchange_id: sent.exchange_id,
                    body: self.document.encode(),
                });
                if stage.befalls(Fault::PowerCut, self.from) {
                    stage.cut_power(self.from);
                }
            }
        }
        Ok(())
    }
}
