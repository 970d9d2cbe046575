//! How events change the account of a guarantee.

use super::{Account, Event, SETTLED_KEPT, Settlement, State};
use crate::guarantee::ledger::Ledger;
use base::Mrn;
use std::collections::{BTreeMap, VecDeque};

/// Applies an event. An event that does not fit the state, which `decide` never produces, changes nothing.
pub fn apply(state: &mut State, event: &Event) {
    match (state.as_mut(), event) {
        (None, Event::Registered { grn, terms, entry }) => {
            let mut ledger = Ledger::default();
            ledger.post(entry);
            *state = Some(Account {
                grn: grn.clone(),
                terms: (**terms).clone(),
                revoked: None,
                ledger,
                asked: BTreeMap::new(),
                settled: VecDeque::new(),
            });
        }
        (Some(account), Event::Locked { mrn, asked, entry }) => {
            account.ledger.post(entry);
            account.asked.insert(mrn.clone(), asked.clone());
            account.settled.retain(|(settled, _)| settled != mrn);
        }
        (Some(account), Event::Cancelled { mrn, entry, .. }) => {
            account.ledger.post(entry);
            settle(account, mrn, Settlement::Cancelled);
        }
        (Some(account), Event::Credited { mrn, entry, .. }) => {
            account.ledger.post(entry);
            settle(account, mrn, Settlement::Credited);
        }
        (Some(account), Event::Revoked { on }) => account.revoked = Some(*on),
        (Some(_), Event::Registered { .. } | Event::UseRefused { .. }) | (None, _) => {}
    }
}

fn settle(account: &mut Account, mrn: &Mrn, how: Settlement) {
    account.asked.remove(mrn);
    account.settled.push_back((mrn.clone(), how));
    while account.settled.len() > SETTLED_KEPT {
        account.settled.pop_front();
    }
}
