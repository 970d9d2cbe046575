//! What a file does not prove, said as plainly as what it does.

use crate::examination::Seen;
use crate::verdict::{Gap, PartyKeys};
use evidence::disclosure::{LeafScheme, WHOLE};
use evidence::{EvidenceFile, Manifest, StageName};

/// What is not proved about this message.
pub(crate) fn of(file: &EvidenceFile, manifest: &Manifest, seen: &Seen, keys: &[PartyKeys]) -> Vec<Gap> {
    let (from, to) = (manifest.from(), manifest.to());
    let mut gaps = Vec::new();
    let mut gap = |code: &str, words: String| gaps.push(Gap { code: code.to_owned(), words });
    for administration in [from, to] {
        let known = keys.iter().filter(|key| key.administration == administration.as_str());
        if !known.clone().any(|key| key.trusted) {
            let fingerprints: Vec<&str> = known.map(|key| key.fingerprint.as_str()).collect();
            let words = match fingerprints.as_slice() {
                [] => format!("whose keys are those of {administration}: the file holds no card of it"),
                cards => format!(
                    "that the keys are those of {administration}: compare with it the fingerprint {}, and give its \
                     card or fingerprint to the verifier",
                    cards.join(" or ")
                ),
            };
            gap("keys", words);
        }
    }
    let has = |code: &str, by: &str| seen.findings.iter().any(|found| found.code == code && found.by == by);
    let stage = |name: StageName| seen.stages.iter().any(|stage| stage.name == name);
    if !stage(StageName::Received) && !stage(StageName::Refused) {
        gap("not-received", format!("that {to} received the message: no statement of it is in the file"));
    }
    if !stage(StageName::Decided) && !stage(StageName::Refused) {
        gap("not-decided", format!("what {to} decided upon the message"));
    }
    for log in [from, to] {
        if !has("log-receipt", log.as_str()) && !has("checkpoint", log.as_str()) {
            gap("no-receipt", format!("that the message is in the log of {log}"));
        }
    }
    if !seen.findings.iter().any(|finding| finding.code == "witness") {
        gap("no-witness", "that anyone but the owners of the logs saw them: no witness cosigned".to_owned());
    }
    content(file, manifest, &mut gap);
    if manifest.exercise {
        gap("exercise", "anything about real goods: the message belongs to an exercise".to_owned());
    }
    gap("truth", format!("that what the message says is true: only that {from} said it"));
    gap("time", "the times, beyond the clocks of those who stated them".to_owned());
    let agreement = &manifest.agreement;
    let words = format!(
        "what the agreement `{}` says: compare its compiled hash {} with the parties' copy",
        agreement.id, agreement.hash
    );
    gap("agreement-text", words);
    gaps
}

fn content(file: &EvidenceFile, manifest: &Manifest, gap: &mut impl FnMut(&str, String)) {
    for (at, part) in (0u64..).zip(&manifest.parts) {
        let shown = file.shown.iter().filter(|shown| shown.part == at);
        let whole = shown.clone().any(|shown| shown.shown.path == WHOLE);
        match (whole, shown.count()) {
            (true, 1) => {}
            (true, _) => gap(
                "reading",
                format!(
                    "that the fields shown of `{}` are read from it rightly: compare them with its whole",
                    part.name
                ),
            ),
            (false, 0) => {
                gap("content", format!("what the part `{}` says: nothing of it is shown", part.name))
            }
            (false, _) => {
                gap("content", format!("what else the part `{}` says: only some fields are shown", part.name))
            }
        }
        if part.leaves == LeafScheme::Whole && !whole {
            gap(
                "no-fields",
                format!("single fields of the part `{}`: it can be shown only whole", part.name),
            );
        }
    }
}
