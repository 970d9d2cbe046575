//! Whom the verifier believes: cards, registers and fingerprints that whoever verifies got in another way than by the
//! file.

use crate::keyring::{Keyring, Keys};
use base::Digest;
use evidence::key_register::{RegisterError, SignedRegister, Steward};
use evidence::{EvidenceError, EvidenceFile, PublicKeys};
use std::fmt;

/// The anchors of trust.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    cards: Vec<PublicKeys>,
    registers: Vec<SignedRegister>,
    fingerprints: Vec<String>,
    digests: Vec<Digest>,
}

/// Why an anchor cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// It is no file, and no fingerprint.
    Neither {
        /// What was given.
        given: String,
    },
    /// It is a file, but not a card.
    Card(EvidenceError),
    /// It is a file, but not a key register.
    Register(RegisterError),
}

impl fmt::Display for TrustError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Neither { given } => write!(
                out,
                "`{given}` is neither a file with a partner card or key register, nor a fingerprint: eight groups of \
                 five digits for a card, 64 hexadecimal digits for a register"
            ),
            Self::Card(error) => error.fmt(out),
            Self::Register(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for TrustError {}

impl Trust {
    /// No anchors: whatever holds is claimed by keys that nobody has vouched for.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Believes in a card.
    pub fn with_card(mut self, card: PublicKeys) -> Self {
        self.cards.push(card);
        self
    }

    /// Believes in a register of keys.
    pub fn with_register(mut self, register: SignedRegister) -> Self {
        self.registers.push(register);
        self
    }

    /// Believes in what is in a file: a partner card (JSON) or a signed key register (CBOR).
    ///
    /// # Errors
    /// When it is neither.
    pub fn with_file(self, content: &[u8]) -> Result<Self, TrustError> {
        if content.trim_ascii_start().starts_with(b"{") {
            let keys = keys_of(content);
            let card = PublicKeys::from_json(keys.as_deref().unwrap_or(content)).map_err(TrustError::Card)?;
            return Ok(self.with_card(card));
        }
        let register = SignedRegister::read(content).map_err(TrustError::Register)?;
        Ok(self.with_register(register))
    }

    /// Believes in whichever card or register of the file has this fingerprint: eight groups of five digits, as partners
    /// compare them by voice (spaces may be left out), or the 64 hexadecimal digits of a register's digest.
    ///
    /// # Errors
    /// When it is neither.
    pub fn with_fingerprint(mut self, text: &str) -> Result<Self, TrustError> {
        if let Ok(digest) = Digest::parse(text) {
            self.digests.push(digest);
            return Ok(self);
        }
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TrustError::Neither { given: text.to_owned() });
        }
        self.fingerprints.push(digits);
        Ok(self)
    }

    /// What is believed of a file's keys, and what is only claimed.
    pub(crate) fn keyring(&self, file: &EvidenceFile) -> Keyring {
        let mut believed = Keys { cards: self.cards.clone(), registers: self.registers.clone() };
        let (known, other): (Vec<_>, Vec<_>) = file.cards.iter().cloned().partition(|card| self.knows(card));
        believed.cards.extend(known);
        let mut claimed = Keys { cards: other, registers: Vec::new() };
        // Oldest first, so that each can be believed as the follower of one that is.
        for register in &file.registers {
            if self.digests.contains(&register.digest()) || vouched_for(register, &believed) {
                believed.registers.push(register.clone());
            } else {
                claimed.registers.push(register.clone());
            }
        }
        Keyring { believed, claimed }
    }

    fn knows(&self, card: &PublicKeys) -> bool {
        let fingerprint: String = card.fingerprint().split(' ').collect();
        self.cards.contains(card) || self.fingerprints.contains(&fingerprint)
    }
}

/// The keys in a card as partners exchange it, which says besides them where a node is reached.
fn keys_of(content: &[u8]) -> Option<Vec<u8>> {
    let card: serde_json::Value = serde_json::from_slice(content).ok()?;
    card.get("keys").map(|keys| keys.to_string().into_bytes())
}

/// Whether those who are believed vouch for a register: as many of its stewards as it asks for have approved it with keys
/// of cards that are believed, or it rightly follows a register that is.
fn vouched_for(register: &SignedRegister, believed: &Keys) -> bool {
    let of_cards: Vec<Steward> = believed.cards.iter().map(Steward::of_card).collect();
    let stewards: Vec<Steward> =
        register.register().stewards.iter().filter(|steward| of_cards.contains(steward)).cloned().collect();
    let approved = register.approved_by(&stewards).len() as u64;
    if approved >= register.register().threshold.change {
        return true;
    }
    // A verifier has no clock: a version was in time if it was when it was issued.
    let issued = register.register().issued;
    believed.registers.iter().any(|previous| register.succeeds(previous, issued) == Ok(true))
}
