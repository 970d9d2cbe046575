//! The node: the application of one administration.
//!
//! It gathers facts, lets the rooms of customs decide, and commits what follows in one transaction; it seals and
//! delivers what leaves, and takes what arrives. It knows the store, the clock and the network; it does not know who
//! asks it over HTTP.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod accounts;
mod attachments;
mod audit;
mod bridge;
mod bureau;
mod cases;
mod channel_counts;
mod channel_refusal;
mod circuits;
mod clock;
mod config;
mod connector;
mod counters;
mod deciding;
mod delivery;
mod documents;
mod due;
mod effort;
mod erasing;
mod exchange_desk;
mod exporting;
mod express;
mod failpoint;
pub mod federation;
mod fields;
mod files;
mod gaps;
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
mod proofs;
mod queries;
mod reception;
mod redrives;
mod reference;
mod register;
pub mod relay;
mod room;
mod rooms;
mod schema;
mod settlements;
mod setup;
mod sign_in;
mod speakers;
mod stages;
mod submission;
mod taking;
mod tls;
mod transparency;
mod transport;
mod views;
mod workers;

pub use accounts::{EntryView, GuaranteeRegistration, GuaranteeView, LockView};
pub use agreements::Term;
pub use attachments::{AttachmentDownload, AttachmentError, AttachmentUpload, AttachmentView, BindError};
pub use audit::states_that_differ;
pub use bureau::{Bureau, ChannelPolicy};
pub use channel_counts::Side;
pub use channel_refusal::{ChannelReason, ChannelRefusal};
pub use clock::{Clock, Entropy, SystemClock, SystemEntropy, World};
pub use config::{
    Attachments, Config, ConfigError, Exchange, Listen, LogPublication, OwnRelay, Rates, Release, Retention,
    Transit,
};
pub use customs::transit::ResultCode;
pub use documents::{
    DEFAULT_EXPIRY_SECONDS, DocumentContent, DocumentDecision, DocumentFault, DocumentRow, DocumentView,
    MAX_CONTENT, NewDocument, SendError, Sent as SentDocument, default_purpose,
};
pub use effort::{Effort, Step, process_time};
pub use erasing::{EraseError, Erased};
pub use evidence::Purpose;
pub use evidence::equivocation::MEDIA_TYPE as EQUIVOCATION_TYPE;
pub use evidence::key_register::{MAX_REGISTER as REGISTER_LIMIT, Threshold};
pub use evidence::tile::TilePath;
pub use evidence::witness::MAX_REQUEST as WITNESS_REQUEST_LIMIT;
pub use exchange::Lane;
pub use exchange::MAX_CHUNK_MESSAGE;
pub use exchange_desk::{Alarm, AlarmCode, DeadLetterView, ExchangeView, QueueView, RedriveError};
pub use exporting::{Disclose, EvidenceView, ExportError};
pub use failpoint::FAILPOINTS;
pub use fields::of as fields_of;
pub use files::{make_private_folder, write_private};
pub use identity::{Identity, IdentityError, OwnCard, PartnerCard};
pub use keys::adopt::Adopted;
pub use keys::answer::{PROPOSALS_ROUTE, REGISTERS_ROUTE};
pub use keys::change::{KeyOrder, RevocationOrder, Rotation};
pub use keys::file::seal_key_file;
pub use keys::held::{Freshness, HeldRegister};
pub use keys::ml_dsa::{MlDsaWitnessing, ml_dsa_witness_key};
pub use keys::passphrase::{Passphrase, PassphraseError};
pub use keys::propose::Progress;
pub use keys::ring::{DeviceKey, Ring, in_device as open_device_key};
pub use keys::view::{KeyView, RegisterView};
pub use measure::{
    BareError, BareStore, Mark, PRIMITIVES, PrimitiveTimes, Primitives, PrivatePostgres, Tally, peak_memory,
    private_postgres, reset_peak_memory,
};
pub use node::{Node, NodeError};
pub use officer::{OfficerDecision, PossibleDecision, Seals};
pub use opening::open_bureau;
pub use partners::{Origin as PartnerOrigin, Partner};
pub use peer_keys::AcceptedKey;
pub use principals::{Principal, Role, Session};
pub use proceeding::{Submission, SubmissionError};
pub use proofs::Erasure;
pub use queries::{DecisionView, EventRow, MovementView, NoticeRow, PartnerView};
pub use redrives::{Replacement, Replacements};
pub use reference::{
    Lists, ReferenceError, import as import_reference, list as list_reference,
    read_catalogue_or_shipped as load_catalogue,
};
pub use schema::MIGRATIONS;
pub use settlements::Settlements;
pub use setup::{
    Prepared, SetUp, SetUpError, discard_store, initialise, join_corridor, model_agreement,
    register_principal,
};
pub use stages::{DeliveryView, STAGE_LIMIT, STAGE_ROUTE, StageView};
pub use tls::{KeyExchange, TlsError, TlsIdentity, key_digest};
pub use transparency::{
    CheckpointView, FileHead, FindingView, HeadRecord, LOG_PREFIX, LogBehind, LogError, LogProof,
    LogResource, LogView, MemoryHead, QuorumView, SeeError, SeenView, WITNESS_PREFIX, WitnessReply,
    WitnessView, fill_tiles, inclusion_path, root_at,
};
pub use transport::{
    Bytes, CHUNK_ROUTE, Calling, Carrier, Delivery, ENVELOPE_ROUTE, HttpsTransport, Method, PeerAnswer,
    PeerRequest, Route, Transport, TransportError,
};
pub use verifier::{
    Attached as EvidenceAttachment, Finding, Gap, Outcome as EvidenceOutcome, Problem as EvidenceProblem,
    Standing as EvidenceStanding, Verdict,
};
pub use views::{MessageRow, MovementFilter, MovementRow, PAGE_LIMIT};
