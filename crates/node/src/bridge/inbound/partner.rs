//! Records, progress and refusals between administrations.

use super::reader::Reader;
use super::{Inbound, addressee};
use base::{Mrn, OfficeReference, Timestamp};
use customs::transit::{departure, destination, passage};
use customs::{ErrorCode, FunctionalError};
use wire::Document;

type Asked = Result<Vec<Inbound>, Vec<FunctionalError>>;

const MRN: &str = "TransitOperation/MRN";
const DEPARTURE: &str = "CustomsOfficeOfDeparture/referenceNumber";
const DECLARED: &str = "CustomsOfficeOfDestinationDeclared/referenceNumber";
const ACTUAL: &str = "CustomsOfficeOfDestinationActual/referenceNumber";
const TRANSIT: &str = "CustomsOfficeOfTransitDeclared/referenceNumber";

pub(super) fn arrival_record(mut reader: Reader<'_>) -> Asked {
    let (mrn, departure) = (reader.required(MRN), reader.required(DEPARTURE));
    let destination = reader.required(DECLARED);
    let seals = reader.document().texts("Consignment/TransportEquipment/numberOfSeals");
    let seals = seals.iter().filter_map(|count| count.parse::<u32>().ok()).fold(0, u32::saturating_add);
    let command = match (mrn, departure, destination) {
        (Some(mrn), Some(departure), Some(destination)) => {
            Some(destination::Command::Announce { mrn, departure, destination, seals })
        }
        _ => None,
    };
    reader.finish(command.map(|command| vec![Inbound::Destination(command)]))
}

/// One record for every office of transit of this administration (G0130).
pub(super) fn transit_record(mut reader: Reader<'_>) -> Asked {
    let (mrn, departure) = (reader.required::<Mrn>(MRN), reader.required::<OfficeReference>(DEPARTURE));
    let destination = reader.required::<OfficeReference>(DECLARED);
    let offices = own_offices(reader.document());
    if offices.is_empty() {
        let named = reader.document().text(TRANSIT);
        reader.push(TRANSIT, ErrorCode::Rule, "G0130", named);
    }
    let commands = match (mrn, departure, destination) {
        (Some(mrn), Some(departure), Some(destination)) => {
            let announce = |office: OfficeReference| Inbound::Passage {
                office: Some(office.clone()),
                command: passage::Command::Announce {
                    mrn: mrn.clone(),
                    office,
                    departure: departure.clone(),
                    destination: destination.clone(),
                },
            };
            Some(offices.into_iter().map(announce).collect())
        }
        _ => None,
    };
    reader.finish(commands)
}

/// The declared offices of transit of the administration that a message is addressed to, each once.
fn own_offices(document: &Document) -> Vec<OfficeReference> {
    let own = addressee(document);
    let mut offices: Vec<OfficeReference> = Vec::new();
    for text in document.texts(TRANSIT) {
        if let Ok(office) = OfficeReference::parse(text)
            && Some(office.country()) == own
            && !offices.contains(&office)
        {
            offices.push(office);
        }
    }
    offices
}

pub(super) fn frontier_crossed(mut reader: Reader<'_>) -> Asked {
    let mrn = reader.required(MRN);
    let office = reader.required("CustomsOfficeOfTransitActual/referenceNumber");
    let on = reader.required("TransitOperation/passageDate");
    let command = match (mrn, office, on) {
        (Some(mrn), Some(office), Some(on)) => Some(departure::Command::NoteCrossing { mrn, office, on }),
        _ => None,
    };
    reader.finish(command.map(|command| vec![Inbound::Departure(command)]))
}

pub(super) fn arrival_advice(mut reader: Reader<'_>) -> Asked {
    let (mrn, office) = (reader.required(MRN), reader.required(ACTUAL));
    let at = reader.required_moment("TransitOperation/arrivalDateAndTimeActual");
    let command = match (mrn, office, at) {
        (Some(mrn), Some(office), Some(at)) => Some(departure::Command::NoteArrival { mrn, office, at }),
        _ => None,
    };
    reader.finish(command.map(|command| vec![Inbound::Departure(command)]))
}

/// For the offices of transit that were not used. The declared office of destination hears of a diversion by the same
/// message; diversions are a later step.
pub(super) fn forwarded_arrival(mut reader: Reader<'_>) -> Asked {
    let mrn = reader.required::<Mrn>(MRN);
    let at: Option<Timestamp> = reader.moment("TransitOperation/arrivalDateAndTimeActual");
    let offices = own_offices(reader.document());
    let note = |mrn: Mrn| {
        let command = passage::Command::NoteArrival { mrn, at };
        let one = |office| Inbound::Passage { office: Some(office), command: command.clone() };
        offices.into_iter().map(one).collect()
    };
    reader.finish(mrn.map(note))
}

pub(super) fn control_results(mut reader: Reader<'_>) -> Asked {
    let (mrn, office) = (reader.required(MRN), reader.required(ACTUAL));
    let code = reader.required("ControlResult/code");
    let on = reader.required("ControlResult/date");
    let seals_intact = reader.flag("ControlResult/stateOfSeals");
    let said = ["ControlResult/text", "TransitOperation/otherThingsToReport"];
    let text = said.into_iter().find_map(|path| reader.document().text(path)).map(str::to_owned);
    let command = match (mrn, office, code, on) {
        (Some(mrn), Some(office), Some(code), Some(on)) => {
            Some(departure::Command::NoteResults { mrn, office, code, on, seals_intact, text })
        }
        _ => None,
    };
    reader.finish(command.map(|command| vec![Inbound::Departure(command)]))
}

/// Reaches every record of the movement here: at offices of transit, and at destination.
pub(super) fn cancellation(mut reader: Reader<'_>) -> Asked {
    let mrn = reader.required::<Mrn>(MRN);
    let decided = reader.required_moment("Invalidation/decisionDateAndTime");
    let destination = reader.required::<OfficeReference>(DECLARED);
    let offices = own_offices(reader.document());
    let own = addressee(reader.document());
    let commands = match (mrn, decided, destination) {
        (Some(mrn), Some(decided), Some(destination)) => {
            let command = passage::Command::Cancel { mrn: mrn.clone(), decided };
            let one = |office| Inbound::Passage { office: Some(office), command: command.clone() };
            let mut commands: Vec<Inbound> = offices.into_iter().map(one).collect();
            if Some(destination.country()) == own {
                commands.push(Inbound::Destination(destination::Command::Cancel { mrn, decided }));
            }
            Some(commands)
        }
        _ => None,
    };
    reader.finish(commands)
}

/// A message of ours that did not follow its structure (CD917C): a fault of this node that the room of the movement has
/// to know of. It is never refused itself (G0085).
pub(super) fn structure_nack(mut reader: Reader<'_>) -> Vec<Inbound> {
    let document = reader.document();
    let Some(mrn) = reader.optional::<Mrn>("Header/MRN") else {
        return Vec::new();
    };
    let errors = document.groups("XMLError").into_iter().map(|group| {
        let pointer = group.text("errorPointer").unwrap_or("/");
        FunctionalError::new(pointer, ErrorCode::Rule, STRUCTURE, group.text("originalAttributeValue"))
    });
    let errors: Vec<FunctionalError> = errors.collect();
    for_writer(document, mrn, errors)
}

/// The reason under which an error of structure is noted: no numbered rule stands behind it.
const STRUCTURE: &str = "CL030";

/// A refusal of a message of ours: for the room that wrote that message, told by the root element that the errors
/// point at, else by the country of the movement. It is never refused itself (G0085).
pub(super) fn nack(mut reader: Reader<'_>) -> Vec<Inbound> {
    let document = reader.document();
    let Some(mrn) = reader.optional::<Mrn>("Header/MRN") else {
        return Vec::new();
    };
    let errors: Vec<FunctionalError> = document
        .groups("FunctionalError")
        .into_iter()
        .map(|group| {
            let text = |name: &str| group.text(name).unwrap_or_default();
            let code = ErrorCode::parse(text("errorCode")).unwrap_or(ErrorCode::Rule);
            let value = group.text("originalAttributeValue");
            FunctionalError::new(text("errorPointer"), code, text("errorReason"), value)
        })
        .collect();
    for_writer(document, mrn, errors)
}

fn for_writer(document: &Document, mrn: Mrn, errors: Vec<FunctionalError>) -> Vec<Inbound> {
    let refused = errors.iter().find_map(|error| error.pointer.strip_prefix('/')?.get(..6));
    let ours = addressee(document) == Some(mrn.country());
    match refused {
        Some("CD118C") => {
            vec![Inbound::Passage { office: None, command: passage::Command::NoteNack { mrn, errors } }]
        }
        Some("CD006C" | "CD018C") => {
            vec![Inbound::Destination(destination::Command::NoteNack { mrn, errors })]
        }
        // An answer of an office of guarantee has no state of its own to note it in.
        Some("CD205C") => Vec::new(),
        Some("CD001C" | "CD050C" | "CD010C" | "CD024C" | "CD203C" | "CD204C" | "CD209C") => {
            vec![Inbound::Departure(departure::Command::NoteNack { mrn, errors })]
        }
        _ if ours => vec![Inbound::Departure(departure::Command::NoteNack { mrn, errors })],
        _ => Vec::new(),
    }
}
