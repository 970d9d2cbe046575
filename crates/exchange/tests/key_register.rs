//! Messages and answers under an agreement that has a key register: rotation, revocation, staleness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use base::{Administration, Timestamp};
use common::{Known, Node, Taken, World, bytes_from, now};
use evidence::key_register::{
    KeyEntry, KeyRegister, RegisteredKey, Revocation, RevocationReason, SignedAt, Standing, Threshold,
};
use evidence::{KeyId, KeySet, PublicKeys, Purpose};
use exchange::stages::{LaterStage, state, verify_stage};
use exchange::{
    AgreementStanding, AnswerError, Arrival, Assessment, Found, InboxView, Outcome, Reason, Refusal,
    Register, Under, acknowledge, acknowledge_again, answered_at, assess, read_statement, refuse,
    verify_response,
};

/// What a node knows once the parties have a register: the cards do not count any more.
struct WithRegister<'a> {
    known: &'a Known,
    register: KeyRegister,
    stale: Option<String>,
}

impl Register for WithRegister<'_> {
    fn cards(&self, _: &Administration) -> Vec<PublicKeys> {
        Vec::new()
    }

    fn knows(&self, _: &str, administration: &Administration) -> bool {
        self.register.parties().contains(administration)
    }

    fn standing(
        &self,
        agreement: &str,
        administration: &Administration,
        (purpose, key): (Purpose, KeyId),
        signed: &SignedAt,
    ) -> Standing {
        use evidence::key_register::KeyLookup;
        assert_eq!(agreement, "common-transit");
        self.register.standing(administration, purpose, key, signed)
    }

    fn stale(&self, _: &str, _: &str, _: Timestamp) -> Option<String> {
        self.stale.clone()
    }

    fn agreement(&self, id: &str, version: u32) -> Option<AgreementStanding> {
        self.known.agreement(id, version)
    }
}

fn with_register(world: &World) -> WithRegister<'_> {
    let threshold = Threshold { change: 2, revocation: 1 };
    let cards = [world.gb.card.clone(), world.fr.card.clone()];
    let expires = now().plus_seconds(86_400);
    let register = KeyRegister::genesis("common-transit", &cards, threshold, now(), expires).unwrap();
    WithRegister { known: &world.register, register, stale: None }
}

fn revoke(register: &mut KeyRegister, node: &Node, purpose: Purpose, position: u64) {
    let entry = register
        .entries
        .iter_mut()
        .find(|entry| entry.administration == node.administration && entry.key.purpose() == purpose);
    let reason = RevocationReason::Compromised;
    entry.unwrap().revocation = Some(Revocation { effective: now(), position, reason });
}

fn taken(world: &World, register: &WithRegister<'_>, envelope: &[u8]) -> (Taken, Vec<u8>) {
    let incoming = read_statement(envelope).unwrap();
    let inbox = InboxView { found: None, expected_sequence: 1 };
    let arrival = Arrival { peer: &world.peer, inbox: &inbox, now: world.now };
    match assess(&incoming, &world.fr.receiver(), register, &arrival).unwrap() {
        Assessment::New(opened) => {
            let appended = world.log.clone().append(opened.leaf);
            let answer = acknowledge(&opened, &world.fr.receiver(), &appended, world.now).unwrap();
            (Taken::Applied(Vec::new()), answer)
        }
        Assessment::Refused { refusal, response } => (Taken::Refused(refusal.reason), response),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_revoked_key_is_refused_with_its_own_reason_from_its_effective_moment_on() {
    let mut world = World::new();
    let prepared = world.prepared(&world.letter(1));
    world.now = now().plus_micros(-1);
    let mut register = with_register(&world);
    revoke(&mut register.register, &world.gb, Purpose::Sign, 7);
    assert_eq!(taken(&world, &register, &prepared.envelope).0, Taken::Applied(Vec::new()));
    world.now = now();
    let mut register = with_register(&world);
    revoke(&mut register.register, &world.gb, Purpose::Sign, 7);
    let (refused, answer) = taken(&world, &register, &prepared.envelope);
    assert_eq!(refused, Taken::Refused(Reason::KeyRevoked));
    let keys = Under { register: &register, agreement: "common-transit", now: now() };
    let Ok(Outcome::Refused(refused)) = verify_response(&answer, &prepared.envelope, &keys, now()) else {
        panic!("a signed refusal")
    };
    assert!(!refused.settles() && refused.words.contains("compromised"), "{}", refused.words);
}

#[test]
fn a_new_key_counts_as_soon_as_the_register_has_it() {
    let mut world = World::new();
    let mut fresh = KeySet::draw(&mut bytes_from(77)).keys().unwrap();
    std::mem::swap(&mut world.gb.keys.sign, &mut fresh.sign);
    let prepared = world.prepared(&world.letter(1));
    let mut register = with_register(&world);
    assert_eq!(taken(&world, &register, &prepared.envelope).0, Taken::Refused(Reason::KeyNotActive));
    register.register.put(KeyEntry {
        administration: world.gb.administration.clone(),
        key: RegisteredKey::Sign(world.gb.keys.sign.public()),
        from: now(),
        until: now().plus_seconds(86_400),
        revocation: None,
    });
    assert_eq!(taken(&world, &register, &prepared.envelope).0, Taken::Applied(Vec::new()));
}

#[test]
fn a_part_opens_with_an_older_key_that_is_still_held() {
    let mut world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let fresh = KeySet::draw(&mut bytes_from(78)).keys().unwrap();
    let older = std::mem::replace(&mut world.fr.keys.enc, fresh.enc);
    assert_eq!(taken(&world, &with_register(&world), &prepared.envelope).0, Taken::Refused(Reason::NotForUs));
    world.fr.keys.held.push(older);
    assert_eq!(taken(&world, &with_register(&world), &prepared.envelope).0, Taken::Applied(Vec::new()));
}

#[test]
fn an_answer_under_a_revoked_key_counts_if_a_log_key_that_counts_proves_it_older() {
    let mut world = World::new();
    (0..5).for_each(|_| world.log.push([1; 32]));
    let prepared = world.prepared(&world.letter(1));
    let (_, answer) = taken(&world, &with_register(&world), &prepared.envelope);
    // The acknowledgement is about position 5, its receipt under a tree head of size 6.
    for (purpose, position, counts) in [
        (Purpose::Sign, 6, true),
        (Purpose::Sign, 5, false),
        // The size of a tree is the word of the very key in question.
        (Purpose::Log, 5, false),
        (Purpose::Log, 6, false),
        (Purpose::Log, 1000, false),
    ] {
        let mut register = with_register(&world);
        revoke(&mut register.register, &world.fr, purpose, position);
        let keys = Under { register: &register, agreement: "common-transit", now: now() };
        let outcome = verify_response(&answer, &prepared.envelope, &keys, now());
        assert_eq!(matches!(outcome, Ok(Outcome::Acknowledged(_))), counts, "{purpose} {position}");
        let refused = matches!(outcome, Err(AnswerError::KeyNotActive { .. }));
        assert_eq!(refused, !counts, "{purpose} {position}");
        // What comes before the revocation takes effect counts.
        let before = now().plus_micros(-1);
        let keys = Under { register: &register, agreement: "common-transit", now: before };
        assert!(verify_response(&answer, &prepared.envelope, &keys, before).is_ok());
    }
}

/// Whoever has a revoked key may write any moment into what it signs: what counts is when it comes, whoever looks the
/// keys up.
#[test]
fn a_backdated_stage_or_refusal_under_a_revoked_key_is_refused() {
    let world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let mut register = with_register(&world);
    revoke(&mut register.register, &world.fr, Purpose::Sign, 0);
    let before = now().plus_micros(-1);
    let incoming = read_statement(&prepared.envelope).unwrap();
    let about = (incoming.message_id(), incoming.digest());
    let receiver = world.fr.receiver();
    let delivered = state(LaterStage::Delivered, about, &receiver, before).unwrap();
    let refusal = Refusal::new(Reason::NotAParty, "");
    let refused = refuse(&incoming, &refusal, &receiver, before).unwrap();
    let keys = &register.register;
    let brought = |at| verify_stage(&delivered, about, &world.fr.administration, keys, at);
    let answered = |at| verify_response(&refused, &prepared.envelope, keys, at);
    assert!(brought(before).is_ok() && answered(before).is_ok());
    assert!(matches!(brought(now()), Err(AnswerError::KeyNotActive { .. })));
    assert!(matches!(answered(now()), Err(AnswerError::KeyNotActive { .. })));
}

#[test]
fn nothing_new_is_taken_under_a_register_that_is_stale_for_it() {
    let world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let register = WithRegister { stale: Some("since yesterday".to_owned()), ..with_register(&world) };
    let (refused, _) = taken(&world, &register, &prepared.envelope);
    assert_eq!(refused, Taken::Refused(Reason::RegisterStale));
}

/// What a node does with a letter that it has answered before.
fn asked_again(world: &World, register: &WithRegister<'_>, envelope: &[u8], answer: &[u8]) -> Assessment {
    let incoming = read_statement(envelope).unwrap();
    let found = Some(Found { digest: incoming.digest(), response: answer.to_vec() });
    let inbox = InboxView { found, expected_sequence: 2 };
    let arrival = Arrival { peer: &world.peer, inbox: &inbox, now: now() };
    assess(&incoming, &world.fr.receiver(), register, &arrival).unwrap()
}

/// The recipient takes other keys for statements and for its log, which the register has.
fn with_new_keys(world: &mut World, register: &mut KeyRegister) {
    let fresh = KeySet::draw(&mut bytes_from(79)).keys().unwrap();
    for key in [RegisteredKey::Sign(fresh.sign.public()), RegisteredKey::Log(fresh.log.public())] {
        register.put(KeyEntry {
            administration: world.fr.administration.clone(),
            key,
            from: now(),
            until: now().plus_seconds(86_400),
            revocation: None,
        });
    }
    (world.fr.keys.sign, world.fr.keys.log) = (fresh.sign, fresh.log);
}

#[test]
fn a_letter_is_receipted_anew_only_where_the_sender_would_not_believe_the_first_answer() {
    for (purpose, position, renews) in [
        // The acknowledgement is about position 5.
        (None, 0, false),
        (Some(Purpose::Sign), 6, false),
        (Some(Purpose::Sign), 5, true),
        (Some(Purpose::Log), 1000, true),
        (Some(Purpose::Enc), 0, false),
    ] {
        let mut world = World::new();
        (0..5).for_each(|_| world.log.push([1; 32]));
        let prepared = world.prepared(&world.letter(1));
        let (_, answer) = taken(&world, &with_register(&world), &prepared.envelope);
        let leaf =
            evidence::merkle::leaf_hash(exchange::Envelope::decode(&prepared.envelope).unwrap().statement);
        let mut place = world.log.append(leaf);
        let mut register = with_register(&world).register;
        if let Some(purpose) = purpose {
            revoke(&mut register, &world.fr, purpose, position);
        }
        // Nothing is given anew under keys that do not count either.
        let held = WithRegister { register: register.clone(), ..with_register(&world) };
        let repeated = asked_again(&world, &held, &prepared.envelope, &answer);
        assert!(matches!(repeated, Assessment::Repeat { response } if response == answer), "{purpose:?}");
        let known = World::new().register;
        with_new_keys(&mut world, &mut register);
        let register = WithRegister { known: &known, register, stale: None };
        let keys = Under { register: &register, agreement: "common-transit", now: now() };
        let believed = verify_response(&answer, &prepared.envelope, &keys, now()).is_ok();
        assert_eq!(believed, !renews, "{purpose:?} {position}");
        match asked_again(&world, &register, &prepared.envelope, &answer) {
            Assessment::Repeat { response } => {
                assert!(!renews && response == answer, "{purpose:?} {position}")
            }
            Assessment::Withdrawn { index: 5 } => {
                assert!(renews, "{purpose:?} {position}");
                let incoming = read_statement(&prepared.envelope).unwrap();
                let again = acknowledge_again(&incoming, &world.fr.receiver(), &place, now()).unwrap();
                let outcome = verify_response(&again, &prepared.envelope, &keys, now());
                assert!(matches!(outcome, Ok(Outcome::Acknowledged(_))), "{outcome:?}");
                assert!(answered_at(&answer).is_some() && answered_at(&again) == Some(now()));
                // From now on that one is repeated, byte by byte.
                let repeated = asked_again(&world, &register, &prepared.envelope, &again);
                assert!(matches!(repeated, Assessment::Repeat { response } if response == again));
                place.index = 4;
                assert!(
                    acknowledge_again(&incoming, &world.fr.receiver(), &place, now()).is_err(),
                    "its own leaf"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_refusal_under_a_key_that_was_revoked_is_signed_anew() {
    let mut world = World::new();
    let prepared = world.prepared(&world.letter(1));
    let incoming = read_statement(&prepared.envelope).unwrap();
    let refusal = Refusal::new(Reason::NotAParty, "`NTA.XX`");
    let before = now().plus_micros(-1);
    let answer = refuse(&incoming, &refusal, &world.fr.receiver(), before).unwrap();
    let mut register = with_register(&world).register;
    revoke(&mut register, &world.fr, Purpose::Sign, 0);
    let known = World::new().register;
    with_new_keys(&mut world, &mut register);
    let register = WithRegister { known: &known, register, stale: None };
    let Assessment::Renewed { response } = asked_again(&world, &register, &prepared.envelope, &answer) else {
        panic!("a renewed refusal")
    };
    let keys = Under { register: &register, agreement: "common-transit", now: now() };
    assert!(verify_response(&answer, &prepared.envelope, &keys, now()).is_err());
    let Ok(Outcome::Refused(refused)) = verify_response(&response, &prepared.envelope, &keys, now()) else {
        panic!("a signed refusal")
    };
    assert!(refused.reason == Some(Reason::NotAParty) && refused.words.ends_with("`NTA.XX`"), "{refused:?}");
}
