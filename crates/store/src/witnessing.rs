//! What witnesses say of the node's log, and what the node says as a witness of others: the cosignatures it got, the
//! latest checkpoint of each log that it cosigned, and what monitoring has found.

use crate::db::{first, limit_value};
use crate::{Migration, Row, StoreError, Tx};
use base::Timestamp;

pub(crate) const SCHEMA: Migration = Migration {
    name: "log-witnessing",
    sql: "create table log_cosignature (
            size BIGINT not null, witness TEXT not null, at BIGINT not null, line TEXT not null,
            primary key (size, witness));
        create index log_cosignature_by_witness on log_cosignature (witness, size);
        create table log_witnessed (
            origin TEXT not null primary key, size BIGINT not null, at BIGINT not null, note TEXT not null);
        create table log_finding (
            id BIGINT not null primary key, at BIGINT not null, origin TEXT not null, source TEXT not null,
            kind TEXT not null, digest BLOB not null, words TEXT not null, proof BLOB);
        create unique index log_finding_once on log_finding (origin, kind, digest)",
};

/// Who has seen a finding, when, and what they noted.
pub(crate) const SEEN: Migration = Migration {
    name: "log-findings-seen",
    sql: "alter table log_finding add column seen BIGINT;
        alter table log_finding add column seen_by TEXT;
        alter table log_finding add column note TEXT",
};

crate::statements! {
    COSIGN = "insert into log_cosignature (size, witness, at, line) values (?1, ?2, ?3, ?4)
        on conflict (size, witness) do nothing";
    COSIGNATURES = "select size, witness, at, line from log_cosignature where size = ?1 order by witness";
    LATEST = "select size, witness, at, line from log_cosignature where witness = ?1 order by size desc limit 1";
    RECENT = "select size, witness, at, line from log_cosignature order by size desc, witness limit ?1";
    OVER = "select size, witness, at, line from log_cosignature where size > ?1 order by size, witness limit ?2";
    WITNESSED = "select size, at, note from log_witnessed where origin = ?1";
    ALL_WITNESSED = "select size, at, note from log_witnessed order by origin";
    WITNESS_FIRST = "insert into log_witnessed (origin, size, at, note) values (?1, ?2, ?3, ?4)
        on conflict (origin) do nothing";
    WITNESS_NEXT = "update log_witnessed set size = ?2, at = ?3, note = ?4 where origin = ?1 and size = ?5";
    FIND = "insert into log_finding (id, at, origin, source, kind, digest, words, proof) values
        ((select coalesce(max(id), 0) + 1 from log_finding), ?1, ?2, ?3, ?4, ?5, ?6, ?7)
        on conflict (origin, kind, digest) do nothing";
    FINDINGS = "select id, at, origin, source, kind, words, proof, seen, seen_by, note from log_finding
        order by seen is not null, id desc limit ?1";
    FINDING = "select id, at, origin, source, kind, words, proof, seen, seen_by, note from log_finding where id = ?1";
    SEE = "update log_finding set seen = ?2, seen_by = ?3, note = ?4 where id = ?1 and seen is null";
    UNSEEN = "select kind, count(*) from log_finding where seen is null group by kind order by kind";
}

/// A witness's signature under a checkpoint of the node's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCosignature {
    /// The size of the checkpoint.
    pub size: i64,
    /// The name of the witness.
    pub witness: String,
    /// When it cosigned, by its own clock.
    pub at: Timestamp,
    /// The signature lines, one for each key that it cosigned with, each with its line feed.
    pub lines: String,
}

/// A checkpoint of another's log that the node cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// The number of leaves it covers.
    pub size: i64,
    /// When it was cosigned.
    pub at: Timestamp,
    /// The signed note.
    pub note: String,
}

/// Something that monitoring has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its number, from 1.
    pub id: i64,
    /// When it was found.
    pub at: Timestamp,
    /// The log that it is about.
    pub origin: String,
    /// Who was shown what does not fit.
    pub source: String,
    /// What kind of finding it is, as a name.
    pub kind: String,
    /// In words.
    pub words: String,
    /// The portable proof, when there is one.
    pub proof: Option<Vec<u8>>,
    /// Who has seen to it.
    pub seen: Option<Seen>,
}

/// That somebody has seen to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What they noted.
    pub note: String,
}

/// Keeps a cosignature; the first of a witness for a size counts.
///
/// # Errors
/// When the database fails.
pub fn save_cosignature(tx: &mut dyn Tx, cosignature: &SavedCosignature) -> Result<(), StoreError> {
    let SavedCosignature { size, witness, at, lines } = cosignature;
    tx.execute(COSIGN, &[(*size).into(), witness.as_str().into(), (*at).into(), lines.as_str().into()])
        .map(drop)
}

/// The cosignatures under the checkpoint of a size, by witness.
///
/// # Errors
/// When the database fails.
pub fn cosignatures(tx: &mut dyn Tx, size: i64) -> Result<Vec<SavedCosignature>, StoreError> {
    tx.query(COSIGNATURES, &[size.into()])?.iter().map(cosignature).collect()
}

/// The latest cosignature of a witness.
///
/// # Errors
/// When the database fails.
pub fn latest_cosignature(tx: &mut dyn Tx, witness: &str) -> Result<Option<SavedCosignature>, StoreError> {
    first(tx.query(LATEST, &[witness.into()])?).as_ref().map(cosignature).transpose()
}

/// The latest cosignatures, newest checkpoint first.
///
/// # Errors
/// When the database fails.
pub fn recent_cosignatures(tx: &mut dyn Tx, limit: usize) -> Result<Vec<SavedCosignature>, StoreError> {
    tx.query(RECENT, &[limit_value(limit)])?.iter().map(cosignature).collect()
}

/// The first cosignatures under checkpoints that cover the leaf at `index`.
///
/// # Errors
/// When the database fails.
pub fn cosignatures_over(
    tx: &mut dyn Tx,
    index: i64,
    limit: usize,
) -> Result<Vec<SavedCosignature>, StoreError> {
    tx.query(OVER, &[index.into(), limit_value(limit)])?.iter().map(cosignature).collect()
}

fn cosignature(row: &Row) -> Result<SavedCosignature, StoreError> {
    Ok(SavedCosignature {
        size: row.int(0)?,
        witness: row.text(1)?.to_owned(),
        at: row.timestamp(2)?,
        lines: row.text(3)?.to_owned(),
    })
}

/// The latest checkpoint of a log that the node cosigned.
///
/// # Errors
/// When the database fails.
pub fn witnessed(tx: &mut dyn Tx, origin: &str) -> Result<Option<Witnessed>, StoreError> {
    first(tx.query(WITNESSED, &[origin.into()])?).as_ref().map(witnessed_row).transpose()
}

/// The latest checkpoint of every log that the node cosigned, by origin.
///
/// # Errors
/// When the database fails.
pub fn all_witnessed(tx: &mut dyn Tx) -> Result<Vec<Witnessed>, StoreError> {
    tx.query(ALL_WITNESSED, &[])?.iter().map(witnessed_row).collect()
}

fn witnessed_row(row: &Row) -> Result<Witnessed, StoreError> {
    Ok(Witnessed { size: row.int(0)?, at: row.timestamp(1)?, note: row.text(2)?.to_owned() })
}

/// Records the checkpoint of a log that the node cosigns now, under compare-and-swap: `after` is the size of the one
/// that it was checked against, `None` when there was none.
///
/// # Errors
/// [`StoreError::OutOfSequence`] when another one was recorded meanwhile.
pub fn save_witnessed(
    tx: &mut dyn Tx,
    origin: &str,
    after: Option<i64>,
    next: &Witnessed,
) -> Result<(), StoreError> {
    let row = [origin.into(), next.size.into(), next.at.into(), next.note.as_str().into()];
    let changed = match after {
        None => tx.execute(WITNESS_FIRST, &row)?,
        Some(after) => tx.execute(WITNESS_NEXT, &[&row[..], &[after.into()]].concat())?,
    };
    if changed == 1 {
        return Ok(());
    }
    let found = witnessed(tx, origin)?.map_or(0, |latest| latest.size);
    Err(StoreError::OutOfSequence {
        series: format!("witnessed checkpoint of {origin}"),
        given: after.unwrap_or(0),
        expected: found,
    })
}

/// Records a finding and says whether it is new: the same kind of finding about the same log with the same `digest` is
/// recorded once.
///
/// # Errors
/// When the database fails.
pub fn record_finding(tx: &mut dyn Tx, finding: &Finding, digest: [u8; 32]) -> Result<bool, StoreError> {
    let row = [
        finding.at.into(),
        finding.origin.as_str().into(),
        finding.source.as_str().into(),
        finding.kind.as_str().into(),
        digest.into(),
        finding.words.as_str().into(),
        finding.proof.clone().into(),
    ];
    Ok(tx.execute(FIND, &row)? == 1)
}

/// The latest findings: first those that nobody has seen to, then the others, newest first.
///
/// # Errors
/// When the database fails.
pub fn findings(tx: &mut dyn Tx, limit: usize) -> Result<Vec<Finding>, StoreError> {
    tx.query(FINDINGS, &[limit_value(limit)])?.iter().map(finding).collect()
}

/// One finding.
///
/// # Errors
/// When the database fails.
pub fn finding_of(tx: &mut dyn Tx, id: i64) -> Result<Option<Finding>, StoreError> {
    first(tx.query(FINDING, &[id.into()])?).as_ref().map(finding).transpose()
}

/// Notes who has seen to a finding. `false` means that somebody had before, or that there is none.
///
/// # Errors
/// When the database fails.
pub fn see_finding(tx: &mut dyn Tx, id: i64, seen: &Seen) -> Result<bool, StoreError> {
    let row = [id.into(), seen.at.into(), seen.by.as_str().into(), seen.note.as_str().into()];
    Ok(tx.execute(SEE, &row)? == 1)
}

/// How many findings of each kind nobody has seen to.
///
/// # Errors
/// When the database fails.
pub fn unseen_findings(tx: &mut dyn Tx) -> Result<Vec<(String, i64)>, StoreError> {
    tx.query(UNSEEN, &[])?.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?))).collect()
}

fn finding(row: &Row) -> Result<Finding, StoreError> {
    Ok(Finding {
        id: row.int(0)?,
        at: row.timestamp(1)?,
        origin: row.text(2)?.to_owned(),
        source: row.text(3)?.to_owned(),
        kind: row.text(4)?.to_owned(),
        words: row.text(5)?.to_owned(),
        proof: row.opt_bytes(6)?.map(<[u8]>::to_vec),
        seen: match row.opt_timestamp(7)? {
            Some(at) => Some(Seen { at, by: row.text(8)?.to_owned(), note: row.text(9)?.to_owned() }),
            None => None,
        },
    })
}
