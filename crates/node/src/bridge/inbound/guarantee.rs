//! CD203C, CD204C, CD205C and CD209C: guarantees in use.

use super::Inbound;
use super::reader::Reader;
use base::{Country, Grn, GuaranteeType, Money, Mrn, OfficeReference};
use customs::FunctionalError;
use customs::guarantee::{InvalidReason, account};
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

/// The question to each account. Two references to one guarantee are one question about the sum: an account locks
/// once for a movement.
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
    let mut commands: Vec<account::Command> = Vec::new();
    for (at, guarantee, line) in references(&reader) {
        let kind = reader.required_in::<GuaranteeType>(guarantee, &at, "guaranteeType");
        let grn = reader.required_in::<Grn>(line, &at, "GRN");
        let access_code = reader.required_in(line, &at, "accessCode");
        let amount = amount(&mut reader, line, &at);
        let (Some(mrn), Some(departure), Some(holder)) = (&mrn, &departure, &holder) else {
            continue;
        };
        let (Some(kind), Some(grn), Some(access_code), Some(amount)) = (kind, grn, access_code, amount)
        else {
            continue;
        };
        if add_to_known(&mut commands, &grn, amount) {
            continue;
        }
        commands.push(account::Command::Use {
            grn,
            mrn: mrn.clone(),
            departure: departure.clone(),
            holder: holder.clone(),
            kind,
            access_code,
            amount,
            countries: countries.clone(),
        });
    }
    reader.finish(Some(vec![Inbound::Guarantee(commands)]))
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

/// Adds an amount to the question about the same guarantee, if there is one. A sum that is too large to write stays at
/// the larger part, which no guarantee covers.
fn add_to_known(commands: &mut [account::Command], wanted: &Grn, more: Money) -> bool {
    for command in commands {
        if let account::Command::Use { grn, amount, .. } = command
            && grn == wanted
        {
            *amount = amount.checked_add(more).unwrap_or(if more.minor() > amount.minor() {
                more
            } else {
                *amount
            });
            return true;
        }
    }
    false
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
