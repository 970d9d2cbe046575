//! Moments and days. Nothing here reads a clock: the shell hands the time in.

use crate::Invalid;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The form of a moment up to its seconds; `0` stands for any digit.
const MOMENT_FORM: &str = "0000-00-00T00:00:00";

/// Whether `text` has a digit wherever `form` has `0`, and the same character everywhere else; a sixtieth second, which
/// no message may hold, is not of the form.
fn has_form(text: &str, form: &str) -> bool {
    let same = |(byte, model): (u8, u8)| {
        if model == b'0' { byte.is_ascii_digit() } else { byte == model }
    };
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(same)
        && text.as_bytes().get(17).is_none_or(|tens| *tens < b'6')
}

/// A moment, in microseconds of UTC since 1970.
///
/// Its serde form is that number; its text form is RFC 3339 with six decimals, which orders as the moments do in the
/// years 0 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A day of the calendar, without zone: whose day it is, the field says.
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

    /// Parses an RFC 3339 moment such as `2026-11-24T06:00:00Z`. What is finer than a microsecond is dropped.
    ///
    /// # Errors
    /// When the form is wrong or there is no such moment.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("moment", text, "it must be RFC 3339, as in 2026-11-24T06:00:00Z");
        // The parser below knows more forms than RFC 3339, such as names of zones in brackets.
        let head = text.get(..19).ok_or_else(wrong)?;
        let tail = text.get(19..).ok_or_else(wrong)?;
        let zone = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'Z' | b'+' | b'-' | b':');
        if !has_form(head, MOMENT_FORM) || !tail.bytes().all(zone) {
            return Err(wrong());
        }
        let moment: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        Ok(Self(moment.as_microsecond()))
    }

    /// Parses the form of message headers, `2026-11-24T06:00:00`, which is UTC without saying so (G0002).
    ///
    /// # Errors
    /// When the form is wrong.
    pub fn parse_message_form(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("date and time", text, "it must be as in 2026-11-24T06:00:00");
        if !has_form(text, MOMENT_FORM) {
            return Err(wrong());
        }
        let moment: jiff::civil::DateTime = text.parse().map_err(|_| wrong())?;
        let moment = jiff::tz::TimeZone::UTC.to_timestamp(moment).map_err(|_| wrong())?;
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

    /// Microseconds from `earlier` to this moment; negative when `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    fn civil(self) -> jiff::civil::DateTime {
        let nearest_end = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
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

impl std::str::FromStr for Timestamp {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl Date {
    /// Parses `2026-11-24`.
    ///
    /// # Errors
    /// When the form is wrong or there is no such day.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("date", text, "it must be a day as in 2026-11-24");
        // The parser below knows more forms of ten characters, such as weeks.
        if !has_form(text, "0000-00-00") {
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

    /// The same day `months` later (or earlier, when negative), or the last day of that month if it is shorter; stops
    /// at the ends of the calendar.
    pub fn plus_months(self, months: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().months(months)))
    }

    /// The number of days from this one to `later`; negative when `later` is earlier.
    pub fn days_until(self, later: Self) -> i32 {
        // The calendar has fewer than eight million days, so both conversions hold.
        let hours = self.0.duration_until(later.0).as_hours();
        i32::try_from(hours / 24).unwrap_or_default()
    }

    /// The first moment of the day in UTC.
    pub fn start(self) -> Timestamp {
        const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;
        let days = Self(jiff::civil::date(1970, 1, 1)).days_until(self);
        Timestamp(i64::from(days) * MICROS_PER_DAY)
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
