//! The log for the console, readiness and metrics.

use super::cosigning::standing;
use super::quorum::{self, QuorumView};
use super::tree::count;
use super::{LogError, monitor};
use crate::bureau::Bureau;
use crate::messages;
use crate::node::{Node, NodeError};
use crate::principals::Principal;
use evidence::{Checkpoint, SignedNote, Witness, log_origin, witness_name};
use serde::Serialize;
use store::witnessing::Seen;
use store::{log, witnessing};

/// The longest note on a finding, in characters.
const MAX_NOTE: usize = 400;

/// How many findings a page shows: those that nobody has seen to go before the others, so each can be seen to.
const FINDINGS: usize = 100;

/// The node's log, its witnesses, and what monitoring has found.
#[derive(Clone, Debug, Serialize)]
pub struct LogView {
    /// The name of the log: the first line of its checkpoints.
    pub origin: String,
    /// Its key in the form that signed-note tools take.
    pub verifier_key: String,
    /// The keys with which this node cosigns the logs of partners, in the same form.
    pub witness_keys: Vec<String>,
    /// How many entries it has.
    pub size: u64,
    /// The last signed checkpoint.
    pub checkpoint: Option<CheckpointView>,
    /// The partners as its witnesses.
    pub witnesses: Vec<WitnessView>,
    /// What the agreements ask of witnesses.
    pub quorums: Vec<QuorumView>,
    /// The checkpoints of other logs that this node has cosigned last.
    pub witnessed: Vec<CheckpointView>,
    /// What monitoring has found: first what nobody has seen to, then the rest, newest first.
    pub findings: Vec<FindingView>,
    /// That the database is behind what this node has signed, in words.
    pub behind: Option<String>,
}

/// A checkpoint.
#[derive(Clone, Debug, Serialize)]
pub struct CheckpointView {
    /// The log's name.
    pub origin: String,
    /// How many entries it covers.
    pub size: u64,
    /// The root, in hexadecimal digits.
    pub root: String,
    /// When it was signed or cosigned here, in microseconds since 1970.
    pub at: i64,
}

/// A partner as a witness of the node's log.
#[derive(Clone, Debug, Serialize)]
pub struct WitnessView {
    /// The administration.
    pub administration: String,
    /// The size of the latest checkpoint that it cosigned.
    pub size: Option<u64>,
    /// When it did, by its own clock, in microseconds since 1970.
    pub at: Option<i64>,
    /// Why it has not cosigned the last time it was asked.
    pub problem: Option<String>,
}

/// Something that monitoring has found.
#[derive(Clone, Debug, Serialize)]
pub struct FindingView {
    /// Its number.
    pub id: i64,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// The log.
    pub origin: String,
    /// `equivocation` or `unproved`.
    pub kind: String,
    /// In words.
    pub words: String,
    /// Whether there is a portable proof.
    pub proved: bool,
    /// Who has seen to it; it is no alarm any more then.
    pub seen: Option<SeenView>,
}

/// That an officer has seen to a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenView {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// Who.
    pub by: String,
    /// What they noted.
    pub note: String,
}

/// Why a finding is not marked as seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeeError {
    /// There is none, or somebody has marked it.
    #[error("there is no finding `{0}` that nobody has seen to")]
    Absent(i64),
    /// The note is missing or too long.
    #[error("the note must be one line of 1 to {MAX_NOTE} characters: say what you did about it")]
    Note,
}

impl Node {
    /// The log, its witnesses and what monitoring has found.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log_view(&self) -> Result<LogView, NodeError> {
        self.view_log().await.map_err(NodeError::Log)
    }

    async fn view_log(&self) -> Result<LogView, LogError> {
        let (bureau, now) = (self.bureau(), self.now());
        let origin = log_origin(&bureau.administration);
        let verifier_key = Checkpoint::verifier_key(&origin, &bureau.identity.keys.log.public());
        let witness_keys = own_witness_keys(&bureau)?;
        let partners: Vec<_> = bureau.partners.keys().cloned().collect();
        let problems: Vec<_> = partners.iter().map(|partner| standing(self, partner).0).collect();
        let behind = self.log_operator().behind().map(|behind| behind.to_string());
        self.read(move |tx| -> Result<LogView, LogError> {
            let mut witnesses = Vec::new();
            for (partner, problem) in partners.iter().zip(problems) {
                let latest = witnessing::latest_cosignature(tx, &witness_name(partner))?;
                witnesses.push(WitnessView {
                    administration: partner.to_string(),
                    size: latest.as_ref().map(|latest| count(latest.size)),
                    at: latest.map(|latest| latest.at.as_micros()),
                    problem,
                });
            }
            let latest = log::latest_checkpoint(tx)?;
            let witnessed = witnessing::all_witnessed(tx)?;
            let findings = witnessing::findings(tx, FINDINGS)?;
            Ok(LogView {
                origin,
                verifier_key,
                witness_keys,
                size: count(log::size(tx)?),
                checkpoint: latest
                    .map(|latest| checkpoint_view(&latest.note, latest.at.as_micros()))
                    .transpose()?,
                witnesses,
                quorums: quorum::standing(tx, &bureau, now)?,
                witnessed: witnessed
                    .iter()
                    .map(|seen| checkpoint_view(&seen.note, seen.at.as_micros()))
                    .collect::<Result<_, _>>()?,
                findings: findings.into_iter().map(finding_view).collect(),
                behind,
            })
        })
        .await
    }

    /// Marks a finding as seen by an officer, with what they did about it. The finding and its proof stay on record; it is
    /// counted as an alarm no more.
    ///
    /// # Errors
    /// When the store fails; in the inner result, why it is not marked.
    pub async fn see_finding(
        &self,
        officer: &Principal,
        id: i64,
        note: &str,
    ) -> Result<Result<(), SeeError>, NodeError> {
        let (by, note, at) = (officer.name.clone(), note.trim().to_owned(), self.now());
        if note.is_empty() || note.chars().count() > MAX_NOTE || note.chars().any(char::is_control) {
            return Ok(Err(SeeError::Note));
        }
        self.write(move |tx, _| -> Result<_, LogError> {
            let words = format!("{by} has seen finding {id} about a log: {note}");
            if !witnessing::see_finding(tx, id, &Seen { at, by, note })? {
                return Ok(Err(SeeError::Absent(id)));
            }
            messages::note(tx, at, "log", "", "FindingSeen", &words)?;
            Ok(Ok(()))
        })
        .await
        .map_err(NodeError::Log)
    }

    /// How many findings nobody has seen to: all, and those with a proof.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn unseen_findings(&self) -> Result<(i64, i64), NodeError> {
        let kinds = self
            .read(|tx| -> Result<_, LogError> { Ok(witnessing::unseen_findings(tx)?) })
            .await
            .map_err(NodeError::Log)?;
        let proved = kinds.iter().filter(|(kind, _)| kind == monitor::EQUIVOCATION);
        Ok((kinds.iter().map(|(_, count)| count).sum(), proved.map(|(_, count)| count).sum()))
    }

    /// The portable proof of a finding; `None` when there is no such finding or no proof of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finding_proof(&self, id: i64) -> Result<Option<Vec<u8>>, NodeError> {
        let found = self
            .read(move |tx| -> Result<_, LogError> { Ok(witnessing::finding_of(tx, id)?) })
            .await
            .map_err(NodeError::Log)?;
        Ok(found.filter(|found| found.kind == monitor::EQUIVOCATION).and_then(|found| found.proof))
    }
}

fn own_witness_keys(bureau: &Bureau) -> Result<Vec<String>, LogError> {
    let mut own = vec![Witness::of(&bureau.administration, bureau.identity.keys.witness.public())];
    if let Some(key) = bureau.ml_dsa.key(&bureau.identity) {
        own.push(Witness::ml_dsa_44(&witness_name(&bureau.administration), key.public().clone())?);
    }
    Ok(own.iter().map(Witness::verifier_key).collect())
}

fn checkpoint_view(note: &str, at: i64) -> Result<CheckpointView, LogError> {
    let checkpoint = Checkpoint::claimed(&SignedNote::parse("checkpoint", note)?)?;
    Ok(CheckpointView {
        origin: checkpoint.origin,
        size: checkpoint.size,
        root: checkpoint.root.to_string(),
        at,
    })
}

fn finding_view(finding: witnessing::Finding) -> FindingView {
    FindingView {
        id: finding.id,
        at: finding.at.as_micros(),
        origin: finding.origin,
        kind: finding.kind,
        words: finding.words,
        proved: finding.proof.is_some(),
        seen: finding.seen.map(|seen| SeenView { at: seen.at.as_micros(), by: seen.by, note: seen.note }),
    }
}
