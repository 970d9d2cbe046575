//! Two administrations and what they know of each other, for the tests of this room.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::{Administration, Digest, MessageId, Timestamp};
use evidence::disclosure::Field;
use evidence::merkle::Frontier;
use evidence::{AgreementReference, Channel, KeySet, Keys, PublicKeys};
use exchange::{
    AgreementStanding, Arrival, Assessment, Environment, Found, InboxView, Outcome, OutgoingLetter,
    OutgoingPart, Prepared, Reason, Receiver, Register, Sender, acknowledge, assess, prepare, read_statement,
    refuse_unreadable, verify_response,
};
use std::collections::{BTreeMap, BTreeSet};

pub fn administration(code: &str) -> Administration {
    Administration::parse(&format!("NTA.{code}")).unwrap()
}

pub fn now() -> Timestamp {
    Timestamp::parse("2026-11-24T06:00:00Z").unwrap()
}

/// A source of bytes that differ, for tests only.
pub fn bytes_from(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |slot: &mut [u8]| {
        for byte in slot {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[3];
        }
    }
}

/// Reads content of the media type `text/fields`, lines as in `path=value`.
pub fn fields_of(media_type: &str, content: &[u8]) -> Vec<Field> {
    let text = if media_type == "text/fields" { std::str::from_utf8(content).unwrap() } else { "" };
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(path, value)| Field { path: path.to_owned(), value: value.to_owned() }).collect()
}

pub struct Node {
    pub administration: Administration,
    pub keys: Keys,
    pub card: PublicKeys,
    pub environment: Environment,
}

impl Node {
    pub fn new(code: &str, seed: u64) -> Self {
        let keys = KeySet::draw(&mut bytes_from(seed)).keys().unwrap();
        let from = now().plus_seconds(-86_400);
        let until = now().plus_seconds(365 * 86_400);
        let card =
            keys.card(administration(code), Digest([u8::try_from(seed).unwrap(); 32]), from, until).unwrap();
        Self { administration: administration(code), keys, card, environment: Environment::Production }
    }

    pub fn receiver(&self) -> Receiver<'_> {
        Receiver {
            administration: &self.administration,
            keys: &self.keys,
            environment: self.environment,
            fields: fields_of,
        }
    }

    pub fn sender(&self) -> Sender<'_> {
        Sender { administration: &self.administration, sign: &self.keys.sign }
    }
}

/// The register of a recipient.
pub struct Known {
    pub cards: Vec<PublicKeys>,
    pub agreements: BTreeMap<(String, u32), AgreementStanding>,
    pub suspended: BTreeMap<Administration, String>,
}

impl Register for Known {
    fn cards(&self, administration: &Administration) -> Vec<PublicKeys> {
        let of = self.cards.iter().filter(|card| card.administration == *administration);
        of.cloned().collect()
    }

    fn suspension(&self, administration: &Administration) -> Option<String> {
        self.suspended.get(administration).cloned()
    }

    fn agreement(&self, id: &str, version: u32) -> Option<AgreementStanding> {
        self.agreements.get(&(id.to_owned(), version)).cloned()
    }
}

/// Great Britain sends, France receives; Italy is a party of nothing.
pub struct World {
    pub gb: Node,
    pub fr: Node,
    pub it: Node,
    pub register: Known,
    pub peer: Administration,
    pub inbox: Inbox,
    pub log: Frontier,
    pub now: Timestamp,
}

/// The inbox of the recipient.
#[derive(Default)]
pub struct Inbox {
    pub answered: BTreeMap<(Administration, MessageId), Found>,
    pub numbers: BTreeMap<String, u64>,
}

/// How the recipient of [`World`] took an envelope.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    Applied(Vec<String>),
    Repeated,
    Conflict,
    Gap(u64),
    Refused(Reason),
}

impl World {
    pub fn new() -> Self {
        let (gb, fr, it) = (Node::new("GB", 1), Node::new("FR", 2), Node::new("IT", 3));
        let standing = AgreementStanding {
            hash: Digest([7; 32]),
            parties: BTreeSet::from([gb.administration.clone(), fr.administration.clone()]),
            from: now().plus_seconds(-3600),
            until: None,
        };
        let register = Known {
            cards: vec![gb.card.clone(), it.card.clone(), fr.card.clone()],
            agreements: BTreeMap::from([(("common-transit".to_owned(), 1), standing)]),
            suspended: BTreeMap::new(),
        };
        Self {
            peer: gb.administration.clone(),
            gb,
            fr,
            it,
            register,
            inbox: Inbox::default(),
            log: Frontier::new(),
            now: now(),
        }
    }

    pub fn letter(&self, number: u64) -> OutgoingLetter {
        OutgoingLetter {
            message_id: MessageId::new(now(), [u8::try_from(number).unwrap(); 10]),
            channel: Channel::parse("NTA.GB>NTA.FR/24GB0000601001EBD4").unwrap(),
            sequence: number,
            agreement: AgreementReference {
                id: "common-transit".to_owned(),
                version: 1,
                hash: Digest([7; 32]),
            },
            clause: "Art. 27".to_owned(),
            purpose: "transit-movement".to_owned(),
            created: now(),
            expires: now().plus_seconds(86_400),
            exercise: false,
            parts: vec![OutgoingPart {
                name: "CD001C".to_owned(),
                media_type: "application/xml".to_owned(),
                content: format!("<CD001C>{number}</CD001C>").into_bytes(),
                fields: Vec::new(),
            }],
        }
    }

    pub fn prepared(&self, letter: &OutgoingLetter) -> Prepared {
        prepare(letter, &self.gb.sender(), &self.fr.card, &mut bytes_from(letter.sequence + 99)).unwrap()
    }

    /// What a node does with an envelope, in one transaction.
    pub fn receive(&mut self, envelope: &[u8]) -> (Taken, Vec<u8>) {
        let incoming = match read_statement(envelope) {
            Ok(incoming) => incoming,
            Err(refusal) => {
                let response = refuse_unreadable(envelope, &refusal, &self.fr.receiver(), self.now).unwrap();
                return (Taken::Refused(refusal.reason), response);
            }
        };
        let key = (incoming.sender().clone(), incoming.message_id());
        let channel = incoming.channel().to_string();
        let expected_sequence = self.inbox.numbers.get(&channel).copied().unwrap_or(1);
        let inbox = InboxView { found: self.inbox.answered.get(&key).cloned(), expected_sequence };
        let arrival = Arrival { peer: &self.peer, inbox: &inbox, now: self.now };
        let receiver = self.fr.receiver();
        let (taken, response, record) = match assess(&incoming, &receiver, &self.register, &arrival).unwrap()
        {
            Assessment::New(opened) => {
                let appended = self.log.append(opened.leaf);
                let response = acknowledge(&opened, &receiver, &appended, self.now).unwrap();
                let parts =
                    opened.parts.iter().map(|part| String::from_utf8_lossy(&part.content).into_owned());
                (Taken::Applied(parts.collect()), response, true)
            }
            Assessment::Offered(_) => panic!("no letter here has attachments in chunks"),
            Assessment::Repeat { response } => (Taken::Repeated, response, false),
            Assessment::Withdrawn { .. } | Assessment::Renewed { .. } => panic!("cards revoke no key"),
            Assessment::Conflict { response } => (Taken::Conflict, response, false),
            Assessment::Gap { expected, response } => (Taken::Gap(expected), response, false),
            Assessment::Refused { refusal, response } => {
                (Taken::Refused(refusal.reason), response, refusal.reason.settles())
            }
        };
        if record {
            let digest = incoming.digest();
            self.inbox.answered.insert(key, Found { digest, response: response.clone() });
            self.inbox.numbers.insert(channel, expected_sequence + 1);
        }
        (taken, response)
    }

    pub fn outcome(&self, response: &[u8], prepared: &Prepared) -> Outcome {
        verify_response(response, &prepared.envelope, std::slice::from_ref(&self.fr.card), self.now).unwrap()
    }
}
