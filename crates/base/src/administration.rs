//! Customs administrations, the parties of agreements and the owners of nodes.

use crate::{
    Country, Invalid,
    identifier::{country_at, text_identifier},
};
use serde::{Deserialize, Serialize};

/// A customs administration, named as in message headers: `NTA.` (national transit administration) and the country
/// code, as in `NTA.GB` (DDNTA Appendix Q2, message sender).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Administration(String);

impl Administration {
    /// Parses `NTA.` and a country code.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong =
            || Invalid::new("administration", text, "it must be `NTA.` and a country code, as in `NTA.GB`");
        let code = text.strip_prefix("NTA.").ok_or_else(wrong)?;
        Country::parse(code).map_err(|_| wrong())?;
        Ok(Self(text.to_owned()))
    }

    /// The administration of a country.
    pub fn of(country: Country) -> Self {
        Self(format!("NTA.{country}"))
    }

    /// The country it administers.
    pub fn country(&self) -> Country {
        country_at(&self.0, 4)
    }
}

text_identifier!(Administration);
