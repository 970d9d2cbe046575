//! The partners as witnesses of the node's log: each new checkpoint is taken to every partner, whose cosignature is
//! kept. A partner that is away is asked again later, and asked for the newest checkpoint only.

use super::LogError;
use super::keys::{verify_own, witnesses_of};
use super::operator::Attempt;
use super::tree::{count, row, tree};
use super::{WITNESS_PREFIX, monitor};
use crate::node::Node;
use crate::transport::{Method, PeerRequest};
use base::{Administration, Timestamp};
use evidence::witness::{AddCheckpoint, WitnessAnswer};
use evidence::{NoteSignature, SignedNote, log_origin, witness_name};
use exchange::Backoff;
use std::sync::Arc;
use std::time::Duration;
use store::{log, witnessing};

/// How long a witness rests that was asked in vain: the first time, and at most.
const BACKOFF: Backoff = Backoff { first: 1_000_000, longest: 60_000_000 };

/// How often those that rest are looked at when no checkpoint is signed.
const NAP: Duration = Duration::from_millis(500);

/// How often one submission is repeated with another old size: the first answer names the right one.
const TRIES: usize = 3;

/// The longest answer of a witness: a few signature lines.
const ANSWER_LIMIT: usize = 16 * 1024;

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
enum Vain {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Transport(#[from] crate::transport::TransportError),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("it says that it has cosigned {0} entries, and shows no checkpoint of ours that proves it")]
    Unproved(u64),
    #[error("none of its signatures is by an Ed25519 witness key of it that counts now")]
    NotSigned,
}

impl From<store::StoreError> for Vain {
    fn from(error: store::StoreError) -> Self {
        Self::Log(error.into())
    }
}

impl From<evidence::EvidenceError> for Vain {
    fn from(error: evidence::EvidenceError) -> Self {
        Self::Log(error.into())
    }
}

impl Node {
    /// Takes new checkpoints to the partners, for ever.
    pub(crate) async fn gather_cosignatures(self: &Arc<Self>) {
        loop {
            tokio::select! {
                biased;
                () = self.log_operator().next_checkpoint() => {}
                () = tokio::time::sleep(NAP) => {}
            }
            if let Err(error) = self.ask_witnesses().await {
                tracing::error!(%error, "witnesses could not be asked");
            }
        }
    }

    /// Asks every partner that has not cosigned the latest checkpoint, is not being asked and does not rest.
    async fn ask_witnesses(self: &Arc<Self>) -> Result<(), LogError> {
        if self.log_operator().sound().is_err() {
            return Ok(());
        }
        let latest = self.read(|tx| -> Result<_, LogError> { Ok(log::latest_checkpoint(tx)?) }).await?;
        let Some(latest) = latest else { return Ok(()) };
        let now = self.now();
        let partners: Vec<Administration> = self.bureau().partners.keys().cloned().collect();
        for partner in partners {
            let asked = {
                let mut witnesses = self.log_operator().witnesses();
                let attempt = witnesses.entry(partner.clone()).or_default();
                let due = attempt.cosigned < count(latest.size)
                    && !attempt.busy
                    && attempt.not_before.is_none_or(|moment| moment <= now);
                attempt.busy |= due;
                due
            };
            if asked {
                let node = Arc::clone(self);
                tokio::spawn(async move { node.ask_to_cosign(partner).await });
            }
        }
        Ok(())
    }

    async fn ask_to_cosign(&self, partner: Administration) {
        let outcome = self.ask_witness(&partner).await;
        let mut jitter = [0u8; 8];
        self.bureau().world.entropy.fill(&mut jitter);
        let now = self.now();
        let mut witnesses = self.log_operator().witnesses();
        let attempt = witnesses.entry(partner.clone()).or_default();
        attempt.busy = false;
        match outcome {
            Ok(size) => *attempt = Attempt { cosigned: size, ..Attempt::default() },
            Err(error) => {
                attempt.failures = attempt.failures.saturating_add(1);
                let wait = BACKOFF.delay(attempt.failures, u64::from_le_bytes(jitter));
                attempt.not_before = Some(now.plus_micros(wait));
                attempt.problem = Some(error.to_string());
                tracing::debug!(%partner, %error, "a witness did not cosign");
            }
        }
    }

    /// Has a partner cosign the latest checkpoint, and gives its size.
    ///
    /// # Errors
    /// In words, why it did not.
    pub async fn request_cosignature(&self, partner: &Administration) -> Result<u64, String> {
        self.ask_witness(partner).await.map_err(|error| error.to_string())
    }

    async fn ask_witness(&self, partner: &Administration) -> Result<u64, Vain> {
        let name = witness_name(partner);
        let known = self
            .read({
                let name = name.clone();
                move |tx| -> Result<_, LogError> {
                    Ok((log::latest_checkpoint(tx)?, witnessing::latest_cosignature(tx, &name)?))
                }
            })
            .await?;
        let (Some(latest), cosigned) = known else { return Ok(0) };
        let (size, mut old) = (count(latest.size), cosigned.map_or(0, |cosigned| count(cosigned.size)));
        for _ in 0..TRIES {
            let proof = self.read(move |tx| tree(tx, size).consistency_path(old)).await?;
            let note = SignedNote::parse("checkpoint", &latest.note)?;
            let body = AddCheckpoint { old_size: old, proof, note: note.clone() }.to_body();
            match self.submit_checkpoint(partner, body).await? {
                WitnessAnswer::Cosigned(lines) => {
                    self.keep_cosignature(partner, size, note.with(lines)).await?;
                    return Ok(size);
                }
                // It knows less of the log, or more than we believed: prove from there.
                WitnessAnswer::Latest(seen) if seen <= size && seen != old => old = seen,
                WitnessAnswer::Latest(seen) => {
                    self.look_at_shown(partner).await?;
                    return Err(Vain::Unproved(seen));
                }
                WitnessAnswer::Refused(status) => {
                    if status == 422 {
                        self.look_at_shown(partner).await?;
                    }
                    return Err(Vain::Status(status));
                }
            }
        }
        Err(Vain::Status(409))
    }

    async fn submit_checkpoint(&self, partner: &Administration, body: String) -> Result<WitnessAnswer, Vain> {
        let request = PeerRequest {
            method: Method::Post,
            path: format!("{WITNESS_PREFIX}/add-checkpoint"),
            body: body.into_bytes(),
            limit: ANSWER_LIMIT,
        };
        let answer = self.transport().call(partner, request).await?;
        Ok(WitnessAnswer::read(answer.status, &answer.body)?)
    }

    /// Looks at what a witness that contradicts us saw of our log. If this node signed it and the database does not lead
    /// to it, the database is behind.
    async fn look_at_shown(&self, partner: &Administration) -> Result<(), Vain> {
        let origin = log_origin(&self.bureau().administration);
        for note in monitor::seen_by(self, partner).await.map_err(Vain::Transport)? {
            if note.text().starts_with(&format!("{origin}\n")) {
                self.compare_with_shown(&note, partner.as_str()).await?;
            }
        }
        Ok(())
    }

    async fn keep_cosignature(
        &self,
        partner: &Administration,
        size: u64,
        note: SignedNote,
    ) -> Result<(), Vain> {
        let bureau = self.bureau();
        let witnesses = witnesses_of(&bureau, partner, self.now());
        let verified = verify_own(&bureau, &note.to_note(), &witnesses)?;
        let at = verified.cosigned_by(&witness_name(partner)).ok_or(Vain::NotSigned)?;
        let name = witness_name(partner);
        // A signature by a key of it that this node does not know proves nothing here.
        let known = |line: &&NoteSignature| witnesses.iter().any(|witness| witness.claimed_by(line));
        let lines = note.signatures().iter().filter(known).map(NoteSignature::line).collect();
        self.write(move |tx, _| -> Result<(), LogError> {
            let saved = witnessing::SavedCosignature { size: row(size), witness: name, at, lines };
            Ok(witnessing::save_cosignature(tx, &saved)?)
        })
        .await?;
        Ok(())
    }
}

/// How a witness stands, for pages and metrics.
pub(super) fn standing(node: &Node, partner: &Administration) -> (Option<String>, Option<Timestamp>) {
    let witnesses = node.log_operator().witnesses();
    let attempt = witnesses.get(partner);
    (attempt.and_then(|attempt| attempt.problem.clone()), attempt.and_then(|attempt| attempt.not_before))
}
