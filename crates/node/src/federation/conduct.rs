//! How a node invites, accepts, and takes acceptances.

use super::acceptance::{Acceptance, first_register, is_first_register};
use super::fingerprint::same_fingerprint;
use super::invitation::{AgreementText, Invitation};
use super::record::{self, Direction};
use super::refusal::{FederationError, FederationReason, FederationRefusal};
use crate::bureau::Bureau;
use crate::identity::{OwnCard, PartnerCard};
use crate::keys::propose::Progress;
use crate::keys::records;
use crate::node::{Node, NodeError};
use crate::partners::{self, Origin, Partner};
use agreements::{Agreement, DecisionPoint};
use base::{Administration, Digest, Timestamp};
use evidence::key_register::{Approval, SignedRegister, Steward};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Tx;

/// Two administrations that exchange from now on.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Federated {
    /// The partner.
    pub partner: Administration,
    /// The agreement, as in `common-transit version 1`.
    pub agreement: String,
    /// How far the version of the agreement's key register has come that has the partner's keys.
    pub register: Progress,
}

type Partners = BTreeMap<Administration, Partner>;

impl Node {
    /// The card that this node gives to partners.
    pub fn own_card(&self) -> PartnerCard {
        let address = self.config().listen.peer_address.clone();
        PartnerCard { address, keys: self.bureau().own_keys() }
    }

    /// That card and the TLS key of the node itself.
    ///
    /// # Errors
    /// When the TLS certificate cannot be read.
    pub fn own_card_now(&self) -> Result<OwnCard, NodeError> {
        let tls = self.bureau().identity.tls.key_digest()?;
        Ok(OwnCard { card: self.own_card(), tls: Digest(tls.0) })
    }

    /// Writes an invitation to `to`, which is accepted for so many days.
    ///
    /// # Errors
    /// When the agreement cannot be used or the two exchange already, or the store fails.
    pub async fn invite(
        &self,
        to: Administration,
        agreement: &str,
        days: u16,
        actor: &str,
    ) -> Result<Invitation, FederationError> {
        let refuse = |reason, detail: String| FederationError::from(FederationRefusal::new(reason, detail));
        let text = AgreementText::read(agreement)?;
        let (own, bureau, now) = (self.own_card(), self.bureau(), self.now());
        if to == bureau.administration {
            return Err(refuse(FederationReason::OwnInvitation, format!("`{to}`")));
        }
        let agreement = text.agreement()?;
        for party in [&to, &bureau.administration] {
            if !agreement.has_party(party) {
                return Err(refuse(FederationReason::NotAParty, format!("`{party}` in `{}`", text.id)));
            }
        }
        same_as_here(&bureau, &text)?;
        if bureau.register_for(&text.id, &to).is_some() {
            return Err(refuse(FederationReason::AlreadyPartner, format!("`{to}`")));
        }
        let nonce = Digest(self.world().random());
        let expires = now.plus_seconds(i64::from(days.max(1)) * 86_400);
        let invitation = self
            .write(move |tx, _| -> Result<_, FederationError> {
                let first = records::latest(tx, &text.id)?.is_none();
                let invitation = Invitation::new(to, own, text, first, nonce, (now, expires));
                record::add(tx, Direction::Issued, &invitation.to, &invitation, (None, None), now)?;
                Ok(invitation)
            })
            .await?;
        tracing::warn!(partner = %invitation.to, by = actor, "a partner is invited");
        Ok(invitation)
    }

    /// Accepts an invitation whose fingerprint was compared: the partner's card and the agreement are in force from now
    /// on. The same invitation again brings the same acceptance.
    ///
    /// # Errors
    /// Why it is not taken; or the store fails.
    pub async fn accept_invitation(
        &self,
        invitation: Invitation,
        fingerprint: &str,
        actor: &str,
    ) -> Result<Acceptance, FederationError> {
        compared(fingerprint, &invitation.fingerprint())?;
        let (own, now, partner) = (self.own_card(), self.now(), invitation.from().clone());
        let agreement = invitation.agreement.agreement()?;
        let _one_at_a_time = self.changes().lock().await;
        let (acceptance, entered) = self
            .write(move |tx, bureau| -> Result<_, FederationError> {
                invitation.check(&bureau.administration, now)?;
                if let Some(before) = record::find(tx, invitation.nonce, Direction::Accepted)? {
                    return Ok((answer_again(&before, &invitation)?, None));
                }
                let acceptance = accept(tx, bureau, &invitation, own, now)?;
                Ok((acceptance, Some(partners::all(tx)?)))
            })
            .await?;
        if let Some(entered) = entered {
            self.put_in_force(agreement, entered)?;
            tracing::warn!(%partner, by = actor, "an invitation is accepted");
        }
        Ok(acceptance)
    }

    /// Takes the answer to an invitation of this node, whose fingerprint was compared: the two exchange from now on. The
    /// same answer again changes nothing.
    ///
    /// # Errors
    /// Why it is not taken; or the store fails.
    pub async fn take_acceptance(
        &self,
        acceptance: Acceptance,
        fingerprint: &str,
        actor: &str,
    ) -> Result<Federated, FederationError> {
        compared(fingerprint, &acceptance.fingerprint())?;
        let (own, now, partner) = (self.own_card(), self.now(), acceptance.from().clone());
        let taken = {
            let _one_at_a_time = self.changes().lock().await;
            let taken = self.write(move |tx, bureau| take(tx, bureau, &acceptance, &own, now)).await?;
            if let Some(entered) = taken.entered {
                self.put_in_force(taken.agreement.clone(), entered)?;
                tracing::warn!(%partner, by = actor, "an acceptance is taken: the two exchange from now on");
            }
            Taken { entered: None, ..taken }
        };
        let name = taken.agreement.id.to_string();
        let register = match taken.register {
            Some(register) => {
                let version = register.register().version;
                self.adopt_register(register, None).await?;
                self.tell_partners(&name).await?;
                Progress::InForce { version }
            }
            None => self.admit_to_register(&name, &partner).await?,
        };
        let agreement = format!("{name} version {}", taken.agreement.version);
        Ok(Federated { partner, agreement, register })
    }

    fn put_in_force(&self, agreement: Agreement, entered: Partners) -> Result<(), NodeError> {
        let bureau = self.bureau();
        let known = bureau.decision_point.agreements().any(|compiled| {
            let known = compiled.agreement();
            (known.id.as_str(), known.version) == (agreement.id.as_str(), agreement.version)
        });
        let decision_point = if known {
            Arc::clone(&bureau.decision_point)
        } else {
            let mut agreements: Vec<_> =
                bureau.decision_point.agreements().map(|compiled| compiled.agreement().clone()).collect();
            agreements.push(agreement);
            Arc::new(DecisionPoint::new(agreements, Vec::new())?)
        };
        self.replace_bureau(|bureau| {
            bureau.suspended = partners::suspended(&entered);
            bureau.partners = partners::cards(entered);
            bureau.decision_point = decision_point;
        })
    }
}

/// Whether somebody has compared the fingerprint of a file.
fn compared(entered: &str, fingerprint: &str) -> Result<(), FederationRefusal> {
    if same_fingerprint(entered, fingerprint) {
        return Ok(());
    }
    Err(FederationRefusal::new(FederationReason::FingerprintDiffers, format!("`{fingerprint}`")))
}

/// Whether this version of an agreement, if it is known here, has the same text.
fn same_as_here(bureau: &Bureau, text: &AgreementText) -> Result<(), FederationRefusal> {
    let known = bureau.decision_point.agreements().find(|compiled| {
        let known = compiled.agreement();
        (known.id.as_str(), known.version) == (text.id.as_str(), text.version)
    });
    match known {
        Some(known) if known.hash() != text.hash => {
            let detail = format!(
                "`{}` version {}: `{}` here, `{}` in the file",
                text.id,
                text.version,
                known.hash(),
                text.hash
            );
            Err(FederationRefusal::new(FederationReason::AgreementDiffers, detail))
        }
        _ => Ok(()),
    }
}

/// Whether a card may be entered for a partner. One with the same card may be invited again as long as the agreement has
/// no register with its keys: the first file may have been lost on its way.
fn enterable(bureau: &Bureau, card: &PartnerCard, agreement: &str) -> Result<(), FederationRefusal> {
    let partner = &card.keys.administration;
    match bureau.partners.get(partner) {
        None => Ok(()),
        Some(known) if known == card && bureau.register_for(agreement, partner).is_none() => Ok(()),
        Some(known) if known == card => {
            Err(FederationRefusal::new(FederationReason::AlreadyPartner, format!("`{partner}`")))
        }
        Some(known) => {
            let detail = format!("`{partner}`, fingerprint of its card `{}`", known.keys.fingerprint());
            Err(FederationRefusal::new(FederationReason::OtherKeys, detail))
        }
    }
}

/// The acceptance that this node has given to the same invitation.
fn answer_again(before: &record::OnRecord, invitation: &Invitation) -> Result<Acceptance, FederationRefusal> {
    if before.invitation != invitation.to_json() {
        return Err(FederationRefusal::new(FederationReason::Used, ""));
    }
    Acceptance::from_json(before.answer.as_deref().unwrap_or_default())
}

fn accept(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    invitation: &Invitation,
    own: PartnerCard,
    now: Timestamp,
) -> Result<Acceptance, FederationError> {
    enterable(bureau, &invitation.card, &invitation.agreement.id)?;
    same_as_here(bureau, &invitation.agreement)?;
    let register = if invitation.first_register {
        Some(approved_register(tx, bureau, invitation, &own, now)?)
    } else {
        None
    };
    let acceptance = Acceptance::new(invitation, own, register.as_ref(), now);
    let (answer, approved) = (acceptance.to_json(), register.map(|register| register.to_bytes()));
    let kept = (Some(answer.as_slice()), approved.as_deref());
    record::add(tx, Direction::Accepted, invitation.from(), invitation, kept, now)?;
    record::enter_agreement(tx, &invitation.agreement, now)?;
    partners::enter(tx, &invitation.card, Origin::Entered, now)?;
    Ok(acceptance)
}

/// The first version of the register of the invitation's agreement, approved by us. One that we have approved before for
/// the same two cards is taken again: nobody approves two documents for one version.
fn approved_register(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    invitation: &Invitation,
    own: &PartnerCard,
    now: Timestamp,
) -> Result<SignedRegister, FederationError> {
    let name = invitation.agreement.id.as_str();
    let refuse = |detail: String| FederationRefusal::new(FederationReason::RegisterExists, detail);
    if records::latest(tx, name)?.is_some() {
        return Err(refuse(format!("`{name}`")).into());
    }
    let before = record::approved_with(tx, invitation.from(), name)?;
    let same = |signed: &SignedRegister| is_first_register(signed.register(), invitation, own, now);
    if let Some(signed) = before.into_iter().find(same) {
        return Ok(signed);
    }
    if records::approved(tx, name, 1, &bureau.administration)?.is_some() {
        return Err(refuse(format!("`{name}`, a first version of which it has approved for others")).into());
    }
    let mut register = first_register(invitation, own, now)?;
    let approval = approval(bureau, &register, now)?;
    records::keep_approval(tx, (name, 1), register.digest(), &approval)?;
    register.add(approval);
    Ok(register)
}

/// An acceptance that was taken.
struct Taken {
    agreement: Agreement,
    /// The register that both have approved, if the acceptance brought one.
    register: Option<SignedRegister>,
    /// All partners, if the acceptance was new.
    entered: Option<Partners>,
}

fn take(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    acceptance: &Acceptance,
    own: &PartnerCard,
    now: Timestamp,
) -> Result<Taken, FederationError> {
    let refuse = |reason, detail: String| FederationError::from(FederationRefusal::new(reason, detail));
    if acceptance.to != bureau.administration {
        let detail =
            format!("it answers `{}`, and this node is of `{}`", acceptance.to, bureau.administration);
        return Err(refuse(FederationReason::WrongAdministration, detail));
    }
    let found = record::find(tx, acceptance.nonce, Direction::Issued)?;
    let found = found.ok_or_else(|| refuse(FederationReason::Unknown, String::new()))?;
    let invitation = Invitation::from_json(&found.invitation)?;
    let agreement = invitation.agreement.agreement()?;
    let answer = acceptance.to_json();
    if let Some(before) = &found.answer {
        if *before != answer {
            return Err(refuse(FederationReason::Used, String::new()));
        }
        let register = approved_by_both(tx, bureau, acceptance.signed_register()?, now)?;
        return Ok(Taken { agreement, register, entered: None });
    }
    let register = acceptance.check(&invitation, own, now)?;
    enterable(bureau, &acceptance.card, &invitation.agreement.id)?;
    same_as_here(bureau, &invitation.agreement)?;
    let register = approved_by_both(tx, bureau, register, now)?;
    record::complete(tx, acceptance.nonce, &answer, now)?;
    record::enter_agreement(tx, &invitation.agreement, now)?;
    partners::enter(tx, &acceptance.card, Origin::Entered, now)?;
    Ok(Taken { agreement, register, entered: Some(partners::all(tx)?) })
}

/// A register that the other has approved, with our approval: the one that we have given before, if it is the same.
fn approved_by_both(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    register: Option<SignedRegister>,
    now: Timestamp,
) -> Result<Option<SignedRegister>, FederationError> {
    let Some(mut register) = register else { return Ok(None) };
    let (name, digest) = (register.register().agreement.clone(), register.digest());
    let before = records::approved(tx, &name, 1, &bureau.administration)?;
    if before.is_some_and(|before| before != digest) {
        let detail = format!("`{name}`, a first version of which it has approved for others");
        return Err(FederationRefusal::new(FederationReason::RegisterExists, detail).into());
    }
    let approval = approval(bureau, &register, now)?;
    records::keep_approval(tx, (&name, 1), digest, &approval)?;
    register.add(approval);
    Ok(Some(register))
}

/// This administration's approval of a first version.
fn approval(bureau: &Bureau, register: &SignedRegister, now: Timestamp) -> Result<Approval, FederationError> {
    let steward = Steward::of_card(&bureau.own_keys());
    let key = bureau.identity.ring.steward_key(&steward).map_err(NodeError::from)?;
    let approval = Approval::sign(register.register(), &bureau.administration, &key, now);
    Ok(approval.map_err(NodeError::from)?)
}
