//! The register that both have approved, on its way to the one that accepted first.

use super::record;
use crate::node::{Node, NodeError};
use crate::transport::{Method, PeerRequest};
use base::Administration;
use evidence::key_register::SignedRegister;
use std::time::Duration;

/// The route on which a node takes a register that its partner has approved too.
pub const REGISTER_ROUTE: &str = "/peer/v1/federation/register";

/// How often registers are brought that partners do not have yet.
const PAUSE: Duration = Duration::from_secs(2);

/// The longest answer to one, in bytes.
const ANSWER_LIMIT: usize = 4 * 1024;

impl Node {
    /// Brings registers to those that accepted invitations of this node, until each has its own.
    pub(crate) async fn deliver_registers(&self) {
        loop {
            if let Err(error) = self.deliver_registers_once().await {
                tracing::error!(%error, "key registers could not be brought to partners");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn deliver_registers_once(&self) -> Result<(), NodeError> {
        let waiting = self.read(|tx| -> Result<_, NodeError> { Ok(record::to_deliver(tx)?) }).await?;
        for (nonce, partner, register) in waiting {
            let Ok(partner) = Administration::parse(&partner) else { continue };
            let path = REGISTER_ROUTE.to_owned();
            let request = PeerRequest { method: Method::Post, path, body: register, limit: ANSWER_LIMIT };
            match self.transport().call(&partner, request).await {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    let now = self.now();
                    self.write(move |tx, _| -> Result<_, NodeError> {
                        Ok(record::delivered(tx, &nonce, now)?)
                    })
                    .await?;
                    tracing::info!(%partner, "the partner has the key register that both have approved");
                }
                Ok(answer) => {
                    let reason = String::from_utf8_lossy(&answer.body).trim().to_owned();
                    tracing::warn!(%partner, status = answer.status, reason, "the partner does not take the key register");
                }
                Err(error) => tracing::info!(%partner, %error, "the key register waits for the partner"),
            }
        }
        Ok(())
    }

    /// Takes a register from a partner whose invitation this node accepted: the one that this node has approved, with the
    /// partner's approval. Returns whether it is one; the same one again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_register(&self, partner: &Administration, bytes: &[u8]) -> Result<bool, NodeError> {
        let Ok(register) = SignedRegister::read(bytes) else { return Ok(false) };
        let stewards = register.register().stewards.clone();
        let Ok(approved) = register.approved_by(&stewards) else { return Ok(false) };
        if !approved.contains(partner) || !approved.contains(self.administration()) {
            return Ok(false);
        }
        let (partner, now, bytes) = (partner.clone(), self.now(), bytes.to_vec());
        self.write(move |tx, _| -> Result<bool, NodeError> {
            // What this node has approved is on record: only that very document counts.
            let known = record::accepted(tx, &partner)?.into_iter().find(|(_, known)| {
                SignedRegister::read(known).is_ok_and(|known| known.digest() == register.digest())
            });
            let Some((nonce, known)) = known else { return Ok(false) };
            if known != bytes {
                record::countersigned(tx, &nonce, &bytes, now)?;
                tracing::info!(%partner, "the key register is approved by both");
            }
            Ok(true)
        })
        .await
    }
}
