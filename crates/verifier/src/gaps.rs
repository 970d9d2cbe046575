//! What a file does not prove, said as plainly as what it does.

use crate::examination::Seen;
use crate::keyring::Keyring;
use crate::verdict::{Finding, Gap, Standing};
use evidence::disclosure::{LeafScheme, WHOLE};
use evidence::{EvidenceFile, Manifest, StageName};
use std::collections::BTreeSet;

/// What is not proved about this message.
pub(crate) fn of(file: &EvidenceFile, manifest: &Manifest, seen: &Seen, keyring: &Keyring) -> Vec<Gap> {
    let (from, to) = (manifest.from(), manifest.to());
    let mut gaps = seen.gaps.clone();
    let mut gap = |code: &str, words: String| gaps.push(Gap { code: code.to_owned(), words });
    for administration in [from, to] {
        let claimed = seen
            .findings
            .iter()
            .any(|found| found.standing == Standing::Claimed && found.by == administration.as_str());
        if claimed {
            let of = |card: &&evidence::PublicKeys| card.administration == *administration;
            let cards: Vec<_> =
                keyring.claimed.cards.iter().filter(of).map(evidence::PublicKeys::fingerprint).collect();
            let compare = if cards.is_empty() {
                "give its card to the verifier".to_owned()
            } else {
                format!("compare with it the fingerprint {}", cards.join(" or "))
            };
            gap("keys", format!("that the keys are those of {administration}: {compare}"));
        }
    }
    let registers = keyring.believed.registers.iter().chain(&keyring.claimed.registers);
    let registers = registers.map(|signed| signed.register());
    let of_agreement = registers.filter(|register| register.agreement == manifest.agreement.id);
    match of_agreement.map(|register| register.version).max() {
        Some(version) => gap(
            "revocations",
            format!(
                "that no key was revoked after version {version} of the key register: give a younger one if there is"
            ),
        ),
        None => gap("revocations", "that no key was revoked: cards know of no revocation".to_owned()),
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
    // A witness that nobody vouches for may be the owner of the log itself.
    let by_standing = |standing: Standing| {
        let of = move |finding: &&Finding| finding.code == "witness" && finding.standing == standing;
        seen.findings.iter().filter(of).map(|finding| finding.by.as_str()).collect::<BTreeSet<_>>()
    };
    let (vouched, claimed) = (by_standing(Standing::Proved), by_standing(Standing::Claimed));
    if vouched.is_empty() {
        let why =
            if claimed.is_empty() { "no witness cosigned" } else { "no witness that you trust cosigned" };
        gap("no-witness", format!("that anyone but the owners of the logs saw them: {why}"));
    }
    for witness in claimed.difference(&vouched) {
        gap(
            "witness-unvouched",
            format!("that the witness is {witness}: nobody whom you trust vouches for its key"),
        );
    }
    content(file, manifest, &mut gaps);
    let mut gap = |code: &str, words: String| gaps.push(Gap { code: code.to_owned(), words });
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

/// That nothing is shown of a part.
pub(crate) fn unshown(part: &str) -> Gap {
    Gap { code: "content".to_owned(), words: format!("what the part `{part}` says: nothing of it is shown") }
}

/// That no copy of an attachment has matched yet. The secret from which its salts follow is signed by nobody.
pub(crate) fn unconfirmed(part: &str) -> Gap {
    let words =
        format!("the salts by which copies of `{part}` are compared: they are confirmed by a match only");
    Gap { code: "salts".to_owned(), words }
}

fn content(file: &EvidenceFile, manifest: &Manifest, gaps: &mut Vec<Gap>) {
    let gap = |code: &str, words: String| Gap { code: code.to_owned(), words };
    for (at, part) in (0u64..).zip(&manifest.parts) {
        let name = &part.name;
        let shown = file.shown.iter().filter(|shown| shown.part == at);
        let whole = shown.clone().any(|shown| shown.shown.path == WHOLE);
        match (whole, shown.count()) {
            (true, 1) => {}
            (true, _) => {
                let words = format!(
                    "that the fields shown of `{name}` are read from it rightly: compare them with its whole"
                );
                gaps.push(gap("reading", words));
            }
            (false, 0) => gaps.push(unshown(name)),
            (false, _) => {
                gaps.push(gap(
                    "content",
                    format!("what else the part `{name}` says: only some fields are shown"),
                ));
            }
        }
        if file.attachments.iter().any(|shown| shown.part == at) {
            gaps.push(unconfirmed(name));
        }
        if part.leaves == LeafScheme::Whole && !whole {
            gaps.push(gap(
                "no-fields",
                format!("single fields of the part `{name}`: it can be shown only whole"),
            ));
        }
    }
}
