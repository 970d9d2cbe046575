//! Customs seals.

use crate::{
    Invalid,
    identifier::{is_plain_text, text_identifier},
};
use serde::{Deserialize, Serialize};

/// The identifier on a customs seal: 1 to 20 characters (an..20), unique in a declaration (R0107).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SealIdentifier(String);

impl SealIdentifier {
    /// Parses 1 to 20 characters that neither start nor end with a space.
    ///
    /// # Errors
    /// When it is empty or longer, or starts or ends with a space.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if is_plain_text(text, 20) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "seal identifier",
                text,
                "it must be 1 to 20 characters without spaces at its ends",
            ))
        }
    }
}

text_identifier!(SealIdentifier);
