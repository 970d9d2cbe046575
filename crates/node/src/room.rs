//! The rooms of customs as the node runs them: load the state, decide, apply, record, save; all in one transaction.

use base::Timestamp;
use customs::{Decision, Facts, Notice, Refusal, TimerChange};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{StoreError, Tx, counter, journal, state, timers};

/// What lists show of a movement in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The movement reference number; empty before acceptance.
    pub mrn: String,
    /// The local reference number; empty where it is not known.
    pub lrn: String,
    /// The office of this room.
    pub office: String,
    /// The state's name.
    pub state: String,
    /// The holder of the transit procedure, as far as the room knows it.
    pub holder: String,
    /// Whether an officer has to decide before it goes on.
    pub waits_for_officer: bool,
}

/// A room of customs: pure functions and the names under which its states are kept.
pub trait Room {
    /// The name of the room.
    const NAME: &'static str;
    /// What it knows of one case.
    type State: Serialize + DeserializeOwned + Default;
    /// What it can be asked.
    type Command;
    /// What can happen in it.
    type Event: Serialize + DeserializeOwned;
    /// What it says.
    type Letter;

    /// Decides a command.
    ///
    /// # Errors
    /// When the command is refused.
    fn decide(
        state: &Self::State,
        command: Self::Command,
        facts: &Facts,
    ) -> Result<Decision<Self::Event, Self::Letter>, Refusal>;

    /// Applies what happened.
    fn apply(state: &mut Self::State, event: &Self::Event);

    /// What lists show; `None` for a room without a list of movements, and for a case that does not exist yet.
    fn row(state: &Self::State) -> Option<Row>;
}

/// Why a room could not be run. None of these is anybody's fault outside this node.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored state or event does not read back.
    #[error("the {room} of `{key}` does not read back: {reason}")]
    Unreadable {
        /// The room.
        room: &'static str,
        /// The case.
        key: String,
        /// Why.
        reason: String,
    },
}

/// What a command led to.
pub struct Effect<L> {
    /// The messages to send.
    pub letters: Vec<L>,
    /// What an officer should know.
    pub notices: Vec<Notice>,
}

/// What became of a command: its effect, or the refusal and the state that refused it.
pub type Ran<R> = Result<Effect<<R as Room>::Letter>, (<R as Room>::State, Refusal)>;

/// The case that a command is about, and who gave the command.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The case's key in its room.
    pub key: &'a str,
    /// The trader to whom it belongs; empty when it is no trader's.
    pub owner: &'a str,
    /// Who acts: a trader, an officer, a partner administration, or the clock.
    pub actor: &'a str,
}

/// What the journal keeps beside an event: who acted, and everything from outside that the decision rested on.
#[derive(Serialize)]
struct Basis<'a> {
    actor: &'a str,
    facts: &'a Facts,
}

/// The state of a case; the default state when it does not exist.
///
/// # Errors
/// When the store fails or the state does not read back.
pub fn load<R: Room>(tx: &mut dyn Tx, key: &str) -> Result<R::State, RoomError> {
    Ok(load_versioned::<R>(tx, key)?.0)
}

fn load_versioned<R: Room>(tx: &mut dyn Tx, key: &str) -> Result<(R::State, i64), RoomError> {
    let Some(stored) = state::load(tx, R::NAME, key)? else {
        return Ok((R::State::default(), 0));
    };
    let state = serde_json::from_slice(&stored.body).map_err(|error| unreadable::<R>(key, &error))?;
    Ok((state, stored.version))
}

fn unreadable<R: Room>(key: &str, error: &serde_json::Error) -> RoomError {
    RoomError::Unreadable { room: R::NAME, key: key.to_owned(), reason: error.to_string() }
}

/// The journal stream of a case.
pub fn stream<R: Room>(key: &str) -> String {
    format!("{}/{key}", R::NAME)
}

/// Runs a command: decides, and if it is not refused, records what happened with the facts that the decision rested
/// on, saves the state, moves the timers and refreshes the list.
///
/// # Errors
/// When the store fails or the state does not read back. A refusal is a value: nothing has changed then.
pub fn run<R: Room>(
    tx: &mut dyn Tx,
    case: Case<'_>,
    command: R::Command,
    facts: &Facts,
    salt: &mut dyn FnMut() -> [u8; 16],
) -> Result<Ran<R>, RoomError> {
    let (mut state, version) = load_versioned::<R>(tx, case.key)?;
    let decision = match R::decide(&state, command, facts) {
        Ok(decision) => decision,
        Err(refusal) => return Ok(Err((state, refusal))),
    };
    let basis = Basis { actor: case.actor, facts };
    let basis = serde_json::to_vec(&basis).map_err(|error| unreadable::<R>(case.key, &error))?;
    for event in &decision.events {
        R::apply(&mut state, event);
        let body = serde_json::to_value(event).map_err(|error| unreadable::<R>(case.key, &error))?;
        journal::append(
            tx,
            &journal::JournalEntry {
                stream: &stream::<R>(case.key),
                kind: event_kind(&body),
                at: facts.now,
                salt: salt(),
                body: body.to_string().as_bytes(),
                facts: &basis,
            },
        )?;
    }
    if !decision.events.is_empty() {
        let body = serde_json::to_vec(&state).map_err(|error| unreadable::<R>(case.key, &error))?;
        state::save(tx, R::NAME, case.key, version, &body)?;
    }
    move_timers(tx, R::NAME, case.key, &decision.timers)?;
    if let Some(row) = R::row(&state) {
        list(tx, R::NAME, case, &row, facts.now)?;
    }
    Ok(Ok(Effect { letters: decision.letters, notices: decision.notices }))
}

/// The name of an event: the tag of its serialised form.
pub fn event_kind(body: &serde_json::Value) -> &str {
    match body {
        serde_json::Value::String(name) => name,
        serde_json::Value::Object(fields) => fields.keys().next().map_or("event", String::as_str),
        _ => "event",
    }
}

fn move_timers(tx: &mut dyn Tx, room: &str, key: &str, changes: &[TimerChange]) -> Result<(), StoreError> {
    for change in changes {
        match change {
            TimerChange::Set { kind, due } => timers::set(tx, room, key, kind.as_str(), *due, b"")?,
            TimerChange::Cancel { kind } => {
                timers::cancel(tx, room, key, kind.as_str())?;
            }
        }
    }
    Ok(())
}

fn list(tx: &mut dyn Tx, room: &str, case: Case<'_>, row: &Row, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO cases (room, state_key, mrn, office, owner) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (room, state_key) DO UPDATE SET mrn = excluded.mrn, office = excluded.office, \
         owner = CASE WHEN cases.owner = '' THEN excluded.owner ELSE cases.owner END",
        &[
            room.into(),
            case.key.into(),
            row.mrn.as_str().into(),
            row.office.as_str().into(),
            case.owner.into(),
        ],
    )?;
    let change = counter::next(tx, "changes")?;
    let movement = if row.mrn.is_empty() { case.key } else { row.mrn.as_str() };
    tx.execute(
        "INSERT INTO movements (room, state_key, movement, mrn, lrn, office, state, owner, holder, waits_for_officer, \
         created, updated, change) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12) \
         ON CONFLICT (room, state_key) DO UPDATE SET movement = excluded.movement, mrn = excluded.mrn, \
         lrn = excluded.lrn, office = excluded.office, state = excluded.state, holder = excluded.holder, \
         owner = CASE WHEN movements.owner = '' THEN excluded.owner ELSE movements.owner END, \
         waits_for_officer = excluded.waits_for_officer, updated = excluded.updated, change = excluded.change",
        &[
            room.into(),
            case.key.into(),
            movement.into(),
            row.mrn.as_str().into(),
            row.lrn.as_str().into(),
            row.office.as_str().into(),
            row.state.as_str().into(),
            case.owner.into(),
            row.holder.as_str().into(),
            i64::from(row.waits_for_officer).into(),
            now.into(),
            change.into(),
        ],
    )?;
    Ok(())
}

/// Everything that happened in a case, oldest first.
///
/// # Errors
/// When the store fails, or an event was erased or does not read back.
pub fn events<R: Room>(tx: &mut dyn Tx, key: &str) -> Result<Vec<R::Event>, RoomError> {
    let mut events = Vec::new();
    for recorded in journal::read(tx, &stream::<R>(key))? {
        let content = recorded.content.ok_or_else(|| RoomError::Unreadable {
            room: R::NAME,
            key: key.to_owned(),
            reason: format!("journal row {} was erased", recorded.seq),
        })?;
        events.push(serde_json::from_slice(&content.body).map_err(|error| unreadable::<R>(key, &error))?);
    }
    Ok(events)
}

/// Rebuilds the state of a case from its journal alone.
///
/// # Errors
/// When the store fails, or an event was erased or does not read back.
pub fn replay<R: Room>(tx: &mut dyn Tx, key: &str) -> Result<R::State, RoomError> {
    let mut state = R::State::default();
    for event in events::<R>(tx, key)? {
        R::apply(&mut state, &event);
    }
    Ok(state)
}
