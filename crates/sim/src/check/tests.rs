//! Each check finds what it is for: a run without faults of ours is spoilt by hand, step by step.

use super::everything;
use crate::run::{Aftermath, Scenario, simulate};
use base::Country;
use std::time::Duration;
use store::{Execution, Store, StoreError};

/// Changes the disk of a node that is gone.
fn spoil(aftermath: &Aftermath, country: &str, sql: &'static str) {
    let disk = aftermath.stage.federation.disk(Country::parse(country).unwrap()).unwrap();
    disk.crash();
    let store = Store::open(&disk.location(), Execution::Inline, node::MIGRATIONS).unwrap();
    let changed = store.write(move |tx| tx.execute(sql, &[])).map_err(|error: StoreError| error.to_string());
    assert!(changed.clone().is_ok_and(|rows| rows > 0), "{sql}: {changed:?}");
}

fn has(findings: &[String], words: &str) -> bool {
    findings.iter().any(|finding| finding.contains(words))
}

/// A run of France, Great Britain and Italy in which all is well.
fn three_countries() -> Aftermath {
    let countries = ["FR", "GB", "IT"].iter().map(|code| Country::parse(code).unwrap()).collect();
    simulate(&Scenario { seed: 3, countries, consignments: 6, documents: 3, span: Duration::from_secs(40) })
        .unwrap()
}

#[test]
fn each_check_finds_what_it_is_for() {
    let aftermath = three_countries();
    assert_eq!(everything(&aftermath), Vec::<String>::new());
    let cases = [
        ("update messages set outcome = 'queued' where id = 1", "message 1 is queued at the end"),
        ("update timers set due = 1 where id = (select max(id) from timers)", "still runs"),
        (
            "update movements set state = 'Arrived' where room = 'departure'",
            "is Arrived instead of WrittenOff",
        ),
        ("update log_frontier set body = x'00'", "the frontier is not that of the leaves"),
        (
            "delete from log_checkpoint where size = (select max(size) from log_checkpoint)",
            "the last checkpoint covers",
        ),
        (
            "update log_checkpoint set size = size + 1 where size = (select min(size) from log_checkpoint c \
             where not exists (select 1 from log_checkpoint d where d.size = c.size + 1))",
            "its root is not that of the leaves",
        ),
        (
            "update bodies set body = x'00' where message in
                (select id from messages where message_type = 'DOCUMENT' and direction = 'received')",
            "changed from",
        ),
        (
            "update messages set exchange_id = 'x' where message_type = 'DOCUMENT' and direction = 'received'",
            "which nobody sent",
        ),
        ("update outbox set status = 'refused' where id = 1", "it is refused at the end"),
        ("update outbox set receipt = x'00' where id = 2", "its receipt does not hold"),
        ("update outbox set sequence = 9 where id = 3", "has number 9 after"),
        ("update inbox set digest = zeroblob(32)", "its recipient has another statement"),
        ("update inbox set message_id = message_id || 'x'", "never sent it"),
        (
            "update state set body = cast(replace(cast(body as text), '\"crossed\":\"2026', '\"crossed\":\"2025') as blob) \
             where room = 'passage'",
            "the journal does not rebuild passage/",
        ),
        (
            "insert into journal select seq + 1000, stream, kind, at, digest, facts_digest, salt, body, facts \
             from journal where kind = 'Crossed' limit 1",
            "Crossed happened 2 times instead of 1",
        ),
        ("update journal set body = x'7b7d' where seq = 1", "journal row 1 does not agree with its digest"),
        ("update log set entry = x'00' where leaf_index = 0", "leaf 0 is not the hash of its entry"),
        ("delete from log where leaf_index = 1", "leaves for"),
        (
            "update state set body = cast(replace(cast(body as text), ':-', ':-1') as blob) where room = 'guarantee'",
            "the ledger of",
        ),
    ];
    let mut before = Vec::new();
    for (sql, words) in cases {
        assert!(!has(&before, words), "`{words}` was found before `{sql}`");
        spoil(&aftermath, "FR", sql);
        before = everything(&aftermath);
        assert!(has(&before, words), "`{sql}` leads to {before:#?}");
    }
}

#[test]
fn logs_are_compared_with_each_other_and_with_their_past() {
    // The first two statements of a channel change places: their entries, leaves and all.
    let swapped = "update log set leaf_index = case leaf_index when 0 then 1000 else leaf_index - 1 end \
                   where leaf_index in (0, 1, 2, 3, 4, 5, 6, 7, 8)";
    let cases = [
        (swapped, "FR logged channel"),
        (swapped, "list different statements of"),
        ("delete from log", "is in 1 logs instead of two"),
        ("delete from log where leaf_index > 4", "it covers more than there is"),
        (
            "update log set leaf_hash = zeroblob(32) where leaf_index = 0",
            "the consistency proof does not hold: the path leads to another old root",
        ),
        (
            "delete from log where leaf_index > 4",
            "its receipt is of a tree that the recipient's log never was",
        ),
    ];
    for (sql, words) in cases {
        let aftermath = three_countries();
        spoil(&aftermath, "FR", sql);
        let findings = everything(&aftermath);
        assert!(has(&findings, words), "`{sql}` leads to {findings:#?}");
    }
}
