//! Whom this node asks to approve its proposal, in which order, and when it stops; and what a steward answers.
//!
//! An approval binds: a steward approves one document of a number, so two documents of one number are never both complete
//! as long as their thresholds overlap. What is spent on a document that cannot come into force is lost until that expires. So
//!
//! - nobody is asked before a roll call has shown that enough can be reached just now;
//! - all who propose ask in the same order, and stop when too few are left that could approve: of two proposals that all
//!   must sign, the one that the first steward approves is approved by all, and no approval is given to the other;
//! - whoever has asked anybody to approve its proposal, or has shown it as the one that goes first, does not change it any
//!   more: what is ordered then follows.
//!
//! This is the order of locks that keeps programs from waiting for each other for ever. It adds nothing to what makes a
//! version count.

use super::answer::{REGISTERS_ROUTE, RegisterAnswer};
use super::orders::Asked;
use super::propose::ANSWER_LIMIT;
use super::records;
use crate::bureau::Bureau;
use crate::node::{Node, NodeError};
use crate::transport::{Method, PeerRequest};
use base::{Administration, Digest};
use evidence::key_register::{KeyRegister, Proposal, SignedRegister, Steward};
use std::collections::BTreeSet;

/// What a steward knows of a number when it is asked to approve a document of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ballot {
    /// The document that it has approved.
    pub approved: Option<Digest>,
    /// Its own proposal, and whether it knows that somebody has approved that.
    pub own: Option<(Digest, bool)>,
    /// Whether its name comes before the proposer's.
    pub first: bool,
}

/// What it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vote {
    /// It approves.
    Approve,
    /// Its own proposal goes first.
    OwnFirst,
    /// It has approved another document.
    Bound,
}

impl Ballot {
    /// The answer to a proposal.
    pub(super) fn vote(&self, asked: Digest) -> Vote {
        match (self.approved, self.own) {
            (Some(approved), _) if approved != asked => Vote::Bound,
            (None, Some((own, begun))) if own != asked && (self.first || begun) => Vote::OwnFirst,
            _ => Vote::Approve,
        }
    }
}

/// Whom to ask: first the stewards of the version before, in the order of their names, then whom this one lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Canvass {
    stewards: Vec<Administration>,
    newcomers: Vec<Administration>,
    /// How many of the stewards must approve.
    needed: usize,
}

impl Canvass {
    /// Whom `own` asks about a version. `signers` is how many must have signed where somebody is let in; all stewards when
    /// `None`.
    pub(super) fn new(
        own: &Administration,
        proposal: &KeyRegister,
        held: Option<&SignedRegister>,
        signers: Option<u64>,
    ) -> Self {
        let names = |of: &[Steward]| -> BTreeSet<Administration> {
            of.iter().map(|steward| steward.administration.clone()).collect()
        };
        let Some(held) = held else {
            let all = names(&proposal.stewards);
            let stewards: Vec<_> = all.into_iter().filter(|steward| steward != own).collect();
            return Self { needed: stewards.len(), stewards, newcomers: Vec::new() };
        };
        let before = held.register();
        let all = names(&before.stewards);
        let newcomers: Vec<_> =
            names(&proposal.stewards).into_iter().filter(|name| !all.contains(name)).collect();
        let only_revokes =
            SignedRegister::proposal(proposal.clone()).is_ok_and(|proposal| proposal.only_revokes(held));
        let threshold = before.threshold;
        let mut needed = if only_revokes { threshold.revocation } else { threshold.change };
        if !newcomers.is_empty() {
            let count = all.len() as u64;
            needed = needed.max(signers.unwrap_or(count));
        }
        let needed = usize::try_from(needed).unwrap_or(usize::MAX) - usize::from(all.contains(own));
        let stewards = all.into_iter().filter(|steward| steward != own).collect();
        Self { stewards, newcomers, needed }
    }

    /// Whom it lets in, when there are too few stewards for what a newcomer asks for.
    fn too_few(&self) -> Option<&Administration> {
        self.newcomers.first().filter(|_| self.needed > self.stewards.len())
    }

    /// Whether enough can be reached.
    pub(super) fn quorate(&self, reached: &BTreeSet<Administration>) -> bool {
        let stewards = self.stewards.iter().filter(|steward| reached.contains(*steward)).count();
        stewards >= self.needed && self.newcomers.iter().all(|newcomer| reached.contains(newcomer))
    }

    /// Whom to ask next when these have approved and those have not: nobody when too few are left.
    pub(super) fn next(
        &self,
        approved: &BTreeSet<Administration>,
        hindered: &BTreeSet<Administration>,
    ) -> Option<&Administration> {
        let open = |name: &&Administration| !approved.contains(*name) && !hindered.contains(*name);
        let lost = self.stewards.iter().filter(|steward| hindered.contains(*steward)).count();
        if self.stewards.len() - lost < self.needed {
            return None;
        }
        let have = self.stewards.iter().filter(|steward| approved.contains(*steward)).count();
        let newcomers = self.newcomers.iter().filter(|_| have >= self.needed);
        self.stewards.iter().chain(newcomers).find(open)
    }

    fn everybody(&self) -> impl Iterator<Item = &Administration> {
        self.stewards.iter().chain(&self.newcomers)
    }
}

/// What became of asking.
pub(super) enum Canvassed {
    /// All that could be asked were; what stands against the proposal.
    Done(Vec<String>),
    /// There is something else to propose.
    Again,
}

impl Node {
    /// Asks for approvals of our proposal.
    pub(super) async fn canvass(
        &self,
        proposal: &Proposal,
        held: Option<&SignedRegister>,
    ) -> Result<Canvassed, NodeError> {
        let (register, bureau) = (proposal.register(), self.bureau());
        let canvass = Canvass::new(
            self.administration(),
            register,
            held,
            Bureau::signers(&bureau, &register.agreement),
        );
        if let Some(newcomer) = canvass.too_few() {
            let words = format!(
                "{newcomer}: it joins when {} others have signed, and too few parties of `{}` are in its key register: let \
                 the agreement ask for fewer (`signers` in `[key_register]`)",
                canvass.needed + 1,
                register.agreement
            );
            return Ok(Canvassed::Done(vec![words]));
        }
        let (mut reached, mut away) = (BTreeSet::new(), Vec::new());
        for partner in canvass.everybody() {
            let path = format!("{REGISTERS_ROUTE}/{}", register.agreement);
            let ask = PeerRequest { method: Method::Get, path, body: Vec::new(), limit: ANSWER_LIMIT };
            match self.ask_about_register(partner, ask).await {
                Ok(RegisterAnswer::InForce(Some(theirs)))
                    if theirs.register().version >= register.version
                        && self.adopt_register(*theirs.clone(), Some(partner.clone())).await.is_ok() =>
                {
                    return Ok(Canvassed::Again);
                }
                Ok(_) => drop(reached.insert(partner.clone())),
                Err(words) => away.push(format!("{partner}: {words}")),
            }
        }
        if !canvass.quorate(&reached) {
            return Ok(Canvassed::Done(away));
        }
        // From now on somebody may have approved it, even if the answer is lost.
        let asked = proposal.clone();
        self.write(move |tx, _| -> Result<_, NodeError> { Ok(records::keep_countersigned(tx, &asked)?) })
            .await?;
        let (mut approved, mut hindered, mut hindrances) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        while let Some(partner) = canvass.next(&approved, &hindered) {
            match self.ask_to_approve(partner, proposal, held).await? {
                Asked::Approved => drop(approved.insert(partner.clone())),
                Asked::Hindered(words) => {
                    hindrances.push(format!("{partner}: {words}"));
                    hindered.insert(partner.clone());
                }
                Asked::Otherwise => return Ok(Canvassed::Again),
                Asked::After(words) => {
                    // Nobody else is asked to approve what must be made again.
                    hindrances.push(format!("{partner}: {words}"));
                    break;
                }
            }
        }
        Ok(Canvassed::Done(hindrances))
    }
}
