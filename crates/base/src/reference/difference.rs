//! What a new export would change, to be shown before it is activated.

use super::{
    list::{CodeList, Entry},
    office::{Office, OfficeTable},
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// One thing before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    /// As it is now.
    pub before: T,
    /// As it would be.
    pub after: T,
}

/// What is only in the new export, only in the old one, and in both but not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference<T> {
    /// Only in the new one.
    pub added: Vec<T>,
    /// Only in the old one.
    pub removed: Vec<T>,
    /// In both, but not the same.
    pub changed: Vec<Change<T>>,
}

impl<T> Difference<T> {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl<T> fmt::Display for Difference<T> {
    /// Writes `3 added, 1 removed, 2 changed`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (added, removed, changed) = (self.added.len(), self.removed.len(), self.changed.len());
        write!(out, "{added} added, {removed} removed, {changed} changed")
    }
}

/// What `new` would change in a code list. Entries belong together by code; where a code has several, by their order.
pub fn list_difference(old: Option<&CodeList>, new: &CodeList) -> Difference<Entry> {
    between(old.map(by_code).unwrap_or_default(), by_code(new))
}

/// What `new` would change among the customs offices.
pub fn office_difference(old: Option<&OfficeTable>, new: &OfficeTable) -> Difference<Office> {
    let by_reference = |table: &OfficeTable| table.offices.clone();
    between(old.map(by_reference).unwrap_or_default(), by_reference(new))
}

fn by_code(list: &CodeList) -> BTreeMap<(String, usize), Entry> {
    let mut entries = BTreeMap::new();
    let mut previous = (String::new(), 0);
    for entry in list.entries() {
        let number = if entry.code == previous.0 { previous.1 + 1 } else { 0 };
        previous = (entry.code.clone(), number);
        entries.insert(previous.clone(), entry.clone());
    }
    entries
}

fn between<K: Ord, T: PartialEq>(mut old: BTreeMap<K, T>, new: BTreeMap<K, T>) -> Difference<T> {
    let mut difference = Difference { added: Vec::new(), removed: Vec::new(), changed: Vec::new() };
    for (key, after) in new {
        match old.remove(&key) {
            None => difference.added.push(after),
            Some(before) if before != after => difference.changed.push(Change { before, after }),
            Some(_) => {}
        }
    }
    difference.removed = old.into_values().collect();
    difference
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::parse_list;

    fn list(entries: &[(&str, &str, &str)]) -> CodeList {
        let entries: Vec<String> = entries
            .iter()
            .map(|(code, from, text)| {
                format!(r#"{{"code": "{code}", "activeFrom": "{from}", "description": "{text}"}}"#)
            })
            .collect();
        let text = format!(
            r#"{{"codeList": "CL999", "name": "Test", "snapshot": "2026-01-01", "entries": [{}]}}"#,
            entries.join(",")
        );
        parse_list("test.json", &text).unwrap().1
    }

    #[test]
    fn entries_are_matched_by_code() {
        let old = list(&[("A", "2024-01-01", "a"), ("B", "2024-01-01", "b"), ("C", "2024-01-01", "c")]);
        let new = list(&[("B", "2025-01-01", "b"), ("C", "2024-01-01", "c"), ("D", "2025-01-01", "d")]);
        let found = list_difference(Some(&old), &new);
        assert_eq!(found.to_string(), "1 added, 1 removed, 1 changed");
        assert_eq!(found.added.first().unwrap().code, "D");
        assert_eq!(found.removed.first().unwrap().code, "A");
        assert_eq!(found.changed.first().unwrap().after.valid_from.unwrap().to_string(), "2025-01-01");
        assert!(list_difference(Some(&new), &new).is_empty());
        assert_eq!(list_difference(None, &new).added.len(), 3);
    }

    #[test]
    fn a_second_period_of_a_code_is_an_addition() {
        let old = list(&[("A", "2024-01-01", "a")]);
        let new = list(&[("A", "2024-01-01", "a"), ("A", "2025-01-01", "a again")]);
        assert_eq!(list_difference(Some(&old), &new).to_string(), "1 added, 0 removed, 0 changed");
    }
}
