//! How a node invites, accepts, and takes acceptances.

use super::acceptance::{Acceptance, first_register};
use super::fingerprint::same_fingerprint;
use super::invitation::{AgreementText, Invitation};
use super::record::{self, Direction};
use super::refusal::{FederationError, FederationReason, FederationRefusal};
use crate::bureau::Bureau;
use crate::identity::PartnerCard;
use crate::node::{Node, NodeError};
use crate::partners::{self, Origin, Partner};
use agreements::{Agreement, DecisionPoint};
use base::{Administration, Digest, Timestamp};
use evidence::key_register::{Approval, SignedRegister};
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
    /// Whether there is a key register that both have approved. When not, the register of the agreement existed before,
    /// and its next version admits the partner.
    pub register_approved_by_both: bool,
}

type Partners = BTreeMap<Administration, Partner>;

impl Node {
    /// The card that this node gives to partners.
    pub fn own_card(&self) -> PartnerCard {
        PartnerCard::own(self.config(), &self.bureau().identity)
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
        if bureau.partners.contains_key(&to) {
            return Err(refuse(FederationReason::AlreadyPartner, format!("`{to}`")));
        }
        let nonce = Digest(self.world().random());
        let expires = now.plus_seconds(i64::from(days.max(1)) * 86_400);
        let invitation = self
            .write(move |tx, _| -> Result<_, FederationError> {
                let first = record::register_of(tx, &text.id)?.is_none();
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
        let _one_at_a_time = self.changes().lock().await;
        let (federated, entered) =
            self.write(move |tx, bureau| take(tx, bureau, &acceptance, &own, now)).await?;
        if let Some((agreement, entered)) = entered {
            self.put_in_force(agreement, entered)?;
            tracing::warn!(%partner, by = actor, "an acceptance is taken: the two exchange from now on");
        }
        Ok(federated)
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

/// Whether a card may be entered for a partner.
fn enterable(bureau: &Bureau, card: &PartnerCard) -> Result<(), FederationRefusal> {
    let partner = &card.keys.administration;
    match bureau.partners.get(partner) {
        None => Ok(()),
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
    enterable(bureau, &invitation.card)?;
    same_as_here(bureau, &invitation.agreement)?;
    let register = if invitation.first_register {
        if record::register_of(tx, &invitation.agreement.id)?.is_some() {
            let detail = format!("`{}`", invitation.agreement.id);
            return Err(FederationRefusal::new(FederationReason::RegisterExists, detail).into());
        }
        let mut register = first_register(invitation, &own, now)?;
        register.add(approval(bureau, &register, now)?);
        Some(register)
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

type Taken = (Federated, Option<(Agreement, Partners)>);

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
    let federated = |both| Federated {
        partner: acceptance.from().clone(),
        agreement: format!("{} version {}", invitation.agreement.id, invitation.agreement.version),
        register_approved_by_both: both,
    };
    let answer = acceptance.to_json();
    if let Some(before) = &found.answer {
        if *before == answer {
            return Ok((federated(found.register.is_some() && found.completed), None));
        }
        return Err(refuse(FederationReason::Used, String::new()));
    }
    let register = acceptance.check(&invitation, own, now)?;
    enterable(bureau, &acceptance.card)?;
    same_as_here(bureau, &invitation.agreement)?;
    let register = match register {
        Some(mut register) => {
            register.add(approval(bureau, &register, now)?);
            Some(register.to_bytes())
        }
        None => None,
    };
    record::complete(tx, &acceptance.nonce.to_string(), Some(&answer), register.as_deref(), now)?;
    record::enter_agreement(tx, &invitation.agreement, now)?;
    partners::enter(tx, &acceptance.card, Origin::Entered, now)?;
    let entered = (invitation.agreement.agreement()?, partners::all(tx)?);
    Ok((federated(register.is_some()), Some(entered)))
}

/// This administration's approval of a register.
fn approval(
    bureau: &Bureau,
    register: &SignedRegister,
    now: Timestamp,
) -> Result<Approval, FederationRefusal> {
    let refused = |error: &dyn std::fmt::Display| {
        FederationRefusal::new(FederationReason::Malformed, format!("a key register: {error}"))
    };
    let steward = register.register().steward(&bureau.administration);
    let steward = steward.ok_or_else(|| refused(&"this administration is no steward of it"))?;
    let key = bureau.identity.ring.steward_key(steward).map_err(|error| refused(&error))?;
    Approval::sign(register.register(), &bureau.administration, &key, now).map_err(|error| refused(&error))
}
