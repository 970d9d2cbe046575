//! Cases: how a movement is found again in each room, whose it is, and the document that it rests on.
//!
//! What is here is decided by, unlike the lists that pages are drawn from: it commits with the state it belongs to.

use crate::proceeding::{Cause, Origin, Proceeding, ProceedingError};
use crate::room::{self, Room};
use crate::rooms::{Departure, Passage};
use base::{Mrn, OfficeReference};
use customs::Facts;
use customs::transit::{AdditionalType, Declaration, Reference, departure};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{StoreError, Tx, counter};
use wire::Document;

/// The record that a room keeps of the document that opened a case.
const DOCUMENT: &str = "document";

/// The record of how the trader of a case named itself in its message header.
const ADDRESS: &str = "address";

/// A case of a room, or the place where one would be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Its key in the room.
    pub(crate) key: String,
    /// The trader to whom it belongs; empty when it is no trader's.
    pub(crate) owner: String,
}

impl Found {
    /// The place of a movement that a trader names but that is not the trader's: no case is ever kept there, so the
    /// room answers as for a movement that does not exist, and the trader learns nothing about the real one.
    fn nowhere(mrn: &Mrn, trader: &str) -> Self {
        Self { key: format!("?/{mrn}"), owner: trader.to_owned() }
    }
}

/// The key of a movement that has no MRN yet: LRNs are unique for their declarant only.
pub(crate) fn lrn_key(owner: &str, lrn: &str) -> String {
    format!("{owner}/{lrn}")
}

impl Proceeding<'_> {
    /// The case of a command to the office of departure. A trader reaches its own movements only.
    pub(crate) fn departure_case(
        &mut self,
        cause: &Cause,
        command: &departure::Command,
    ) -> Result<Found, ProceedingError> {
        match command.reference() {
            Some(Reference::Mrn(mrn)) => {
                let found = self.case_of_mrn(Departure::NAME, &mrn)?;
                Ok(match &cause.origin {
                    Origin::Trader(principal) if found.owner != principal.name => {
                        Found::nowhere(&mrn, &principal.name)
                    }
                    _ => found,
                })
            }
            Some(Reference::Lrn(lrn)) => {
                let owner = cause.owner().to_owned();
                Ok(Found { key: lrn_key(&owner, lrn.as_str()), owner })
            }
            None => Ok(Found::default()),
        }
    }

    /// The case of a movement at destination. The first trader who notifies its arrival owns it there.
    pub(crate) fn destination_case(
        &mut self,
        cause: &Cause,
        room: &str,
        mrn: &Mrn,
    ) -> Result<Found, ProceedingError> {
        let mut found = self.case_of_mrn(room, mrn)?;
        if let Origin::Trader(principal) = &cause.origin {
            if found.owner.is_empty() {
                found.owner.clone_from(&principal.name);
            } else if found.owner != principal.name {
                return Ok(Found::nowhere(mrn, &principal.name));
            }
        }
        Ok(found)
    }

    fn case_of_mrn(&mut self, room: &str, mrn: &Mrn) -> Result<Found, ProceedingError> {
        let rows = self.tx().query(
            "SELECT state_key, owner FROM cases WHERE room = ?1 AND mrn = ?2",
            &[room.into(), mrn.as_str().into()],
        )?;
        match rows.first() {
            Some(row) => Ok(Found { key: row.text(0)?.to_owned(), owner: row.text(1)?.to_owned() }),
            None => Ok(Found { key: mrn.to_string(), owner: String::new() }),
        }
    }

    /// The records of a movement at our offices of transit.
    pub(crate) fn passages_of(&mut self, mrn: &Mrn) -> Result<Vec<Found>, ProceedingError> {
        let rows = self.tx().query(
            "SELECT state_key FROM cases WHERE room = ?1 AND mrn = ?2 ORDER BY state_key",
            &[Passage::NAME.into(), mrn.as_str().into()],
        )?;
        let found = rows.iter().map(|row| Ok(Found { key: row.text(0)?.to_owned(), owner: String::new() }));
        Ok(found.collect::<Result<_, StoreError>>()?)
    }

    /// The case that an officer means: by MRN or key, and by office where a movement has several.
    pub(crate) fn officer_case(
        &mut self,
        room: &str,
        movement: &str,
        office: Option<&OfficeReference>,
    ) -> Result<Option<(Found, OfficeReference)>, ProceedingError> {
        let rows = self.tx().query(
            "SELECT state_key, owner, office FROM cases WHERE room = ?1 AND (mrn = ?2 OR state_key = ?2) \
             ORDER BY state_key",
            &[room.into(), movement.into()],
        )?;
        for row in &rows {
            let at = OfficeReference::parse(row.text(2)?)
                .map_err(|invalid| StoreError::Damaged { what: "case", reason: invalid.to_string() })?;
            if office.is_none_or(|wanted| *wanted == at) {
                let found = Found { key: row.text(0)?.to_owned(), owner: row.text(1)?.to_owned() };
                return Ok(Some((found, at)));
            }
        }
        Ok(None)
    }

    /// The case with this key.
    pub(crate) fn case_of_key(&mut self, room: &str, key: &str) -> Result<Found, ProceedingError> {
        let rows = self.tx().query(
            "SELECT owner FROM cases WHERE room = ?1 AND state_key = ?2",
            &[room.into(), key.into()],
        )?;
        let owner = rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()?.unwrap_or_default();
        Ok(Found { key: key.to_owned(), owner })
    }

    /// The facts of a command to the office of departure.
    pub(crate) fn departure_facts(
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

    /// Keeps the document that a case rests on, and how its trader named itself.
    pub(crate) fn keep<R: Room>(
        &mut self,
        key: &str,
        document: &Arc<Document>,
        cause: &Cause,
    ) -> Result<(), ProceedingError> {
        let body = wire::write(document).map_err(|errors| ProceedingError::Render {
            message_type: document.message().as_str().to_owned(),
            reason: errors.first().map(ToString::to_string).unwrap_or_default(),
        })?;
        put_record(self.tx(), R::NAME, key, DOCUMENT, &body)?;
        self.remember(R::NAME, key, Arc::clone(document));
        self.keep_address::<R>(key, cause)
    }

    pub(crate) fn keep_address<R: Room>(&mut self, key: &str, cause: &Cause) -> Result<(), ProceedingError> {
        if matches!(cause.origin, Origin::Trader(_)) {
            put_record(self.tx(), R::NAME, key, ADDRESS, cause.sender.as_bytes())?;
        }
        Ok(())
    }

    /// The document that a case rests on. One decision often sends several letters, all from the same document, so
    /// the last one read is remembered.
    pub(crate) fn kept(
        &mut self,
        room: &'static str,
        key: &str,
    ) -> Result<Option<Arc<Document>>, ProceedingError> {
        if let Some(document) = self.remembered(room, key) {
            return Ok(Some(document));
        }
        let Some(body) = record(self.tx(), room, key, DOCUMENT)? else { return Ok(None) };
        let read = wire::read(&body, &wire::Limits::default());
        let document = read.map(Arc::new).map_err(|rejection| ProceedingError::Render {
            message_type: "the document on record".to_owned(),
            reason: rejection.to_string(),
        })?;
        self.remember(room, key, Arc::clone(&document));
        Ok(Some(document))
    }

    /// How the trader of a case named itself when it opened the case.
    pub(crate) fn kept_address(&mut self, room: &str, key: &str) -> Result<Option<String>, ProceedingError> {
        let kept = record(self.tx(), room, key, ADDRESS)?;
        Ok(kept.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|address| !address.is_empty()))
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
