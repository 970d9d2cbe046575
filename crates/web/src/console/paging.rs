//! Pages of movements by a cursor that stays right while movements change: nothing is skipped, nothing shown twice.
//!
//! The node's cursor is a moment. Several movements may have changed at one moment, so a group of them is never torn:
//! a page ends behind a whole group, and a group that the node's answer may have torn is asked for again.

use node::{MovementFilter, MovementRow, PAGE_LIMIT};

/// Movements on one page, unless a group of one moment makes it longer.
const PAGE: usize = 50;

/// What is asked for at once when every movement will be shown: a page, and room for a group at its end.
const ASKED: i64 = 100;

/// How many times the node is asked for one page, when most of what it answers is of another room.
const LOOKS: usize = 8;

/// One page of movements.
#[derive(Debug, Default)]
pub struct Found {
    /// The movements.
    pub rows: Vec<MovementRow>,
    /// The cursor of the next page, if there is one.
    pub before: Option<i64>,
}

/// One page in the making: asks the node until the page is full. The node's filter knows no room, so the page does.
pub struct Paging {
    filter: MovementFilter,
    room: String,
    kept: Vec<MovementRow>,
    more: bool,
    looks: usize,
}

impl Paging {
    /// A page of what `filter` admits, in `room` (in any, when empty).
    pub fn new(filter: MovementFilter, room: &str) -> Self {
        Self {
            filter,
            room: room.to_owned(),
            kept: Vec::new(),
            more: true,
            looks: 0,
        }
    }

    /// What to ask the node next, and for how many; `None` when the page is complete.
    pub fn asks(&self) -> Option<(MovementFilter, i64)> {
        let limit = if self.room.is_empty() { ASKED } else { PAGE_LIMIT };
        (self.more && self.kept.len() <= PAGE && self.looks < LOOKS).then(|| (self.filter.clone(), limit))
    }

    /// Takes the node's answer to a question for `limit` movements.
    pub fn take(&mut self, mut answer: Vec<MovementRow>, limit: i64) {
        self.looks += 1;
        self.more = i64::try_from(answer.len()).is_ok_and(|length| length >= limit);
        if let (true, Some(first), Some(last)) = (self.more, answer.first(), answer.last()) {
            let (newest, oldest) = (first.updated, last.updated);
            // A whole answer of one moment cannot be asked for again: it would come out the same.
            if newest == oldest {
                self.filter.before = Some(oldest);
            } else {
                answer.retain(|row| row.updated > oldest);
                self.filter.before = Some(oldest.saturating_add(1));
            }
        }
        self.kept.extend(
            answer
                .into_iter()
                .filter(|row| self.room.is_empty() || row.room == self.room),
        );
    }

    /// The page.
    pub fn page(mut self) -> Found {
        let before = self.filter.before.filter(|_| self.more);
        let Some(edge) = self.kept.get(PAGE - 1).map(|row| row.updated) else {
            return Found {
                rows: self.kept,
                before,
            };
        };
        let length = self.kept.iter().take_while(|row| row.updated >= edge).count();
        let before = if length < self.kept.len() {
            Some(edge)
        } else {
            before
        };
        self.kept.truncate(length);
        Found {
            rows: self.kept,
            before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::movement;
    use super::*;

    /// What the node would answer.
    fn node(all: &[MovementRow], filter: &MovementFilter, limit: i64) -> Vec<MovementRow> {
        let fits = |row: &&MovementRow| filter.before.is_none_or(|before| row.updated < before);
        all.iter()
            .filter(fits)
            .take(usize::try_from(limit).unwrap())
            .cloned()
            .collect()
    }

    /// The lengths of the pages, which must show every movement of `room` once.
    fn page_lengths(all: &[MovementRow], room: &str) -> Vec<usize> {
        let (mut before, mut seen, mut lengths) = (None, Vec::new(), Vec::new());
        loop {
            let mut paging = Paging::new(
                MovementFilter {
                    before,
                    ..MovementFilter::default()
                },
                room,
            );
            while let Some((filter, limit)) = paging.asks() {
                paging.take(node(all, &filter, limit), limit);
            }
            let found = paging.page();
            lengths.push(found.rows.len());
            seen.extend(found.rows.into_iter().map(|row| row.movement));
            before = found.before;
            if before.is_none() {
                let wanted = all.iter().filter(|row| room.is_empty() || row.room == room);
                assert_eq!(seen, wanted.map(|row| row.movement.clone()).collect::<Vec<_>>());
                return lengths;
            }
        }
    }

    fn movements(updated: impl Iterator<Item = i64>) -> Vec<MovementRow> {
        let mut rows: Vec<MovementRow> = updated
            .enumerate()
            .map(|(number, updated)| MovementRow {
                movement: format!("{number}"),
                updated,
                ..movement()
            })
            .collect();
        rows.sort_by_key(|row| -row.updated);
        rows
    }

    #[test]
    fn pages_are_of_fifty() {
        assert_eq!(page_lengths(&movements(0..120), ""), [50, 50, 20]);
        assert_eq!(page_lengths(&movements(0..50), ""), [50]);
        assert_eq!(page_lengths(&[], ""), [0]);
    }

    #[test]
    fn movements_of_one_moment_stay_together() {
        for group in [2, 3, 7, 40, 49] {
            let lengths = page_lengths(&movements((0..400).map(|number| number / group)), "");
            assert!(lengths.iter().all(|length| *length < 100), "{lengths:?}");
        }
    }

    #[test]
    fn a_rare_room_is_found_far_down() {
        let mut all = movements(0..3000);
        for row in all.iter_mut().skip(2500).step_by(10) {
            row.room = "passage".to_owned();
        }
        assert_eq!(page_lengths(&all, "passage"), [50]);
    }

    #[test]
    fn an_answer_of_one_moment_does_not_ask_for_ever() {
        let all = movements((0..150).map(|_| 7));
        let mut paging = Paging::new(MovementFilter::default(), "");
        while let Some((filter, limit)) = paging.asks() {
            paging.take(node(&all, &filter, limit), limit);
        }
        assert_eq!(paging.page().rows.len(), 100);
    }
}
