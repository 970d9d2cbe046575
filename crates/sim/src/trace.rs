//! What happened in a simulation, line by line, in simulated time.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, from the beginning of the simulation.
    pub at: Duration,
    /// Where: a country, `network` or `people`.
    pub place: String,
    /// What.
    pub words: String,
    /// The letter that it is about, by its identity between nodes.
    pub letter: Option<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.at.as_secs(), self.at.subsec_millis());
        write!(out, "{:02}:{:02}.{millis:03} {:<8} {}", seconds / 60, seconds % 60, self.place, self.words)
    }
}

/// Everything that happened in a run. Two runs of a seed have the same trace, to the letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    lines: Vec<Line>,
}

impl Trace {
    /// The lines in their order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(crate) fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Writes the type of message into the lines that are about a letter: on its way it is known by its identity only.
    pub(crate) fn name_letters(&mut self, types: &BTreeMap<String, String>) {
        for line in &mut self.lines {
            if let Some(kind) = line.letter.take().and_then(|letter| types.get(&letter)) {
                line.words = format!("{kind} {}", line.words);
            }
        }
    }

    /// Where two traces differ for the first time: the number of the line, and both lines.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let longest = self.lines.len().max(other.lines.len());
        let shown = |line: Option<&Line>| line.map_or_else(|| "(end)".to_owned(), Line::to_string);
        let differ = (0..longest).find(|place| self.lines.get(*place) != other.lines.get(*place))?;
        let (one, two) = (shown(self.lines.get(differ)), shown(other.lines.get(differ)));
        Some(format!("line {}:\n  {one}\n  {two}", differ + 1))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &str, letter: Option<&str>) -> Line {
        Line {
            at: Duration::from_millis(61_040),
            place: "GB".to_owned(),
            words: words.to_owned(),
            letter: letter.map(str::to_owned),
        }
    }

    #[test]
    fn a_line_shows_time_place_and_letter() {
        let mut trace = Trace::default();
        trace.push(line("delivered to FR", Some("id-1")));
        trace.name_letters(&BTreeMap::from([("id-1".to_owned(), "CD050C".to_owned())]));
        assert_eq!(trace.to_string(), "01:01.040 GB       CD050C delivered to FR\n");
    }

    #[test]
    fn the_first_difference_is_found() {
        let (mut one, mut two) = (Trace::default(), Trace::default());
        one.push(line("a", None));
        two.push(line("a", None));
        assert_eq!(one.first_difference(&two), None);
        two.push(line("b", None));
        assert!(one.first_difference(&two).is_some_and(|words| words.starts_with("line 2:\n  (end)")));
    }
}
