//! The middle of a proceeding: each room that a message concerns decides.

use crate::bridge::{Inbound, Letter};
use crate::cases::Found;
use crate::letters::Settled;
use crate::proceeding::{Cause, Origin, Proceeding, ProceedingError, Submission, refused};
use crate::room::{self, Case, Ran, Room};
use crate::rooms::{Departure, Destination, Guarantee, Passage};
use base::OfficeReference;
use customs::Facts;
use customs::guarantee::account;
use customs::transit::{Reference, departure, destination, passage};
use std::collections::BTreeSet;
use std::sync::Arc;
use wire::Document;

impl Proceeding<'_> {
    /// Lets every room that a message concerns decide.
    pub(crate) fn decide(
        &mut self,
        cause: &Cause,
        inbound: Vec<Inbound>,
        document: Option<&Arc<Document>>,
    ) -> Result<Submission, ProceedingError> {
        let mut whole: Option<Submission> = None;
        for one in inbound {
            let submission = match one {
                Inbound::Departure(command) => self.depart(cause, None, command, document)?,
                Inbound::Passage { office, command } => self.pass(cause, office, command, document)?,
                Inbound::Destination(command) => self.arrive(cause, None, command, document)?,
                Inbound::Guarantee(commands) => self.answer_for(cause, commands)?,
            };
            // A message to several rooms had its effect when one of them took it: the others have no record of it.
            whole = Some(match whole {
                Some(earlier) if earlier.accepted || !submission.accepted => earlier,
                _ => submission,
            });
        }
        // A message that asks nothing of any room is noted by being on record.
        Ok(whole.unwrap_or_else(|| Submission::noted(cause.message)))
    }

    /// Runs a command of the office of departure: of the case given, or of the one that the command names.
    pub(crate) fn depart(
        &mut self,
        cause: &Cause,
        case: Option<Found>,
        command: departure::Command,
        document: Option<&Arc<Document>>,
    ) -> Result<Submission, ProceedingError> {
        let found = match case {
            Some(found) => found,
            None => self.departure_case(cause, &command)?,
        };
        let reference = command.reference();
        let facts = self.departure_facts(&found, &command)?;
        let opens = matches!(command, departure::Command::Declare { .. } | departure::Command::Amend { .. });
        match self.run::<Departure>(&found, command, &facts)? {
            Ok(effect) => {
                if let (true, Some(document)) = (opens, document) {
                    self.keep::<Departure>(&found.key, document, cause)?;
                }
                let mrn = room::load::<Departure>(self.tx(), &found.key)?.and_then(|movement| movement.mrn);
                if let Some(mrn) = &mrn {
                    crate::messages::adopt(self.tx(), &found.key, mrn.as_str())?;
                }
                let movement = mrn.map_or_else(|| found.key.clone(), |mrn| mrn.to_string());
                let letters = effect.letters.into_iter().map(Letter::Departure).collect();
                self.settle(
                    &Settled { cause, movement: &movement, found: &found, room: Departure::NAME },
                    letters,
                    effect.notices,
                )
            }
            Err((state, refusal)) => {
                let sender = self.answering_administration(cause);
                let named = reference.clone();
                let letter = departure::refuse(&state, &refusal, reference, sender, facts.now);
                let movement = match state.as_ref().map(|movement| &movement.mrn) {
                    Some(Some(mrn)) => mrn.to_string(),
                    Some(None) => found.key.clone(),
                    // A declarant finds a rejected declaration again under its LRN.
                    None if matches!(named, Some(Reference::Lrn(_))) => found.key.clone(),
                    None => String::new(),
                };
                let settled = Settled { cause, movement: &movement, found: &found, room: Departure::NAME };
                self.refuse(&settled, &refusal, letter.map(Letter::Departure))
            }
        }
    }

    /// Runs a command of one office of transit, or of every one that has a record of the movement.
    pub(crate) fn pass(
        &mut self,
        cause: &Cause,
        office: Option<OfficeReference>,
        command: passage::Command,
        document: Option<&Arc<Document>>,
    ) -> Result<Submission, ProceedingError> {
        let mrn = command.mrn().clone();
        let mut cases = match office {
            Some(office) => vec![Found { key: format!("{mrn}/{office}"), owner: String::new() }],
            None => self.passages_of(&mrn)?,
        };
        if cases.is_empty() {
            // Without any record one refusal is enough.
            cases.push(Found { key: mrn.to_string(), owner: String::new() });
        }
        let mut last = None;
        let announced = match &command {
            passage::Command::Announce { office, .. } => BTreeSet::from([office.clone()]),
            _ => BTreeSet::new(),
        };
        for found in cases {
            let facts = self.bureau().facts(self.now(), &announced);
            let submission = match self.run::<Passage>(&found, command.clone(), &facts)? {
                Ok(effect) => {
                    if let (passage::Command::Announce { .. }, Some(document)) = (&command, document) {
                        self.keep::<Passage>(&found.key, document, cause)?;
                    }
                    let letters = effect.letters.into_iter().map(Letter::Passage).collect();
                    let settled =
                        Settled { cause, movement: mrn.as_str(), found: &found, room: Passage::NAME };
                    self.settle(&settled, letters, effect.notices)?
                }
                Err((state, refusal)) => {
                    let sender = self.answering_administration(cause);
                    let letter = sender.and_then(|sender| passage::refuse(&refusal, &command, sender));
                    let movement = if state.is_some() { mrn.as_str() } else { "" };
                    let settled = Settled { cause, movement, found: &found, room: Passage::NAME };
                    self.refuse(&settled, &refusal, letter.map(Letter::Passage))?
                }
            };
            last = Some(submission);
        }
        Ok(last.unwrap_or_else(|| Submission::noted(cause.message)))
    }

    /// Runs a command of the office of destination: of the case given, or of the one that the command names.
    pub(crate) fn arrive(
        &mut self,
        cause: &Cause,
        case: Option<Found>,
        command: destination::Command,
        document: Option<&Arc<Document>>,
    ) -> Result<Submission, ProceedingError> {
        let found = match (case, command.mrn()) {
            (Some(found), _) => found,
            (None, Some(mrn)) => self.destination_case(cause, Destination::NAME, mrn)?,
            (None, None) => Found::default(),
        };
        let announced = match &command {
            destination::Command::Announce { destination, .. } => BTreeSet::from([destination.clone()]),
            _ => BTreeSet::new(),
        };
        let facts = self.bureau().facts(self.now(), &announced);
        let announces = !announced.is_empty();
        let arrives = matches!(command, destination::Command::NotifyArrival { .. });
        match self.run::<Destination>(&found, command.clone(), &facts)? {
            Ok(effect) => {
                if let (true, Some(document)) = (announces, document) {
                    self.keep::<Destination>(&found.key, document, cause)?;
                }
                if arrives {
                    self.keep_address::<Destination>(&found.key, cause)?;
                }
                let letters = effect.letters.into_iter().map(Letter::Destination).collect();
                let settled = Settled { cause, movement: &found.key, found: &found, room: Destination::NAME };
                self.settle(&settled, letters, effect.notices)
            }
            Err((state, refusal)) => {
                let sender = self.answering_administration(cause);
                let letter = destination::refuse(&refusal, &command, sender, facts.now);
                let movement = if state.is_some() { found.key.as_str() } else { "" };
                let settled = Settled { cause, movement, found: &found, room: Destination::NAME };
                self.refuse(&settled, &refusal, letter.map(Letter::Destination))
            }
        }
    }

    /// Runs the commands of one message to the office of guarantee, and answers them together.
    pub(crate) fn answer_for(
        &mut self,
        cause: &Cause,
        commands: Vec<account::Command>,
    ) -> Result<Submission, ProceedingError> {
        let (mut answers, mut letters, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
        let mut movement = String::new();
        for command in commands {
            let Some(grn) = command.grn().cloned() else { continue };
            movement = command.mrn().map_or_else(|| grn.to_string(), ToString::to_string);
            let found = Found { key: grn.to_string(), owner: String::new() };
            let facts = self.bureau().facts(self.now(), &BTreeSet::new());
            match self.run::<Guarantee>(&found, command.clone(), &facts)? {
                Ok(effect) => {
                    for letter in effect.letters {
                        match letter {
                            account::Letter::Answer(answer) => answers.push(answer),
                            account::Letter::Nack(nack) => letters.push(Letter::GuaranteeNack(nack)),
                        }
                    }
                }
                Err((_, refusal)) => {
                    let sender = self.answering_administration(cause);
                    let nack = sender.and_then(|sender| account::refuse(&refusal, &command, sender));
                    if let Some(account::Letter::Nack(nack)) = nack {
                        letters.push(Letter::GuaranteeNack(nack));
                    }
                    refusals.push(refusal);
                }
            }
        }
        letters.extend(account::UseResult::gather(answers).map(Letter::GuaranteeResult));
        let found = Found { key: movement.clone(), owner: String::new() };
        let settled = Settled { cause, movement: &movement, found: &found, room: Guarantee::NAME };
        let mut submission = self.settle(&settled, letters, Vec::new())?;
        if let Some(refusal) = refusals.first() {
            submission =
                Submission { replies: submission.replies, ..refused(cause.message, &movement, refusal) };
        }
        Ok(submission)
    }

    fn run<R: Room>(
        &mut self,
        found: &Found,
        command: R::Command,
        facts: &Facts,
    ) -> Result<Ran<R>, ProceedingError> {
        let world = self.bureau().world.clone();
        let actor = self.actor().to_owned();
        let case = Case { key: &found.key, owner: &found.owner, actor: &actor };
        Ok(room::run::<R>(self.tx(), case, command, facts, &mut || world.random())?)
    }

    /// The administration that a refusal goes to; none when the message came from a trader.
    pub(crate) fn answering_administration(&self, cause: &Cause) -> Option<base::Administration> {
        match &cause.origin {
            Origin::Trader(_) => None,
            Origin::Partner { administration, .. } => Some(administration.clone()),
            Origin::Own => Some(self.bureau().administration.clone()),
        }
    }
}
