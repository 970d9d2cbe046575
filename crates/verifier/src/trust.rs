//! Whom the verifier believes: cards and fingerprints that whoever verifies got in another way than by the file.

use evidence::{EvidenceError, PublicKeys};
use std::fmt;

/// The anchors of trust.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    cards: Vec<PublicKeys>,
    fingerprints: Vec<String>,
}

/// Why an anchor cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// It is neither a fingerprint nor a card.
    Neither {
        /// What was given.
        given: String,
    },
    /// It is a file, but not a card.
    Card(EvidenceError),
}

impl fmt::Display for TrustError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Neither { given } => write!(
                out,
                "`{given}` is neither a file with a partner card nor a fingerprint of eight groups of five digits"
            ),
            Self::Card(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for TrustError {}

impl Trust {
    /// No anchors: whatever holds is claimed by keys that nobody has vouched for.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Whether there are no anchors.
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty() && self.fingerprints.is_empty()
    }

    /// Believes in a card.
    pub fn with_card(mut self, card: PublicKeys) -> Self {
        self.cards.push(card);
        self
    }

    /// Believes in the card in a file: the JSON document that partners exchange.
    ///
    /// # Errors
    /// When it is not a card.
    pub fn with_card_file(self, json: &[u8]) -> Result<Self, TrustError> {
        let card = PublicKeys::from_json(json).map_err(TrustError::Card)?;
        Ok(self.with_card(card))
    }

    /// Believes in whichever card of the file has this fingerprint: eight groups of five digits, as partners compare
    /// them by voice. Spaces may be left out.
    ///
    /// # Errors
    /// When it is not a fingerprint.
    pub fn with_fingerprint(mut self, text: &str) -> Result<Self, TrustError> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TrustError::Neither { given: text.to_owned() });
        }
        self.fingerprints.push(digits);
        Ok(self)
    }

    /// The cards that are believed, given those that a file holds.
    pub(crate) fn believed(&self, held: &[PublicKeys]) -> Vec<PublicKeys> {
        let mut believed = self.cards.clone();
        for card in held {
            let fingerprint: String = card.fingerprint().split(' ').collect();
            if self.fingerprints.contains(&fingerprint) {
                believed.push(card.clone());
            }
        }
        believed
    }
}
