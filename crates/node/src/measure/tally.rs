//! What the records of two nodes prove about the messages between them: everything is counted from what is on record
//! and verified again; nothing is taken from a counter of the code under measurement.

use crate::node::{Node, NodeError};
use base::{Administration, MessageId};
use evidence::{EvidenceError, Statement};
use exchange::{Envelope, Outcome, Register};
use std::collections::{BTreeMap, BTreeSet};
use store::{StoreError, Tx, log};

/// How many rows are read at once.
const PAGE: i64 = 256;

/// How far the records of a node reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    leaves: i64,
    decisions: i64,
    letters: i64,
}

/// What a sender's records hold beyond a [`Mark`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Decisions of the policy by which something was cleared.
    pub decisions: usize,
    /// Messages whose signed statement is in the sender's log, under a signature that holds.
    pub signatures: usize,
    /// Different sealed parts that those statements name.
    pub seals: usize,
    /// Leaves of the log.
    pub leaves: usize,
    /// Letters whose answer is kept and holds: a staged statement and a receipt of the recipient's log for this very
    /// statement.
    pub receipts: usize,
}

/// The statements of one administration in a log, by message.
type Statements = BTreeMap<MessageId, Vec<u8>>;

impl Node {
    /// How far the records reach now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn mark(&self) -> Result<Mark, NodeError> {
        self.read(|tx| -> Result<_, NodeError> {
            Ok(Mark {
                leaves: log::size(tx)?,
                decisions: highest(tx, "SELECT COALESCE(MAX(id), 0) FROM decisions")?,
                letters: highest(tx, "SELECT COALESCE(MAX(id), 0) FROM outbox")?,
            })
        })
        .await
    }

    /// Counts what this node has sent since `mark`, and verifies all of it again.
    ///
    /// # Errors
    /// When the store fails, or something on record does not hold.
    pub async fn sent_since(&self, mark: Mark) -> Result<Tally, NodeError> {
        let (leaves, decisions, receipts) = self
            .read(move |tx| -> Result<_, NodeError> {
                let cleared = "SELECT COUNT(*) FROM decisions WHERE id > ?1 AND outcome = 'cleared'";
                let decisions = tx.query(cleared, &[mark.decisions.into()])?;
                let decisions = decisions.first().map_or(Ok(0), |row| row.int(0))?;
                Ok((entries(tx, mark.leaves)?, decisions, receipts(tx, mark.letters)?))
            })
            .await?;
        let count = leaves.len();
        let (statements, seals) = self.proved(self.administration(), leaves)?;
        let mut receipted = BTreeSet::new();
        for (message, receipt) in receipts {
            if let Some(statement) = statements.get(&message)
                && self.acknowledges(statement, &receipt)?
            {
                receipted.insert(message);
            }
        }
        Ok(Tally {
            decisions: usize::try_from(decisions).unwrap_or_default(),
            signatures: statements.len(),
            seals,
            leaves: count,
            receipts: receipted.len(),
        })
    }

    /// Counts the messages of `sender` that entered this node's log since `mark`, under signatures that hold.
    ///
    /// # Errors
    /// As [`Node::sent_since`].
    pub async fn taken_since(&self, mark: Mark, sender: &Administration) -> Result<usize, NodeError> {
        let leaves = self.read(move |tx| -> Result<_, NodeError> { Ok(entries(tx, mark.leaves)?) }).await?;
        Ok(self.proved(sender, leaves)?.0.len())
    }

    /// The entries that are statements of `sender`, each verified, and the number of different sealed parts in them.
    fn proved(
        &self,
        sender: &Administration,
        entries: Vec<Vec<u8>>,
    ) -> Result<(Statements, usize), EvidenceError> {
        let bureau = self.bureau();
        let cards = bureau.cards(sender);
        let (mut statements, mut seals) = (Statements::new(), BTreeSet::new());
        for entry in entries {
            // A log has entries of other kinds, too.
            let Ok(claim) = Statement::read(&entry) else { continue };
            let key = cards.iter().find(|card| card.sign.key_id() == claim.key_id());
            if let Some(card) = key
                && claim.manifest().from() == sender
            {
                let manifest = claim.verify(card.sign)?;
                seals.extend(manifest.parts.iter().map(|part| part.ciphertext));
                statements.insert(manifest.message_id, entry);
            }
        }
        Ok((statements, seals.len()))
    }

    /// Whether an answer acknowledges a statement, with everything in it verified.
    fn acknowledges(&self, statement: &[u8], answer: &[u8]) -> Result<bool, NodeError> {
        let to = Statement::read(statement)?.manifest().to().clone();
        // The parts are not needed for it, and need not have been kept.
        let envelope = Envelope { statement, parts: Vec::new() }.encode();
        let outcome = exchange::verify_response(answer, &envelope, &self.bureau().cards(&to), self.now());
        Ok(matches!(outcome, Ok(Outcome::Acknowledged(_))))
    }
}

fn highest(tx: &mut dyn Tx, sql: &str) -> Result<i64, StoreError> {
    tx.query(sql, &[])?.first().map_or(Ok(0), |row| row.int(0))
}

/// The entries of the log from an index on.
fn entries(tx: &mut dyn Tx, from: i64) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut found = Vec::new();
    for index in from..log::size(tx)? {
        found.extend(log::entry(tx, index)?);
    }
    Ok(found)
}

/// The answers to the letters beyond a number.
fn receipts(tx: &mut dyn Tx, after: i64) -> Result<Vec<(MessageId, Vec<u8>)>, NodeError> {
    let mut found = Vec::new();
    let mut after = after;
    loop {
        let rows = tx.query(
            "SELECT id, message_id, receipt FROM outbox WHERE id > ?1 AND receipt IS NOT NULL ORDER BY id LIMIT ?2",
            &[after.into(), PAGE.into()],
        )?;
        for row in &rows {
            after = row.int(0)?;
            if let Ok(message) = MessageId::parse(row.text(1)?) {
                found.push((message, row.bytes(2)?.to_vec()));
            }
        }
        if rows.is_empty() {
            return Ok(found);
        }
    }
}
