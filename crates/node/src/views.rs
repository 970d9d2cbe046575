//! What lists and pages show: rows read from the read tables, never from a room's state.

use base::Timestamp;
use serde::Serialize;
use store::{Row, StoreError, Tx, Value};

/// The longest page of a list.
pub const PAGE_LIMIT: i64 = 500;

/// A movement as one room of this administration knows it.
#[derive(Clone, Debug, Serialize)]
pub struct MovementRow {
    /// The room: `departure`, `passage` (office of transit) or `destination`.
    pub room: String,
    /// The movement's key in this node: declarant and LRN at departure, MRN elsewhere.
    pub movement: String,
    /// The movement reference number; empty before acceptance.
    pub mrn: String,
    /// The local reference number; known at departure only.
    pub lrn: String,
    /// The office of this room.
    pub office: String,
    /// The state's name.
    pub state: String,
    /// The holder of the transit procedure, as far as this room knows it.
    pub holder: String,
    /// Whether an officer has to decide before it goes on.
    pub waits_for_officer: bool,
    /// When it was first known here, in microseconds since 1970.
    pub created: i64,
    /// When it last changed.
    pub updated: i64,
    /// The number of that change: unique in this node and rising, so that it serves as the cursor of a list.
    pub change: i64,
}

/// Which movements to list.
#[derive(Clone, Debug, Default)]
pub struct MovementFilter {
    /// Only in this room.
    pub room: Option<String>,
    /// Only of this movement reference number.
    pub mrn: Option<String>,
    /// Only with this local reference number.
    pub lrn: Option<String>,
    /// Only in this state.
    pub state: Option<String>,
    /// Only those that wait for an officer.
    pub waiting: bool,
    /// Only those of this owner.
    pub owner: Option<String>,
    /// Only those whose last change has a lower number: the cursor of the next page.
    pub before: Option<i64>,
}

/// A message that this node received or sent.
#[derive(Clone, Debug, Serialize)]
pub struct MessageRow {
    /// The node's own number of the message.
    pub id: i64,
    /// When it was received or made, in microseconds since 1970.
    pub at: i64,
    /// `received` or `sent`.
    pub direction: String,
    /// From: a country, or `trader`.
    #[serde(rename = "from")]
    pub from_party: String,
    /// To: a country, or `trader`.
    #[serde(rename = "to")]
    pub to_party: String,
    /// The type, as in `CC015C`; `unknown` when it was not legible.
    #[serde(rename = "type")]
    pub message_type: String,
    /// The sender's identification of the message.
    pub identification: String,
    /// The movement's key in this node.
    pub movement: String,
    /// What became of it: `accepted`, `rejected`, `queued`, `delivered`, ...
    pub outcome: String,
    /// The clause of the agreement under which it left or came.
    pub clause: Option<String>,
    /// Its identity between nodes.
    pub exchange_id: Option<String>,
}

impl MessageRow {
    /// The moment it was received or made.
    pub fn moment(&self) -> Timestamp {
        Timestamp::from_micros(self.at)
    }
}

const MOVEMENT_COLUMNS: &str =
    "room, movement, mrn, lrn, office, state, holder, waits_for_officer, created, updated, change";

fn movement(row: &Row) -> Result<MovementRow, StoreError> {
    Ok(MovementRow {
        room: row.text(0)?.to_owned(),
        movement: row.text(1)?.to_owned(),
        mrn: row.text(2)?.to_owned(),
        lrn: row.text(3)?.to_owned(),
        office: row.text(4)?.to_owned(),
        state: row.text(5)?.to_owned(),
        holder: row.text(6)?.to_owned(),
        waits_for_officer: row.int(7)? != 0,
        created: row.int(8)?,
        updated: row.int(9)?,
        change: row.int(10)?,
    })
}

const MESSAGE_COLUMNS: &str = "m.id, m.at, m.direction, m.from_party, m.to_party, m.message_type, m.identification, \
     m.movement, m.outcome, m.clause, m.exchange_id";

fn message(row: &Row) -> Result<MessageRow, StoreError> {
    Ok(MessageRow {
        id: row.int(0)?,
        at: row.int(1)?,
        direction: row.text(2)?.to_owned(),
        from_party: row.text(3)?.to_owned(),
        to_party: row.text(4)?.to_owned(),
        message_type: row.text(5)?.to_owned(),
        identification: row.text(6)?.to_owned(),
        movement: row.text(7)?.to_owned(),
        outcome: row.text(8)?.to_owned(),
        clause: row.opt_text(9)?.map(str::to_owned),
        exchange_id: row.opt_text(10)?.map(str::to_owned),
    })
}

/// Conditions of a query, numbered as they are added.
#[derive(Default)]
struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds `condition`, in which `?` stands for `value`.
    fn add(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        self.sql.push(condition.replace('?', &format!("?{}", self.values.len())));
    }

    fn and_where(&self) -> String {
        if self.sql.is_empty() { String::new() } else { format!(" WHERE {}", self.sql.join(" AND ")) }
    }
}

/// Movements, the most recently changed first.
///
/// # Errors
/// When the store fails.
pub fn movements(
    tx: &mut dyn Tx,
    filter: &MovementFilter,
    limit: i64,
) -> Result<Vec<MovementRow>, StoreError> {
    let mut conditions = Conditions::default();
    let equal = [
        ("room = ?", &filter.room),
        ("mrn = ?", &filter.mrn),
        ("lrn = ?", &filter.lrn),
        ("state = ?", &filter.state),
        ("owner = ?", &filter.owner),
    ];
    for (condition, wanted) in equal {
        if let Some(wanted) = wanted {
            conditions.add(condition, wanted.as_str().into());
        }
    }
    if let Some(before) = filter.before {
        conditions.add("change < ?", before.into());
    }
    if filter.waiting {
        conditions.add("waits_for_officer = ?", 1.into());
    }
    let sql = format!(
        "SELECT {MOVEMENT_COLUMNS} FROM movements{} \
         ORDER BY change DESC LIMIT {}",
        conditions.and_where(),
        limit.clamp(1, PAGE_LIMIT),
    );
    tx.query(&sql, &conditions.values)?.iter().map(movement).collect()
}

/// One movement in one room.
///
/// # Errors
/// When the store fails.
pub fn movement_row(tx: &mut dyn Tx, room: &str, key: &str) -> Result<Option<MovementRow>, StoreError> {
    let sql = format!("SELECT {MOVEMENT_COLUMNS} FROM movements WHERE room = ?1 AND state_key = ?2");
    tx.query(&sql, &[room.into(), key.into()])?.first().map(movement).transpose()
}

/// The key under which the messages of a movement are kept that someone names by MRN, LRN or key. LRNs are unique for
/// their declarant only: without an owner the latest counts.
///
/// # Errors
/// When the store fails.
pub fn movement_named(tx: &mut dyn Tx, name: &str, owner: Option<&str>) -> Result<String, StoreError> {
    if base::Mrn::parse(name).is_ok() || name.contains('/') {
        return Ok(name.to_owned());
    }
    let mut conditions = Conditions::default();
    conditions.add("lrn = ?", name.into());
    if let Some(owner) = owner {
        conditions.add("owner = ?", owner.into());
    }
    let sql =
        format!("SELECT movement FROM movements{} ORDER BY change DESC LIMIT 1", conditions.and_where());
    match tx.query(&sql, &conditions.values)?.first() {
        Some(row) => Ok(row.text(0)?.to_owned()),
        // A rejected declaration has no movement; its messages are kept under declarant and LRN.
        None => Ok(owner.map_or_else(|| name.to_owned(), |owner| crate::cases::lrn_key(owner, name))),
    }
}

/// How many movements are in each state of each room.
///
/// # Errors
/// When the store fails.
pub fn movement_counts(tx: &mut dyn Tx) -> Result<Vec<(String, String, i64)>, StoreError> {
    let rows = tx.query(
        "SELECT room, state, COUNT(*) FROM movements GROUP BY room, state ORDER BY room, state",
        &[],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.int(2)?))).collect()
}

/// Messages after the cursor `after`, in the node's own order; of one movement (its key or MRN) or owner, if given.
///
/// # Errors
/// When the store fails.
pub fn messages(
    tx: &mut dyn Tx,
    movement: Option<&str>,
    owner: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<MessageRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.add("m.id > ?", after.into());
    if let Some(movement) = movement {
        conditions.add("m.movement = ?", movement.into());
    }
    if let Some(owner) = owner {
        conditions.add("m.owner = ?", owner.into());
    }
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS} FROM messages m{} ORDER BY m.id LIMIT {}",
        conditions.and_where(),
        limit.clamp(1, PAGE_LIMIT),
    );
    tx.query(&sql, &conditions.values)?.iter().map(message).collect()
}

/// One message with its owner and body.
///
/// # Errors
/// When the store fails.
pub fn message_with_body(
    tx: &mut dyn Tx,
    id: i64,
) -> Result<Option<(MessageRow, String, Vec<u8>)>, StoreError> {
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS}, m.owner, b.body FROM messages m JOIN bodies b ON b.message = m.id WHERE m.id = ?1"
    );
    let rows = tx.query(&sql, &[id.into()])?;
    rows.first().map(|row| Ok((message(row)?, row.text(11)?.to_owned(), row.bytes(12)?.to_vec()))).transpose()
}

/// The messages that are held for an officer, oldest first.
///
/// # Errors
/// When the store fails.
pub fn held(tx: &mut dyn Tx) -> Result<Vec<MessageRow>, StoreError> {
    let sql = format!(
        "SELECT {MESSAGE_COLUMNS} FROM messages m WHERE m.outcome = 'held' ORDER BY m.id LIMIT {PAGE_LIMIT}"
    );
    tx.query(&sql, &[])?.iter().map(message).collect()
}
