//! What tests of the edge share.

use base::Administration;
use node::{Prepared, SetUp};
use std::path::Path;

/// The files of a new node with the corridor's presets, which listens nowhere by itself.
pub fn prepare(folder: &Path, administration: &str) -> Prepared {
    let nowhere = "127.0.0.1:0".parse().unwrap();
    node::initialise(&SetUp {
        folder: folder.to_owned(),
        administration: Administration::parse(administration).unwrap(),
        store: "sqlite:node.db".to_owned(),
        api: nowhere,
        peer: nowhere,
        corridor_defaults: true,
        reference: None,
    })
    .unwrap()
}
