//! Invitations.

use super::fingerprint::fingerprint;
use super::refusal::{FederationReason, FederationRefusal};
use crate::identity::PartnerCard;
use agreements::{Agreement, Compiled};
use base::{Administration, Digest, Timestamp};
use evidence::cbor::Writer;
use evidence::digest_of;
use serde::{Deserialize, Serialize};

/// What an invitation file says that it is.
const FORM: &str = "tidewaiter-invitation-1";

/// The longest invitation that is read: an agreement in its authoring form has some tens of kilobytes.
const LONGEST: usize = 2 * 1024 * 1024;

/// An agreement in its authoring form, with what it compiles to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementText {
    /// Its identifier.
    pub id: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of what it compiles to.
    pub hash: Digest,
    /// The document, TOML.
    pub text: String,
}

impl AgreementText {
    /// Reads and compiles an agreement.
    ///
    /// # Errors
    /// `agreement-malformed`, with every fault in it.
    pub fn read(text: &str) -> Result<Self, FederationRefusal> {
        let (compiled, _) = compile(text)?;
        let agreement = compiled.agreement();
        let (id, version) = (agreement.id.to_string(), agreement.version);
        Ok(Self { id, version, hash: compiled.hash(), text: text.to_owned() })
    }

    /// The agreement, which must be what this says of it.
    ///
    /// # Errors
    /// `agreement-malformed`.
    pub fn agreement(&self) -> Result<Agreement, FederationRefusal> {
        let (compiled, agreement) = compile(&self.text)?;
        let same = (agreement.id.as_str(), agreement.version, compiled.hash())
            == (&self.id, self.version, self.hash);
        if !same {
            let detail = format!(
                "it says `{}` version {} with hash `{}`, and its text is `{}` version {} with `{}`",
                self.id,
                self.version,
                self.hash,
                agreement.id,
                agreement.version,
                compiled.hash()
            );
            return Err(FederationRefusal::new(FederationReason::AgreementMalformed, detail));
        }
        Ok(agreement)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.text(&self.id).uint(u64::from(self.version)).bytes(self.hash.as_bytes()).text(&self.text);
    }
}

fn compile(text: &str) -> Result<(Compiled, Agreement), FederationRefusal> {
    let unusable =
        |error: &dyn std::fmt::Display| FederationRefusal::new(FederationReason::AgreementMalformed, error);
    let agreement = Agreement::from_toml(text).map_err(|errors| unusable(&errors))?;
    let compiled = agreements::compile(&agreement).map_err(|error| unusable(&error))?;
    Ok((compiled, agreement))
}

/// One administration's invitation to another. Its JSON form is the file that travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    form: String,
    /// Who is invited.
    pub to: Administration,
    /// Who invites: address and keys.
    pub card: PartnerCard,
    /// The agreement under which the two will exchange.
    pub agreement: AgreementText,
    /// Whether the acceptance shall bring the first version of the agreement's key register. Not when the inviting
    /// administration keeps the register already; then its next version admits the invited one.
    pub first_register: bool,
    /// Used once.
    pub nonce: Digest,
    /// When it was written.
    #[serde(with = "crate::federation::invitation::moment")]
    pub created: Timestamp,
    /// From when on it is not accepted.
    #[serde(with = "crate::federation::invitation::moment")]
    pub expires: Timestamp,
}

impl Invitation {
    /// An invitation from the owner of `card`.
    pub(super) fn new(
        to: Administration,
        card: PartnerCard,
        agreement: AgreementText,
        first_register: bool,
        nonce: Digest,
        (created, expires): (Timestamp, Timestamp),
    ) -> Self {
        Self { form: FORM.to_owned(), to, card, agreement, first_register, nonce, created, expires }
    }

    /// Reads an invitation file.
    ///
    /// # Errors
    /// `malformed`, `agreement-malformed`.
    pub fn from_json(json: &[u8]) -> Result<Self, FederationRefusal> {
        let malformed =
            |error: &dyn std::fmt::Display| FederationRefusal::new(FederationReason::Malformed, error);
        if json.len() > LONGEST {
            return Err(malformed(&format!("it has {} bytes, and at most {LONGEST} are read", json.len())));
        }
        let invitation: Self = serde_json::from_slice(json).map_err(|error| malformed(&error))?;
        if invitation.form != FORM {
            return Err(malformed(&format!("its form is `{}`, not `{FORM}`", invitation.form)));
        }
        invitation.card.keys.validate().map_err(|error| malformed(&error))?;
        invitation.agreement.agreement()?;
        Ok(invitation)
    }

    /// The file.
    pub fn to_json(&self) -> Vec<u8> {
        // A record of texts serialises without fail.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }

    /// Who invites.
    pub fn from(&self) -> &Administration {
        &self.card.keys.administration
    }

    /// Every field in one encoding: deterministic CBOR.
    fn canonical(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(12).text(FORM).text(self.to.as_str()).text(&self.card.address);
        write_keys(&mut out, &self.card);
        self.agreement.write(&mut out);
        out.boolean(self.first_register).bytes(self.nonce.as_bytes());
        out.int(self.created.as_micros()).int(self.expires.as_micros());
        out.finish()
    }

    /// The SHA-256 of every field, by which an acceptance refers to it.
    pub fn digest(&self) -> Digest {
        digest_of(&self.canonical())
    }

    /// Forty digits that stand for every field, to be compared by voice.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.canonical())
    }

    /// Whether this administration may accept it now.
    ///
    /// # Errors
    /// The first reason why not.
    pub(super) fn check(&self, own: &Administration, now: Timestamp) -> Result<(), FederationRefusal> {
        let refuse = |reason, detail: String| Err(FederationRefusal::new(reason, detail));
        if self.from() == own {
            return refuse(FederationReason::OwnInvitation, format!("`{own}` invites `{}`", self.to));
        }
        if self.to != *own {
            let detail = format!("it invites `{}`, and this node is of `{own}`", self.to);
            return refuse(FederationReason::WrongAdministration, detail);
        }
        if self.expires <= now {
            return refuse(FederationReason::Expired, format!("at `{}`", self.expires));
        }
        let keys = &self.card.keys;
        if !keys.valid_at(now) {
            let detail = format!("it is valid from `{}` until `{}`", keys.valid_from, keys.valid_until);
            return refuse(FederationReason::CardNotValid, detail);
        }
        let agreement = self.agreement.agreement()?;
        for party in [self.from(), own] {
            if !agreement.has_party(party) {
                let detail =
                    format!("`{party}` in `{}` version {}", self.agreement.id, self.agreement.version);
                return refuse(FederationReason::NotAParty, detail);
            }
        }
        Ok(())
    }
}

/// The SHA-256 of a card's fields, within another encoding.
pub(super) fn write_keys(out: &mut Writer, card: &PartnerCard) {
    out.text(&card.keys.to_json());
}

/// Moments as RFC 3339 text, since people read these files.
pub(super) mod moment {
    use base::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::federation) fn serialize<S: Serializer>(
        moment: &Timestamp,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.serialize_str(&moment.to_string())
    }

    pub(in crate::federation) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Timestamp, D::Error> {
        Timestamp::parse(&String::deserialize(input)?).map_err(D::Error::custom)
    }
}
