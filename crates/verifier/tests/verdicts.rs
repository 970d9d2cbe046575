//! What files of evidence prove, and to whom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{DAY, Plan, World, administration, moment};
use evidence::{EvidenceFile, Statement};
use verifier::{Outcome, Standing, Trust, Verdict, verify};

fn verdict(file: &EvidenceFile, trust: &Trust) -> Verdict {
    verify(&file.encode().unwrap(), trust)
}

fn codes(verdict: &Verdict) -> Vec<String> {
    verdict.problems.iter().map(|problem| problem.code.clone()).collect()
}

#[test]
fn everything_is_proved_under_cards_that_are_trusted() {
    let world = World::new();
    let verdict = verdict(&world.file(&Plan::full()), &world.trust());
    assert_eq!(verdict.outcome, Outcome::Proved, "{}", verifier::report(&verdict));
    let codes: Vec<_> =
        verdict.findings.iter().map(|found| (found.code.as_str(), found.by.as_str())).collect();
    assert_eq!(
        codes,
        [
            ("statement", "NTA.GB"),
            ("checkpoint", "NTA.FR"),
            ("witness", "NTA.IT"),
            ("checkpoint", "NTA.GB"),
            ("witness", "NTA.IT"),
            ("log-receipt", "NTA.GB"),
            ("log-receipt", "NTA.FR"),
            ("stage-received", "NTA.FR"),
            ("stage-decided", "NTA.FR"),
        ]
    );
    assert_eq!(verdict.shown.len(), 2);
    assert_eq!(verdict.exit_code(), 0);
}

#[test]
fn without_trust_a_file_only_claims() {
    let world = World::new();
    let file = world.file(&Plan::full());
    let bare = verdict(&file, &Trust::nobody());
    assert_eq!((bare.outcome, bare.exit_code()), (Outcome::Unanchored, 2));
    assert!(bare.findings.iter().all(|found| found.standing == Standing::Claimed));
    assert!(verifier::report(&bare).contains(&world.gb.card.fingerprint()));
    // One of the two parties is not enough, as the file rests on both.
    let half = verdict(&file, &Trust::nobody().with_card(world.gb.card.clone()));
    assert_eq!(half.outcome, Outcome::Unanchored);
    // Fingerprints of cards that the file holds are as good as the cards.
    let read_out = [&world.gb, &world.fr]
        .into_iter()
        .fold(Trust::nobody(), |trust, party| trust.with_fingerprint(&party.card.fingerprint()).unwrap());
    let proved = verdict(&file, &read_out);
    assert_eq!(proved.outcome, Outcome::Proved);
    let witness = proved.findings.iter().find(|found| found.code == "witness").unwrap();
    assert_eq!(witness.standing, Standing::Claimed);
    let other = World { gb: common::Party::new("GB", 50), ..World::new() };
    assert_eq!(
        codes(&verdict(&EvidenceFile { cards: Vec::new(), ..file }, &other.trust())),
        ["key-unknown"; 3]
    );
}

#[test]
fn the_verdict_reads_like_this() {
    let world = World::new();
    let mut plan = Plan::full();
    (plan.witnessed, plan.checkpoints, plan.decided) = (false, false, false);
    let report = verifier::report(&verdict(&world.file(&plan), &world.trust()));
    insta::assert_snapshot!(report);
}

#[test]
fn the_json_form_has_the_same_content() {
    let world = World::new();
    let verdict = verdict(&world.file(&Plan::full()), &world.trust());
    let json: serde_json::Value = serde_json::from_str(&verdict.to_json()).unwrap();
    assert_eq!(json["outcome"], "proved");
    assert_eq!(json["message"]["from"], "NTA.GB");
    assert_eq!(json["findings"].as_array().unwrap().len(), verdict.findings.len());
    assert_eq!(json["not_proved"][0]["code"], "revocations");
}

type Change = fn(&mut EvidenceFile, &World);

#[test]
fn what_does_not_hold_together_is_refused() {
    let changes: [(&str, Change); 9] = [
        ("signature", |file, world| {
            let manifest = Statement::read(file.statement.as_bytes()).unwrap().manifest().clone();
            let mut bytes = Statement::sign(&manifest, &world.gb.keys.sign).unwrap().into_bytes();
            *bytes.last_mut().unwrap() ^= 1;
            file.statement = Statement::from_bytes(bytes).unwrap();
        }),
        ("disclosure", |file, _| file.shown[0].shown.value = b"1".to_vec()),
        ("disclosure", |file, _| file.shown[0].shown.path = "Consignment/grossMass".to_owned()),
        ("contradiction", |file, _| file.shown[0].part = 1),
        ("proof", |file, _| file.checkpoints[0].index += 1),
        ("contradiction", |file, world| {
            let other = world.file(&Plan { number: 9, ..Plan::full() });
            file.stages.extend(other.stages);
        }),
        ("signature", |file, world| {
            let other = world.file(&Plan { number: 9, ..Plan::full() });
            file.receipts.extend(other.receipts);
        }),
        ("contradiction", |file, world| {
            let refused = Plan { refused: true, recipient_log: false, decided: false, ..Plan::full() };
            file.stages.extend(world.file(&refused).stages);
        }),
        ("contradiction", |file, world| {
            file.conflict = world.file(&Plan { number: 9, conflict: true, ..Plan::full() }).conflict;
        }),
    ];
    let world = World::new();
    for (at, (code, change)) in changes.into_iter().enumerate() {
        let mut file = world.file(&Plan::full());
        change(&mut file, &world);
        let verdict = verdict(&file, &world.trust());
        assert_eq!((verdict.outcome, verdict.exit_code()), (Outcome::Refused, 1), "change {at}");
        assert!(codes(&verdict).iter().any(|found| found == code), "change {at}: {:?}", verdict.problems);
    }
}

#[test]
fn a_conflict_and_a_refusal_are_proved() {
    let world = World::new();
    let conflict = verdict(&world.file(&Plan { conflict: true, ..Plan::full() }), &world.trust());
    assert_eq!(conflict.outcome, Outcome::Proved);
    assert!(conflict.findings.iter().any(|found| found.code == "conflict"));
    let plan = Plan { refused: true, recipient_log: false, decided: false, ..Plan::full() };
    let refused = verdict(&world.file(&plan), &world.trust());
    assert_eq!(refused.outcome, Outcome::Proved);
    assert!(refused.findings.iter().any(|found| found.code == "stage-refused"));
    assert!(refused.not_proved.iter().any(|gap| gap.code == "no-receipt"));
}

#[test]
fn a_key_that_was_not_valid_then_proves_nothing() {
    let world = World::new();
    let file = world.file(&Plan::full());
    let mut card = world.gb.card.clone();
    card.valid_until = moment();
    let trust = Trust::nobody().with_card(card).with_card(world.fr.card.clone());
    // The file's own card says otherwise, and is not heard.
    assert!(codes(&verdict(&file, &trust)).contains(&"key-not-valid".to_owned()));
    let mut card = world.gb.card.clone();
    card.valid_until = moment().plus_seconds(20);
    let trust = Trust::nobody().with_card(card).with_card(world.fr.card.clone());
    let late = verdict(&file, &trust);
    assert_eq!(codes(&late), ["key-not-valid"], "the recipient took it after the key had expired");
}

#[test]
fn evidence_holds_after_every_key_was_rotated() {
    let world = World::new();
    let file =
        EvidenceFile { cards: Vec::new(), registers: world.registers(None), ..world.file(&Plan::full()) };
    // Trust in the cards of old, or in the newest register alone.
    let newest = world.registers(None).pop().unwrap();
    assert!(newest.register().issued > moment().plus_seconds(9 * DAY));
    for trust in [
        world.trust(),
        Trust::nobody().with_register(newest.clone()),
        Trust::nobody().with_fingerprint(&newest.digest().to_string()).unwrap(),
        Trust::nobody().with_file(&newest.to_bytes()).unwrap(),
    ] {
        let verdict = verdict(&file, &trust);
        assert_eq!(verdict.outcome, Outcome::Proved, "{}", verifier::report(&verdict));
    }
    assert_eq!(verdict(&file, &Trust::nobody()).outcome, Outcome::Unanchored);
    // A register that follows one that is believed is believed.
    let first = Trust::nobody().with_register(world.registers(None).remove(0));
    assert_eq!(verdict(&file, &first).outcome, Outcome::Proved);
}

#[test]
fn what_a_revoked_key_signed_holds_before_its_effective_position_and_not_after() {
    let world = World::new();
    let with = |plan: &Plan, position| EvidenceFile {
        registers: world.registers(Some(position)),
        ..world.file(plan)
    };
    // The log of Great Britain holds the message at position 5.
    let plan = Plan { witnessed: false, ..Plan::full() };
    assert_eq!(verdict(&with(&plan, 6), &world.trust()).outcome, Outcome::Proved);
    for position in [5, 0] {
        let refused = verdict(&with(&plan, position), &world.trust());
        assert_eq!((refused.outcome, codes(&refused)), (Outcome::Refused, vec!["key-revoked".to_owned()]));
    }
    // Whatever position the owner names, what witnesses saw before the revocation took effect holds.
    assert_eq!(verdict(&with(&Plan::full(), 0), &world.trust()).outcome, Outcome::Proved);
    // Where its own log is not in the file, nothing proves that it was signed before ...
    let unproved = Plan { sender_log: false, checkpoints: false, ..plan };
    assert_eq!(codes(&verdict(&with(&unproved, 6), &world.trust())), ["key-revoked"]);
    // ... but a register that nobody vouches for takes no key away, and one that is trusted does.
    let file = world.file(&unproved);
    assert_eq!(verdict(&file, &world.trust()).outcome, Outcome::Proved);
    let newest = world.registers(Some(0)).pop().unwrap();
    assert_eq!(codes(&verdict(&file, &world.trust().with_register(newest))), ["key-revoked"]);
    assert_eq!(world.gb.administration, administration("GB"));
}
