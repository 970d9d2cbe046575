//! Monitoring: what partners were shown of each log is compared with what this node was shown.
//!
//! Every node tells its partners the latest checkpoint that it cosigned of each log. Two checkpoints of one log that do not
//! extend each other are proof that it showed two histories; the proof is made from the log's own signatures and
//! tiles, kept, and raised. A log that cannot show that two checkpoints of it belong together is reported too.

use super::keys::{log_keys, owner_of, revoked_log_keys};
use super::{LOG_PREFIX, LogError, WITNESS_PREFIX};
use crate::messages;
use crate::node::Node;
use crate::transport::{Method, PeerRequest, TransportError};
use base::{Administration, Timestamp};
use evidence::merkle::{Hash, verify_consistency};
use evidence::tile::{self, Tile, TileReader, TiledTree};
use evidence::{Checkpoint, Equivocation, EvidenceError, PublicKey, SignedNote, View, digest_of, log_origin};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::witnessing::{self, Finding};

/// The kind of finding with a portable proof.
pub(super) const EQUIVOCATION: &str = "equivocation";
/// The kind of finding about a log that does not show how two of its checkpoints belong together.
pub(super) const UNPROVED: &str = "unproved";

/// The longest list of checkpoints that a partner may show: some forty logs.
const SEEN_LIMIT: usize = 256 * 1024;

/// The most tiles that one comparison reads: a proof in a log of 2^63 entries needs fewer.
const TILES: usize = 64;

/// What a partner says that it has seen: notes, one per log.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct SeenLogs {
    /// The signed notes.
    pub(super) checkpoints: Vec<String>,
}

impl Node {
    /// Compares with each partner from time to time, for ever.
    pub(crate) async fn monitor_logs(self: &Arc<Self>) {
        let pause = Duration::from_secs(u64::from(self.config().log.monitor_seconds));
        loop {
            tokio::time::sleep(pause).await;
            let partners: Vec<Administration> = self.bureau().partners.keys().cloned().collect();
            for partner in partners {
                if let Err(error) = self.compare_with(&partner).await {
                    tracing::debug!(%partner, %error, "a partner was not asked what it saw of the logs");
                }
                if let Err(error) = self.compare_receipt(&partner).await {
                    tracing::error!(%partner, %error, "a receipt could not be compared");
                }
            }
        }
    }

    /// Compares what a partner was shown of each log with what this node was shown, and with this node's own log.
    ///
    /// # Errors
    /// When the partner cannot be asked.
    pub async fn compare_with(&self, partner: &Administration) -> Result<(), TransportError> {
        let own = log_origin(&self.bureau().administration);
        for note in seen_by(self, partner).await? {
            let Ok(claimed) = Checkpoint::claimed(&note) else { continue };
            if claimed.origin == own {
                let compared = self.compare_with_shown(&note, partner.as_str()).await;
                if let Err(error) = compared
                    && !matches!(error, LogError::Behind(_))
                {
                    tracing::error!(%partner, %error, "our own log could not be compared");
                }
                continue;
            }
            let origin = claimed.origin.clone();
            let ours =
                self.read(move |tx| -> Result<_, LogError> { Ok(witnessing::witnessed(tx, &origin)?) }).await;
            if let Ok(Some(ours)) = ours
                && let Ok(ours) = SignedNote::parse("witnessed checkpoint", &ours.note)
            {
                self.compare_views(&claimed.origin, &ours, &note, partner.as_str()).await;
            }
        }
        Ok(())
    }

    /// Compares two checkpoints of a partner's log, of which the second was shown to `source`. What does not fit is kept
    /// and raised.
    pub(super) async fn compare_views(
        &self,
        origin: &str,
        ours: &SignedNote,
        shown: &SignedNote,
        source: &str,
    ) {
        if let Err(error) = self.compared(origin, ours, shown, source).await {
            tracing::error!(origin, source, %error, "two checkpoints could not be compared");
        }
    }

    async fn compared(
        &self,
        origin: &str,
        ours: &SignedNote,
        shown: &SignedNote,
        source: &str,
    ) -> Result<(), LogError> {
        let keys = log_keys(&self.bureau(), origin, None);
        let Some(owner) = owner_of(&self.bureau(), origin) else { return Ok(()) };
        let verified =
            |note: &SignedNote| keys.iter().find_map(|key| Checkpoint::verify_note(note, origin, key).ok());
        // What the log did not sign says nothing about it.
        let (Some(first), Some(second)) = (verified(ours), verified(shown)) else { return Ok(()) };
        if first == second {
            return Ok(());
        }
        let note = |note: &SignedNote| note.clone().only(origin).to_note();
        let ((small, small_note), (large, large_note)) = if first.size <= second.size {
            ((first, note(ours)), (second, note(shown)))
        } else {
            ((second, note(shown)), (first, note(ours)))
        };
        let small = (small, View::Checkpoint { note: small_note });
        self.relate(&owner, small, (large, large_note), source, &keys).await.map(drop)
    }

    /// Whether a state of a log, of which `small` is a view, is the beginning of what a checkpoint of it says; `false` when
    /// its owner does not show it. What contradicts is proved, and raised.
    pub(super) async fn relate(
        &self,
        owner: &Administration,
        (small, small_view): (Checkpoint, View),
        (large, large_note): (Checkpoint, String),
        source: &str,
        keys: &[PublicKey],
    ) -> Result<bool, LogError> {
        let origin = &large.origin;
        let view = if small.size == large.size && small.root == large.root {
            return Ok(true);
        } else if small.size == large.size {
            View::Checkpoint { note: large_note }
        } else {
            let shown = self.prefix(owner, &small, &large).await;
            if matches!(shown, Err(NotShown::Away(_))) {
                if !self.log_operator().not_reached(origin, source) {
                    tracing::info!(
                        origin,
                        source,
                        "a log could not be reached for a comparison: once more, later"
                    );
                    return Ok(false);
                }
            } else {
                self.log_operator().reached(origin, source);
            }
            match shown {
                Ok((root, _)) if root == small.root.0 => return Ok(true),
                Ok((root, path)) => View::Prefix { note: large_note, size: small.size, root, path },
                Err(NotShown::Away(reason) | NotShown::Refused(reason)) => {
                    let words = format!(
                        "`{owner}` does not show how its log of {} and of {} entries belong together ({reason}); one was \
                         shown to {source}",
                        small.size, large.size
                    );
                    self.raise(origin, source, UNPROVED, words, None).await?;
                    return Ok(false);
                }
            }
        };
        let revoked = revoked_log_keys(&self.bureau(), owner);
        let (counting, revoked): (Vec<_>, Vec<_>) = keys.iter().partition(|key| !revoked.contains(key));
        let (proof, contradiction) = match Equivocation::prove(owner, small_view, view, &counting) {
            Ok(proved) => proved,
            Err(error) if revoked.is_empty() => return Err(error.into()),
            // Whoever stole the key can have signed it.
            Err(_) => {
                let words = format!(
                    "two histories of the log of `{owner}`, of {} and of {} entries, contradict each other, but one is signed \
                     with a key that was revoked, which proves nothing; one was shown to {source}",
                    small.size, large.size
                );
                self.raise(origin, source, UNPROVED, words, None).await?;
                return Ok(false);
            }
        };
        let words =
            format!("the log of `{owner}` showed two histories: {contradiction}; one was shown to {source}");
        self.raise(origin, source, EQUIVOCATION, words, Some(proof.to_cbor())).await?;
        Ok(true)
    }

    /// The root of the first `small.size` leaves of the tree of `large`, with the proof, from the tiles of its owner.
    async fn prefix(
        &self,
        owner: &Administration,
        small: &Checkpoint,
        large: &Checkpoint,
    ) -> Result<(Hash, Vec<Hash>), NotShown> {
        let refused = |reason: String| Err(NotShown::Refused(reason));
        let mut known = BTreeMap::new();
        loop {
            let wanted = match prefix_from(&known, small.size, large) {
                Ok(found) => return Ok(found),
                Err(Lacking::Tile(tile)) => tile,
                Err(Lacking::Proof(error)) => return refused(error.to_string()),
            };
            if known.len() >= TILES {
                return refused(format!("more than {TILES} tiles are needed"));
            }
            let request = PeerRequest {
                method: Method::Get,
                path: format!("{LOG_PREFIX}/{}", wanted.path()),
                body: Vec::new(),
                limit: 8192,
            };
            let answer = self.transport().call(owner, request).await;
            let answer = answer.map_err(|error| NotShown::Away(error.to_string()))?;
            if answer.status != 200 {
                let reason = format!("it answered `{}` with status {}", wanted.path(), answer.status);
                // A node that is too busy, or a relay before one that is down, says so.
                let away = answer.status == 429 || answer.status >= 500;
                return Err(if away { NotShown::Away(reason) } else { NotShown::Refused(reason) });
            }
            match tile::decode_hashes(wanted, &answer.body) {
                Ok(hashes) => drop(known.insert(wanted, hashes)),
                Err(error) => return refused(error.to_string()),
            }
        }
    }

    /// Keeps a finding, and raises it if it is new: a line in the log, a notice for officers, the metric.
    async fn raise(
        &self,
        origin: &str,
        source: &str,
        kind: &str,
        words: String,
        proof: Option<Vec<u8>>,
    ) -> Result<(), LogError> {
        let now: Timestamp = self.now();
        // What is unproved changes its sizes with every checkpoint: once per log and source is enough.
        let identity = proof.clone().unwrap_or_else(|| source.as_bytes().to_vec());
        let finding = Finding {
            id: 0,
            at: now,
            origin: origin.to_owned(),
            source: source.to_owned(),
            kind: kind.to_owned(),
            words: words.clone(),
            proof,
            seen: None,
        };
        let code = if kind == EQUIVOCATION { "LogEquivocation" } else { "LogUnproved" };
        let noted = words.clone();
        let new = self
            .write(move |tx, _| -> Result<bool, LogError> {
                let new = witnessing::record_finding(tx, &finding, digest_of(&identity).0)?;
                if new {
                    messages::note(tx, now, "log", "", code, &noted)?;
                }
                Ok(new)
            })
            .await?;
        if new {
            tracing::error!(origin, source, kind, words, "monitoring has found something about a log");
        }
        Ok(())
    }
}

/// The checkpoints that a partner says it has seen; those that are no notes are left out.
pub(super) async fn seen_by(
    node: &Node,
    partner: &Administration,
) -> Result<Vec<SignedNote>, TransportError> {
    let request = PeerRequest {
        method: Method::Get,
        path: format!("{WITNESS_PREFIX}/seen"),
        body: Vec::new(),
        limit: SEEN_LIMIT,
    };
    let answer = node.transport().call(partner, request).await?;
    if answer.status != 200 {
        return Err(TransportError::Status(partner.clone(), answer.status, String::new()));
    }
    let seen: SeenLogs = serde_json::from_slice(&answer.body)
        .map_err(|error| TransportError::Unreachable(partner.clone(), error.to_string()))?;
    let notes = seen.checkpoints.iter().filter_map(|note| SignedNote::parse("checkpoint", note).ok());
    Ok(notes.collect())
}

/// Why a log did not show how two states of it belong together, in words.
enum NotShown {
    /// It could not be reached.
    Away(String),
    /// It does not serve the tiles, or serves false ones.
    Refused(String),
}

/// What a computation over tiles still lacks.
enum Lacking {
    Tile(Tile),
    Proof(EvidenceError),
}

impl From<EvidenceError> for Lacking {
    fn from(error: EvidenceError) -> Self {
        Self::Proof(error)
    }
}

/// The tiles that were fetched so far.
struct Fetched<'f>(&'f BTreeMap<Tile, Vec<Hash>>);

impl TileReader for Fetched<'_> {
    type Error = Lacking;

    fn read(&mut self, tile: Tile) -> Result<Vec<Hash>, Lacking> {
        self.0.get(&tile).cloned().ok_or(Lacking::Tile(tile))
    }
}

/// The root of the first `size` leaves below `large`, with the consistency proof between the two; proved against the
/// root that `large` signs, so that it does not matter who served the tiles.
fn prefix_from(
    known: &BTreeMap<Tile, Vec<Hash>>,
    size: u64,
    large: &Checkpoint,
) -> Result<(Hash, Vec<Hash>), Lacking> {
    let mut whole = TiledTree::new(large.size, Fetched(known));
    let path = whole.consistency_path(size)?;
    let root = whole.root_of_first(size)?;
    verify_consistency(size, &root, large.size, large.root.as_bytes(), &path)?;
    Ok((root, path))
}
