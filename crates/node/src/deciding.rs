//! The middle of a proceeding: the case that a message concerns, the facts, the decision, and the letters that follow.

use crate::bridge::{self, Inbound, Letter, OutboundContext};
use crate::messages::{self, Direction, NewMessage, outcome};
use crate::post::{self, Posted};
use crate::proceeding::{Cause, Origin, Proceeding, ProceedingError, Submission, named_movement, refused};
use crate::room::{self, Case, Ran, Room};
use crate::rooms::{Departure, Destination, Guarantee, Passage};
use base::{Administration, Mrn, OfficeReference};
use customs::guarantee::account;
use customs::transit::{AdditionalType, Declaration, Reference, departure, destination, passage};
use customs::{Facts, Notice, Recipient, Refusal};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{StoreError, Tx, counter};
use wire::Document;

/// The record that a room keeps of the document that opened a case.
const DOCUMENT: &str = "document";

/// The record of how the trader of a case named itself in its message header.
const ADDRESS: &str = "address";

/// How a case is found again, and whose it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) key: String,
    pub(crate) owner: String,
}

impl Proceeding<'_> {
    /// Lets every room that a message concerns decide.
    pub(crate) fn decide(
        &mut self,
        cause: &Cause,
        message: i64,
        inbound: Vec<Inbound>,
        document: Option<&Document>,
    ) -> Result<Submission, ProceedingError> {
        let mut whole: Option<Submission> = None;
        for one in inbound {
            let submission = match one {
                Inbound::Departure(command) => self.depart(cause, message, None, command, document)?,
                Inbound::Passage { office, command } => {
                    self.pass(cause, message, office, command, document)?
                }
                Inbound::Destination(command) => self.arrive(cause, message, None, command, document)?,
                Inbound::Guarantee(commands) => self.answer_for(cause, message, commands)?,
            };
            // A message to several rooms had its effect when one of them took it: the others have no record of it.
            whole = Some(match whole {
                Some(earlier) if earlier.accepted || !submission.accepted => earlier,
                _ => submission,
            });
        }
        Ok(whole.unwrap_or_default())
    }

    /// Runs a command of the office of departure: of the case given, or of the one that the command names.
    pub(crate) fn depart(
        &mut self,
        cause: &Cause,
        message: i64,
        case: Option<Found>,
        command: departure::Command,
        document: Option<&Document>,
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
                let mrn = self.mrn_of(&found.key)?;
                if let Some(mrn) = &mrn {
                    messages::adopt(self.tx(), &found.key, mrn)?;
                }
                let movement = mrn.unwrap_or_else(|| found.key.clone());
                let letters = effect.letters.into_iter().map(Letter::Departure).collect();
                self.settle(cause, message, &movement, &found, Departure::NAME, letters, effect.notices)
            }
            Err((state, refusal)) => {
                let sender = self.answering_administration(cause);
                let letter = departure::refuse(&state, &refusal, reference, sender, facts.now);
                self.refuse(cause, message, &found, Departure::NAME, &refusal, letter.map(Letter::Departure))
            }
        }
    }

    fn departure_case(
        &mut self,
        cause: &Cause,
        command: &departure::Command,
    ) -> Result<Found, ProceedingError> {
        match command.reference() {
            Some(Reference::Mrn(mrn)) => Ok(own_case(cause, self.case_of_mrn(Departure::NAME, &mrn)?)),
            Some(Reference::Lrn(lrn)) => {
                let owner = match &cause.origin {
                    Origin::Trader(principal) => principal.name.clone(),
                    Origin::Partner { administration, .. } => administration.to_string(),
                    Origin::Own => String::new(),
                };
                Ok(Found { key: format!("{owner}/{lrn}"), owner })
            }
            None => Ok(Found::default()),
        }
    }

    fn departure_facts(
        &mut self,
        found: &Found,
        command: &departure::Command,
    ) -> Result<Facts, ProceedingError> {
        let declared: Option<&Declaration> = match command {
            departure::Command::Declare { declaration, .. }
            | departure::Command::Amend { declaration, .. } => Some(declaration),
            _ => None,
        };
        let offices = declared.map(offices_of).unwrap_or_default();
        let mut facts = self.bureau().facts(self.now(), &offices);
        let accepting = match command {
            departure::Command::Declare { declaration, .. } => {
                (declaration.additional == AdditionalType::Standard).then(|| declaration.as_ref().clone())
            }
            departure::Command::Present { .. } => {
                room::load::<Departure>(self.tx(), &found.key)?.map(|movement| movement.declaration)
            }
            _ => None,
        };
        if let Some(declaration) = accepting {
            facts.offered_mrn = self.offer_mrn(&declaration)?;
        }
        Ok(facts)
    }

    /// The next MRN of an office of departure, for a declaration that may be accepted now. A number that is not used
    /// after all is not used again.
    fn offer_mrn(&mut self, declaration: &Declaration) -> Result<Option<Mrn>, ProceedingError> {
        let office = &declaration.office_of_departure;
        if office.country() != self.bureau().administration.country() {
            return Ok(None);
        }
        let day = self.now().date();
        let serial = counter::next(self.tx(), &format!("mrn/{office}/{}", day.year()))?;
        let letter = self.bureau().profile.letter(declaration.security);
        let serial = u64::try_from(serial).unwrap_or(u64::MAX);
        Mrn::issue(day, office, serial, letter).map(Some).map_err(|invalid| ProceedingError::Render {
            message_type: "CC028C".to_owned(),
            reason: invalid.to_string(),
        })
    }

    /// Runs a command of one office of transit, or of every one that has a record of the movement.
    pub(crate) fn pass(
        &mut self,
        cause: &Cause,
        message: i64,
        office: Option<OfficeReference>,
        command: passage::Command,
        document: Option<&Document>,
    ) -> Result<Submission, ProceedingError> {
        let mrn = command.mrn().clone();
        let cases = match office {
            Some(office) => vec![Found { key: format!("{mrn}/{office}"), owner: String::new() }],
            None => self.passages_of(&mrn)?,
        };
        let mut last = None;
        // Without any record one refusal is enough.
        let none = Found { key: mrn.to_string(), owner: String::new() };
        let cases = if cases.is_empty() { vec![none] } else { cases };
        let named = match &command {
            passage::Command::Announce { office, .. } | passage::Command::Cross { office, .. } => {
                Some(office.clone())
            }
            _ => None,
        };
        let facts = self.bureau().facts(self.now(), &named.into_iter().collect());
        for found in cases {
            let submission = match self.run::<Passage>(&found, command.clone(), &facts)? {
                Ok(effect) => {
                    if let (passage::Command::Announce { .. }, Some(document)) = (&command, document) {
                        self.keep::<Passage>(&found.key, document, cause)?;
                    }
                    let letters = effect.letters.into_iter().map(Letter::Passage).collect();
                    self.settle(cause, message, mrn.as_str(), &found, Passage::NAME, letters, effect.notices)?
                }
                Err((_, refusal)) => {
                    let sender = self.answering_administration(cause);
                    let letter = sender.and_then(|sender| passage::refuse(&refusal, &command, sender));
                    self.refuse(cause, message, &found, Passage::NAME, &refusal, letter.map(Letter::Passage))?
                }
            };
            last = Some(submission);
        }
        Ok(last.unwrap_or_default())
    }

    /// Runs a command of the office of destination: of the case given, or of the one that the command names.
    pub(crate) fn arrive(
        &mut self,
        cause: &Cause,
        message: i64,
        case: Option<Found>,
        command: destination::Command,
        document: Option<&Document>,
    ) -> Result<Submission, ProceedingError> {
        let mut found = match (case, command.mrn()) {
            (Some(found), _) => found,
            (None, Some(mrn)) => own_case(cause, self.case_of_mrn(Destination::NAME, mrn)?),
            (None, None) => Found::default(),
        };
        if let (Origin::Trader(principal), true) = (&cause.origin, found.owner.is_empty()) {
            found.owner.clone_from(&principal.name);
        }
        let named = match &command {
            destination::Command::Announce { destination: office, .. }
            | destination::Command::NotifyArrival { office, .. } => Some(office.clone()),
            _ => None,
        };
        let facts = self.bureau().facts(self.now(), &named.into_iter().collect());
        let announces = matches!(command, destination::Command::Announce { .. });
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
                let movement = found.key.clone();
                self.settle(cause, message, &movement, &found, Destination::NAME, letters, effect.notices)
            }
            Err((_, refusal)) => {
                let sender = self.answering_administration(cause);
                let letter = destination::refuse(&refusal, &command, sender, facts.now);
                self.refuse(
                    cause,
                    message,
                    &found,
                    Destination::NAME,
                    &refusal,
                    letter.map(Letter::Destination),
                )
            }
        }
    }

    /// Runs the commands of one message to the office of guarantee, and answers them together.
    pub(crate) fn answer_for(
        &mut self,
        cause: &Cause,
        message: i64,
        commands: Vec<account::Command>,
    ) -> Result<Submission, ProceedingError> {
        let mut answers = Vec::new();
        let mut letters = Vec::new();
        let mut refusals = Vec::new();
        let mut movement = String::new();
        for command in commands {
            let Some(grn) = command.grn().cloned() else {
                continue;
            };
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
        let mut submission =
            self.settle(cause, message, &movement, &found, Guarantee::NAME, letters, Vec::new())?;
        if let Some(refusal) = refusals.first() {
            submission = Submission { replies: submission.replies, ..refused(message, &movement, refusal) };
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

    /// After a decision: the letters go out, and the message on record is put with its movement.
    #[allow(clippy::too_many_arguments, reason = "each says a different thing about one decision")]
    fn settle(
        &mut self,
        cause: &Cause,
        message: i64,
        movement: &str,
        found: &Found,
        room: &'static str,
        letters: Vec<Letter>,
        notices: Vec<Notice>,
    ) -> Result<Submission, ProceedingError> {
        if message != 0 {
            messages::set_movement(self.tx(), message, movement, &found.owner)?;
        }
        for notice in notices {
            tracing::info!(movement, room, code = ?notice.code, words = %notice.words, "for an officer");
        }
        let mut replies = Vec::new();
        for letter in letters {
            replies.extend(self.render(cause, movement, found, room, &letter)?);
        }
        Ok(Submission {
            message,
            movement: movement.to_owned(),
            accepted: true,
            replies,
            errors: Vec::new(),
            words: String::new(),
            not_checked: BTreeSet::new(),
        })
    }

    fn refuse(
        &mut self,
        cause: &Cause,
        message: i64,
        found: &Found,
        room: &'static str,
        refusal: &Refusal,
        letter: Option<Letter>,
    ) -> Result<Submission, ProceedingError> {
        let named = cause.document.as_ref().and_then(named_movement).unwrap_or_default().to_owned();
        let movement = if named.is_empty() { found.key.clone() } else { named };
        if message != 0 {
            messages::set_movement(self.tx(), message, &movement, &found.owner)?;
        }
        let mut submission = refused(message, &movement, refusal);
        if let Some(letter) = letter {
            submission.replies.extend(self.render(cause, &movement, found, room, &letter)?);
        }
        Ok(submission)
    }

    /// Writes a letter as a message, and sends it on its way.
    fn render(
        &mut self,
        cause: &Cause,
        movement: &str,
        found: &Found,
        room: &'static str,
        letter: &Letter,
    ) -> Result<Option<(i64, String)>, ProceedingError> {
        let declaration = if room == Departure::NAME { self.kept(room, &found.key)? } else { None };
        let record = if room == Departure::NAME { None } else { self.kept(room, &found.key)? };
        let identification = self.next_identification()?;
        let recipient = match letter.recipient() {
            Recipient::Administration(to) => to.to_string(),
            Recipient::Trader => self.trader_address(cause, room, &found.key)?,
        };
        let answers = self.answers(cause, letter);
        let context = OutboundContext {
            declaration: declaration.as_deref(),
            record: record.as_deref(),
            cause: cause.document.as_ref(),
            sender: &self.bureau().administration,
            recipient: &recipient,
            now: self.now(),
            identification: &identification,
            correlation: if answers { cause.identification.as_deref() } else { None },
        };
        let document = bridge::outbound(letter, &context).map_err(|error| ProceedingError::Render {
            message_type: letter.message_type().to_owned(),
            reason: error.to_string(),
        })?;
        let owner = match letter.recipient() {
            Recipient::Trader if found.owner.is_empty() => cause_owner(cause),
            Recipient::Trader => found.owner.clone(),
            Recipient::Administration(_) => String::new(),
        };
        let id = self.dispatch(letter.recipient(), movement, &owner, document)?;
        Ok((answers && letter.recipient() == Recipient::Trader)
            .then(|| (id, letter.message_type().to_owned())))
    }

    /// Whether a letter answers the message that caused it, and so correlates with it (R0008): it goes back to where
    /// the message came from.
    fn answers(&self, cause: &Cause, letter: &Letter) -> bool {
        match (&cause.origin, letter.recipient()) {
            (Origin::Trader(_), Recipient::Trader) => true,
            (Origin::Partner { administration, .. }, Recipient::Administration(to)) => *administration == to,
            (Origin::Own, Recipient::Administration(to)) => {
                cause.identification.is_some() && to == self.bureau().administration
            }
            _ => false,
        }
    }

    /// Puts a message on record and on its way: to a trader's mailbox, a partner's outbox, or a room of ours.
    fn dispatch(
        &mut self,
        recipient: Recipient,
        movement: &str,
        owner: &str,
        document: Document,
    ) -> Result<i64, ProceedingError> {
        let kind = document.message();
        let body = wire::write(&document).map_err(|errors| ProceedingError::Render {
            message_type: kind.as_str().to_owned(),
            reason: errors.first().map(ToString::to_string).unwrap_or_default(),
        })?;
        let own = self.bureau().administration.clone();
        let (to_party, result) = match &recipient {
            Recipient::Trader => ("trader".to_owned(), outcome::AVAILABLE),
            Recipient::Administration(to) if *to == own => (to.country().to_string(), outcome::INTERNAL),
            Recipient::Administration(to) => (to.country().to_string(), outcome::QUEUED),
        };
        let header = document.header();
        let at = self.now();
        let id = messages::record(
            self.tx(),
            &NewMessage {
                at,
                direction: Direction::Sent,
                from_party: own.country().to_string(),
                to_party,
                message_type: kind.as_str(),
                identification: header.identification.as_deref().unwrap_or_default(),
                correlation: header.correlation.as_deref(),
                movement,
                owner,
                outcome: result,
                body: &body,
            },
        )?;
        if let Recipient::Administration(to) = recipient {
            if to == own {
                self.hand_over(id, document);
            } else {
                let bureau = self.bureau();
                if let Posted::Withheld(words) = post::post(self.tx(), bureau, &to, id, document, at)? {
                    tracing::warn!(message = id, %to, kind = kind.as_str(), words, "a message was withheld");
                    messages::set_outcome(self.tx(), id, outcome::WITHHELD)?;
                }
            }
        }
        Ok(id)
    }

    /// Sends an answer that no room wrote: to whom the cause came from.
    pub(crate) fn send(
        &mut self,
        cause: &Cause,
        movement: &str,
        document: &Document,
    ) -> Result<i64, ProceedingError> {
        let recipient = match self.answering_administration(cause) {
            Some(administration) => Recipient::Administration(administration),
            None => Recipient::Trader,
        };
        self.dispatch(recipient, movement, &cause_owner(cause), document.clone())
    }

    /// Writes and sends a letter about a message that reached no room.
    pub(crate) fn render_and_send(
        &mut self,
        cause: &Cause,
        letter: &Letter,
    ) -> Result<Option<(i64, String)>, ProceedingError> {
        let named = cause.document.as_ref().and_then(named_movement).unwrap_or_default().to_owned();
        let found = Found { key: String::new(), owner: cause_owner(cause) };
        self.render(cause, &named, &found, Departure::NAME, letter)
    }

    fn answering_administration(&self, cause: &Cause) -> Option<Administration> {
        match &cause.origin {
            Origin::Trader(_) => None,
            Origin::Partner { administration, .. } => Some(administration.clone()),
            Origin::Own => Some(self.bureau().administration.clone()),
        }
    }

    fn case_of_mrn(&mut self, room: &str, mrn: &Mrn) -> Result<Found, ProceedingError> {
        let rows = self.tx().query(
            "SELECT state_key, owner FROM movements WHERE room = ?1 AND mrn = ?2",
            &[room.into(), mrn.as_str().into()],
        )?;
        match rows.first() {
            Some(row) => Ok(Found { key: row.text(0)?.to_owned(), owner: row.text(1)?.to_owned() }),
            None => Ok(Found { key: mrn.to_string(), owner: String::new() }),
        }
    }

    fn passages_of(&mut self, mrn: &Mrn) -> Result<Vec<Found>, ProceedingError> {
        let rows = self.tx().query(
            "SELECT state_key FROM movements WHERE room = ?1 AND mrn = ?2 ORDER BY state_key",
            &[Passage::NAME.into(), mrn.as_str().into()],
        )?;
        let found = rows.iter().map(|row| Ok(Found { key: row.text(0)?.to_owned(), owner: String::new() }));
        Ok(found.collect::<Result<_, StoreError>>()?)
    }

    fn mrn_of(&mut self, key: &str) -> Result<Option<String>, ProceedingError> {
        let movement = room::load::<Departure>(self.tx(), key)?;
        Ok(movement.and_then(|movement| movement.mrn).map(|mrn| mrn.to_string()))
    }

    /// Keeps the document that a case rests on, and how its trader named itself.
    fn keep<R: Room>(
        &mut self,
        key: &str,
        document: &Document,
        cause: &Cause,
    ) -> Result<(), ProceedingError> {
        let body = wire::write(document).map_err(|errors| ProceedingError::Render {
            message_type: document.message().as_str().to_owned(),
            reason: errors.first().map(ToString::to_string).unwrap_or_default(),
        })?;
        put_record(self.tx(), R::NAME, key, DOCUMENT, &body)?;
        self.remember(R::NAME, key, Arc::new(document.clone()));
        self.keep_address::<R>(key, cause)
    }

    fn keep_address<R: Room>(&mut self, key: &str, cause: &Cause) -> Result<(), ProceedingError> {
        if matches!(cause.origin, Origin::Trader(_)) {
            put_record(self.tx(), R::NAME, key, ADDRESS, cause.sender.as_bytes())?;
        }
        Ok(())
    }

    /// The document that a case rests on. One decision often sends several letters, all from the same document, so
    /// the last one read is remembered.
    fn kept(&mut self, room: &'static str, key: &str) -> Result<Option<Arc<Document>>, ProceedingError> {
        if let Some(document) = self.remembered(room, key) {
            return Ok(Some(document));
        }
        let Some(body) = record(self.tx(), room, key, DOCUMENT)? else {
            return Ok(None);
        };
        let read = wire::read(&body, &wire::Limits::default());
        let document = read.map(Arc::new).map_err(|rejection| ProceedingError::Render {
            message_type: "the document on record".to_owned(),
            reason: rejection.to_string(),
        })?;
        self.remember(room, key, Arc::clone(&document));
        Ok(Some(document))
    }

    /// How the trader of a case is addressed: as it named itself when it opened the case.
    fn trader_address(&mut self, cause: &Cause, room: &str, key: &str) -> Result<String, ProceedingError> {
        let kept = record(self.tx(), room, key, ADDRESS)?.and_then(|bytes| String::from_utf8(bytes).ok());
        let named =
            if matches!(cause.origin, Origin::Trader(_)) { cause.sender.clone() } else { String::new() };
        let address = if named.is_empty() { kept.unwrap_or_default() } else { named };
        Ok(if address.is_empty() { cause_owner(cause) } else { address })
    }
}

/// The case, unless a trader asks for another trader's: that looks as if it did not exist (error 90).
fn own_case(cause: &Cause, found: Found) -> Found {
    match &cause.origin {
        Origin::Trader(principal) if !found.owner.is_empty() && found.owner != principal.name => {
            Found::default()
        }
        _ => found,
    }
}

fn cause_owner(cause: &Cause) -> String {
    match &cause.origin {
        Origin::Trader(principal) => principal.name.clone(),
        Origin::Partner { .. } | Origin::Own => String::new(),
    }
}

fn offices_of(declaration: &Declaration) -> BTreeSet<OfficeReference> {
    let ends = [&declaration.office_of_departure, &declaration.office_of_destination];
    let transit = declaration.offices_of_transit.iter().map(|transit| &transit.office);
    ends.into_iter().chain(transit).cloned().collect()
}

fn put_record(tx: &mut dyn Tx, room: &str, key: &str, kind: &str, body: &[u8]) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO records (room, state_key, kind, body) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (room, state_key, kind) DO UPDATE SET body = excluded.body",
        &[room.into(), key.into(), kind.into(), body.into()],
    )?;
    Ok(())
}

fn record(tx: &mut dyn Tx, room: &str, key: &str, kind: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let rows = tx.query(
        "SELECT body FROM records WHERE room = ?1 AND state_key = ?2 AND kind = ?3",
        &[room.into(), key.into(), kind.into()],
    )?;
    rows.first().map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}
