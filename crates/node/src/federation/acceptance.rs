//! Acceptances.

use super::fingerprint::fingerprint;
use super::invitation::{Invitation, moment, write_keys};
use super::refusal::{FederationReason, FederationRefusal};
use crate::identity::PartnerCard;
use crate::keys::file::{from_hex, to_hex};
use base::{Administration, Digest, Timestamp};
use evidence::cbor::Writer;
use evidence::key_register::{KeyRegister, SignedRegister, Threshold};
use serde::{Deserialize, Serialize};

/// What an acceptance file says that it is.
const FORM: &str = "tidewaiter-acceptance-1";

/// The longest acceptance that is read: a card, and a register of two parties.
const LONGEST: usize = 256 * 1024;

/// How long the first version of a register counts, in seconds: a year. Its next version comes long before.
const REGISTER_SECONDS: i64 = 365 * 24 * 3600;

/// Of a register's two first stewards both sign a change, and either revokes.
const THRESHOLD: Threshold = Threshold { change: 2, revocation: 1 };

/// The answer to an invitation. Its JSON form is the file that travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    form: String,
    /// Who invited.
    pub to: Administration,
    /// Who accepts: address and keys.
    pub card: PartnerCard,
    /// The digest of the invitation.
    pub invitation: Digest,
    /// The number of the invitation, which is used once.
    pub nonce: Digest,
    /// The first version of the agreement's key register, made of both cards and approved by whoever accepts:
    /// hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<String>,
    /// When it was written.
    #[serde(with = "moment")]
    pub created: Timestamp,
}

impl Acceptance {
    /// The answer of the owner of `card` to an invitation.
    pub(super) fn new(
        invitation: &Invitation,
        card: PartnerCard,
        register: Option<&SignedRegister>,
        created: Timestamp,
    ) -> Self {
        Self {
            form: FORM.to_owned(),
            to: invitation.from().clone(),
            card,
            invitation: invitation.digest(),
            nonce: invitation.nonce,
            register: register.map(|register| to_hex(&register.to_bytes())),
            created,
        }
    }

    /// Reads an acceptance file.
    ///
    /// # Errors
    /// `malformed`.
    pub fn from_json(json: &[u8]) -> Result<Self, FederationRefusal> {
        let malformed =
            |error: &dyn std::fmt::Display| FederationRefusal::new(FederationReason::Malformed, error);
        if json.len() > LONGEST {
            return Err(malformed(&format!("it has {} bytes, and at most {LONGEST} are read", json.len())));
        }
        let acceptance: Self = serde_json::from_slice(json).map_err(|error| malformed(&error))?;
        if acceptance.form != FORM {
            return Err(malformed(&format!("its form is `{}`, not `{FORM}`", acceptance.form)));
        }
        acceptance.card.keys.validate().map_err(|error| malformed(&error))?;
        acceptance.signed_register()?;
        Ok(acceptance)
    }

    /// The file.
    pub fn to_json(&self) -> Vec<u8> {
        // A record of texts serialises without fail.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }

    /// Who accepts.
    pub fn from(&self) -> &Administration {
        &self.card.keys.administration
    }

    /// Forty digits that stand for every field, to be compared by voice.
    pub fn fingerprint(&self) -> String {
        let mut out = Writer::new();
        out.array(8).text(FORM).text(self.to.as_str()).text(&self.card.address);
        write_keys(&mut out, &self.card);
        out.bytes(self.invitation.as_bytes()).bytes(self.nonce.as_bytes());
        out.text(self.register.as_deref().unwrap_or_default()).int(self.created.as_micros());
        fingerprint(&out.finish())
    }

    /// The register that it brings.
    ///
    /// # Errors
    /// `malformed`.
    pub(super) fn signed_register(&self) -> Result<Option<SignedRegister>, FederationRefusal> {
        let Some(hexadecimal) = &self.register else { return Ok(None) };
        let malformed = |error: &dyn std::fmt::Display| {
            FederationRefusal::new(FederationReason::Malformed, format!("its key register: {error}"))
        };
        let bytes = from_hex(hexadecimal).ok_or_else(|| malformed(&"it is not hexadecimal"))?;
        SignedRegister::read(&bytes).map(Some).map_err(|error| malformed(&error))
    }

    /// Whether it answers this invitation of `own`, with keys that count now and a register of both cards that its
    /// sender has approved. Returns that register.
    ///
    /// # Errors
    /// The first reason why not.
    pub(super) fn check(
        &self,
        invitation: &Invitation,
        own: &PartnerCard,
        now: Timestamp,
    ) -> Result<Option<SignedRegister>, FederationRefusal> {
        let refuse = |reason, detail: String| Err(FederationRefusal::new(reason, detail));
        if *self.from() != invitation.to {
            let detail = format!("`{}` answers, and `{}` was invited", self.from(), invitation.to);
            return refuse(FederationReason::WrongAdministration, detail);
        }
        if self.invitation != invitation.digest() {
            return refuse(FederationReason::Changed, String::new());
        }
        if invitation.expires <= now {
            return refuse(FederationReason::Expired, format!("the invitation, at `{}`", invitation.expires));
        }
        if invitation.card != *own {
            return refuse(FederationReason::KeysChanged, String::new());
        }
        let keys = &self.card.keys;
        if !keys.valid_at(now) {
            let detail = format!("it is valid from `{}` until `{}`", keys.valid_from, keys.valid_until);
            return refuse(FederationReason::CardNotValid, detail);
        }
        let register = self.signed_register()?;
        if register.is_some() != invitation.first_register {
            return refuse(FederationReason::Changed, "its key register".to_owned());
        }
        if let Some(register) = &register {
            let document = register.register();
            if !is_first_register(document, invitation, &self.card, now) {
                return refuse(FederationReason::Changed, "its key register".to_owned());
            }
            let approved = register.approved_by(&document.stewards);
            if !approved.contains(self.from()) {
                return refuse(FederationReason::NotApproved, format!("`{}`", self.from()));
            }
        }
        Ok(register)
    }
}

/// Whether a register is what [`first_register`] makes, whenever it was made.
pub(super) fn is_first_register(
    register: &KeyRegister,
    invitation: &Invitation,
    accepting: &PartnerCard,
    now: Timestamp,
) -> bool {
    register.agreement == invitation.agreement.id
        && register.threshold == THRESHOLD
        && register.is_genesis_of(&[invitation.card.keys.clone(), accepting.keys.clone()])
        && !register.stale_at(now)
}

/// The first version of the register of an agreement, made of both cards; nobody has approved it yet.
pub(super) fn first_register(
    invitation: &Invitation,
    accepting: &PartnerCard,
    now: Timestamp,
) -> Result<SignedRegister, FederationRefusal> {
    let cards = [invitation.card.keys.clone(), accepting.keys.clone()];
    let expires = now.plus_seconds(REGISTER_SECONDS);
    KeyRegister::genesis(&invitation.agreement.id, &cards, THRESHOLD, now, expires)
        .and_then(SignedRegister::proposal)
        .map_err(|error| {
            FederationRefusal::new(FederationReason::Malformed, format!("a key register: {error}"))
        })
}
