//! What a movement claims of a guarantee: one claim for each, however many lines name it.

use base::{AccessCode, Grn, GuaranteeType, Money};
use serde::{Deserialize, Serialize};

/// A claim on one guarantee, in euro: a line of CD203C.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuaranteeClaim {
    /// Its type.
    pub kind: GuaranteeType,
    /// The guarantee.
    pub grn: Grn,
    /// The proof that the holder may use it.
    pub access_code: AccessCode,
    /// The amount, in euro (R0267).
    pub amount: Money,
}

/// Why two lines on one guarantee do not make one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// They name different types.
    Kind,
    /// They give different access codes.
    AccessCode,
    /// The sum of their amounts is more than a message can carry, or they are in different currencies.
    Amount,
}

impl Contradiction {
    /// The rule that is broken, one of this node's own (see [`crate::FunctionalError::reason`]).
    pub fn rule(self) -> &'static str {
        match self {
            Self::Kind | Self::AccessCode => crate::refusal::LINES_DIFFER,
            Self::Amount => crate::refusal::AMOUNT_TOO_LARGE,
        }
    }
}

/// Adds a claim to those of a movement. Two lines on one guarantee are one claim on their sum, since an office locks
/// once for a movement. Declarations are judged so at departure, and questions (CD203C) at the office of guarantee.
///
/// # Errors
/// When the claim contradicts the one that is there; that one stays as it was.
pub fn claim(claims: &mut Vec<GuaranteeClaim>, more: GuaranteeClaim) -> Result<(), Contradiction> {
    let Some(held) = claims.iter_mut().find(|held| held.grn == more.grn) else {
        claims.push(more);
        return Ok(());
    };
    if held.kind != more.kind {
        return Err(Contradiction::Kind);
    }
    if held.access_code != more.access_code {
        return Err(Contradiction::AccessCode);
    }
    held.amount = held.amount.checked_add(more.amount).ok_or(Contradiction::Amount)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{eur, gbp, grn};

    fn one(country: &str, amount: Money) -> GuaranteeClaim {
        GuaranteeClaim {
            kind: GuaranteeType::COMPREHENSIVE,
            grn: grn(country),
            access_code: "AC01".parse().unwrap(),
            amount,
        }
    }

    #[test]
    fn lines_on_one_guarantee_are_one_claim_on_their_sum() {
        let mut claims = Vec::new();
        for line in [one("GB", eur("1.00")), one("FR", eur("2.00")), one("GB", eur("0.50"))] {
            claim(&mut claims, line).unwrap();
        }
        assert_eq!(claims, [one("GB", eur("1.50")), one("FR", eur("2.00"))]);
    }

    #[test]
    fn lines_that_contradict_each_other_are_no_claim() {
        let first = || vec![one("GB", eur("1.00"))];
        let refused = |change: &dyn Fn(&mut GuaranteeClaim)| {
            let (mut claims, mut more) = (first(), one("GB", eur("1.00")));
            change(&mut more);
            let why = claim(&mut claims, more).unwrap_err();
            assert_eq!(claims, first(), "what was claimed stays");
            why
        };
        assert_eq!(refused(&|more| more.kind = GuaranteeType::WAIVER), Contradiction::Kind);
        assert_eq!(refused(&|more| more.access_code = "AC02".parse().unwrap()), Contradiction::AccessCode);
        assert_eq!(refused(&|more| more.amount = eur("99999999999999.99")), Contradiction::Amount);
        assert_eq!(refused(&|more| more.amount = gbp("1.00")), Contradiction::Amount);
    }
}
