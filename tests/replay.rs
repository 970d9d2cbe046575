//! The journal alone rebuilds every state of every node of a corridor, byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use store::{Execution, Location, Store, StoreError};
use support::{books, corridor, declarations};

#[test]
fn every_state_follows_from_its_journal() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("nodes");
    let kinds = [declarations::declaration, declarations::pre_lodged, declarations::authorised];
    let documents = kinds.iter().enumerate().map(|(number, kind)| kind(number));
    let files: Vec<_> = documents
        .enumerate()
        .map(|(number, document)| declarations::file(folder.path(), &format!("{number}.xml"), &document))
        .collect();
    corridor::run(&files, &["--keep", &keep.display().to_string()]);
    books::assert_in_order(&keep);
}

/// What is changed behind the back of a node, and what the comparison says of it.
const TAMPERING: [(&str, &str, &str); 5] = [
    ("gb", "UPDATE state SET body = CAST(replace(CAST(body AS TEXT), 'TEST', 'BEST') AS BLOB)", "the state"),
    ("gb", "DELETE FROM state WHERE room = 'guarantee'", "there are events and no state"),
    (
        "gb",
        "UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'AV26', 'AV27') AS BLOB)",
        "does not match its digest",
    ),
    ("it", "UPDATE movements SET state = 'Accepted'", "the row in the list of movements"),
    ("fr", "DELETE FROM journal WHERE kind = 'Crossed'", "the state"),
];

/// The end of a transaction that leaves nothing behind but what was found in it.
enum Undone {
    Found(Vec<String>),
    Failed(String),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

#[test]
fn whatever_is_changed_behind_its_back_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = declarations::file(folder.path(), "declaration.xml", &declarations::declaration(1));
    let keep = folder.path().join("nodes");
    corridor::run(&[file], &["--keep", &keep.display().to_string()]);
    for (home, sql, said) in TAMPERING {
        let location = Location::SqliteFile(keep.join(home).join("node.db"));
        let store = Store::open(&location, Execution::Inline, node::MIGRATIONS).unwrap();
        let undone = store.write(move |tx| -> Result<(), Undone> {
            assert!(tx.execute(sql, &[])? > 0, "{sql}");
            let found = node::states_that_differ(tx).map_err(|error| Undone::Failed(error.to_string()))?;
            Err(Undone::Found(found))
        });
        store.close();
        let found = match undone {
            Err(Undone::Found(found)) => found,
            Err(Undone::Failed(words)) => panic!("{sql}: {words}"),
            Ok(()) => panic!("{sql}: it was not undone"),
        };
        assert!(found.iter().any(|difference| difference.contains(said)), "{sql}: {found:?}");
    }
    books::assert_in_order(&keep);
}
