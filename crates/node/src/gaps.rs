//! Numbers that a partner misses: those of letters that ended here without it having used them.
//!
//! A letter that its partner refused until its time was over, without recording anything of it, ends here as a dead
//! letter. Its number in the channel may never have been used there, and then the partner answers the next letter with
//! the gap. What was sealed under the number is taken there once more, byte for byte: now that its time is over the
//! partner refuses it as too late for good, which uses the number. Nothing else is ever signed under its identity, so a
//! copy that comes late conflicts with nothing.

use crate::delivery::{AgreementOnRecord, Fate, Offered};
use crate::node::{Node, NodeError};
use exchange::{Outcome, Under};
use hyper::body::Bytes;
use store::outbox::{self, Ended};

/// How many numbers of ended letters are brought within one claim of the letter behind them.
const NUMBERS_AT_ONCE: usize = 16;

impl Node {
    /// Brings what was sealed under a number that the partner misses, if it is an ended letter's, and then offers the
    /// letter behind it again.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn close_gap(
        &self,
        claim: &outbox::Claim,
        envelope: &Bytes,
        mut missing: u64,
    ) -> Result<Offered, NodeError> {
        for _ in 0..NUMBERS_AT_ONCE {
            let (channel, number) = (claim.channel.clone(), i64::try_from(missing).unwrap_or(i64::MAX));
            let ended = self
                .read(move |tx| -> Result<_, NodeError> { Ok(outbox::ended(tx, &channel, number)?) })
                .await?;
            let Some(ended) = ended else { break };
            if let Err(reason) = self.use_number(claim, ended).await {
                let words =
                    format!("number {missing} is missing there, and what was sent under it: {reason}");
                return Ok(Offered::Fate(Fate::Later(words)));
            }
            match self.offer(claim, envelope).await {
                Offered::Missing(next) if next > missing => missing = next,
                Offered::Missing(_) => break,
                offered => return Ok(offered),
            }
        }
        Ok(Offered::Fate(Fate::missing(missing)))
    }

    /// Has a partner use the number of a letter that ended here, or says why it did not.
    async fn use_number(&self, claim: &outbox::Claim, ended: Ended) -> Result<(), String> {
        let answer = self.transport().deliver(&claim.recipient, Bytes::from(ended.envelope.clone())).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let agreement = serde_json::from_str::<AgreementOnRecord>(&ended.agreement);
        let agreement = agreement.map(|found| found.id).unwrap_or_default();
        let (bureau, now) = (self.bureau(), self.now());
        let keys = Under { register: &*bureau, agreement: &agreement, now };
        match exchange::verify_response(&answer, &ended.envelope, &keys, now) {
            Ok(Outcome::Refused(refused)) if refused.settles() => Ok(()),
            Ok(Outcome::Refused(refused)) => Err(refused.words),
            // By the partner's clock its time was not over.
            Ok(Outcome::Acknowledged(_)) => {
                let message = ended.message_id.to_string();
                tracing::warn!(message, to = %claim.recipient, "a letter that was given up as too late has arrived");
                Ok(())
            }
            Ok(_) => Err("it was not taken".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}
