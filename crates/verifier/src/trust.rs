//! Whom the verifier believes: cards, registers and fingerprints that whoever verifies got in another way than by the
//! file.

use crate::keyring::{Keyring, Keys};
use base::Digest;
use evidence::key_register::{KeyEntry, RegisterError, SignedRegister, Steward};
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

    /// What is believed of a file's keys, and what is only claimed, for a message under this agreement.
    pub(crate) fn keyring(&self, file: &EvidenceFile, agreement: &str) -> Keyring {
        let mut believed = Keys { cards: self.cards.clone(), registers: self.registers.clone() };
        let (known, other): (Vec<_>, Vec<_>) = file.cards.iter().cloned().partition(|card| self.knows(card));
        believed.cards.extend(known);
        let mut claimed = Keys { cards: other, registers: Vec::new() };
        let mut vouched =
            Vouched { cards: &believed.cards, chosen: believed.registers.clone(), followers: Vec::new() };
        // Those with a digest that whoever verifies knows can be followed too, wherever they stand.
        vouched.chosen.extend(
            file.registers.iter().filter(|register| self.digests.contains(&register.digest())).cloned(),
        );
        // Oldest first, so that each can be believed as the follower of one that is.
        for register in &file.registers {
            if !self.digests.contains(&register.digest()) && !vouched.admits(register) {
                claimed.registers.push(register.clone());
            }
        }
        believed.registers = vouched.into_registers();
        Keyring { believed, claimed, agreement: agreement.to_owned() }
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

/// The registers that are believed, by why.
struct Vouched<'c> {
    cards: &'c [PublicKeys],
    /// Those that whoever verifies chose: the threshold that they state was accepted with them.
    chosen: Vec<SignedRegister>,
    /// Those that rest on cards or on a believed register before them.
    followers: Vec<SignedRegister>,
}

impl Vouched<'_> {
    /// Whether those who are believed vouch for a register of the file; if so, later ones can follow it.
    ///
    /// What a register says of itself counts for nothing, its threshold least of all: whoever makes up a register makes
    /// up its stewards too. By cards, a first version is believed if all its stewards are believed and have approved it;
    /// a later version only as the rightful follower of one that is believed.
    fn admits(&mut self, register: &SignedRegister) -> bool {
        // A verifier has no clock: a version was in time if it was when it was issued.
        let issued = register.register().issued;
        let follows = |previous: &SignedRegister| register.succeeds(previous, issued) == Ok(true);
        let admitted = self.chosen.iter().any(follows)
            || (register.starts(&register.register().agreement, issued).is_ok()
                && self.knows_newcomers(register, None))
            || self
                .followers
                .iter()
                .any(|previous| follows(previous) && self.knows_newcomers(register, Some(previous)));
        if admitted {
            self.followers.push(register.clone());
        }
        admitted
    }

    /// Whether everyone who is not yet a steward of the version before comes with what a believed card says: as a steward
    /// with its key, and as no steward with the card's keys alone. Otherwise the stewards of a register that rests on
    /// cards could vouch for keys of whomever they like.
    fn knows_newcomers(&self, register: &SignedRegister, previous: Option<&SignedRegister>) -> bool {
        let (new, old) = (register.register(), previous.map(SignedRegister::register));
        let was_steward = |who| old.is_some_and(|old| old.steward(who).is_some());
        let stewards = new.stewards.iter().filter(|steward| !was_steward(&steward.administration));
        let entries = new.entries.iter().filter(|entry| new.steward(&entry.administration).is_none());
        stewards.clone().all(|steward| self.cards.iter().any(|card| Steward::of_card(card) == *steward))
            && entries.clone().all(|entry| {
                was_steward(&entry.administration)
                    || old.is_some_and(|old| old.entries.contains(entry))
                    || self.cards.iter().any(|card| KeyEntry::of_card(card).contains(entry))
            })
    }

    fn into_registers(self) -> Vec<SignedRegister> {
        let mut registers = self.chosen;
        registers.extend(self.followers);
        registers
    }
}
