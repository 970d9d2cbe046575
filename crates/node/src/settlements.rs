//! Word of letters that are settled, for whoever waits for the answer of a partner without asking the store again and
//! again.

use base::MessageId;
use tokio::sync::broadcast;

/// How many settlements a slow listener may be behind before it misses some. The store has them all.
const BACKLOG: usize = 4096;

/// Tells listeners of this process which letters have been settled: receipted by the partner, or refused for good.
#[derive(Debug)]
pub struct Settlements(broadcast::Sender<MessageId>);

impl Default for Settlements {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Settlements {
    /// Hears of every letter that is settled from now on. Listen before sending.
    pub fn listen(&self) -> broadcast::Receiver<MessageId> {
        self.0.subscribe()
    }

    /// Tells that a letter is settled, after that has become durable.
    pub(crate) fn tell(&self, letter: MessageId) {
        // Without a listener there is nobody to tell.
        let _ = self.0.send(letter);
    }
}
