//! Who may speak about a movement between administrations. The movement's own country announces, cancels and settles;
//! what happened at an office is told by the country of that office; a guarantee is answered for where it is lodged.
//!
//! | Message | Speaks |
//! |---|---|
//! | CD001C CD010C CD024C CD050C CD203C CD204C CD209C | the country of the MRN, which is that of the office of departure |
//! | CD118C | the country of the actual office of transit |
//! | CD006C CD018C | the country of the actual office of destination |
//! | CD205C | the country of every guarantee that it answers for |
//! | CD906C CD917C | any partner |

use base::{Country, Grn, Mrn, OfficeReference};
use wire::{Document, MessageType};

/// The element that shows that `country` may not send this message; `None` when it may.
pub fn usurped(document: &Document, country: Country) -> Option<&'static str> {
    use MessageType::{
        CD001C, CD006C, CD010C, CD018C, CD024C, CD050C, CD118C, CD203C, CD204C, CD205C, CD209C,
    };
    let told_by = |path: &'static str| (office(document, path) != Some(country)).then_some(path);
    match document.message() {
        CD001C | CD010C | CD024C | CD050C | CD203C | CD204C | CD209C => {
            let of_movement =
                document.text(MRN).and_then(|text| Mrn::parse(text).ok()).map(|mrn| mrn.country());
            if of_movement == Some(country) { told_by(DEPARTURE) } else { Some(MRN) }
        }
        CD118C => told_by("CustomsOfficeOfTransitActual/referenceNumber"),
        CD006C | CD018C => told_by("CustomsOfficeOfDestinationActual/referenceNumber"),
        CD205C => {
            let foreign = |text: &&str| Grn::parse(text).map(|grn| grn.country()) != Ok(country);
            document.texts(GRN).iter().any(foreign).then_some(GRN)
        }
        _ => None,
    }
}

const MRN: &str = "TransitOperation/MRN";
const DEPARTURE: &str = "CustomsOfficeOfDeparture/referenceNumber";
const GRN: &str = "Guarantee/GuaranteeReference/GRN";

fn office(document: &Document, path: &str) -> Option<Country> {
    document.text(path).and_then(|text| OfficeReference::parse(text).ok()).map(|office| office.country())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: MessageType, fields: &[(&str, &str)]) -> Document {
        let mut document = Document::new(kind);
        for (path, value) in fields {
            document.set(path, value);
        }
        document
    }

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap()
    }

    #[test]
    fn each_message_is_told_by_the_country_that_it_is_about() {
        let movement = [(MRN, "26GB000087000001J5"), (DEPARTURE, "GB000087")];
        let arrival = [movement[0], ("CustomsOfficeOfDestinationActual/referenceNumber", "IT314100")];
        let crossing = [movement[0], ("CustomsOfficeOfTransitActual/referenceNumber", "FR620001")];
        let answer = [movement[0], (GRN, "26FR0000000030014")];
        let cases = [
            (message(MessageType::CD001C, &movement), "GB", "FR"),
            (message(MessageType::CD010C, &movement), "GB", "IT"),
            (message(MessageType::CD203C, &movement), "GB", "FR"),
            (message(MessageType::CD209C, &movement), "GB", "FR"),
            (message(MessageType::CD006C, &arrival), "IT", "FR"),
            (message(MessageType::CD018C, &arrival), "IT", "FR"),
            (message(MessageType::CD118C, &crossing), "FR", "IT"),
            (message(MessageType::CD205C, &answer), "FR", "GB"),
        ];
        for (document, rightful, usurper) in cases {
            let kind = document.message().as_str();
            assert_eq!(usurped(&document, country(rightful)), None, "{kind} by {rightful}");
            assert!(usurped(&document, country(usurper)).is_some(), "{kind} by {usurper}");
        }
    }

    #[test]
    fn a_record_of_a_foreign_office_of_departure_is_refused() {
        let document = message(MessageType::CD050C, &[(MRN, "26GB000087000001J5"), (DEPARTURE, "FR620001")]);
        assert_eq!(usurped(&document, country("GB")), Some(DEPARTURE));
    }
}
