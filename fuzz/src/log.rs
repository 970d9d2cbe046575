//! What partners show each other of their logs and of their register of keys.

use super::is_canonical;
use super::world::{World, now};
use evidence::key_register::{Approval, KeyRegister, SignedRegister, Threshold};
use evidence::merkle::{self, Hash};
use evidence::note::SignedNote;
use evidence::tile::{self, Tile, TilePath};
use evidence::witness::{AddCheckpoint, Submission, WitnessAnswer};
use evidence::{Checkpoint, Equivocation, NoteSignature, View};

/// Signed notes.
pub fn note(bytes: &[u8]) -> bool {
    let Some(text) = std::str::from_utf8(bytes).ok() else { return false };
    let Ok(note) = SignedNote::parse("note", text) else { return false };
    if let Ok(claimed) = Checkpoint::claimed(&note) {
        assert!(text.starts_with(&claimed.text()), "the checkpoint is not what the note says");
    }
    let written = note.to_note();
    // Padding of base64 aside, a note has one form; a reader of ours takes the padded form alone.
    assert_eq!(written, text);
    true
}

/// What a log asks a witness.
pub fn witness_request(bytes: &[u8]) -> bool {
    let world = World::shared();
    let accepted = Submission::read(bytes, |_| vec![world.fr.keys.log.public()]);
    if let Err(refusal) = &accepted {
        assert!((400..=422).contains(&refusal.status()), "{refusal:?}");
        assert!(!refusal.body().is_empty());
    }
    let Ok(request) = AddCheckpoint::from_body(bytes) else {
        assert!(accepted.is_err(), "a request that does not read was accepted");
        return false;
    };
    assert_eq!(request.to_body().as_bytes(), bytes);
    let Ok(submission) = accepted else { return false };
    submission.extends(None).is_ok()
}

/// What a witness answers, whatever the status.
pub fn witness_answer(bytes: &[u8]) -> bool {
    assert_eq!(WitnessAnswer::read(404, bytes), Ok(WitnessAnswer::Refused(404)));
    if let Ok(WitnessAnswer::Latest(size)) = WitnessAnswer::read(409, bytes) {
        assert_eq!(format!("{size}\n").as_bytes(), bytes);
        return true;
    }
    let Ok(answer) = WitnessAnswer::read(200, bytes) else { return false };
    let WitnessAnswer::Cosigned(lines) = answer else { panic!("a 200 was taken for {answer:?}") };
    let written: String = lines.iter().map(NoteSignature::line).collect();
    assert_eq!(written.as_bytes(), bytes);
    true
}

/// Addresses of tiles.
pub fn tile_path(bytes: &[u8]) -> bool {
    let Some(text) = std::str::from_utf8(bytes).ok() else { return false };
    let Some(path) = TilePath::parse(text) else { return false };
    assert_eq!(path.path(), text);
    true
}

/// The tile of hashes of a log of five entries.
pub fn hash_tile(bytes: &[u8]) -> bool {
    let place = Tile::in_tree(0, 0, 5).expect("a tile");
    let Ok(hashes) = tile::decode_hashes(place, bytes) else { return false };
    assert_eq!(tile::encode_hashes(&hashes), bytes);
    true
}

/// The bundle of entries of a log of five entries.
pub fn entry_bundle(bytes: &[u8]) -> bool {
    let place = Tile::in_tree(0, 0, 5).expect("a tile");
    let Ok(entries) = tile::decode_entries(place, bytes) else { return false };
    assert_eq!(tile::encode_entries(entries).expect("they were as long"), bytes);
    true
}

/// Proofs that a log showed two histories.
pub fn equivocation(bytes: &[u8]) -> bool {
    let Ok(proof) = Equivocation::from_cbor(bytes) else { return false };
    assert_eq!(proof.to_cbor(), bytes);
    is_canonical(bytes);
    proof.verify(&[World::shared().fr.keys.log.public()]).is_ok()
}

/// Registers of keys with their approvals.
pub fn register(bytes: &[u8]) -> bool {
    let Ok(signed) = SignedRegister::read(bytes) else { return false };
    assert_eq!(signed.to_bytes(), bytes);
    is_canonical(bytes);
    let document = signed.register().to_cbor().expect("what was read is within its rules");
    assert!(
        bytes.windows(document.len()).any(|window| window == document),
        "the register is not the one in the bytes"
    );
    is_canonical(&document);
    signed.approved_by(&signed.register().stewards).len() == signed.approvals().len()
}

/// Five leaves, and what else there might be.
fn leaves(last: u8) -> Vec<Hash> {
    [0, 1, 2, 3, last].iter().map(|entry| merkle::leaf_hash(&[*entry])).collect()
}

/// The corpora of these targets.
pub(crate) fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let world = World::shared();
    let mut seeds: Vec<(&'static str, String, Vec<u8>)> = Vec::new();
    let mut add = |target, name: &str, bytes: &[u8]| seeds.push((target, name.to_owned(), bytes.to_vec()));
    let (one, other) = (leaves(4), leaves(5));
    let note_of = |leaves: &[Hash]| {
        let checkpoint = Checkpoint::new(&world.fr.administration, leaves.len() as u64, merkle::root(leaves));
        checkpoint.sign(&world.fr.keys.log).expect("a note")
    };
    let signed = note_of(&one);
    add("note", "checkpoint", signed.as_bytes());
    add("note", "extended", signed.replacen("\n\n", "\nextension\n\n", 1).as_bytes());
    add("note", "bad-no-blank-line", signed.replacen("\n\n", "\n", 1).as_bytes());
    let note = SignedNote::parse("note", &signed).expect("a note reads");
    let mut request = AddCheckpoint { old_size: 0, proof: Vec::new(), note };
    add("witness_request", "first", request.to_body().as_bytes());
    request.old_size = 3;
    request.proof = merkle::consistency_path(&one, 3).expect("a proof");
    add("witness_request", "bad-not-the-first", request.to_body().as_bytes());
    let line = signed.rsplit_once("\n\n").expect("a note has a blank line").1;
    add("witness_answer", "one-line", line.as_bytes());
    add("witness_answer", "two-lines", format!("{line}{line}").as_bytes());
    add("witness_answer", "size", b"1207\n");
    add("witness_answer", "bad-size", b"01207\n");
    for path in ["tile/0/000", "tile/0/x001/067", "tile/1/000.p/3", "tile/entries/x999/x001/000.p/255"] {
        add("tile_path", &path.replace('/', "-"), path.as_bytes());
    }
    for (name, path) in
        [("bad-width", "tile/0/000.p/256"), ("bad-level", "tile/9/000"), ("bad-zero", "tile/00/000")]
    {
        add("tile_path", name, path.as_bytes());
    }
    add("hash_tile", "five", &tile::encode_hashes(&one));
    add("hash_tile", "bad-four", &tile::encode_hashes(one.get(..4).unwrap_or_default()));
    let entries: [&[u8]; 5] = [b"", b"a", b"bc", &[7; 300], b"d"];
    add("entry_bundle", "five", &tile::encode_entries(entries).expect("a bundle"));
    add("entry_bundle", "bad-torn", &[0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1]);
    let key = [world.fr.keys.log.public()];
    let views = [&one, &other].map(|leaves| View::Checkpoint { note: note_of(leaves) });
    let [first, second] = views;
    let (proof, _) =
        Equivocation::prove(&world.fr.administration, first, second.clone(), &key).expect("a proof");
    add("equivocation", "two-roots", &proof.to_cbor());
    let prefix = View::Prefix {
        note: note_of(&one),
        size: 4,
        root: merkle::root(one.get(..4).unwrap_or_default()),
        path: merkle::consistency_path(&one, 4).expect("a proof"),
    };
    let shorter = View::Checkpoint { note: note_of(other.get(1..).unwrap_or_default()) };
    let (proof, _) = Equivocation::prove(&world.fr.administration, prefix, shorter, &key).expect("a proof");
    add("equivocation", "another-prefix", &proof.to_cbor());
    let inclusion = View::Inclusion {
        note: note_of(&one),
        leaf: *one.last().expect("there are leaves"),
        index: 4,
        path: merkle::inclusion_path(&one, 4).expect("a path"),
    };
    let (proof, _) = Equivocation::prove(&world.fr.administration, inclusion, second, &key).expect("a proof");
    add("equivocation", "two-leaves", &proof.to_cbor());
    let cards = [world.gb.card.clone(), world.fr.card.clone()];
    let threshold = Threshold { change: 2, revocation: 1 };
    let register =
        KeyRegister::genesis("common-transit", &cards, threshold, now(), now().plus_seconds(86_400));
    let register = register.expect("a register");
    let mut signed = SignedRegister::proposal(register.clone()).expect("a register");
    add("register", "proposal", &signed.to_bytes());
    for party in [&world.gb, &world.fr] {
        let approval = Approval::sign(&register, &party.administration, &party.keys.sign, now());
        signed.add(approval.expect("an approval"));
    }
    add("register", "approved", &signed.to_bytes());
    seeds
}
