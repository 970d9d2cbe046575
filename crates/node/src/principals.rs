//! Who may use a node: traders with a token, officers with a token or a password, the operator.

use crate::clock::World;
use base::{Eori, Timestamp};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use store::{StoreError, Tx, Value};

/// How long a sign-in at the console lasts without being renewed: a working day.
const SESSION_MICROS: i64 = 10 * 3600 * 1_000_000;

/// What a principal may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Submits declarations and reads the messages of its own movements.
    Trader,
    /// Decides on movements and reads everything of this administration.
    Officer,
    /// Runs the node: registers guarantees, reads all messages and metrics.
    Operator,
    /// Has a mandate to audit: reads the entries of the log, and nothing else.
    Auditor,
}

impl Role {
    /// The role as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trader => "trader",
            Self::Officer => "officer",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }

    /// Parses `trader`, `officer`, `operator` or `auditor`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Trader, Self::Officer, Self::Operator, Self::Auditor]
            .into_iter()
            .find(|role| role.as_str() == text)
    }

    /// Whether it may submit messages: traders may.
    pub fn submits(self) -> bool {
        self == Self::Trader
    }

    /// Whether it may decide on movements: officers may.
    pub fn decides(self) -> bool {
        self == Self::Officer
    }

    /// Whether it may read the log's entries one by one and in bundles: auditors may.
    pub fn audits(self) -> bool {
        self == Self::Auditor
    }

    /// Whether it belongs to the administration: it reads everything, sees partners and registers guarantees. Officers
    /// and the operator do.
    pub fn administers(self) -> bool {
        matches!(self, Self::Officer | Self::Operator)
    }
}

/// Someone who has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name under which they are registered; the owner of what they submit.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// An officer's session at the console.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who signed in.
    pub principal: Principal,
    /// The secret that each form of the session carries, so that no other site can post one.
    pub form_token: String,
}

/// Why a principal cannot be registered or signed in.
#[derive(Debug, thiserror::Error)]
pub enum PrincipalError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The password could not be hashed.
    #[error("cannot hash the password: {0}")]
    Password(String),
    /// The name would be mistaken for someone else.
    #[error(
        "`{0}` is no name for a principal: 1 to 35 characters, without `/` and control characters, neither `clock` nor an administration"
    )]
    Name(String),
    /// The name is taken.
    #[error("`{0}` is already registered: choose another name")]
    NameTaken(String),
}

/// Registers a principal and returns its token, which is shown once and stored only as a digest.
///
/// `password` allows a sign-in at the console; an empty one allows none.
///
/// # Errors
/// When the name is taken, or the store or the hashing fails.
pub fn register(
    tx: &mut dyn Tx,
    world: &World,
    name: &str,
    role: Role,
    password: &str,
) -> Result<String, PrincipalError> {
    // Names stand in keys of movements and as actors in the journal, beside administrations and the clock.
    let plain =
        (1..=35).contains(&name.chars().count()) && !name.contains(|c: char| c == '/' || c.is_control());
    if !plain || name == "clock" || name.starts_with("NTA.") || name.trim() != name {
        return Err(PrincipalError::Name(name.to_owned()));
    }
    if !tx.query("SELECT 1 FROM principals WHERE name = ?1", &[name.into()])?.is_empty() {
        return Err(PrincipalError::NameTaken(name.to_owned()));
    }
    let token = secret(world);
    let password = if password.is_empty() { String::new() } else { hash_password(world, password)? };
    tx.execute(
        "INSERT INTO principals (token_digest, name, role, password, identifications, created) \
         VALUES (?1, ?2, ?3, ?4, '*', ?5)",
        &[
            digest(&token),
            name.into(),
            role.as_str().into(),
            password.into(),
            world.clock.now().as_micros().into(),
        ],
    )?;
    Ok(token)
}

/// Lets a trader act for these traders only: as holder, representative or trader at destination.
///
/// # Errors
/// When the store fails.
pub fn restrict(tx: &mut dyn Tx, name: &str, traders: &BTreeSet<Eori>) -> Result<(), StoreError> {
    let traders = traders.iter().map(Eori::as_str).collect::<Vec<_>>().join(" ");
    tx.execute("UPDATE principals SET identifications = ?2 WHERE name = ?1", &[name.into(), traders.into()])?;
    Ok(())
}

/// The traders for whom a principal may act; `None` when for any.
///
/// # Errors
/// When the store fails.
pub fn identifications(tx: &mut dyn Tx, name: &str) -> Result<Option<BTreeSet<String>>, StoreError> {
    let rows = tx.query("SELECT identifications FROM principals WHERE name = ?1", &[name.into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let traders = row.text(0)?;
    Ok((traders != "*").then(|| traders.split(' ').map(str::to_owned).collect()))
}

/// The principal that holds `token`.
///
/// # Errors
/// When the store fails.
pub fn by_token(tx: &mut dyn Tx, token: &str) -> Result<Option<Principal>, StoreError> {
    let rows = tx.query("SELECT name, role FROM principals WHERE token_digest = ?1", &[digest(token)])?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Role::parse(row.text(1)?)
        .map(|role| Principal { name: row.text(0).unwrap_or_default().to_owned(), role }))
}

/// The stored password hash of an officer; `None` when there is no such officer or no password.
///
/// # Errors
/// When the store fails.
pub fn password_of(tx: &mut dyn Tx, name: &str) -> Result<Option<(String, Role)>, StoreError> {
    let rows = tx.query("SELECT password, role FROM principals WHERE name = ?1", &[name.into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (password, role) = (row.text(0)?.to_owned(), Role::parse(row.text(1)?));
    Ok(role.filter(|_| !password.is_empty()).map(|role| (password, role)))
}

/// A hash that no password matches, for the sign-in of someone who does not exist.
pub const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Whether `password` is the one that `hash` was made from. Costs tens of milliseconds on purpose: never call it
/// inside a transaction.
pub fn password_matches(hash: &str, password: &str) -> bool {
    use argon2::PasswordVerifier;
    argon2::password_hash::PasswordHash::new(hash)
        .is_ok_and(|parsed| argon2::Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

/// Opens a session and returns its cookie value.
///
/// # Errors
/// When the store fails.
pub fn open_session(tx: &mut dyn Tx, world: &World, name: &str, role: Role) -> Result<String, StoreError> {
    let now = world.clock.now();
    let token = secret(world);
    tx.execute("DELETE FROM sessions WHERE expires < ?1", &[now.as_micros().into()])?;
    tx.execute(
        "INSERT INTO sessions (token_digest, name, role, form_token, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            digest(&token),
            name.into(),
            role.as_str().into(),
            secret(world).into(),
            now.plus_micros(SESSION_MICROS).as_micros().into(),
        ],
    )?;
    Ok(token)
}

/// The session of a cookie value, if it has not ended.
///
/// # Errors
/// When the store fails.
pub fn session(tx: &mut dyn Tx, now: Timestamp, token: &str) -> Result<Option<Session>, StoreError> {
    let rows = tx.query(
        "SELECT name, role, form_token FROM sessions WHERE token_digest = ?1 AND expires > ?2",
        &[digest(token), now.as_micros().into()],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (name, form_token) = (row.text(0)?.to_owned(), row.text(2)?.to_owned());
    Ok(Role::parse(row.text(1)?).map(|role| Session { principal: Principal { name, role }, form_token }))
}

/// Ends a session.
///
/// # Errors
/// When the store fails.
pub fn close_session(tx: &mut dyn Tx, token: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sessions WHERE token_digest = ?1", &[digest(token)])?;
    Ok(())
}

fn hash_password(world: &World, password: &str) -> Result<String, PrincipalError> {
    use argon2::PasswordHasher;
    let failed = |error: argon2::password_hash::Error| PrincipalError::Password(error.to_string());
    let salt = argon2::password_hash::SaltString::encode_b64(&world.random::<16>()).map_err(failed)?;
    Ok(argon2::Argon2::default().hash_password(password.as_bytes(), &salt).map_err(failed)?.to_string())
}

/// A secret of 256 bits as hexadecimal text.
fn secret(world: &World) -> String {
    base::Digest(world.random()).to_string()
}

fn digest(token: &str) -> Value {
    base::Digest(Sha256::digest(token.as_bytes()).into()).to_string().into()
}
