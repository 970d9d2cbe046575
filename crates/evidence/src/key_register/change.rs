//! When a version of a register may follow another.

use super::entry::KeyEntry;
use super::error::RegisterError;
use super::signed::SignedRegister;
use super::{KeyRegister, Steward};
use crate::{Administration, Timestamp};
use std::collections::BTreeSet;

/// How far the clocks of two administrations may be apart, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 300;

impl SignedRegister {
    /// Confirms that this is a first version that every one of its stewards has approved. Whether its keys are the right
    /// ones is for [`super::KeyRegister::is_genesis_of`] to say, or for whoever knows the parties otherwise.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn starts(&self, agreement: &str, now: Timestamp) -> Result<(), RegisterError> {
        let register = self.register();
        self.is_of(agreement)?;
        if register.version != 1 {
            return Err(RegisterError::Gap { expected: 1, found: register.version });
        }
        self.was_issued(now)?;
        let needed = register.stewards.len() as u64;
        enough(1, needed, &self.approved_by(&register.stewards))
    }

    /// Confirms that this version follows `previous`, which is in force: same agreement, next number, its digest named;
    /// issued before now; signed by as many stewards of `previous`, and of itself, as the change calls for; no administration's keys
    /// or steward
    /// changed without its own signature, under the key that it had so far; and nothing taken back that was said before.
    ///
    /// The same document again is `Ok(false)`: nothing new, perhaps further approvals.
    ///
    /// # Errors
    /// Names the first rule that is broken; each attack has its own error.
    pub fn succeeds(&self, previous: &Self, now: Timestamp) -> Result<bool, RegisterError> {
        let new = self.follows(previous, now)?;
        if new {
            self.is_approved(previous)?;
        }
        Ok(new)
    }

    /// As [`SignedRegister::succeeds`] but for the approvals: whether this could be the next version once it is signed.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn follows(&self, previous: &Self, now: Timestamp) -> Result<bool, RegisterError> {
        let (new, old) = (self.register(), previous.register());
        self.is_of(&old.agreement)?;
        if new.version < old.version {
            return Err(RegisterError::Rollback { have: old.version, found: new.version });
        }
        if new.version == old.version {
            let (ours, theirs) = (previous.digest(), self.digest());
            if ours == theirs {
                return Ok(false);
            }
            return Err(RegisterError::Fork { version: new.version, ours, theirs });
        }
        if new.version != old.version.saturating_add(1) {
            return Err(RegisterError::Gap { expected: old.version.saturating_add(1), found: new.version });
        }
        if new.previous != Some(previous.digest()) {
            return Err(RegisterError::OtherPrevious {
                expected: previous.digest(),
                found: new.previous.unwrap_or(crate::Digest([0; 32])),
            });
        }
        self.was_issued(now)?;
        if new.issued < old.issued {
            let (issued, expires, now) = (new.issued, new.expires, old.issued);
            return Err(RegisterError::Time { issued, expires, now });
        }
        self.keeps_what_was_said(previous)?;
        Ok(true)
    }

    fn is_of(&self, agreement: &str) -> Result<(), RegisterError> {
        let found = &self.register().agreement;
        if found == agreement {
            return Ok(());
        }
        Err(RegisterError::OtherAgreement { expected: agreement.to_owned(), found: found.clone() })
    }

    /// Whoever was away takes up one version after the other, of which all but the last may have run out meanwhile, so
    /// that a version that follows is not refused for its expiry. Whether the last one has run out is for whoever uses it
    /// to ask ([`super::KeyRegister::stale_at`]), as it is for a version that runs out while it is in force.
    fn was_issued(&self, now: Timestamp) -> Result<(), RegisterError> {
        if self.register().issued <= now.plus_seconds(CLOCK_SKEW_SECONDS) {
            return Ok(());
        }
        Err(self.register().not_in_time(now))
    }

    /// An entry stays for as long as evidence may rest on it: it may go once it has run out, unless it was revoked. Its
    /// key never starts earlier, and a revocation is never taken back nor put off.
    fn keeps_what_was_said(&self, previous: &Self) -> Result<(), RegisterError> {
        for old in &previous.register().entries {
            let changed = |change| {
                let (administration, key) = (old.administration.clone(), old.key.key_id().short());
                Err(RegisterError::EntryChanged { administration, key, change })
            };
            let (_, purpose, key) = old.name();
            let Some(new) = self.register().entry(&old.administration, purpose, key) else {
                if old.revocation.is_some() || old.until > self.register().issued {
                    return changed("drops");
                }
                continue;
            };
            if new.from != old.from {
                return changed("moves the start of");
            }
            match (old.revocation, new.revocation) {
                (Some(_), None) => return changed("takes back the revocation of"),
                (Some(was), Some(is)) if is.position > was.position || is.effective > was.effective => {
                    return changed("puts off the revocation of");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn is_approved(&self, previous: &Self) -> Result<(), RegisterError> {
        let (new, old) = (self.register(), previous.register());
        let threshold = old.threshold;
        let only_revokes = self.only_revokes(previous);
        let by_old = self.approved_by(&old.stewards);
        let by_new = self.approved_by(&new.stewards);
        // Fewer than for a change are enough for a revocation, if the owner of the key is among them.
        let emergency = only_revokes && (by_old.len() as u64) < threshold.change;
        enough(old.version, if emergency { threshold.revocation } else { threshold.change }, &by_old)?;
        enough(new.version, if emergency { threshold.revocation } else { new.threshold.change }, &by_new)?;
        if emergency {
            self.revokes_from_now_on(previous)?;
        }
        for owner in self.changed_owners(previous, emergency) {
            // A version vouches for the stewards that it names only where there was nobody before: whoever was in the
            // version before speaks with the key that is written there, and with no other.
            let newcomer = old.steward(&owner).is_none() && !old.parties().contains(&owner);
            if !(if newcomer { &by_new } else { &by_old }).contains(&owner) {
                return Err(RegisterError::OwnerHasNotSigned(owner));
            }
        }
        Ok(())
    }

    /// What fewer than the threshold of a change may say of a key: that it counts no more from now on. That it counted no
    /// more at an earlier moment, or other than was said before, would take from others what they hold already.
    fn revokes_from_now_on(&self, previous: &Self) -> Result<(), RegisterError> {
        let issued = self.register().issued;
        for new in &self.register().entries {
            let (administration, purpose, key) = new.name();
            let was = previous.register().entry(administration, purpose, key).and_then(|was| was.revocation);
            let change = match (was, new.revocation) {
                (was, is) if was == is => continue,
                (Some(_), _) => "changes, without as many stewards as a change needs, the revocation of",
                (None, Some(is)) if is.effective < issued.plus_seconds(-CLOCK_SKEW_SECONDS) => {
                    "revokes from before its issue on, without as many stewards as a change needs,"
                }
                _ => continue,
            };
            let (administration, key) = (administration.clone(), key.short());
            return Err(RegisterError::EntryChanged { administration, key, change });
        }
        Ok(())
    }

    /// Whether nothing but revocations was added: no key, no steward, no threshold, and no later expiry.
    pub fn only_revokes(&self, previous: &Self) -> bool {
        let (new, old) = (self.register(), previous.register());
        let without = |entry: &KeyEntry| KeyEntry { revocation: None, ..entry.clone() };
        new.threshold == old.threshold
            && new.stewards == old.stewards
            && new.expires <= old.expires
            && new.entries.iter().map(without).eq(old.entries.iter().map(without))
    }

    /// The administrations for which keys are added or stated otherwise, or whose steward comes, goes or gets another key.
    /// Revocations count only in an emergency: with as many signatures as any other change, the others may decide.
    pub fn changed_owners(&self, previous: &Self, emergency: bool) -> BTreeSet<Administration> {
        let (new, old) = (self.register(), previous.register());
        let mut owners = BTreeSet::new();
        for entry in &new.entries {
            let (administration, purpose, key) = entry.name();
            let was = old.entry(administration, purpose, key);
            let same = was.is_some_and(|was| was.until == entry.until && (was == entry || !emergency));
            if !same {
                owners.insert(administration.clone());
            }
        }
        let changed =
            |steward: &&Steward| !(new.stewards.contains(steward) && old.stewards.contains(steward));
        let stewards = new.stewards.iter().chain(&old.stewards).filter(changed);
        owners.extend(stewards.map(|steward| steward.administration.clone()));
        owners
    }
}

impl KeyRegister {
    /// Confirms that a version could be in use at `now`: whoever approves one that has run out already helps to show it
    /// for ever.
    ///
    /// # Errors
    /// When it is from the future or has expired.
    pub fn is_in_time(&self, now: Timestamp) -> Result<(), RegisterError> {
        if self.issued <= now.plus_seconds(CLOCK_SKEW_SECONDS) && !self.stale_at(now) {
            return Ok(());
        }
        Err(self.not_in_time(now))
    }

    fn not_in_time(&self, now: Timestamp) -> RegisterError {
        RegisterError::Time { issued: self.issued, expires: self.expires, now }
    }
}

fn enough(of: u64, needed: u64, approved: &BTreeSet<Administration>) -> Result<(), RegisterError> {
    let found = approved.len() as u64;
    if found >= needed { Ok(()) } else { Err(RegisterError::TooFewApprovals { of, needed, found }) }
}
