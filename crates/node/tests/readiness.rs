//! A node is ready while its store takes and gives; a store that can only be read does not count.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::Administration;
use node::{Config, DocumentDecision, Node, OfficerDecision, Principal, Role, SetUp, World};
use std::sync::Arc;
use std::time::Duration;
use store::MemoryDisk;

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_commit_is_not_ready() {
    let name = format!("readiness-{}", std::process::id());
    let folder = std::env::temp_dir().join(format!("tidewaiter-{name}"));
    let disk = MemoryDisk::open(&name).unwrap();
    let prepared = node::initialise(&SetUp {
        folder: folder.clone(),
        administration: Administration::parse("NTA.GB").unwrap(),
        store: disk.location().to_string(),
        api: "127.0.0.1:0".parse().unwrap(),
        peer: "127.0.0.1:0".parse().unwrap(),
        corridor_defaults: false,
        reference: None,
    })
    .unwrap();
    let node = Node::open(Config::load(&prepared.config).unwrap(), World::system()).await.unwrap();
    assert_eq!(node.readiness().await, Ok(()));

    // The disk is full: what is there can be read, and nothing more can be written.
    disk.fail_next_commits(1);
    let reason = node.readiness().await.unwrap_err();
    assert!(reason.starts_with("the store fails: "), "{reason}");
    assert!(node.partners().await.is_ok(), "it can be read all the while");
    assert_eq!(node.readiness().await, Ok(()));
    node.close().await;
    assert!(node.readiness().await.is_err());
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_read_what_it_signed_takes_nothing_until_it_can() {
    let folder = std::env::temp_dir().join(format!("tidewaiter-unread-{}", std::process::id()));
    let prepared = node::initialise(&SetUp {
        folder: folder.clone(),
        administration: Administration::parse("NTA.GB").unwrap(),
        store: "sqlite:node.db".to_owned(),
        api: "127.0.0.1:0".parse().unwrap(),
        peer: "127.0.0.1:0".parse().unwrap(),
        corridor_defaults: true,
        reference: None,
    })
    .unwrap();
    let config = Config::load(&prepared.config).unwrap();
    let mut record = config.resolve(&config.keys).into_os_string();
    record.push(".checkpoint");
    // A folder is no record that can be read.
    std::fs::create_dir(&record).unwrap();
    let node = Node::open(config, World::system()).await.unwrap();
    let trader = Principal { name: "trader".to_owned(), role: Role::Trader };
    let officer = Principal { name: "officer".to_owned(), role: Role::Officer };
    let submitted = node.submit(&trader, b"<no-message/>".to_vec()).await.unwrap_err().to_string();
    assert!(submitted.contains("could not be compared"), "{submitted}");
    let accept = DocumentDecision { accept: true, words: String::new() };
    assert!(node.decide_document(&officer, 1, accept).await.is_err());
    assert!(node.decide(&officer, "none", OfficerDecision::Release).await.is_err());
    assert!(node.readiness().await.unwrap_err().contains("could not be compared"));

    std::fs::remove_dir(&record).unwrap();
    Arc::clone(&node).start_workers(std::future::pending());
    while node.readiness().await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // A log that never signed has no record, and is sound.
    assert!(!node.submit(&trader, b"<no-message/>".to_vec()).await.unwrap().accepted);
    std::fs::remove_dir_all(folder).unwrap();
}
