//! Moments and days. Nothing here reads a clock: the shell hands the time in.

use crate::Invalid;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A moment, in microseconds of UTC since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A day of the calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(jiff::civil::Date);

impl Timestamp {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Parses an RFC 3339 moment such as `2026-11-24T06:00:00Z`.
    ///
    /// # Errors
    /// When the form is wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let moment: jiff::Timestamp = text
            .parse()
            .map_err(|_| Invalid::new("moment", text, "it must be RFC 3339, as in 2026-11-24T06:00:00Z"))?;
        Ok(Self(moment.as_microsecond()))
    }

    /// Parses the form of message headers, `2026-11-24T06:00:00`, which is UTC without saying so (G0002).
    ///
    /// # Errors
    /// When the form is wrong.
    pub fn parse_message_form(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("date and time", text, "it must be as in 2026-11-24T06:00:00");
        let moment: jiff::civil::DateTime = text.parse().map_err(|_| wrong())?;
        let moment = jiff::tz::TimeZone::UTC
            .to_timestamp(moment)
            .map_err(|_| wrong())?;
        Ok(Self(moment.as_microsecond()))
    }

    /// The form of message headers: UTC without zone and fraction.
    pub fn message_form(self) -> String {
        self.civil().strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// The day in UTC.
    pub fn date(self) -> Date {
        Date(self.civil().date())
    }

    /// This moment and `micros` more, stopping at the end of time rather than wrapping.
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// This moment and `seconds` more.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(1_000_000))
    }

    fn civil(self) -> jiff::civil::DateTime {
        let nearest_end = if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        };
        jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::from_microsecond(self.0).unwrap_or(nearest_end))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.civil().strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl Date {
    /// Parses `2026-11-24`.
    ///
    /// # Errors
    /// When the form is wrong or there is no such day.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("date", text, "it must be a day as in 2026-11-24");
        if text.len() != 10 {
            return Err(wrong());
        }
        text.parse().map(Self).map_err(|_| wrong())
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// The day `days` later (or earlier, when negative), stopping at the ends of the calendar.
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(days)))
    }

    /// The first moment of the day in UTC.
    pub fn start(self) -> Timestamp {
        let midnight = jiff::tz::TimeZone::UTC.to_timestamp(self.0.at(0, 0, 0, 0));
        let micros = midnight.map(|moment| moment.as_microsecond());
        Timestamp(micros.unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl std::str::FromStr for Date {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Date {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Date> for String {
    fn from(date: Date) -> String {
        date.to_string()
    }
}
