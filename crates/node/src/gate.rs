//! The gate before the rooms: that a message is ours to take, that its sender may say it, that its codes are in their
//! lists. Three reasons stand outside the numbered rules and are ours: `TW001`, it is addressed to another
//! administration; `TW002`, its sender may not send it; `TW003`, it names no trader for whom its sender may act.

use crate::principals;
use crate::proceeding::{Cause, Origin, Proceeding, ProceedingError};
use crate::speakers::usurped;
use customs::{ErrorCode, FunctionalError};
use wire::{CodeCheck, Document};

/// The reason named in errors about the addressee.
const ADDRESSEE: &str = "TW001";

/// The reason named in errors about who may send what.
const SPEAKER: &str = "TW002";

/// The reason named in errors about the traders for whom someone may act.
const AGENT: &str = "TW003";

/// Where messages of the office of departure name those who answer for them.
const AT_DEPARTURE: [&str; 2] =
    ["HolderOfTheTransitProcedure/identificationNumber", "Representative/identificationNumber"];

/// Where messages of the office of destination name the trader.
const AT_DESTINATION: [&str; 1] = ["TraderAtDestination/identificationNumber"];

impl Proceeding<'_> {
    /// Checks a message before any room sees it; the errors when it may not pass.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn gate(
        &mut self,
        cause: &Cause,
        document: &Document,
        codes: &CodeCheck,
    ) -> Result<Option<Vec<FunctionalError>>, ProceedingError> {
        let error = |path: &str, reason: &str| {
            let pointer = format!("/{}/{path}", document.message().as_str());
            Some(vec![FunctionalError::new(pointer, ErrorCode::Rule, reason, document.text(path))])
        };
        if document.text("messageRecipient") != Some(self.bureau().administration.as_str()) {
            return Ok(error("messageRecipient", ADDRESSEE));
        }
        let kind = document.message().as_str();
        match &cause.origin {
            Origin::Trader(_) if !kind.starts_with("CC") => return Ok(error("messageType", SPEAKER)),
            Origin::Trader(principal) => {
                let name = principal.name.clone();
                if let Some(path) = self.acts_for_nobody(&name, document)? {
                    return Ok(error(path, AGENT));
                }
            }
            Origin::Partner { administration, .. } => {
                if !kind.starts_with("CD") || document.text("messageSender") != Some(administration.as_str())
                {
                    return Ok(error("messageSender", SPEAKER));
                }
                if let Some(path) = usurped(document, administration.country()) {
                    return Ok(error(path, SPEAKER));
                }
            }
            Origin::Own => {}
        }
        // C0102: only an authorised consignee may ask for the simplified procedure, and says under which authorisation.
        let simplified = document.text("TransitOperation/simplifiedProcedure") == Some("1");
        if kind == "CC007C" && simplified && document.group("Authorisation").is_none() {
            let pointer = "/CC007C/Authorisation";
            return Ok(Some(vec![FunctionalError::new(pointer, ErrorCode::ConditionMissing, "C0102", None)]));
        }
        let errors = codes.errors.iter().map(|error| {
            let code = ErrorCode::CodeList;
            FunctionalError::new(error.pointer.clone(), code, &error.reason, error.value.as_deref())
        });
        let errors: Vec<FunctionalError> = errors.collect();
        Ok((!errors.is_empty()).then_some(errors))
    }

    /// The element that names the trader, when the sender may act for none of those that the message names.
    fn acts_for_nobody(
        &mut self,
        name: &str,
        document: &Document,
    ) -> Result<Option<&'static str>, ProceedingError> {
        let paths: &'static [&'static str] = match document.message().as_str() {
            "CC007C" | "CC044C" => &AT_DESTINATION,
            _ => &AT_DEPARTURE,
        };
        let Some(own) = principals::identifications(self.tx(), name)? else { return Ok(None) };
        let named = paths.iter().filter_map(|path| document.text(path));
        let acts = named.into_iter().any(|identification| own.contains(identification));
        Ok(if acts { None } else { paths.first().copied() })
    }
}
