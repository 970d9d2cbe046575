//! What the logs say: receipts, checkpoints, and the witnesses that cosigned them.

use crate::examination::{Examination, contradiction, problem};
use crate::keyring::{When, WitnessKey};
use crate::verdict::{Finding, Problem};
use base::Administration;
use evidence::{
    Checkpoint, CosignedCheckpoint, Included, LoggedCheckpoint, PublicKey, Receipt, StageName, Witness,
    log_origin,
};
use std::collections::BTreeMap;

/// Where each log says that the statement is, by what it signed.
type Places = BTreeMap<(Administration, u64), [u8; 32]>;

/// Examines the receipts of logs (RFC 9942).
pub(crate) fn receipts(examination: &mut Examination<'_>) {
    let mut entries = Vec::new();
    for bytes in &examination.file.receipts {
        match examine_receipt(examination, bytes) {
            Ok((log, included, finding)) => {
                entries.push((log, included));
                examination.seen.findings.push(finding);
            }
            Err(problem) => examination.seen.problems.push(problem),
        }
    }
    let recipient = examination.manifest.to();
    let received = examination.received().and_then(|stage| stage.entry);
    let of_recipient = entries.iter().filter(|(log, _)| log == recipient);
    for (_, included) in of_recipient {
        // The receipt that came with RECEIVED is of the very tree that it states; a later one proves the same entry.
        if received.is_some_and(|(index, size)| index != included.index || size > included.size) {
            let words = "the recipient's statement and the receipt of its log name different entries";
            examination.seen.problems.push(contradiction(words));
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
    let when = When::NotBefore(manifest.created);
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
    for checkpoint in &examination.file.checkpoints {
        match examine_checkpoint(examination, checkpoint) {
            Ok((signed, findings)) => {
                let place = (checkpoint.log.clone(), signed.size);
                let root = signed.root.0;
                if roots.insert(place, root).is_some_and(|other| other != root) {
                    let words = format!("the log of {} signed two histories of one size", checkpoint.log);
                    examination.seen.problems.push(Problem::new("log-forked", words));
                }
                examination.seen.findings.extend(findings);
            }
            Err(problem) => examination.seen.problems.push(problem),
        }
    }
}

fn examine_checkpoint(
    examination: &Examination<'_>,
    held: &LoggedCheckpoint,
) -> Result<(Checkpoint, Vec<Finding>), Problem> {
    let (log, origin) = (&held.log, log_origin(&held.log));
    let when = When::NotBefore(examination.manifest.created);
    let (key, standing) = examination.keyring.checkpoint_key(log, &held.note, when)?;
    let note = held.note.as_str();
    let signed = CosignedCheckpoint::verify(note, &origin, &key, &[]).map_err(|error| problem(&error))?;
    let checkpoint = signed.checkpoint;
    let size = checkpoint.size;
    let leaf = examination.file.statement.leaf();
    checkpoint.verify_inclusion(&leaf, held.index, &held.path).map_err(|error| problem(&error))?;
    if examination.seen.stages.iter().any(|stage| {
        stage.name == StageName::Received
            && stage.by == *log
            && stage.entry.is_some_and(|(index, _)| index != held.index)
    }) {
        return Err(contradiction("the recipient's statement and its checkpoint name different entries"));
    }
    let mut findings = vec![Finding {
        code: "checkpoint".to_owned(),
        standing,
        by: log.to_string(),
        at: None,
        words: format!(
            "a checkpoint of the log of {log}, of {size} entries, covers the message as entry {}",
            held.index
        ),
    }];
    for witness in examination.keyring.witnesses(log) {
        findings.extend(cosignatures(held, &origin, &key, &witness)?);
    }
    Ok((checkpoint, findings))
}

/// What one witness says under a checkpoint.
fn cosignatures(
    held: &LoggedCheckpoint,
    origin: &str,
    key: &PublicKey,
    witness: &WitnessKey<'_>,
) -> Result<Vec<Finding>, Problem> {
    let (who, log) = (witness.administration, &held.log);
    let known = [Witness::of(who, witness.key)];
    let cosigned =
        CosignedCheckpoint::verify(&held.note, origin, key, &known).map_err(|error| problem(&error))?;
    let findings = cosigned.cosignatures.iter().map(|cosignature| {
        if !witness.valid_at(cosignature.at) {
            let words = format!("the witness key of {who} was not valid when it cosigned");
            return Err(Problem::new("key-not-valid", words));
        }
        Ok(Finding {
            code: "witness".to_owned(),
            standing: witness.standing,
            by: who.to_string(),
            at: Some(cosignature.at.to_string()),
            words: format!("{who} witnessed that checkpoint: it saw no other history of the log of {log}"),
        })
    });
    findings.collect()
}
