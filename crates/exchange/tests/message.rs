//! The life of a message between two administrations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use base::{Digest, Timestamp};
use common::{Taken, World, bytes_from, fields_of, now};
use evidence::disclosure::LeafTree;
use evidence::{Channel, StagedStatement, Statement, digest_of, merkle, part_aad, seal};
use exchange::{
    Environment, Outcome, OutgoingLetter, OutgoingPart, PrepareError, Reason, Refusal, prepare,
    read_statement, refuse,
};

#[test]
fn a_message_is_received_applied_and_proved() {
    let mut world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let (taken, response) = world.receive(&prepared.envelope);
    assert_eq!(taken, Taken::Applied(vec!["<CD001C>1</CD001C>".to_owned()]));
    let Outcome::Acknowledged(acknowledged) = world.outcome(&response, &prepared) else {
        panic!("it was acknowledged");
    };
    assert_eq!(acknowledged.at, now());
    assert_eq!((acknowledged.included.index, acknowledged.included.size), (0, 1));
    assert_eq!(acknowledged.included.root, Digest(world.log.root()));
    assert_eq!(prepared.leaf, merkle::leaf_hash(&prepared.statement));
}

#[test]
fn several_parts_arrive_in_order_and_can_be_empty() {
    let mut world = World::new();
    let mut letter = world.letter(1);
    let part = |name: &str, content: &[u8]| OutgoingPart {
        name: name.to_owned(),
        media_type: "application/octet-stream".to_owned(),
        content: content.to_vec(),
        fields: Vec::new(),
    };
    letter.parts = vec![part("a", b"first"), part("b", b""), part("c", b"third")];
    let (taken, _) = world.receive(&world.prepared(&letter).envelope);
    assert_eq!(taken, Taken::Applied(vec!["first".to_owned(), String::new(), "third".to_owned()]));
}

#[test]
fn a_repeat_gets_the_same_bytes_and_has_no_second_effect() {
    let mut world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let (_, first) = world.receive(&prepared.envelope);
    world.now = now().plus_seconds(7 * 86_400);
    let (taken, second) = world.receive(&prepared.envelope);
    assert_eq!((taken, second), (Taken::Repeated, first));
    assert_eq!(world.log.size(), 1);
}

#[test]
fn a_repeat_gets_the_same_bytes_even_after_the_sender_changed_its_key() {
    let mut world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let (_, first) = world.receive(&prepared.envelope);
    world.register.cards[0].valid_until = now();
    assert_eq!(world.receive(&prepared.envelope), (Taken::Repeated, first));
}

#[test]
fn the_same_id_for_another_message_is_proved_to_its_sender() {
    let mut world = World::new();
    let first = world.prepared(&world.letter(1));
    world.receive(&first.envelope);
    let mut letter = world.letter(1);
    letter.clause = "Art. 28".to_owned();
    let second = world.prepared(&letter);
    let (taken, response) = world.receive(&second.envelope);
    assert_eq!(taken, Taken::Conflict);
    let Outcome::Conflict(conflict) = world.outcome(&response, &second) else {
        panic!("a conflict was proved");
    };
    assert_eq!((conflict.first, conflict.second), (first.digest, second.digest));
    assert_eq!(
        (conflict.by, conflict.sender),
        (world.fr.administration.clone(), world.gb.administration.clone())
    );
    assert_eq!(world.log.size(), 1);
}

#[test]
fn sealing_a_message_again_is_a_conflict() {
    let mut world = World::new();
    let letter = world.letter(1);
    world.receive(&world.prepared(&letter).envelope);
    let again = prepare(&letter, &world.gb.sender(), &world.fr.card, &mut bytes_from(5)).unwrap();
    assert_eq!(world.receive(&again.envelope).0, Taken::Conflict);
}

#[test]
fn a_gap_is_asked_for_and_nothing_is_applied() {
    let mut world = World::new();
    let third = world.prepared(&world.letter(3));
    let (taken, response) = world.receive(&third.envelope);
    assert_eq!(taken, Taken::Gap(1));
    assert_eq!(world.outcome(&response, &third), Outcome::Gap { expected: 1 });
    assert_eq!(world.log.size(), 0);
}

#[test]
fn a_used_number_is_refused() {
    let mut world = World::new();
    world.receive(&world.prepared(&world.letter(1)).envelope);
    let mut letter = world.letter(2);
    letter.sequence = 1;
    assert_eq!(world.receive(&world.prepared(&letter).envelope).0, Taken::Refused(Reason::SequenceUsed));
}

/// A refusal: its reason, and how letter and world must be for it.
type Case = (Reason, fn(&mut World, &mut OutgoingLetter));

#[test]
fn what_is_wrong_with_a_message_is_refused_with_its_reason_and_proved() {
    let cases: [Case; 17] = [
        (Reason::SenderNotPeer, |world, _| world.peer = world.it.administration.clone()),
        (Reason::PartnerSuspended, |world, _| {
            let gb = world.gb.administration.clone();
            world.register.suspended.insert(gb, "keys lost".to_owned());
        }),
        (Reason::UnknownSender, |world, _| drop(world.register.cards.remove(0))),
        (Reason::KeyNotActive, |world, _| world.register.cards[0].valid_until = now()),
        (Reason::KeyNotActive, |world, _| world.register.cards[0].valid_from = now().plus_micros(1)),
        (Reason::KeyNotActive, |world, _| world.register.cards[0].sign = world.it.card.sign),
        (Reason::WrongPurpose, |world, _| world.register.cards[0].log = registered_elsewhere(world)),
        (Reason::WrongPurpose, |world, _| world.register.cards[0].witness = registered_elsewhere(world)),
        (Reason::ExerciseInProduction, |_, letter| letter.exercise = true),
        (Reason::ProductionInExercise, |world, _| world.fr.environment = Environment::Exercise),
        (Reason::Expired, |world, letter| world.now = letter.expires),
        (Reason::AgreementUnknown, |_, letter| letter.agreement.version = 2),
        (Reason::AgreementUnknown, |_, letter| letter.agreement.id = "another".to_owned()),
        (Reason::AgreementHashDiffers, |_, letter| letter.agreement.hash = Digest([8; 32])),
        (Reason::AgreementNotInForce, |world, _| standing(world).until = Some(now())),
        (Reason::AgreementNotInForce, |world, _| standing(world).from = now().plus_micros(1)),
        (Reason::NotAParty, |world, _| {
            let fr = world.fr.administration.clone();
            standing(world).parties.remove(&fr);
        }),
    ];
    for (reason, change) in cases {
        let mut world = World::new();
        let mut letter = world.letter(1);
        change(&mut world, &mut letter);
        let prepared = world.prepared(&letter);
        let (taken, response) = world.receive(&prepared.envelope);
        assert_eq!(taken, Taken::Refused(reason));
        let Outcome::Refused(refused) = world.outcome(&response, &prepared) else {
            panic!("{reason} is a refusal");
        };
        assert_eq!(
            (refused.reason, refused.code.as_str(), refused.at),
            (Some(reason), reason.code(), world.now)
        );
        assert!(refused.words.starts_with(reason.words()));
        assert_eq!(refused.settles(), reason.settles());
        assert_eq!(world.log.size(), 0, "what is refused enters no log");
        let again = world.receive(&prepared.envelope);
        let repeated = if reason.settles() { Taken::Repeated } else { Taken::Refused(reason) };
        assert_eq!(again, (repeated, response), "{reason}");
    }
}

/// The key that the sender signs statements with, which the register has for another purpose only.
fn registered_elsewhere(world: &mut World) -> evidence::PublicKey {
    let registered = &mut world.register.cards[0].sign;
    let evidence::VerifyingKey::EdDsa(key) = std::mem::replace(registered, world.it.card.sign) else {
        panic!("it is Ed25519");
    };
    key
}

fn standing(world: &mut World) -> &mut exchange::AgreementStanding {
    world.register.agreements.get_mut(&("common-transit".to_owned(), 1)).unwrap()
}

#[test]
fn a_node_for_exercises_accepts_them() {
    let mut world = World::new();
    world.fr.environment = Environment::Exercise;
    let mut letter = world.letter(1);
    letter.exercise = true;
    assert!(matches!(world.receive(&world.prepared(&letter).envelope).0, Taken::Applied(_)));
}

#[test]
fn a_message_for_another_is_refused() {
    let mut world = World::new();
    let mut letter = world.letter(1);
    letter.channel = Channel::parse("NTA.GB>NTA.IT/24GB0000601001EBD4").unwrap();
    let prepared = prepare(&letter, &world.gb.sender(), &world.it.card, &mut bytes_from(4)).unwrap();
    assert_eq!(world.receive(&prepared.envelope).0, Taken::Refused(Reason::WrongRecipient));
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let mut world = World::new();
    let prepared = world.prepared(&world.letter(1));
    // The statement of the right sender, its signature replaced by that of another statement of the same key.
    let other = world.prepared(&world.letter(2));
    let mut statement = prepared.statement.clone();
    let signature = statement.len() - 64;
    statement[signature..].copy_from_slice(&other.statement[other.statement.len() - 64..]);
    let forged = with_statement(&prepared.envelope, &statement);
    assert_eq!(world.receive(&forged).0, Taken::Refused(Reason::BadSignature));
}

fn with_statement(envelope: &[u8], statement: &[u8]) -> Vec<u8> {
    let mut envelope = exchange::Envelope::decode(envelope).unwrap();
    envelope.statement = statement;
    envelope.encode()
}

#[test]
fn parts_that_are_not_the_signed_ones_are_refused_and_may_come_again() {
    let mut world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let right = exchange::Envelope::decode(&prepared.envelope).unwrap();
    let other = [0; 100];
    for parts in [vec![], vec![&other[..]], vec![right.parts[0], right.parts[0]]] {
        let wrong = exchange::Envelope { parts, ..right.clone() }.encode();
        assert_eq!(world.receive(&wrong).0, Taken::Refused(Reason::DigestMismatch));
    }
    assert!(matches!(world.receive(&prepared.envelope).0, Taken::Applied(_)));
}

#[test]
fn a_part_sealed_for_another_key_is_refused() {
    let mut world = World::new();
    // France rotated its key; the sender still has the old card.
    let mut card = world.fr.card.clone();
    card.enc = world.it.card.enc;
    let prepared = prepare(&world.letter(1), &world.gb.sender(), &card, &mut bytes_from(4)).unwrap();
    assert_eq!(world.receive(&prepared.envelope).0, Taken::Refused(Reason::NotForUs));
}

/// A sender that signs what it did not seal: the manifest of an honest message, changed and signed again.
fn dishonest(world: &World, change: impl Fn(&mut evidence::Manifest)) -> Vec<u8> {
    let prepared = world.prepared(&world.letter(1));
    let mut manifest = Statement::read(&prepared.statement).unwrap().manifest().clone();
    change(&mut manifest);
    let statement = Statement::sign(&manifest, &world.gb.keys.sign).unwrap();
    with_statement(&prepared.envelope, statement.as_bytes())
}

#[test]
fn a_sealed_part_opens_under_no_other_manifest() {
    let changes: [fn(&mut evidence::Manifest); 7] = [
        |manifest| manifest.parts[0].name = "other".to_owned(),
        |manifest| manifest.parts[0].size += 1,
        |manifest| manifest.parts[0].plaintext_root = Digest([0; 32]),
        |manifest| manifest.parts[0].leaves = evidence::disclosure::LeafScheme::Fields,
        |manifest| manifest.message_id = base::MessageId::new(now(), [77; 10]),
        |manifest| manifest.clause = "Art. 28".to_owned(),
        |manifest| manifest.nonce[0] ^= 1,
    ];
    for change in changes {
        let mut world = World::new();
        let envelope = dishonest(&world, change);
        assert_eq!(world.receive(&envelope).0, Taken::Refused(Reason::CannotOpen));
    }
}

/// A sender that seals other content than it commits to: part 0 sealed again under a changed manifest.
fn lying(world: &World, letter: &OutgoingLetter, change: impl Fn(&mut evidence::Manifest)) -> Vec<u8> {
    let prepared = world.prepared(letter);
    let mut manifest = Statement::read(&prepared.statement).unwrap().manifest().clone();
    change(&mut manifest);
    let aad = part_aad(&manifest.binding().unwrap(), 0);
    let (secret, content) = (&prepared.secrets[0], &letter.parts[0].content);
    let sealed = seal(&world.fr.card.enc, &aad, secret, content, &mut bytes_from(5)).unwrap();
    manifest.parts[0].ciphertext = digest_of(&sealed);
    let statement = Statement::sign(&manifest, &world.gb.keys.sign).unwrap();
    exchange::Envelope { statement: statement.as_bytes(), parts: vec![&sealed] }.encode()
}

fn structured(world: &World) -> OutgoingLetter {
    let mut letter = world.letter(1);
    letter.parts[0].media_type = "text/fields".to_owned();
    letter.parts[0].content = b"mass=1200\nconsignee=A. Trader".to_vec();
    letter.parts[0].fields = fields_of("text/fields", &letter.parts[0].content);
    letter
}

#[test]
fn a_sender_that_commits_to_other_content_is_refused() {
    let mut world = World::new();
    let letter = structured(&world);
    for change in [
        (|manifest| manifest.parts[0].size += 1) as fn(&mut evidence::Manifest),
        |manifest| manifest.parts[0].plaintext_root = Digest([0; 32]),
        |manifest| manifest.parts[0].leaves = evidence::disclosure::LeafScheme::Whole,
        |manifest| manifest.parts[0].media_type = "text/plain".to_owned(),
    ] {
        let mut world = World::new();
        let envelope = lying(&world, &letter, change);
        assert_eq!(world.receive(&envelope).0, Taken::Refused(Reason::ContentMismatch));
    }
    // Fields that say something else than the content does.
    let mut two_faced = letter.clone();
    two_faced.parts[0].fields[0].value = "12".to_owned();
    let envelope = world.prepared(&two_faced).envelope;
    assert_eq!(world.receive(&envelope).0, Taken::Refused(Reason::ContentMismatch));
}

#[test]
fn each_field_of_a_structured_part_can_be_shown_by_sender_and_recipient() {
    let world = World::new();
    let letter = structured(&world);
    let prepared = world.prepared(&letter);
    let incoming = read_statement(&prepared.envelope).unwrap();
    let inbox = exchange::InboxView { found: None, expected_sequence: 1 };
    let arrival = exchange::Arrival { peer: &world.peer, inbox: &inbox, now: now() };
    let assessed = exchange::assess(&incoming, &world.fr.receiver(), &world.register, &arrival).unwrap();
    let exchange::Assessment::New(opened) = assessed else {
        panic!("it is new: {assessed:?}");
    };
    let (part, fields) = (&letter.parts[0], &letter.parts[0].fields);
    let described = &opened.manifest.parts[0];
    for secret in [&prepared.secrets[0], &opened.parts[0].secret] {
        let tree = LeafTree::new(secret, &part.content, fields).unwrap();
        let shown = tree.show_field(&fields[0]).unwrap();
        shown.verify(described).unwrap();
        tree.show_whole(&part.content).unwrap().verify(described).unwrap();
    }
}

#[test]
fn what_settles_a_message_frees_the_next_and_what_does_not_waits() {
    let mut world = World::new();
    let mut expired = world.letter(1);
    expired.expires = now().plus_micros(1);
    world.now = now().plus_micros(1);
    let second = world.prepared(&world.letter(2));
    assert_eq!(world.receive(&second.envelope).0, Taken::Gap(1));
    assert_eq!(world.receive(&world.prepared(&expired).envelope).0, Taken::Refused(Reason::Expired));
    assert!(matches!(world.receive(&second.envelope).0, Taken::Applied(_)));
    let third = world.prepared(&world.letter(3));
    world.register.cards[0].valid_until = now();
    assert_eq!(world.receive(&third.envelope).0, Taken::Refused(Reason::KeyNotActive));
    world.register.cards[0].valid_until = now().plus_seconds(86_400);
    assert!(matches!(world.receive(&third.envelope).0, Taken::Applied(_)));
}

#[test]
fn an_unreadable_envelope_is_refused_by_its_digest() {
    let mut world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let (taken, response) = world.receive(&prepared.envelope[..40]);
    assert_eq!(taken, Taken::Refused(Reason::Malformed));
    // The refusal is about those 40 bytes; it does not answer the whole envelope.
    let verified =
        exchange::verify_response(&response, &prepared.envelope, std::slice::from_ref(&world.fr.card), now());
    assert!(verified.unwrap_err().to_string().contains("another message"));
}

#[test]
fn the_agreements_room_can_refuse_with_a_clause() {
    let world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let incoming = read_statement(&prepared.envelope).unwrap();
    let refusal = Refusal::new(Reason::ClauseUnknown, "`Art. 27`");
    let response = refuse(&incoming, &refusal, &world.fr.receiver(), now()).unwrap();
    let Outcome::Refused(refused) = world.outcome(&response, &prepared) else {
        panic!("it is a refusal");
    };
    assert_eq!(refused.reason, Some(Reason::ClauseUnknown));
    assert!(refused.settles() && refused.words.ends_with("`Art. 27`"));
    assert!(StagedStatement::verify(&refused.stage, world.fr.card.sign).is_ok());
}

#[test]
fn only_the_parties_of_the_channel_can_prepare_and_only_within_the_limits() {
    let world = World::new();
    let letter = world.letter(1);
    let by = |node: &common::Node, card: &evidence::PublicKeys, letter: &OutgoingLetter| {
        prepare(letter, &node.sender(), card, &mut bytes_from(1)).unwrap_err()
    };
    assert!(matches!(by(&world.it, &world.fr.card, &letter), PrepareError::NotTheSender { .. }));
    assert!(matches!(by(&world.gb, &world.it.card, &letter), PrepareError::NotTheRecipient { .. }));
    let mut timeless = letter.clone();
    timeless.expires = timeless.created;
    assert!(matches!(by(&world.gb, &world.fr.card, &timeless), PrepareError::Evidence(_)));
}

#[test]
fn times_are_only_those_that_were_given() {
    let mut world = World::new();
    world.now = Timestamp::parse("2026-11-24T06:00:01Z").unwrap();
    let prepared = world.prepared(&world.letter(1));
    let (_, response) = world.receive(&prepared.envelope);
    let Outcome::Acknowledged(acknowledged) = world.outcome(&response, &prepared) else {
        panic!("it was acknowledged");
    };
    assert_eq!(acknowledged.at, world.now);
}
