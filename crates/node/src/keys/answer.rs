//! What partners ask about key registers, and what this node answers.
//!
//! | Route | Takes | Answers |
//! |---|---|---|
//! | `POST /peer/v1/registers/proposals` | a proposal; to a newcomer with approvals | an approval, the version in force, the proposal that goes first, or why not |
//! | `POST /peer/v1/registers` | a signed version | the version in force here |
//! | `GET /peer/v1/registers/{agreement}` | | the version in force here |
//!
//! A proposal is approved without a person if it changes nothing but its proposer's own keys and the expiry, or lets in a
//! party whose card this node has. If that is this node itself it believes only what its operator has pinned
//! ([`evidence::key_register::Pinned`]), and approves last, when as many others have as it asks for. Of a proposer with whom
//! the exchange is suspended only what does nothing but revoke is approved.
//! Who answers what to two proposals for one version is in [`super::canvass`].
//! A steward approves one document a version. Asked for another, it shows the one that it has approved, so that whoever
//! asks lets that one come first instead of waiting for ever.

use super::asking::Asking;
use super::canvass::{Ballot, Vote};
use super::propose::LIFETIME_SECONDS;
use super::records;
use crate::bureau::Bureau;
use crate::node::{Node, NodeError};
use agreements::Agreement;
use base::{Administration, Digest, Timestamp};
use evidence::EvidenceError;
use evidence::cbor::{Reader, Writer};
use evidence::key_register::{
    Approval, KeyEntry, KeyRegister, Pinned, Proposal, RegisterError, SignedRegister, Steward,
};
use store::Tx;

/// The route for signed versions; with an agreement behind it, the version in force.
pub const REGISTERS_ROUTE: &str = "/peer/v1/registers";

/// The route for proposals.
pub const PROPOSALS_ROUTE: &str = "/peer/v1/registers/proposals";

const APPROVED: u64 = 1;
const IN_FORCE: u64 = 2;
const GOES_FIRST: u64 = 3;
const REFUSED: u64 = 4;
const COUNTERSIGNED: u64 = 5;

/// An answer about a register. Its encoding is deterministic CBOR, `[1, kind, body]`.
#[derive(Clone, Debug)]
pub(crate) enum RegisterAnswer {
    /// Kind 1: the approval of what was proposed.
    Approved(Box<Approval>),
    /// Kind 2: the version in force; empty when there is none.
    InForce(Option<Box<SignedRegister>>),
    /// Kind 3: another proposal for the same version, which goes first.
    GoesFirst(Box<Proposal>),
    /// Kind 4: why not, in words.
    Refused(String),
    /// Kind 5: another document for the same version that was approved here, with that approval: it must come first.
    Countersigned(Box<Proposal>, Box<Approval>),
}

impl RegisterAnswer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(3).uint(1);
        match self {
            Self::Approved(approval) => out.uint(APPROVED).bytes(approval.as_bytes()),
            Self::InForce(Some(signed)) => out.uint(IN_FORCE).bytes(&signed.to_bytes()),
            Self::InForce(None) => out.uint(IN_FORCE).bytes(&[]),
            Self::GoesFirst(proposal) => out.uint(GOES_FIRST).bytes(proposal.as_bytes()),
            Self::Refused(words) => out.uint(REFUSED).text(words),
            Self::Countersigned(proposal, approval) => {
                out.uint(COUNTERSIGNED).array(2).bytes(proposal.as_bytes()).bytes(approval.as_bytes())
            }
        };
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RegisterError> {
        let wrong = || EvidenceError::Malformed {
            what: "register answer",
            reason: "it is none that this version knows".to_owned(),
        };
        let mut input = Reader::new("register answer", bytes);
        input.array_of(3)?;
        if input.uint()? != 1 {
            return Err(wrong().into());
        }
        let answer = match input.uint()? {
            APPROVED => Self::Approved(Box::new(Approval::read(input.bytes()?)?)),
            IN_FORCE => match input.bytes()? {
                [] => Self::InForce(None),
                signed => Self::InForce(Some(Box::new(SignedRegister::read(signed)?))),
            },
            GOES_FIRST => Self::GoesFirst(Box::new(Proposal::read(input.bytes()?)?)),
            REFUSED => Self::Refused(input.text()?.chars().take(300).collect()),
            COUNTERSIGNED => {
                input.array_of(2)?;
                let proposal = Box::new(Proposal::read(input.bytes()?)?);
                Self::Countersigned(proposal, Box::new(Approval::read(input.bytes()?)?))
            }
            _ => return Err(wrong().into()),
        };
        input.end()?;
        Ok(answer)
    }
}

impl Node {
    /// Answers a partner that proposes a version of a register.
    ///
    /// # Errors
    /// When the store fails or our key cannot be reached.
    pub async fn answer_proposal(&self, peer: &Administration, body: Vec<u8>) -> Result<Vec<u8>, NodeError> {
        self.sound()?;
        let (peer, now) = (peer.clone(), self.now());
        let answer = self
            .write(move |tx, bureau| -> Result<_, NodeError> {
                let asking = match Asking::read(&body) {
                    Ok(asking) if *asking.proposal.by() == peer => asking,
                    Ok(_) => return Ok(RegisterAnswer::Refused("it is another's proposal".to_owned())),
                    Err(error) => return Ok(RegisterAnswer::Refused(error.to_string())),
                };
                countersign(tx, bureau, &asking, Manners::Alphabet, now)
            })
            .await?;
        if let RegisterAnswer::Refused(words) = &answer {
            tracing::warn!(words, "a proposal for a key register was not approved");
        }
        Ok(answer.encode())
    }

    /// Answers a partner that brings a signed version: it is taken up if it may be.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn answer_register(&self, peer: &Administration, body: Vec<u8>) -> Result<Vec<u8>, NodeError> {
        let signed = match SignedRegister::read(&body) {
            Ok(signed) => signed,
            Err(error) => return Ok(RegisterAnswer::Refused(error.to_string()).encode()),
        };
        let agreement = signed.register().agreement.clone();
        match self.adopt_register(signed, Some(peer.clone())).await {
            Ok(_) => {}
            Err(NodeError::Register(error)) => {
                tracing::warn!(%peer, agreement, %error, "a version of a key register was not taken up");
                if !matches!(*error, RegisterError::Rollback { .. } | RegisterError::Gap { .. }) {
                    return Ok(RegisterAnswer::Refused(error.to_string()).encode());
                }
            }
            Err(error) => return Err(error),
        }
        self.register_in_force(peer, &agreement).await
    }

    /// The version of a register in force here with its approvals, as it goes into a file.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn signed_register(&self, agreement: &str) -> Result<Option<Vec<u8>>, NodeError> {
        let agreement = agreement.to_owned();
        let latest =
            self.read(move |tx| -> Result<_, NodeError> { Ok(records::latest(tx, &agreement)?) }).await?;
        Ok(latest.map(|latest| latest.to_bytes()))
    }

    /// The version of a register in force here, as an answer to a partner; as if there were none to one that is no party.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn register_in_force(
        &self,
        peer: &Administration,
        agreement: &str,
    ) -> Result<Vec<u8>, NodeError> {
        let (bureau, agreement) = (self.bureau(), agreement.to_owned());
        let latest =
            self.read(move |tx| -> Result<_, NodeError> { Ok(records::latest(tx, &agreement)?) }).await?;
        let shown = latest.filter(|latest| bureau.shows_register(latest.register(), peer));
        Ok(RegisterAnswer::InForce(shown.map(Box::new)).encode())
    }
}

/// Whether our own proposal for the same version is held against another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manners {
    /// It is when ours goes first.
    Alphabet,
    /// It is not: the other has approvals that ours has not.
    Yield,
}

/// How far the clocks of two administrations may be apart, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// How long after its expiry a document that was approved binds no more, in seconds: by then no clock takes it up.
const RELEASE_SECONDS: i64 = 900;

/// Whether an approval of this document binds no more.
pub(super) fn released(proposal: &Proposal, now: Timestamp) -> bool {
    proposal.register().stale_at(now.plus_seconds(-RELEASE_SECONDS))
}

/// What this administration has approved for a version and is bound by still: what has expired can come into force no more.
pub(super) fn bound_by(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    (agreement, version): (&str, u64),
    now: Timestamp,
) -> Result<Option<Digest>, NodeError> {
    let approved = records::approved(tx, agreement, version, &bureau.administration)?;
    let document = records::countersigned(tx, agreement, version)?;
    Ok(approved.filter(|_| !document.is_some_and(|document| released(&document, now))))
}

/// Approves a proposal, or says what stands against it.
pub(super) fn countersign(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    asking: &Asking,
    manners: Manners,
    now: Timestamp,
) -> Result<RegisterAnswer, NodeError> {
    let proposal = &asking.proposal;
    let register = proposal.register();
    let agreement = register.agreement.as_str();
    let in_force = records::latest(tx, agreement)?;
    let refused = |error: &RegisterError| Ok(RegisterAnswer::Refused(error.to_string()));
    if let Some(held) = &in_force
        && register.version <= held.register().version
    {
        let shown = in_force.filter(|held| bureau.shows_register(held.register(), proposal.by()));
        return Ok(RegisterAnswer::InForce(shown.map(Box::new)));
    }
    if let Err(error) = acceptable(bureau, asking, in_force.as_ref(), now) {
        return refused(&error);
    }
    let Some(steward) = own_steward(bureau, register, in_force.as_ref()) else {
        return Ok(RegisterAnswer::Refused("this administration is no steward of it".to_owned()));
    };
    let (digest, version) = (register.digest()?, register.version);
    let ours = records::proposal(tx, agreement)?.map(|(ours, _)| ours);
    let ours = ours.filter(|ours| ours.register().version == version);
    let signed_before = records::approved(tx, agreement, version, &bureau.administration)?;
    let own = match &ours {
        Some(ours) if manners == Manners::Alphabet && !released(ours, now) => {
            Some((ours.register().digest()?, has_approvals(tx, bureau, ours)?))
        }
        _ => None,
    };
    let ballot = Ballot { approved: signed_before, own, first: bureau.administration < *proposal.by() };
    let vote = ballot.vote(digest);
    if let (Vote::Bound, Some(before)) = (vote, signed_before) {
        let other = records::countersigned(tx, agreement, version)?.or(ours);
        let other = other.filter(|other| other.register().digest().ok() == Some(before));
        let approvals = records::approvals(tx, (agreement, version), before)?;
        let own = approvals.into_iter().find(|approval| *approval.steward() == bureau.administration);
        match (other, own) {
            // It can come into force no more.
            (Some(other), _) if released(&other, now) => {}
            (Some(other), Some(own)) => {
                return Ok(RegisterAnswer::Countersigned(Box::new(other), Box::new(own)));
            }
            _ => {
                let words = format!("version {version} was approved for another proposal");
                return Ok(RegisterAnswer::Refused(words));
            }
        }
    } else if let (Vote::OwnFirst, Some(ours)) = (vote, ours) {
        // Whoever is shown it approves it: it is not changed any more.
        records::keep_countersigned(tx, &ours)?;
        return Ok(RegisterAnswer::GoesFirst(Box::new(ours)));
    }
    let key = &bureau.identity.ring.steward_key(&steward)?;
    let approval = Approval::sign(register, &bureau.administration, key, now)?;
    records::keep_approval(tx, (agreement, version), digest, &approval)?;
    records::keep_countersigned(tx, proposal)?;
    Ok(RegisterAnswer::Approved(Box::new(approval)))
}

/// Whether another steward is known to have approved what this node proposes: then it cannot be changed any more.
pub(super) fn has_approvals(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    proposal: &Proposal,
) -> Result<bool, NodeError> {
    let register = proposal.register();
    let approvals = records::approvals(tx, (&register.agreement, register.version), register.digest()?)?;
    Ok(approvals.iter().any(|approval| *approval.steward() != bureau.administration))
}

/// Whether anybody may have approved what this node proposes: it is known, or somebody was asked to, or was shown the proposal
/// as the one that goes first.
pub(super) fn is_out(tx: &mut dyn Tx, bureau: &Bureau, proposal: &Proposal) -> Result<bool, NodeError> {
    let register = proposal.register();
    let shown = records::countersigned(tx, &register.agreement, register.version)?;
    let shown = shown.is_some_and(|shown| shown.as_bytes() == proposal.as_bytes());
    Ok(shown || has_approvals(tx, bureau, proposal)?)
}

/// This administration as a steward of the version before, or of this one.
pub(super) fn own_steward(
    bureau: &Bureau,
    register: &KeyRegister,
    in_force: Option<&SignedRegister>,
) -> Option<Steward> {
    let before = in_force.and_then(|held| held.register().steward(&bureau.administration));
    before.or_else(|| register.steward(&bureau.administration)).cloned()
}

/// Whether a proposal may be approved without a person.
fn acceptable(
    bureau: &Bureau,
    asking: &Asking,
    in_force: Option<&SignedRegister>,
    now: Timestamp,
) -> Result<(), RegisterError> {
    let (proposal, register) = (&asking.proposal, asking.proposal.register());
    let person = |reason: &str| {
        let reason = format!("{reason}, which this administration's operator must agree to");
        Err(RegisterError::from(EvidenceError::Malformed { what: "register proposal", reason }))
    };
    register.is_in_time(now)?;
    // An approval binds until its document expires. Whoever is let in approves after those who hold the version before.
    let longest = now.plus_seconds(LIFETIME_SECONDS + CLOCK_SKEW_SECONDS);
    let longest = in_force.map_or(longest, |held| held.register().expires.max(longest));
    if register.expires > longest && (in_force.is_some() || register.version == 1) {
        return person("it is good for more than 90 days");
    }
    let suspended = bureau.suspended.contains_key(proposal.by());
    let Some(held) = in_force else {
        if suspended {
            return person(
                "the exchange with its proposer is suspended here, and it is more than a revocation",
            );
        }
        proposal.verify(&register.stewards)?;
        return if register.version == 1 && !register.has_majority() {
            person(
                "half of its stewards or fewer can change it, so that two versions of a number can come about",
            )
        } else if register.version == 1 {
            bureau.vouches_for(register, now)
        } else {
            // It lets this administration into a register that others keep already.
            bureau.joining(&register.agreement, |pinned| proposal.is_joined(&asking.approvals, pinned, now))
        };
    };
    let known = &held.register().stewards;
    proposal.verify(known)?;
    let proposed = SignedRegister::proposal(register.clone())?;
    proposed.follows(held, now)?;
    bureau.knows_newcomers(register, Some(held.register()), now)?;
    // Whoever suspended a partner does not trust its keys; that it withdraws some can only help.
    if suspended && !proposed.only_revokes(held) {
        return person("the exchange with its proposer is suspended here, and it is more than a revocation");
    }
    let mut joined = held.register().clone();
    let newcomers =
        register.stewards.iter().filter(|steward| joined.steward(&steward.administration).is_none());
    let newcomers: Vec<_> = newcomers.cloned().collect();
    newcomers.into_iter().for_each(|newcomer| joined.join(newcomer));
    if register.threshold != joined.threshold {
        return person("it changes how many must sign");
    }
    let gone = known.iter().any(|steward| register.steward(&steward.administration).is_none());
    if gone {
        return person("it takes a steward out");
    }
    for owner in proposed.changed_owners(held, true) {
        let newcomer = held.register().steward(&owner).is_none() && owner != bureau.administration;
        if owner == *proposal.by() || (newcomer && bureau.card_vouches_for(register, &owner, now)) {
            continue;
        }
        return person(&format!("it changes keys of `{owner}`"));
    }
    Ok(())
}

impl Bureau {
    /// Whether a partner may read a register: it has keys in it, or is a party to the agreement.
    fn shows_register(&self, register: &KeyRegister, peer: &Administration) -> bool {
        let party = self.agreement_of(&register.agreement).is_some_and(|found| found.has_party(peer));
        party || register.parties().contains(peer)
    }

    /// Whether a first version has exactly the keys of cards that this node has, its own among them.
    pub(crate) fn vouches_for(&self, register: &KeyRegister, now: Timestamp) -> Result<(), RegisterError> {
        let mut cards = vec![self.own_keys()];
        for party in register.parties() {
            cards.extend(self.partners.get(party).map(|partner| self.keys_now(&partner.keys, now)));
        }
        if register.is_genesis_of(&cards) {
            return self.knows_newcomers(register, None, now);
        }
        let reason = "its keys are not those of the cards that this node has, its own among them";
        Err(EvidenceError::Malformed { what: "key register", reason: reason.to_owned() }.into())
    }

    /// Whether whom a version names for the first time is a party of the agreement and, where this node has its card, has
    /// the steward of that card: what it says of its keys is then its own word.
    ///
    /// # Errors
    /// Whom it must not name, or not so.
    pub(super) fn knows_newcomers(
        &self,
        register: &KeyRegister,
        before: Option<&KeyRegister>,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let named = register.stewards.iter().map(|steward| &steward.administration).chain(register.parties());
        let known = |name: &Administration| {
            before.is_some_and(|before| before.steward(name).is_some() || before.parties().contains(name))
        };
        for newcomer in named.filter(|name| **name != self.administration && !known(name)) {
            if self.is_party(&register.agreement, newcomer) == Some(false) {
                let reason = format!("it names `{newcomer}`, which is no party of the agreement");
                return Err(EvidenceError::Malformed { what: "key register", reason }.into());
            }
            let Some(card) = self.partners.get(newcomer).map(|partner| &partner.keys) else { continue };
            let pinned = [Steward::of_card(card), Steward::of_card(&self.keys_now(card, now))];
            if let Some(steward) = register.steward(newcomer)
                && !pinned.contains(steward)
            {
                return Err(RegisterError::EntryChanged {
                    administration: newcomer.clone(),
                    key: pinned[0].key.key_id().short(),
                    change: "replaces, as the steward's,",
                });
            }
        }
        Ok(())
    }

    /// Whether an administration is a party of any version of an agreement; `None` when there is none here.
    pub(super) fn is_party(&self, agreement: &str, name: &Administration) -> Option<bool> {
        let all = self.decision_point.agreements().map(agreements::Compiled::agreement);
        let versions = all.filter(|found| found.id.as_str() == agreement);
        versions.map(|found| found.has_party(name)).reduce(|one, other| one || other)
    }

    /// Gives `rule` what this administration knows by itself when it joins the register of an agreement: its own keys, the
    /// cards that its operator has accepted of the agreement's parties, and how many of the parties must have signed.
    pub(super) fn joining(
        &self,
        agreement: &str,
        rule: impl FnOnce(&Pinned<'_>) -> Result<(), RegisterError>,
    ) -> Result<(), RegisterError> {
        let Some(found) = self.agreement_of(agreement) else {
            let reason = format!("there is no agreement `{agreement}` here");
            return Err(EvidenceError::Malformed { what: "key register", reason }.into());
        };
        let parties = found.parties.iter().map(|party| &party.administration);
        let cards: Vec<_> = parties
            .filter(|party| **party != self.administration)
            .filter_map(|party| self.partners.get(party))
            .map(|partner| partner.keys.clone())
            .collect();
        let own = self.own_keys();
        let suspended = self.suspended.keys().cloned().collect();
        rule(&Pinned {
            own: &own,
            cards: &cards,
            others: others_of(found),
            signers: found.key_register.as_ref().map(|rule| rule.signers),
            suspended: &suspended,
        })
    }

    /// How many of the other parties must have signed a version that lets somebody in; `None` when there is no such agreement
    /// here.
    pub(super) fn signers(&self, agreement: &str) -> Option<u64> {
        let found = self.agreement_of(agreement)?;
        let others = others_of(found);
        let rule = found.key_register.as_ref().map_or(others, |rule| rule.signers.min(others));
        Some(rule.max(1))
    }

    /// Whether the entries and the steward of a newcomer are those of the card that this node has of it.
    fn card_vouches_for(&self, register: &KeyRegister, newcomer: &Administration, now: Timestamp) -> bool {
        let Some(card) = self.partners.get(newcomer).map(|partner| &partner.keys) else { return false };
        let card = &self.keys_now(card, now);
        let mut entries = register.entries.iter().filter(|entry| entry.administration == *newcomer);
        let of_card = KeyEntry::of_card(card);
        entries.clone().count() == of_card.len()
            && entries.all(|entry| of_card.contains(entry))
            && register.steward(newcomer) == Some(&Steward::of_card(card))
    }
}

/// How many other parties an agreement has for each of them.
fn others_of(agreement: &Agreement) -> u64 {
    (agreement.parties.len() as u64).saturating_sub(1)
}
