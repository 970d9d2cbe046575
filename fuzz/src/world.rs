//! A small world in which partners have really sent each other something: Great Britain sends, France receives. It is the
//! same every time, and the corpora are made of it.

use base::{Administration, Digest, MessageId, Timestamp};
use evidence::merkle::Frontier;
use evidence::{
    AgreementReference, Channel, Checkpoint, KeySet, Keys, PublicKeys, Receipt, Stage, StageName,
    StageReason, StagedStatement, Statement, merkle,
};
use exchange::{
    AgreementStanding, Arrival, Assessment, Environment, Found, InboxView, OutgoingLetter, OutgoingPart,
    Prepared, Receiver, Refusal, Register, Response, Sender,
};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// The moment of everything in this world.
pub fn now() -> Timestamp {
    Timestamp::parse("2026-11-24T06:00:00Z").expect("a moment")
}

/// Bytes that differ and are the same every time (xorshift).
pub(crate) fn bytes_from(seed: u64) -> impl FnMut(&mut [u8]) {
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

/// An administration with its keys.
pub struct Party {
    /// Who it is.
    pub administration: Administration,
    /// Its keys.
    pub keys: Keys,
    /// Its card.
    pub card: PublicKeys,
}

impl Party {
    fn new(code: &str, seed: u64) -> Self {
        let administration = Administration::parse(&format!("NTA.{code}")).expect("an administration");
        let keys = KeySet::draw(&mut bytes_from(seed)).keys().expect("keys");
        let (from, until) = (now().plus_seconds(-86_400), now().plus_seconds(365 * 86_400));
        let card = keys
            .card(administration.clone(), Digest([u8::try_from(seed).unwrap_or(0); 32]), from, until)
            .expect("a card");
        Self { administration, keys, card }
    }

    /// The party as the receiver of envelopes.
    pub fn receiver(&self) -> Receiver<'_> {
        Receiver {
            administration: &self.administration,
            keys: &self.keys,
            environment: Environment::Production,
            fields: |_, _| Vec::new(),
        }
    }
}

/// What France knows of its partners and agreements.
pub struct Known {
    cards: Vec<PublicKeys>,
    agreement: AgreementStanding,
}

impl Register for Known {
    fn cards(&self, administration: &Administration) -> Vec<PublicKeys> {
        self.cards.iter().filter(|card| card.administration == *administration).cloned().collect()
    }

    fn agreement(&self, id: &str, version: u32) -> Option<AgreementStanding> {
        (id == "common-transit" && version == 1).then(|| self.agreement.clone())
    }
}

/// The world.
pub struct World {
    /// The sender.
    pub gb: Party,
    /// The recipient.
    pub fr: Party,
    /// What the recipient knows.
    pub register: Known,
    /// The letter that all answers are about.
    pub first: Prepared,
    /// All letters that were ever written; each is the first of a channel.
    pub letters: Vec<Prepared>,
}

pub(crate) fn part(name: &str, content: &[u8]) -> OutgoingPart {
    OutgoingPart {
        name: name.to_owned(),
        media_type: "application/xml".to_owned(),
        content: content.to_vec(),
        fields: Vec::new(),
    }
}

pub(crate) fn letter(number: u8, subject: &str, parts: Vec<OutgoingPart>) -> OutgoingLetter {
    OutgoingLetter {
        message_id: MessageId::new(now(), [number; 10]),
        channel: Channel::parse(&format!("NTA.GB>NTA.FR/{subject}")).expect("a channel"),
        sequence: 1,
        agreement: AgreementReference { id: "common-transit".to_owned(), version: 1, hash: Digest([7; 32]) },
        clause: "Art. 27".to_owned(),
        purpose: "transit_control".to_owned(),
        created: now(),
        expires: now().plus_seconds(86_400),
        exercise: false,
        parts,
    }
}

impl World {
    /// The one world of this process.
    pub fn shared() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(Self::new)
    }

    fn new() -> Self {
        let (gb, fr) = (Party::new("GB", 1), Party::new("FR", 2));
        let agreement = AgreementStanding {
            hash: Digest([7; 32]),
            parties: BTreeSet::from([gb.administration.clone(), fr.administration.clone()]),
            from: now().plus_seconds(-3600),
            until: None,
        };
        let register = Known { cards: vec![gb.card.clone(), fr.card.clone()], agreement };
        let prepare = |letter: &OutgoingLetter| {
            let sender = Sender { administration: &gb.administration, sign: &gb.keys.sign };
            let seed = u64::from(*letter.message_id.as_bytes().last().unwrap_or(&0));
            exchange::prepare(letter, &sender, &fr.card, &mut bytes_from(seed + 99)).expect("a letter")
        };
        let letters = vec![
            prepare(&letter(1, "24GB0000601001EBD4", vec![part("CD001C", b"<CD001C>1</CD001C>")])),
            // Under the first one's identity: a conflict.
            prepare(&letter(1, "24GB0000601001EBD4", vec![part("CD001C", b"<CD001C>2</CD001C>")])),
            prepare(&letter(2, "24GB0000601002EBD3", vec![part("a", b"a"), part("b", &[0x5a; 300])])),
            prepare(&letter(3, "24GB0000601003EBD2", vec![part("empty", b"")])),
        ];
        let first = letters.first().expect("there are letters").clone();
        Self { gb, fr, register, first, letters }
    }

    /// How France takes the letters, the first one first: the answers.
    pub(crate) fn answers(&self) -> Vec<(&'static str, Vec<u8>)> {
        let receiver = self.fr.receiver();
        let mut log = Frontier::new();
        // A log that is not empty: its receipts have a path.
        for entry in 0..5u8 {
            log.append(merkle::leaf_hash(&[entry]));
        }
        let incoming = exchange::read_statement(&self.first.envelope).expect("a letter reads");
        let assess = |envelope: &[u8], found: Option<Found>, expected_sequence| {
            let incoming = exchange::read_statement(envelope).expect("a letter reads");
            let inbox = InboxView { found, expected_sequence };
            let arrival = Arrival { peer: &self.gb.administration, inbox: &inbox, now: now() };
            exchange::assess(&incoming, &receiver, &self.register, &arrival).expect("an answer")
        };
        let Assessment::New(opened) = assess(&self.first.envelope, None, 1) else {
            panic!("the letter is new")
        };
        let appended = log.append(opened.leaf);
        let acknowledged = exchange::acknowledge(&opened, &receiver, &appended, now()).expect("an answer");
        let other = self.letters.get(1).expect("there are letters");
        let found = Found { digest: other.digest, response: acknowledged.clone() };
        let Assessment::Conflict { response: conflict } = assess(&self.first.envelope, Some(found), 1) else {
            panic!("the letters conflict")
        };
        let refusal = Refusal::new(exchange::Reason::Expired, "it has expired");
        let refused = exchange::refuse(&incoming, &refusal, &receiver, now()).expect("an answer");
        let gap = Response::Gap { expected: 1 }.encode();
        vec![("acknowledged", acknowledged), ("conflict", conflict), ("bad-gap", gap), ("refused", refused)]
    }
}

/// The corpora: target, name, bytes. What is accepted has a name without `bad-` in front.
pub fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let world = World::shared();
    let mut seeds: Vec<(&'static str, String, Vec<u8>)> = Vec::new();
    let mut add = |target, name: &str, bytes: &[u8]| seeds.push((target, name.to_owned(), bytes.to_vec()));
    for (number, letter) in (1..).zip(&world.letters) {
        add("envelope", &format!("letter-{number}"), &letter.envelope);
        add("reception", &format!("letter-{number}"), &letter.envelope);
        add("statement", &format!("letter-{number}"), &letter.statement);
        let claim = Statement::read(&letter.statement).expect("a statement reads");
        add("manifest", &format!("letter-{number}"), &claim.manifest().to_cbor().expect("a manifest"));
    }
    // The parts of one letter under the statement of another.
    let swapped =
        world.letters.iter().map(|letter| exchange::Envelope::decode(&letter.envelope).expect("an envelope"));
    if let [one, other, ..] = swapped.collect::<Vec<_>>().as_slice() {
        let mixed = exchange::Envelope { statement: one.statement, parts: other.parts.clone() };
        add("reception", "bad-mixed", &mixed.encode());
    }
    for (name, answer) in world.answers() {
        add("response", name, &answer);
        add("cbor", name.trim_start_matches("bad-"), &answer);
        match Response::decode(&answer).expect("an answer reads") {
            Response::Acknowledged(body) => {
                add("acknowledgement", name, &body);
                let cards = std::slice::from_ref(&world.fr.card);
                let acknowledged =
                    exchange::verify_acknowledgement(&body, &world.first.statement, cards, now());
                let acknowledged = acknowledged.expect("the answer holds");
                add("stage", "received", &acknowledged.stage);
                add("receipt", "received", &acknowledged.receipt);
                let receipt = Receipt::from_bytes(acknowledged.receipt.clone());
                let claim = Statement::read(&world.first.statement).expect("a statement reads");
                let statement = Statement::sign(claim.manifest(), &world.gb.keys.sign).expect("a statement");
                for (name, count) in [("one", 1), ("two", 2)] {
                    let receipts = vec![receipt.clone(); count];
                    add(
                        "transparent",
                        name,
                        &statement.transparent(&receipts).expect("a transparent statement"),
                    );
                }
            }
            Response::Conflict(body) => add("conflict", name, &body),
            Response::Refused(body) => add("stage", name, &body),
            Response::Gap { .. } | Response::Wanted(_) => {}
        }
    }
    let reason = StageReason { code: "content-refused".to_owned(), words: "seals are broken".to_owned() };
    for (name, entry) in
        [(StageName::Decided, None), (StageName::Delivered, Some((3, 9))), (StageName::Expired, None)]
    {
        let stage = Stage {
            by: world.fr.administration.clone(),
            name,
            message_id: Some(MessageId::new(now(), [4; 10])),
            statement: Digest([9; 32]),
            entry,
            at: now(),
            reason: (entry.is_none()).then(|| reason.clone()),
        };
        let staged = StagedStatement::sign(&stage, &world.fr.keys.sign).expect("a staged statement");
        add("stage", &name.to_string(), staged.as_bytes());
    }
    for size in [1u64, 70_000] {
        let checkpoint = Checkpoint::new(&world.fr.administration, size, [3; 32]);
        let note = checkpoint.sign(&world.fr.keys.log).expect("a note");
        add("checkpoint", &format!("size-{size}"), note.as_bytes());
        let twice = note.replacen("\n\n", "\n\n\u{2014} witness.example AAAAAAAA\n", 1);
        add("checkpoint", &format!("cosigned-{size}"), twice.as_bytes());
        let torn = note.replacen("\n\n", "\n", 1);
        add("checkpoint", &format!("bad-torn-{size}"), torn.as_bytes());
    }
    add("card", "gb", world.gb.card.to_json().as_bytes());
    add("card", "fr-one-line", world.fr.card.to_json().replace('\n', "").as_bytes());
    add("card", "bad-unknown-field", world.fr.card.to_json().replacen('{', "{\"more\": 1,", 1).as_bytes());
    for (name, bytes) in CBOR {
        add("cbor", name, bytes);
    }
    add("xml", "declaration", DECLARATION);
    let text = String::from_utf8_lossy(DECLARATION);
    add("xml", "bad-document-type", text.replacen("?>", "?><!DOCTYPE a [<!ENTITY b \"c\">]>", 1).as_bytes());
    add("xml", "commented", text.replacen("?>", "?><!-- a comment -->", 1).as_bytes());
    add("xml", "bad-character", text.replacen("NTA.", "&#0;", 1).as_bytes());
    let house = "    <HouseConsignment>";
    let with_empty = text.replacen(house, &format!("    <PlaceOfUnloading></PlaceOfUnloading>\n{house}"), 1);
    add("xml", "empty-group", with_empty.as_bytes());
    add("xml", "bad-no-end", text.get(..text.len() / 2).unwrap_or_default().as_bytes());
    seeds.extend(super::log::seeds());
    seeds.extend(super::file::seeds());
    seeds.extend(super::chunk::seeds());
    seeds
}

/// The declaration that the project ships as its example.
const DECLARATION: &[u8] = include_bytes!("../../crates/corridor/declarations/gb-fr-it.xml");

/// Documents of CBOR for its reader.
const CBOR: [(&str, &[u8]); 6] = [
    ("nested", &[0x82, 0x01, 0x82, 0x20, 0xa1, 0x01, 0xf6]),
    ("map", &[0xa2, 0x01, 0x61, 0x61, 0x20, 0xf5]),
    ("bad-unsorted", &[0xa2, 0x20, 0x01, 0x01, 0x01]),
    ("bad-long-form", &[0x18, 0x01]),
    ("bad-float", &[0xf9, 0x3c, 0x00]),
    ("bad-indefinite", &[0x9f, 0x01, 0xff]),
];
