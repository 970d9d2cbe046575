//! What was said in a run: every message of every node, in order, as files and as a timeline.

use crate::client::{Api, ClientError};
use base::Country;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// One message, as the node that first knew of it recorded it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in the run, from 1.
    #[serde(default)]
    pub number: usize,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// The node's own number of the message.
    pub id: i64,
    /// `received` or `sent`.
    pub direction: String,
    /// From: a country or `trader`.
    #[serde(rename = "from")]
    pub from_party: String,
    /// To: a country or `trader`.
    #[serde(rename = "to")]
    pub to_party: String,
    /// The type, as in `CC015C`.
    #[serde(rename = "type")]
    pub message_type: String,
    /// The movement: its MRN, or its LRN before acceptance.
    pub movement: String,
    /// What became of it.
    pub outcome: String,
    /// The clause under which it left the administration.
    #[serde(default)]
    pub clause: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    messages: Vec<Entry>,
}

/// The messages of a run.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    entries: Vec<(Entry, Vec<u8>)>,
}

impl Timeline {
    /// Collects the messages of all nodes. A message between two countries is taken from its sender.
    ///
    /// # Errors
    /// When a node does not answer.
    pub async fn collect(nodes: &BTreeMap<Country, Api>) -> Result<Self, ClientError> {
        let mut entries = Vec::new();
        for (country, api) in nodes {
            let mut after = 0;
            loop {
                let page: Page =
                    api.get_patiently(&format!("/api/v1/messages?after={after}&limit=500")).await?;
                let Some(last) = page.messages.last().map(|entry| entry.id) else {
                    break;
                };
                after = last;
                for entry in page.messages {
                    let foreign = entry.direction == "received" && entry.from_party != "trader";
                    if foreign && entry.from_party != country.to_string() {
                        continue;
                    }
                    let body = api.bytes_patiently(&format!("/api/v1/messages/{}", entry.id)).await?;
                    entries.push((entry, body));
                }
            }
        }
        // Every recorded message has a moment of its own node; ties are broken by the node's numbering.
        entries.sort_by(|(a, _), (b, _)| (a.at, a.id, &a.from_party).cmp(&(b.at, b.id, &b.from_party)));
        for (number, (entry, _)) in entries.iter_mut().enumerate() {
            entry.number = number + 1;
        }
        Ok(Self { entries })
    }

    /// The entries in order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(entry, _)| entry)
    }

    /// Writes each message as `NNNN-FROM-TO-TYPE.xml`. Files of an earlier run, which have such names, are removed first,
    /// so that what is there afterwards is one run; others stay.
    ///
    /// # Errors
    /// When a file cannot be written or removed.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        for file in std::fs::read_dir(folder)? {
            let file = file?;
            if file.file_name().to_str().is_some_and(is_file_of_a_run) && file.file_type()?.is_file() {
                std::fs::remove_file(file.path())?;
            }
        }
        for (entry, body) in &self.entries {
            let name = format!(
                "{:04}-{}-{}-{}.xml",
                entry.number, entry.from_party, entry.to_party, entry.message_type
            );
            std::fs::write(folder.join(name), body)?;
        }
        Ok(())
    }

    /// The timeline in words, one message a line.
    pub fn lines(&self) -> Vec<String> {
        let start = self.entries.first().map(|(entry, _)| entry.at).unwrap_or_default();
        self.entries()
            .map(|entry| {
                format!(
                    "{:>4}  +{:>8.3}s  {:>6} -> {:<6}  {:<7}  {:<22}  {}{}",
                    entry.number,
                    (entry.at - start) as f64 / 1e6,
                    entry.from_party,
                    entry.to_party,
                    entry.message_type,
                    entry.movement,
                    entry.outcome,
                    entry.clause.as_deref().map(|clause| format!("  [{clause}]")).unwrap_or_default(),
                )
            })
            .collect()
    }
}

/// Whether a file has a name as [`Timeline::write`] gives it: `0001-trader-GB-CC015C.xml`, `0002-GB-trader-unknown.xml`.
fn is_file_of_a_run(name: &str) -> bool {
    let Some(parts) = name.strip_suffix(".xml") else { return false };
    let [number, from, to, message_type] = parts.split('-').collect::<Vec<_>>()[..] else { return false };
    let is_party =
        |party: &str| !party.is_empty() && party.bytes().all(|letter| letter.is_ascii_alphabetic());
    number.len() >= 4
        && number.bytes().all(|digit| digit.is_ascii_digit())
        && is_party(from)
        && is_party(to)
        && (message_type == "unknown" || wire::MessageType::parse(message_type).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_an_earlier_run_make_room() {
        let folder = std::env::temp_dir().join(format!("tidewaiter-timeline-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("0003-GB-FR-CD001C.xml")).unwrap();
        let kept = [
            "notes.xml",
            "001-trader-GB-CC015C.xml",
            "0001-trader-GB-CC015C.xml.bak",
            "0001-a-b-c-d.xml",
            "2024-GB-FR-report.xml",
        ];
        let removed = ["0001-trader-GB-CC015C.xml", "0002-GB-trader-unknown.xml", "12345-GB-FR-CD001C.xml"];
        for name in kept.iter().chain(&removed) {
            std::fs::write(folder.join(name), "").unwrap();
        }
        Timeline::default().write(&folder).unwrap();
        assert!(kept.iter().all(|name| folder.join(name).exists()));
        assert!(removed.iter().all(|name| !folder.join(name).exists()));
        assert!(folder.join("0003-GB-FR-CD001C.xml").is_dir());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
