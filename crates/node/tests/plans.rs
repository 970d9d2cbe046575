//! How the databases run what a node asks them: no statement of a letter's life, or of a loop that looks for work, reads a
//! whole table that grows with letters.
//!
//! The statements are those that a pair of nodes runs while documents come to every end they can have, and all of the store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "support/pair.rs"]
mod pair;
mod support;

use exchange::DeliveryStatus;
use node::{Disclose, DocumentDecision, Lane};
use pair::{Pair, SPOILT, officer};
use std::collections::BTreeSet;
use store::{Execution, Location, Store, StoreError, Tx, Value, testing};

/// Tables that do not grow with letters: a row for each partner, agreement, key, officer or name, and for each transfer of
/// attachments while it is under way.
const SMALL: &[&str] = &[
    "counter",
    "entered_agreements",
    "invitations",
    "key_registers",
    "log_finding",
    "log_frontier",
    "log_witnessed",
    "migrations",
    "outbox_queue",
    "partners",
    "principals",
    "register_approvals",
    "register_countersigned",
    "register_known",
    "register_orders",
    "register_proposals",
    "sessions",
    "settings",
    "transfer",
];

/// Statements that may read a whole table or index, each with the reason.
const EXCUSED: &[(&str, &str)] = &[
    ("SELECT room, state, COUNT(*) FROM movements", "figures for metrics and pages, from an index alone"),
    (
        "select (select count(*) from outbox where status = 'ready')",
        "figures for metrics, from an index alone",
    ),
    (
        "select id, state, partner, message_id, part, name, media_type, size, chunks, plaintext_root, content_key, secret, \
         owner, created from attachment where state in ('uploading', 'arriving')",
        "the indexes hold only letters that are open, and attachments that are on their way to this node",
    ),
    ("select count(*) from stage_queue where taken is null", "the index holds only the statements that wait"),
    (
        "select size, at, note from log_checkpoint where at <=",
        "for evidence of an old moment: it goes back from the newest to the first that is old enough",
    ),
];

/// How many rows each table has on PostgreSQL, which plans by what it has counted.
const ROWS: i64 = 5_000;

/// Lets documents come to every end, so that their statements are heard.
async fn live() {
    let pair = Pair::open(|_| {}).await;
    let decide = async |accept| {
        let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
        let decision = DocumentDecision { accept, words: "said an officer".to_owned() };
        assert!(pair.nodes[1].decide_document(&officer(), open[0].message, decision).await.unwrap().unwrap());
        open[0].message
    };
    let (message, id) = pair.send("case-1", "Accepted", Lane::Normal, 30).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    let received = decide(true).await;
    pair.comes_to(&id, DeliveryStatus::Decided).await;
    pair.nodes[1].hand_out_document(received).await.unwrap().unwrap();
    pair.comes_to(&id, DeliveryStatus::Delivered).await;
    pair.nodes[0].document(message).await.unwrap().unwrap();
    pair.nodes[0].evidence(message, Disclose::Nothing).await.unwrap().unwrap();
    pair.nodes[0].evidence_view(message).await.unwrap().unwrap();
    pair.nodes[0].erase(&officer(), message, "the data subject asked").await.unwrap().unwrap();
    let (_, id) = pair.send("case-1", "Declined", Lane::Normal, 30).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    decide(false).await;
    pair.comes_to(&id, DeliveryStatus::Decided).await;

    pair.close(true);
    let (_, tried) = pair.send("case-2", "Tried", Lane::Normal, 1).await.unwrap();
    let (_, late) = pair.send("case-2", "Too late", Lane::Normal, 1).await.unwrap();
    let (_, good) = pair.send("case-2", "In time", Lane::Normal, 30).await.unwrap();
    pair.comes_to(&tried, DeliveryStatus::Sent).await;
    pair.days_pass(2);
    pair.comes_to(&late, DeliveryStatus::Expired).await;
    assert!(pair.nodes[0].alarm_count().await.unwrap() > 0);
    pair.close(false);
    pair.comes_to(&good, DeliveryStatus::Received).await;
    let dead = pair.nodes[0].dead_letters(0, 10).await.unwrap();
    pair.nodes[0].redrive(&officer(), dead[1].id).await.unwrap().unwrap();
    pair.nodes[0].close_dead_letter(&officer(), dead[0].id, "said by telephone").await.unwrap().unwrap();

    pair.spoil(true);
    let (_, refused) = pair.send(&format!("{SPOILT}-1"), "Refused", Lane::Urgent, 1).await.unwrap();
    pair.metric_over("tidewaiter_letters_postponed_total", 4.0).await;
    pair.days_pass(2);
    pair.comes_to(&refused, DeliveryStatus::Expired).await;
    pair.spoil(false);
    for node in &pair.nodes {
        node.documents(Some("case-1".to_owned()), None, 10).await.unwrap();
        node.documents(None, None, 10).await.unwrap();
        node.metrics().await.unwrap();
        node.readiness().await.unwrap();
        node.apply_retention().await.unwrap();
    }

    let bench = support::bench().await;
    support::register_guarantee(&bench).await;
    support::submit(&bench, "trader", &support::declaration(1)).await;
}

/// The highest number of a placeholder.
fn placeholders(sql: &str) -> usize {
    let numbers = sql.split('?').skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    });
    numbers.max().unwrap_or(0)
}

fn is_small(table: &str) -> bool {
    SMALL.contains(&table)
}

/// What SQLite reads as a whole: a table, or all of an index.
fn scanned_by_sqlite(tx: &mut dyn Tx, sql: &str) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(&format!("explain query plan {sql}"), &vec![Value::Null; placeholders(sql)])?;
    let steps = rows.iter().map(|row| row.text(3).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    // The first rows in the order of a key, whatever they are: nothing is skipped on the way to them, unless all are sorted
    // first. To sort those that agree in all but the last term is no such thing.
    let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
    if sql.contains(" limit ") && !sql.contains(" where ") && !sorts {
        return Ok(Vec::new());
    }
    let scans = steps.into_iter().filter(|step| {
        let of = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        of.is_some_and(|of| {
            !is_small(of) && !["CONSTANT", "(subquery"].iter().any(|word| of.starts_with(word))
        })
    });
    Ok(scans.collect())
}

/// What PostgreSQL reads as a whole, with a plan that knows no parameter.
fn scanned_by_postgres(tx: &mut dyn Tx, number: usize, sql: &str) -> Result<Vec<String>, StoreError> {
    let nulls = vec!["null"; placeholders(sql)].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    tx.execute(&format!("prepare plan_{number} as {sql}"), &[])?;
    let rows = tx.query(&format!("explain execute plan_{number}{arguments}"), &[])?;
    let steps = rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    let scans = steps.into_iter().filter(|step| {
        let of = step.split("Seq Scan on ").nth(1).and_then(|rest| rest.split(' ').next());
        of.is_some_and(|of| !is_small(of))
    });
    Ok(scans.map(|step| step.trim().to_owned()).collect())
}

/// Puts rows into every table that grows, and has the server count them.
fn fill(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let columns = tx.query(
        "select table_name::text, column_name::text, data_type::text from information_schema.columns \
         where table_schema = current_schema() order by table_name, ordinal_position",
        &[],
    )?;
    let mut tables: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for row in &columns {
        let (table, column) = (row.text(0)?.to_owned(), (row.text(1)?.to_owned(), row.text(2)?.to_owned()));
        match tables.last_mut() {
            Some((last, columns)) if *last == table => columns.push(column),
            _ => tables.push((table, vec![column])),
        }
    }
    for (table, columns) in tables.iter().filter(|(table, _)| !is_small(table)) {
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<&str> = columns
            .iter()
            .map(|(name, kind)| match (name.as_str(), kind.as_str()) {
                // One partner, and a tenth that is not over.
                ("recipient" | "sender" | "partner", _) => "'NTA.FR'",
                ("state", _) if table == "attachment" => {
                    "case when i % 100 = 0 then 'uploading' when i % 100 = 1 then 'arriving' when i % 100 = 2 then 'ready' \
                     when i % 2 = 0 then 'bound' else 'received' end"
                }
                ("status", _) => "case when i % 10 = 0 then 'ready' else 'delivered' end",
                ("standing", _) => "case when i % 10 = 0 then 'open' else 'accepted' end",
                ("taken" | "closed", _) => "case when i % 10 = 0 then null else i end",
                ("direction", _) => "case when i % 2 = 0 then 'sent' else 'received' end",
                ("lane", _) => "1",
                (_, "bigint") => "i",
                (_, "double precision") => "i",
                // Of many lengths, as the documents on record are.
                (_, "bytea") => "decode(repeat('00', (i % 499 + 1)::int), 'hex')",
                _ => "'x' || i",
            })
            .collect();
        let (names, values) = (names.join(", "), values.join(", "));
        tx.execute(
            &format!("insert into {table} ({names}) select {values} from generate_series(1, {ROWS}) i"),
            &[],
        )?;
        tx.execute(&format!("analyze {table}"), &[])?;
    }
    Ok(())
}

/// Every statement with what is scanned for it.
fn plans(location: &Location, statements: &BTreeSet<String>) -> Vec<(String, Vec<String>)> {
    let store = Store::open(location, Execution::Inline, node::MIGRATIONS).unwrap();
    if matches!(location, Location::Postgres { .. }) {
        store.write(fill).unwrap();
    }
    let numbered = statements.clone().into_iter().enumerate();
    let planned = numbered.map(|(number, sql)| {
        let asked = sql.clone();
        let scans = store.write(move |tx| match tx.engine() {
            store::Engine::Sqlite => scanned_by_sqlite(tx, &asked),
            store::Engine::Postgres => {
                tx.execute("set local plan_cache_mode = force_generic_plan", &[])?;
                scanned_by_postgres(tx, number, &asked)
            }
        });
        let scans = scans.unwrap_or_else(|error| panic!("{sql}: {error}"));
        (sql, scans)
    });
    planned.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reads_a_whole_table_that_grows() {
    testing::hear_statements();
    live().await;
    let mut statements: BTreeSet<String> = testing::heard_statements().into_iter().collect();
    assert!(statements.len() > 100, "only {} statements were heard", statements.len());
    statements.extend(store::statements().into_iter().map(|(_, sql)| sql.to_owned()));
    let found = tokio::task::spawn_blocking(move || {
        let sqlite = plans(&"memory:plans".parse().unwrap(), &statements);
        let server = testing::postgres();
        let postgres = server.map(|server| {
            let location = server.location(&format!("plans{}", std::process::id()));
            let found = plans(&location, &statements);
            store::destroy(&location).unwrap();
            found
        });
        [("SQLite", sqlite), ("PostgreSQL", postgres.unwrap_or_default())]
    });
    let mut bad = Vec::new();
    let (mut excused, mut needed): (BTreeSet<&str>, BTreeSet<&str>) = Default::default();
    for (engine, plans) in found.await.unwrap() {
        for (sql, scans) in plans {
            let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
            let excuse = EXCUSED.iter().find(|(start, _)| words.starts_with(start));
            excused.extend(excuse.map(|(start, _)| *start));
            match (scans.is_empty(), excuse) {
                (true, _) => {}
                (false, Some((start, _))) => drop(needed.insert(*start)),
                (false, None) => bad.push(format!("{engine}: {words}\n    {}", scans.join("; "))),
            }
        }
    }
    assert!(bad.is_empty(), "{} statements read whole tables:\n{}", bad.len(), bad.join("\n"));
    let idle: Vec<_> = excused.difference(&needed).collect();
    assert!(idle.is_empty(), "these need no excuse any more: {idle:?}");
}
