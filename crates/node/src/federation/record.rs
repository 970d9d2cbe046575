//! What a node keeps of its invitations and of the agreements that came with them.

use super::invitation::Invitation;
use base::{Administration, Digest, Timestamp};
use evidence::key_register::SignedRegister;
use std::collections::BTreeMap;
use store::{Migration, StoreError, Tx};

pub(crate) const SCHEMA: Migration = Migration {
    name: "federation",
    sql: "
CREATE TABLE invitations (
    nonce TEXT NOT NULL PRIMARY KEY,
    direction TEXT NOT NULL,
    partner TEXT NOT NULL,
    agreement TEXT NOT NULL,
    invitation BLOB NOT NULL,
    answer BLOB,
    register BLOB,
    created BIGINT NOT NULL,
    completed BIGINT,
    delivered BIGINT
);
CREATE INDEX invitations_by_partner ON invitations (partner, created);
CREATE TABLE entered_agreements (
    agreement TEXT NOT NULL,
    version BIGINT NOT NULL,
    hash TEXT NOT NULL,
    document TEXT NOT NULL,
    entered BIGINT NOT NULL,
    PRIMARY KEY (agreement, version)
);
",
};

const ADD: &str = "INSERT INTO invitations (nonce, direction, partner, agreement, invitation, answer, register, created) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const FIND: &str = "SELECT invitation, answer, register, completed FROM invitations \
    WHERE nonce = ?1 AND direction = ?2";

const COMPLETE: &str = "UPDATE invitations SET answer = ?2, register = ?3, completed = ?4 WHERE nonce = ?1";

const COUNTERSIGNED: &str = "UPDATE invitations SET register = ?2, completed = ?3 WHERE nonce = ?1";

const TO_DELIVER: &str = "SELECT nonce, partner, register FROM invitations \
    WHERE direction = 'issued' AND register IS NOT NULL AND delivered IS NULL ORDER BY created LIMIT 32";

const DELIVERED: &str = "UPDATE invitations SET delivered = ?2 WHERE nonce = ?1";

const ACCEPTED: &str = "SELECT nonce, register FROM invitations \
    WHERE direction = 'accepted' AND partner = ?1 AND register IS NOT NULL ORDER BY created";

const REGISTERS: &str = "SELECT partner, register, completed FROM invitations \
    WHERE answer IS NOT NULL ORDER BY created";

const ENTER_AGREEMENT: &str = "INSERT INTO entered_agreements (agreement, version, hash, document, entered) \
    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (agreement, version) DO NOTHING";

const AGREEMENTS: &str = "SELECT document FROM entered_agreements ORDER BY agreement, version";

/// Whose invitation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// This node wrote it.
    Issued,
    /// This node accepted it.
    Accepted,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Accepted => "accepted",
        }
    }
}

/// An invitation on record.
pub(super) struct OnRecord {
    pub(super) invitation: Vec<u8>,
    pub(super) answer: Option<Vec<u8>>,
    pub(super) register: Option<Vec<u8>>,
    pub(super) completed: bool,
}

/// Keeps an invitation; one that was accepted with its answer and the register that this node approved.
pub(super) fn add(
    tx: &mut dyn Tx,
    direction: Direction,
    partner: &Administration,
    invitation: &Invitation,
    (answer, register): (Option<&[u8]>, Option<&[u8]>),
    now: Timestamp,
) -> Result<(), StoreError> {
    let json = invitation.to_json();
    let row = [
        invitation.nonce.to_string().into(),
        direction.as_str().into(),
        partner.as_str().into(),
        invitation.agreement.id.as_str().into(),
        json.as_slice().into(),
        answer.into(),
        register.into(),
        now.into(),
    ];
    tx.execute(ADD, &row).map(drop)
}

/// The invitation with this number.
pub(super) fn find(
    tx: &mut dyn Tx,
    nonce: Digest,
    direction: Direction,
) -> Result<Option<OnRecord>, StoreError> {
    let rows = tx.query(FIND, &[nonce.to_string().into(), direction.as_str().into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(OnRecord {
        invitation: row.bytes(0)?.to_vec(),
        answer: row.opt_bytes(1)?.map(<[u8]>::to_vec),
        register: row.opt_bytes(2)?.map(<[u8]>::to_vec),
        completed: row.opt_int(3)?.is_some(),
    }))
}

/// Marks an invitation as answered, with the register that both have approved.
pub(super) fn complete(
    tx: &mut dyn Tx,
    nonce: &str,
    answer: Option<&[u8]>,
    register: Option<&[u8]>,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(COMPLETE, &[nonce.into(), answer.into(), register.into(), now.into()]).map(drop)
}

/// Keeps the register of an accepted invitation, which both have approved now.
pub(super) fn countersigned(
    tx: &mut dyn Tx,
    nonce: &str,
    register: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(COUNTERSIGNED, &[nonce.into(), register.into(), now.into()]).map(drop)
}

/// Registers that both have approved and that the partner does not have yet: number, partner, bytes.
pub(super) fn to_deliver(tx: &mut dyn Tx) -> Result<Vec<(String, String, Vec<u8>)>, StoreError> {
    let rows = tx.query(TO_DELIVER, &[])?;
    rows.iter()
        .map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.bytes(2)?.to_vec())))
        .collect()
}

/// Marks a register as delivered.
pub(super) fn delivered(tx: &mut dyn Tx, nonce: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(DELIVERED, &[nonce.into(), now.into()]).map(drop)
}

/// What this node approved when it accepted invitations of a partner: number and register.
pub(super) fn accepted(
    tx: &mut dyn Tx,
    partner: &Administration,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let rows = tx.query(ACCEPTED, &[partner.as_str().into()])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec()))).collect()
}

/// Keeps an agreement that came with an invitation.
pub(super) fn enter_agreement(
    tx: &mut dyn Tx,
    agreement: &super::AgreementText,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = [
        agreement.id.as_str().into(),
        i64::from(agreement.version).into(),
        agreement.hash.to_string().into(),
        agreement.text.as_str().into(),
        now.into(),
    ];
    tx.execute(ENTER_AGREEMENT, &row).map(drop)
}

/// The agreements that came with invitations, in their authoring form.
///
/// # Errors
/// When the store fails.
pub(crate) fn agreements(tx: &mut dyn Tx) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(AGREEMENTS, &[])?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// How far the key register with each partner has come.
///
/// # Errors
/// When the store fails.
pub(crate) fn registers(tx: &mut dyn Tx) -> Result<BTreeMap<String, RegisterState>, StoreError> {
    let mut states = BTreeMap::new();
    for row in &tx.query(REGISTERS, &[])? {
        let register = row.opt_bytes(1)?.and_then(|bytes| SignedRegister::read(bytes).ok());
        let state = RegisterState {
            version: register.map(|register| register.register().version),
            // Without a register nothing has to be confirmed.
            completed: row.opt_int(2)?.is_some() || row.opt_bytes(1)?.is_none(),
        };
        states.insert(row.text(0)?.to_owned(), state);
    }
    Ok(states)
}

/// The register of an agreement that both have approved, if an invitation brought one.
///
/// # Errors
/// When the store fails.
pub(crate) fn register_of(tx: &mut dyn Tx, agreement: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let rows = tx.query(
        "SELECT register FROM invitations WHERE agreement = ?1 AND register IS NOT NULL AND completed IS NOT NULL \
         ORDER BY created LIMIT 1",
        &[agreement.into()],
    )?;
    rows.first().map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}

/// The first versions of registers that both parties of an invitation have approved and have.
///
/// # Errors
/// When the store fails.
pub(crate) fn completed_registers(tx: &mut dyn Tx) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let rows = tx.query(
        "SELECT agreement, register FROM invitations WHERE register IS NOT NULL AND completed IS NOT NULL \
         ORDER BY created",
        &[],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec()))).collect()
}

/// How far a key register has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegisterState {
    /// The version; none while whoever keeps the register has not admitted the partner.
    pub(crate) version: Option<u64>,
    /// Whether both have approved.
    pub(crate) completed: bool,
}
