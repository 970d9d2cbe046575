//! Lines and columns, worked out only when there is something to report.

/// How far apart the places are whose line and column are remembered.
const STRIDE: usize = 64 * 1024;

/// Finds the line and column of offsets in a text.
pub(crate) struct Places<'a> {
    bytes: &'a [u8],
    /// Line and column of every `STRIDE`th byte; made on the first question.
    marks: Vec<(u32, u32)>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Places { bytes: text.as_bytes(), marks: Vec::new() }
    }

    /// Line and column, both from 1, the column in characters.
    pub(crate) fn of(&mut self, offset: usize) -> (u32, u32) {
        if self.marks.is_empty() {
            let mut place = (1, 1);
            for chunk in self.bytes.chunks(STRIDE) {
                self.marks.push(place);
                place = advance(place, chunk);
            }
        }
        let offset = offset.min(self.bytes.len());
        let index = (offset / STRIDE).min(self.marks.len().saturating_sub(1));
        let mark = self.marks.get(index).copied().unwrap_or((1, 1));
        advance(mark, self.bytes.get(index * STRIDE..offset).unwrap_or_default())
    }
}

fn advance((line, column): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let is_character = |byte: &&u8| **byte & 0xC0 != 0x80;
    let count = |bytes: &[u8]| u32::try_from(bytes.iter().filter(is_character).count()).unwrap_or(u32::MAX);
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        None => (line, column.saturating_add(count(bytes))),
        Some(last) => {
            let breaks = bytes.iter().filter(|byte| **byte == b'\n').count();
            let after = count(bytes.get(last + 1..).unwrap_or_default());
            (line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX)), after + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters() {
        let mut places = Places::new("a\u{e9}b\nxyz\n");
        assert_eq!(places.of(0), (1, 1));
        assert_eq!(places.of(3), (1, 3));
        assert_eq!(places.of(5), (2, 1));
        assert_eq!(places.of(7), (2, 3));
        assert_eq!(places.of(100), (3, 1));
    }

    #[test]
    fn far_places_are_found_from_the_nearest_mark() {
        let text = "0123456789\n".repeat(20_000);
        let mut places = Places::new(&text);
        assert_eq!(places.of(11 * 15_000 + 4), (15_001, 5));
        assert_eq!(places.of(11 * 3 + 4), (4, 5));
    }
}
