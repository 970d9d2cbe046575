//! Each check finds what it is for: a run without faults of ours is spoilt by hand, step by step.

use super::everything;
use crate::documents::Sent;
use crate::run::{Aftermath, Scenario, simulate};
use crate::stage::Cosigned;
use base::Country;
use evidence::Checkpoint;
use std::time::Duration;
use store::{Execution, Store, StoreError};

/// Changes the disk of a node that is gone.
fn spoil(aftermath: &Aftermath, country: &str, sql: &'static str) {
    let changed = change(aftermath, country, sql);
    assert!(changed > 0, "`{sql}` changes nothing");
}

/// Changes the disks of both, on one of which something has to change.
fn spoil_both(aftermath: &Aftermath, sql: &'static str) {
    let changed = change(aftermath, "FR", sql) + change(aftermath, "GB", sql);
    assert!(changed > 0, "`{sql}` changes nothing");
}

fn change(aftermath: &Aftermath, country: &str, sql: &'static str) -> u64 {
    let disk = aftermath.stage.federation.disk(Country::parse(country).unwrap()).unwrap();
    disk.crash();
    let store = Store::open(&disk.location(), Execution::Inline, node::MIGRATIONS).unwrap();
    let changed = store.write(move |tx| tx.execute(sql, &[])).map_err(|error: StoreError| error.to_string());
    changed.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn has(findings: &[String], words: &str) -> bool {
    findings.iter().any(|finding| finding.contains(words))
}

/// A run of France, Great Britain and Italy in which all is well.
fn three_countries() -> Aftermath {
    let countries = ["FR", "GB", "IT"].iter().map(|code| Country::parse(code).unwrap()).collect();
    simulate(&Scenario {
        seed: 3,
        countries,
        consignments: 6,
        documents: 3,
        attachments: 1,
        witnesses: 3,
        needed: 2,
        checkpoint_ms: 1_000,
        monitor_seconds: 5,
        span: Duration::from_secs(40),
    })
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

/// A run of two countries that send each other documents, some with attachments, and witness each other's logs.
fn two_correspondents() -> Aftermath {
    let countries = ["FR", "GB"].iter().map(|code| Country::parse(code).unwrap()).collect();
    simulate(&Scenario {
        seed: 5,
        countries,
        consignments: 0,
        documents: 12,
        attachments: 2,
        witnesses: 2,
        needed: 1,
        checkpoint_ms: 1_000,
        monitor_seconds: 2,
        span: Duration::from_secs(6),
    })
    .unwrap()
}

#[test]
fn stages_attachments_and_witnesses_are_compared() {
    let aftermath = two_correspondents();
    assert_eq!(everything(&aftermath), Vec::<String>::new());
    let cases = [
        ("update stage_queue set reason = 'spoilt' where id = 1", "has not taken it: spoilt"),
        (
            "update stage_received set statement = x'00' \
             where message_id = (select min(message_id) from stage_received)",
            "has no such statement, or another",
        ),
        (
            "update log set entry = x'00' where entry in (select statement from stage_received)",
            "it is 0 times in the log of",
        ),
        (
            "update documents set standing = case standing when 'accepted' then 'declined' else 'accepted' end \
             where direction = 'sent'",
            " there and ",
        ),
        (
            "update documents set standing = case standing when 'accepted' then 'declined' else 'accepted' end \
             where direction = 'received'",
            "whose officer decided otherwise",
        ),
        ("update documents set standing = 'open' where direction = 'received'", "is open at"),
        ("update stage_received set message_id = message_id || 'x' where stage = 2", "which nobody stated"),
        (
            "update chunk set sealed = zeroblob(262160) where number = 0 \
             and attachment in (select id from attachment where state = 'received')",
            "is received and cannot be read: chunk 0",
        ),
        ("update attachment set message_id = 'x' where state = 'received'", "is there 0 times"),
        ("update attachment set message_id = 'y' where state = 'bound'", "has an attachment of y"),
        (
            "insert into transfer (sender, message_id, digest, statement, size, expires, touched, spoiled) \
             values ('NTA.IT', 'z', zeroblob(32), x'00', 1, 1, 1, 0)",
            "still waits for chunks of z",
        ),
        (
            "update log_cosignature set witness = 'x' where size = (select min(size) from log_cosignature)",
            "of a stranger",
        ),
        ("delete from log_cosignature", "0 witnesses of 1 have cosigned all of its log"),
        (
            "insert into log_finding (id, at, origin, source, kind, digest, words) select coalesce(max(id), 0) + 1, 1, \
             'o', 's', 'equivocation', zeroblob(32), 'two histories' from log_finding",
            "has found: two histories",
        ),
    ];
    let mut before = Vec::new();
    for (sql, words) in cases {
        assert!(!has(&before, words), "`{words}` was found before `{sql}`");
        spoil_both(&aftermath, sql);
        before = everything(&aftermath);
        assert!(has(&before, words), "`{sql}` leads to {before:#?}");
    }
}

#[test]
fn a_document_that_ends_in_another_stage_is_found() {
    let aftermath = two_correspondents();
    spoil_both(&aftermath, "delete from stage_received where stage = 3");
    let findings = everything(&aftermath);
    assert!(has(&findings, "ended there in stage Some(2) instead of 3"), "{findings:#?}");
}

#[test]
fn what_was_seen_on_the_way_is_compared_with_what_is_left() {
    let aftermath = two_correspondents();
    let stage = &aftermath.stage;
    let (witness, log) = (Country::parse("FR").unwrap(), Country::parse("GB").unwrap());
    let last = stage.cosigned().into_iter().rfind(|one| one.log == log).unwrap().checkpoint;
    let forged = Checkpoint { root: base::Digest([9; 32]), ..last.clone() };
    stage.note_cosigned(Cosigned { witness, log, checkpoint: forged });
    stage.note_cosigned(Cosigned { witness, log, checkpoint: Checkpoint { size: 1, ..last } });
    let sent = stage.sent().into_iter().find(|sent| sent.attachment.is_some()).unwrap();
    stage.note_sent(Sent { attachment: Some(vec![7].into()), ..sent });
    let findings = everything(&aftermath);
    for words in
        ["which never were its first", "FR cosigned 1 leaves of the log of GB after", "has another content"]
    {
        assert!(has(&findings, words), "{words}: {findings:#?}");
    }
}
