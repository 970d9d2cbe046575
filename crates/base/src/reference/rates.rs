//! Exchange rates to the euro, in which guarantees are monitored (R0267).

use super::{
    corridor,
    failure::{Place, ReferenceError},
};
use crate::{Currency, Date, Invalid, Money};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rate of one currency for some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The currency.
    pub currency: Currency,
    /// The first day of the rate. It holds until the next rate of the currency begins.
    pub from: Date,
    /// How much of the currency one euro is worth, as the European Central Bank and customs administrations write it.
    pub per_euro: Decimal,
}

/// Exchange rates of many currencies over time.
///
/// ```
/// use base::{Currency, Date, Money, reference::ExchangeRates};
///
/// let rates = ExchangeRates::parse("rates.tsv", "currency\tfrom\tper_euro\nGBP\t2026-11-01\t0.80\n")?;
/// let pounds = Money::parse("100.00", Currency::parse("GBP")?)?;
/// assert_eq!(rates.to_euro(pounds, Date::parse("2026-11-24")?)?.to_string(), "125.00 EUR");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRates {
    rates: BTreeMap<Currency, BTreeMap<Date, Decimal>>,
}

/// Why an amount could not be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRate {
    /// No rate of the currency had begun on that day.
    #[error("there is no rate of {currency} to the euro on {on}; import one")]
    Missing {
        /// The currency.
        currency: Currency,
        /// The day.
        on: Date,
    },
    /// The amount in euros has more than 16 digits.
    #[error("`{0}` is too large in euros")]
    TooLarge(Money),
}

/// The finest rate, in decimals. With at most this many the quotient is exact to far below a hundredth.
const MAX_DECIMALS: u32 = 8;

/// The largest rate; no currency in use has a million for a euro.
const MAX_RATE: u32 = 10_000_000;

impl ExchangeRates {
    /// A table of these rates. Of two rates of one currency from the same day the later in the list is kept.
    ///
    /// # Errors
    /// When a rate is zero, negative, too large or finer than eight decimals.
    pub fn new(rates: impl IntoIterator<Item = Rate>) -> Result<Self, Invalid> {
        let mut table = Self::default();
        for rate in rates {
            let per_euro = rate.per_euro;
            if per_euro <= Decimal::ZERO
                || per_euro > Decimal::from(MAX_RATE)
                || per_euro.scale() > MAX_DECIMALS
            {
                return Err(Invalid::new(
                    "exchange rate",
                    &per_euro.to_string(),
                    "it must be above 0, at most 10000000, and have at most 8 decimals",
                ));
            }
            table.rates.entry(rate.currency).or_default().insert(rate.from, per_euro);
        }
        Ok(table)
    }

    /// Reads tab-separated lines under the heading `currency`, `from` and `per_euro`; lines that begin with `#` are
    /// remarks. `file` is its name for error messages.
    ///
    /// # Errors
    /// When the heading is another one, or a field is malformed or out of range.
    pub fn parse(file: &str, text: &str) -> Result<Self, ReferenceError> {
        let mut lines =
            text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let (at, heading) = lines.next().unwrap_or_default();
        if heading != "currency\tfrom\tper_euro" {
            return Err(ReferenceError::new(
                file,
                Place::Line(at + 1),
                format!("the heading is `{heading}`"),
                "begin with a line of currency, from and per_euro, separated by tabs",
            ));
        }
        let mut table = Self::default();
        for (at, line) in lines {
            let rate = parse_rate(line).and_then(|rate| Self::new([rate])).map_err(|invalid| {
                ReferenceError::new(
                    file,
                    Place::Line(at + 1),
                    invalid.to_string(),
                    "write a currency, a day and a rate, as in GBP, 2026-11-01 and 0.85, separated by tabs",
                )
            })?;
            table.merge(rate);
        }
        Ok(table)
    }

    /// Adds the rates of `other`; where both have a rate from the same day, that of `other` is kept.
    pub fn merge(&mut self, other: Self) {
        for (currency, rates) in other.rates {
            self.rates.entry(currency).or_default().extend(rates);
        }
    }

    /// How much of the currency one euro is worth on that day.
    ///
    /// # Errors
    /// When no rate of the currency had begun.
    pub fn per_euro(&self, currency: Currency, on: Date) -> Result<Decimal, NoRate> {
        if currency == Currency::EUR {
            return Ok(Decimal::ONE);
        }
        let rates = self.rates.get(&currency);
        let begun = rates.and_then(|rates| rates.range(..=on).next_back());
        begun.map(|(_, rate)| *rate).ok_or(NoRate::Missing { currency, on })
    }

    /// The amount in euros at the rate of that day, rounded up to a hundredth, so that a guarantee never covers less
    /// than was declared.
    ///
    /// # Errors
    /// When there is no rate or the result is too large.
    pub fn to_euro(&self, amount: Money, on: Date) -> Result<Money, NoRate> {
        if amount.currency() == Currency::EUR {
            return Ok(amount);
        }
        let per_euro = self.per_euro(amount.currency(), on)?;
        let too_large = || NoRate::TooLarge(amount);
        let exact = amount.decimal().checked_div(per_euro).ok_or_else(too_large)?;
        let euros = exact.round_dp_with_strategy(2, RoundingStrategy::ToPositiveInfinity);
        Money::from_decimal(euros, Currency::EUR).map_err(|_| too_large())
    }

    /// All rates, by currency and day.
    pub fn iter(&self) -> impl Iterator<Item = Rate> {
        self.rates.iter().flat_map(|(currency, rates)| {
            rates.iter().map(|(from, per_euro)| Rate {
                currency: *currency,
                from: *from,
                per_euro: *per_euro,
            })
        })
    }

    /// The rates that the project ships for its own corridors. They are illustrative: round figures of the right
    /// order, published by nobody. An administration loads its own.
    ///
    /// # Errors
    /// Never, as a test shows; the table is read like any other.
    pub fn illustrative() -> Result<Self, ReferenceError> {
        Self::parse(corridor::RATES_FILE, corridor::RATES)
    }
}

fn parse_rate(line: &str) -> Result<Rate, Invalid> {
    let mut fields = line.split('\t');
    let mut field = || fields.next().unwrap_or_default();
    let currency = Currency::parse(field())?;
    let from = Date::parse(field())?;
    let text = field();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let per_euro = text
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| Invalid::new("exchange rate", text, "it must be a plain decimal such as 0.85"))?;
    Ok(Rate { currency, from, per_euro })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ExchangeRates {
        let text = "# made up\ncurrency\tfrom\tper_euro\nGBP\t2026-01-01\t0.80\nGBP\t2026-02-01\t0.83\nJPY\t2026-01-01\t160\n";
        ExchangeRates::parse("rates.tsv", text).unwrap()
    }

    fn euros(amount: &str, day: &str) -> Result<String, String> {
        let amount: Money = amount.parse().unwrap();
        let found = table().to_euro(amount, Date::parse(day).unwrap());
        found.map(|euros| euros.amount()).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn the_rate_of_the_day_rounds_up() {
        assert_eq!(euros("100.00 GBP", "2026-01-31").as_deref(), Ok("125.00"));
        assert_eq!(euros("100.00 GBP", "2026-02-01").as_deref(), Ok("120.49"));
        assert_eq!(euros("1.00 JPY", "2026-02-01").as_deref(), Ok("0.01"));
        assert_eq!(euros("100.00 EUR", "1999-01-01").as_deref(), Ok("100.00"));
        assert_eq!(
            euros("100.00 GBP", "2025-12-31").unwrap_err(),
            "there is no rate of GBP to the euro on 2025-12-31; import one"
        );
        assert_eq!(
            euros("99999999999999.99 GBP", "2026-02-01").unwrap_err(),
            "`99999999999999.99 GBP` is too large in euros"
        );
    }

    #[test]
    fn errors_name_the_line() {
        let cases = [
            ("", "r.tsv, line 1: the heading is ``; "),
            ("currency\tfrom\tper_euro\nGB\t2026-01-01\t1", "r.tsv, line 2: `GB` is not a valid currency: "),
            (
                "currency\tfrom\tper_euro\nGBP\t2026-01-01\t-1",
                "r.tsv, line 2: `-1` is not a valid exchange rate: ",
            ),
            (
                "currency\tfrom\tper_euro\n\nGBP\t2026-01-01\t0",
                "r.tsv, line 3: `0` is not a valid exchange rate: ",
            ),
        ];
        for (text, expected) in cases {
            let wrong = ExchangeRates::parse("r.tsv", text).unwrap_err().to_string();
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }
}
