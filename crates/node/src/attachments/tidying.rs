//! Tidying: what was erased, interrupted or given up is deleted, in steps so small that no letter waits for them.

use crate::node::{Node, NodeError};
use base::{Administration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use store::{attachments, transfers};

/// How often there is tidying.
const PAUSE: Duration = Duration::from_secs(10);

/// How long an upload may stand still: an hour.
const UPLOAD_SECONDS: i64 = 3_600;

/// How long a ready attachment waits for a document, and an offered one for its next chunk: thirty days, as partners may
/// be away for that long.
const IDLE_SECONDS: i64 = 30 * 24 * 3_600;

/// How many of a kind are looked at in one turn.
const AT_ONCE: usize = 64;

impl Node {
    /// Tidies up for as long as the node runs. Uploads of before it `started` have nobody who goes on with them.
    pub(crate) async fn tidy_attachments(self: &Arc<Self>, started: Timestamp) {
        let mut uploads = started;
        loop {
            if let Err(error) = self.tidy(uploads).await {
                tracing::error!(%error, "attachments could not be tidied up");
            }
            tokio::time::sleep(PAUSE).await;
            uploads = self.now().plus_seconds(-UPLOAD_SECONDS);
        }
    }

    async fn tidy(&self, uploads: Timestamp) -> Result<(), NodeError> {
        let now = self.now();
        let idle = now.plus_seconds(-IDLE_SECONDS);
        self.write(move |tx, _| -> Result<(), NodeError> {
            let mut lost = attachments::idle(tx, "uploading", uploads, AT_ONCE)?;
            lost.extend(attachments::idle(tx, "ready", idle, AT_ONCE)?);
            for id in lost {
                attachments::erase(tx, id)?;
            }
            for (sender, message_id) in transfers::over(tx, now, idle, AT_ONCE)? {
                if let Ok(sender) = Administration::parse(&sender) {
                    tracing::info!(%sender, message_id, "gave up the attachments of a message");
                    transfers::give_up(tx, &sender, &message_id)?;
                }
            }
            Ok(())
        })
        .await?;
        let erased =
            self.read(|tx| -> Result<_, NodeError> { Ok(attachments::to_drop(tx, AT_ONCE)?) }).await?;
        for id in erased {
            while self
                .write(move |tx, _| -> Result<_, NodeError> { Ok(attachments::drop_chunks(tx, id)?) })
                .await?
                > 0
            {}
        }
        Ok(())
    }
}
