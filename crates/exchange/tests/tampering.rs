//! No bit of what travels can be changed unseen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Taken, World, now};
use evidence::merkle::Frontier;
use evidence::{Digest, PublicKeys, Receipt, Stage, StageName, StagedStatement, TreeHead, digest_of, merkle};
use exchange::{
    Assessment, Outcome, Reason, Response, acknowledge_under, assess, read_statement, verify_acknowledgement,
    verify_conflict, verify_response,
};

/// Every bit with TIDEWAITER_FULL, else one or more of each byte: `step` is odd, so that all eight positions occur.
fn bits(bytes: &[u8], step: usize) -> impl Iterator<Item = usize> + use<> {
    let step = if std::env::var_os("TIDEWAITER_FULL").is_some() { 1 } else { step };
    (0..bytes.len() * 8).step_by(step)
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[bit / 8] ^= 1 << (bit % 8);
    changed
}

/// An answered message: its envelope and the answer.
fn answered(world: &mut World) -> (exchange::Prepared, Vec<u8>) {
    let prepared = world.prepared(&world.letter(1));
    let (taken, response) = world.receive(&prepared.envelope);
    assert!(matches!(taken, Taken::Applied(_)));
    (prepared, response)
}

#[test]
fn no_changed_envelope_is_applied() {
    let mut world = World::new();
    let prepared = world.prepared(&world.letter(1));
    for bit in bits(&prepared.envelope, 3) {
        let (taken, _) = world.receive(&flipped(&prepared.envelope, bit));
        let Taken::Refused(reason) = taken else {
            panic!("bit {bit}: {taken:?}");
        };
        assert!(
            !reason.settles(),
            "bit {bit}: a changed envelope must not use up the number, but {reason} does"
        );
    }
    for length in 0..prepared.envelope.len() {
        let (taken, _) = world.receive(&prepared.envelope[..length]);
        assert_eq!(taken, Taken::Refused(Reason::Malformed));
    }
    assert_eq!(world.log.size(), 0);
    assert!(matches!(world.receive(&prepared.envelope).0, Taken::Applied(_)));
}

#[test]
fn no_changed_acknowledgement_is_believed() {
    let mut world = World::new();
    // A log with some history, so that the receipt has a path.
    (0..5u8).for_each(|number| world.log.push([number; 32]));
    let (prepared, response) = answered(&mut world);
    let cards = [world.fr.card.clone()];
    for bit in bits(&response, 1) {
        let outcome = verify_response(&flipped(&response, bit), &prepared.envelope, &cards, now());
        assert!(outcome.is_err(), "bit {bit}: {outcome:?}");
    }
    for length in 0..response.len() {
        assert!(verify_response(&response[..length], &prepared.envelope, &cards, now()).is_err());
    }
    assert!(matches!(
        verify_response(&response, &prepared.envelope, &cards, now()),
        Ok(Outcome::Acknowledged(_))
    ));
}

#[test]
fn no_changed_refusal_or_conflict_proof_is_believed() {
    let mut world = World::new();
    answered(&mut world);
    let mut other = world.letter(1);
    other.purpose = "statistics".to_owned();
    let conflicting = world.prepared(&other);
    let (_, conflict) = world.receive(&conflicting.envelope);
    let mut letter = world.letter(2);
    letter.agreement.version = 9;
    let refused = world.prepared(&letter);
    let (_, refusal) = world.receive(&refused.envelope);
    let cards = [world.fr.card.clone()];
    for (response, prepared) in [(conflict, conflicting), (refusal, refused)] {
        assert!(verify_response(&response, &prepared.envelope, &cards, now()).is_ok());
        for bit in bits(&response, 1) {
            let outcome = verify_response(&flipped(&response, bit), &prepared.envelope, &cards, now());
            assert!(outcome.is_err(), "bit {bit}: {outcome:?}");
        }
    }
}

fn acknowledgement(response: &[u8]) -> Vec<u8> {
    match Response::decode(response).unwrap() {
        Response::Acknowledged(body) => body,
        other => panic!("{other:?} is not an acknowledgement"),
    }
}

#[test]
fn an_acknowledgement_proves_one_message_of_one_recipient_at_one_time() {
    let mut world = World::new();
    let (prepared, response) = answered(&mut world);
    let body = acknowledgement(&response);
    let verify = |cards: &[PublicKeys]| verify_acknowledgement(&body, &prepared.statement, cards, now());
    let card = world.fr.card.clone();
    assert!(verify(&[world.it.card.clone(), card.clone()]).is_ok());
    assert!(verify(&[]).is_err());
    assert!(verify(&[world.it.card.clone()]).is_err());
    assert!(verify(&[PublicKeys { administration: common::administration("IT"), ..card.clone() }]).is_err());
    assert!(verify(&[PublicKeys { valid_until: now(), ..card.clone() }]).is_err());
    assert!(verify(&[PublicKeys { valid_from: now().plus_micros(1), ..card.clone() }]).is_err());
    assert!(verify(&[PublicKeys { log: card.witness, ..card.clone() }]).is_err());
    assert!(verify(&[PublicKeys { sign: card.log.into(), ..card.clone() }]).is_err());
    let other = world.prepared(&world.letter(2));
    assert!(verify_acknowledgement(&body, &other.statement, &[card], now()).is_err());
}

#[test]
fn keys_that_were_rotated_apart_still_verify() {
    let mut world = World::new();
    let (prepared, response) = answered(&mut world);
    let card = world.fr.card.clone();
    // One card has the new log key and the other the old one; the signing key is on the first only.
    let cards = [
        PublicKeys { log: world.it.card.log, ..card.clone() },
        PublicKeys { sign: world.it.card.sign, ..card },
    ];
    assert!(verify_acknowledgement(&acknowledgement(&response), &prepared.statement, &cards, now()).is_ok());
}

/// An acknowledgement that the recipient signed and that contradicts itself or the message.
fn forged(world: &World, prepared: &exchange::Prepared, change: impl Fn(&mut Stage)) -> Vec<u8> {
    let appended = Frontier::new().append(prepared.leaf);
    let receipt = Receipt::issue(&world.fr.administration, &appended, &world.fr.keys.log).unwrap();
    let mut stage = Stage {
        by: world.fr.administration.clone(),
        name: StageName::Received,
        message_id: Some(world.letter(1).message_id),
        statement: prepared.digest,
        entry: Some((0, 1)),
        at: now(),
        reason: None,
    };
    change(&mut stage);
    let staged = StagedStatement::sign(&stage, &world.fr.keys.sign).unwrap();
    let mut out = evidence::cbor::Writer::new();
    out.array(3).uint(1).bytes(staged.as_bytes()).bytes(receipt.as_bytes());
    out.finish()
}

#[test]
fn an_acknowledgement_that_contradicts_itself_is_not_believed() {
    type Change = fn(&mut Stage);
    let world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let cards = [world.fr.card.clone()];
    let verify = |change: Change| {
        verify_acknowledgement(&forged(&world, &prepared, change), &prepared.statement, &cards, now())
    };
    assert!(verify(|_| {}).is_ok());
    assert!(verify(|stage| stage.entry = Some((0, 2))).is_err());
    assert!(verify(|stage| stage.statement = Digest([0; 32])).is_err());
    assert!(verify(|stage| stage.message_id = Some(base::MessageId::new(now(), [9; 10]))).is_err());
    assert!(verify(|stage| stage.name = StageName::Decided).is_err());
    assert!(verify(|stage| stage.by = common::administration("IT")).is_err());
    assert!(verify(|stage| stage.at = now().plus_seconds(-2 * 86_400)).is_err());
}

#[test]
fn an_answer_of_one_kind_does_not_pass_for_another() {
    let mut world = World::new();
    let (prepared, response) = answered(&mut world);
    let cards = [world.fr.card.clone()];
    let body = acknowledgement(&response);
    let received = {
        let mut input = evidence::cbor::Reader::new("test", &body);
        input.array_of(3).unwrap();
        input.uint().unwrap();
        input.bytes().unwrap().to_vec()
    };
    for other in [Response::Refused(received.clone()), Response::Conflict(received), Response::Conflict(body)]
    {
        assert!(verify_response(&other.encode(), &prepared.envelope, &cards, now()).is_err());
    }
}

#[test]
fn a_gap_answer_that_makes_no_sense_is_not_believed() {
    let world = World::new();
    let prepared = world.prepared(&world.letter(3));
    let verify =
        |expected| verify_response(&Response::Gap { expected }.encode(), &prepared.envelope, &[], now());
    assert_eq!(verify(2), Ok(Outcome::Gap { expected: 2 }));
    for expected in [0, 3, 4, u64::MAX] {
        assert!(verify(expected).is_err());
    }
}

#[test]
fn a_conflict_proof_is_about_the_statement_that_it_answers() {
    let mut world = World::new();
    answered(&mut world);
    let mut other = world.letter(1);
    other.clause = "Art. 28".to_owned();
    let second = world.prepared(&other);
    let (_, response) = world.receive(&second.envelope);
    let Response::Conflict(proof) = Response::decode(&response).unwrap() else {
        panic!("it is a conflict proof");
    };
    let cards = [world.fr.card.clone()];
    assert_eq!(
        verify_conflict(&proof, &second.statement, &cards, now()).unwrap().second,
        digest_of(&second.statement)
    );
    other.clause = "Art. 29".to_owned();
    assert!(verify_conflict(&proof, &world.prepared(&other).statement, &cards, now()).is_err());
    assert!(verify_conflict(&proof, &second.statement, &[world.it.card.clone()], now()).is_err());
}

#[test]
fn a_batch_is_acknowledged_under_one_tree_head() {
    let world = World::new();
    let letters: Vec<_> = (1..=3)
        .map(|number| {
            let mut letter = world.letter(number);
            letter.channel = evidence::Channel::parse(&format!("NTA.GB>NTA.FR/case-{number}")).unwrap();
            letter.sequence = 1;
            letter
        })
        .collect();
    let prepared: Vec<_> = letters.iter().map(|letter| world.prepared(letter)).collect();
    let leaves: Vec<_> = prepared.iter().map(|message| message.leaf).collect();
    let receiver = world.fr.receiver();
    let head =
        TreeHead::sign(&world.fr.administration, 3, &merkle::root(&leaves), &world.fr.keys.log).unwrap();
    for (index, message) in prepared.iter().enumerate() {
        let incoming = read_statement(&message.envelope).unwrap();
        let inbox = exchange::InboxView { found: None, expected_sequence: 1 };
        let arrival = exchange::Arrival { peer: &world.peer, inbox: &inbox, now: now() };
        let Assessment::New(opened) = assess(&incoming, &receiver, &world.register, &arrival).unwrap() else {
            panic!("it is new");
        };
        let path = merkle::inclusion_path(&leaves, index).unwrap();
        let response = acknowledge_under(&opened, &receiver, &head, (index as u64, &path), now()).unwrap();
        let Outcome::Acknowledged(acknowledged) = world.outcome(&response, message) else {
            panic!("it was acknowledged");
        };
        assert_eq!((acknowledged.included.index, acknowledged.included.size), (index as u64, 3));
    }
}

#[test]
fn an_acknowledgement_is_not_made_from_another_leaf() {
    let world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let incoming = read_statement(&prepared.envelope).unwrap();
    let inbox = exchange::InboxView { found: None, expected_sequence: 1 };
    let arrival = exchange::Arrival { peer: &world.peer, inbox: &inbox, now: now() };
    let Assessment::New(opened) = assess(&incoming, &world.fr.receiver(), &world.register, &arrival).unwrap()
    else {
        panic!("it is new");
    };
    let appended = Frontier::new().append([1; 32]);
    assert!(exchange::acknowledge(&opened, &world.fr.receiver(), &appended, now()).is_err());
}
