//! A node is ready while its store takes and gives; a store that can only be read does not count.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::Administration;
use node::{Config, Node, SetUp, World};
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
