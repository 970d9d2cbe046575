//! Outgoing messages: sealing the parts and signing the statement.

use crate::attachment::OutgoingAttachment;
use crate::envelope::{Envelope, MAX_ENVELOPE};
use base::{Administration, Digest, MessageId, Timestamp};
use evidence::disclosure::{Field, LeafTree, PartSecret};
use evidence::merkle::Hash;
use evidence::{
    AgreementReference, Channel, Encryption, EvidenceError, Manifest, PartManifest, PublicKeys, Statement,
    StatementKey, Suite, digest_of, part_aad, seal,
};

/// A message that is ready to be sealed: it was cleared under its clause and has its number in its channel.
#[derive(Clone, Debug)]
pub struct OutgoingLetter {
    /// Its identity.
    pub message_id: MessageId,
    /// From whom, to whom, about what.
    pub channel: Channel,
    /// Its number in the channel, from 1.
    pub sequence: u64,
    /// The agreement it is sent under.
    pub agreement: AgreementReference,
    /// The clause that permits it.
    pub clause: String,
    /// The purpose for which it may be used.
    pub purpose: String,
    /// When it was made.
    pub created: Timestamp,
    /// From when on the recipient must refuse it.
    pub expires: Timestamp,
    /// Whether it belongs to an exercise.
    pub exercise: bool,
    /// Its parts.
    pub parts: Vec<OutgoingPart>,
}

/// One part of an outgoing message, in the clear.
#[derive(Clone, Debug)]
pub struct OutgoingPart {
    /// Its name, unique in the message.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its content.
    pub content: Vec<u8>,
    /// The fields of structured content, each of which can be shown by itself later; empty when it has no structure
    /// that the recipient reads in the same way.
    pub fields: Vec<Field>,
}

/// The sending administration and the key that it signs with.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// Who sends.
    pub administration: &'a Administration,
    /// Its key for statements.
    pub sign: &'a StatementKey,
}

/// A message that is sealed and signed. Keep the envelope and send the same bytes at every attempt: sealing again
/// gives other bytes, and the recipient would see a conflict.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What travels.
    pub envelope: Vec<u8>,
    /// The signed statement, which is also the entry in the sender's own log.
    pub statement: Vec<u8>,
    /// The SHA-256 of the statement.
    pub digest: Digest,
    /// The leaf of the statement in a log.
    pub leaf: Hash,
    /// The secret of each part in one piece, from which its content can be proved later.
    pub secrets: Vec<PartSecret>,
}

/// Why a message cannot be prepared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The channel does not start at the sender.
    #[error("the channel `{channel}` does not start at the sender `{sender}`")]
    NotTheSender {
        /// The channel.
        channel: String,
        /// Who was to sign.
        sender: Administration,
    },
    /// The card is not that of the recipient.
    #[error("the channel `{channel}` does not lead to the owner of the card, `{card}`")]
    NotTheRecipient {
        /// The channel.
        channel: String,
        /// Whose card it is.
        card: Administration,
    },
    /// The envelope would be over its limit.
    #[error("the envelope would have {size} bytes, the limit is 33554432: send less, or in several messages")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// A message with attachments in chunks has one part before them.
    #[error(
        "a message with attachments has one part beside them, not {count}: make the others attachments too"
    )]
    OnePart {
        /// How many it has.
        count: usize,
    },
    /// Sealing or signing failed.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

/// Seals the parts for the recipient and signs the statement. The caller chooses a card that is valid now, and gives
/// random bytes of a cryptographically secure source.
///
/// # Errors
/// When the parties are not those of the channel, or a field or the whole is outside its limits.
pub fn prepare(
    letter: &OutgoingLetter,
    sender: &Sender<'_>,
    recipient: &PublicKeys,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Prepared, PrepareError> {
    prepare_with(letter, &[], sender, recipient, random)
}

/// As [`prepare`], with attachments that travel in chunks: the envelope is an offer then (see [`crate::Offer`]).
///
/// # Errors
/// As [`prepare`]; also when there are attachments and not exactly one part beside them.
pub fn prepare_with(
    letter: &OutgoingLetter,
    attachments: &[OutgoingAttachment],
    sender: &Sender<'_>,
    recipient: &PublicKeys,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Prepared, PrepareError> {
    if !attachments.is_empty() && letter.parts.len() != 1 {
        return Err(PrepareError::OnePart { count: letter.parts.len() });
    }
    if letter.channel.sender() != sender.administration {
        return Err(PrepareError::NotTheSender {
            channel: letter.channel.to_string(),
            sender: sender.administration.clone(),
        });
    }
    if *letter.channel.recipient() != recipient.administration {
        return Err(PrepareError::NotTheRecipient {
            channel: letter.channel.to_string(),
            card: recipient.administration.clone(),
        });
    }
    let (mut parts, mut secrets) = (Vec::new(), Vec::new());
    for part in &letter.parts {
        let secret = PartSecret::draw(random);
        let tree = LeafTree::new(&secret, &part.content, &part.fields)?;
        parts.push(PartManifest {
            name: part.name.clone(),
            media_type: part.media_type.clone(),
            // Known once the part is sealed, which is bound to the rest of the manifest.
            ciphertext: Digest([0; 32]),
            plaintext_root: tree.root(),
            size: part.content.len() as u64,
            leaves: tree.scheme(),
        });
        secrets.push(secret);
    }
    parts.extend(attachments.iter().map(OutgoingAttachment::described));
    let mut manifest = manifest(letter, recipient, parts, random);
    if !attachments.is_empty() {
        manifest.encryption.suite = Suite::HpkeX25519ChaCha20Poly1305Chunks;
    }
    let binding = manifest.binding()?;
    let mut sealed = Vec::new();
    for (index, ((part, secret), described)) in
        letter.parts.iter().zip(&secrets).zip(&mut manifest.parts).enumerate()
    {
        let bytes = seal(&recipient.enc, &part_aad(&binding, index), secret, &part.content, random)?;
        described.ciphertext = digest_of(&bytes);
        sealed.push(bytes);
    }
    for (attachment, index) in attachments.iter().zip(letter.parts.len()..) {
        let (digest, opening) = attachment.seal(&recipient.enc, &part_aad(&binding, index), random)?;
        if let Some(described) = manifest.parts.get_mut(index) {
            described.ciphertext = digest;
        }
        sealed.push(opening);
    }
    let statement = Statement::sign(&manifest, sender.sign)?;
    let envelope =
        Envelope { statement: statement.as_bytes(), parts: sealed.iter().map(Vec::as_slice).collect() }
            .encode();
    if envelope.len() > MAX_ENVELOPE {
        return Err(PrepareError::TooLarge { size: envelope.len() });
    }
    Ok(Prepared {
        envelope,
        digest: statement.digest(),
        leaf: statement.leaf(),
        statement: statement.into_bytes(),
        secrets,
    })
}

fn manifest(
    letter: &OutgoingLetter,
    recipient: &PublicKeys,
    parts: Vec<PartManifest>,
    random: &mut dyn FnMut(&mut [u8]),
) -> Manifest {
    let mut nonce = [0; 16];
    random(&mut nonce);
    Manifest {
        message_id: letter.message_id,
        channel: letter.channel.clone(),
        sequence: letter.sequence,
        agreement: letter.agreement.clone(),
        clause: letter.clause.clone(),
        purpose: letter.purpose.clone(),
        created: letter.created,
        expires: letter.expires,
        exercise: letter.exercise,
        parts,
        encryption: Encryption {
            suite: Suite::HpkeX25519ChaCha20Poly1305,
            recipient_key: recipient.enc.key_id(),
        },
        nonce,
    }
}
