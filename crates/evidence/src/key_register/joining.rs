//! When a party that holds no register yet may take up one that others keep already.
//!
//! Whoever follows a register from its first version checks each version against the one before. A newcomer cannot: what a
//! document says of its own stewards, threshold and history is the word of whoever made it. So a newcomer believes only
//! what its operator has pinned before: the cards of the parties, whose fingerprints people compared, and the parties and
//! the number of signers in its own copy of the agreement.

use super::entry::KeyEntry;
use super::error::RegisterError;
use super::proposal::Proposal;
use super::signed::{Approval, SignedRegister};
use super::{KeyRegister, Steward};
use crate::{Administration, PublicKeys, Timestamp};
use std::collections::BTreeSet;

/// What a newcomer knows by itself.
#[derive(Clone, Copy, Debug)]
pub struct Pinned<'a> {
    /// Its own card, with the keys that it uses.
    pub own: &'a PublicKeys,
    /// The cards of the other parties of the agreement that it has accepted.
    pub cards: &'a [PublicKeys],
    /// How many other parties its own copy of the agreement has, whether it has accepted their cards or not.
    pub others: u64,
    /// How many of those must have signed, by that copy; all when it says nothing.
    pub signers: Option<u64>,
    /// With whom the exchange is suspended: their cards hold, and their signatures do not count towards joining.
    pub suspended: &'a BTreeSet<Administration>,
}

impl Pinned<'_> {
    /// How many must have signed: of the parties of the agreement. Neither those count whom a register names, else whoever
    /// makes one could leave the others out, nor those whose cards are accepted so far, else the first partner would suffice.
    fn needed(&self) -> u64 {
        self.signers.map_or(self.others, |signers| signers.min(self.others)).max(1)
    }

    fn stewards(&self) -> Vec<Steward> {
        self.cards.iter().map(Steward::of_card).collect()
    }
}

impl SignedRegister {
    /// Confirms that a party which holds no register yet may take this one up: it could approve it
    /// ([`KeyRegister::is_joinable`]), as many of the stewards that it has pinned have signed as its agreement asks for, and
    /// whoever has other keys in it than on its card has signed that itself.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn joins(&self, agreement: &str, pinned: &Pinned<'_>, now: Timestamp) -> Result<(), RegisterError> {
        self.joins_signed_by(self.approved_by(&pinned.stewards()), agreement, pinned, now)
    }

    fn joins_signed_by(
        &self,
        signed: BTreeSet<Administration>,
        agreement: &str,
        pinned: &Pinned<'_>,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let register = self.register();
        register.is_joinable(agreement, pinned, now)?;
        let (needed, found) = (pinned.needed(), signed.difference(pinned.suspended).count() as u64);
        if found < needed {
            return Err(RegisterError::TooFewToJoin { needed, found });
        }
        for card in pinned.cards.iter().filter(|card| !signed.contains(&card.administration)) {
            let of_card = KeyEntry::of_card(card);
            let mut entries =
                register.entries.iter().filter(|entry| entry.administration == card.administration);
            if entries.any(|entry| !of_card.contains(entry)) {
                return Err(RegisterError::OwnerHasNotSigned(card.administration.clone()));
            }
        }
        Ok(())
    }
}

impl Proposal {
    /// Confirms that a party which holds no register yet may approve this, that lets it in: with these approvals it may take
    /// it up ([`SignedRegister::joins`]) as soon as the proposer approves too. What it approves binds it, so that a proposal
    /// by fewer could keep it from every other version.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn is_joined(
        &self,
        approvals: &[Approval],
        pinned: &Pinned<'_>,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let stewards = pinned.stewards();
        self.verify(&stewards)?;
        let mut signed = SignedRegister::proposal(self.register().clone())?;
        approvals.iter().cloned().for_each(|approval| signed.add(approval));
        let mut by = signed.approved_by(&stewards);
        by.insert(self.by().clone());
        signed.joins_signed_by(by, &self.register().agreement, pinned, now)
    }
}

impl KeyRegister {
    /// Confirms that a party which holds no register yet may approve this one, that lets it in: it is of this agreement,
    /// in use at `now`, and a later version; it has exactly the newcomer's own keys in its name; everybody else in it is a
    /// party whose card the newcomer has accepted, with the steward's key and at least the other keys of that card; and
    /// more than half must sign a change, and no fewer than the newcomer's copy of the agreement says.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn is_joinable(
        &self,
        agreement: &str,
        pinned: &Pinned<'_>,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        if self.agreement != agreement {
            let found = self.agreement.clone();
            return Err(RegisterError::OtherAgreement { expected: agreement.to_owned(), found });
        }
        self.is_in_time(now)?;
        let own = &pinned.own.administration;
        let listed = self.entries.iter().filter(|entry| entry.administration == *own);
        let ours = KeyEntry::of_card(pinned.own);
        if self.steward(own) != Some(&Steward::of_card(pinned.own))
            || listed.clone().count() != ours.len()
            || !listed.clone().all(|entry| ours.contains(entry))
        {
            return Err(RegisterError::NotAdmitted(own.clone()));
        }
        let owners = self.stewards.iter().map(|steward| &steward.administration).chain(self.parties());
        for owner in owners.filter(|owner| *owner != own) {
            let card = pinned.cards.iter().find(|card| card.administration == *owner);
            let card = card.ok_or_else(|| RegisterError::NoCard(owner.clone()))?;
            self.keeps_card(card)?;
        }
        // Where the agreement says nothing all others have signed, this threshold too.
        let majority = self.stewards.len() as u64 / 2 + 1;
        let needed = pinned.signers.map_or(majority, |_| pinned.needed().max(majority));
        if self.threshold.change < needed {
            return Err(RegisterError::LowThreshold { needed, found: self.threshold.change });
        }
        Ok(())
    }

    /// Whether the steward of a card's owner is the one of the card, and all keys of the card are its owner's still.
    fn keeps_card(&self, card: &PublicKeys) -> Result<(), RegisterError> {
        let owner = &card.administration;
        let changed = |key: crate::KeyId, change| RegisterError::EntryChanged {
            administration: owner.clone(),
            key: key.short(),
            change,
        };
        let steward = Steward::of_card(card);
        if self.steward(owner) != Some(&steward) {
            return Err(changed(steward.key.key_id(), "replaces, as the steward's,"));
        }
        for of_card in KeyEntry::of_card(card) {
            let (_, purpose, key) = of_card.name();
            if self.entry(owner, purpose, key).is_none() && of_card.until > self.issued {
                return Err(changed(key, "drops"));
            }
        }
        Ok(())
    }
}
