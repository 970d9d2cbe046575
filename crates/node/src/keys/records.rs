//! Key registers in the database: every version that was in force here, what partners are known to have, what is proposed,
//! and for which document of a version this node has given its approval.

use super::held::HeldRegister;
use base::{Administration, Digest, Timestamp};
use evidence::KeyId;
use evidence::key_register::{Approval, Proposal, RegisterError, SignedRegister};
use std::collections::BTreeMap;
use store::{Migration, StoreError, Tx};

pub(crate) const SCHEMA: Migration = Migration {
    name: "key-registers",
    sql: "
CREATE TABLE key_registers (
    agreement TEXT NOT NULL,
    version BIGINT NOT NULL,
    register BLOB NOT NULL,
    adopted BIGINT NOT NULL,
    PRIMARY KEY (agreement, version)
);
CREATE TABLE register_known (
    agreement TEXT NOT NULL,
    administration TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (agreement, administration)
);
CREATE TABLE register_proposals (
    agreement TEXT NOT NULL PRIMARY KEY,
    proposal BLOB NOT NULL,
    made BIGINT NOT NULL,
    hindrance TEXT NOT NULL
);
CREATE TABLE register_approvals (
    agreement TEXT NOT NULL,
    version BIGINT NOT NULL,
    administration TEXT NOT NULL,
    digest TEXT NOT NULL,
    approval BLOB NOT NULL,
    PRIMARY KEY (agreement, version, administration)
);
",
};

/// What was approved here for others, and orders that wait until the version before them is in force.
pub(crate) const ORDERS: Migration = Migration {
    name: "key-register-orders",
    sql: "
CREATE TABLE register_countersigned (
    agreement TEXT NOT NULL,
    version BIGINT NOT NULL,
    proposal BLOB NOT NULL,
    PRIMARY KEY (agreement, version)
);
CREATE TABLE register_orders (
    agreement TEXT NOT NULL PRIMARY KEY,
    proposal BLOB NOT NULL,
    made BIGINT NOT NULL
);
",
};

fn number(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn damaged(error: &RegisterError) -> StoreError {
    StoreError::Damaged { what: "key register", reason: error.to_string() }
}

/// The registers in force.
pub(crate) fn in_force(tx: &mut dyn Tx) -> Result<BTreeMap<String, HeldRegister>, StoreError> {
    let mut held: BTreeMap<String, HeldRegister> = BTreeMap::new();
    let rows = tx.query("SELECT agreement, register FROM key_registers ORDER BY agreement, version", &[])?;
    for row in &rows {
        let signed = SignedRegister::read(row.bytes(1)?).map_err(|error| damaged(&error))?;
        let introduced = held.remove(row.text(0)?).map(|older| older.introduced).unwrap_or_default();
        let mut next = HeldRegister { signed, known: BTreeMap::new(), introduced };
        let version = next.signed.register().version;
        let keys: Vec<KeyId> =
            next.signed.register().entries.iter().map(|entry| entry.key.key_id()).collect();
        for key in keys {
            next.introduced.entry(key).or_insert(version);
        }
        held.insert(row.text(0)?.to_owned(), next);
    }
    for row in &tx.query("SELECT agreement, administration, version FROM register_known", &[])? {
        let (Some(held), Ok(administration)) =
            (held.get_mut(row.text(0)?), Administration::parse(row.text(1)?))
        else {
            continue;
        };
        held.known.insert(administration, u64::try_from(row.int(2)?).unwrap_or_default());
    }
    Ok(held)
}

/// One version of a register, as it was adopted.
pub(crate) fn version(
    tx: &mut dyn Tx,
    agreement: &str,
    version: u64,
) -> Result<Option<SignedRegister>, StoreError> {
    let sql = "SELECT register FROM key_registers WHERE agreement = ?1 AND version = ?2";
    let rows = tx.query(sql, &[agreement.into(), number(version).into()])?;
    let read = |row: &store::Row| SignedRegister::read(row.bytes(0)?).map_err(|error| damaged(&error));
    rows.first().map(read).transpose()
}

/// The youngest versions of a register, at most `count`, oldest first.
pub(crate) fn youngest(
    tx: &mut dyn Tx,
    agreement: &str,
    count: i64,
) -> Result<Vec<SignedRegister>, StoreError> {
    let sql = "SELECT register FROM key_registers WHERE agreement = ?1 ORDER BY version DESC LIMIT ?2";
    let rows = tx.query(sql, &[agreement.into(), count.into()])?;
    let read = |row: &store::Row| SignedRegister::read(row.bytes(0)?).map_err(|error| damaged(&error));
    rows.iter().rev().map(read).collect()
}

/// The version of a register in force.
pub(crate) fn latest(tx: &mut dyn Tx, agreement: &str) -> Result<Option<SignedRegister>, StoreError> {
    let sql = "SELECT MAX(version) FROM key_registers WHERE agreement = ?1";
    let rows = tx.query(sql, &[agreement.into()])?;
    match rows.first().map(|row| row.opt_int(0)).transpose()?.flatten() {
        Some(latest) => version(tx, agreement, u64::try_from(latest).unwrap_or_default()),
        None => Ok(None),
    }
}

/// Keeps a version that is in force from now on.
pub(crate) fn keep(tx: &mut dyn Tx, signed: &SignedRegister, now: Timestamp) -> Result<(), StoreError> {
    let (agreement, version) = (&signed.register().agreement, number(signed.register().version));
    let row = [agreement.as_str().into(), version.into(), signed.to_bytes().into(), now.into()];
    tx.execute(
        "INSERT INTO key_registers (agreement, version, register, adopted) VALUES (?1, ?2, ?3, ?4)",
        &row,
    )?;
    Ok(())
}

/// Notes that a partner has this version or a later one.
pub(crate) fn note_known(
    tx: &mut dyn Tx,
    agreement: &str,
    administration: &Administration,
    version: u64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO register_known (agreement, administration, version) VALUES (?1, ?2, ?3) \
         ON CONFLICT (agreement, administration) DO UPDATE SET version = excluded.version \
         WHERE register_known.version < excluded.version",
        &[agreement.into(), administration.as_str().into(), number(version).into()],
    )?;
    Ok(())
}

/// Our own proposal, and what hindered it last.
pub(crate) fn proposal(tx: &mut dyn Tx, agreement: &str) -> Result<Option<(Proposal, String)>, StoreError> {
    let sql = "SELECT proposal, hindrance FROM register_proposals WHERE agreement = ?1";
    let rows = tx.query(sql, &[agreement.into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let proposal = Proposal::read(row.bytes(0)?).map_err(|error| damaged(&error))?;
    Ok(Some((proposal, row.text(1)?.to_owned())))
}

/// Keeps our own proposal, in place of the one that we had.
pub(crate) fn propose(tx: &mut dyn Tx, proposal: &Proposal, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO register_proposals (agreement, proposal, made, hindrance) VALUES (?1, ?2, ?3, '') \
         ON CONFLICT (agreement) DO UPDATE SET proposal = excluded.proposal, made = excluded.made, hindrance = ''",
        &[proposal.register().agreement.as_str().into(), proposal.as_bytes().into(), now.into()],
    )?;
    Ok(())
}

/// Notes what hinders our proposal.
pub(crate) fn hinder(tx: &mut dyn Tx, agreement: &str, words: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE register_proposals SET hindrance = ?2 WHERE agreement = ?1",
        &[agreement.into(), words.into()],
    )?;
    Ok(())
}

/// Forgets our proposal.
pub(crate) fn withdraw(tx: &mut dyn Tx, agreement: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM register_proposals WHERE agreement = ?1", &[agreement.into()]).map(drop)
}

/// Keeps what this node orders next, to be proposed once the version that waits now is in force: one document, in place
/// of the one before it.
pub(crate) fn queue(tx: &mut dyn Tx, order: &Proposal, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO register_orders (agreement, proposal, made) VALUES (?1, ?2, ?3) \
         ON CONFLICT (agreement) DO UPDATE SET proposal = excluded.proposal, made = excluded.made",
        &[order.register().agreement.as_str().into(), order.as_bytes().into(), now.into()],
    )?;
    Ok(())
}

/// What this node orders next.
pub(crate) fn queued(tx: &mut dyn Tx, agreement: &str) -> Result<Option<Proposal>, StoreError> {
    let sql = "SELECT proposal FROM register_orders WHERE agreement = ?1";
    let rows = tx.query(sql, &[agreement.into()])?;
    let read = |row: &store::Row| Proposal::read(row.bytes(0)?).map_err(|error| damaged(&error));
    rows.first().map(read).transpose()
}

/// Forgets what was to be ordered next: it is proposed now.
pub(crate) fn unqueue(tx: &mut dyn Tx, agreement: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM register_orders WHERE agreement = ?1", &[agreement.into()]).map(drop)
}

/// Keeps another's proposal that was approved here: who proposes something else for its number is shown it.
pub(crate) fn keep_countersigned(tx: &mut dyn Tx, proposal: &Proposal) -> Result<(), StoreError> {
    let (agreement, version) = (&proposal.register().agreement, number(proposal.register().version));
    tx.execute(
        "INSERT INTO register_countersigned (agreement, version, proposal) VALUES (?1, ?2, ?3) \
         ON CONFLICT (agreement, version) DO UPDATE SET proposal = excluded.proposal",
        &[agreement.as_str().into(), version.into(), proposal.as_bytes().into()],
    )?;
    Ok(())
}

/// The proposal of another that was approved here for a version.
pub(crate) fn countersigned(
    tx: &mut dyn Tx,
    agreement: &str,
    version: u64,
) -> Result<Option<Proposal>, StoreError> {
    let sql = "SELECT proposal FROM register_countersigned WHERE agreement = ?1 AND version = ?2";
    let rows = tx.query(sql, &[agreement.into(), number(version).into()])?;
    let read = |row: &store::Row| Proposal::read(row.bytes(0)?).map_err(|error| damaged(&error));
    rows.first().map(read).transpose()
}

/// For which document of a version this administration has approved, as far as this node has seen.
pub(crate) fn approved(
    tx: &mut dyn Tx,
    agreement: &str,
    version: u64,
    administration: &Administration,
) -> Result<Option<Digest>, StoreError> {
    let sql = "SELECT digest FROM register_approvals \
               WHERE agreement = ?1 AND version = ?2 AND administration = ?3";
    let rows = tx.query(sql, &[agreement.into(), number(version).into(), administration.as_str().into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let digest = Digest::parse(row.text(0)?).map_err(|error| StoreError::Damaged {
        what: "digest of a key register",
        reason: error.to_string(),
    })?;
    Ok(Some(digest))
}

/// The youngest version of which this administration has approved a document that is on record and counts; 0 when there is
/// none.
pub(crate) fn youngest_approved(
    tx: &mut dyn Tx,
    agreement: &str,
    administration: &Administration,
    counts: impl Fn(&Proposal) -> bool,
) -> Result<u64, StoreError> {
    let sql = "SELECT own.digest, kept.proposal FROM register_approvals AS own \
               JOIN register_countersigned AS kept \
               ON kept.agreement = own.agreement AND kept.version = own.version \
               WHERE own.agreement = ?1 AND own.administration = ?2 ORDER BY own.version DESC";
    for row in &tx.query(sql, &[agreement.into(), administration.as_str().into()])? {
        let approved = Proposal::read(row.bytes(1)?).map_err(|error| damaged(&error))?;
        let digest = approved.register().digest().map_err(|error| damaged(&error))?;
        if digest.to_string() == row.text(0)? && counts(&approved) {
            return Ok(approved.register().version);
        }
    }
    Ok(0)
}

/// Keeps an approval of a version; a later one of the same administration takes its place.
pub(crate) fn keep_approval(
    tx: &mut dyn Tx,
    (agreement, version): (&str, u64),
    digest: Digest,
    approval: &Approval,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO register_approvals (agreement, version, administration, digest, approval) \
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (agreement, version, administration) \
         DO UPDATE SET digest = excluded.digest, approval = excluded.approval",
        &[
            agreement.into(),
            number(version).into(),
            approval.steward().as_str().into(),
            digest.to_string().into(),
            approval.as_bytes().into(),
        ],
    )?;
    Ok(())
}

/// The approvals of one document that this node has.
pub(crate) fn approvals(
    tx: &mut dyn Tx,
    (agreement, version): (&str, u64),
    digest: Digest,
) -> Result<Vec<Approval>, StoreError> {
    let sql = "SELECT approval FROM register_approvals WHERE agreement = ?1 AND version = ?2 AND digest = ?3";
    let rows = tx.query(sql, &[agreement.into(), number(version).into(), digest.to_string().into()])?;
    let read = |row: &store::Row| Approval::read(row.bytes(0)?).map_err(|error| damaged(&error));
    rows.iter().map(read).collect()
}
