//! The examination of a file: each piece by itself, and each against the others.

use crate::attached;
use crate::gaps;
use crate::keyring::{KEY_REVOKED, Keyring, When};
use crate::logs;
use crate::trust::Trust;
use crate::verdict::{
    Claimed, Finding, Gap, MessageFacts, Outcome, PartyKeys, Problem, ShownField, Standing, Verdict,
};
use base::{Administration, Timestamp};
use evidence::{
    Conflict, EvidenceError, EvidenceFile, Manifest, Stage, StageName, StagedStatement, Statement, digest_of,
};
use std::collections::BTreeMap;

/// Verifies an evidence file.
pub fn verify(bytes: &[u8], trust: &Trust) -> Verdict {
    let file = match EvidenceFile::decode(bytes) {
        Ok(file) => file,
        Err(error) => return refused_unread(&error),
    };
    let manifest = match Statement::read(file.statement.as_bytes()) {
        Ok(claim) => claim.manifest().clone(),
        Err(error) => return refused_unread(&error),
    };
    let keyring = trust.keyring(&file, &manifest.agreement.id);
    let mut examination =
        Examination { file: &file, manifest: &manifest, keyring: &keyring, seen: Seen::default() };
    // Logs first: where they hold the message, and who saw that when, says what revoked keys still prove.
    logs::checkpoints(&mut examination);
    logs::receipts(&mut examination);
    examination.stages();
    logs::agreement(&mut examination);
    examination.statement();
    examination.shown();
    examination.conflict();
    examination.seen.problems.extend(attached::problems(&file, &manifest));
    let seen = examination.seen;
    let keys = party_keys(&keyring);
    Verdict {
        outcome: outcome(&seen),
        not_proved: gaps::of(&file, &manifest, &seen, &keyring),
        message: Some(facts(&manifest, &file.statement)),
        findings: seen.findings,
        shown: seen.shown,
        attachments: attached::of(&file, &manifest),
        problems: seen.problems,
        keys,
    }
}

fn refused_unread(error: &EvidenceError) -> Verdict {
    Verdict {
        outcome: Outcome::Refused,
        message: None,
        findings: Vec::new(),
        shown: Vec::new(),
        attachments: Vec::new(),
        problems: vec![Problem::new("malformed", error.to_string())],
        not_proved: Vec::new(),
        keys: Vec::new(),
    }
}

fn outcome(seen: &Seen) -> Outcome {
    if !seen.problems.is_empty() {
        Outcome::Refused
    } else if seen.findings.iter().any(rests_on_claims) {
        Outcome::Unanchored
    } else {
        Outcome::Proved
    }
}

/// A witness that nobody vouches for adds nothing, and takes nothing away from what the parties signed.
pub(crate) fn rests_on_claims(finding: &Finding) -> bool {
    finding.standing == Standing::Claimed && finding.code != "witness"
}

/// What was found so far.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) findings: Vec<Finding>,
    pub(crate) shown: Vec<ShownField>,
    pub(crate) problems: Vec<Problem>,
    /// What is in the file and proves nothing, while the rest does not need it.
    pub(crate) gaps: Vec<Gap>,
    /// The staged statements that hold.
    pub(crate) stages: Vec<Stage>,
    /// Where logs hold the message, and whether the key under which a log says so is believed.
    pub(crate) entries: Vec<(Administration, u64, Standing)>,
    /// The earliest moment at which a believed witness that is neither sender nor recipient saw the message in each log.
    pub(crate) witnessed: BTreeMap<Administration, Timestamp>,
}

/// A file under examination.
pub(crate) struct Examination<'f> {
    pub(crate) file: &'f EvidenceFile,
    pub(crate) manifest: &'f Manifest,
    pub(crate) keyring: &'f Keyring,
    pub(crate) seen: Seen,
}

impl Examination<'_> {
    /// Notes a finding, or the problem that stands in its way.
    pub(crate) fn note(&mut self, examined: Result<Finding, Problem>) {
        match examined {
            Ok(finding) => self.seen.findings.push(finding),
            Err(problem) => self.seen.problems.push(problem),
        }
    }

    fn statement(&mut self) {
        let examined = self.examine_statement();
        // The signature of the sender is what all else rests on: it is told first.
        match examined {
            Ok(finding) => self.seen.findings.insert(0, finding),
            Err(problem) => self.seen.problems.insert(0, problem),
        }
    }

    fn examine_statement(&self) -> Result<Finding, Problem> {
        let claim = Statement::read(self.file.statement.as_bytes()).map_err(|error| problem(&error))?;
        let (sender, key_id) = (self.manifest.from(), claim.key_id());
        // Whoever saw the message in any log saw this statement.
        let seen = self.seen.witnessed.values().min().copied();
        let stated = |moment| When { seen, position: self.position(sender), ..When::stated(moment) };
        let created = stated(self.manifest.created);
        let (key, standing) = self.keyring.signing_key(sender, key_id, created)?;
        // Who has an old key can state any time; the recipient, who checks keys as messages come, says when it came.
        if let Some(received) = self.received() {
            self.keyring.signing_key(sender, key_id, stated(received.at))?;
        }
        claim.verify(key).map_err(|error| problem(&error))?;
        Ok(Finding {
            code: "statement".to_owned(),
            standing,
            by: sender.to_string(),
            at: Some(self.manifest.created.to_string()),
            words: format!(
                "{sender} signed this message to {} with its key {}",
                self.manifest.to(),
                key_id.short()
            ),
        })
    }

    /// The place of the message in the log of `owner`, as far as a believed log key proves it: with a made-up key anybody
    /// can make a log in which it stands before a revocation.
    fn position(&self, owner: &Administration) -> Option<u64> {
        let proved = |(log, _, standing): &&(Administration, u64, Standing)| {
            log == owner && *standing == Standing::Proved
        };
        self.seen.entries.iter().filter(proved).map(|(_, index, _)| *index).max()
    }

    /// The recipient's statement that it received the message, if it holds.
    pub(crate) fn received(&self) -> Option<&Stage> {
        self.seen.stages.iter().find(|stage| stage.name == StageName::Received)
    }

    fn stages(&mut self) {
        let mut stages = Vec::new();
        for bytes in &self.file.stages {
            match self.examine_stage(bytes) {
                Ok(Ok(found)) => stages.push(found),
                Ok(Err(gap)) => self.seen.gaps.push(gap),
                Err(problem) => self.seen.problems.push(problem),
            }
        }
        stages.sort_by_key(|(stage, _)| (stage.at, stage.name));
        let names: Vec<StageName> = stages.iter().map(|(stage, _)| stage.name).collect();
        if !StageName::admissible(&names) {
            let told: Vec<String> = names.iter().map(ToString::to_string).collect();
            let words = format!("no message can come to all the stages that are stated: {}", told.join(", "));
            self.seen.problems.push(contradiction(&words));
        }
        for (stage, finding) in stages {
            self.seen.stages.push(stage);
            self.seen.findings.push(finding);
        }
    }

    /// A staged statement that holds; or why one proves nothing, while nothing else needs it.
    fn examine_stage(&self, bytes: &[u8]) -> Result<Result<(Stage, Finding), Gap>, Problem> {
        let claim = StagedStatement::read(bytes).map_err(|error| problem(&error))?;
        let claimed = claim.stage();
        let (by, at, name) = (claimed.by.clone(), claimed.at, claimed.name);
        if by != *self.manifest.to() {
            return Err(contradiction("a staged statement is not by the recipient"));
        }
        let about = claimed.message_id == Some(self.manifest.message_id)
            && claimed.statement == self.file.statement.digest();
        if !about {
            return Err(contradiction("a staged statement is about another message"));
        }
        // RECEIVED is made together with the entry in the recipient's log; of other stages nothing proves when they were
        // made. Who saw the message saw none of them.
        let when = match name {
            StageName::Received => When { position: self.position(&by), ..When::stated(at) },
            _ => When::stated(at),
        };
        let (key, standing) = match self.keyring.signing_key(&by, claim.key_id(), when) {
            Err(revoked) if revoked.code == KEY_REVOKED && name != StageName::Received => {
                let words = format!("that {by} stated that the message was {name}: {}", revoked.words);
                return Ok(Err(Gap { code: "stage-unproved".to_owned(), words }));
            }
            found => found?,
        };
        let stage = claim.verify(key).map_err(|error| problem(&error))?;
        let finding = Finding {
            code: format!("stage-{}", stage.name),
            standing,
            by: by.to_string(),
            at: Some(at.to_string()),
            words: stage_words(&stage),
        };
        Ok(Ok((stage, finding)))
    }

    fn shown(&mut self) {
        for part in &self.file.shown {
            let described = usize::try_from(part.part).ok().and_then(|at| self.manifest.parts.get(at));
            let Some(described) = described else {
                self.seen.problems.push(contradiction("a shown field is of a part that the message has not"));
                continue;
            };
            if let Err(error) = part.shown.verify(described) {
                let words = format!("what is shown of the part `{}` is not in it: {error}", described.name);
                self.seen.problems.push(Problem::new("disclosure", words));
                continue;
            }
            self.seen.shown.push(ShownField {
                part: described.name.clone(),
                path: part.shown.path.clone(),
                value: String::from_utf8(part.shown.value.clone()).ok(),
                size: part.shown.value.len(),
                digest: digest_of(&part.shown.value).to_string(),
            });
        }
    }

    fn conflict(&mut self) {
        if let Some(conflict) = &self.file.conflict {
            let examined = self.examine_conflict(&conflict.proof, &conflict.statement);
            self.note(examined);
        }
    }

    fn examine_conflict(&self, proof: &[u8], other: &[u8]) -> Result<Finding, Problem> {
        let claim = Conflict::read(proof).map_err(|error| problem(&error))?;
        let (by, at) = (claim.conflict().by.clone(), claim.conflict().at);
        let (key, standing) = self.keyring.signing_key(&by, claim.key_id(), When::stated(at))?;
        let conflict = claim.verify(key).map_err(|error| problem(&error))?;
        let second = Statement::read(other).map_err(|error| problem(&error))?;
        let sender = self.manifest.from().clone();
        let (key, of_second) =
            self.keyring.signing_key(&sender, second.key_id(), When::stated(second.manifest().created))?;
        let second = second.verify(key).map_err(|error| problem(&error))?;
        let digests = [self.file.statement.digest(), digest_of(other)];
        let of_both =
            [[conflict.first, conflict.second], [conflict.second, conflict.first]].contains(&digests);
        let same_id = second.message_id == self.manifest.message_id && *second.from() == sender;
        if by != *self.manifest.to()
            || !of_both
            || !same_id
            || conflict.message_id != self.manifest.message_id
        {
            return Err(contradiction("the conflict proof is about other messages"));
        }
        Ok(Finding {
            code: "conflict".to_owned(),
            // It rests on the keys of both: with one that is only claimed, anybody can be framed.
            standing: standing.max(of_second),
            by: by.to_string(),
            at: Some(at.to_string()),
            words: format!("{sender} signed two different messages under this one identity; {by} proved it"),
        })
    }
}

fn stage_words(stage: &Stage) -> String {
    let by = &stage.by;
    let mut words = match stage.name {
        StageName::Received => format!("{by} stated that it received the message"),
        StageName::Decided => format!("{by} stated that it decided upon the message"),
        StageName::Delivered => format!("{by} stated that the message reached whom it was for"),
        StageName::Expired => format!("{by} stated that the message expired before it was delivered"),
        StageName::Refused => format!("{by} refused the message"),
    };
    if let Some((index, size)) = stage.entry {
        words.push_str(&format!(", entry {index} of its log of {size}"));
    }
    if let Some(reason) = &stage.reason {
        words.push_str(&format!(": {} ({})", reason.words, reason.code));
    }
    words
}

/// The problem that an error of the evidence room is.
pub(crate) fn problem(error: &EvidenceError) -> Problem {
    let code = match error {
        EvidenceError::Signature { .. } | EvidenceError::KeyId { .. } => "signature",
        EvidenceError::Proof { .. } => "proof",
        EvidenceError::Claim { .. } => "contradiction",
        _ => "malformed",
    };
    Problem::new(code, error.to_string())
}

pub(crate) fn contradiction(words: &str) -> Problem {
    Problem::new("contradiction", words)
}

fn facts(manifest: &Manifest, statement: &Statement) -> MessageFacts {
    let text = |moment: Timestamp| moment.to_string();
    MessageFacts {
        message_id: manifest.message_id.to_string(),
        from: manifest.from().to_string(),
        to: manifest.to().to_string(),
        subject: manifest.channel.subject().to_owned(),
        sequence: manifest.sequence,
        agreement: manifest.agreement.id.clone(),
        agreement_version: manifest.agreement.version,
        agreement_hash: manifest.agreement.hash.to_string(),
        clause: manifest.clause.clone(),
        purpose: manifest.purpose.clone(),
        created: text(manifest.created),
        expires: text(manifest.expires),
        exercise: manifest.exercise,
        statement: statement.digest().to_string(),
        parts: manifest
            .parts
            .iter()
            .map(|part| Claimed {
                name: part.name.clone(),
                media_type: part.media_type.clone(),
                size: part.size,
            })
            .collect(),
    }
}

fn party_keys(keyring: &Keyring) -> Vec<PartyKeys> {
    let mut keys = Vec::new();
    for (held, trusted) in [(&keyring.believed, true), (&keyring.claimed, false)] {
        for card in &held.cards {
            let (of, fingerprint) = (card.administration.to_string(), card.fingerprint());
            keys.push(PartyKeys { of, kind: "card".to_owned(), fingerprint, trusted });
        }
        for register in &held.registers {
            let of = format!("{} version {}", register.register().agreement, register.register().version);
            let fingerprint = register.digest().to_string();
            keys.push(PartyKeys { of, kind: "register".to_owned(), fingerprint, trusted });
        }
    }
    keys.sort_by(|a, b| (&a.of, &a.fingerprint).cmp(&(&b.of, &b.fingerprint)));
    keys.dedup();
    keys
}
