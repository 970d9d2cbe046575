//! What this node wants changed in a register, also while another version waits for signatures.
//!
//! A steward approves one document of a number. So what a partner may have approved is not changed any more: an order that
//! comes later is kept, and proposed on top of it once it is in force. The same goes for another's proposal that was
//! approved here. A revocation for which our signature suffices waits for nobody. What has expired can come into force no
//! more: it binds nobody, and what it was to do is proposed again with what was ordered since.

use super::answer::{
    Manners, RegisterAnswer, bound_by, countersign, has_approvals, is_out, own_steward, released,
};
use super::asking::Asking;
use super::propose::{LIFETIME_SECONDS, Progress};
use super::records;
use crate::node::{Node, NodeError};
use base::{Administration, Timestamp};
use evidence::key_register::{Approval, KeyRegister, Proposal, Revocation, SignedRegister};

/// What became of asking one steward.
pub(super) enum Asked {
    /// It has approved, or brought the version in force.
    Approved,
    /// What stands against it, in words.
    Hindered(String),
    /// Another's proposal comes first: what it is, in words.
    After(String),
    /// An earlier proposal of ours is taken up again, as it was approved.
    Otherwise,
}

/// What there is to propose.
pub(super) enum ToPropose {
    Nothing,
    This(Box<Proposal>),
    /// Nothing until this version is in force; why, in words.
    After(u64, String),
}

impl Node {
    /// Proposes a change of a register, and tries to bring it into force at once. While a version waits that somebody has
    /// approved, the change is kept until that one is in force.
    ///
    /// # Errors
    /// When there is no such register, the change breaks a rule, or the store fails.
    pub(crate) async fn change_register(
        &self,
        agreement: &str,
        change: impl Fn(&mut KeyRegister, Timestamp),
    ) -> Result<Progress, NodeError> {
        self.fetch_register(agreement).await;
        if let Some(progress) = self.order_change(agreement, change).await? {
            self.tell_partners(agreement).await?;
            return Ok(progress);
        }
        self.drive_proposal(agreement).await
    }

    /// Keeps the change as our proposal or as the order after it. A revocation that our signature suffices for is in force
    /// at once, and gives its progress.
    async fn order_change(
        &self,
        agreement: &str,
        change: impl Fn(&mut KeyRegister, Timestamp),
    ) -> Result<Option<Progress>, NodeError> {
        let _one_at_a_time = self.proposing().lock().await;
        let held = self.held(agreement).await?.ok_or_else(|| NodeError::NoRegister(agreement.to_owned()))?;
        let (bureau, now) = (self.bureau(), self.now());
        let mut alone = held.register().next(now.max(held.register().issued), held.register().expires);
        change(&mut alone, now);
        let proposed = SignedRegister::proposal(alone.clone())?;
        proposed.follows(&held, now)?;
        if proposed.only_revokes(&held) {
            let proposal = self.signed_proposal(&alone, Some(&held), now)?;
            if self.enough_with_us(&proposal, Some(&held)).await?
                && let Some(signed) = self.sign_and_gather(&proposal, Some(&held)).await?
            {
                self.adopt_register(signed, None).await?;
                return Ok(Some(Progress::InForce { version: alone.version }));
            }
        }
        let name = agreement.to_owned();
        let (before, queued) = self
            .read(move |tx| -> Result<_, NodeError> {
                Ok((records::proposal(tx, &name)?.map(|(found, _)| found), records::queued(tx, &name)?))
            })
            .await?;
        let next = match queued.as_ref().or(before.as_ref()) {
            Some(before) => {
                let mut next = on_top(before.register(), &held, &bureau.administration, now);
                change(&mut next, now);
                next
            }
            None => alone,
        };
        let order = self.signed_proposal(&next, Some(&held), now)?;
        self.write(move |tx, bureau| -> Result<_, NodeError> {
            let register = order.register();
            let (name, version) = (register.agreement.as_str(), register.version);
            let spent = bound_by(tx, bureau, (name, version), now)?.is_some();
            let current = |before: &Proposal| before.register().version == version && !released(before, now);
            let waits = match before.filter(current) {
                Some(before) => is_out(tx, bureau, &before)?,
                None => false,
            };
            if spent || waits || queued.is_some() {
                records::queue(tx, &order, now)?;
            } else {
                records::propose(tx, &order, now)?;
            }
            Ok(())
        })
        .await?;
        Ok(None)
    }

    /// Proposes a first version, unless one of ours waits already, and tries to bring it into force at once.
    pub(super) async fn propose_first(
        &self,
        register: KeyRegister,
        now: Timestamp,
    ) -> Result<Progress, NodeError> {
        let agreement = register.agreement.clone();
        let proposal = self.signed_proposal(&register, None, now)?;
        let waits = self
            .write(move |tx, _| -> Result<_, NodeError> {
                let before = records::proposal(tx, &proposal.register().agreement)?.map(|(found, _)| found);
                let before = before.filter(|before| !released(before, now));
                if before.is_none() {
                    records::propose(tx, &proposal, now)?;
                }
                Ok(before.map(|before| before.register().threshold))
            })
            .await?;
        if waits.is_some_and(|threshold| threshold != register.threshold) {
            return Err(NodeError::Order(format!(
                "a first version of the key register of `{agreement}` with another threshold waits for signatures: \
                 let it come into force, the threshold stands in it"
            )));
        }
        self.drive_proposal(&agreement).await
    }

    fn signed_proposal(
        &self,
        register: &KeyRegister,
        held: Option<&SignedRegister>,
        now: Timestamp,
    ) -> Result<Proposal, NodeError> {
        register.validate()?;
        register.is_in_time(now)?;
        let bureau = self.bureau();
        let steward = own_steward(&bureau, register, held);
        let steward = steward.ok_or_else(|| NodeError::NoSteward(register.agreement.clone()))?;
        let key = bureau.identity.ring.steward_key(&steward)?;
        Ok(Proposal::sign(register, &bureau.administration, &key, now)?)
    }

    /// Our proposal, made again on top of the version in force where that has moved on.
    pub(super) async fn to_propose(
        &self,
        agreement: &str,
        held: Option<&SignedRegister>,
    ) -> Result<ToPropose, NodeError> {
        let (bureau, now) = (self.bureau(), self.now());
        let own = bureau.administration.clone();
        let next = held.map_or(0, |held| held.register().version) + 1;
        let name = agreement.to_owned();
        let (ours, queued, approved, theirs) = self
            .read(move |tx| -> Result<_, NodeError> {
                let ours = records::proposal(tx, &name)?.map(|(found, _)| found);
                let approved = records::approved(tx, &name, next, &own)?;
                Ok((ours, records::queued(tx, &name)?, approved, records::countersigned(tx, &name, next)?))
            })
            .await?;
        let Some(latest) = queued.as_ref().or(ours.as_ref()) else { return Ok(ToPropose::Nothing) };
        let current = ours.as_ref().filter(|ours| ours.register().version == next && !released(ours, now));
        let digest = current.and_then(|current| current.register().digest().ok());
        // Once it has expired what was approved cannot come into force: the order goes on, as partners let it.
        let expired = theirs.as_ref().is_some_and(|theirs| released(theirs, now));
        if approved.is_some() && approved != digest && !expired {
            let by = theirs.map_or_else(|| "another steward".to_owned(), |theirs| theirs.by().to_string());
            let words = format!(
                "version {next} as {by} proposed it was approved here and comes first; {by} must bring it into force"
            );
            let (name, kept) = (agreement.to_owned(), words.clone());
            self.write(move |tx, _| -> Result<_, NodeError> { Ok(records::hinder(tx, &name, &kept)?) })
                .await?;
            return Ok(ToPropose::After(next, words));
        }
        if let Some(current) = current {
            return Ok(ToPropose::This(Box::new(current.clone())));
        }
        let Some(held) = held else {
            // A first version that has expired is made again by whoever orders one.
            let name = agreement.to_owned();
            self.write(move |tx, _| -> Result<_, NodeError> { Ok(records::withdraw(tx, &name)?) }).await?;
            return Ok(ToPropose::Nothing);
        };
        let register = on_top(latest.register(), held, &bureau.administration, now);
        let same = register.entries == held.register().entries && register.expires == held.register().expires;
        let proposal = if same { None } else { Some(self.signed_proposal(&register, Some(held), now)?) };
        let (name, kept) = (agreement.to_owned(), proposal.clone());
        self.write(move |tx, _| -> Result<_, NodeError> {
            records::unqueue(tx, &name)?;
            match &kept {
                Some(proposal) => records::propose(tx, proposal, now)?,
                None => records::withdraw(tx, &name)?,
            }
            Ok(())
        })
        .await?;
        Ok(proposal.map_or(ToPropose::Nothing, |proposal| ToPropose::This(Box::new(proposal))))
    }

    /// A steward has an earlier proposal of ours approved, which this node has since replaced: that one is driven on, and
    /// what replaced it follows.
    pub(super) async fn take_up_again(
        &self,
        proposal: &Proposal,
        earlier: Proposal,
        approval: Approval,
    ) -> Result<Asked, NodeError> {
        let now = self.now();
        let register = earlier.register();
        if register.version != proposal.register().version
            || register.previous != proposal.register().previous
            || earlier.verify(&register.stewards).is_err()
        {
            return Ok(Asked::Hindered("it has approved what this node does not know".to_owned()));
        }
        let (order, digest) = (proposal.clone(), register.digest()?);
        self.write(move |tx, _| -> Result<_, NodeError> {
            let register = earlier.register();
            if records::queued(tx, &register.agreement)?.is_none() {
                records::queue(tx, &order, now)?;
            }
            records::propose(tx, &earlier, now)?;
            Ok(records::keep_approval(tx, (&register.agreement, register.version), digest, &approval)?)
        })
        .await?;
        Ok(Asked::Otherwise)
    }

    /// Another's proposal goes first. It is approved here if ours has no approval yet; ours is made again on top of it.
    pub(super) async fn give_way(
        &self,
        partner: &Administration,
        proposal: &Proposal,
        other: Proposal,
    ) -> Result<Asked, NodeError> {
        let now = self.now();
        let (by, version) = (other.by().clone(), other.register().version);
        let words = format!("the proposal of {by} for version {version} goes first");
        let same = version == proposal.register().version
            && other.register().agreement == proposal.register().agreement;
        if !same || by == *self.administration() {
            return Ok(Asked::Hindered(words));
        }
        let ours = proposal.clone();
        let answer = self
            .write(move |tx, bureau| -> Result<_, NodeError> {
                if has_approvals(tx, bureau, &ours)? {
                    return Ok(None);
                }
                let asking = Asking { proposal: other, approvals: Vec::new() };
                countersign(tx, bureau, &asking, Manners::Yield, now).map(Some)
            })
            .await?;
        Ok(match answer {
            None => Asked::Hindered(words),
            Some(RegisterAnswer::Refused(why)) => {
                tracing::warn!(%partner, %by, why, "a proposal that goes first is not approved here");
                Asked::Hindered(format!("{words}, and it is not approved here: {why}"))
            }
            Some(_) => Asked::After(words),
        })
    }
}

/// The next version with what an older proposal of ours wanted: our keys as they stand there, whom it lets in, and its
/// expiry, or a new one when that is over. What was revoked meanwhile stays revoked.
fn on_top(old: &KeyRegister, held: &SignedRegister, own: &Administration, now: Timestamp) -> KeyRegister {
    let mut next = held.register().next(now.max(held.register().issued), held.register().expires);
    next.expires = next.expires.max(old.expires);
    if next.stale_at(now) {
        next.expires = now.plus_seconds(LIFETIME_SECONDS);
    }
    for newcomer in &old.stewards {
        if held.register().steward(&newcomer.administration).is_none() {
            next.join(newcomer.clone());
        }
    }
    let newcomer = |entry: &Administration| !held.register().parties().contains(entry);
    for entry in
        old.entries.iter().filter(|entry| entry.administration == *own || newcomer(&entry.administration))
    {
        let current = next.entry(own, entry.key.purpose(), entry.key.key_id()).cloned();
        let mut entry = entry.clone();
        // What was revoked meanwhile stays revoked; what is revoked by this proposal is so from its new issue on.
        let issued = next.issued;
        let ours = entry.revocation.map(|ours| Revocation { effective: ours.effective.max(issued), ..ours });
        entry.revocation = current.and_then(|current| current.revocation).or(ours);
        next.put(entry);
    }
    next
}
