//! The processor time that messages between administrations take at a node, by what is done with them.

use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is done with a message, in the order of its way: four steps at its sender, two at its recipient, and two more
/// at its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The sender decides what may leave, and puts it in the outbox.
    Post,
    /// Letters that are due are read.
    Claim,
    /// A letter is sealed and signed.
    Prepare,
    /// The sealed letter and its statement's leaf are stored.
    Enter,
    /// An envelope is proved and opened.
    Open,
    /// A message is taken with everything that follows from it: leaf, receipt, inbox.
    Take,
    /// An answer is verified.
    Verify,
    /// A letter is settled by its answer.
    Settle,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Post,
        Self::Claim,
        Self::Prepare,
        Self::Enter,
        Self::Open,
        Self::Take,
        Self::Verify,
        Self::Settle,
    ];

    /// Its name in metrics and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Claim => "claim",
            Self::Prepare => "prepare",
            Self::Enter => "enter",
            Self::Open => "open",
            Self::Take => "take",
            Self::Verify => "verify",
            Self::Settle => "settle",
        }
    }
}

/// The processor time spent on each step since the node was opened.
#[derive(Debug, Default)]
pub struct Effort([AtomicU64; Step::ALL.len()]);

impl Effort {
    /// Does a step's work, which must not wait for anything, and adds the time that this thread was computing.
    pub(crate) fn of<T>(&self, step: Step, work: impl FnOnce() -> T) -> T {
        let before = thread_time();
        let done = work();
        let spent = thread_time().saturating_sub(before);
        if let Some(sum) = self.0.get(step as usize) {
            sum.fetch_add(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        done
    }

    /// What each step took so far.
    pub fn spent(&self) -> impl Iterator<Item = (Step, Duration)> {
        let sums = self.0.iter().map(|sum| Duration::from_nanos(sum.load(Ordering::Relaxed)));
        Step::ALL.into_iter().zip(sums)
    }
}

/// How long this thread has been computing.
fn thread_time() -> Duration {
    time_of(ClockId::ThreadCPUTime)
}

/// How long this process has been computing, on all its threads.
pub fn process_time() -> Duration {
    time_of(ClockId::ProcessCPUTime)
}

fn time_of(clock: ClockId) -> Duration {
    // A processor clock starts at zero and only grows.
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_time_that_it_computed_and_no_other_has() {
        let effort = Effort::default();
        let sum = effort.of(Step::Open, || (0..200_000u64).fold(0, |sum, number| sum ^ (number * number)));
        assert_ne!(sum, 1);
        for (step, spent) in effort.spent() {
            assert_eq!(spent > Duration::ZERO, step == Step::Open, "{step:?}");
        }
    }

    #[test]
    fn a_steps_place_is_that_of_its_name() {
        for (index, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(step as usize, index, "{}", step.name());
        }
    }
}
