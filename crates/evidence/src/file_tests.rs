use super::*;
use crate::disclosure::{Field, LeafTree, PartSecret};
use crate::key_register::{Approval, KeyRegister, Threshold};
use crate::merkle::Frontier;
use crate::samples::{administration, keys, manifest, moment, statement};
use crate::{Checkpoint, Receipt};
use proptest::prelude::*;

fn card(code: &str, seed: u8) -> PublicKeys {
    let from = moment().plus_seconds(-3600);
    keys(seed).card(administration(code), Digest([seed; 32]), from, from.plus_seconds(86_400)).unwrap()
}

fn register() -> SignedRegister {
    let cards = [card("GB", 1), card("FR", 2)];
    let (threshold, expires) = (Threshold { change: 2, revocation: 1 }, moment().plus_seconds(86_400));
    let register = KeyRegister::genesis("common-transit", &cards, threshold, moment(), expires).unwrap();
    let mut signed = SignedRegister::proposal(register).unwrap();
    for (code, seed) in [("GB", 1), ("FR", 2)] {
        let key = &keys(seed).sign;
        signed.add(Approval::sign(signed.register(), &administration(code), key, moment()).unwrap());
    }
    signed
}

fn attachment(part: u64) -> ShownAttachment {
    ShownAttachment { part, secret: PartSecret::from_bytes([u8::try_from(part).unwrap(); 32]) }
}

fn file() -> EvidenceFile {
    let statement = statement();
    let mut log = Frontier::new();
    (0..5u8).for_each(|number| log.push([number; 32]));
    let appended = log.append(statement.leaf());
    let log = administration("FR");
    let receipt = Receipt::issue(&log, &appended, &keys(2).log).unwrap();
    let checkpoint = Checkpoint::new(&log, appended.size, appended.root).sign(&keys(2).log).unwrap();
    let fields = [("b", "2"), ("a", "1")]
        .map(|(path, value)| Field { path: path.to_owned(), value: value.to_owned() });
    let tree = LeafTree::new(&PartSecret::from_bytes([1; 32]), b"<x/>", &fields).unwrap();
    let shown = |shown| ShownPart { part: 0, shown };
    EvidenceFile {
        statement: statement.clone(),
        receipts: vec![receipt.into_bytes()],
        stages: vec![b"one".to_vec(), b"two".to_vec()],
        shown: vec![
            shown(tree.show_field(&fields[0]).unwrap()),
            shown(tree.show_field(&fields[1]).unwrap()),
            shown(tree.show_whole(b"<x/>").unwrap()),
        ],
        checkpoints: vec![LoggedCheckpoint {
            log,
            note: checkpoint,
            index: appended.index,
            path: appended.path,
        }],
        cards: vec![card("GB", 1), card("FR", 2)],
        registers: vec![register()],
        conflict: Some(ConflictEvidence { proof: vec![1], statement: vec![2] }),
        attachments: vec![attachment(1), attachment(3)],
    }
}

#[test]
fn a_file_is_read_as_it_is_written_in_one_encoding() {
    let file = file();
    let bytes = file.encode().unwrap();
    crate::cbor::check("evidence file", &bytes).unwrap();
    let read = EvidenceFile::decode(&bytes).unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", file.sorted()));
    assert_eq!(read.encode().unwrap(), bytes);
    assert_eq!(read.shown[0].shown.path, WHOLE);
    let mut other_order = file.clone();
    other_order.shown.reverse();
    other_order.cards.reverse();
    other_order.stages.reverse();
    other_order.stages.push(b"one".to_vec());
    assert_eq!(other_order.encode().unwrap(), bytes);
}

#[test]
fn a_statement_without_receipts_is_held_in_its_registered_form() {
    let file = EvidenceFile { receipts: Vec::new(), conflict: None, ..file() };
    let read = EvidenceFile::decode(&file.encode().unwrap()).unwrap();
    assert_eq!((read.statement, read.receipts), (statement(), Vec::new()));
    assert_eq!(Statement::read(statement().as_bytes()).unwrap().manifest(), &manifest());
}

#[test]
fn a_changed_bit_gives_another_file_or_none() {
    let good = file().encode().unwrap();
    for bit in 0..good.len() * 8 {
        let mut changed = good.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = EvidenceFile::decode(&changed) {
            assert_eq!(other.encode().unwrap(), changed, "bit {bit}");
        }
    }
    for length in 0..good.len() {
        assert!(EvidenceFile::decode(&good[..length]).is_err());
    }
    assert!(EvidenceFile::decode(&[&good[..], &[0]].concat()).is_err());
}

#[test]
fn a_file_without_attachments_has_no_section_for_them() {
    let with = file();
    let without = EvidenceFile { attachments: Vec::new(), ..with.clone() };
    let (with, without) = (with.encode().unwrap(), without.encode().unwrap());
    assert_eq!((with[0], without[0]), (0xaa, 0xa9), "maps of ten and of nine fields");
    assert!(EvidenceFile::decode(&without).unwrap().attachments.is_empty());
    let mut empty = without.clone();
    empty[0] = 0xaa;
    empty.extend([0x09, 0x80]);
    assert!(EvidenceFile::decode(&empty).unwrap_err().to_string().contains("attachments is empty"));
    let twice = EvidenceFile { attachments: vec![attachment(3), attachment(1), attachment(3)], ..file() };
    assert_eq!(twice.encode().unwrap(), with);
}

#[test]
fn more_than_a_section_carries_is_refused() {
    let many = EvidenceFile { stages: (0..9u8).map(|number| vec![number]).collect(), ..file() };
    assert_eq!(
        many.encode().unwrap_err().to_string(),
        "stages of the evidence file is not acceptable: there are 9, at most 8"
    );
    let large = vec![0; MAX_EVIDENCE + 1];
    assert!(matches!(EvidenceFile::decode(&large), Err(EvidenceError::TooLarge { .. })));
}

proptest! {
    #[test]
    fn noise_is_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(EvidenceFile::decode(&bytes).is_err());
    }
}
