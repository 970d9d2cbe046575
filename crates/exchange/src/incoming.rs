//! Incoming messages: what the recipient does with an envelope.

use crate::attachment::head_and_path;
use crate::channel::{Place, place};
use crate::conflict::prove_conflict;
use crate::envelope::Envelope;
use crate::offer::{Attachment, Offer};
use crate::refusal::{Reason, Refusal, refuse};
use crate::register::Register;
use crate::renewal::{Withdrawn, withdrawn};
use crate::response::Response;
use base::{Administration, Digest, MessageId, Timestamp};
use evidence::chunked::{ChunkedPart, open_head};
use evidence::disclosure::{Field, LeafScheme, LeafTree, PartSecret};
use evidence::key_register::{RegisteredKey, SignedAt, Standing};
use evidence::merkle::{self, Hash};
use evidence::{
    Channel, EvidenceError, KeyId, Keys, Manifest, PartManifest, Purpose, Statement, StatementClaim,
    VerifyingKey, digest_of, open, part_aad,
};

/// What a node is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Real movements: messages of exercises are refused.
    Production,
    /// Exercises and tests: real messages are refused, since what they call for would not happen.
    Exercise,
}

/// Reads the fields of a part's content by its media type, as senders do; nothing when this node cannot read it.
pub type FieldsOf = fn(media_type: &str, content: &[u8]) -> Vec<Field>;

/// The receiving administration.
#[derive(Clone, Copy, Debug)]
pub struct Receiver<'a> {
    /// Who receives.
    pub administration: &'a Administration,
    /// Its keys.
    pub keys: &'a Keys,
    /// What its node is for.
    pub environment: Environment,
    /// How it reads the fields of structured parts: the manifest commits to each of them, and what it commits to must be
    /// what the content says.
    pub fields: FieldsOf,
}

/// An envelope whose statement was read; nothing it says is proved yet.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    envelope: Envelope<'a>,
    claim: StatementClaim,
    digest: Digest,
}

/// Reads the statement of an envelope, to learn what to look up in the inbox before [`assess`].
///
/// # Errors
/// `too-large` or `malformed`; answer with [`crate::refuse_unreadable`].
pub fn read_statement(envelope: &[u8]) -> Result<Incoming<'_>, Refusal> {
    let envelope = Envelope::decode(envelope)?;
    let claim =
        Statement::read(envelope.statement).map_err(|error| Refusal::new(Reason::Malformed, error))?;
    Ok(Incoming { digest: digest_of(envelope.statement), envelope, claim })
}

impl Incoming<'_> {
    /// The manifest as claimed.
    pub fn manifest(&self) -> &Manifest {
        self.claim.manifest()
    }

    /// The claimed sender: with the message id, the key of the inbox.
    pub fn sender(&self) -> &Administration {
        self.manifest().from()
    }

    /// The identity of the message.
    pub fn message_id(&self) -> MessageId {
        self.manifest().message_id
    }

    /// The channel of the message.
    pub fn channel(&self) -> &Channel {
        &self.manifest().channel
    }

    /// The key that the statement says it is signed with.
    pub fn key_id(&self) -> KeyId {
        self.claim.key_id()
    }

    /// The signed statement.
    pub(crate) fn statement(&self) -> &[u8] {
        self.envelope.statement
    }

    /// The SHA-256 of the statement, which the inbox keeps.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// An earlier message of the same sender with the same id, as the inbox holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The SHA-256 of its statement.
    pub digest: Digest,
    /// The answer that was given, an encoded [`Response`].
    pub response: Vec<u8>,
}

/// What the inbox knows about an incoming message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxView {
    /// The earlier message with its sender and id, if any.
    pub found: Option<Found>,
    /// The next number of its channel, from 1.
    pub expected_sequence: u64,
}

/// How a message arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The administration whose node delivered it, as the TLS channel proved: with this node, or with its own relay, which
    /// names the partner and its key so that this node judges the key again. It says who carried the message. Who signed
    /// it is proved by the sender's key alone, whoever carried it.
    pub peer: &'a Administration,
    /// What the inbox knows.
    pub inbox: &'a InboxView,
    /// The time.
    pub now: Timestamp,
}

/// What to do with a message. Every `response` is an encoded [`Response`], ready to be returned.
#[derive(Debug)]
pub enum Assessment {
    /// It is new, proved and open: apply it, enter its leaf in the log and answer with [`crate::acknowledge`], in one
    /// transaction with the inbox row.
    New(Box<Opened>),
    /// As new, but its attachments travel in chunks: look how far they are ([`Offer::progress`]).
    Offered(Box<Offer>),
    /// It was answered before: return the same bytes; change nothing.
    Repeat {
        /// The first answer.
        response: Vec<u8>,
    },
    /// It was answered before, and the answer counts no more, as a key that signed it was revoked: its leaf is at this place
    /// of one's own log. Answer with [`crate::acknowledge_again`], and keep that in the inbox in place of the first answer.
    Withdrawn {
        /// The index of its leaf.
        index: u64,
    },
    /// As a repeat, but this answer says the same under the key of now: return it, and keep it in the inbox in place of the
    /// first one.
    Renewed {
        /// The answer.
        response: Vec<u8>,
    },
    /// Its sender used the id before, for something else: return the proof and keep it; change nothing else.
    Conflict {
        /// The signed proof.
        response: Vec<u8>,
    },
    /// Earlier messages of its channel are missing: return the expected number; change nothing.
    Gap {
        /// The number of the first missing message.
        expected: u64,
        /// The answer.
        response: Vec<u8>,
    },
    /// It is refused. When `refusal.reason.settles()`, record the answer in the inbox under the message's id, channel,
    /// number and digest: its number is used. Otherwise change nothing.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The signed refusal.
        response: Vec<u8>,
    },
}

/// A message that is proved to be its sender's, permitted by an agreement in force, next in its channel, and open.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Everything that its sender signed.
    pub manifest: Manifest,
    /// Its parts in the clear, in order.
    pub parts: Vec<OpenedPart>,
    /// The signed statement: the entry for the log.
    pub statement: Vec<u8>,
    /// The SHA-256 of the statement.
    pub digest: Digest,
    /// The leaf of the statement in a log.
    pub leaf: Hash,
}

/// A part in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedPart {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its content.
    pub content: Vec<u8>,
    /// Its secret, from which its content can be proved later.
    pub secret: PartSecret,
}

/// Decides what to do with a message. Reasons are looked for in the order of [`Reason::ALL`]: what proves that the
/// message is its sender's comes first, so that no stranger gets an answer that changes a channel; what may be put
/// right and come again is looked for before what settles the message.
///
/// Keys must be active at the time of arrival, not only when the message was made, as its sender could state any time.
///
/// # Errors
/// When the answer cannot be signed.
pub fn assess(
    incoming: &Incoming<'_>,
    receiver: &Receiver<'_>,
    register: &dyn Register,
    arrival: &Arrival<'_>,
) -> Result<Assessment, EvidenceError> {
    let refused = |refusal: Refusal| {
        let response = refuse(incoming, &refusal, receiver, arrival.now)?;
        Ok(Assessment::Refused { refusal, response })
    };
    if let Err(refusal) = addressed(incoming, receiver, arrival) {
        return refused(refusal);
    }
    // Before the inbox is asked: a suspended partner gets no receipt either, and the same one once it is resumed.
    if let Some(reason) = register.suspension(incoming.sender()) {
        return refused(Refusal::new(Reason::PartnerSuspended, reason));
    }
    let found = arrival.inbox.found.as_ref();
    // These very bytes were verified when they came first. A key may have been rotated since; the answer stands, unless it
    // is ours that was revoked.
    if let Some(found) = found.filter(|found| found.digest == incoming.digest) {
        return Ok(match withdrawn(incoming, &found.response, receiver, register, arrival.now)? {
            None => Assessment::Repeat { response: found.response.clone() },
            Some(Withdrawn::Receipt { index }) => Assessment::Withdrawn { index },
            Some(Withdrawn::Refusal(response)) => Assessment::Renewed { response },
        });
    }
    if let Err(refusal) = authenticate(incoming, register, arrival.now) {
        return refused(refusal);
    }
    if let Some(found) = found {
        let proof = prove_conflict(incoming, found.digest, receiver, arrival.now)?;
        let response = Response::Conflict(proof).encode();
        return Ok(Assessment::Conflict { response });
    }
    if let Err(refusal) = complete(incoming, receiver) {
        return refused(refusal);
    }
    match place(incoming.manifest().sequence, arrival.inbox.expected_sequence) {
        Place::Next => {}
        Place::Ahead { expected } => {
            let response = Response::Gap { expected }.encode();
            return Ok(Assessment::Gap { expected, response });
        }
        Place::Used => {
            let detail = format!(
                "`{}` number {}, {} is expected",
                incoming.channel(),
                incoming.manifest().sequence,
                arrival.inbox.expected_sequence
            );
            return refused(Refusal::new(Reason::SequenceUsed, detail));
        }
    }
    let manifest = incoming.manifest();
    if let Some(reason) = register.stale(&manifest.agreement.id, &manifest.purpose, arrival.now) {
        return refused(Refusal::new(Reason::RegisterStale, reason));
    }
    // A tombstone holds nothing and comes because its time is over: it only keeps its channel without gaps.
    let parts = if incoming.manifest().is_tombstone() {
        Ok((Vec::new(), Vec::new()))
    } else {
        permitted(incoming, register, arrival.now).and_then(|()| open_all(incoming, receiver))
    };
    match parts {
        Ok((parts, attachments)) => {
            let opened = Opened {
                manifest: incoming.manifest().clone(),
                parts,
                statement: incoming.envelope.statement.to_vec(),
                digest: incoming.digest,
                leaf: merkle::leaf_hash(incoming.envelope.statement),
            };
            Ok(if attachments.is_empty() {
                Assessment::New(Box::new(opened))
            } else {
                Assessment::Offered(Box::new(Offer::new(opened, attachments)))
            })
        }
        Err(refusal) => refused(refusal),
    }
}

/// Whether the message is addressed here and was delivered by the sender that it names.
fn addressed(incoming: &Incoming<'_>, receiver: &Receiver<'_>, arrival: &Arrival<'_>) -> Result<(), Refusal> {
    let manifest = incoming.manifest();
    if manifest.to() != receiver.administration {
        return Err(Refusal::new(Reason::WrongRecipient, format!("`{}`", manifest.to())));
    }
    if manifest.from() != arrival.peer {
        let detail = format!("`{}` delivered by `{}`", manifest.from(), arrival.peer);
        return Err(Refusal::new(Reason::SenderNotPeer, detail));
    }
    Ok(())
}

/// Whether the message is its sender's, proved by its signature under an active key.
fn authenticate(incoming: &Incoming<'_>, register: &dyn Register, now: Timestamp) -> Result<(), Refusal> {
    let key = sender_key(incoming, register, now)?;
    let verified = incoming.claim.clone().verify(key);
    verified.map(|_| ()).map_err(|error| Refusal::new(Reason::BadSignature, error))
}

fn sender_key(
    incoming: &Incoming<'_>,
    register: &dyn Register,
    now: Timestamp,
) -> Result<VerifyingKey, Refusal> {
    let (sender, agreement) = (incoming.sender(), &incoming.manifest().agreement.id);
    if !register.knows(agreement, sender) {
        return Err(Refusal::new(Reason::UnknownSender, format!("`{sender}`")));
    }
    let key_id = incoming.claim.key_id();
    let standing = register.standing(agreement, sender, (Purpose::Sign, key_id), &SignedAt::arriving(now));
    let named = || format!("`{}` of `{sender}` is {standing}", key_id.short());
    match standing {
        Standing::Active(RegisteredKey::Sign(key)) => Ok(key),
        Standing::Revoked(_) => Err(Refusal::new(Reason::KeyRevoked, named())),
        Standing::WrongPurpose(_) => Err(Refusal::new(Reason::WrongPurpose, named())),
        _ => Err(Refusal::new(Reason::KeyNotActive, named())),
    }
}

/// Whether this node may take the message at all, and all of it arrived as it was sealed.
fn complete(incoming: &Incoming<'_>, receiver: &Receiver<'_>) -> Result<(), Refusal> {
    let (manifest, parts) = (incoming.manifest(), &incoming.envelope.parts);
    if manifest.exercise && receiver.environment == Environment::Production {
        return Err(Refusal::new(Reason::ExerciseInProduction, ""));
    }
    if !manifest.exercise && receiver.environment == Environment::Exercise {
        return Err(Refusal::new(Reason::ProductionInExercise, ""));
    }
    if manifest.parts.len() != parts.len() {
        let detail = format!("{} parts instead of {}", parts.len(), manifest.parts.len());
        return Err(Refusal::new(Reason::DigestMismatch, detail));
    }
    for (index, (described, part)) in manifest.parts.iter().zip(parts).enumerate() {
        let holds = if manifest.is_chunked(index) {
            has_head(manifest, index, part)
        } else {
            digest_of(part) == described.ciphertext
        };
        if !holds {
            return Err(Refusal::new(Reason::DigestMismatch, format!("part `{}`", described.name)));
        }
    }
    Ok(())
}

/// Whether what came of an attachment is its head.
fn has_head(manifest: &Manifest, index: usize, opening: &[u8]) -> bool {
    let (Ok(part), Some((head, path))) = (ChunkedPart::of(manifest, index), head_and_path(opening)) else {
        return false;
    };
    part.verify_head(head, &path).is_ok()
}

/// Whether the message is in time and its agreement lets these two exchange messages now.
fn permitted(incoming: &Incoming<'_>, register: &dyn Register, now: Timestamp) -> Result<(), Refusal> {
    let manifest = incoming.manifest();
    if manifest.expires <= now {
        return Err(Refusal::new(Reason::Expired, format!("at `{}`", manifest.expires)));
    }
    let agreement = &manifest.agreement;
    let named = || format!("`{}` version {}", agreement.id, agreement.version);
    let standing = register
        .agreement(&agreement.id, agreement.version)
        .ok_or_else(|| Refusal::new(Reason::AgreementUnknown, named()))?;
    if standing.hash != agreement.hash {
        let detail = format!("{}: `{}` here, `{}` in the message", named(), standing.hash, agreement.hash);
        return Err(Refusal::new(Reason::AgreementHashDiffers, detail));
    }
    if !standing.in_force_at(now) {
        return Err(Refusal::new(Reason::AgreementNotInForce, named()));
    }
    for party in [manifest.from(), manifest.to()] {
        if !standing.parties.contains(party) {
            return Err(Refusal::new(Reason::NotAParty, format!("`{party}` in {}", named())));
        }
    }
    Ok(())
}

/// Opens the parts in one piece and the heads of those in chunks.
fn open_all(
    incoming: &Incoming<'_>,
    receiver: &Receiver<'_>,
) -> Result<(Vec<OpenedPart>, Vec<Attachment>), Refusal> {
    let manifest = incoming.manifest();
    let Some(key) = receiver.keys.opening(manifest.encryption.recipient_key) else {
        let detail = format!("`{}`", manifest.encryption.recipient_key.short());
        return Err(Refusal::new(Reason::NotForUs, detail));
    };
    let binding = manifest.binding().map_err(|error| Refusal::new(Reason::Malformed, error))?;
    let described = || manifest.parts.iter().zip(&incoming.envelope.parts).enumerate();
    let (whole, chunked): (Vec<_>, Vec<_>) = described().partition(|(index, _)| !manifest.is_chunked(*index));
    let parts = whole
        .into_iter()
        .map(|(index, (part, sealed))| {
            let aad = part_aad(&binding, index);
            let (secret, content) = open(key, &aad, sealed)
                .map_err(|_| Refusal::new(Reason::CannotOpen, format!("part `{}`", part.name)))?;
            if content.len() as u64 != part.size || !commits_to(part, &secret, &content, receiver.fields) {
                return Err(Refusal::new(Reason::ContentMismatch, format!("part `{}`", part.name)));
            }
            Ok(OpenedPart { name: part.name.clone(), media_type: part.media_type.clone(), content, secret })
        })
        .collect::<Result<_, Refusal>>()?;
    let attachments = chunked.into_iter().map(|(index, (part, opening))| {
        let cannot = || Refusal::new(Reason::CannotOpen, format!("part `{}`", part.name));
        let (head, _) = head_and_path(opening).ok_or_else(cannot)?;
        let (key, secret) = open_head(key, &part_aad(&binding, index), head).map_err(|_| cannot())?;
        Ok(Attachment {
            part: index,
            name: part.name.clone(),
            media_type: part.media_type.clone(),
            chunks: ChunkedPart::of(manifest, index).map_err(|_| cannot())?,
            plaintext_root: part.plaintext_root,
            key,
            secret,
        })
    });
    Ok((parts, attachments.collect::<Result<_, Refusal>>()?))
}

/// Whether the manifest's root is that of this content, and of each of its fields where it states them.
fn commits_to(part: &PartManifest, secret: &PartSecret, content: &[u8], fields: FieldsOf) -> bool {
    let fields = match part.leaves {
        LeafScheme::Whole => Vec::new(),
        LeafScheme::Fields => fields(&part.media_type, content),
        LeafScheme::Chunks => return false,
    };
    LeafTree::new(secret, content, &fields)
        .is_ok_and(|tree| tree.scheme() == part.leaves && tree.root() == part.plaintext_root)
}
