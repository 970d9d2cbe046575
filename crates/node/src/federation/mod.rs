//! Federation: how two administrations that have never exchanged anything come to do so within minutes.
//!
//! One invites: the invitation holds its card (address and keys), the agreement under which they will exchange, when it
//! ends, and a number that is used once. The other accepts: the acceptance holds its card and the first version of the
//! agreement's key register, made of both cards, with its approval. Whoever invited takes the acceptance and approves the
//! register too; it is in force then, and distributed as every version is ([`crate::keys`]). Neither node is started again.
//!
//! Both files travel by any way; nothing in them is secret. What they rest on is that people compare their fingerprints
//! by voice: forty digits that stand for every field, shown to both sides.

mod acceptance;
mod conduct;
mod fingerprint;
mod invitation;
mod record;
mod refusal;

pub use acceptance::Acceptance;
pub use conduct::Federated;
pub use fingerprint::same_fingerprint;
pub use invitation::{AgreementText, Invitation};
pub(crate) use record::{SCHEMA, SECOND_SCHEMA, agreements, waiting};
pub use refusal::{FederationError, FederationReason, FederationRefusal};
