//! Checkpoints of the node's log: at most every second, or when enough entries have come.
//!
//! The order is what makes it safe. The leaves are durable before a checkpoint over them is signed; the signed note is
//! recorded outside the database before it is saved; and only what is saved is shown to anyone. A crash at any point
//! leaves a state from which the next start goes on with the same history.

use super::head::adopt;
use super::keys::verify_own;
use super::tree::{fill_tiles, row};
use super::{LogError, head};
use crate::messages;
use crate::node::{Node, NodeError};
use evidence::{Checkpoint, SignedNote};
use std::sync::Arc;
use std::time::Duration;
use store::{Execution, log};

/// How many tiles are saved in one transaction: 65,536 leaves, whose hashing takes some ten milliseconds.
const TILES_AT_ONCE: u64 = 256;

/// How old a checkpoint is that no witness will cosign any more, as witnesses are asked for the newest one: an hour.
const PRUNE_MICROS: i64 = 3_600_000_000;

/// How many checkpoints are looked at for pruning in one transaction.
const PRUNE_AT_ONCE: usize = 1_024;

impl Node {
    /// Signs checkpoints as the log grows.
    pub(crate) async fn sign_checkpoints(self: &Arc<Self>) {
        self.check_recorded_head().await;
        let pause = Duration::from_millis(u64::from(self.config().log.checkpoint_ms));
        loop {
            tokio::select! {
                biased;
                () = self.log_operator().enough_leaves() => {}
                () = tokio::time::sleep(pause) => {}
            }
            match self.sign_checkpoint().await {
                Ok(()) => {}
                // It was logged when it was found, and readiness tells it for as long as it lasts.
                Err(NodeError::Log(LogError::Behind(_))) => {}
                Err(error) => tracing::error!(%error, "a checkpoint could not be signed"),
            }
        }
    }

    /// Compares the database with the checkpoint that this node signed last, as when it starts.
    pub(crate) async fn check_recorded_head(&self) {
        if let Err(error) = self.reconcile().await
            && !matches!(error, LogError::Behind(_))
        {
            tracing::error!(%error, "the log could not be compared with the record of the last checkpoint");
        }
    }

    /// Whether this node may take anything into its database: not when that was restored from a backup and will be
    /// replaced.
    ///
    /// # Errors
    /// When it is behind what this node has signed, or could not be compared with it.
    pub(crate) fn sound(&self) -> Result<(), NodeError> {
        self.log_operator().sound().map_err(NodeError::Log)
    }

    /// Compares, and keeps whether that could be done.
    async fn reconcile(&self) -> Result<(), LogError> {
        let outcome = self.compare_with_record().await;
        self.log_operator().compared(&outcome);
        outcome
    }

    /// Fills tiles, and compares the database with the record beside it.
    async fn compare_with_record(&self) -> Result<(), LogError> {
        self.fill().await?;
        let recorded = self.recorded_head().await?;
        let now = self.now();
        match recorded {
            Some(note) => {
                let compared = self.write(move |tx, _| adopt(tx, &note, now)).await;
                self.note_if_behind(compared).await
            }
            None => {
                // The first start with this record: what the database has is all there is to go by.
                let latest =
                    self.read(|tx| -> Result<_, LogError> { Ok(log::latest_checkpoint(tx)?) }).await?;
                if let Some(latest) = latest {
                    self.record_head(latest.note).await?;
                }
                Ok(())
            }
        }
    }

    /// Signs a checkpoint of the log, if it has grown since the last one.
    ///
    /// # Errors
    /// [`LogError::Behind`] when this node has signed what its database does not lead to: a signature now would fork
    /// the log. Otherwise when the store or the record fails.
    pub async fn sign_checkpoint(&self) -> Result<(), NodeError> {
        self.sign_next().await.map_err(NodeError::Log)
    }

    /// Forgets checkpoints of the log that nothing needs: those that no witness has cosigned within an hour and that a later
    /// one has followed. Witnesses are asked for the newest one only; monitors, receipts and consistency proofs are
    /// answered from the tree.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_checkpoints(&self) -> Result<(), NodeError> {
        let before = self.now().plus_micros(-PRUNE_MICROS);
        while self
            .write(move |tx, _| -> Result<_, NodeError> {
                Ok(log::prune_checkpoints(tx, before, PRUNE_AT_ONCE)?)
            })
            .await?
        {}
        Ok(())
    }

    async fn sign_next(&self) -> Result<(), LogError> {
        if self.log_operator().is_not_compared() {
            self.reconcile().await?;
            tracing::info!("the log was compared with the record of the last checkpoint");
        }
        self.log_operator().sound()?;
        self.log_operator().begin_checkpoint();
        // What `fill` gives is durable, which a snapshot within its transaction would not be.
        let frontier = self.fill().await?;
        let latest = self.read(|tx| -> Result<_, LogError> { Ok(log::latest_checkpoint(tx)?) }).await?;
        let recorded = self.recorded_head().await?;
        if recorded.as_deref() != latest.as_ref().map(|latest| latest.note.as_str()) {
            self.reconcile().await?;
        }
        let size = row(frontier.size());
        if size == 0 || latest.is_some_and(|latest| latest.size >= size) {
            return Ok(());
        }
        let bureau = self.bureau();
        let checkpoint = Checkpoint::new(&bureau.administration, frontier.size(), frontier.root());
        let note = checkpoint.sign(&bureau.identity.keys.log)?;
        self.record_head(note.clone()).await?;
        let now = self.now();
        self.write(move |tx, _| -> Result<_, LogError> { Ok(log::save_checkpoint(tx, size, &note, now)?) })
            .await?;
        self.log_operator().checkpoint_signed();
        Ok(())
    }

    /// Saves the tiles that have become full, and gives the frontier of the log then.
    async fn fill(&self) -> Result<evidence::merkle::Frontier, LogError> {
        loop {
            let filled = self.write(|tx, _| fill_tiles(tx, TILES_AT_ONCE)).await?;
            if let (frontier, true) = filled {
                return Ok(frontier);
            }
        }
    }

    async fn recorded_head(&self) -> Result<Option<String>, LogError> {
        let record = self.log_operator().record();
        self.beside(move || record.load()).await
    }

    async fn record_head(&self, note: String) -> Result<(), LogError> {
        let record = self.log_operator().record();
        self.beside(move || record.store(&note)).await
    }

    /// Work on the record, which may wait for a disk.
    pub(super) async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, LogError> {
        match self.execution() {
            Execution::Inline => Ok(work()?),
            Execution::WriterThread => {
                let joined = tokio::task::spawn_blocking(work).await;
                Ok(joined.map_err(std::io::Error::other)??)
            }
        }
    }

    /// Keeps, logs and notes for officers that the database is behind, when it is.
    pub(super) async fn note_if_behind(&self, outcome: Result<(), LogError>) -> Result<(), LogError> {
        let Err(LogError::Behind(behind)) = &outcome else { return outcome };
        if self.log_operator().found_behind(behind.clone()) {
            let words = behind.to_string();
            tracing::error!(words, "this node signs nothing any more");
            let now = self.now();
            self.write(move |tx, _| -> Result<(), LogError> {
                Ok(messages::note(tx, now, "log", "", "LogBehind", &words)?)
            })
            .await?;
        }
        outcome
    }

    /// Compares the database with a note that a partner has shown as signed by this node. A note that this node did
    /// not sign is passed over: nobody can stop a node with an invention.
    pub(super) async fn compare_with_shown(&self, note: &SignedNote, by: &str) -> Result<(), LogError> {
        let bureau = self.bureau();
        let Ok(verified) = verify_own(&bureau, &note.to_note(), &[]) else { return Ok(()) };
        let signed = verified.checkpoint;
        let by = by.to_owned();
        let compared = self.read(move |tx| head::leads_to(tx, &signed, &by)).await;
        self.note_if_behind(compared).await
    }
}
