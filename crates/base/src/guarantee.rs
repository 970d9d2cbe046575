//! Guarantees: their references, types and access codes.

use crate::{
    Country, Invalid, Money, check_digit,
    identifier::{country_at, text_identifier},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A guarantee reference number: year, country, twelve characters and a check digit (an17); with a voucher suffix, a
/// letter and six digits, an24 (R0318: exactly for guarantee type 4). Source: `GRNType`, DGXXI/0879/99 Rev. 1.
///
/// The check digit is not part of parsing: registers of administrations hold numbers issued before the rule, so a
/// profile decides. Ask [`Grn::check_digit_holds`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Grn(String);

impl Grn {
    /// Parses the form; the check digit is left to [`Grn::check_digit_holds`].
    ///
    /// # Errors
    /// When length or characters are wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = |reason: &str| Invalid::new("GRN", text, reason);
        let bytes = text.as_bytes();
        if bytes.len() != 17 && bytes.len() != 24 {
            return Err(wrong("it must have 17 characters, or 24 with a voucher suffix"));
        }
        let form = bytes.iter().enumerate().all(|(position, byte)| match position {
            0..=1 | 16 | 18..=23 => byte.is_ascii_digit(),
            2..=3 | 17 => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        });
        if !form {
            return Err(wrong(
                "it must be a year, a country, 12 letters or digits, a check digit, and for a voucher a letter and 6 digits",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Parses the form and demands the right check digit (R0028).
    ///
    /// # Errors
    /// As [`Grn::parse`], or when the check digit is wrong.
    pub fn parse_strict(text: &str) -> Result<Self, Invalid> {
        let grn = Self::parse(text)?;
        if grn.check_digit_holds() {
            Ok(grn)
        } else {
            let digit = grn.expected_check_digit();
            Err(Invalid::new("GRN", text, format!("its check digit should be {digit} (R0028)")))
        }
    }

    /// Issues a reference from its parts; the check digit is computed.
    ///
    /// `year` is taken modulo 100, `serial` is up to 12 capital letters or digits and is padded with zeros on the left.
    ///
    /// # Errors
    /// When the serial is too long or holds other characters.
    pub fn issue(year: i16, country: Country, serial: &str) -> Result<Self, Invalid> {
        if serial.len() > 12 {
            return Err(Invalid::new("GRN serial", serial, "it must have at most 12 characters"));
        }
        let body = format!("{:02}{country}{serial:0>12}", year.rem_euclid(100));
        let digit = check_digit::over(&body)
            .ok_or_else(|| Invalid::new("GRN", &body, "the serial must be capital letters and digits"))?;
        Self::parse(&format!("{body}{digit}"))
    }

    /// The country where the guarantee was lodged, which answers for it.
    pub fn country(&self) -> Country {
        country_at(&self.0, 2)
    }

    /// The digit that position 17 should hold.
    pub fn expected_check_digit(&self) -> u8 {
        self.0.get(..16).and_then(check_digit::over).unwrap_or_else(|| unreachable!())
    }

    /// Whether position 17 holds the right check digit (R0028).
    pub fn check_digit_holds(&self) -> bool {
        self.0.as_bytes().get(16) == Some(&(b'0' + self.expected_check_digit()))
    }

    /// Whether it carries a voucher suffix, as type 4 must and no other may (R0318).
    pub fn is_voucher(&self) -> bool {
        self.0.len() == 24
    }

    /// Whether the form suits a guarantee of this type: an24 for vouchers, an17 for all others (R0318).
    pub fn suits(&self, kind: GuaranteeType) -> bool {
        self.is_voucher() == (kind == GuaranteeType::VOUCHER)
    }

    /// The reference of one voucher sold under this guarantee: `letter` and a number of six digits are appended.
    ///
    /// # Errors
    /// When this is a voucher already, the letter is no capital or the number has more than six digits.
    pub fn voucher(&self, letter: char, number: u32) -> Result<Self, Invalid> {
        if self.is_voucher() {
            return Err(Invalid::new("GRN", &self.0, "a voucher has no vouchers of its own (R0318)"));
        }
        Self::parse(&format!("{}{letter}{number:06}", self.0))
    }

    /// The guarantee under which a voucher was sold; for any other reference, the reference itself.
    pub fn without_voucher(&self) -> Self {
        Self(self.0.get(..17).unwrap_or(&self.0).to_owned())
    }
}

text_identifier!(Grn);

/// The access code that the holder gives to prove that a guarantee may be used: one to four characters (an..4).
///
/// It is a secret: `Debug` and errors hide it. `Display` and serde write it out, because messages must carry it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessCode(String);

impl AccessCode {
    /// Parses one to four printable characters without spaces.
    ///
    /// # Errors
    /// When it is empty, longer or holds other characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            // The code is a secret: an error never quotes it.
            Err(Invalid::new(
                "access code",
                "****",
                "it must be one to four printable characters without spaces",
            ))
        }
    }
}

text_identifier!(AccessCode);

impl fmt::Debug for AccessCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AccessCode(****)")
    }
}

/// The type of a guarantee (code list CL251).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GuaranteeType(u8);

impl GuaranteeType {
    /// Guarantee waiver.
    pub const WAIVER: Self = Self(b'0');
    /// Comprehensive guarantee.
    pub const COMPREHENSIVE: Self = Self(b'1');
    /// Individual guarantee in the form of an undertaking by a guarantor.
    pub const INDIVIDUAL: Self = Self(b'2');
    /// Individual guarantee in cash or an equal means of payment.
    pub const CASH: Self = Self(b'3');
    /// Individual guarantee with vouchers.
    pub const VOUCHER: Self = Self(b'4');
    /// Waiver where the duty does not exceed the statistical threshold.
    pub const BELOW_THRESHOLD: Self = Self(b'5');
    /// Not required of certain public bodies.
    pub const PUBLIC_BODY: Self = Self(b'8');
    /// Individual guarantee for multiple usage, in common transit only.
    pub const INDIVIDUAL_MULTIPLE: Self = Self(b'9');
    /// Waiver by agreement between administrations.
    pub const BY_AGREEMENT: Self = Self(b'A');
    /// Goods under the TIR procedure, which has its own guarantee.
    pub const TIR: Self = Self(b'B');
    /// Not required between the office of departure and the office of transit.
    pub const TO_OFFICE_OF_TRANSIT: Self = Self(b'J');
    /// Not required on the Rhine and the Danube and their waterways.
    pub const RHINE_AND_DANUBE: Self = Self(b'R');

    /// Parses one digit or capital letter.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text.as_bytes() {
            [code @ (b'0'..=b'9' | b'A'..=b'Z')] => Ok(Self(*code)),
            _ => Err(Invalid::new("guarantee type", text, "it must be one digit or capital letter (CL251)")),
        }
    }

    /// Whether the type is monitored under a GRN with access code, and so must be registered with its office of
    /// guarantee before release (CL286, C0086): 0, 1, 2, 4 and 9.
    pub fn has_reference(self) -> bool {
        matches!(self.0, b'0' | b'1' | b'2' | b'4' | b'9')
    }

    /// The code.
    pub fn code(self) -> char {
        char::from(self.0)
    }
}

impl fmt::Display for GuaranteeType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.code())
    }
}

impl std::str::FromStr for GuaranteeType {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for GuaranteeType {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<GuaranteeType> for String {
    fn from(kind: GuaranteeType) -> String {
        kind.to_string()
    }
}

/// One use of a guarantee in a declaration: which guarantee, by whose authority, for how much.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GuaranteeReference {
    /// The guarantee.
    pub grn: Grn,
    /// The holder's access code.
    pub access_code: AccessCode,
    /// The amount to be covered.
    pub amount: Money,
}
