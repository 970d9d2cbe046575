//! The keys of this node and the key registers of its agreements.
//!
//! | File | Holds |
//! |---|---|
//! | `passphrase` | where the passphrase of a sealed key file comes from |
//! | `file` | the key file, plain or sealed |
//! | `ring` | the private keys that this node holds, of the present and the past |
//! | `device` | keys in a hardware security module (PKCS #11) |
//! | `ml_dsa` | the ML-DSA-44 key of a witness, and those of the witnesses that this node knows |
//! | `held` | the registers in force, as decisions see them |
//! | `records` | registers, proposals and what partners are known to have, in the database |
//! | `adopt` | taking up a new version |
//! | `orders` | what this node wants changed, also while another version waits |
//! | `propose` | making one, and having partners sign it |
//! | `canvass` | whom to ask to sign, in which order, and when to stop |
//! | `answer` | what partners ask about registers |
//! | `asking` | a proposal as it is brought to those who are to approve it |
//! | `change` | rotating, revoking and renewing |

pub(crate) mod adopt;
pub(crate) mod answer;
mod asking;
pub(crate) mod canvass;
#[cfg(test)]
mod canvass_tests;
pub(crate) mod change;
#[cfg(feature = "pkcs11")]
pub(crate) mod device;
pub(crate) mod file;
pub(crate) mod held;
pub(crate) mod ml_dsa;
pub(crate) mod orders;
pub(crate) mod passphrase;
pub(crate) mod propose;
pub(crate) mod records;
pub(crate) mod ring;
pub(crate) mod view;
