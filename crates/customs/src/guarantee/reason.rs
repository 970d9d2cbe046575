//! Why a guarantee may not be used.

use base::Invalid;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a guarantee may not be used (CL252).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InvalidReason {
    /// G01: the guarantee does not exist.
    Unknown,
    /// G02: it exists, but is not valid.
    NotValid,
    /// G03: the access code is wrong.
    AccessCode,
    /// G04: its holder is not the holder of the procedure.
    Holder,
    /// G05: the voucher has been used.
    VoucherUsed,
    /// G06: it may not be used for suspended goods.
    SuspendedGoods,
    /// G08: it is not valid in a country of the movement.
    Country,
    /// G09: its amount does not suffice.
    Amount,
    /// G10: the individual guarantee has been used.
    IndividualUsed,
    /// G11: its offices of departure and destination are others.
    Offices,
    /// G12: it covers other commodities.
    Commodity,
    /// G13: reference and type do not match.
    Type,
}

impl InvalidReason {
    /// All reasons with their codes.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Unknown, "G01"),
        (Self::NotValid, "G02"),
        (Self::AccessCode, "G03"),
        (Self::Holder, "G04"),
        (Self::VoucherUsed, "G05"),
        (Self::SuspendedGoods, "G06"),
        (Self::Country, "G08"),
        (Self::Amount, "G09"),
        (Self::IndividualUsed, "G10"),
        (Self::Offices, "G11"),
        (Self::Commodity, "G12"),
        (Self::Type, "G13"),
    ];

    /// Parses the code.
    ///
    /// # Errors
    /// When no reason has it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Self::ALL.iter().find(|(_, code)| *code == text).map(|(reason, _)| *reason).ok_or_else(|| {
            Invalid::new("invalid guarantee reason", text, "it must be G01 to G13 without G07 (CL252)")
        })
    }

    /// The code as messages carry it.
    pub fn code(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("G02", |(_, code)| code)
    }
}

impl fmt::Display for InvalidReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl std::str::FromStr for InvalidReason {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}
