//! What happened to a movement, in order: messages with their parties and outcome, and the events between them.

use super::moment::Moment;
use super::{names, paths};
use node::{EventRow, MessageRow};

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: Moment,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// A message was received or sent.
    Message(Message),
    /// The movement changed.
    Event(Event),
}

/// A message, as a line of a timeline and as the head of its own page.
#[derive(Clone, Debug)]
pub struct Message {
    /// The address of its page.
    pub address: String,
    /// When it was received or made.
    pub at: Moment,
    /// Whether it was received, not sent.
    pub received: bool,
    /// Who sent it.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Its type, as in `CC015C`.
    pub kind: String,
    /// What such a message says; empty when the type is unknown.
    pub name: &'static str,
    /// The sender's identification of it.
    pub identification: String,
    /// What became of it, in words.
    pub outcome: String,
    /// How the outcome looks.
    pub tone: &'static str,
    /// The clause under which it left or came; empty between the node and a trader.
    pub clause: String,
    /// Its identity between nodes; empty when it is not for another node.
    pub exchange_id: String,
}

/// A change of a movement.
#[derive(Clone, Debug)]
pub struct Event {
    /// The office to which it happened, by its role.
    pub room: String,
    /// Its kind in words.
    pub kind: String,
    /// Who acted: a trader, an officer, a partner, or the clock; empty when that was erased.
    pub actor: String,
}

impl Message {
    /// Its type and name in one line.
    pub fn title(&self) -> String {
        if self.name.is_empty() { self.kind.clone() } else { format!("{} {}", self.kind, self.name) }
    }

    /// `Received` or `Sent`.
    pub fn direction(&self) -> &'static str {
        if self.received { "Received" } else { "Sent" }
    }
}

impl From<&MessageRow> for Message {
    fn from(row: &MessageRow) -> Self {
        Self {
            address: paths::message(row.id),
            at: Moment::from_micros(row.at),
            received: row.direction == "received",
            from: names::party(&row.from_party).to_owned(),
            to: names::party(&row.to_party).to_owned(),
            kind: row.message_type.clone(),
            name: names::message(&row.message_type),
            identification: row.identification.clone(),
            outcome: names::outcome(&row.outcome),
            tone: names::tone(&row.outcome),
            clause: row.clause.clone().unwrap_or_default(),
            exchange_id: row.exchange_id.clone().unwrap_or_default(),
        }
    }
}

/// Merges messages and events. A message is received, changes the movement and is answered in one transaction and so at
/// one moment: it is told in that order.
pub fn merge(messages: &[MessageRow], events: &[EventRow]) -> Vec<Entry> {
    let messages = messages.iter().map(|row| {
        let message = Message::from(row);
        (row.at, if message.received { 0 } else { 2 }, Entry { at: message.at, what: What::Message(message) })
    });
    let events = events.iter().map(|row| {
        let event = Event {
            room: names::room(&row.room).to_owned(),
            kind: names::words(&row.kind),
            actor: row.words.clone(),
        };
        (row.at, 1, Entry { at: Moment::from_micros(row.at), what: What::Event(event) })
    });
    let mut told: Vec<(i64, u8, Entry)> = messages.chain(events).collect();
    told.sort_by_key(|(at, rank, _)| (*at, *rank));
    told.into_iter().map(|(_, _, entry)| entry).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{event, message};
    use super::*;

    #[test]
    fn what_happens_at_one_moment_is_told_in_order_of_cause() {
        let answer = MessageRow { id: 8, at: 5, direction: "sent".to_owned(), ..message() };
        let cause = MessageRow { id: 7, at: 5, direction: "received".to_owned(), ..message() };
        let earlier = MessageRow { id: 9, at: 4, direction: "sent".to_owned(), ..message() };
        let change = EventRow { at: 5, ..event() };
        let told = merge(&[answer, cause, earlier], &[change]);
        let told: Vec<String> = told
            .into_iter()
            .map(|entry| match entry.what {
                What::Message(message) => message.address,
                What::Event(_) => "event".to_owned(),
            })
            .collect();
        assert_eq!(told, ["/console/messages/9", "/console/messages/7", "event", "/console/messages/8"]);
    }
}
