//! Pages of movements by a cursor that stays right while movements change: nothing is skipped, nothing shown twice.

use node::MovementRow;

/// Movements on one page.
const PAGE: usize = 50;

/// What to ask the node for: a page, and one more that shows that there is another.
pub const ASKED: i64 = 51;

/// One page of movements.
#[derive(Debug, Default)]
pub struct Found {
    /// The movements.
    pub rows: Vec<MovementRow>,
    /// The cursor of the next page, if there is one.
    pub before: Option<i64>,
}

impl Found {
    /// The page of an answer to a question for [`ASKED`] movements.
    pub fn of(mut rows: Vec<MovementRow>) -> Self {
        let more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let before = rows.last().filter(|_| more).map(|row| row.change);
        Self { rows, before }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::movement;
    use super::*;

    /// The lengths of the pages of `count` movements; each must be shown once.
    fn page_lengths(count: i64) -> Vec<usize> {
        let all: Vec<_> = (0..count).rev().map(|change| MovementRow { change, ..movement() }).collect();
        let (mut before, mut seen, mut lengths) = (i64::MAX, Vec::new(), Vec::new());
        loop {
            let answer = all.iter().filter(|row| row.change < before);
            let found = Found::of(answer.take(usize::try_from(ASKED).unwrap()).cloned().collect());
            lengths.push(found.rows.len());
            seen.extend(found.rows.iter().map(|row| row.change));
            match found.before {
                Some(next) => before = next,
                None => break,
            }
        }
        assert_eq!(seen, (0..count).rev().collect::<Vec<_>>());
        lengths
    }

    #[test]
    fn pages_are_of_fifty() {
        assert_eq!(page_lengths(120), [50, 50, 20]);
        assert_eq!(page_lengths(100), [50, 50]);
        assert_eq!(page_lengths(50), [50]);
        assert_eq!(page_lengths(0), [0]);
    }
}
