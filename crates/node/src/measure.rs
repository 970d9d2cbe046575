//! What benchmarks ask of a node and of the store: counts, bodies, and the bare costs to compare with.

mod bare;
mod primitives;
mod process;
mod tally;

pub use bare::{BareError, BareStore, PrivatePostgres, private_postgres};
pub use primitives::{PRIMITIVES, PrimitiveTimes, Primitives};
pub use process::{peak_memory, reset_peak_memory};
pub use tally::{Mark, Tally};

use crate::node::{Node, NodeError};
use crate::views;
use std::sync::atomic::{AtomicI64, Ordering};

/// How many messages are read at once when their bodies are collected.
const PAGE: i64 = views::PAGE_LIMIT;

impl Node {
    /// Commands and durable commits of this node's store since it was opened.
    pub fn store_statistics(&self) -> (u64, u64) {
        let statistics = self.store().statistics();
        (statistics.commands, statistics.commits)
    }

    /// The bodies of the messages that were put on record since this was last asked. Of a message between two nodes
    /// the sender's record counts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn new_message_bodies(&self) -> Result<Vec<Vec<u8>>, NodeError> {
        let mut after = self.measured().load(Ordering::Relaxed);
        let mut bodies = Vec::new();
        loop {
            let page = self.read(move |tx| -> Result<_, NodeError> {
                let rows = views::messages(tx, None, None, after, PAGE)?;
                let mut bodies = Vec::new();
                for row in &rows {
                    let ours = row.direction == "sent" || row.from_party == "trader";
                    if ours && let Some((_, _, body)) = views::message_with_body(tx, row.id)? {
                        bodies.push(body);
                    }
                }
                Ok((rows.last().map(|row| row.id), bodies))
            });
            let (last, page) = page.await?;
            bodies.extend(page);
            let Some(last) = last else { break };
            after = last;
        }
        self.measured().store(after, Ordering::Relaxed);
        Ok(bodies)
    }
}

/// The cursor of [`Node::new_message_bodies`].
pub(crate) type Measured = AtomicI64;
