//! Cosignatures: what a witness signs under the checkpoint of another's log (C2SP `tlog-cosignature`).
//!
//! A cosignature says: at this time, this was the largest state of the log that I have seen, and it extends everything
//! that I have seen before. A log that shows two parties two histories needs witnesses that lie with it.

use crate::checkpoint::{Checkpoint, WHAT as CHECKPOINT};
use crate::ml_dsa::{MlDsaPublicKey, MlDsaSigningKey};
use crate::note::{self, NoteKeyId, NoteSignature, SignatureType, SignedNote};
use crate::{Administration, EvidenceError, PublicKey, SigningKey, Timestamp, log_origin};

const WHAT: &str = "cosignature";
const MICROS: i64 = 1_000_000;
/// The label of the message that ML-DSA-44 cosignatures sign.
const SUBTREE_LABEL: &[u8; 12] = b"subtree/v1\n\0";

/// The name of an administration as a witness: the name of its key in signed notes.
pub fn witness_name(administration: &Administration) -> String {
    format!("{}/witness", log_origin(administration))
}

/// The key that a witness is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum WitnessKey {
    Ed25519(PublicKey),
    MlDsa44(MlDsaPublicKey),
}

/// A witness as its cosignatures are verified: its name and one key of it. A witness with two keys is listed twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    name: String,
    key: WitnessKey,
}

impl Witness {
    /// An administration that cosigns with its witness key.
    pub fn of(administration: &Administration, key: PublicKey) -> Self {
        Self { name: witness_name(administration), key: WitnessKey::Ed25519(key) }
    }

    /// A witness of any name that cosigns with Ed25519.
    ///
    /// # Errors
    /// When the name cannot be a key's.
    pub fn ed25519(name: &str, key: PublicKey) -> Result<Self, EvidenceError> {
        note::check_name(WHAT, name)?;
        Ok(Self { name: name.to_owned(), key: WitnessKey::Ed25519(key) })
    }

    /// A witness of any name that cosigns with ML-DSA-44.
    ///
    /// # Errors
    /// When the name cannot be a key's, or is longer than its signed message can say.
    pub fn ml_dsa_44(name: &str, key: MlDsaPublicKey) -> Result<Self, EvidenceError> {
        note::check_name(WHAT, name)?;
        short_text("name", name)?;
        Ok(Self { name: name.to_owned(), key: WitnessKey::MlDsa44(key) })
    }

    /// A witness by its key in the form that signed-note tools take.
    ///
    /// # Errors
    /// When it has another form, or is no witness's key.
    pub fn from_verifier_key(text: &str) -> Result<Self, EvidenceError> {
        match note::parse_verifier_key(text)? {
            (name, SignatureType::MlDsa44Cosignature, key) => {
                Self::ml_dsa_44(name, MlDsaPublicKey::from_bytes(&key)?)
            }
            (name, SignatureType::Cosignature, key) => {
                let key = <[u8; 32]>::try_from(key);
                let key =
                    key.map_err(|_| EvidenceError::malformed("verifier key", "an Ed25519 key has 32 bytes"))?;
                Self::ed25519(name, PublicKey::from_bytes(key)?)
            }
            (_, SignatureType::Ed25519, _) => {
                Err(EvidenceError::malformed("verifier key", "it is the key of a log and not of a witness"))
            }
        }
    }

    /// With what kind of key it cosigns.
    pub fn signature_type(&self) -> SignatureType {
        self.public().0
    }

    /// Whether a signature line says that it is by this witness and this key of it.
    pub fn claimed_by(&self, signature: &NoteSignature) -> bool {
        signature.claims(&self.name, self.key_id())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its key in the form that signed-note tools take.
    pub fn verifier_key(&self) -> String {
        let (signature_type, public) = self.public();
        note::verifier_key(&self.name, signature_type, public)
    }

    fn public(&self) -> (SignatureType, &[u8]) {
        match &self.key {
            WitnessKey::Ed25519(key) => (SignatureType::Cosignature, key.as_bytes()),
            WitnessKey::MlDsa44(key) => (SignatureType::MlDsa44Cosignature, key.as_bytes()),
        }
    }

    /// The identifier of its key in notes.
    fn key_id(&self) -> NoteKeyId {
        let (signature_type, public) = self.public();
        NoteKeyId::of(&self.name, signature_type, public)
    }

    /// Its cosignatures under a note that was read before, in the order of the note; none when no line names it and its
    /// key, for which no signature is checked. `checkpoint` is what the note says.
    ///
    /// # Errors
    /// When a line names it and does not hold.
    pub fn cosignatures(
        &self,
        note: &SignedNote,
        checkpoint: &Checkpoint,
    ) -> Result<Vec<Cosignature>, EvidenceError> {
        let key = self.key_id();
        let claimed = note.signatures().iter().filter(|signature| signature.claims(&self.name, key));
        claimed.map(|signature| self.verify(note, checkpoint, signature)).collect()
    }

    /// The cosignature that `signature`, which claims to be by this witness, is.
    fn verify(
        &self,
        note: &SignedNote,
        checkpoint: &Checkpoint,
        signature: &NoteSignature,
    ) -> Result<Cosignature, EvidenceError> {
        let (signature_type, _) = self.public();
        let (seconds, bytes) = timestamped(signature.signature())?;
        match &self.key {
            WitnessKey::Ed25519(key) => key.verify(WHAT, &ed25519_message(seconds, note.text()), bytes)?,
            WitnessKey::MlDsa44(key) => {
                key.verify(WHAT, &subtree_message(&self.name, seconds, checkpoint)?, bytes)?;
            }
        }
        Ok(Cosignature {
            witness: self.name.clone(),
            at: Timestamp::from_micros(seconds.saturating_mul(MICROS)),
            signature_type,
        })
    }
}

/// A cosignature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// The name of the witness.
    pub witness: String,
    /// When it cosigned, by its own clock, in whole seconds.
    pub at: Timestamp,
    /// With what kind of key.
    pub signature_type: SignatureType,
}

/// A checkpoint that its log signed, with the cosignatures under it that hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignedCheckpoint {
    /// The state of the log.
    pub checkpoint: Checkpoint,
    /// The cosignatures of known witnesses, in the order of the note.
    pub cosignatures: Vec<Cosignature>,
}

impl CosignedCheckpoint {
    /// Reads a note and verifies the log's signature and those of the given witnesses. Signatures of others are
    /// passed over: they prove nothing.
    ///
    /// # Errors
    /// When the note is malformed, of another log or not signed by it, or a known witness's signature does not hold.
    pub fn verify(
        note: &str,
        origin: &str,
        log_key: &PublicKey,
        witnesses: &[Witness],
    ) -> Result<Self, EvidenceError> {
        let note = SignedNote::parse(CHECKPOINT, note)?;
        let checkpoint = Checkpoint::verify_note(&note, origin, log_key)?;
        let keyed: Vec<_> = witnesses.iter().map(|witness| (witness, witness.key_id())).collect();
        let mut cosignatures = Vec::new();
        for signature in note.signatures() {
            for (witness, _) in keyed.iter().filter(|(witness, key)| signature.claims(&witness.name, *key)) {
                cosignatures.push(witness.verify(&note, &checkpoint, signature)?);
            }
        }
        Ok(Self { checkpoint, cosignatures })
    }

    /// When a witness cosigned first with Ed25519; `None` when it did not. ML-DSA-44 is an addition that counts for nothing by
    /// itself: no register lists its keys, so that none could be revoked.
    pub fn cosigned_by(&self, witness: &str) -> Option<Timestamp> {
        let counts = |found: &&Cosignature| {
            found.witness == witness && found.signature_type == SignatureType::Cosignature
        };
        self.cosignatures.iter().filter(counts).map(|found| found.at).min()
    }
}

/// A witness's own key, for cosigning.
#[derive(Debug)]
pub enum CosigningKey<'k> {
    /// `cosignature/v1`.
    Ed25519(&'k SigningKey),
    /// `subtree/v1`.
    MlDsa44(&'k MlDsaSigningKey),
}

/// Cosigns a checkpoint under `name` at `now`. The caller has verified the note, and that it extends all it has seen.
///
/// # Errors
/// When the note is no checkpoint, the time is before 1970, or the key cannot sign.
pub fn cosign(
    note: &SignedNote,
    name: &str,
    key: &CosigningKey<'_>,
    now: Timestamp,
) -> Result<NoteSignature, EvidenceError> {
    let checkpoint = Checkpoint::claimed(note)?;
    let seconds = now.as_micros().div_euclid(MICROS);
    if seconds < 0 {
        return Err(EvidenceError::value(WHAT, "time", "it is before 1970"));
    }
    let (witness, signature) = match key {
        CosigningKey::Ed25519(key) => {
            let message = ed25519_message(seconds, note.text());
            (Witness::ed25519(name, key.public())?, key.sign(&message)?.to_vec())
        }
        CosigningKey::MlDsa44(key) => {
            let witness = Witness::ml_dsa_44(name, key.public().clone())?;
            (witness, key.sign(&subtree_message(name, seconds, &checkpoint)?)?)
        }
    };
    let (signature_type, public) = witness.public();
    let bytes = [&seconds.to_be_bytes()[..], &signature].concat();
    NoteSignature::new(name, NoteKeyId::of(name, signature_type, public), bytes)
}

/// Time and signature of a `timestamped_signature`.
fn timestamped(bytes: &[u8]) -> Result<(i64, &[u8]), EvidenceError> {
    let wrong = |reason| EvidenceError::malformed(WHAT, reason);
    let (seconds, signature) =
        bytes.split_first_chunk::<8>().ok_or_else(|| wrong("it is shorter than its time"))?;
    let seconds = i64::from_be_bytes(*seconds);
    // The specification ends at 2^63 - 1 seconds; our moments, counted in microseconds, end in the year 294 000.
    if !(0..=i64::MAX / MICROS).contains(&seconds) {
        return Err(wrong("its time is out of range"));
    }
    Ok((seconds, signature))
}

/// What an Ed25519 cosignature signs: a header, the time, and the note's whole text.
fn ed25519_message(seconds: i64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {seconds}\n{text}").into_bytes()
}

/// What an ML-DSA-44 cosignature of a checkpoint signs: the `cosigned_message` of the whole tree.
fn subtree_message(name: &str, seconds: i64, checkpoint: &Checkpoint) -> Result<Vec<u8>, EvidenceError> {
    let mut message = SUBTREE_LABEL.to_vec();
    message.push(short_text("name", name)?);
    message.extend(name.as_bytes());
    message.extend(seconds.to_be_bytes());
    message.push(short_text("origin", &checkpoint.origin)?);
    message.extend(checkpoint.origin.as_bytes());
    message.extend(0u64.to_be_bytes());
    message.extend(checkpoint.size.to_be_bytes());
    message.extend(checkpoint.root.as_bytes());
    Ok(message)
}

/// The length of a text of 1 to 255 bytes.
fn short_text(field: &'static str, text: &str) -> Result<u8, EvidenceError> {
    match u8::try_from(text.len()) {
        Ok(length) if length > 0 => Ok(length),
        _ => Err(EvidenceError::value(WHAT, field, "it has 1 to 255 bytes in a cosignature of ML-DSA-44")),
    }
}

#[cfg(test)]
#[path = "cosignature_tests.rs"]
mod tests;
