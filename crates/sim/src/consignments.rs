//! The consignments of a simulation: declarations made from the one that the project ships, on routes that follow from
//! the seed.

use crate::clock;
use crate::dice::Dice;
use crate::world::WorldError;
use base::reference::Catalogue;
use base::{Country, Grn};
use corridor::Declaration;
use std::path::Path;
use wire::{Document, Limits};

/// The declaration from which the others are made.
const MODEL: &[u8] = include_bytes!("../../corridor/declarations/gb-fr-it.xml");

/// The offices of a country that consignments use.
struct Offices {
    departure: String,
    transit: String,
    destination: String,
}

fn offices(country: Country) -> Offices {
    let [departure, transit, destination] = match country.as_str() {
        "GB" => ["GB000087", "GB000060", "GB000246"].map(str::to_owned),
        "FR" => ["FR000130", "FR001260", "FR000130"].map(str::to_owned),
        "IT" => ["IT314100", "IT018100", "IT279100"].map(str::to_owned),
        other => ["000100", "000200", "000300"].map(|number| format!("{other}{number}")),
    };
    Offices { departure, transit, destination }
}

/// A consignment and how its declaration is played.
pub(crate) struct Consignment {
    pub(crate) declaration: Declaration,
    /// The trader who declares it.
    pub(crate) trader: String,
    /// The office of departure takes it under control.
    pub(crate) controlled: bool,
}

/// Makes up `count` consignments between the countries.
pub(crate) fn make_up(
    seed: u64,
    countries: &[Country],
    catalogue: &Catalogue,
    count: usize,
) -> Result<Vec<Consignment>, WorldError> {
    let mut dice = Dice::of(seed, "consignments");
    let lists = node::Lists(catalogue);
    let day = clock::BEGINNING.date();
    let one = |index: usize| {
        let xml = declaration(&mut dice, countries, index).map_err(WorldError::Consignment)?;
        let declaration = Declaration::parse(index, Path::new("simulation"), xml, &lists, day);
        Ok(Consignment {
            declaration,
            trader: format!("trader {}", dice.between(1, 2)),
            controlled: dice.per_mille(300),
        })
    };
    (0..count).map(one).collect()
}

/// Where one consignment goes.
struct Journey {
    from: Country,
    through: Vec<String>,
    to: Country,
    guaranteed_in: Country,
}

fn journey(dice: &mut Dice, countries: &[Country]) -> Option<Journey> {
    let from = *dice.pick(countries)?;
    let others = |without: &[Country]| -> Vec<Country> {
        countries.iter().copied().filter(|country| !without.contains(country)).collect()
    };
    let to = *dice.pick(&others(&[from]))?;
    let between = others(&[from, to]);
    let via = dice.pick(&between).copied().filter(|_| dice.per_mille(700));
    let mut through: Vec<String> = via.map(|country| offices(country).transit).into_iter().collect();
    if through.is_empty() || dice.per_mille(500) {
        through.push(offices(to).transit);
    }
    let elsewhere = dice.pick(countries).copied().filter(|_| dice.per_mille(500));
    Some(Journey { from, through, to, guaranteed_in: elsewhere.unwrap_or(from) })
}

fn declaration(dice: &mut Dice, countries: &[Country], index: usize) -> Result<Vec<u8>, String> {
    let mut document = wire::read(MODEL, &Limits::default()).map_err(|rejection| rejection.to_string())?;
    let journey = journey(dice, countries).ok_or("a federation has two countries at least")?;
    let (from, to) = (journey.from, journey.to);
    document.set("preparationDateAndTime", clock::BEGINNING.message_form());
    document.set("messageRecipient", format!("NTA.{from}"));
    document.set("messageIdentification", format!("SIM-{index:06}"));
    document.set("TransitOperation/LRN", format!("SIM-{index:04}"));
    document.set("CustomsOfficeOfDeparture/referenceNumber", offices(from).departure);
    document.set("CustomsOfficeOfDestinationDeclared/referenceNumber", offices(to).destination);
    pass(&mut document, &journey.through);
    let grn = Grn::issue(2026, journey.guaranteed_in, "7001").map_err(|invalid| invalid.to_string())?;
    document.set("Guarantee/GuaranteeReference/GRN", grn);
    document.set("Guarantee/GuaranteeReference/accessCode", "SI01");
    document.set("Consignment/countryOfDispatch", from);
    document.set("Consignment/countryOfDestination", to);
    document.set("Consignment/LocationOfGoods/CustomsOffice/referenceNumber", offices(from).departure);
    match dice.between(0, 9) {
        0 | 1 => document.set("TransitOperation/additionalDeclarationType", "D"),
        2..=4 => authorise(&mut document, from),
        _ => {}
    }
    let invalid =
        |errors: Vec<wire::XmlError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    wire::write(&document).map_err(invalid)
}

/// The offices of transit, in order, and what follows from them.
fn pass(document: &mut Document, through: &[String]) {
    document.remove("CustomsOfficeOfTransitDeclared");
    document.remove("Consignment/CountryOfRoutingOfConsignment");
    for (position, office) in (1..).zip(through) {
        let transit = document.add("CustomsOfficeOfTransitDeclared");
        transit.set("sequenceNumber", position);
        transit.set("referenceNumber", office);
        transit.set("arrivalDateAndTimeEstimated", clock::BEGINNING.plus_seconds(86_400).message_form());
        let routing = document.add("Consignment/CountryOfRoutingOfConsignment");
        routing.set("sequenceNumber", position);
        routing.set("country", office.get(..2).unwrap_or_default());
    }
    if let Some(first) = through.first() {
        let border = "Consignment/ActiveBorderTransportMeans/customsOfficeAtBorderReferenceNumber";
        document.set(border, first);
    }
}

/// From an authorised consignor to an authorised consignee.
fn authorise(document: &mut Document, from: Country) {
    let authorisation = document.add("Authorisation");
    authorisation.set("sequenceNumber", 1);
    authorisation.set("type", "C521");
    authorisation.set("referenceNumber", format!("{from}ACR20240001"));
    document.set("TransitOperation/limitDate", clock::BEGINNING.date().plus_days(6));
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::corridor::Expectation;
    use base::reference::corridor;

    #[test]
    fn every_consignment_is_one_that_has_to_be_written_off() {
        let countries: Vec<Country> =
            ["FR", "GB", "IT"].iter().map(|code| Country::parse(code).unwrap()).collect();
        let catalogue = corridor::catalogue().unwrap();
        for seed in 0..10 {
            let consignments = make_up(seed, &countries, &catalogue, 6).unwrap();
            for one in consignments {
                assert_eq!(one.declaration.expectation, Expectation::WrittenOff);
                assert!(one.declaration.route.is_some_and(|route| !route.transit.is_empty()));
            }
        }
    }
}
