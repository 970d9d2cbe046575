//! The proof that the journal tells everything: every state is rebuilt from it and compared with the one in force.

use crate::node::NodeError;
use crate::room::{self, Room, RoomError};
use crate::rooms::{Departure, Destination, Guarantee, Passage};
use store::{Tx, state};

/// How many states are read at once.
const PAGE: usize = 500;

/// Rebuilds the state of every case from its journal alone, and names those, as room and key, whose state in force
/// differs from that by a byte.
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
    let mut after = String::new();
    loop {
        let page = state::list(tx, R::NAME, &after, PAGE)?;
        let Some((last, _)) = page.last() else {
            return Ok(differ);
        };
        after.clone_from(last);
        for (key, stored) in &page {
            let rebuilt = room::replay::<R>(tx, key)?;
            let rebuilt = serde_json::to_vec(&rebuilt).map_err(|error| RoomError::Unreadable {
                room: R::NAME,
                key: key.clone(),
                reason: error.to_string(),
            })?;
            if rebuilt != stored.body {
                differ.push(room::stream::<R>(key));
            }
        }
    }
}
