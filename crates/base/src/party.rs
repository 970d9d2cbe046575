//! Parties and places: traders, customs offices, consignment references.

use crate::{
    Country, Invalid,
    identifier::{country_at, is_plain_text, text_identifier},
};
use serde::{Deserialize, Serialize};

/// A trader's identification: an EORI number, or a trader identification number of a third country in the same form:
/// country code and 1 to 15 printable characters (R0850, `TINNewType`). Whether the number was ever issued is for the
/// administration that receives it to ask: R0850 leaves that to the receiver inside the Union, to the sender outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Eori(String);

impl Eori {
    /// Parses a country code and 1 to 15 printable ASCII characters without spaces.
    ///
    /// # Errors
    /// When the form is wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bytes = text.as_bytes();
        let form = (3..=17).contains(&bytes.len())
            && bytes.iter().take(2).all(u8::is_ascii_uppercase)
            && bytes.iter().skip(2).all(u8::is_ascii_graphic);
        if form {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "EORI",
                text,
                "it must be a country code and 1 to 15 printable characters without spaces (R0850)",
            ))
        }
    }

    /// The country that issued it.
    pub fn country(&self) -> Country {
        country_at(&self.0, 0)
    }
}

text_identifier!(Eori);

/// A customs office reference number: country code and six capital letters or digits (an8, `CORefNumType`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OfficeReference(String);

impl OfficeReference {
    /// Parses a country code and six capital letters or digits.
    ///
    /// # Errors
    /// When the form is wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bytes = text.as_bytes();
        let form = bytes.len() == 8
            && bytes.iter().take(2).all(u8::is_ascii_uppercase)
            && bytes.iter().skip(2).all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if form {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "customs office reference",
                text,
                "it must be a country code and six capital letters or digits (an8)",
            ))
        }
    }

    /// The country that the office belongs to, and so the administration that answers for it.
    pub fn country(&self) -> Country {
        country_at(&self.0, 0)
    }
}

text_identifier!(OfficeReference);

/// A unique consignment reference: 1 to 70 characters (an..70; the guidelines of the World Customs Organization use up to 35).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ucr(String);

impl Ucr {
    /// Parses 1 to 70 characters that neither start nor end with a space.
    ///
    /// # Errors
    /// When it is empty or longer, or starts or ends with a space.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if is_plain_text(text, 70) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("UCR", text, "it must be 1 to 70 characters without spaces at its ends"))
        }
    }
}

text_identifier!(Ucr);
