//! Formats: what the text of an element must be.

use crate::cl030;
use crate::lexer::is_blank;
use crate::pattern::Pattern;
use std::borrow::Cow;

/// The built-in type that a format restricts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Token,
    Line,
    Date,
    Moment,
    Decimal,
    Integer,
}

/// A constraint on length or size.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Facet {
    Length(usize),
    MinLength(usize),
    MaxLength(usize),
    From(i64),
    To(i64),
    Digits(usize),
    Fraction(usize),
}

/// What the text of an element must be.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) facets: Vec<Facet>,
    pub(crate) values: Vec<&'static str>,
    /// Each inner list holds alternatives; one of each list must match.
    pub(crate) patterns: Vec<Vec<Pattern>>,
}

/// Why a text does not fit its format.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) code: u8,
    pub(crate) message: String,
}

/// The digits of a number, once its form is known to be right.
struct Number {
    digits: usize,
    fraction: usize,
    /// The value of an integer, as far as 64 bits hold it.
    integer: i64,
}

impl Format {
    /// The text with its white space treated as the format asks. Line ends are already `\n`.
    pub(crate) fn normalised<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.kind {
            Kind::Line => replaced(text),
            _ => collapsed(text),
        }
    }

    /// Checks a text whose white space is normalised. The first constraint that is broken counts, in the order in which
    /// libxml2 looks at them: type, lengths and bounds, enumeration, pattern.
    pub(crate) fn check(&self, value: &str) -> Result<(), Misfit> {
        let number = self.check_type(value)?;
        for facet in &self.facets {
            check_facet(*facet, value, number.as_ref())?;
        }
        if !self.values.is_empty() && !self.values.contains(&value) {
            let message = if self.values.len() > 12 {
                "the value is not in the list of allowed values".to_owned()
            } else {
                format!("the value must be one of {}", self.values.join(", "))
            };
            return Err(Misfit { code: cl030::NOT_IN_ENUMERATION, message });
        }
        for alternatives in &self.patterns {
            if !alternatives.iter().any(|pattern| pattern.matches(value)) {
                let texts: Vec<String> =
                    alternatives.iter().map(|pattern| format!("`{}`", pattern.text)).collect();
                let message = format!("the value must match the pattern {}", texts.join(" or "));
                return Err(Misfit { code: cl030::PATTERN, message });
            }
        }
        Ok(())
    }

    fn check_type(&self, value: &str) -> Result<Option<Number>, Misfit> {
        let (number, wanted) = match self.kind {
            Kind::Token | Kind::Line => return Ok(None),
            Kind::Date => (is_date(value).then_some(None), "a day as in 2026-11-24"),
            Kind::Moment => (is_moment(value).then_some(None), "a day and time as in 2026-11-24T06:00:00"),
            Kind::Decimal => (decimal(value).map(Some), "a number"),
            Kind::Integer => (integer(value).map(Some), "a whole number"),
        };
        number
            .ok_or_else(|| Misfit { code: cl030::WRONG_TYPE, message: format!("the value must be {wanted}") })
    }
}

fn check_facet(facet: Facet, value: &str, number: Option<&Number>) -> Result<(), Misfit> {
    let misfit = |code, message: String| Err(Misfit { code, message });
    match facet {
        Facet::Length(length) if characters(value) > length => misfit(
            cl030::TOO_LONG,
            format!("the value must have {length} characters, not {}", characters(value)),
        ),
        Facet::Length(length) if characters(value) < length => misfit(
            cl030::TOO_SHORT,
            format!("the value must have {length} characters, not {}", characters(value)),
        ),
        Facet::MaxLength(length) if characters(value) > length => misfit(
            cl030::TOO_LONG,
            format!("the value must have at most {length} characters, not {}", characters(value)),
        ),
        Facet::MinLength(length) if characters(value) < length => {
            misfit(cl030::TOO_SHORT, format!("the value must have at least {length} characters"))
        }
        Facet::From(bound) if number.is_some_and(|number| number.integer < bound) => {
            misfit(cl030::BELOW_MINIMUM, format!("the value must be at least {bound}"))
        }
        Facet::To(bound) if number.is_some_and(|number| number.integer > bound) => {
            misfit(cl030::ABOVE_MAXIMUM, format!("the value must be at most {bound}"))
        }
        Facet::Digits(most) if number.is_some_and(|number| number.digits > most) => {
            misfit(cl030::WRONG_TYPE, format!("the value must have at most {most} digits"))
        }
        Facet::Fraction(most) if number.is_some_and(|number| number.fraction > most) => {
            misfit(cl030::WRONG_TYPE, format!("the value must have at most {most} digits after the point"))
        }
        _ => Ok(()),
    }
}

fn characters(value: &str) -> usize {
    if value.is_ascii() { value.len() } else { value.chars().count() }
}

/// Tabs and line breaks become spaces.
fn replaced(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| is_blank(byte) && byte != b' ') {
        Cow::Owned(text.replace(['\t', '\n', '\r'], " "))
    } else {
        Cow::Borrowed(text)
    }
}

/// Runs of white space become one space, none at either end.
fn collapsed(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim_matches(|c: char| c.is_ascii() && is_blank(c as u8));
    let mut previous = b'x';
    let is_collapsed = trimmed.bytes().all(|byte| {
        let fine = !is_blank(byte) || (byte == b' ' && previous != b' ');
        previous = byte;
        fine
    });
    if is_collapsed {
        return Cow::Borrowed(trimmed);
    }
    let words = trimmed.split(|c: char| c.is_ascii() && is_blank(c as u8)).filter(|word| !word.is_empty());
    Cow::Owned(words.collect::<Vec<_>>().join(" "))
}

/// The form of xs:decimal within the 24 significant digits that libxml2 holds.
fn decimal(value: &str) -> Option<Number> {
    /// The most digits that libxml2 reads, leading zeros aside.
    const MOST_DIGITS: usize = 24;
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
    let (whole, fraction) =
        unsigned.split_once('.').map_or((unsigned, None), |(whole, rest)| (whole, Some(rest)));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digit = !whole.is_empty() || fraction.is_some_and(|digits| !digits.is_empty());
    let significant = whole.trim_start_matches('0');
    let length = significant.len() + fraction.map_or(0, str::len);
    let fits = length <= MOST_DIGITS && (fraction.is_none() || significant.len() < MOST_DIGITS);
    if !has_digit || !is_digits(whole) || !fraction.is_none_or(is_digits) || !fits {
        return None;
    }
    let fraction = fraction.unwrap_or_default().trim_end_matches('0').len();
    Some(Number { digits: (significant.len() + fraction).max(1), fraction, integer: 0 })
}

/// The form of xs:integer within the 24 digits that libxml2 holds.
fn integer(value: &str) -> Option<Number> {
    const MOST_DIGITS: usize = 24;
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
    let significant = unsigned.trim_start_matches('0');
    if unsigned.is_empty()
        || !unsigned.bytes().all(|byte| byte.is_ascii_digit())
        || significant.len() > MOST_DIGITS
    {
        return None;
    }
    let magnitude = if significant.is_empty() { 0 } else { significant.parse().unwrap_or(i64::MAX) };
    let integer = if value.starts_with('-') { -magnitude } else { magnitude };
    Some(Number { digits: significant.len().max(1), fraction: 0, integer })
}

/// xs:date, with or without a time zone.
fn is_date(value: &str) -> bool {
    day(value).is_some_and(is_zone)
}

/// xs:dateTime, with or without a fraction and a time zone; 24:00:00 is the end of a day.
fn is_moment(value: &str) -> bool {
    let rest = day(value).and_then(|rest| rest.strip_prefix('T'));
    rest.and_then(time).is_some_and(is_zone)
}

/// Reads a day at the start of the text; what follows it.
fn day(text: &str) -> Option<&str> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let length = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let year = unsigned.get(..length)?;
    if length < 4 || (length > 4 && year.starts_with('0')) || year == "0000" {
        return None;
    }
    let (month, rest) = two_digits(unsigned.get(length..)?.strip_prefix('-')?)?;
    let (day, rest) = two_digits(rest.strip_prefix('-')?)?;
    // The last nine digits decide whether the year is a leap year, and never overflow.
    let year: u32 = year.get(length.saturating_sub(9)..)?.parse().ok()?;
    let is_leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(rest)
}

fn time(text: &str) -> Option<&str> {
    let (hour, rest) = two_digits(text)?;
    let (minute, rest) = two_digits(rest.strip_prefix(':')?)?;
    let (second, rest) = two_digits(rest.strip_prefix(':')?)?;
    let mut rest = rest;
    let mut is_whole = true;
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        is_whole = fraction.bytes().take(length).all(|byte| byte == b'0');
        rest = fraction.get(length..).filter(|_| length > 0)?;
    }
    let is_end_of_day = hour == 24 && minute == 0 && second == 0 && is_whole;
    (is_end_of_day || (hour < 24 && minute < 60 && second < 60)).then_some(rest)
}

fn is_zone(text: &str) -> bool {
    if text.is_empty() || text == "Z" {
        return true;
    }
    let Some((hours, rest)) = text.strip_prefix(['+', '-']).and_then(two_digits) else {
        return false;
    };
    let Some((minutes, rest)) = rest.strip_prefix(':').and_then(two_digits) else {
        return false;
    };
    rest.is_empty() && minutes < 60 && hours * 60 + minutes <= 14 * 60
}

fn two_digits(text: &str) -> Option<(u32, &str)> {
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((digits.parse().ok()?, text.get(2..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_follows_the_kind() {
        assert_eq!(collapsed("  a \n b "), "a b");
        assert_eq!(collapsed(" \t"), "");
        assert!(matches!(collapsed("a b"), Cow::Borrowed("a b")));
        assert_eq!(replaced(" a\tb\n"), " a b ");
    }

    #[test]
    fn days_are_days_of_the_calendar() {
        for good in
            ["2024-02-29", "2000-02-29", "2023-12-31", "12023-01-01", "2023-01-01Z", "-0001-01-01+14:00"]
        {
            assert!(is_date(good), "{good}");
        }
        for bad in [
            "2023-02-29",
            "1900-02-29",
            "0000-01-01",
            "2023-13-01",
            "2023-04-31",
            "23-01-01",
            "2023-1-01",
            "",
        ] {
            assert!(!is_date(bad), "{bad}");
        }
    }

    #[test]
    fn moments_end_a_day_at_24() {
        for good in ["2023-08-02T24:00:00", "2023-08-02T11:54:54", "2023-08-02T11:54:54.5Z"] {
            assert!(is_moment(good), "{good}");
        }
        for bad in ["2023-08-02T24:00:01", "2023-08-02T11:54:60", "2023-08-02t11:54:54", "2023-08-02", ""] {
            assert!(!is_moment(bad), "{bad}");
        }
    }

    #[test]
    fn numbers_count_their_digits() {
        let count = |value| decimal(value).map(|number| (number.digits, number.fraction));
        assert_eq!(count("1000.000000"), Some((4, 0)));
        assert_eq!(count("0.05"), Some((2, 2)));
        assert_eq!(count("5."), Some((1, 0)));
        assert_eq!(count("0"), Some((1, 0)));
        assert_eq!(count("."), None);
        assert_eq!(count("1e3"), None);
        assert_eq!(count("1.1111110000000000000000000"), None);
        assert_eq!(count("1.00000000000000000000000"), Some((1, 0)));
        assert_eq!(integer("-1").map(|number| number.integer), Some(-1));
        assert_eq!(integer("1234567890123456789012345").map(|number| number.integer), None);
    }
}
