//! A decision in the making: each event is applied to a copy of the state at once, so that the next step of the same
//! decision sees what the one before it did.

use crate::{Decision, Notice, NoticeCode, TimerChange, TimerKind};
use base::Timestamp;

pub(crate) struct Draft<S, E, L> {
    pub(crate) state: S,
    pub(crate) decision: Decision<E, L>,
    apply: fn(&mut S, &E),
}

impl<S: Clone, E, L> Draft<S, E, L> {
    pub(crate) fn new(state: &S, apply: fn(&mut S, &E)) -> Self {
        Self { state: state.clone(), decision: Decision::default(), apply }
    }

    pub(crate) fn event(&mut self, event: E) {
        (self.apply)(&mut self.state, &event);
        self.decision.events.push(event);
    }

    pub(crate) fn letter(&mut self, letter: L) {
        self.decision.letters.push(letter);
    }

    pub(crate) fn notice(&mut self, code: NoticeCode, words: impl Into<String>) {
        self.decision.notices.push(Notice::new(code, words));
    }

    pub(crate) fn set(&mut self, kind: TimerKind, due: Timestamp) {
        self.decision.timers.push(TimerChange::Set { kind, due });
    }

    pub(crate) fn cancel(&mut self, kind: TimerKind) {
        self.decision.timers.push(TimerChange::Cancel { kind });
    }

    pub(crate) fn done(self) -> Decision<E, L> {
        self.decision
    }
}
