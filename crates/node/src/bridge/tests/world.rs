//! A small federation in memory: every room of every country, joined by written messages.

use super::super::{Inbound, Letter, OutboundContext, inbound, outbound};
use super::{Written, now};
use base::{Administration, Currency, Grn, Mrn, OfficeReference};
use customs::guarantee::account::{self, UseResult};
use customs::transit::{departure, destination, passage};
use customs::{Facts, Profile, Recipient};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, VecDeque};
use wire::{Document, MessageType};

#[derive(Default)]
pub(super) struct World {
    pub departure: departure::State,
    pub passages: BTreeMap<(Mrn, OfficeReference), passage::State>,
    pub destination: destination::State,
    pub accounts: BTreeMap<Grn, account::State>,
    pub written: Written,
    pub to_trader: Vec<Document>,
    declaration: Option<Document>,
    record: Option<Document>,
    queue: VecDeque<Document>,
    number: u64,
}

impl World {
    /// Hands in a message, and everything that follows from it. Returns the types that the trader gets.
    pub(super) fn submit(&mut self, document: &Document) -> Vec<&'static str> {
        let before = self.to_trader.len();
        self.queue.push_back(document.clone());
        while let Some(next) = self.queue.pop_front() {
            self.take(&next);
        }
        self.to_trader.iter().skip(before).map(|document| document.message().as_str()).collect()
    }

    /// The consignment crosses at every office of transit that waits for it.
    pub(super) fn cross(&mut self) {
        let keys: Vec<_> = self.passages.keys().cloned().collect();
        for (mrn, office) in keys {
            let command = passage::Command::Cross { mrn, office: office.clone(), on: now().date() };
            self.passage(&Administration::of(office.country()), office, command, None);
        }
        while let Some(next) = self.queue.pop_front() {
            self.take(&next);
        }
    }

    /// An officer at destination finds goods and seals in order. Returns the types that the trader gets.
    pub(super) fn control(&mut self) -> Vec<&'static str> {
        let before = self.to_trader.len();
        let office = self.destination.as_ref().map(|movement| movement.destination.clone());
        let own = Administration::of(office.expect("it is announced").country());
        let code = customs::transit::ResultCode::satisfactory();
        let command = destination::Command::RecordResult { code, seals_intact: Some(true), text: None };
        self.destination(&own, command, None);
        while let Some(next) = self.queue.pop_front() {
            self.take(&next);
        }
        self.to_trader.iter().skip(before).map(|document| document.message().as_str()).collect()
    }

    pub(super) fn mrn(&self) -> Mrn {
        self.departure.as_ref().and_then(|movement| movement.mrn.clone()).expect("it is accepted")
    }

    fn take(&mut self, document: &Document) {
        let asked =
            inbound(document).unwrap_or_else(|errors| panic!("{}: {errors:?}", document.message().as_str()));
        let own = Administration::parse(document.text("messageRecipient").unwrap()).unwrap();
        for one in asked {
            match one {
                Inbound::Departure(command) => self.departure(&own, command, document),
                Inbound::Passage { office, command } => {
                    self.passage(
                        &own,
                        office.expect("these messages name the office"),
                        command,
                        Some(document),
                    );
                }
                Inbound::Destination(command) => self.destination(&own, command, Some(document)),
                Inbound::Guarantee(commands) => self.guarantee(&own, commands, document),
            }
        }
    }

    fn facts(&self, own: &Administration) -> Facts {
        let profile = Profile { lenient_grn_check_digit: true, ..Profile::default() };
        let mut facts = Facts::new(now(), own.clone(), profile);
        facts.rates.insert(Currency::parse("GBP").unwrap(), Decimal::new(12, 1));
        facts
    }

    fn departure(&mut self, own: &Administration, command: departure::Command, cause: &Document) {
        let mut facts = self.facts(own);
        let office = match (&command, &self.departure) {
            (departure::Command::Declare { declaration, .. }, _) => declaration.office_of_departure.clone(),
            (_, Some(movement)) => movement.declaration.office_of_departure.clone(),
            _ => panic!("there is no movement"),
        };
        let letter = facts.profile.letter(customs::transit::Security::None);
        facts.offered_mrn = Mrn::issue(now().date(), &office, 1, letter).ok();
        let declares =
            matches!(command, departure::Command::Declare { .. } | departure::Command::Amend { .. });
        let decision = departure::decide(&self.departure, command, &facts).expect("departure accepts");
        decision.events.iter().for_each(|event| departure::apply(&mut self.departure, event));
        if declares {
            self.declaration = Some(cause.clone());
        }
        for letter in decision.letters {
            self.send(own, &Letter::Departure(letter), Some(cause));
        }
    }

    fn passage(
        &mut self,
        own: &Administration,
        office: OfficeReference,
        command: passage::Command,
        cause: Option<&Document>,
    ) {
        let facts = self.facts(own);
        let state = self.passages.entry((command.mrn().clone(), office)).or_default();
        let decision = passage::decide(state, command, &facts).expect("the office of transit accepts");
        decision.events.iter().for_each(|event| passage::apply(state, event));
        for letter in decision.letters {
            self.send(own, &Letter::Passage(letter), cause);
        }
    }

    fn destination(&mut self, own: &Administration, command: destination::Command, cause: Option<&Document>) {
        if matches!(command, destination::Command::Announce { .. }) {
            self.record = cause.cloned();
        }
        let decision =
            destination::decide(&self.destination, command, &self.facts(own)).expect("destination accepts");
        decision.events.iter().for_each(|event| destination::apply(&mut self.destination, event));
        for letter in decision.letters {
            self.send(own, &Letter::Destination(letter), cause);
        }
    }

    fn guarantee(&mut self, own: &Administration, commands: Vec<account::Command>, cause: &Document) {
        let facts = self.facts(own);
        let mut answers = Vec::new();
        for command in commands {
            let grn = command.grn().expect("messages name the guarantee").clone();
            let state = self.accounts.entry(grn).or_default();
            let decision = account::decide(state, command, &facts).expect("the office of guarantee accepts");
            decision.events.iter().for_each(|event| account::apply(state, event));
            answers.extend(decision.letters.into_iter().filter_map(|letter| match letter {
                account::Letter::Answer(answer) => Some(answer),
                account::Letter::Nack(_) => None,
            }));
        }
        if let Some(result) = UseResult::gather(answers) {
            self.send(own, &Letter::GuaranteeResult(result), Some(cause));
        }
    }

    fn send(&mut self, own: &Administration, letter: &Letter, cause: Option<&Document>) {
        self.number += 1;
        let identification = format!("M{:010}", self.number);
        let recipient = match letter.recipient() {
            Recipient::Trader => "GB123456789000".to_owned(),
            Recipient::Administration(to) => to.to_string(),
        };
        let document = outbound(
            letter,
            &OutboundContext {
                declaration: self.declaration.as_ref(),
                record: self.record.as_ref(),
                cause,
                sender: own,
                recipient: &recipient,
                now: now(),
                identification: &identification,
                correlation: cause.and_then(|cause| cause.text("messageIdentification")),
            },
        )
        .expect("the letter can be written");
        let read = self.written.write(&document);
        match letter.recipient() {
            Recipient::Trader => self.to_trader.push(read),
            Recipient::Administration(_) => self.queue.push_back(read),
        }
    }
}

/// A trader's message with its header.
pub(super) fn message(kind: MessageType, to: &OfficeReference) -> Document {
    let mut document = Document::new(kind);
    document.set("messageSender", "GB123456789000");
    document.set("messageRecipient", Administration::of(to.country()));
    document.set("preparationDateAndTime", now().message_form());
    document.set("messageIdentification", format!("T{}", kind.as_str()));
    document.set("messageType", kind.as_str());
    document
}

/// CC007C, valid by the schema.
pub(super) fn arrival(mrn: &Mrn, office: &OfficeReference, simplified: bool) -> Document {
    let mut document = message(MessageType::CC007C, office);
    document.set("TransitOperation/MRN", mrn);
    document.set("TransitOperation/arrivalNotificationDateAndTime", now().message_form());
    document.set("TransitOperation/simplifiedProcedure", u8::from(simplified));
    document.set("TransitOperation/incidentFlag", 0);
    document.set("CustomsOfficeOfDestinationActual/referenceNumber", office);
    document.set("TraderAtDestination/identificationNumber", "XI123456789000");
    document.set("Consignment/LocationOfGoods/typeOfLocation", "B");
    document.set("Consignment/LocationOfGoods/qualifierOfIdentification", "Y");
    document
}

/// CC044C, valid by the schema.
pub(super) fn remarks(mrn: &Mrn, office: &OfficeReference, complete: bool) -> Document {
    let mut document = message(MessageType::CC044C, office);
    document.set("TransitOperation/MRN", mrn);
    document.set("CustomsOfficeOfDestinationActual/referenceNumber", office);
    document.set("TraderAtDestination/identificationNumber", "XI123456789000");
    document.set("UnloadingRemark/conform", 1);
    document.set("UnloadingRemark/unloadingCompletion", u8::from(complete));
    document.set("UnloadingRemark/unloadingDate", now().date());
    document.set("UnloadingRemark/stateOfSeals", 1);
    document
}

/// CC170C, valid by the schema as far as these elements go.
pub(super) fn presentation(lrn: &str, office: &OfficeReference) -> Document {
    let mut document = message(MessageType::CC170C, office);
    document.set("TransitOperation/LRN", lrn);
    document.set("CustomsOfficeOfDeparture/referenceNumber", office);
    document
}
