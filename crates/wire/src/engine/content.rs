//! What may stand where: elements against the table.

use super::{Engine, Sink, Stop};
use crate::element::{Frame, Holds, Tentative};
use crate::lexer::quoted;
use crate::namespace::{NCTS, Resolved};
use crate::table::{Content, ElementSpec, GroupSpec, table};
use crate::{MessageType, cl030};

impl<'a, S: Sink> Engine<'a, '_, S> {
    pub(super) fn enter_root(&mut self, frame: &mut Frame<'a>) -> Result<(), Stop> {
        self.had_root = true;
        let local = frame.raw_name.split_once(':').map_or(frame.raw_name, |(_, local)| local);
        self.message = MessageType::parse(local);
        frame.name = local;
        let is_ours = matches!(self.scopes.element(frame.raw_name), Resolved::In(NCTS, _));
        let spec = self.message.and_then(|message| table().root(message));
        let (code, message) = match spec {
            Some(spec) if is_ours => {
                frame.holds = Holds::Group { spec, next: 0, base: self.counts.len(), had_text: false };
                return Ok(());
            }
            Some(_) => (cl030::NOT_EXPECTED, format!("the root element must be in the namespace `{NCTS}`")),
            None => (cl030::OTHER, format!("`{}` is none of the 91 messages of NCTS phase 5", quoted(local))),
        };
        let path = format!("/{}", quoted(local));
        self.push_error(frame, code, path, message, None)
    }

    pub(super) fn enter_child(
        &mut self,
        frame: &mut Frame<'a>,
        spec: &'static GroupSpec,
        next: usize,
        base: usize,
        is_unqualified: bool,
    ) -> Result<(), Stop> {
        let name = frame.raw_name;
        let ahead = spec.elements.iter().skip(next).position(|element| element.name == name);
        let found = match ahead {
            _ if !is_unqualified => None,
            Some(steps) => Some(next + steps),
            None => spec.elements.iter().take(next).position(|element| element.name == name),
        };
        let Some((index, element)) = found.and_then(|index| Some((index, spec.elements.get(index)?))) else {
            let name = quoted(name);
            let message = format!("`{name}` is not expected here{}", self.expected(spec, next, base));
            let path = format!("{}/{name}", self.path());
            return self.push_error(frame, cl030::NOT_EXPECTED, path, message, None);
        };
        let count = self.counts.get(base + index).copied().unwrap_or(0) + 1;
        if let Some(slot) = self.counts.get_mut(base + index) {
            *slot = count;
        }
        frame.name = element.name;
        frame.number = count;
        frame.holds = match element.content {
            Content::Group(group) => match table().group(group) {
                Some(spec) => Holds::Group { spec, next: 0, base: self.counts.len(), had_text: false },
                None => Holds::Unknown,
            },
            Content::Text(format) => match table().format(format) {
                Some(format) => Holds::Text { element, format, has_error: false },
                None => Holds::Unknown,
            },
        };
        if index < next {
            return self.report_late(frame, spec, index);
        }
        if count > element.max {
            let message = format!("`{name}` may occur at most {}", times(element.max));
            let path = self.path_of(frame);
            return self.push_error(frame, cl030::TOO_MANY, path, message, None);
        }
        if index > next {
            self.report_missing(frame, spec, next..index, base, true)?;
            if let Some(Frame { holds: Holds::Group { next, .. }, .. }) = self.open.last_mut() {
                *next = index;
            }
        }
        Ok(())
    }

    /// Reports an element that stands behind others that must follow it. If it was already reported as missing before
    /// one of those, that one is what is out of place.
    pub(super) fn report_late(
        &mut self,
        frame: &Frame<'a>,
        spec: &GroupSpec,
        index: usize,
    ) -> Result<(), Stop> {
        let depth = self.open.len();
        let is_same = |one: &Tentative| one.depth == depth && one.index == index;
        let Some(at) = self.tentative.iter().position(is_same) else {
            let name = frame.name;
            let after = spec.elements.get(index + 1).map(|element| element.name).unwrap_or_default();
            let message = format!("`{name}` is not expected here: it must stand before `{after}`");
            let path = self.path_of(frame);
            return self.push_error(frame, cl030::NOT_EXPECTED, path, message, None);
        };
        let settled = self.tentative.swap_remove(at);
        let is_first = !settled.culprit_reported;
        if is_first {
            let twins =
                self.tentative.iter_mut().filter(|one| one.depth == depth && one.culprit == settled.culprit);
            twins.for_each(|twin| twin.culprit_reported = true);
        }
        if let Some(error) = self.errors.get_mut(settled.error) {
            if is_first {
                error.code = cl030::NOT_EXPECTED;
                error.message =
                    format!("this element is not expected here: `{}` must stand before it", frame.name);
                error.path = settled.culprit;
            } else {
                error.code = 0;
            }
        }
        Ok(())
    }

    /// Reports the elements in `range` that are required and have not occurred often enough.
    pub(super) fn report_missing(
        &mut self,
        place: &Frame<'a>,
        spec: &'static GroupSpec,
        range: std::ops::Range<usize>,
        base: usize,
        has_culprit: bool,
    ) -> Result<(), Stop> {
        for index in range {
            let Some(element) = spec.elements.get(index) else {
                continue;
            };
            if self.counts.get(base + index).copied().unwrap_or(0) >= element.min {
                continue;
            }
            let name = element.name;
            let path = match element.content {
                Content::Text(_) => format!("{}/{name}", self.path()),
                Content::Group(_) => format!("{}/{name}[1]", self.path()),
            };
            if has_culprit {
                let (depth, error) = (self.open.len(), self.errors.len());
                let culprit = self.path_of(place);
                self.tentative.push(Tentative { depth, index, error, culprit, culprit_reported: false });
            }
            self.push_error(place, cl030::MISSING, path, format!("`{name}` is missing"), None)?;
        }
        Ok(())
    }

    /// Which element could stand here, in words.
    pub(super) fn expected(&self, spec: &GroupSpec, next: usize, base: usize) -> String {
        let is_possible = |index: usize, element: &ElementSpec| {
            self.counts.get(base + index).copied().unwrap_or(0) < element.max
        };
        let following =
            spec.elements.iter().enumerate().skip(next).find(|(index, element)| is_possible(*index, element));
        following.map_or(String::new(), |(_, element)| format!(": `{}` could be", element.name))
    }
}

fn times(max: u32) -> String {
    if max == 1 { "once".to_owned() } else { format!("{max} times") }
}
