use super::*;
use crate::samples::{administration, keys, moment};
use crate::{CosignedCheckpoint, CosigningKey, Witness, cosign, witness_name};
use proptest::prelude::*;

const ORIGIN: &str = "tidewaiter.example/GB";

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|n| merkle::leaf_hash(&n.to_be_bytes())).collect()
}

fn checkpoint(size: usize) -> Checkpoint {
    Checkpoint::new(&administration("GB"), size as u64, merkle::root(&leaves(size)))
}

fn signed(checkpoint: &Checkpoint) -> SignedNote {
    SignedNote::parse("checkpoint", &checkpoint.sign(&keys(1).log).unwrap()).unwrap()
}

fn request(old: usize, size: usize) -> AddCheckpoint {
    AddCheckpoint {
        old_size: old as u64,
        proof: merkle::consistency_path(&leaves(size), old).unwrap_or_default(),
        note: signed(&checkpoint(size)),
    }
}

/// The witness's verdict, when it cosigned the checkpoint of `latest` leaves last.
fn verdict(body: &[u8], latest: Option<usize>) -> Result<Checkpoint, WitnessRefusal> {
    let known = |origin: &str| {
        if origin == ORIGIN { vec![keys(9).log.public(), keys(1).log.public()] } else { Vec::new() }
    };
    let submission = Submission::read(body, known)?;
    submission.extends(latest.map(checkpoint).as_ref())?;
    Ok(submission.checkpoint().clone())
}

fn refusal(request: &AddCheckpoint, latest: Option<usize>) -> (u16, &'static str, String) {
    let refusal = verdict(request.to_body().as_bytes(), latest).unwrap_err();
    (refusal.status(), refusal.content_type(), refusal.body())
}

#[test]
fn each_step_of_a_log_is_cosigned() {
    for (old, size) in [(0, 0), (0, 1), (0, 7), (1, 2), (3, 7), (4, 8), (7, 7), (255, 600)] {
        let latest = (old > 0).then_some(old);
        assert_eq!(verdict(request(old, size).to_body().as_bytes(), latest).unwrap(), checkpoint(size));
    }
}

#[test]
fn a_conflict_names_the_latest_size() {
    let conflict = |latest: &str| (409, "text/x.tlog.size", latest.to_owned());
    assert_eq!(refusal(&request(3, 7), Some(5)), conflict("5\n"));
    assert_eq!(refusal(&request(0, 7), Some(5)), conflict("5\n"));
    assert_eq!(refusal(&request(3, 7), None), conflict("0\n"));
    // A repeat of an older checkpoint, as in the race that the specification tells of.
    assert_eq!(refusal(&request(3, 5), Some(7)), conflict("7\n"));
}

#[test]
fn another_root_for_one_size_is_a_conflict_and_not_cosigned() {
    let mut forked = checkpoint(7);
    forked.root.0[0] ^= 1;
    let request = AddCheckpoint { old_size: 7, proof: Vec::new(), note: signed(&forked) };
    assert_eq!(refusal(&request, Some(7)), (409, "text/x.tlog.size", "7\n".to_owned()));
    let refused = verdict(request.to_body().as_bytes(), Some(7));
    assert_eq!(refused, Err(WitnessRefusal::OtherRoot { latest: 7 }));
    // So is a root of the empty log that is not its root.
    let empty =
        AddCheckpoint { old_size: 0, proof: Vec::new(), note: signed(&Checkpoint { size: 0, ..forked }) };
    assert_eq!(refusal(&empty, None).0, 409);
}

#[test]
fn a_proof_that_does_not_hold_is_unprocessable() {
    let mut wrong = request(3, 7);
    wrong.proof[0][0] ^= 1;
    assert_eq!(refusal(&wrong, Some(3)).0, 422);
    let mut missing = request(3, 7);
    missing.proof.clear();
    assert_eq!(refusal(&missing, Some(3)).0, 422);
    let mut superfluous = request(0, 7);
    superfluous.proof.push([0; 32]);
    assert_eq!(refusal(&superfluous, None).0, 422);
    let mut superfluous = request(7, 7);
    superfluous.proof.push([0; 32]);
    assert_eq!(refusal(&superfluous, Some(7)).0, 422);
}

#[test]
fn unknown_logs_and_keys_are_told_apart() {
    let mut other = checkpoint(7);
    other.origin = "tidewaiter.example/XI".to_owned();
    let unknown = AddCheckpoint { note: signed(&other), ..request(0, 7) };
    let (status, media_type, words) = refusal(&unknown, None);
    assert_eq!((status, media_type), (404, TEXT_TYPE));
    assert_eq!(words, "the log `tidewaiter.example/XI` is not known to this witness\n");
    let stranger = checkpoint(7).sign(&keys(2).log).unwrap();
    let stranger =
        AddCheckpoint { note: SignedNote::parse("checkpoint", &stranger).unwrap(), ..request(0, 7) };
    assert_eq!(refusal(&stranger, None).0, 403);
}

#[test]
fn malformed_requests_are_bad_requests() {
    let good = request(3, 7).to_body();
    assert!(verdict(good.as_bytes(), Some(3)).is_ok());
    let shrinks = AddCheckpoint { old_size: 8, ..request(3, 7) };
    assert_eq!(refusal(&shrinks, Some(8)).0, 400);
    let long = format!(
        "old 3\n{}\n{}",
        format!("{}\n", STANDARD.encode([0; 32])).repeat(64),
        request(3, 7).note.to_note()
    );
    for (name, body) in [
        ("empty", String::new()),
        ("leading zero", good.replacen("old 3", "old 03", 1)),
        ("sign", good.replacen("old 3", "old +3", 1)),
        ("two spaces", good.replacen("old 3", "old  3", 1)),
        ("no old", good.replacen("old 3\n", "", 1)),
        ("no note", "old 3\n\n".to_owned()),
        ("no empty line", good.replacen("\n\n", "\n", 1)),
        ("carriage return", good.replace('\n', "\r\n")),
        ("no last line feed", good.trim_end().to_owned()),
        ("64 lines", long),
        ("short hash", good.replacen("old 3\n", "old 3\nAAAA\n", 1)),
    ] {
        let refused = verdict(body.as_bytes(), Some(3)).map_err(|refusal| refusal.status());
        assert_eq!(refused, Err(400), "{name}");
    }
    assert_eq!(verdict(&[0xff], None).unwrap_err().status(), 400);
    assert_eq!(verdict(&vec![b'o'; MAX_REQUEST + 1], None).unwrap_err().status(), 400);
}

#[test]
fn an_answer_is_read_by_the_log() {
    let note = signed(&checkpoint(7));
    let name = witness_name(&administration("FR"));
    let line = cosign(&note, &name, &CosigningKey::Ed25519(&keys(2).witness), moment()).unwrap();
    let answer = WitnessAnswer::read(200, line.line().as_bytes()).unwrap();
    let WitnessAnswer::Cosigned(lines) = answer else { panic!("{answer:?}") };
    let known = [Witness::of(&administration("FR"), keys(2).witness.public())];
    let cosigned =
        CosignedCheckpoint::verify(&note.with(lines).to_note(), ORIGIN, &keys(1).log.public(), &known)
            .unwrap();
    assert!(cosigned.cosigned_by(&name).is_some());
    assert_eq!(WitnessAnswer::read(409, b"42\n"), Ok(WitnessAnswer::Latest(42)));
    assert_eq!(WitnessAnswer::read(422, b"words"), Ok(WitnessAnswer::Refused(422)));
    for (status, body) in
        [(200, &b""[..]), (200, b"\n"), (200, b"ok\n"), (409, b"42"), (409, b"x\n"), (409, b"042\n")]
    {
        assert!(WitnessAnswer::read(status, body).is_err(), "{status} {body:?}");
    }
}

proptest! {
    #[test]
    fn a_witness_only_ever_moves_forward_along_one_log(sizes in prop::collection::vec(1usize..40, 1..12), believed in any::<bool>()) {
        let mut latest: Option<usize> = None;
        for size in sizes {
            let old = if believed { latest.unwrap_or(0) } else { 0 };
            match verdict(request(old, size).to_body().as_bytes(), latest) {
                Ok(accepted) => {
                    prop_assert!(accepted.size >= latest.unwrap_or(0) as u64);
                    latest = Some(size);
                }
                Err(refused) => prop_assert!([400, 409].contains(&refused.status())),
            }
        }
    }

    #[test]
    fn a_request_is_read_as_it_is_written(old in any::<u64>(), proof in prop::collection::vec(any::<Hash>(), 0..64)) {
        let request = AddCheckpoint { old_size: old, proof, note: signed(&checkpoint(7)) };
        prop_assert_eq!(AddCheckpoint::from_body(request.to_body().as_bytes()), Ok(request));
    }

    #[test]
    fn noise_is_refused_without_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(AddCheckpoint::from_body(&body).is_err());
    }
}
