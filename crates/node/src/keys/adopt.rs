//! Taking up a version of a key register: it is checked against the one in force, kept, entered in the log, and in force
//! from then on for every decision.

use super::answer::released;
use super::records;
use crate::bureau::Bureau;
use crate::messages;
use crate::node::{Node, NodeError};
use crate::reception::enter_in_log;
use base::{Administration, Timestamp};
use evidence::key_register::{Adoption, Proposal, RegisterError, SignedRegister};
use store::{Tx, journal};

/// What became of a version that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// It is in force now.
    New,
    /// It was in force already.
    Known,
}

impl Node {
    /// Takes up a version of a key register. `from` is the partner that brought it.
    ///
    /// # Errors
    /// When it may not follow the one in force: [`NodeError::Register`] says why. A fork is kept as a proof.
    pub async fn adopt_register(
        &self,
        signed: SignedRegister,
        from: Option<Administration>,
    ) -> Result<Adopted, NodeError> {
        self.sound()?;
        let _one_at_a_time = self.changes().lock().await;
        let now = self.now();
        let outcome = self
            .write(move |tx, bureau| -> Result<_, NodeError> {
                take(tx, bureau, &signed, from.as_ref(), now)
            })
            .await?;
        if let Taken::Refused(error) = outcome {
            return Err(error.into());
        }
        self.refresh_registers().await?;
        Ok(if matches!(outcome, Taken::New) { Adopted::New } else { Adopted::Known })
    }

    /// Puts what the database has of registers in force, and chooses our keys by it.
    pub(crate) async fn refresh_registers(&self) -> Result<(), NodeError> {
        let registers = self.read(|tx| -> Result<_, NodeError> { Ok(records::in_force(tx)?) }).await?;
        let now = self.now();
        let mut chosen = Ok(());
        self.replace_bureau(|bureau| {
            bureau.registers = registers.into();
            chosen = bureau.choose_keys(now);
        })?;
        Ok(chosen?)
    }
}

enum Taken {
    New,
    Known,
    Refused(RegisterError),
}

fn take(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    signed: &SignedRegister,
    from: Option<&Administration>,
    now: Timestamp,
) -> Result<Taken, NodeError> {
    let register = signed.register();
    let agreement = register.agreement.as_str();
    let in_force = records::latest(tx, agreement)?;
    let checked = match &in_force {
        Some(previous) => signed.succeeds(previous, now).and_then(|new| {
            bureau.knows_newcomers(register, Some(previous.register()), now)?;
            Ok(new)
        }),
        None if register.version == 1 => genesis(bureau, signed, now).map(|()| true),
        None => {
            let counts = |approved: &Proposal| !released(approved, now);
            let youngest = records::youngest_approved(tx, agreement, &bureau.administration, counts)?;
            joining(bureau, signed, youngest, now).map(|()| true)
        }
    };
    match checked {
        Ok(new) => {
            if let Some(from) = from {
                records::note_known(tx, agreement, from, register.version)?;
            }
            if !new {
                return Ok(Taken::Known);
            }
        }
        Err(error) => {
            if let (RegisterError::Fork { .. }, Some(previous)) = (&error, &in_force) {
                keep_fork(tx, bureau, previous, signed, now)?;
            }
            return Ok(Taken::Refused(error));
        }
    }
    records::keep(tx, signed, now)?;
    let proposed = records::proposal(tx, agreement)?;
    if proposed.is_some_and(|(proposal, _)| proposal.register().digest().ok() == Some(signed.digest())) {
        records::withdraw(tx, agreement)?;
    }
    let adoption = Adoption {
        by: bureau.administration.clone(),
        agreement: agreement.to_owned(),
        version: register.version,
        digest: signed.digest(),
        at: now,
    };
    let entry = adoption.sign(&bureau.identity.keys.sign)?;
    enter_in_log(tx, &entry, now)?;
    let words = format!("version {} of the key register of {agreement} is in force", register.version);
    messages::note(tx, now, "keys", agreement, "Register", &words)?;
    tracing::info!(agreement, version = register.version, "a key register is in force");
    Ok(Taken::New)
}

/// A first version counts if everybody in it signed it and its keys are those of the cards that this node has.
fn genesis(bureau: &Bureau, signed: &SignedRegister, now: Timestamp) -> Result<(), RegisterError> {
    signed.starts(&signed.register().agreement, now)?;
    bureau.vouches_for(signed.register(), now)
}

/// A later version counts for a party that holds none if it lets this one in, and those have signed it whose cards its
/// operator has accepted. It is no older than what this node has approved and could still come into force, which it would be
/// led back behind otherwise.
fn joining(
    bureau: &Bureau,
    signed: &SignedRegister,
    youngest: u64,
    now: Timestamp,
) -> Result<(), RegisterError> {
    let (name, found) = (&signed.register().agreement, signed.register().version);
    bureau.joining(name, |pinned| signed.joins(name, pinned, now))?;
    if found < youngest {
        return Err(RegisterError::Rollback { have: youngest, found });
    }
    Ok(())
}

/// Two versions of one number: the two documents prove who has signed both, and go to the journal for an auditor.
fn keep_fork(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    ours: &SignedRegister,
    theirs: &SignedRegister,
    now: Timestamp,
) -> Result<(), NodeError> {
    let agreement = &ours.register().agreement;
    let double = theirs.double_approvals(ours, &ours.register().stewards);
    let named: Vec<String> = double.iter().map(|double| double.steward.to_string()).collect();
    tracing::error!(agreement, stewards = ?named, "two versions of a key register with one number: proof kept");
    journal::append(
        tx,
        &journal::JournalEntry {
            stream: &format!("register/{agreement}"),
            kind: "Fork",
            at: now,
            salt: bureau.world.random(),
            body: &theirs.to_bytes(),
            facts: &ours.to_bytes(),
        },
    )?;
    let words = format!(
        "there are two versions {} of the key register of {agreement}; signed by both: {}",
        ours.register().version,
        if named.is_empty() { "nobody".to_owned() } else { named.join(", ") }
    );
    Ok(messages::note(tx, now, "keys", agreement, "Fork", &words)?)
}
