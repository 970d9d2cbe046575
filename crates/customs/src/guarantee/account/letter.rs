//! The answers of an office of guarantee.

use crate::guarantee::InvalidReason;
use crate::{Nack, Recipient};
use base::{Administration, Country, Eori, Grn, GuaranteeType, Mrn, OfficeReference};
use serde::{Deserialize, Serialize};

/// A letter of an office of guarantee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Letter {
    /// Its part of a CD205C: one guarantee's answer. [`UseResult::gather`] puts the parts of one question together.
    Answer(UseAnswer),
    /// CD906C: a partner's message is refused.
    Nack(Nack),
}

impl Letter {
    /// The message that carries it.
    pub fn message_type(&self) -> &'static str {
        match self {
            Self::Answer(_) => "CD205C",
            Self::Nack(_) => "CD906C",
        }
    }

    /// To whom it goes.
    pub fn recipient(&self) -> Recipient {
        match self {
            Self::Answer(UseAnswer { to, .. }) | Self::Nack(Nack { to, .. }) => {
                Recipient::Administration(to.clone())
            }
        }
    }
}

/// The answer for one guarantee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseAnswer {
    /// The administration of departure.
    pub to: Administration,
    /// The movement.
    pub mrn: Mrn,
    /// The office of departure.
    pub departure: OfficeReference,
    /// The holder of the transit procedure, as asked.
    pub holder: Eori,
    /// The type, as asked.
    pub kind: GuaranteeType,
    /// The guarantee.
    pub grn: Grn,
    /// The office that monitors it; absent when it is unknown (C0417).
    pub office: Option<OfficeReference>,
    /// Why it may not be used; empty when the amount is locked.
    pub reasons: Vec<InvalidReason>,
    /// Countries where it is not valid.
    pub not_valid_in: Vec<Country>,
}

/// A whole CD205C: the answers to one CD203C.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseResult {
    /// The administration of departure.
    pub to: Administration,
    /// The movement.
    pub mrn: Mrn,
    /// The office of departure.
    pub departure: OfficeReference,
    /// The holder of the transit procedure.
    pub holder: Eori,
    /// The answers, by guarantee.
    pub answers: Vec<UseAnswer>,
}

impl UseResult {
    /// Puts the answers to one question together; `None` when there are none or they are about different movements.
    pub fn gather(answers: Vec<UseAnswer>) -> Option<Self> {
        let first = answers.first()?;
        let same = answers.iter().all(|answer| answer.mrn == first.mrn && answer.to == first.to);
        same.then(|| Self {
            to: first.to.clone(),
            mrn: first.mrn.clone(),
            departure: first.departure.clone(),
            holder: first.holder.clone(),
            answers: answers.clone(),
        })
    }
}
