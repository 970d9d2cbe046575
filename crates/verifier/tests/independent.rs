//! The verdicts of our verifier and of an independent one (`verify_evidence.py`) on the same files, good and mutated.
//!
//! `TIDEWAITER_PYTHON` names a Python that has what `crates/evidence/tests/requirements.txt` lists. Without it the test
//! says that it skips; with `TIDEWAITER_REQUIRE_TOOLS=1` it fails then. `TIDEWAITER_FULL=1` takes 1,000 files of each
//! kind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Dice, Plan, World};
use evidence::key_register::RegisteredKey;
use evidence::{EvidenceFile, PublicKeys, StageName, Statement};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use verifier::{Given, Trust, verify_with};

fn python() -> Option<String> {
    let python = std::env::var("TIDEWAITER_PYTHON").ok().filter(|path| !path.is_empty());
    if python.is_none() {
        let required = std::env::var("TIDEWAITER_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "TIDEWAITER_PYTHON must name a Python with crates/evidence/tests/requirements.txt"
        );
        eprintln!("skipped: set TIDEWAITER_PYTHON to a Python with crates/evidence/tests/requirements.txt");
    }
    python
}

fn anchor(card: &PublicKeys) -> serde_json::Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    serde_json::json!({
        "administration": card.administration.to_string(), "tls_spki": card.tls_spki.to_string(),
        "sign": hex(card.sign.as_bytes()), "enc": hex(card.enc.as_bytes()),
        "log": hex(card.log.as_bytes()), "witness": hex(card.witness.as_bytes()),
        "from": card.valid_from.as_micros(), "until": card.valid_until.as_micros(),
    })
}

/// A file of any shape: with or without logs, witnesses, fields, registers, revocations, and now and then one that
/// contradicts itself.
fn file(world: &World, dice: &mut Dice) -> EvidenceFile {
    let plan = Plan::of(dice);
    let mut file = world.file(&plan);
    if dice.chance(25) {
        let revoked = dice.chance(60).then(|| dice.below(24));
        file.registers = world.registers(revoked);
    } else if dice.chance(15) {
        let keys = [
            RegisteredKey::Sign(world.gb.card.sign),
            RegisteredKey::Sign(world.fr.card.sign),
            RegisteredKey::Log(world.gb.card.log),
            RegisteredKey::Log(world.fr.card.log),
            RegisteredKey::Witness(world.it.card.witness),
        ];
        let key = keys[usize::try_from(dice.below(5)).unwrap()];
        file.registers = world.revoking(key, dice.below(24));
    }
    if dice.chance(10) {
        let name = [StageName::Delivered, StageName::Expired][usize::try_from(dice.below(2)).unwrap()];
        let id = Statement::read(file.statement.as_bytes()).unwrap().manifest().message_id;
        file.stages.push(world.stage(&file.statement, id, name, None));
    }
    if dice.chance(5) {
        file.stages.extend(world.file(&Plan { number: plan.number ^ 1, ..Plan::full() }).stages);
    }
    file
}

fn mutated(good: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let bits = bytes.len() as u64 * 8;
    match dice.below(20) {
        0 => bytes.truncate(usize::try_from(dice.below(bits / 8)).unwrap()),
        1 => bytes.push(u8::try_from(dice.below(256)).unwrap()),
        _ => {
            let bit = usize::try_from(dice.below(bits)).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
    bytes
}

#[test]
fn an_independent_verifier_gives_the_same_verdicts() {
    let Some(python) = python() else { return };
    let count = if std::env::var_os("TIDEWAITER_FULL").is_some() { 1000 } else { 120 };
    let (world, mut dice) = (World::new(), Dice::new(20_261_124));
    let directory = tempfile::tempdir().unwrap();
    let anchors: Vec<_> = [&world.gb, &world.fr, &world.it].map(|party| anchor(&party.card)).to_vec();
    std::fs::write(directory.path().join("anchors.json"), serde_json::to_string(&anchors).unwrap()).unwrap();
    let (trust, nobody) = (world.trust(), Trust::nobody());
    let mut ours = BTreeMap::new();
    // Every third file comes with what may be its second attachment, sometimes changed.
    let mut keep = |name: String, bytes: &[u8], trust: &Trust| {
        std::fs::write(directory.path().join(format!("{name}.evidence")), bytes).unwrap();
        let number = ours.len();
        let mut given = Vec::new();
        if number.is_multiple_of(3) {
            let mut content = World::attachment(2);
            if number.is_multiple_of(9) {
                content[number] ^= 1;
            }
            std::fs::write(directory.path().join(format!("{name}.attachment")), &content).unwrap();
            given.push(Given::read(bytes, "attachment", &mut &*content).unwrap());
        }
        let verdict = serde_json::to_value(verify_with(bytes, trust, &given).outcome).unwrap();
        ours.insert(name, verdict.as_str().unwrap().to_owned());
    };
    for number in 0..count {
        let good = file(&world, &mut dice).encode().unwrap();
        // Some are verified by a reader who trusts nobody.
        let (kind, trust) = if number % 10 == 0 { ("bare", &nobody) } else { ("anchored", &trust) };
        keep(format!("{kind}-{number:04}-good"), &good, trust);
        keep(format!("{kind}-{number:04}-mutated"), &mutated(&good, &mut dice), trust);
    }
    let theirs = verdicts(&python, directory.path());
    let differ: Vec<_> = ours.iter().filter(|(name, verdict)| theirs.get(*name) != Some(verdict)).collect();
    assert!(differ.is_empty(), "ours, where the independent verifier says otherwise: {differ:?}");
    // The files are of every kind, or the comparison would say little.
    let said = |name: &str, verdict: &str| {
        ours.iter().filter(|(file, said)| file.ends_with(name) && *said == verdict).count()
    };
    let counts = [
        said("good", "proved"),
        said("good", "unanchored"),
        said("good", "refused"),
        said("mutated", "proved"),
        said("mutated", "refused"),
    ];
    eprintln!(
        "{} files; good: proved, unanchored, refused; mutated: proved, refused: {counts:?}",
        ours.len()
    );
    assert!(counts[0] > count / 2 && counts[1] > 0 && counts[2] > 0 && counts[4] > count / 2, "{counts:?}");
}

fn verdicts(python: &str, directory: &Path) -> BTreeMap<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_evidence.py");
    // It leaves nothing beside its files (-B).
    let output = Command::new(python).arg("-B").arg(script).arg(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
