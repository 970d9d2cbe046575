//! What the logs say: receipts, checkpoints, and the witnesses that cosigned them.

use crate::examination::{Examination, contradiction, problem};
use crate::keyring::When;
use crate::verdict::{Finding, Gap, Problem, Standing};
use base::{Administration, Timestamp};
use evidence::{Checkpoint, Included, LoggedCheckpoint, Receipt, SignedNote, Witness, log_origin};
use std::collections::BTreeMap;

/// Where each log says that the statement is, by what it signed.
type Places = BTreeMap<(Administration, u64), [u8; 32]>;

/// Examines the receipts of logs (RFC 9942).
pub(crate) fn receipts(examination: &mut Examination<'_>) {
    for bytes in &examination.file.receipts {
        match examine_receipt(examination, bytes) {
            Ok((log, included, finding)) => {
                examination.seen.entries.push((log, included.index, finding.standing));
                examination.seen.findings.push(finding);
            }
            Err(problem) => examination.seen.problems.push(problem),
        }
    }
}

/// Whether what each log signed names one entry, and RECEIVED the same.
pub(crate) fn agreement(examination: &mut Examination<'_>) {
    let mut places: BTreeMap<&Administration, u64> = BTreeMap::new();
    let received = examination.received();
    let stated = received.and_then(|stage| Some((&stage.by, stage.entry?.0)));
    let proved = examination.seen.entries.iter().map(|(log, index, _)| (log, *index));
    for (log, index) in proved.chain(stated) {
        if places.insert(log, index).is_some_and(|other| other != index) {
            let words = format!("what {log} signed names different entries of its log for one message");
            examination.seen.problems.push(contradiction(&words));
            return;
        }
    }
}

fn examine_receipt(
    examination: &Examination<'_>,
    bytes: &[u8],
) -> Result<(Administration, Included, Finding), Problem> {
    let claim = Receipt::read(bytes).map_err(|error| problem(&error))?;
    let (manifest, log) = (examination.manifest, claim.log);
    // A witness saw a checkpoint and no receipt. With a checkpoint of this very log that it saw, the receipt says nothing
    // that the log had not said then; with one of another log it could be made by whoever got hold of the key.
    let seen = examination.seen.witnessed.get(&log).copied();
    let when = When { seen, ..When::not_before(manifest.created) };
    let (key, standing) = examination.keyring.receipt_key(&log, claim.key_id, when)?;
    let leaf = examination.file.statement.leaf();
    let included = Receipt::verify(bytes, &leaf, &log, &key).map_err(|error| problem(&error))?;
    let finding = Finding {
        code: "log-receipt".to_owned(),
        standing,
        by: log.to_string(),
        at: None,
        words: format!(
            "the log of {log} holds the message as entry {} of {}: it cannot be taken out or changed unseen",
            included.index, included.size
        ),
    };
    Ok((log, included, finding))
}

/// Examines the checkpoints of logs and the cosignatures under them.
pub(crate) fn checkpoints(examination: &mut Examination<'_>) {
    let mut roots = Places::new();
    for held in &examination.file.checkpoints {
        match examine_checkpoint(examination, held) {
            Ok(Examined { checkpoint, standing, findings, gaps, witnessed }) => {
                let (place, root) = ((held.log.clone(), checkpoint.size), checkpoint.root.0);
                if roots.insert(place, root).is_some_and(|other| other != root) {
                    let words = format!("the log of {} signed two histories of one size", held.log);
                    examination.seen.problems.push(Problem::new("log-forked", words));
                }
                examination.seen.entries.push((held.log.clone(), held.index, standing));
                examination.seen.findings.extend(findings);
                examination.seen.gaps.extend(gaps);
                if let Some(at) = witnessed {
                    let earliest = examination.seen.witnessed.entry(held.log.clone()).or_insert(at);
                    *earliest = at.min(*earliest);
                }
            }
            Err(problem) => examination.seen.problems.push(problem),
        }
    }
}

/// A checkpoint that holds.
struct Examined {
    checkpoint: Checkpoint,
    standing: Standing,
    findings: Vec<Finding>,
    /// Witnesses whose keys do not count.
    gaps: Vec<Gap>,
    /// When a believed witness that is no party saw it first.
    witnessed: Option<Timestamp>,
}

fn examine_checkpoint(examination: &Examination<'_>, held: &LoggedCheckpoint) -> Result<Examined, Problem> {
    let (log, origin, keyring) = (&held.log, log_origin(&held.log), examination.keyring);
    let note = SignedNote::parse("checkpoint", &held.note).map_err(|error| problem(&error))?;
    let signer = keyring.checkpoint_key(log, &note)?;
    let checkpoint = Checkpoint::verify_note(&note, &origin, &signer).map_err(|error| problem(&error))?;
    // Which witnesses saw it is found out first: they say when the log's key had signed it.
    let (mut witnesses, mut gaps) = (Vec::new(), Vec::new());
    for (who, key) in keyring.witnesses(log, &note) {
        let cosigned =
            Witness::of(&who, key).cosignatures(&note, &checkpoint).map_err(|error| problem(&error))?;
        for at in cosigned.iter().map(|cosignature| cosignature.at) {
            match keyring.witness_key(&who, key.key_id(), at) {
                Ok(standing) => witnesses.push((who.clone(), at, standing)),
                // The checkpoint stands without it.
                Err(problem) => gaps.push(Gap {
                    code: "witness-key".to_owned(),
                    words: format!(
                        "that {who} witnessed a checkpoint of the log of {log}: {}",
                        problem.words
                    ),
                }),
            }
        }
    }
    // A party could state any time for the other's log, once it has the other's keys.
    let parties = [examination.manifest.from(), examination.manifest.to()];
    let believed = witnesses
        .iter()
        .filter(|(who, _, standing)| *standing == Standing::Proved && !parties.contains(&who));
    let witnessed = believed.map(|(_, at, _)| *at).min();
    let when = When { seen: witnessed, ..When::not_before(examination.manifest.created) };
    let (_, standing) = keyring.receipt_key(log, signer.key_id(), when)?;
    let leaf = examination.file.statement.leaf();
    checkpoint.verify_inclusion(&leaf, held.index, &held.path).map_err(|error| problem(&error))?;
    let mut findings = vec![Finding {
        code: "checkpoint".to_owned(),
        standing,
        by: log.to_string(),
        at: None,
        words: format!(
            "a checkpoint of the log of {log}, of {} entries, covers the message as entry {}",
            checkpoint.size, held.index
        ),
    }];
    findings.extend(witnesses.into_iter().map(|(who, at, standing)| Finding {
        code: "witness".to_owned(),
        standing,
        by: who.to_string(),
        at: Some(at.to_string()),
        words: format!("{who} witnessed that checkpoint: it saw no other history of the log of {log}"),
    }));
    Ok(Examined { checkpoint, standing, findings, gaps, witnessed })
}
