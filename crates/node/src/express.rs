//! Letters that are sealed and signed in the transaction that puts them in the outbox, and leave as soon as it is durable.
//!
//! When nothing else is on its way to a partner, a document waits for one commit less and for no look into the outbox. Only
//! then is the writer idle enough to seal; in a crowd letters are sealed on all cores, beside it.

use crate::bureau::Bureau;
use crate::circuits::{Circuits, Place};
use crate::delivery::{enter, prepare};
use crate::effort::{Effort, Step};
use crate::failpoint;
use crate::node::NodeError;
use base::{Administration, MessageId, Timestamp};
use store::{Tx, outbox};

/// The longest content that is sealed on the writer, in bytes: that of one takes about as long as a row.
const LONGEST: usize = 64 * 1024;

/// A letter that was sealed where it was posted, and its place on the way to the partner. It may leave when the
/// transaction is durable.
pub(crate) struct Express {
    pub(crate) claim: outbox::Claim,
    pub(crate) place: Place,
}

/// Seals a letter that was just posted and has no attachments, and enters its statement in our log. `None` when it goes
/// the usual way: others are under way to the partner, or before it in its channel, or it cannot be sealed now.
///
/// # Errors
/// When the store fails.
pub(crate) fn seal(
    tx: &mut dyn Tx,
    (bureau, circuits, effort): (&Bureau, &Circuits, &Effort),
    (recipient, letter): (&Administration, MessageId),
    now: Timestamp,
) -> Result<Option<Express>, NodeError> {
    if !circuits.is_idle(recipient) || bureau.suspended.contains_key(recipient) {
        return Ok(None);
    }
    let Some(mut claim) = outbox::ready(tx, letter)? else { return Ok(None) };
    if claim.cleared.len() > LONGEST || claim.envelope.is_some() || claim.withdrawn.is_some() {
        return Ok(None);
    }
    // From here on the sender's look leaves it alone; should the transaction fail, the place goes with it.
    let Some(place) = circuits.enter_idle(recipient, claim.id, claim.bytes()) else { return Ok(None) };
    failpoint::pass("seal-before");
    let prepared = match effort.of(Step::Prepare, || prepare(bureau, &claim, Some(&[]), now)) {
        Ok(prepared) => prepared,
        // The usual way notes the reason, and what becomes of the letter.
        Err(_) => return Ok(None),
    };
    failpoint::pass("seal-after");
    let entered = effort.of(Step::Enter, || enter(tx, (claim.id, claim.message_id, false), prepared, now))?;
    claim.envelope = entered;
    Ok(claim.envelope.is_some().then_some(Express { claim, place }))
}
