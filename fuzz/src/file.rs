//! Evidence files, which anybody may hand to anybody.

use super::is_canonical;
use super::world::{World, now};
use evidence::disclosure::LeafTree;
use evidence::{ConflictEvidence, EvidenceFile, LoggedCheckpoint, ShownAttachment, ShownPart, Statement};
use exchange::Response;

/// Evidence files: what is read is written as the same bytes.
pub fn evidence_file(bytes: &[u8]) -> bool {
    let Ok(file) = EvidenceFile::decode(bytes) else { return false };
    assert_eq!(file.encode().expect("it was within the limits"), bytes);
    is_canonical(bytes);
    true
}

/// The corpus of this target.
pub(crate) fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let world = World::shared();
    let mut file = EvidenceFile {
        statement: Statement::from_bytes(world.first.statement.clone()).expect("a statement"),
        receipts: Vec::new(),
        stages: Vec::new(),
        shown: Vec::new(),
        checkpoints: Vec::new(),
        cards: Vec::new(),
        registers: Vec::new(),
        conflict: None,
        attachments: Vec::new(),
    };
    let mut seeds = vec![("evidence", "bare".to_owned(), file.encode().expect("a file"))];
    for (name, answer) in world.answers() {
        match Response::decode(&answer).expect("an answer reads") {
            Response::Acknowledged(body) => {
                let cards = std::slice::from_ref(&world.fr.card);
                let acknowledged =
                    exchange::verify_acknowledgement(&body, &world.first.statement, cards, now());
                let acknowledged = acknowledged.expect("the answer holds");
                file.receipts.push(acknowledged.receipt);
                file.stages.push(acknowledged.stage);
            }
            Response::Conflict(proof) => {
                let statement = world.letters.get(1).expect("there are letters").statement.clone();
                let conflict = Some(ConflictEvidence { proof, statement });
                let with = EvidenceFile { conflict, ..file.clone() };
                seeds.push(("evidence", name.to_owned(), with.encode().expect("a file")));
            }
            Response::Gap { .. } | Response::Wanted(_) | Response::Refused(_) => {}
        }
    }
    file.cards = vec![world.gb.card.clone(), world.fr.card.clone()];
    let content = b"<CD001C>1</CD001C>";
    let secret = world.first.secrets.first().expect("the letter has a part");
    let shown = LeafTree::new(secret, content, &[]).expect("leaves").show_whole(content);
    file.shown.push(ShownPart { part: 0, shown: shown.expect("it is the content") });
    let checkpoint = evidence::Checkpoint::new(&world.gb.administration, 1, world.first.leaf);
    file.checkpoints.push(LoggedCheckpoint {
        log: world.gb.administration.clone(),
        note: checkpoint.sign(&world.gb.keys.log).expect("a note"),
        index: 0,
        path: Vec::new(),
    });
    seeds.push(("evidence", "whole".to_owned(), file.encode().expect("a file")));
    file.attachments = vec![ShownAttachment { part: 1, secret: secret.clone() }];
    seeds.push(("evidence", "attachments".to_owned(), file.encode().expect("a file")));
    seeds
}
