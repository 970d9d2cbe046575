//! A database with letters and messages from before their contents got tables of their own, brought up to date.

use super::MIGRATIONS;
use crate::{messages, proofs, views};
use base::{Administration, MessageId, Timestamp};
use std::collections::BTreeSet;
use store::outbox::{self, Counts, Space, Status, Stored};
use store::{Engine, Execution, Location, Store, StoreError, Tx, Value, testing};

/// The first of the steps that move contents: of the store, and of the node.
const BEFORE: (&str, &str) = ("outbox-without-leases", "node-bodies");

const SECRET: [u8; 32] = [7; 32];

/// What holds content and is not to be sampled into statistics.
const UNSAMPLED: [(&str, &str); 11] = [
    ("attachment", "name"),
    ("attachment", "content_key"),
    ("attachment", "secret"),
    ("messages", "secret"),
    ("documents", "title"),
    ("documents", "words"),
    ("notices", "words"),
    ("records", "body"),
    ("bodies", "body"),
    ("outbox_content", "cleared"),
    ("outbox_envelope", "envelope"),
];

/// A letter as it was: channel and place, status, content, sealed bytes, receipt, and when it was withdrawn.
type Old =
    (&'static str, i64, &'static str, &'static str, Option<&'static str>, Option<&'static str>, Option<i64>);

const LETTERS: [Old; 8] = [
    ("A", 1, "ready", "one", None, None, None),
    ("B", 1, "ready", "two", Some("sealed two"), None, None),
    ("B", 2, "waiting", "three", None, None, None),
    ("C", 1, "delivered", "four", Some("sealed four"), Some("receipt four"), None),
    // Erased.
    ("C", 2, "delivered", "", Some("rest of five"), Some("receipt five"), None),
    ("D", 1, "refused", "six", Some("sealed six"), None, None),
    ("D", 2, "expired", "", Some("rest of seven"), None, None),
    ("E", 1, "ready", "eight", None, None, Some(40)),
];

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn message_id(number: usize) -> MessageId {
    MessageId::new(at(0), [u8::try_from(number).unwrap(); 10])
}

fn bytes(text: Option<&str>) -> Option<Vec<u8>> {
    text.map(|text| text.as_bytes().to_vec())
}

fn run(tx: &mut dyn Tx, sql: &str, values: &[Value]) -> Result<(), StoreError> {
    tx.execute(sql, values).map(drop)
}

/// Fills the database as it was.
fn populate(tx: &mut dyn Tx) -> Result<(), StoreError> {
    for (index, (channel, sequence, status, cleared, envelope, receipt, withdrawn)) in
        LETTERS.into_iter().enumerate()
    {
        let number = index + 1;
        let row: [Value; 10] = [
            i64::try_from(number).unwrap().into(),
            message_id(number).to_string().into(),
            channel.into(),
            sequence.into(),
            cleared.as_bytes().into(),
            bytes(envelope).into(),
            bytes(receipt).into(),
            status.into(),
            withdrawn.map_or(Value::Null, Value::from),
            (status == "refused" || status == "expired").then_some("why").into(),
        ];
        run(
            tx,
            "insert into outbox (id, message_id, recipient, channel, sequence, clause, purpose, agreement, message_type,
                lane, created, expires, cleared, envelope, receipt, status, available, attempts, worker, withdrawn, reason)
            values (?1, ?2, 'NTA.FR', ?3, ?4, '4.2', 'transit', 'ctc@3', 'CD001C', 1, 10, 50, ?5, ?6, ?7, ?8, 10, 2,
                'worker', ?9, ?10)",
            &row,
        )?;
        let body: [Value; 4] = [
            i64::try_from(number).unwrap().into(),
            message_id(number).to_string().into(),
            SECRET.as_slice().into(),
            format!("body of {number}").into_bytes().into(),
        ];
        run(
            tx,
            "insert into messages (id, at, direction, from_party, to_party, message_type, identification, movement, owner,
                outcome, cause, exchange_id, secret, body, leaf_index)
            values (?1, 10, 'sent', 'GB', 'FR', 'CD001C', 'x', 'm', 'o', 'queued', 0, ?2, ?3, ?4, ?1)",
            &body,
        )?;
    }
    run(
        tx,
        "insert into outbox_queue (recipient, letters, bytes, delivered, refused, expired) values ('NTA.FR', 4, 16, 2, 1, 1)",
        &[],
    )?;
    run(tx, "update messages set body = ?1, secret = null where id = 5", &[Vec::new().into()])?;
    run(tx, "insert into erasures (message, at, by_whom, ground) values (5, 20, 'officer', 'asked')", &[])?;
    for number in 1..=8 {
        let id = [i64::from(number).into(), SECRET.as_slice().into()];
        run(
            tx,
            "insert into attachment (id, state, partner, part, name, media_type, size, chunks, content_key, secret, owner,
                created, touched)
            values (?1, 'received', 'NTA.FR', 1, 'a name', 'image/tiff', 9, 1, ?2, ?2, '', 10, 10)",
            &id,
        )?;
        run(
            tx,
            "insert into records (room, state_key, kind, body) values ('r', 'k' || ?1, 'CD001C', ?2)",
            &{
                let [_, body] = id.clone();
                [number.to_string().into(), body]
            },
        )?;
        run(
            tx,
            "insert into notices (id, at, room, movement, code, words) values (?1, 10, 'r', 'm', 'c', 'said')",
            &id[..1],
        )?;
        run(
            tx,
            "insert into documents (message, direction, partner, subject, purpose, title, media_type, size, standing,
                author, words)
            values (?1, 'sent', 'NTA.FR', 's', 'p', 'a title', 'text/plain', 9, 'sent', 'o', 'said')",
            &id[..1],
        )?;
    }
    Ok(())
}

/// The columns with content of which the server has samples.
fn sampled(tx: &mut dyn Tx) -> Result<BTreeSet<(String, String)>, StoreError> {
    let rows = tx.query(
        "select tablename::text, attname::text from pg_stats where schemaname = current_schema()",
        &[],
    )?;
    let all = rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())));
    let mut all: BTreeSet<_> = all.collect::<Result<_, StoreError>>()?;
    all.retain(|(table, column)| UNSAMPLED.contains(&(table.as_str(), column.as_str())));
    Ok(all)
}

fn read<T>(store: &Store, read: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>) -> T {
    store.read(read).unwrap()
}

fn write<T: Send + 'static>(
    store: &Store,
    command: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(command).unwrap()
}

fn an_old_database_keeps_all_it_has(location: &Location) {
    let before = MIGRATIONS.iter().position(|step| step.name == BEFORE.1).unwrap();
    let old = testing::open_before(BEFORE.0, location, &MIGRATIONS[..before]).unwrap();
    write(&old, populate);
    let on_server = old.engine() == Engine::Postgres;
    if on_server {
        write(&old, |tx| run(tx, "analyze", &[]));
        // Those that are in tables of their own now are not yet.
        assert_eq!(read(&old, sampled).len(), 8, "{:?}", read(&old, sampled));
    }
    old.close();

    let store = Store::open(location, Execution::Inline, MIGRATIONS).unwrap();
    if on_server {
        assert_eq!(read(&store, sampled), BTreeSet::new());
        write(&store, |tx| run(tx, "analyze", &[]));
        assert_eq!(read(&store, sampled), BTreeSet::new());
    }
    for (index, (.., status, cleared, envelope, receipt, withdrawn)) in LETTERS.into_iter().enumerate() {
        let (number, id) = (index + 1, message_id(index + 1));
        let (cleared, envelope) = (cleared.as_bytes().to_vec(), bytes(envelope));
        let stored = Stored { cleared, envelope: envelope.clone(), receipt: bytes(receipt) };
        assert_eq!(read(&store, |tx| outbox::stored(tx, id)), Some(stored), "{number}");
        let sent = read(&store, |tx| outbox::sent(tx, id)).unwrap();
        assert_eq!((sent.status.as_str(), sent.envelope), (status, envelope), "{number}");
        assert_eq!(sent.withdrawn, withdrawn.is_some(), "{number}");
        let message = i64::try_from(number).unwrap();
        let body = if number == 5 { String::new() } else { format!("body of {number}") };
        let (_, _, kept) = read(&store, |tx| views::message_with_body(tx, message)).unwrap();
        assert_eq!(kept, body.as_bytes(), "{number}");
        let proof = read(&store, |tx| proofs::find(tx, message)).unwrap();
        assert_eq!((proof.secret, proof.erasure.is_some()), ((number != 5).then_some(SECRET), number == 5));
        assert_eq!((proof.body, proof.leaf_index), (body.into_bytes(), Some(message)));
    }

    let partner = Administration::parse("NTA.FR").unwrap();
    let nothing = BTreeSet::new();
    let space = Space { letters: 9, bytes_under_way: 0, under_way: &nothing };
    let due = read(&store, |tx| outbox::due_to(tx, &partner, at(60), space));
    assert_eq!(
        due.iter().map(|claim| (claim.id, claim.bytes())).collect::<Vec<_>>(),
        [(1, 3), (2, 13), (8, 5)]
    );
    let trial = read(&store, |tx| outbox::due_for_trial(tx, &partner, at(60), &nothing));
    assert_eq!(trial.map(|claim| claim.id), Some(2));
    let overdue = read(&store, |tx| outbox::overdue(tx, at(60), 9));
    assert_eq!(overdue.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 3]);
    let dead = read(&store, |tx| outbox::dead(tx, 0, 9));
    assert_eq!(dead.iter().map(|letter| letter.id).collect::<Vec<_>>(), [6, 7]);
    let ended = read(&store, |tx| outbox::ended(tx, "D", 1)).unwrap();
    assert_eq!(ended.envelope, b"sealed six");
    assert_eq!(read(&store, |tx| outbox::ended(tx, "D", 2)), None, "it was erased");
    let counts = Counts { ready: 3, waiting: 1, delivered: 2, refused: 1, expired: 1 };
    assert_eq!(read(&store, outbox::counts), counts);

    // And it goes on: the sizes that were moved count.
    assert!(!write(&store, |tx| outbox::sealed(tx, 2, b"other", false)), "it was sealed");
    assert!(write(&store, |tx| outbox::sealed(tx, 1, b"sealed one", false)));
    for id in [1, 2, 3, 8] {
        assert!(write(&store, move |tx| outbox::delivered(tx, id, b"receipt", at(60))));
    }
    assert_eq!(read(&store, |tx| outbox::waiting_for(tx, &partner)), (0, 0));
    assert!(write(&store, |tx| outbox::erase(tx, message_id(4), Some(b"rest"))));
    write(&store, |tx| messages::erase(tx, 4, b"rest".to_vec()));
    let left = read(&store, |tx| outbox::stored(tx, message_id(4))).unwrap();
    assert_eq!((left.cleared, left.envelope), (Vec::new(), bytes(Some("rest"))));
    let status = read(&store, |tx| outbox::status_of(tx, &message_id(3).to_string()));
    assert_eq!(status, Some(Status::Delivered));
    store.close();
}

#[test]
fn an_old_file_keeps_all_it_has() {
    let folder = tempfile::tempdir().unwrap();
    an_old_database_keeps_all_it_has(&Location::SqliteFile(folder.path().join("node.db")));
}

#[test]
fn an_old_schema_on_a_server_keeps_all_it_has_and_loses_samples_of_content() {
    let Some(server) = testing::postgres() else { return };
    let location = server.location(&format!("upgrade{}", std::process::id()));
    an_old_database_keeps_all_it_has(&location);
    store::destroy(&location).unwrap();
}
