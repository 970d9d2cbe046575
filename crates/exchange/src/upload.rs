//! Uploads: the sender's side of a transfer, from what the recipient wants to the next offer.
//!
//! | state | event | to |
//! |---|---|---|
//! | sending | place in the window, chunks wanted | sending, one more under way |
//! | sending | chunk held | sending; when it was the last one wanted: offer again |
//! | sending | `transfer-unknown` | offer again, once those under way are answered |
//! | sending | `chunk-spoiled` | offer again: the answer to the offer is signed |
//! | sending | no answer, or any other refusal | later, once those under way are answered |
//!
//! Nothing of it is kept: after a crash the next offer says what is wanted.

use crate::chunk::{ChunkAnswer, ChunkRefusal};
use crate::offer::{ChunkRange, Wanted};
use std::collections::VecDeque;

/// How many chunks of a transfer are under way at once: two fill a line while one is answered, four do so at a round trip
/// of a tenth of a second and 80 Mbit/s, and hold one MiB.
pub const WINDOW: usize = 4;

/// What the sender does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this chunk: part and number.
    Send(usize, u64),
    /// Wait for the answers to those that are under way.
    Wait,
    /// Offer the message again.
    Offer,
    /// Stop, and offer the message again after a while.
    Later(String),
}

/// One upload: the chunks that an offer's answer wants.
#[derive(Clone, Debug)]
pub struct Upload {
    ranges: VecDeque<ChunkRange>,
    under_way: usize,
    end: Option<Next>,
}

impl Upload {
    /// An upload of what is wanted.
    pub fn new(wanted: &Wanted) -> Self {
        Self { ranges: wanted.ranges.iter().copied().collect(), under_way: 0, end: None }
    }

    /// What to do next. A chunk that it gives counts as under way until [`Upload::answered`] or [`Upload::failed`].
    pub fn next_step(&mut self) -> Next {
        if let Some(end) = &self.end {
            return if self.under_way == 0 { end.clone() } else { Next::Wait };
        }
        if self.under_way >= WINDOW {
            return Next::Wait;
        }
        let Some(range) = self.ranges.front_mut() else {
            return if self.under_way == 0 { Next::Offer } else { Next::Wait };
        };
        let step = Next::Send(range.part, range.from);
        range.from += 1;
        if range.from >= range.to {
            self.ranges.pop_front();
        }
        self.under_way += 1;
        step
    }

    /// A chunk was answered.
    pub fn answered(&mut self, answer: &ChunkAnswer) {
        self.under_way = self.under_way.saturating_sub(1);
        let ChunkAnswer::Refused(code) = answer else { return };
        match ChunkRefusal::from_code(code) {
            Some(ChunkRefusal::UnknownTransfer | ChunkRefusal::Spoiled) => {
                self.end.get_or_insert(Next::Offer);
            }
            Some(refusal) => self.end = Some(Next::Later(refusal.to_string())),
            None => self.end = Some(Next::Later(format!("a chunk was refused: `{code}`"))),
        }
    }

    /// A chunk got no answer.
    pub fn failed(&mut self, reason: &str) {
        self.under_way = self.under_way.saturating_sub(1);
        self.end = Some(Next::Later(reason.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Digest;
    use proptest::prelude::*;

    fn upload(ranges: &[(usize, u64, u64)]) -> Upload {
        let ranges = ranges.iter().map(|&(part, from, to)| ChunkRange { part, from, to }).collect();
        Upload::new(&Wanted { statement: Digest([1; 32]), ranges })
    }

    #[test]
    fn no_more_than_the_window_is_under_way_and_the_end_is_another_offer() {
        let mut upload = upload(&[(1, 0, 5), (2, 3, 4)]);
        let sent: Vec<Next> = (0..WINDOW).map(|_| upload.next_step()).collect();
        assert_eq!(sent, [Next::Send(1, 0), Next::Send(1, 1), Next::Send(1, 2), Next::Send(1, 3)]);
        assert_eq!(upload.next_step(), Next::Wait);
        upload.answered(&ChunkAnswer::Held);
        assert_eq!(upload.next_step(), Next::Send(1, 4));
        upload.answered(&ChunkAnswer::Held);
        assert_eq!(upload.next_step(), Next::Send(2, 3));
        for _ in 0..WINDOW {
            assert_eq!(upload.next_step(), Next::Wait);
            upload.answered(&ChunkAnswer::Held);
        }
        assert_eq!(upload.next_step(), Next::Offer);
    }

    #[test]
    fn refusals_end_it_when_all_under_way_are_answered() {
        let cases = [
            (ChunkRefusal::UnknownTransfer, Next::Offer),
            (ChunkRefusal::Spoiled, Next::Offer),
            (ChunkRefusal::NoRoom, Next::Later("there is no room for it now".to_owned())),
        ];
        for (refusal, end) in cases {
            let mut upload = upload(&[(1, 0, 9)]);
            upload.next_step();
            upload.next_step();
            upload.answered(&ChunkAnswer::refused(refusal));
            assert_eq!(upload.next_step(), Next::Wait);
            upload.answered(&ChunkAnswer::Held);
            assert_eq!(upload.next_step(), end);
        }
        let mut upload = upload(&[(1, 0, 9)]);
        upload.next_step();
        upload.failed("no answer");
        assert_eq!(upload.next_step(), Next::Later("no answer".to_owned()));
    }

    proptest! {
        #[test]
        fn every_wanted_chunk_is_sent_once_in_order(lengths in prop::collection::vec(1u64..20, 1..6), answers in any::<u64>()) {
            let ranges: Vec<_> = lengths.iter().enumerate().map(|(part, length)| (part, 7, 7 + length)).collect();
            let mut upload = upload(&ranges);
            let (mut sent, mut under_way, mut turn) = (Vec::new(), 0, 0);
            loop {
                match upload.next_step() {
                    Next::Send(part, number) => {
                        sent.push((part, number));
                        under_way += 1;
                        prop_assert!(under_way <= WINDOW);
                        if answers >> (turn % 64) & 1 == 1 {
                            upload.answered(&ChunkAnswer::Held);
                            under_way -= 1;
                        }
                        turn += 1;
                    }
                    Next::Wait => {
                        upload.answered(&ChunkAnswer::Held);
                        under_way -= 1;
                    }
                    end => {
                        prop_assert_eq!(end, Next::Offer);
                        break;
                    }
                }
            }
            let all: Vec<_> = ranges.iter().flat_map(|&(part, from, to)| (from..to).map(move |n| (part, n))).collect();
            prop_assert_eq!(sent, all);
        }
    }
}
