//! The node: the application of one administration.
//!
//! It gathers facts, lets the rooms of customs decide, and commits what follows in one transaction; it seals and
//! delivers what leaves, and takes what arrives. It knows the store, the clock and the network; it does not know who
//! asks it over HTTP.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod accounts;
mod audit;
mod bridge;
mod bureau;
mod cases;
mod channel_counts;
mod channel_refusal;
mod clock;
mod config;
mod connector;
mod counters;
mod deciding;
mod delivery;
mod files;
mod gate;
mod identity;
mod in_force;
mod incoming;
mod keys;
mod letters;
mod measure;
mod messages;
mod metrics;
mod nack;
mod node;
mod officer;
mod opening;
mod partners;
mod peer_keys;
mod post;
mod principals;
mod proceeding;
mod queries;
mod reception;
mod reference;
mod register;
pub mod relay;
mod room;
mod rooms;
mod schema;
mod setup;
mod sign_in;
mod speakers;
mod submission;
mod taking;
mod tls;
mod transport;
mod views;
mod workers;

pub use accounts::{EntryView, GuaranteeRegistration, GuaranteeView, LockView};
pub use audit::states_that_differ;
pub use bureau::{Bureau, ChannelPolicy};
pub use channel_counts::Side;
pub use channel_refusal::{ChannelReason, ChannelRefusal};
pub use clock::{Clock, Entropy, SystemClock, SystemEntropy, World};
pub use config::{Config, ConfigError, Exchange, Listen, OwnRelay, Rates, Release, Transit};
pub use customs::transit::ResultCode;
pub use evidence::Purpose;
pub use evidence::key_register::Threshold;
pub use files::{make_private_folder, write_private};
pub use identity::{Identity, IdentityError, PartnerCard};
pub use keys::adopt::Adopted;
pub use keys::answer::{PROPOSALS_ROUTE, REGISTERS_ROUTE};
pub use keys::change::{KeyOrder, RevocationOrder, Rotation};
pub use keys::file::seal_key_file;
pub use keys::held::{Freshness, HeldRegister};
pub use keys::passphrase::{Passphrase, PassphraseError};
pub use keys::propose::Progress;
pub use keys::ring::{DeviceKey, Ring};
pub use keys::view::{KeyView, RegisterView};
pub use measure::{BareError, BareStore, PrivatePostgres, private_postgres};
pub use node::{Node, NodeError};
pub use officer::{OfficerDecision, PossibleDecision, Seals};
pub use opening::open_bureau;
pub use partners::{Origin as PartnerOrigin, Partner};
pub use peer_keys::AcceptedKey;
pub use principals::{Principal, Role, Session};
pub use proceeding::{Submission, SubmissionError};
pub use queries::{DecisionView, EventRow, MovementView, NoticeRow, PartnerView};
pub use reference::{
    Lists, ReferenceError, import as import_reference, list as list_reference,
    read_catalogue_or_shipped as load_catalogue,
};
pub use schema::MIGRATIONS;
pub use setup::{Prepared, SetUp, SetUpError, discard_store, initialise, join_corridor, register_principal};
pub use tls::{KeyExchange, TlsError, TlsIdentity, key_digest};
pub use transport::{
    Ask, Carrier, Delivery, ENVELOPE_ROUTE, HttpsTransport, Route, Transport, TransportError,
};
pub use views::{MessageRow, MovementFilter, MovementRow, PAGE_LIMIT};
