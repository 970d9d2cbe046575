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

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Writes each message as `NNNN-FROM-TO-TYPE.xml`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
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
