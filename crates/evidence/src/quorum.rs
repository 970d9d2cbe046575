//! Quorum: how many, and which, witnesses must have cosigned a checkpoint before anyone relies on it.

use crate::{Administration, CosignedCheckpoint, EvidenceError, Timestamp, log_origin, witness_name};
use std::collections::BTreeSet;

/// A rule on cosignatures, as an agreement states it. The owner of a log never counts as a witness of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Quorum {
    needed: usize,
    witnesses: BTreeSet<Administration>,
}

/// What a quorum says of one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumResult {
    /// How many witnesses are needed.
    pub needed: usize,
    /// Who has cosigned, and when first, in the order of their names.
    pub cosigned: Vec<(Administration, Timestamp)>,
    /// Who could have and has not.
    pub missing: Vec<Administration>,
}

impl QuorumResult {
    /// Whether enough have.
    pub fn met(&self) -> bool {
        self.cosigned.len() >= self.needed
    }

    /// When enough had: the moment at which the quorum was met, or `None` when it is not or none is needed.
    pub fn met_at(&self) -> Option<Timestamp> {
        let mut moments: Vec<Timestamp> = self.cosigned.iter().map(|(_, at)| *at).collect();
        moments.sort_unstable();
        moments.get(self.needed.checked_sub(1)?).copied()
    }
}

impl Quorum {
    /// No witness is needed.
    pub fn none() -> Self {
        Self::default()
    }

    /// `needed` of these witnesses must cosign.
    ///
    /// # Errors
    /// When more are needed than there are.
    pub fn new(needed: usize, witnesses: BTreeSet<Administration>) -> Result<Self, EvidenceError> {
        if needed > witnesses.len() {
            return Err(EvidenceError::value(
                "quorum",
                "the number of witnesses needed",
                format!("{needed} of {} witnesses can never cosign", witnesses.len()),
            ));
        }
        Ok(Self { needed, witnesses })
    }

    /// How many are needed.
    pub fn needed(&self) -> usize {
        self.needed
    }

    /// Of whom.
    pub fn witnesses(&self) -> &BTreeSet<Administration> {
        &self.witnesses
    }

    /// Evaluates the rule on a checkpoint of `owner`'s log.
    ///
    /// # Errors
    /// When the checkpoint is of another log.
    pub fn evaluate(
        &self,
        owner: &Administration,
        cosigned: &CosignedCheckpoint,
    ) -> Result<QuorumResult, EvidenceError> {
        let expected = log_origin(owner);
        if cosigned.checkpoint.origin != expected {
            return Err(EvidenceError::Claim {
                what: "checkpoint",
                claim: "origin",
                expected,
                found: cosigned.checkpoint.origin.clone(),
            });
        }
        let mut result = QuorumResult { needed: self.needed, cosigned: Vec::new(), missing: Vec::new() };
        for witness in self.witnesses.iter().filter(|witness| *witness != owner) {
            match cosigned.cosigned_by(&witness_name(witness)) {
                Some(at) => result.cosigned.push((witness.clone(), at)),
                None => result.missing.push(witness.clone()),
            }
        }
        Ok(result)
    }
}
