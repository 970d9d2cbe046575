//! Real declarations from end to end.

use super::world::{World, arrival, presentation, remarks};
use super::{Written, data, now};
use base::{Currency, Money, OfficeReference};
use customs::guarantee::account::{self, Terms};
use customs::transit::departure::Phase;
use std::collections::BTreeSet;
use wire::{Document, Limits};

/// Every declaration among the samples, with its name.
pub(super) fn declarations() -> Vec<(String, Document)> {
    let Some(folder) = data("ncts/samples/hmrc-trader-test") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for scenario in ["final-only", "transition-and-final", "transition-only"] {
        let Ok(files) = std::fs::read_dir(folder.join(scenario)) else {
            continue;
        };
        for file in files.filter_map(Result::ok) {
            let name = file.file_name().to_string_lossy().into_owned();
            if name.contains("ie015") {
                let body = std::fs::read(file.path()).unwrap();
                let document =
                    wire::read(&body, &Limits::default()).unwrap_or_else(|why| panic!("{name}: {why}"));
                found.push((name, document));
            }
        }
    }
    assert!(!found.is_empty(), "the samples hold declarations");
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The account of every guarantee that a declaration uses.
pub(super) fn register_guarantees(world: &mut World, declaration: &Document) {
    let holder = declaration.text("HolderOfTheTransitProcedure/identificationNumber");
    for guarantee in declaration.groups("Guarantee") {
        for line in guarantee.groups("GuaranteeReference") {
            let (Some(grn), Some(code), Some(holder)) = (line.text("GRN"), line.text("accessCode"), holder)
            else {
                continue;
            };
            let grn: base::Grn = grn.parse().unwrap();
            let terms = Terms {
                kind: guarantee.text("guaranteeType").unwrap().parse().unwrap(),
                holders: BTreeSet::from([holder.parse().unwrap()]),
                access_code: code.parse().unwrap(),
                reference_amount: Money::parse("10000000000.00", Currency::EUR).unwrap(),
                percentage: 100,
                valid_from: now().date(),
                valid_until: None,
                not_valid_in: BTreeSet::new(),
                office: OfficeReference::parse(&format!("{}000001", grn.country())).unwrap(),
            };
            let profile = customs::Profile { lenient_grn_check_digit: true, ..customs::Profile::default() };
            let facts = customs::Facts::new(now(), base::Administration::of(grn.country()), profile);
            let state = world.accounts.entry(grn.clone()).or_default();
            if state.is_none() {
                let command = account::Command::Register { grn, terms: Box::new(terms) };
                let decision = account::decide(state, command, &facts).unwrap();
                decision.events.iter().for_each(|event| account::apply(state, event));
            }
        }
    }
}

/// Plays a declaration from lodging to write-off, by the normal procedure or by an authorised consignee.
pub(super) fn play(name: &str, declaration: &Document, simplified: bool) -> World {
    let mut world = World::default();
    register_guarantees(&mut world, declaration);
    let office = |path: &str| OfficeReference::parse(declaration.text(path).unwrap()).unwrap();
    let departure = office("CustomsOfficeOfDeparture/referenceNumber");
    let destination = office("CustomsOfficeOfDestinationDeclared/referenceNumber");
    let lrn = declaration.text("TransitOperation/LRN").unwrap();

    let mut sent = world.submit(declaration);
    if declaration.text("TransitOperation/additionalDeclarationType") == Some("D") {
        assert_eq!(sent, ["CC928C"], "{name}");
        sent.extend(world.submit(&presentation(lrn, &departure)));
    }
    assert_eq!(sent, ["CC928C", "CC028C", "CC029C"], "{name}");
    world.cross();
    let mrn = world.mrn();
    let sent = world.submit(&arrival(&mrn, &destination, simplified));
    if simplified {
        assert_eq!(sent, ["CC043C"], "{name}");
        assert_eq!(world.submit(&remarks(&mrn, &destination, false)), [""; 0], "{name}");
        assert_eq!(world.submit(&remarks(&mrn, &destination, true)), ["CC025C", "CC045C"], "{name}");
    } else {
        // The state of seals is for somebody to tell (C0810): without a consignee, an officer.
        let sealed = world.destination.as_ref().is_some_and(|movement| movement.seals > 0);
        let sent = if sealed {
            assert_eq!(sent, [""; 0], "{name}");
            world.control()
        } else {
            sent
        };
        assert_eq!(sent, ["CC025C", "CC045C"], "{name}");
    }
    assert_eq!(world.departure.as_ref().unwrap().phase, Phase::WrittenOff, "{name}");
    for account in world.accounts.values().flatten() {
        assert_eq!((account.ledger.exposure(), account.ledger.sum()), (0, 0), "{name}");
    }
    world
}

#[test]
fn every_real_declaration_travels_from_lodging_to_write_off() {
    let mut written = Written::default();
    let declarations = declarations();
    for (name, declaration) in &declarations {
        for simplified in [false, true] {
            written.0.append(&mut play(name, declaration, simplified).written.0);
        }
    }
    if declarations.is_empty() {
        return;
    }
    assert_eq!(
        written.types(),
        [
            "CC025C", "CC028C", "CC029C", "CC043C", "CC045C", "CC928C", "CD001C", "CD006C", "CD018C",
            "CD050C", "CD118C", "CD203C", "CD205C", "CD209C"
        ]
    );
    written.judge("samples");
}
