//! The node as a witness of its partners' logs (C2SP `tlog-witness`).

use super::LogError;
use super::keys::log_keys;
use super::tree::row;
use crate::bureau::Bureau;
use crate::node::{Node, NodeError};
use evidence::witness::{Submission, TEXT_TYPE, WitnessRefusal};
use evidence::{Checkpoint, CosigningKey, SignedNote, Timestamp, cosign, witness_name};
use store::{Tx, witnessing};

/// What a witness answers over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessReply {
    /// The status: 200, 400, 403, 404, 409 or 422.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// Signature lines, the latest size, or the reason.
    pub body: String,
}

/// What a submission comes to: the cosignature lines with the note that they are for, or a refusal with what the log was seen
/// to sign before.
enum Verdict {
    Cosigned { lines: String, note: String },
    Refused { refusal: WitnessRefusal, latest: Option<String> },
}

impl Node {
    /// Takes a checkpoint of a partner's log, and cosigns it if it extends what was cosigned before. The answer goes out
    /// when the new state is durable.
    ///
    /// # Errors
    /// When the store fails, or this node's own database is behind what it has signed: its memory as a witness then is
    /// as old as its log.
    pub async fn add_checkpoint(&self, body: &[u8]) -> Result<WitnessReply, NodeError> {
        self.sound()?;
        let read = Submission::read(body, |origin| log_keys(&self.bureau(), origin, Some(self.now())));
        let submission = match read {
            Ok(submission) => submission,
            Err(refusal) => return Ok(refused(&refusal)),
        };
        let (note, now) = (submission.note().clone(), self.now());
        let origin = submission.checkpoint().origin.clone();
        let alone = self.log_operator().witnessing().lock().await;
        let recorded = self.recorded_of(&origin).await?;
        let verdict = self
            .write(move |tx, bureau| -> Result<Verdict, LogError> {
                consider(tx, bureau, &submission, recorded, now)
            })
            .await
            .map_err(NodeError::Log)?;
        match verdict {
            Verdict::Cosigned { lines, note } => {
                let record = self.log_operator().record();
                self.beside(move || record.store_witnessed(&origin, &note)).await?;
                Ok(WitnessReply { status: 200, content_type: TEXT_TYPE, body: lines })
            }
            Verdict::Refused { refusal, latest } => {
                drop(alone);
                tracing::warn!(origin, %refusal, "a checkpoint was not cosigned");
                let contradicts =
                    matches!(refusal, WitnessRefusal::OtherRoot { .. } | WitnessRefusal::Inconsistent(_));
                if let Some(latest) = latest.filter(|_| contradicts) {
                    // The log has signed both, so one of them may prove it a liar.
                    let latest = SignedNote::parse("checkpoint", &latest).map_err(LogError::from)?;
                    self.compare_views(&origin, &latest, &note, "its own submission").await;
                }
                Ok(refused(&refusal))
            }
        }
    }
}

impl Node {
    /// The checkpoint that was cosigned last of a log, as it is on record outside the database.
    async fn recorded_of(&self, origin: &str) -> Result<Option<SignedNote>, LogError> {
        let (record, origin) = (self.log_operator().record(), origin.to_owned());
        let note = self.beside(move || record.load_witnessed(&origin)).await?;
        Ok(note.map(|note| SignedNote::parse("witnessed checkpoint", &note)).transpose()?)
    }
}

fn refused(refusal: &WitnessRefusal) -> WitnessReply {
    WitnessReply { status: refusal.status(), content_type: refusal.content_type(), body: refusal.body() }
}

fn consider(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    submission: &Submission,
    recorded: Option<SignedNote>,
    now: Timestamp,
) -> Result<Verdict, LogError> {
    let checkpoint = submission.checkpoint();
    let mut saved = witnessing::witnessed(tx, &checkpoint.origin)?;
    if let Some(note) = recorded {
        let size = row(Checkpoint::claimed(&note)?.size);
        if saved.as_ref().is_none_or(|saved| saved.size < size) {
            // The database has forgotten it: it was restored from a backup.
            let known = witnessing::Witnessed { size, at: now, note: note.to_note() };
            let after = saved.map(|saved| saved.size);
            witnessing::save_witnessed(tx, &checkpoint.origin, after, &known)?;
            saved = Some(known);
        }
    }
    let latest = saved
        .as_ref()
        .map(|saved| Checkpoint::claimed(&SignedNote::parse("witnessed checkpoint", &saved.note)?))
        .transpose()?;
    if let Err(refusal) = submission.extends(latest.as_ref()) {
        return Ok(Verdict::Refused { refusal, latest: saved.map(|saved| saved.note) });
    }
    let mut keys = vec![CosigningKey::Ed25519(&bureau.identity.keys.witness)];
    keys.extend(bureau.ml_dsa.key(&bureau.identity).map(CosigningKey::MlDsa44));
    let name = witness_name(&bureau.administration);
    let lines = keys.iter().map(|key| Ok(cosign(submission.note(), &name, key, now)?.line()));
    let lines = lines.collect::<Result<String, LogError>>()?;
    let note = submission.note().clone().only(&checkpoint.origin).to_note();
    let next = witnessing::Witnessed { size: row(checkpoint.size), at: now, note: note.clone() };
    witnessing::save_witnessed(tx, &checkpoint.origin, saved.map(|saved| saved.size), &next)?;
    Ok(Verdict::Cosigned { lines, note })
}
