//! Failpoints: named places in the life of a message at which a test kills the process, to prove that nothing is lost or
//! done twice wherever it dies.
//!
//! They exist in builds with the feature `failpoints` only; in any other build [`pass`] is empty, and no environment
//! variable can stop the node. With the feature, `TIDEWAITER_FAILPOINT=name:count` aborts the process at the `count`th
//! pass of that place; `TIDEWAITER_FAILPOINT_MARK=FILE` names a file that is made just before, so that a test knows that
//! the place was reached.

/// Every failpoint, and what has happened when it is reached.
pub const FAILPOINTS: &[(&str, &str)] = &[
    ("send-before-commit", "a document is cleared and queued, nothing is committed"),
    ("send-after-commit", "a document is committed to the outbox, its sender has no answer yet"),
    ("look-before", "letters are due, none is read"),
    ("look-after", "letters that are due are read, none is under way"),
    ("under-way", "a letter is under way in memory only, its delivery has not begun"),
    ("seal-before", "a letter is not sealed yet"),
    ("seal-after", "a letter is sealed and signed in memory only"),
    ("enter-before-envelope", "the sealed bytes are about to be stored"),
    ("enter-before-log", "the sealed bytes are stored, the leaf is not, nothing is committed"),
    ("enter-before-commit", "sealed bytes and leaf are stored, not committed"),
    ("enter-after-commit", "a letter is sealed and logged, nothing was sent"),
    ("deliver-before-send", "an envelope is about to leave"),
    ("deliver-after-answer", "the answer is here, not verified"),
    ("settle-before", "the answer is verified, not stored"),
    ("settle-before-commit", "the receipt is stored, not committed"),
    ("settle-after-commit", "the receipt is committed"),
    ("receive-before-open", "an envelope has arrived, nothing was read"),
    ("receive-after-open", "an envelope is proved and opened, no transaction has begun"),
    ("receive-before-effect", "the inbox was looked at, nothing has had an effect"),
    ("receive-after-effect", "the effect is written, the leaf is not, nothing is committed"),
    ("receive-after-log", "effect and leaf are written, the receipt is not made"),
    ("receive-before-inbox", "the receipt is made, not stored"),
    ("receive-before-commit", "effect, leaf, receipt and inbox row are written, not committed"),
    ("receive-after-commit", "all is committed, the sender has no answer"),
    ("decide-before-stage", "an officer's decision is written, its statement is not signed"),
    ("decide-before-commit", "decision and statement are written, not committed"),
    ("decide-after-commit", "decision and statement are committed"),
    ("stage-before-push", "statements are about to be brought to their partner"),
    ("stage-after-push", "the partner has answered, nothing is noted"),
    ("stage-after-taken", "it is noted that the partner has the statements"),
    ("stage-attached", "a partner's statement is kept and logged, not committed"),
    ("stage-kept", "a partner's statements are committed, the partner has no answer"),
];

/// Passes a failpoint.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn pass(_name: &'static str) {}

#[cfg(feature = "failpoints")]
pub(crate) use armed::pass;

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Armed {
        name: String,
        count: u64,
        passes: AtomicU64,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let wish = std::env::var("TIDEWAITER_FAILPOINT").ok()?;
        let (name, count) = wish.split_once(':')?;
        Some(Armed { name: name.to_owned(), count: count.parse().ok()?, passes: AtomicU64::new(0) })
    });

    /// Passes a failpoint, and dies there if a test wishes it.
    pub(crate) fn pass(name: &'static str) {
        let Some(armed) = ARMED.as_ref().filter(|armed| armed.name == name) else { return };
        if armed.passes.fetch_add(1, Ordering::SeqCst) + 1 == armed.count {
            if let Ok(mark) = std::env::var("TIDEWAITER_FAILPOINT_MARK") {
                // Without the mark the test fails by itself.
                let _ = std::fs::write(mark, name);
            }
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_told_apart_and_each_place_is_explained() {
        let names: BTreeSet<&str> = FAILPOINTS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), FAILPOINTS.len());
        assert!(FAILPOINTS.len() >= 25 && FAILPOINTS.iter().all(|(_, words)| !words.is_empty()));
    }
}
