//! Versions: each export is kept under the day of its snapshot.

use crate::Date;
use serde::{Deserialize, Serialize};
use std::fmt;

/// When and where an export was taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Snapshot {
    /// The day of the export. Lists that belong to a message schema have none: they hold as long as the schema.
    pub date: Option<Date>,
    /// Where it comes from, in words; for a schema its name and version.
    pub source: String,
}

impl fmt::Display for Snapshot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date {
            Some(date) => date.fmt(out),
            None => out.write_str(&self.source),
        }
    }
}

/// One export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version<T> {
    /// When and where it was taken.
    pub snapshot: Snapshot,
    /// Which attempt at this snapshot it is, from 1: an export that was corrected and imported again under the same
    /// day becomes the next revision, and the earlier one stays on record.
    pub revision: u32,
    /// What it says.
    pub content: T,
}

/// All exports of one list, or of the customs offices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Version<T>>")]
pub struct Versions<T>(Vec<Version<T>>);

/// Whether an export was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was kept as a version of its own.
    New,
    /// The same content under the same snapshot was there already.
    Known,
}

impl<T> From<Vec<Version<T>>> for Versions<T> {
    fn from(mut versions: Vec<Version<T>>) -> Self {
        versions.sort_by_key(|version| (version.snapshot.date, version.revision));
        Self(versions)
    }
}

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Versions<T> {
    /// Keeps an export, unless the last one of the same snapshot says the same.
    pub fn add(&mut self, snapshot: Snapshot, content: T) -> Added {
        // INVARIANT: versions stay in order of snapshot date and revision; `on` relies on it.
        let place = self.0.partition_point(|version| version.snapshot.date <= snapshot.date);
        let previous = place.checked_sub(1).and_then(|last| self.0.get(last));
        let same_day = previous.filter(|version| version.snapshot.date == snapshot.date);
        if same_day.is_some_and(|version| version.content == content) {
            return Added::Known;
        }
        let revision = same_day.map_or(1, |version| version.revision.saturating_add(1));
        self.0.insert(place, Version { snapshot, revision, content });
        Added::New
    }
}

impl<T> Versions<T> {
    /// The version to read on that day: the last whose snapshot is not after it. Before the first snapshot it is the
    /// last revision of that one, whose entries carry their own dates.
    pub fn on(&self, day: Date) -> Option<&Version<T>> {
        let first_day = self.0.first()?.snapshot.date;
        let day = first_day.max(Some(day));
        let place = self.0.partition_point(|version| version.snapshot.date <= day);
        place.checked_sub(1).and_then(|last| self.0.get(last))
    }

    /// The version with the latest snapshot.
    pub fn latest(&self) -> Option<&Version<T>> {
        self.0.last()
    }

    /// All versions, oldest snapshot first.
    pub fn iter(&self) -> impl Iterator<Item = &Version<T>> {
        self.0.iter()
    }

    /// Whether nothing was ever loaded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(day: &str) -> Snapshot {
        Snapshot { date: Date::parse(day).ok(), source: "test".to_owned() }
    }

    #[test]
    fn each_day_reads_the_snapshot_before_it() {
        let mut versions = Versions::default();
        assert_eq!(versions.add(taken("2025-06-01"), "second"), Added::New);
        assert_eq!(versions.add(taken("2025-01-01"), "first"), Added::New);
        assert_eq!(versions.add(taken("2025-06-01"), "second"), Added::Known);
        assert_eq!(versions.add(taken("2025-06-01"), "corrected"), Added::New);
        assert_eq!(versions.add(taken(""), "schema"), Added::New);
        let read = |day: &str| {
            let version = versions.on(Date::parse(day).unwrap()).unwrap();
            (version.content, version.revision)
        };
        assert_eq!(read("2024-01-01"), ("schema", 1));
        assert_eq!(read("2025-01-01"), ("first", 1));
        assert_eq!(read("2025-05-31"), ("first", 1));
        assert_eq!(read("2025-06-01"), ("corrected", 2));
        assert_eq!(versions.iter().count(), 4);
    }

    #[test]
    fn before_the_first_snapshot_the_first_is_read() {
        let mut versions = Versions::default();
        versions.add(taken("2025-01-01"), "first");
        assert_eq!(versions.on(Date::parse("2020-01-01").unwrap()).unwrap().content, "first");
        assert!(Versions::<()>::default().on(Date::parse("2020-01-01").unwrap()).is_none());
    }
}
