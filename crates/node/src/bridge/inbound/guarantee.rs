//! CD203C, CD204C, CD205C and CD209C: guarantees in use.

use super::Inbound;
use super::reader::Reader;
use base::{Country, Grn, GuaranteeType, Money, Mrn, OfficeReference};
use customs::FunctionalError;
use customs::guarantee::{Contradiction, GuaranteeClaim, InvalidReason, account};
use customs::transit::departure::{self, GuaranteeAnswer};
use wire::Group;

type Asked = Result<Vec<Inbound>, Vec<FunctionalError>>;

/// The most references that a message can hold: 9 guarantees of 99 each. What is beyond is no valid message.
const REFERENCES: usize = 9 * 99;

/// Every guarantee reference of a message with its place in it and the group that it is in.
fn references<'a>(reader: &Reader<'a>) -> Vec<(String, &'a Group, &'a Group)> {
    let guarantees = (1..).zip(reader.document().groups("Guarantee"));
    guarantees
        .flat_map(|(outer, guarantee)| {
            let lines = (1..).zip(guarantee.groups("GuaranteeReference"));
            lines.map(move |(inner, line)| {
                (format!("Guarantee[{outer}]/GuaranteeReference[{inner}]"), guarantee, line)
            })
        })
        .take(REFERENCES)
        .collect()
}

/// The question to each account. Two references to one guarantee are one question about the sum, since an account locks
/// once for a movement; references that contradict each other are an error.
pub(super) fn usage(mut reader: Reader<'_>) -> Asked {
    let mrn = reader.required::<Mrn>("TransitOperation/MRN");
    let departure = reader.required::<OfficeReference>("CustomsOfficeOfDeparture/referenceNumber");
    let holder = reader.required::<base::Eori>("HolderOfTheTransitProcedure/identificationNumber");
    let countries: Vec<Country> = reader
        .document()
        .texts("CountryInvolved/country")
        .into_iter()
        .filter_map(|text| Country::parse(text).ok())
        .collect();
    let claims = claims(&mut reader);
    let commands = match (mrn, departure, holder) {
        (Some(mrn), Some(departure), Some(holder)) => {
            let question = |claim: GuaranteeClaim| account::Command::Use {
                grn: claim.grn,
                mrn: mrn.clone(),
                departure: departure.clone(),
                holder: holder.clone(),
                kind: claim.kind,
                access_code: claim.access_code,
                amount: claim.amount,
                countries: countries.clone(),
            };
            Some(vec![Inbound::Guarantee(claims.into_iter().map(question).collect())])
        }
        _ => None,
    };
    reader.finish(commands)
}

/// The claim on each guarantee.
fn claims(reader: &mut Reader<'_>) -> Vec<GuaranteeClaim> {
    let mut claims = Vec::new();
    for (at, guarantee, line) in references(reader) {
        let outer = at.split('/').next().unwrap_or_default().to_owned();
        let kind = reader.required_in::<GuaranteeType>(guarantee, &outer, "guaranteeType");
        let grn = reader.required_in::<Grn>(line, &at, "GRN");
        let access_code = reader.required_in(line, &at, "accessCode");
        let amount = amount(reader, line, &at);
        let (Some(kind), Some(grn), Some(access_code), Some(amount)) = (kind, grn, access_code, amount)
        else {
            continue;
        };
        let Err(wrong) =
            customs::guarantee::claim(&mut claims, GuaranteeClaim { kind, grn, access_code, amount })
        else {
            continue;
        };
        let (pointer, value) = match wrong {
            Contradiction::Kind => (format!("{outer}/guaranteeType"), guarantee.text("guaranteeType")),
            // The code is a secret, so it is not shown.
            Contradiction::AccessCode => (format!("{at}/accessCode"), None),
            Contradiction::Amount => (format!("{at}/amountConcerned"), line.text("amountConcerned")),
        };
        reader.push(&pointer, customs::ErrorCode::Rule, wrong.rule(), value);
    }
    claims
}

fn amount(reader: &mut Reader<'_>, line: &Group, at: &str) -> Option<Money> {
    let currency = reader.required_in(line, at, "currency")?;
    let text = line.text("amountConcerned").unwrap_or_default();
    match Money::parse(text, currency) {
        Ok(amount) => Some(amount),
        Err(_) => {
            reader.push(&format!("{at}/amountConcerned"), customs::ErrorCode::Rule, "G0021", Some(text));
            None
        }
    }
}

pub(super) fn cancellation(mut reader: Reader<'_>) -> Asked {
    let mrn = reader.required::<Mrn>("TransitOperation/MRN");
    // Exactly one of the two is there (C0255).
    let cancelled = reader.optional::<base::Date>("TransitOperation/usageCancellationDate");
    let on = cancelled.or_else(|| reader.required("TransitOperation/releaseDate"));
    let grns = grns(&mut reader);
    let commands = mrn.zip(on).map(|(mrn, on)| {
        grns.into_iter().map(|grn| account::Command::Cancel { grn, mrn: mrn.clone(), on }).collect()
    });
    reader.finish(commands.map(|commands| vec![Inbound::Guarantee(commands)]))
}

pub(super) fn credit(mut reader: Reader<'_>) -> Asked {
    let mrn = reader.required::<Mrn>("TransitOperation/MRN");
    let arrived = reader.required_moment("TransitOperation/arrivalDateAndTimeActual");
    let grns = grns(&mut reader);
    let commands = mrn.zip(arrived).map(|(mrn, arrived)| {
        grns.into_iter().map(|grn| account::Command::Credit { grn, mrn: mrn.clone(), arrived }).collect()
    });
    reader.finish(commands.map(|commands| vec![Inbound::Guarantee(commands)]))
}

/// The guarantees that a message names, each once.
fn grns(reader: &mut Reader<'_>) -> Vec<Grn> {
    let mut grns: Vec<Grn> = Vec::new();
    for (at, _, line) in references(reader) {
        if let Some(grn) = reader.required_in::<Grn>(line, &at, "GRN")
            && !grns.contains(&grn)
        {
            grns.push(grn);
        }
    }
    grns
}

pub(super) fn result(mut reader: Reader<'_>) -> Asked {
    let mrn = reader.required::<Mrn>("TransitOperation/MRN");
    let mut answers: Vec<GuaranteeAnswer> = Vec::new();
    for (at, _, line) in references(&reader) {
        let office = reader.optional_in(line, &at, "CustomsOfficeOfGuarantee/referenceNumber");
        let reasons: Vec<Option<InvalidReason>> = line
            .groups("InvalidGuaranteeReason")
            .into_iter()
            .map(|group| reader.required_in(group, &format!("{at}/InvalidGuaranteeReason"), "code"))
            .collect();
        let excluded = line.texts("ValidityLimitation/guaranteeNotValidIn");
        let Some(grn) = reader.required_in::<Grn>(line, &at, "GRN") else {
            continue;
        };
        answers.push(GuaranteeAnswer {
            grn,
            office,
            reasons: reasons.into_iter().flatten().collect(),
            not_valid_in: excluded.into_iter().filter_map(|text| Country::parse(text).ok()).collect(),
        });
    }
    let command = mrn.map(|mrn| departure::Command::AnswerGuarantee { mrn, answers });
    reader.finish(command.map(|command| vec![Inbound::Departure(command)]))
}
