//! The authoring form: agreement documents in TOML, read with errors that a lawyer can act on.
//!
//! Every error names line, field and clause and says what to do. Unknown fields are refused: a misspelt `personal`
//! must not become a document that means something else. Dates are quoted: `from = "2026-01-01"`.

use crate::coherence::Fault;
use crate::document::{Agreement, Draft};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, ValueDeserializer};

/// The largest document in bytes; the library's largest is a tenth of it.
const LARGEST: usize = 1024 * 1024;

/// An error in the authoring form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoringError {
    /// The line, from 1.
    pub line: usize,
    /// The field, as in `disclosures[3].purpose`; empty when the text is not TOML.
    pub field: String,
    /// The clause that the field belongs to.
    pub clause: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// How to put it right.
    pub fix: String,
}

impl fmt::Display for AuthoringError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}", self.line)?;
        if !self.field.is_empty() {
            write!(out, ", `{}`", self.field)?;
        }
        if let Some(clause) = &self.clause {
            write!(out, ", clause `{clause}`")?;
        }
        write!(out, ": {}; {}", self.problem, self.fix)
    }
}

/// Every error found in a document, by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoringErrors(pub Vec<AuthoringError>);

impl fmt::Display for AuthoringErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.0.iter().enumerate() {
            if position > 0 {
                out.write_str("\n")?;
            }
            write!(out, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for AuthoringErrors {}

impl AuthoringErrors {
    /// The faults of a draft that was not read from a text.
    pub(crate) fn of_faults(faults: Vec<Fault>) -> Self {
        let nowhere = Places::default();
        sorted(faults.into_iter().map(|fault| nowhere.locate(fault)).collect())
    }
}

impl Agreement {
    /// Reads a document from its authoring form.
    ///
    /// # Errors
    /// All that is wrong with it: first its form, and if that is right, its coherence.
    pub fn from_toml(text: &str) -> Result<Self, AuthoringErrors> {
        Self::new(read(text)?).map_err(|faults| {
            let places = Places::of(text);
            sorted(faults.into_iter().map(|fault| places.locate(fault)).collect())
        })
    }

    /// The document in its authoring form, from which [`Agreement::from_toml`] reads the same document.
    pub fn to_toml(&self) -> String {
        let draft: &Draft = self;
        // INVARIANT: every part of a draft is text, a whole number or a truth value, all of which TOML has.
        toml::to_string(draft).unwrap_or_default()
    }

    /// Reads a document from its canonical bytes, as nodes exchange it.
    ///
    /// # Errors
    /// When the bytes are not the canonical form of a document that holds together.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, AuthoringErrors> {
        let whole = |problem: String, fix: &str| {
            AuthoringErrors(vec![AuthoringError {
                line: 1,
                field: String::new(),
                clause: None,
                problem,
                fix: fix.to_owned(),
            }])
        };
        let draft: Draft = serde_json::from_slice(bytes)
            .map_err(|error| whole(error.to_string(), "send the canonical bytes of an agreement"))?;
        let agreement = Self::new(draft).map_err(AuthoringErrors::of_faults)?;
        if agreement.canonical_bytes() == bytes {
            Ok(agreement)
        } else {
            Err(whole(
                "the document is not in its canonical form".to_owned(),
                "order and write it as RFC 8785 says",
            ))
        }
    }
}

/// The line that a byte lies on, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Reads the parts of every list one by one, so that each faulty part is reported, and then the whole.
fn read(text: &str) -> Result<Draft, AuthoringErrors> {
    let malformed = |line, problem: String, fix: &str| {
        AuthoringErrors(vec![AuthoringError {
            line,
            field: String::new(),
            clause: None,
            problem,
            fix: fix.to_owned(),
        }])
    };
    if text.len() > LARGEST {
        return Err(malformed(1, format!("the document is larger than {LARGEST} bytes"), "split it"));
    }
    let mut table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        malformed(line, one_line(error.message()), "correct the TOML")
    })?;
    let mut reader = Reader { text, places: OnceCell::new(), errors: Vec::new() };
    let fields = table.get_mut();
    reader.list::<crate::document::Party>(fields, "parties");
    reader.list::<crate::document::LegalText>(fields, "texts");
    reader.list::<crate::document::Clause>(fields, "clauses");
    reader.list::<crate::document::TransferBasis>(fields, "transfer_basis");
    reader.list::<crate::disclosure::Disclosure>(fields, "disclosures");
    reader.list::<crate::duty::Obligation>(fields, "obligations");
    reader.list::<crate::duty::Retention>(fields, "retention");
    reader.list::<crate::duty::Reciprocity>(fields, "reciprocity");
    reader.list::<crate::duty::Quota>(fields, "quotas");
    reader.list::<crate::disclosure::GoldenTest>(fields, "golden_tests");
    reader.list::<crate::document::Signature>(fields, "signatures");
    let whole = Draft::deserialize(toml::de::Deserializer::from(table))
        .map_err(|error| reader.report(&error, None, None));
    match whole {
        Ok(draft) if reader.errors.is_empty() => Ok(draft),
        _ => Err(sorted(reader.errors)),
    }
}

fn sorted(mut errors: Vec<AuthoringError>) -> AuthoringErrors {
    errors.sort_by(|a, b| (a.line, &a.field).cmp(&(b.line, &b.field)));
    AuthoringErrors(errors)
}

/// A message in one line and without the names of our types.
fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").replace("expected u32", "expected a whole number")
}

struct Reader<'t> {
    text: &'t str,
    /// Found when the first error is: most documents have none.
    places: OnceCell<Places>,
    errors: Vec<AuthoringError>,
}

impl<'t> Reader<'t> {
    /// Tries each part of a list; the faulty ones are reported and taken out, so that the whole can still be read.
    fn list<T: DeserializeOwned>(&mut self, fields: &mut DeTable<'t>, name: &str) {
        let Some(value) = fields.get_mut(name) else {
            return;
        };
        let DeValue::Array(items) = value.get_mut() else {
            return;
        };
        let mut sound = DeArray::new();
        for (position, item) in items.iter().enumerate() {
            let clause = item
                .get_ref()
                .get("clause")
                .or_else(|| item.get_ref().get("id").filter(|_| name == "clauses"))
                .and_then(|value| value.get_ref().as_str())
                .map(str::to_owned);
            match T::deserialize(ValueDeserializer::from(item.clone())) {
                Ok(_) => sound.push(item.clone()),
                Err(error) => self.report(&error, Some(&format!("{name}[{position}]")), clause),
            }
        }
        *items = sound;
    }

    fn report(&mut self, error: &toml::de::Error, part: Option<&str>, clause: Option<String>) {
        let problem = one_line(error.message());
        let span = error.span().filter(|span| !span.is_empty() || part.is_none());
        let places = self.places.get_or_init(|| Places::of(self.text));
        let found = span.as_ref().and_then(|span| places.at(span));
        let place = found.or(part).unwrap_or_default().to_owned();
        let line = match (&span, part) {
            (Some(span), _) => line_of(self.text, span.start),
            (None, Some(part)) => places.line(part),
            (None, None) => 1,
        };
        let (field, fix) = if let Some(missing) = quoted_after(&problem, "missing field ") {
            (join(part.unwrap_or_default(), missing), "add it".to_owned())
        } else if let Some(unknown) = quoted_after(&problem, "unknown field ") {
            (join(part.unwrap_or_default(), unknown), "remove it or correct its name".to_owned())
        } else {
            (place, "correct the value".to_owned())
        };
        self.errors.push(AuthoringError { line, field, clause, problem, fix });
    }
}

fn join(place: &str, field: &str) -> String {
    if place.is_empty() { field.to_owned() } else { format!("{place}.{field}") }
}

fn quoted_after<'m>(message: &'m str, start: &str) -> Option<&'m str> {
    message.strip_prefix(start)?.strip_prefix('`')?.split('`').next()
}

/// Where each field of a document stands in the text.
#[derive(Default)]
struct Places {
    spans: BTreeMap<String, Range<usize>>,
    lines: BTreeMap<String, usize>,
}

impl Places {
    fn of(text: &str) -> Self {
        let mut places = Self::default();
        if let Ok(table) = DeTable::parse(text) {
            places.table(text, table.get_ref(), "");
        }
        places
    }

    fn table(&mut self, text: &str, table: &DeTable<'_>, prefix: &str) {
        for (key, value) in table {
            let place = join(prefix, key.get_ref());
            let key_span = key.span();
            let whole = key_span.start.min(value.span().start)..key_span.end.max(value.span().end);
            self.lines.insert(place.clone(), line_of(text, key_span.start));
            self.value(text, value, place, whole);
        }
    }

    fn value(&mut self, text: &str, value: &Spanned<DeValue<'_>>, place: String, span: Range<usize>) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(text, table, &place),
            DeValue::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    let place = format!("{place}[{position}]");
                    self.lines.insert(place.clone(), line_of(text, item.span().start));
                    self.value(text, item, place, item.span());
                }
            }
            _ => {}
        }
        self.spans.insert(place, span);
    }

    /// The innermost field that the span lies in.
    fn at(&self, span: &Range<usize>) -> Option<&str> {
        self.spans
            .iter()
            .filter(|(_, whole)| whole.start <= span.start && span.end <= whole.end)
            .min_by_key(|(_, whole)| whole.end - whole.start)
            .map(|(place, _)| place.as_str())
    }

    /// The line of a field, or of the nearest part around it that stands in the text.
    fn line(&self, place: &str) -> usize {
        let mut place = place;
        loop {
            if let Some(line) = self.lines.get(place) {
                return *line;
            }
            match place.rfind(['.', '[']) {
                Some(end) => place = place.get(..end).unwrap_or_default(),
                None => return 1,
            }
        }
    }

    fn locate(&self, fault: Fault) -> AuthoringError {
        AuthoringError {
            line: self.line(&fault.place),
            field: fault.place,
            clause: fault.clause,
            problem: fault.problem,
            fix: fault.fix,
        }
    }
}
