//! The look into the outbox: which letters may leave now. Nothing is changed by it.

use crate::bureau::Bureau;
use crate::circuits::{Allowance, Circuits};
use crate::documents::DOCUMENT;
use crate::node::NodeError;
use base::Timestamp;
use store::{Tx, attachments, outbox};

/// How many letters are taken at once.
const AT_ONCE: usize = 64;

/// A letter that is to be delivered now.
pub(crate) struct Due {
    pub(crate) claim: outbox::Claim,
    /// Whether it has attachments, without which it must not be sealed.
    pub(crate) attached: bool,
}

impl Due {
    fn of(tx: &mut dyn Tx, claim: outbox::Claim) -> Result<Self, NodeError> {
        let may_have = claim.message_type == DOCUMENT && claim.envelope.is_none();
        // They are not read: one that is damaged is the affair of its letter, and this look is for all.
        let attached = may_have && attachments::has_any(tx, &claim.message_id.to_string())?;
        Ok(Self { claim, attached })
    }
}

/// What a look into the outbox has found.
pub(crate) struct Found {
    pub(crate) letters: Vec<Due>,
    /// The rows among them that try whether their partner is back.
    pub(crate) trials: Vec<i64>,
    /// Whether there may be more.
    pub(crate) more: bool,
}

/// Looks for letters that are due and not under way, as many to each partner as may go.
///
/// # Errors
/// When the store fails.
pub(crate) fn look(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    circuits: &Circuits,
    now: Timestamp,
) -> Result<Found, NodeError> {
    let mut found = Found { letters: Vec::new(), trials: Vec::new(), more: false };
    for recipient in outbox::recipients(tx)? {
        if bureau.suspended.contains_key(&recipient) {
            continue;
        }
        let under_way = &circuits.letters(&recipient, now);
        match circuits.allowance(&recipient, now) {
            // A partner that has no place left is looked at again when one of its letters is settled.
            Allowance::Nothing => {}
            Allowance::Trial => {
                let trial = outbox::due_for_trial(tx, &recipient, now, under_way)?;
                found.trials.extend(trial.as_ref().map(|claim| claim.id));
                found.letters.extend(trial.map(|claim| Due::of(tx, claim)).transpose()?);
            }
            Allowance::Letters { left, bytes_under_way } => {
                let letters = left.min(AT_ONCE);
                let space = outbox::Space { letters, bytes_under_way, under_way };
                let due = outbox::due_to(tx, &recipient, now, space)?;
                found.more |= due.len() == letters && letters == AT_ONCE;
                for claim in due {
                    found.letters.push(Due::of(tx, claim)?);
                }
            }
        }
    }
    Ok(found)
}
