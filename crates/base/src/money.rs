//! Money: an exact decimal with its currency.

use crate::Invalid;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// A currency code of three capital letters (ISO 4217).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro, in which guarantees are monitored (R0267).
    pub const EUR: Self = Self(*b"EUR");

    /// Parses three capital letters.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z', c @ b'A'..=b'Z'] => Ok(Self([*a, *b, *c])),
            _ => Err(Invalid::new("currency", text, "it must be three capital letters (ISO 4217)")),
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        // INVARIANT: `parse` admits ASCII capitals only, so the bytes are always UTF-8.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Currency({})", self.as_str())
    }
}

impl std::str::FromStr for Currency {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Currency {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.as_str().to_owned()
    }
}

/// An amount of money in hundredths of its currency (n..16,2): never negative, never rounded in silence.
///
/// Amounts compare only within one currency: `partial_cmp` of euros and pounds is `None`, and neither is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// The serde form of [`Money`], before its limits are checked.
#[derive(Deserialize)]
struct Stored {
    minor: i64,
    currency: Currency,
}

impl TryFrom<Stored> for Money {
    type Error = Invalid;
    fn try_from(stored: Stored) -> Result<Self, Invalid> {
        Self::from_minor(stored.minor, stored.currency)
    }
}

/// One more than the largest amount in hundredths: 16 digits (n..16,2).
const MINOR_LIMIT: i64 = 10_000_000_000_000_000;

impl Money {
    /// An amount in hundredths.
    ///
    /// # Errors
    /// When it is negative or has more than 16 digits.
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Self, Invalid> {
        if (0..MINOR_LIMIT).contains(&minor) {
            Ok(Self { minor, currency })
        } else {
            Err(Invalid::new(
                "amount",
                &minor.to_string(),
                "it must be 0 or more, with at most 16 digits (n..16,2)",
            ))
        }
    }

    /// Parses a decimal such as `1000.00`. More than two decimals are accepted only when the rest are zeros.
    ///
    /// # Errors
    /// When it is no plain decimal, negative, too large, or finer than a hundredth.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("amount", amount, "it must be a plain decimal such as 1000.00");
        // The decimal type would also take signs, underscores and a bare point.
        let (units, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(units) || !digits(fraction) {
            return Err(wrong());
        }
        let decimal: Decimal = amount.parse().map_err(|_| wrong())?;
        Self::from_decimal(decimal, currency).map_err(|wrong| Invalid::new("amount", amount, wrong.reason))
    }

    /// From a decimal number of currency units.
    ///
    /// # Errors
    /// When it is negative, too large, or finer than a hundredth.
    pub fn from_decimal(decimal: Decimal, currency: Currency) -> Result<Self, Invalid> {
        let scaled = decimal.checked_mul(Decimal::ONE_HUNDRED);
        match scaled {
            Some(scaled) if scaled.fract().is_zero() => {
                let minor = i64::try_from(scaled.trunc().normalize()).map_err(|_| {
                    Invalid::new("amount", &decimal.to_string(), "it has more than 16 digits")
                })?;
                Self::from_minor(minor, currency)
            }
            Some(_) => {
                Err(Invalid::new("amount", &decimal.to_string(), "it must not be finer than a hundredth"))
            }
            None => Err(Invalid::new("amount", &decimal.to_string(), "it has more than 16 digits")),
        }
    }

    /// The amount in hundredths.
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The amount as a decimal number of currency units.
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.minor, 2)
    }

    /// The sum, or `None` when the currencies differ or the sum is too large.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        (self.currency == other.currency)
            .then(|| self.minor.checked_add(other.minor))
            .flatten()
            .and_then(|minor| Self::from_minor(minor, self.currency).ok())
    }

    /// What is left after taking `other` away, or `None` when the currencies differ or it is more than there is.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        (self.currency == other.currency)
            .then(|| self.minor.checked_sub(other.minor))
            .flatten()
            .and_then(|minor| Self::from_minor(minor, self.currency).ok())
    }

    /// The amount converted at `rate` units of `currency` for one of ours, rounded up to a hundredth, so that a
    /// guarantee never covers less than was declared. `None` when the result is too large or the rate is not positive.
    pub fn converted(self, rate: Decimal, currency: Currency) -> Option<Self> {
        if rate <= Decimal::ZERO {
            return None;
        }
        let amount = self.decimal().checked_mul(rate)?;
        let up = amount.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::ToPositiveInfinity);
        Self::from_decimal(up, currency).ok()
    }

    /// The amount alone, with two decimals, as messages write it.
    pub fn amount(self) -> String {
        format!("{}.{:02}", self.minor / 100, self.minor % 100)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.amount(), self.currency)
    }
}

impl std::str::FromStr for Money {
    type Err = Invalid;
    /// Parses the displayed form, an amount, a space and a currency: `1000.00 EUR`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (amount, currency) = text.split_once(' ').ok_or_else(|| {
            Invalid::new("amount", text, "it must be an amount and a currency, as in 1000.00 EUR")
        })?;
        Self::parse(amount, Currency::parse(currency)?)
    }
}

impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.minor.cmp(&other.minor))
    }
}
