//! What a node is asked to do: take a trader's message, an officer's decision, a partner's envelope.

use crate::effort::Step;
use crate::failpoint;
use crate::incoming::Incoming;
use crate::messages::outcome;
use crate::node::{Node, NodeError};
use crate::officer::OfficerDecision;
use crate::principals::{Principal, Role};
use crate::proceeding::{Origin, Proceeding, ProceedingError, Submission};
use crate::reception::{self, Handling, stages_of};
use crate::stages;
use crate::views::MessageRow;
use base::{Administration, Country};
use std::sync::Arc;
use store::Execution;

/// From this length on a message is read on a thread of its own: reading it takes more than a millisecond.
const LONG_MESSAGE: usize = 128 * 1024;

impl Node {
    /// Reads a message beside the writer; a long one on a thread of its own.
    async fn read_message(&self, xml: Vec<u8>) -> Result<Incoming, NodeError> {
        let now = self.now();
        if xml.len() < LONG_MESSAGE || matches!(self.execution(), Execution::Inline) {
            return Ok(Incoming::read(xml, &self.bureau(), now));
        }
        let bureau = self.bureau();
        let read = tokio::task::spawn_blocking(move || Incoming::read(xml, &bureau, now)).await;
        read.map_err(|_| NodeError::Stopped)
    }

    /// Takes a message from a trader. When this node fails on it, it is put on record and held for an officer.
    ///
    /// # Errors
    /// When the store is away; nothing has changed then, and the trader may try again. A rejected message is no error.
    pub async fn submit(&self, principal: &Principal, xml: Vec<u8>) -> Result<Submission, NodeError> {
        self.sound()?;
        let origin = Origin::Trader(principal.clone());
        let incoming = self.read_message(xml.clone()).await?;
        let now = self.now();
        let (first, actor) = (origin.clone(), principal.name.clone());
        let taken = self
            .write(move |tx, bureau| -> Result<Submission, ProceedingError> {
                Proceeding::new(tx, bureau, now, &actor).take(first, incoming)
            })
            .await;
        let submission = match taken {
            Err(error) if !error.is_transient() => {
                tracing::error!(trader = principal.name, %error, "this node failed on a message: it is held for an officer");
                let (incoming, actor) = (self.read_message(xml).await?, principal.name.clone());
                self.write(move |tx, bureau| Proceeding::new(tx, bureau, now, &actor).hold(origin, &incoming))
                    .await?
            }
            taken => taken?,
        };
        self.counters().submitted(submission.accepted);
        self.wake_sender();
        Ok(submission)
    }

    /// Takes a message again that is held; `None` when there is no such message.
    ///
    /// # Errors
    /// When the node fails on it once more; it stays held then.
    pub async fn retry_held(
        &self,
        officer: &Principal,
        message: i64,
    ) -> Result<Option<Submission>, NodeError> {
        self.sound()?;
        let found = self.message(message).await?.filter(|(row, ..)| row.outcome == outcome::HELD);
        let Some((row, owner, xml)) = found else { return Ok(None) };
        let origin = match Country::parse(&row.from_party) {
            Ok(country) => Origin::Partner {
                administration: Administration::of(country),
                exchange_id: row.exchange_id.unwrap_or_default(),
                clause: row.clause.unwrap_or_default(),
            },
            Err(_) => Origin::Trader(Principal { name: owner, role: Role::Trader }),
        };
        let (incoming, actor, now) = (self.read_message(xml).await?, officer.name.clone(), self.now());
        let submission = self
            .write(move |tx, bureau| -> Result<_, NodeError> {
                let partner = match &origin {
                    Origin::Partner { administration, exchange_id, .. } => {
                        Some((administration.clone(), exchange_id.clone()))
                    }
                    Origin::Trader(_) | Origin::Own => None,
                };
                let submission =
                    Proceeding::new(tx, bureau, now, &actor).take_again(message, origin, &incoming)?;
                for stage in stages_of(&submission) {
                    if let Some((sender, exchange_id)) = &partner {
                        stages::state_of_received(tx, bureau, sender, exchange_id, stage, now)?;
                    }
                }
                Ok(submission)
            })
            .await?;
        self.wake_stages();
        self.wake_sender();
        Ok(Some(submission))
    }

    /// The messages that are held for an officer, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn held_messages(&self) -> Result<Vec<MessageRow>, NodeError> {
        self.read(|tx| Ok(crate::views::held(tx)?)).await
    }

    /// Takes an officer's decision on a movement; `None` when there is no such movement.
    ///
    /// # Errors
    /// When the node cannot do what follows; nothing has changed then.
    pub async fn decide(
        &self,
        officer: &Principal,
        movement: &str,
        decision: OfficerDecision,
    ) -> Result<Option<Submission>, NodeError> {
        self.sound()?;
        let (officer, movement, now) = (officer.clone(), movement.to_owned(), self.now());
        let submission = self
            .write(move |tx, bureau| -> Result<_, NodeError> {
                let mut proceeding = Proceeding::new(tx, bureau, now, &officer.name);
                Ok(proceeding.officer(&movement, decision)?)
            })
            .await?;
        self.wake_sender();
        Ok(submission)
    }

    /// Takes an envelope from a partner whose TLS key was verified, and returns the answer.
    ///
    /// # Errors
    /// When the node cannot take it now; nothing has changed then, and the partner tries again.
    pub async fn receive(&self, peer: &Administration, envelope: Vec<u8>) -> Result<Vec<u8>, NodeError> {
        // A receipt is a signature of the log: nothing is receipted that could not stand in it.
        self.sound()?;
        let envelope = Arc::new(envelope);
        let first = self.receive_as(peer, &envelope, Handling::Proceed).await;
        let answer = match first {
            Err(NodeError::Reception(error)) if !error.is_transient() => {
                tracing::error!(%peer, %error, "this node failed on a message: it is held for an officer");
                self.receive_as(peer, &envelope, Handling::Hold).await
            }
            first => first,
        };
        self.counters().received();
        if let Some(reason) = answer.as_ref().ok().and_then(|answer| exchange::refusal_in(answer)) {
            self.counters().channel().envelope_refused(reason);
        }
        self.statements_entered(1);
        answer
    }

    async fn receive_as(
        &self,
        peer: &Administration,
        envelope: &Arc<Vec<u8>>,
        handling: Handling,
    ) -> Result<Vec<u8>, NodeError> {
        let (peer, envelope, now) = (peer.clone(), Arc::clone(envelope), self.now());
        let allowance = self.allowance();
        // Signatures, seals and schemas are checked here, beside the writer and not on it.
        failpoint::pass("receive-before-open");
        let opening = self.effort().of(Step::Open, || reception::open(&self.bureau(), &peer, &envelope, now));
        failpoint::pass("receive-after-open");
        let answered = opening.as_ref().is_none_or(reception::Opening::may_be_answered);
        let answer = self
            .write_as(Step::Take, move |tx, bureau| -> Result<_, NodeError> {
                Ok(reception::receive(tx, bureau, &peer, &envelope, opening, ((now, handling), allowance))?)
            })
            .await;
        if answer.is_ok() {
            failpoint::pass("receive-after-commit");
        }
        if answered {
            self.wake_stages();
            self.wake_sender();
        }
        answer
    }
}
