//! How soon others vouch for an entry: from the call that sends a document until every witness has cosigned a checkpoint
//! of the sender's log over its statement.

use super::BenchError;
use super::load;
use super::pair::Pair;
use node::LogView;
use std::time::{Duration, Instant};

/// Documents that are followed.
const DOCUMENTS: usize = 24;

/// How long to wait between documents: no divisor of the second between checkpoints, so that they fall into all parts
/// of it.
const PAUSE: Duration = Duration::from_millis(170);

/// How often the log is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Sends documents one after the other and tells how long each took until it was witnessed, in milliseconds.
#[allow(clippy::disallowed_methods, reason = "measuring is what this is for")]
pub(super) async fn measure(federation: &Pair) -> Result<Vec<f64>, BenchError> {
    // Connections are opened and the witnesses know the log before the clock runs.
    load::send(federation, 2048, 1, 1).await?;
    let sender = federation.sender();
    let begun = Instant::now();
    let mut open: Vec<(u64, Instant)> = Vec::new();
    let (mut sent, mut next, mut taken) = (0, begun, Vec::new());
    while taken.len() < DOCUMENTS {
        if sent < DOCUMENTS && Instant::now() >= next {
            let entered = Instant::now();
            load::send(federation, 2048, 1, 1).await?;
            open.push((sender.log_view().await?.size, entered));
            (sent, next) = (sent + 1, entered + PAUSE);
        }
        let witnessed = witnessed(&sender.log_view().await?);
        open.retain(|(size, entered)| {
            let done = witnessed >= *size;
            if done {
                taken.push(entered.elapsed().as_secs_f64() * 1e3);
            }
            !done
        });
        if begun.elapsed() > LIMIT {
            let words = format!("{} documents were not witnessed within {} s", open.len(), LIMIT.as_secs());
            return Err(BenchError::Astray(words));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(taken)
}

/// How many entries all witnesses have cosigned.
fn witnessed(log: &LogView) -> u64 {
    log.witnesses.iter().map(|witness| witness.size.unwrap_or_default()).min().unwrap_or_default()
}
