//! The correspondence of a simulation: documents that officers send each other, some with an attachment of a few chunks,
//! whose contents follow from the seed.

use crate::clock;
use crate::dice::Dice;
use crate::faults::Fault;
use crate::run::Scenario;
use crate::stage::Stage;
use crate::world::WorldError;
use base::{Administration, Country};
use exchange::Lane;
use node::{AttachmentError, DocumentContent, NewDocument, Node, Principal, Role};
use std::sync::Arc;
use std::time::Duration;

/// How many subjects the documents of a run are about: few, so that channels get long.
const SUBJECTS: u64 = 4;

/// For how long a document is worth delivering: longer than any run.
const EXPIRY_SECONDS: i64 = 24 * 3600;

/// The smallest and the largest attachment, in bytes: two or three chunks, of which the last is not full.
const ATTACHMENT: (u64, u64) = (300 * 1024, 700 * 1024);

/// A document that an officer is to send.
pub(crate) struct Planned {
    from: Country,
    to: Country,
    /// When, at the earliest.
    at: Duration,
    subject: String,
    lane: Lane,
    document: DocumentContent,
    attachment: Option<Arc<[u8]>>,
    /// The number of the attachment at the sender, once it is uploaded.
    uploaded: Option<i64>,
    sent: bool,
}

/// A document that was sent, and has to arrive.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) from: Country,
    pub(crate) to: Country,
    pub(crate) exchange_id: String,
    pub(crate) body: Vec<u8>,
    pub(crate) attachment: Option<Arc<[u8]>>,
}

/// Plans the documents of a scenario, the last of them at its span.
pub(crate) fn plan(scenario: &Scenario) -> Vec<Planned> {
    let Scenario { seed, countries, documents, span, .. } = scenario;
    let mut dice = Dice::of(*seed, "documents");
    let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut planned = Vec::new();
    for number in 0..*documents {
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
            attachment: None,
            uploaded: None,
            sent: false,
        });
    }
    let mut dice = Dice::of(*seed, "attached");
    for _ in 0..scenario.attachments {
        let place = usize::try_from(dice.between(1, planned.len().max(1) as u64)).unwrap_or(1) - 1;
        let mut content = vec![0; usize::try_from(dice.between(ATTACHMENT.0, ATTACHMENT.1)).unwrap_or(0)];
        dice.fill(&mut content);
        if let Some(one) = planned.get_mut(place) {
            one.attachment = Some(content.into());
        }
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
        let officer = Principal { name: "officer".to_owned(), role: Role::Officer };
        if let (Some(content), None) = (&self.attachment, self.uploaded) {
            match upload(&node, &officer, content).await {
                Ok(number) => self.uploaded = Some(number),
                Err(error) => {
                    let words =
                        format!("the attachment of {} cannot be taken now: {error}", self.document.title);
                    stage.note(self.from.as_str(), words);
                    return Ok(());
                }
            }
        }
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
        match node.send_document_with(&officer, new, self.uploaded.into_iter().collect()).await {
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
                    attachment: self.attachment.clone(),
                });
                if stage.befalls(Fault::PowerCut, self.from) {
                    stage.cut_power(self.from);
                }
            }
        }
        Ok(())
    }
}

/// Uploads an attachment: its number at the node. Of one that is interrupted nothing stays.
async fn upload(node: &Arc<Node>, officer: &Principal, content: &[u8]) -> Result<i64, AttachmentError> {
    let described = ("scan.bin".to_owned(), "application/octet-stream".to_owned());
    let mut upload = node.begin_attachment(officer, described, Some(content.len() as u64)).await?;
    upload.write(content).await?;
    Ok(upload.finish().await?.id)
}
