//! The proof that the journal tells everything: every state is rebuilt from it and compared with the one in force.

use crate::node::{Node, NodeError};
use crate::room::{self, Room, RoomError, Row};
use crate::rooms::{Departure, Destination, Guarantee, Passage};
use std::collections::BTreeSet;
use store::{StoreError, Tx, journal, state};

/// How many states are read at once.
const PAGE: usize = 500;

impl Node {
    /// Rebuilds every case from its journal alone, and says, one line each, where what the node works with differs from
    /// that: a state by a byte, a row of the list of movements by a field, an event by its digest.
    ///
    /// # Errors
    /// When the store fails, or an event was erased or does not read back.
    pub async fn replay_differences(&self) -> Result<Vec<String>, NodeError> {
        self.read(|tx| states_that_differ(tx)).await
    }
}

/// As [`Node::replay_differences`], on the store of a node that is not running.
///
/// # Errors
/// When the store fails, or an event was erased or does not read back.
pub fn states_that_differ(tx: &mut dyn Tx) -> Result<Vec<String>, NodeError> {
    let mut differ = compare::<Departure>(tx)?;
    differ.extend(compare::<Passage>(tx)?);
    differ.extend(compare::<Destination>(tx)?);
    differ.extend(compare::<Guarantee>(tx)?);
    Ok(differ)
}

fn compare<R: Room>(tx: &mut dyn Tx) -> Result<Vec<String>, RoomError> {
    let mut differ = Vec::new();
    for key in keys::<R>(tx)? {
        let case = room::stream::<R>(&key);
        let recorded = journal::read(tx, &case)?;
        let changed = recorded.iter().filter(|event| !event.holds());
        differ.extend(changed.map(|event| format!("{case}: event {} does not match its digest", event.seq)));
        let rebuilt = room::replay::<R>(tx, &key)?;
        let body = serde_json::to_vec(&rebuilt).map_err(|error| RoomError::Unreadable {
            room: R::NAME,
            key: key.clone(),
            reason: error.to_string(),
        })?;
        match state::load(tx, R::NAME, &key)? {
            None => differ.push(format!("{case}: there are events and no state")),
            Some(stored) if stored.body != body => differ.push(format!("{case}: the state")),
            Some(_) => {}
        }
        if listed::<R>(tx, &key)? != R::row(&rebuilt) {
            differ.push(format!("{case}: the row in the list of movements"));
        }
    }
    Ok(differ)
}

/// Every key of a room: of the states in force, of the journal, and of the list of movements.
fn keys<R: Room>(tx: &mut dyn Tx) -> Result<BTreeSet<String>, StoreError> {
    let mut keys = BTreeSet::new();
    let mut after = String::new();
    loop {
        let page = state::list(tx, R::NAME, &after, PAGE)?;
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        keys.extend(page.into_iter().map(|(key, _)| key));
    }
    let prefix = room::stream::<R>("");
    let streams =
        tx.query("SELECT DISTINCT stream FROM journal WHERE stream LIKE ?1", &[format!("{prefix}%").into()])?;
    for row in &streams {
        keys.extend(row.text(0)?.strip_prefix(&prefix).map(str::to_owned));
    }
    for row in &tx.query("SELECT state_key FROM movements WHERE room = ?1", &[R::NAME.into()])? {
        keys.insert(row.text(0)?.to_owned());
    }
    Ok(keys)
}

/// What the list of movements shows of a case.
fn listed<R: Room>(tx: &mut dyn Tx, key: &str) -> Result<Option<Row>, StoreError> {
    let rows = tx.query(
        "SELECT mrn, lrn, office, state, holder, waits_for_officer FROM movements \
         WHERE room = ?1 AND state_key = ?2",
        &[R::NAME.into(), key.into()],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Row {
        mrn: row.text(0)?.to_owned(),
        lrn: row.text(1)?.to_owned(),
        office: row.text(2)?.to_owned(),
        state: row.text(3)?.to_owned(),
        holder: row.text(4)?.to_owned(),
        waits_for_officer: row.int(5)? != 0,
    }))
}
