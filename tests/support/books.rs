//! The books of the nodes of a corridor that has ended, opened one by one and compared.

use node::{Config, MessageRow, Node, World};
use std::collections::BTreeMap;
use std::path::Path;

/// What one node has on record.
struct Books {
    country: String,
    messages: Vec<MessageRow>,
    differences: Vec<String>,
}

/// Checks that every state follows from its journal, and that what one node sent another received once.
pub fn assert_in_order(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut sent: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut received: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut nodes = 0;
    for entry in std::fs::read_dir(folder).expect("the nodes").flatten() {
        let books = runtime.block_on(open(&entry.path().join("tidewaiter.toml")));
        nodes += 1;
        assert_eq!(books.differences, [] as [String; 0], "{}", books.country);
        for message in books.messages {
            // Messages between two rooms of one administration and messages of traders do not travel.
            let Some(identity) = message.exchange_id else { continue };
            if message.direction == "sent" {
                assert_eq!(message.outcome, "delivered", "{} {identity}", message.message_type);
                *sent.entry((message.to_party, identity)).or_default() += 1;
            } else {
                assert_eq!(message.outcome, "accepted", "{} {identity}", message.message_type);
                *received.entry((books.country.clone(), identity)).or_default() += 1;
            }
        }
    }
    assert!(nodes > 1 && !sent.is_empty());
    assert!(sent.values().all(|count| *count == 1), "{sent:?}");
    assert_eq!(sent, received);
}

async fn open(config: &Path) -> Books {
    let config = Config::load(config).expect("a configuration");
    let country = config.administration.country().to_string();
    let node = Node::open(config, World::system()).await.expect("the node opens");
    let mut messages: Vec<MessageRow> = Vec::new();
    loop {
        let after = messages.last().map_or(0, |message| message.id);
        let page = node.messages(None, None, after, node::PAGE_LIMIT).await.expect("messages");
        if page.is_empty() {
            break;
        }
        messages.extend(page);
    }
    let differences = node.replay_differences().await.expect("the journal reads back");
    node.close().await;
    Books { country, messages, differences }
}
