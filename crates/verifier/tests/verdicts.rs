//! What files of evidence prove, and to whom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{DAY, Party, Plan, World, administration, moment};
use evidence::key_register::{
    Approval, KeyEntry, KeyRegister, RegisteredKey, Revocation, RevocationReason, SignedRegister, Threshold,
};
use evidence::{EvidenceFile, StageName, Statement};
use verifier::{Given, Outcome, Standing, Trust, Verdict, verify, verify_with};

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
    let gaps: Vec<_> = proved.not_proved.iter().map(|gap| gap.code.as_str()).collect();
    assert!(gaps.contains(&"no-witness") && gaps.contains(&"witness-unvouched"), "{gaps:?}");
    let other = World { gb: Party::new("GB", 50), ..World::new() };
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

/// A file that is given to be compared.
fn given(file: &EvidenceFile, name: &str, content: &[u8]) -> Given {
    Given::read(&file.encode().unwrap(), name, &mut &*content).unwrap()
}

#[test]
fn the_attachments_that_a_statement_covers_are_told_and_compared() {
    let world = World::new();
    let file = world.file(&Plan {
        attachments: 2,
        witnessed: false,
        checkpoints: false,
        decided: false,
        ..Plan::full()
    });
    let bytes = file.encode().unwrap();
    let plain = verdict(&file, &world.trust());
    assert_eq!(plain.outcome, Outcome::Proved);
    let of = |at: usize| {
        (plain.attachments[at].name.as_str(), plain.attachments[at].size, plain.attachments[at].chunks)
    };
    assert_eq!([of(0), of(1)], [("scan-1.tif", 200_000, 1), ("scan-2.tif", 400_000, 2)]);
    let right = given(&file, "copy.tif", &World::attachment(2));
    let proved = verify_with(&bytes, &world.trust(), std::slice::from_ref(&right));
    assert_eq!((proved.outcome, proved.exit_code()), (Outcome::Proved, 0));
    assert_eq!(proved.attachments[1].given.as_deref(), Some("copy.tif"));
    assert_eq!(proved.attachments[0].given, None);
    insta::assert_snapshot!(verifier::report(&proved));
    let json: serde_json::Value = serde_json::from_str(&proved.to_json()).unwrap();
    assert_eq!(json["attachments"][1]["given"], "copy.tif");
    assert_eq!(json["attachments"][1]["chunks"], 2);

    let mut changed = World::attachment(2);
    changed[300_000] ^= 1;
    let (not_shown, none) = ("is not shown to be one of the attachments", "is none of the attachments");
    for (wrong, words) in
        [(changed, not_shown), (World::attachment(2)[..399_999].to_vec(), none), (Vec::new(), none)]
    {
        let wrong = [right.clone(), given(&file, "other.tif", &wrong)];
        let refused = verify_with(&bytes, &world.trust(), &wrong);
        assert_eq!((refused.outcome, codes(&refused)), (Outcome::Refused, vec!["attachment".to_owned()]));
        assert!(refused.problems[0].words.contains(words), "{}", refused.problems[0].words);
        assert!(verifier::report(&refused).ends_with("Everything in the evidence file itself holds.\n"));
        // A file of self-made keys holds together, and proves nothing.
        let bare = verify_with(&bytes, &Trust::nobody(), &wrong);
        assert_eq!((bare.outcome, codes(&bare)), (Outcome::Refused, vec!["attachment".to_owned()]));
        let report = verifier::report(&bare);
        assert!(!report.contains("itself holds.") && report.ends_with("with --trust.\n"), "{report}");
    }
}

#[test]
fn salts_that_nobody_signed_disprove_nothing() {
    let world = World::new();
    let file = world.file(&Plan { attachments: 2, ..Plan::full() });
    let gaps = |verdict: &Verdict| {
        let gaps = verdict.not_proved.iter().filter(|gap| ["salts", "content"].contains(&gap.code.as_str()));
        gaps.map(|gap| (gap.code.clone(), gap.words.contains("scan-2.tif"))).collect::<Vec<_>>()
    };
    let of_second = |code: &str| (code.to_owned(), true);
    let alone = gaps(&verdict(&file, &world.trust()));
    assert!(alone.contains(&of_second("salts")) && alone.contains(&of_second("content")), "{alone:?}");
    let copy = World::attachment(2);
    let right = verify_with(&file.encode().unwrap(), &world.trust(), &[given(&file, "copy.tif", &copy)]);
    assert!(gaps(&right).iter().all(|(_, of_second)| !of_second), "{:?}", right.not_proved);
    // Whoever hands on the file can put any salts into it: a genuine copy is not called a wrong one for that.
    let mut attachments = file.attachments.clone();
    attachments[1].secret = attachments[0].secret.clone();
    let other = EvidenceFile { attachments, ..file };
    let wrong = verify_with(&other.encode().unwrap(), &world.trust(), &[given(&other, "copy.tif", &copy)]);
    assert_eq!(codes(&wrong), ["attachment"]);
    let words = &wrong.problems[0].words;
    assert!(words.contains("not shown to be one") && words.contains("by the salts in this file"), "{words}");
    assert!(gaps(&wrong).contains(&of_second("salts")), "{:?}", wrong.not_proved);
}

#[test]
fn an_attachment_is_not_compared_without_its_salts() {
    let world = World::new();
    let file = world.file(&Plan { attachments: 1, comparable: false, ..Plan::full() });
    assert_eq!(verdict(&file, &world.trust()).outcome, Outcome::Proved);
    let right = given(&file, "copy.tif", &World::attachment(1));
    let refused = verify_with(&file.encode().unwrap(), &world.trust(), &[right]);
    assert_eq!(codes(&refused), ["attachment-incomparable"]);
    assert!(refused.problems[0].words.contains("--attachments"), "{}", refused.problems[0].words);
    // Salts of a part that is no attachment belong to another message.
    let foreign = world.file(&Plan { attachments: 1, ..Plan::full() }).attachments;
    for part in [0, 1, 7] {
        let mut shown = foreign[0].clone();
        shown.part = part;
        let file = EvidenceFile { attachments: vec![shown], ..world.file(&Plan::full()) };
        assert_eq!(codes(&verdict(&file, &world.trust())), ["contradiction"], "part {part}");
    }
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

/// A register that only these have approved.
fn approved(register: KeyRegister, by: &[&Party]) -> SignedRegister {
    let mut signed = SignedRegister::proposal(register).unwrap();
    for party in by {
        let (key, at) = (&party.keys.sign, signed.register().issued);
        signed.add(Approval::sign(signed.register(), &party.administration, key, at).unwrap());
    }
    signed
}

/// A register of which Great Britain alone is steward.
fn register_of_gb(world: &World) -> KeyRegister {
    let (issued, alone) = (moment().plus_seconds(-DAY), Threshold { change: 1, revocation: 1 });
    let cards = [world.gb.card.clone()];
    KeyRegister::genesis("common-transit", &cards, alone, issued, issued.plus_seconds(90 * DAY)).unwrap()
}

#[test]
fn a_party_alone_vouches_for_no_keys_of_the_other() {
    let world = World::new();
    // Great Britain makes up a France of its own, and signs for it.
    let false_world = World { gb: Party::new("GB", 1), fr: Party::new("FR", 70), it: Party::new("IT", 3) };
    let mut file = EvidenceFile { cards: Vec::new(), ..false_world.file(&Plan::full()) };
    let refused = |file: &EvidenceFile, what: &str| {
        let verdict = verdict(file, &world.trust());
        let proved = |by: &str| {
            verdict.findings.iter().any(|found| found.by == by && found.standing == Standing::Proved)
        };
        assert!(verdict.outcome != Outcome::Proved && !proved("NTA.FR"), "{what}");
    };
    let mut listed = register_of_gb(&world);
    KeyEntry::of_card(&false_world.fr.card).into_iter().for_each(|entry| listed.put(entry));
    file.registers = vec![approved(listed, &[&world.gb])];
    refused(&file, "its register lists keys of France");

    let mut steward = register_of_gb(&world);
    steward.admit(&false_world.fr.card);
    file.registers = vec![approved(steward, &[&world.gb, &false_world.fr])];
    refused(&file, "its register lists a steward of France");

    let first = approved(register_of_gb(&world), &[&world.gb]);
    let mut second = first.register().next(moment(), moment().plus_seconds(DAY));
    second.admit(&false_world.fr.card);
    file.registers = vec![first, approved(second, &[&world.gb, &false_world.fr])];
    refused(&file, "its register admits a France");
    // The true France is admitted with the keys of its card.
    let first = approved(register_of_gb(&world), &[&world.gb]);
    let mut second = first.register().next(moment(), moment().plus_seconds(DAY));
    second.admit(&world.fr.card);
    let registers = vec![first, approved(second, &[&world.gb, &world.fr])];
    let good = verdict(&EvidenceFile { registers, ..world.file(&Plan::full()) }, &world.trust());
    assert_eq!(good.outcome, Outcome::Proved);
    assert!(good.keys.iter().filter(|held| held.kind == "register").all(|held| held.trusted));
}

#[test]
fn a_party_alone_revokes_no_key_of_the_other() {
    let world = World::new();
    let mut register = register_of_gb(&world);
    let reason = RevocationReason::Compromised;
    for entry in KeyEntry::of_card(&world.fr.card) {
        let revocation = Revocation { effective: moment(), position: 0, reason };
        register.put(KeyEntry { revocation: Some(revocation), ..entry });
    }
    let file =
        EvidenceFile { registers: vec![approved(register, &[&world.gb])], ..world.file(&Plan::full()) };
    let verdict = verdict(&file, &world.trust());
    assert_eq!(verdict.outcome, Outcome::Proved, "{}", verifier::report(&verdict));
}

#[test]
fn nobody_is_framed_for_a_conflict_with_a_made_up_key() {
    let world = World::new();
    // The other statement is signed with a key of a card that France made up for Great Britain.
    let false_world = World { gb: Party::new("GB", 70), ..World::new() };
    let honest = world.file(&Plan::full());
    let manifest = Statement::read(honest.statement.as_bytes()).unwrap().manifest().clone();
    let mut file =
        EvidenceFile { conflict: Some(false_world.conflict(&manifest, &honest.statement)), ..honest };
    file.cards.push(false_world.gb.card.clone());
    let verdict = verdict(&file, &world.trust());
    let conflict = verdict.findings.iter().find(|found| found.code == "conflict").unwrap();
    assert_eq!((conflict.standing, verdict.outcome), (Standing::Claimed, Outcome::Unanchored));
}

#[test]
fn that_the_message_was_seen_proves_nothing_of_what_its_recipient_signed() {
    let world = World::new();
    let plan = Plan { decided: false, ..Plan::full() };
    let with = |key, position, change: fn(&mut EvidenceFile)| {
        let mut file = EvidenceFile { registers: world.revoking(key, position), ..world.file(&plan) };
        change(&mut file);
        codes(&verdict(&file, &world.trust()))
    };
    // Its signing key: the place in its own log tells, which is 8.
    let sign = RegisteredKey::Sign(world.fr.card.sign);
    assert_eq!(with(sign, 9, |_| ()), Vec::<String>::new());
    assert_eq!(with(sign, 8, |_| ()), ["key-revoked"]);
    let without_its_log: fn(&mut EvidenceFile) = |file| {
        file.receipts.pop();
        file.checkpoints.retain(|held| held.log == administration("GB"));
    };
    assert_eq!(with(sign, 9, without_its_log), ["key-revoked"]);
    // Its log key: a witness must have seen its log, not another.
    let log = RegisteredKey::Log(world.fr.card.log);
    assert_eq!(with(log, 9, |_| ()), Vec::<String>::new());
    let unseen: fn(&mut EvidenceFile) =
        |file| file.checkpoints.retain(|held| held.log == administration("GB"));
    assert_eq!(with(log, 9, unseen), ["key-revoked"]);
    // And the sender is no such witness.
    let bilateral = World { it: Party::new("GB", 1), ..World::new() };
    let file = EvidenceFile { registers: world.revoking(log, 9), ..bilateral.file(&plan) };
    assert_eq!(codes(&verdict(&file, &world.trust())), ["key-revoked"; 2]);
}

#[test]
fn a_made_up_log_gives_a_message_no_place_before_a_revocation() {
    let world = World::new();
    // A thief has the signing key of Great Britain, and makes up its log.
    let mut thief = Party::new("GB", 1);
    thief.keys.log = Party::new("GB", 70).keys.log;
    thief.card.log = thief.keys.log.public();
    let thief = World { gb: thief, ..World::new() };
    let plan = Plan { log_position: 0, witnessed: false, decided: false, ..Plan::full() };
    let registers = world.revoking(RegisteredKey::Sign(world.gb.card.sign), 3);
    let file = EvidenceFile { registers, ..thief.file(&plan) };
    assert_eq!(codes(&verdict(&file, &world.trust())), ["key-revoked"]);
}

#[test]
fn a_witness_key_that_does_not_count_is_dropped_and_told() {
    let world = World::new();
    let registers = world.revoking(RegisteredKey::Witness(world.it.card.witness), 0);
    let revoked = verdict(&EvidenceFile { registers, ..world.file(&Plan::full()) }, &world.trust());
    let mut card = world.it.card.clone();
    card.valid_until = moment();
    let trust = [&world.gb.card, &world.fr.card, &card];
    let trust = trust.into_iter().fold(Trust::nobody(), |trust, card| trust.with_card(card.clone()));
    let expired = verdict(&world.file(&Plan::full()), &trust);
    for verdict in [revoked, expired] {
        assert_eq!(verdict.outcome, Outcome::Proved, "{}", verifier::report(&verdict));
        let found = |code: &str| verdict.findings.iter().filter(|found| found.code == code).count();
        assert_eq!((found("checkpoint"), found("witness")), (2, 0));
        let gaps = |code: &str| verdict.not_proved.iter().filter(|gap| gap.code == code).count();
        assert_eq!((gaps("witness-key"), gaps("no-witness")), (2, 1));
    }
}

#[test]
fn stages_that_no_message_can_have_are_a_contradiction() {
    let world = World::new();
    for (decided, name, admissible) in [
        (true, StageName::Delivered, true),
        (false, StageName::Expired, true),
        (true, StageName::Expired, false),
        (true, StageName::Refused, false),
    ] {
        let recipient_log = name != StageName::Refused;
        let mut file = world.file(&Plan { decided, recipient_log, ..Plan::full() });
        let id = Statement::read(file.statement.as_bytes()).unwrap().manifest().message_id;
        file.stages.push(world.stage(&file.statement, id, name, None));
        let expected: &[&str] = if admissible { &[] } else { &["contradiction"] };
        assert_eq!(codes(&verdict(&file, &world.trust())), expected, "{name}, decided: {decided}");
    }
    // RECEIVED states an entry; what the log proves must be the same.
    let mut file = world.file(&Plan { decided: false, ..Plan::full() });
    let id = Statement::read(file.statement.as_bytes()).unwrap().manifest().message_id;
    file.stages = vec![world.stage(&file.statement, id, StageName::Received, Some((7, 16)))];
    assert_eq!(codes(&verdict(&file, &world.trust())), ["contradiction"]);
}

#[test]
fn a_later_stage_under_a_key_revoked_since_takes_nothing_from_the_rest() {
    let world = World::new();
    let registers = world.revoking(RegisteredKey::Sign(world.fr.card.sign), 9);
    let verdict = verdict(&EvidenceFile { registers, ..world.file(&Plan::full()) }, &world.trust());
    assert_eq!(verdict.outcome, Outcome::Proved, "{}", verifier::report(&verdict));
    let found = |code: &str| verdict.findings.iter().any(|found| found.code == code);
    assert!(found("stage-received") && !found("stage-decided"));
    let gaps: Vec<_> = verdict.not_proved.iter().map(|gap| gap.code.as_str()).collect();
    assert!(gaps.contains(&"stage-unproved") && gaps.contains(&"not-decided"), "{gaps:?}");
}

#[test]
fn keys_of_another_agreement_do_not_count() {
    let world = World::new();
    let file = EvidenceFile { cards: Vec::new(), ..world.file(&Plan { witnessed: false, ..Plan::full() }) };
    let newest = world.registers(None).pop().unwrap();
    let of = |agreement: &str| {
        let register = KeyRegister { agreement: agreement.to_owned(), ..newest.register().clone() };
        let trust = Trust::nobody().with_register(approved(register, &[&world.gb]));
        verdict(&file, &trust)
    };
    assert_eq!(of("common-transit").outcome, Outcome::Proved);
    let other = of("excise");
    assert!(other.findings.is_empty());
    assert!(codes(&other).iter().all(|code| code == "key-unknown"), "{:?}", other.problems);
    // Nor do its revocations.
    let mut revoked = world.registers(Some(0)).pop().unwrap().register().clone();
    "excise".clone_into(&mut revoked.agreement);
    let trust = world.trust().with_register(approved(revoked, &[&world.gb]));
    assert_eq!(verdict(&file, &trust).outcome, Outcome::Proved);
}

#[test]
fn a_proof_longer_than_any_tree_is_refused_and_can_be_unpacked() {
    let world = World::new();
    let mut file = world.file(&Plan::full());
    file.shown[0].shown.proof = vec![[0; 32]; 64];
    assert_eq!(codes(&verdict(&file, &world.trust())), ["disclosure"]);
    let pieces = verifier::unpack(&file.encode().unwrap()).unwrap();
    let disclosed = pieces.iter().find(|piece| piece.name == "disclosed.json").unwrap();
    let disclosed: serde_json::Value = serde_json::from_slice(&disclosed.content).unwrap();
    let sizes: Vec<_> =
        disclosed["fields"].as_array().unwrap().iter().map(|field| &field["tree_size"]).collect();
    assert!(sizes.iter().any(|size| size.is_null()) && sizes.iter().any(|size| *size == 32), "{sizes:?}");
}
