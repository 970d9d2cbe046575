//! CC015C and CC013C: what is declared.

use super::Inbound;
use super::reader::Reader;
use base::{Digest, Eori, Lrn, Money, Mrn};
use customs::transit::{Declaration, Guarantee, GuaranteeLine, Holder, Reference, TransitOffice, departure};
use customs::{ErrorCode, FunctionalError};
use sha2::{Digest as _, Sha256};
use wire::{Document, Group};

/// The authorisation of an authorised consignor (CL235), who may set the limit date.
const AUTHORISED_CONSIGNOR: &str = "C521";

pub(super) fn declare(mut reader: Reader<'_>) -> Result<Vec<Inbound>, Vec<FunctionalError>> {
    let lrn: Option<Lrn> = reader.required("TransitOperation/LRN");
    let declaration = declaration(&mut reader);
    let command = lrn
        .zip(declaration)
        .map(|(lrn, declaration)| departure::Command::Declare { lrn, declaration: Box::new(declaration) });
    reader.finish(command.map(|command| vec![Inbound::Departure(command)]))
}

pub(super) fn amend(mut reader: Reader<'_>) -> Result<Vec<Inbound>, Vec<FunctionalError>> {
    let reference = reference(&mut reader);
    let guarantees_only = reader.flag("TransitOperation/amendmentTypeFlag").unwrap_or(false);
    let submitted = reader.required_moment("preparationDateAndTime");
    let declaration = declaration(&mut reader);
    let command = match (reference, declaration, submitted) {
        (Some(reference), Some(declaration), Some(submitted)) => Some(departure::Command::Amend {
            reference,
            declaration: Box::new(declaration),
            guarantees_only,
            submitted,
        }),
        _ => None,
    };
    reader.finish(command.map(|command| vec![Inbound::Departure(command)]))
}

/// How the trader names the movement: by MRN, or by LRN when there is none yet (C0467).
pub(super) fn reference(reader: &mut Reader<'_>) -> Option<Reference> {
    if let Some(mrn) = reader.optional::<Mrn>("TransitOperation/MRN") {
        return Some(Reference::Mrn(mrn));
    }
    let lrn = reader.optional::<Lrn>("TransitOperation/LRN").map(Reference::Lrn);
    if lrn.is_none() {
        reader.push("TransitOperation/LRN", ErrorCode::ConditionMissing, "C0467", None);
    }
    lrn
}

fn declaration(reader: &mut Reader<'_>) -> Option<Declaration> {
    let document = reader.document();
    let kind = reader.required("TransitOperation/declarationType");
    let additional = reader.required("TransitOperation/additionalDeclarationType");
    let security = reader.required("TransitOperation/security");
    let office_of_departure = reader.required("CustomsOfficeOfDeparture/referenceNumber");
    let office_of_destination = reader.required("CustomsOfficeOfDestinationDeclared/referenceNumber");
    let offices_of_transit = offices_of_transit(reader);
    let guarantees = guarantees(reader);
    let identification: Option<Eori> = reader.optional("HolderOfTheTransitProcedure/identificationNumber");
    let representative = reader.optional("Representative/identificationNumber");
    let limit = reader.optional("TransitOperation/limitDate");
    Some(Declaration {
        kind: kind?,
        additional: additional?,
        security: security?,
        office_of_departure: office_of_departure?,
        office_of_destination: office_of_destination?,
        offices_of_transit,
        holder: Holder {
            identification,
            name: document.text("HolderOfTheTransitProcedure/name").map(str::to_owned),
        },
        representative,
        authorised_consignor: document.texts("Authorisation/type").contains(&AUTHORISED_CONSIGNOR),
        limit,
        guarantees,
        content: Some(content(document)),
        commodities: Some(commodities(document)),
    })
}

fn offices_of_transit(reader: &mut Reader<'_>) -> Vec<TransitOffice> {
    let groups = reader.document().groups("CustomsOfficeOfTransitDeclared");
    (1..)
        .zip(groups)
        .filter_map(|(position, group)| {
            let at = format!("CustomsOfficeOfTransitDeclared[{position}]");
            let estimated = group.text("arrivalDateAndTimeEstimated");
            Some(TransitOffice {
                office: reader.required_in(group, &at, "referenceNumber")?,
                estimated: estimated.and_then(|text| base::Timestamp::parse_message_form(text).ok()),
            })
        })
        .collect()
}

fn guarantees(reader: &mut Reader<'_>) -> Vec<Guarantee> {
    let groups = reader.document().groups("Guarantee");
    (1..)
        .zip(groups)
        .filter_map(|(position, group)| {
            let at = format!("Guarantee[{position}]");
            let kind = reader.required_in(group, &at, "guaranteeType");
            let lines = group.groups("GuaranteeReference");
            let references = (1..).zip(lines).map(|(position, line)| {
                guarantee_line(reader, line, &format!("{at}/GuaranteeReference[{position}]"))
            });
            let references = references.collect();
            Some(Guarantee {
                kind: kind?,
                other_reference: group.text("otherGuaranteeReference").map(str::to_owned),
                references,
            })
        })
        .collect()
}

fn guarantee_line(reader: &mut Reader<'_>, line: &Group, at: &str) -> GuaranteeLine {
    let currency = reader.optional_in(line, at, "currency");
    let amount = match (line.text("amountToBeCovered"), currency) {
        (Some(text), Some(currency)) => match Money::parse(text, currency) {
            Ok(amount) => Some(amount),
            Err(_) => {
                reader.push(&format!("{at}/amountToBeCovered"), ErrorCode::Rule, "G0021", Some(text));
                None
            }
        },
        _ => None,
    };
    GuaranteeLine {
        grn: reader.optional_in(line, at, "GRN"),
        access_code: reader.optional_in(line, at, "accessCode"),
        amount,
    }
}

/// Digest of everything that an amendment of guarantees alone may not change (R0520): all but header, guarantees, and
/// the elements by which CC013C differs from CC015C.
fn content(document: &Document) -> Digest {
    let outside =
        ["Guarantee/", "TransitOperation/LRN", "TransitOperation/MRN", "TransitOperation/amendmentTypeFlag"];
    let kept = |path: &str| path.contains('/') && !outside.iter().any(|prefix| path.starts_with(prefix));
    digest(document, &kept)
}

/// Digest of the commodity codes (R0520).
fn commodities(document: &Document) -> Digest {
    digest(document, &|path| path.ends_with("CommodityCode/harmonizedSystemSubHeadingCode"))
}

fn digest(document: &Document, kept: &dyn Fn(&str) -> bool) -> Digest {
    let mut hash = Sha256::new();
    for (path, text) in document.leaf_paths() {
        if kept(&path) {
            // Neither paths nor texts hold a NUL, so the parts cannot run into each other.
            hash.update(path.as_bytes());
            hash.update([0]);
            hash.update(text.as_bytes());
            hash.update([0]);
        }
    }
    Digest(hash.finalize().into())
}
