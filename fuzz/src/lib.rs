//! Every parser that faces a partner, each with what must hold of whatever it accepts.
//!
//! A target takes any bytes and says whether they were accepted. It panics when the parser accepts something that does
//! not have exactly one encoding: what decodes must encode to the same bytes again. The fuzz engine runs the targets
//! with instrumentation (`cargo xtask fuzz`); a plain test of the workspace runs the same functions over the corpora and
//! over mutations of them, so that nothing depends on the engine.

mod chunk;
mod file;
mod log;
mod transcribe;
mod world;

pub use chunk::{chunk, chunk_answer, chunk_head};
use evidence::{
    Checkpoint, Conflict, Manifest, PublicKeys, Receipt, StagedStatement, Statement, cbor, log_origin, merkle,
};
use exchange::{Arrival, Assessment, Envelope, InboxView, Outcome, Response};
pub use file::evidence_file;
pub use log::{
    entry_bundle, equivocation, hash_tile, note, register, tile_path, witness_answer, witness_request,
};
pub use world::{World, seeds};

/// A parser with its assertions: whether the bytes are accepted.
pub type Target = fn(&[u8]) -> bool;

/// The targets by name; each has a program in `fuzz_targets` and a folder in `corpus`.
pub const TARGETS: [(&str, Target); 26] = [
    ("acknowledgement", acknowledgement),
    ("card", card),
    ("cbor", cbor_reader),
    ("checkpoint", checkpoint),
    ("chunk", chunk),
    ("chunk_answer", chunk_answer),
    ("chunk_head", chunk_head),
    ("conflict", conflict),
    ("entry_bundle", entry_bundle),
    ("envelope", envelope),
    ("equivocation", equivocation),
    ("evidence", evidence_file),
    ("hash_tile", hash_tile),
    ("manifest", manifest),
    ("note", note),
    ("receipt", receipt),
    ("reception", reception),
    ("register", register),
    ("response", response),
    ("stage", stage),
    ("statement", statement),
    ("tile_path", tile_path),
    ("transparent", transparent),
    ("witness_answer", witness_answer),
    ("witness_request", witness_request),
    ("xml", xml),
];

/// Panics unless `bytes` are one document in its one encoding (RFC 8949 section 4.2.1), as a second writer writes it.
pub(crate) fn is_canonical(bytes: &[u8]) {
    let mut again = Vec::new();
    let rest = transcribe::item(bytes, &mut again);
    assert_eq!(rest, Some(&[][..]), "bytes follow the document, or it does not end");
    assert_eq!(again, bytes, "another encoding was accepted");
}

/// The strict reader of CBOR.
pub fn cbor_reader(bytes: &[u8]) -> bool {
    let accepted = cbor::check("document", bytes).is_ok();
    if accepted {
        is_canonical(bytes);
    }
    accepted
}

/// Envelopes.
pub fn envelope(bytes: &[u8]) -> bool {
    let Ok(envelope) = Envelope::decode(bytes) else { return false };
    assert_eq!(envelope.encode(), bytes);
    true
}

/// The manifests within statements.
pub fn manifest(bytes: &[u8]) -> bool {
    let Ok(manifest) = Manifest::from_cbor(bytes) else { return false };
    assert_eq!(manifest.to_cbor().expect("what was read is within its limits"), bytes);
    is_canonical(bytes);
    true
}

/// Signed statements, before and after their signature is verified.
pub fn statement(bytes: &[u8]) -> bool {
    let Ok(claim) = Statement::read(bytes) else { return false };
    is_canonical(bytes);
    let inner = claim.manifest().to_cbor().expect("what was read is within its limits");
    assert!(
        bytes.windows(inner.len()).any(|window| window == inner),
        "the manifest is not the one that is signed"
    );
    claim.verify(World::shared().gb.keys.sign.public()).is_ok()
}

/// Statements that carry receipts.
pub fn transparent(bytes: &[u8]) -> bool {
    let Ok((registered, receipts)) = Statement::from_transparent(bytes) else { return false };
    assert!(Statement::read(registered.as_bytes()).is_ok(), "the registered form does not read");
    let receipts: Vec<Receipt> = receipts.into_iter().map(Receipt::from_bytes).collect();
    assert_eq!(registered.transparent(&receipts).expect("it carried as many"), bytes);
    true
}

/// Staged statements.
pub fn stage(bytes: &[u8]) -> bool {
    let Ok(claim) = StagedStatement::read(bytes) else { return false };
    is_canonical(bytes);
    claim.verify(World::shared().fr.keys.sign.public()).is_ok()
}

/// Receipts of a partner's log, for the first letter of the world.
pub fn receipt(bytes: &[u8]) -> bool {
    if Receipt::read(bytes).is_ok() {
        is_canonical(bytes);
    }
    let world = World::shared();
    let leaf = merkle::leaf_hash(&world.first.statement);
    let key = world.fr.keys.log.public();
    let accepted = Receipt::verify(bytes, &leaf, &world.fr.administration, &key).is_ok();
    if accepted {
        is_canonical(bytes);
    }
    accepted
}

/// Acknowledgements of the first letter of the world.
pub fn acknowledgement(bytes: &[u8]) -> bool {
    let world = World::shared();
    let cards = std::slice::from_ref(&world.fr.card);
    let accepted =
        exchange::verify_acknowledgement(bytes, &world.first.statement, cards, world::now()).is_ok();
    if accepted {
        is_canonical(bytes);
    }
    accepted
}

/// Proofs that the first letter of the world conflicts with another.
pub fn conflict(bytes: &[u8]) -> bool {
    if Conflict::read(bytes).is_ok() {
        is_canonical(bytes);
    }
    let world = World::shared();
    let cards = std::slice::from_ref(&world.fr.card);
    let accepted = exchange::verify_conflict(bytes, &world.first.statement, cards, world::now()).is_ok();
    if accepted {
        is_canonical(bytes);
    }
    accepted
}

/// Answers to the first letter of the world, of whatever kind.
pub fn response(bytes: &[u8]) -> bool {
    let Ok(response) = Response::decode(bytes) else { return false };
    assert_eq!(response.encode(), bytes);
    let world = World::shared();
    let cards = std::slice::from_ref(&world.fr.card);
    let outcome = exchange::verify_response(bytes, &world.first.envelope, cards, world::now());
    match (&response, &outcome) {
        (Response::Acknowledged(_), Ok(Outcome::Acknowledged(_)) | Err(_))
        | (Response::Gap { .. }, Ok(Outcome::Gap { .. }) | Err(_))
        | (Response::Wanted(_), Ok(Outcome::Wanted(_)) | Err(_))
        | (Response::Conflict(_), Ok(Outcome::Conflict(_)) | Err(_))
        | (Response::Refused(_), Ok(Outcome::Refused(_)) | Err(_)) => {}
        _ => panic!("{response:?} was taken for {outcome:?}"),
    }
    outcome.is_ok()
}

/// All that a recipient does with an envelope before its transaction: proving and opening it.
pub fn reception(bytes: &[u8]) -> bool {
    let world = World::shared();
    let receiver = world.fr.receiver();
    let Ok(incoming) = exchange::read_statement(bytes) else { return false };
    let inbox = InboxView { found: None, expected_sequence: 1 };
    let arrival = Arrival { peer: &world.gb.administration, inbox: &inbox, now: world::now() };
    let assessment = exchange::assess(&incoming, &receiver, &world.register, &arrival);
    match assessment.expect("every envelope has an answer") {
        Assessment::New(opened) => {
            // Nothing that was not signed comes through: the statement is that of a letter which was really written.
            let known = world.letters.iter().find(|letter| letter.statement == opened.statement);
            let known = known.expect("a statement that nobody signed was accepted");
            assert_eq!(known.envelope, bytes, "the letter was accepted in another envelope");
            true
        }
        Assessment::Refused { response, .. } | Assessment::Gap { response, .. } => {
            let decoded = Response::decode(&response).expect("an answer reads");
            assert_eq!(decoded.encode(), response);
            false
        }
        // None of the letters has an attachment, and what is signed cannot be given one.
        Assessment::Offered(_) => panic!("an attachment that nobody signed was wanted"),
        Assessment::Repeat { .. }
        | Assessment::Withdrawn { .. }
        | Assessment::Renewed { .. }
        | Assessment::Conflict { .. } => panic!("nothing came before"),
    }
}

/// Checkpoints: notes of a partner's log.
pub fn checkpoint(bytes: &[u8]) -> bool {
    let Ok(note) = std::str::from_utf8(bytes) else { return false };
    let world = World::shared();
    let origin = log_origin(&world.fr.administration);
    let Ok(read) = Checkpoint::verify(note, &origin, &world.fr.keys.log.public()) else { return false };
    assert!(note.starts_with(&read.text()), "the text is not the one that was signed");
    assert_eq!(read.origin, origin);
    true
}

/// Partner cards.
pub fn card(bytes: &[u8]) -> bool {
    let Ok(card) = PublicKeys::from_json(bytes) else { return false };
    let written = card.to_json();
    let again = PublicKeys::from_json(written.as_bytes()).expect("a card that was written reads");
    assert_eq!(again, card);
    assert_eq!(again.to_json(), written);
    true
}

/// Messages of transit: what is read is written, and what is written reads as the same document; groups without content
/// are left out.
pub fn xml(bytes: &[u8]) -> bool {
    let limits = wire::Limits::default();
    let verdict = wire::validate(bytes, &limits);
    let read = wire::read(bytes, &limits);
    assert_eq!(read.is_ok(), verdict.errors.is_empty(), "reading and checking do not agree");
    assert!(!wire::verdict_json("message.xml", bytes).contains('\n'));
    let Ok(document) = read else { return false };
    let written = wire::write(&document).expect("a message that was read is written");
    let again = wire::read(&written, &limits).expect("a message that was written reads");
    assert_eq!((again.message(), again.phase()), (document.message(), document.phase()));
    assert_eq!(again.root().leaf_paths(), document.root().leaf_paths(), "the message changed");
    assert_eq!(wire::write(&again).expect("it is written again"), written);
    true
}
