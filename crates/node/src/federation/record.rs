//! What a node keeps of its invitations and of the agreements that came with them.

use super::invitation::Invitation;
use base::{Administration, Digest, Timestamp};
use evidence::key_register::{RegisterError, SignedRegister};
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

/// Registers are kept and distributed by [`crate::keys`].
pub(crate) const SECOND_SCHEMA: Migration =
    Migration { name: "federation-2", sql: "ALTER TABLE invitations DROP COLUMN delivered;" };

const ADD: &str = "INSERT INTO invitations (nonce, direction, partner, agreement, invitation, answer, register, created) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const FIND: &str = "SELECT invitation, answer FROM invitations \
    WHERE nonce = ?1 AND direction = ?2";

const COMPLETE: &str = "UPDATE invitations SET answer = ?2, completed = ?3 WHERE nonce = ?1";

const ACCEPTED: &str = "SELECT register FROM invitations \
    WHERE direction = 'accepted' AND partner = ?1 AND agreement = ?2 AND register IS NOT NULL ORDER BY created";

const WAITING: &str =
    "SELECT partner, agreement FROM invitations WHERE direction = 'accepted' AND register IS NOT NULL";

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
    Ok(Some(OnRecord { invitation: row.bytes(0)?.to_vec(), answer: row.opt_bytes(1)?.map(<[u8]>::to_vec) }))
}

/// Marks an invitation of this node as answered.
pub(super) fn complete(
    tx: &mut dyn Tx,
    nonce: Digest,
    answer: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(COMPLETE, &[nonce.to_string().into(), answer.into(), now.into()]).map(drop)
}

/// The registers that this node approved when it accepted invitations of a partner, oldest first.
pub(super) fn approved_with(
    tx: &mut dyn Tx,
    partner: &Administration,
    agreement: &str,
) -> Result<Vec<SignedRegister>, StoreError> {
    let rows = tx.query(ACCEPTED, &[partner.as_str().into(), agreement.into()])?;
    let damaged =
        |error: RegisterError| StoreError::Damaged { what: "key register", reason: error.to_string() };
    rows.iter().map(|row| SignedRegister::read(row.bytes(0)?).map_err(damaged)).collect()
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

/// The partners whose invitations were accepted here, with the agreement of each: while its register is not in force,
/// the partner has not taken the acceptance.
///
/// # Errors
/// When the store fails.
pub(crate) fn waiting(tx: &mut dyn Tx) -> Result<Vec<(String, String)>, StoreError> {
    let rows = tx.query(WAITING, &[])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}
