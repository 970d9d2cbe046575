//! The references of a transit movement: LRN before acceptance, MRN after.

use crate::{
    Country, Date, Invalid, OfficeReference, check_digit,
    identifier::{country_at, is_plain_text, text_identifier},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A local reference number: the declarant's own reference, 1 to 22 characters (an..22).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lrn(String);

impl Lrn {
    /// Parses 1 to 22 characters that neither start nor end with a space.
    ///
    /// # Errors
    /// When it is empty or longer, or starts or ends with a space.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if is_plain_text(text, 22) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("LRN", text, "it must be 1 to 22 characters without spaces at its ends"))
        }
    }
}

text_identifier!(Lrn);

/// Position 17 of an MRN from year 24 on: which data sets the declaration carries. The table belongs to the corridor
/// profile, and nothing may be inferred from the letter of a foreign MRN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProcedureLetter {
    /// Transit without safety and security data.
    J,
    /// With exit safety and security data.
    K,
    /// With entry safety and security data.
    L,
    /// With both.
    M,
}

impl ProcedureLetter {
    /// Parses one of J, K, L and M.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "J" => Ok(Self::J),
            "K" => Ok(Self::K),
            "L" => Ok(Self::L),
            "M" => Ok(Self::M),
            _ => Err(Invalid::new("procedure letter", text, "it must be J, K, L or M")),
        }
    }

    fn letter(self) -> char {
        match self {
            Self::J => 'J',
            Self::K => 'K',
            Self::L => 'L',
            Self::M => 'M',
        }
    }
}

impl fmt::Display for ProcedureLetter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.letter())
    }
}

impl std::str::FromStr for ProcedureLetter {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

/// A movement reference number (an18): year, country, then 13 characters and a check digit up to year 24; from year 24
/// on, 12 characters, a procedure letter J to M and a check digit. A number of year 24 may have either form, since that
/// year belongs to both. Source: `MRNType` of the NCTS phase 5 types, R0028. The numbers of export declarations, with a
/// letter A to E in that place, are references of another system and are not read here.
///
/// Parsing checks the form. The check digit is a separate question, since a wrong one is answered with functional
/// error 93 and not as a malformed message: ask [`Mrn::check_digit_holds`] or parse with [`Mrn::parse_strict`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mrn(String);

/// The last year in which position 17 may be any character; also the first of the procedure letter.
const LAST_YEAR_OF_THE_OLD_FORM: u8 = 24;

/// The serial in six characters of base 36, most significant first.
fn base36(serial: u64) -> String {
    let mut digits = [b'0'; 6];
    let mut rest = serial;
    for digit in digits.iter_mut().rev() {
        // The remainder is below 36, so it fits.
        let value = u8::try_from(rest % 36).unwrap_or_default();
        *digit = if value < 10 { b'0' + value } else { b'A' + value - 10 };
        rest /= 36;
    }
    digits.iter().copied().map(char::from).collect()
}

/// The number of movements that one office can number in a year: six characters of base 36.
pub(crate) const SERIALS: u64 = 36u64.pow(6);

impl Mrn {
    /// Parses the form.
    ///
    /// # Errors
    /// When length, characters or the year's form are wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = |reason: &str| Invalid::new("MRN", text, reason);
        let bytes = text.as_bytes();
        if bytes.len() != 18 {
            return Err(wrong("it must have 18 characters"));
        }
        let form = bytes.iter().enumerate().all(|(position, byte)| match position {
            0..=1 | 17 => byte.is_ascii_digit(),
            2..=3 => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        });
        if !form {
            return Err(wrong(
                "it must be a year, a country, 13 capital letters or digits and a check digit",
            ));
        }
        let mrn = Self(text.to_owned());
        if mrn.year() > LAST_YEAR_OF_THE_OLD_FORM && mrn.procedure_letter().is_none() {
            return Err(wrong("from year 25 on position 17 must be a procedure letter J, K, L or M"));
        }
        Ok(mrn)
    }

    /// Parses the form and demands the right check digit (R0028).
    ///
    /// # Errors
    /// As [`Mrn::parse`], or when the check digit is wrong.
    pub fn parse_strict(text: &str) -> Result<Self, Invalid> {
        let mrn = Self::parse(text)?;
        if mrn.check_digit_holds() {
            Ok(mrn)
        } else {
            let digit = mrn.expected_check_digit();
            Err(Invalid::new("MRN", text, format!("its check digit should be {digit} (R0028)")))
        }
    }

    /// Issues the MRN with the given serial number for a declaration accepted at `office` on `date`: year, office
    /// reference, serial in six characters of base 36, procedure letter, check digit.
    ///
    /// # Errors
    /// When the serial is too large: an office can number 2,176,782,336 movements a year.
    pub fn issue(
        date: Date,
        office: &OfficeReference,
        serial: u64,
        letter: ProcedureLetter,
    ) -> Result<Self, Invalid> {
        if serial >= SERIALS {
            return Err(Invalid::new(
                "MRN serial",
                &serial.to_string(),
                "an office can number 2176782336 movements a year",
            ));
        }
        let serial = base36(serial);
        let body = format!("{:02}{office}{serial}{}", date.year().rem_euclid(100), letter);
        let digit = check_digit::over(&body)
            .ok_or_else(|| Invalid::new("MRN", &body, "the office reference is no plain text"))?;
        Self::parse(&format!("{body}{digit}"))
    }

    /// The last two digits of the year in which it was issued.
    pub fn year(&self) -> u8 {
        // INVARIANT: `parse` admits digits only at positions 1 and 2.
        self.0.get(..2).and_then(|year| year.parse().ok()).unwrap_or_default()
    }

    /// The procedure letter at position 17, if the number has one. Before year 24 there is none; in year 24 a letter J
    /// to M may also be part of a number of the old form, so the answer is certain only from year 25 on.
    pub fn procedure_letter(&self) -> Option<ProcedureLetter> {
        (self.year() >= LAST_YEAR_OF_THE_OLD_FORM)
            .then(|| self.0.get(16..17))
            .flatten()
            .and_then(|letter| ProcedureLetter::parse(letter).ok())
    }

    /// The country whose office of departure issued it.
    pub fn country(&self) -> Country {
        country_at(&self.0, 2)
    }

    /// The digit that position 18 should hold.
    pub fn expected_check_digit(&self) -> u8 {
        self.0.get(..17).and_then(check_digit::over).unwrap_or_else(|| unreachable!())
    }

    /// Whether position 18 holds the right check digit.
    pub fn check_digit_holds(&self) -> bool {
        self.0.as_bytes().get(17) == Some(&(b'0' + self.expected_check_digit()))
    }
}

text_identifier!(Mrn);
