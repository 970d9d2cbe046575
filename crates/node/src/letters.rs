//! The end of a proceeding: the letters that follow from a decision are written as messages, and go their ways.

use crate::bridge::{self, Letter, OutboundContext};
use crate::cases::Found;
use crate::messages::{self, Direction, NewMessage, outcome};
use crate::post::{self, Posted, Writer};
use crate::proceeding::{Cause, Origin, Proceeding, ProceedingError, Submission, refused};
use crate::room::Room;
use crate::rooms::{Departure, Destination, Guarantee, Passage};
use customs::{Notice, Recipient, Refusal};
use std::sync::Arc;
use wire::Document;

/// What was decided, about what, because of what.
pub(crate) struct Settled<'a> {
    /// What set it off.
    pub(crate) cause: &'a Cause,
    /// The movement, by MRN when it has one; empty when the cause named none that its sender may know of.
    pub(crate) movement: &'a str,
    /// The case.
    pub(crate) found: &'a Found,
    /// The room that decided.
    pub(crate) room: &'static str,
}

impl Proceeding<'_> {
    /// After a decision: the message on record is put with its movement, officers are told, the letters go out.
    pub(crate) fn settle(
        &mut self,
        settled: &Settled<'_>,
        letters: Vec<Letter>,
        notices: Vec<Notice>,
    ) -> Result<Submission, ProceedingError> {
        let (cause, movement) = (settled.cause, settled.movement);
        if cause.message != 0 {
            messages::set_movement(self.tx(), cause.message, movement)?;
        }
        for notice in notices {
            self.note(settled, &notice)?;
        }
        let mut replies = Vec::new();
        for letter in letters {
            replies.extend(self.render(settled, &letter)?);
        }
        Ok(Submission { movement: movement.to_owned(), replies, ..Submission::noted(cause.message) })
    }

    /// Keeps a notice where officers see it.
    fn note(&mut self, settled: &Settled<'_>, notice: &Notice) -> Result<(), ProceedingError> {
        let at = self.now();
        let code = format!("{:?}", notice.code);
        tracing::info!(movement = settled.movement, room = settled.room, code, words = %notice.words, "for an officer");
        messages::note(self.tx(), at, settled.room, settled.movement, &code, &notice.words)?;
        Ok(())
    }

    /// After a refusal: the message on record is put with the movement that its sender knows of, and the sender is
    /// told.
    pub(crate) fn refuse(
        &mut self,
        settled: &Settled<'_>,
        refusal: &Refusal,
        letter: Option<Letter>,
    ) -> Result<Submission, ProceedingError> {
        let cause = settled.cause;
        if cause.message != 0 && !settled.movement.is_empty() {
            messages::set_movement(self.tx(), cause.message, settled.movement)?;
        }
        let mut submission = refused(cause.message, settled.movement, refusal);
        if let Some(letter) = letter {
            submission.replies.extend(self.render(settled, &letter)?);
        }
        Ok(submission)
    }

    /// Writes a letter as a message, and sends it on its way.
    fn render(
        &mut self,
        settled: &Settled<'_>,
        letter: &Letter,
    ) -> Result<Option<(i64, String)>, ProceedingError> {
        let Settled { cause, movement, found, room } = settled;
        let kept = self.kept(room, &found.key)?;
        let (declaration, record) = if *room == Departure::NAME { (kept, None) } else { (None, kept) };
        let identification = self.next_identification()?;
        let recipient = match letter.recipient() {
            Recipient::Administration(to) => to.to_string(),
            Recipient::Trader => self.trader_address(cause, room, &found.key)?,
        };
        let answers = self.answers(cause, letter);
        let context = OutboundContext {
            declaration: declaration.as_deref(),
            record: record.as_deref(),
            cause: cause.document.as_deref(),
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
        let to_trader = letter.recipient() == Recipient::Trader;
        // An answer belongs to whom it answers, whoever owns the case.
        let owner = match (to_trader, answers) {
            (false, _) => "",
            (true, true) => cause.owner(),
            (true, false) => &found.owner,
        };
        let way = Way {
            recipient: letter.recipient(),
            movement,
            owner,
            cause: if answers { cause.message } else { 0 },
            writer: writer(room),
        };
        let id = self.dispatch(&way, document)?;
        Ok((answers && to_trader).then(|| (id, letter.message_type().to_owned())))
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
    fn dispatch(&mut self, way: &Way<'_>, document: Document) -> Result<i64, ProceedingError> {
        let kind = document.message();
        let body = wire::write(&document).map_err(|errors| ProceedingError::Render {
            message_type: kind.as_str().to_owned(),
            reason: errors.first().map(ToString::to_string).unwrap_or_default(),
        })?;
        let own = self.bureau().administration.clone();
        let (to_party, result) = match &way.recipient {
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
                movement: way.movement,
                owner: way.owner,
                cause: way.cause,
                outcome: result,
                body: &body,
            },
        )?;
        if let Recipient::Administration(to) = &way.recipient {
            if *to == own {
                self.hand_over(id, Arc::new(document));
            } else {
                let bureau = self.bureau();
                if let Posted::Withheld(words) =
                    post::post(self.tx(), bureau, to, (id, way.writer), document, at)?
                {
                    tracing::warn!(message = id, %to, kind = kind.as_str(), words, "a message was withheld");
                    messages::set_outcome(self.tx(), id, outcome::WITHHELD)?;
                    let words = format!("{} to {to} was not sent: {words}", kind.as_str());
                    messages::note(self.tx(), at, "exchange", way.movement, "Withheld", &words)?;
                }
            }
        }
        Ok(id)
    }

    /// Sends an answer that no room wrote: to whom the cause came from.
    pub(crate) fn send(&mut self, cause: &Cause, document: &Document) -> Result<i64, ProceedingError> {
        let recipient = match self.answering_administration(cause) {
            Some(administration) => Recipient::Administration(administration),
            None => Recipient::Trader,
        };
        let way = Way {
            recipient,
            movement: "",
            owner: cause.owner(),
            cause: cause.message,
            writer: Writer::Departure,
        };
        self.dispatch(&way, document.clone())
    }

    /// Writes and sends a letter about a message that reached no room.
    pub(crate) fn render_and_send(
        &mut self,
        cause: &Cause,
        letter: &Letter,
    ) -> Result<Option<(i64, String)>, ProceedingError> {
        let found = Found { key: String::new(), owner: cause.owner().to_owned() };
        self.render(&Settled { cause, movement: "", found: &found, room: Departure::NAME }, letter)
    }

    /// How a trader is addressed: as it named itself in the message that is answered, or when it opened the case.
    fn trader_address(&mut self, cause: &Cause, room: &str, key: &str) -> Result<String, ProceedingError> {
        if matches!(cause.origin, Origin::Trader(_)) && !cause.sender.is_empty() {
            return Ok(cause.sender.clone());
        }
        let kept = self.kept_address(room, key)?;
        Ok(kept.unwrap_or_else(|| cause.owner().to_owned()))
    }
}

/// The way of a message that was written.
struct Way<'a> {
    recipient: Recipient,
    movement: &'a str,
    owner: &'a str,
    cause: i64,
    writer: Writer,
}

/// The office that a room is.
fn writer(room: &str) -> Writer {
    match room {
        Passage::NAME => Writer::Transit,
        Destination::NAME => Writer::Destination,
        Guarantee::NAME => Writer::Guarantee,
        _ => Writer::Departure,
    }
}
