//! The key file of a node: readable by its owner only, and sealed under a passphrase or, with a warning, plain.
//!
//! A sealed file is JSON with the parameters of Argon2id (RFC 9106) and the rest under AES-256-GCM, to which the
//! parameters are bound. A wrong passphrase and an altered file look the same.

use super::passphrase::Passphrase;
use super::ring::{HeldKey, TlsSecret};
use crate::clock::World;
use crate::config::Config;
use crate::files::{create_private, write_private};
use crate::identity::IdentityError;
use evidence::{EvidenceError, KeySet, PublicKeys, Seed, open_at_rest, seal_at_rest};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What the key file holds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyFile {
    /// The evidence keys that the node was set up with.
    pub evidence: KeySet,
    /// The TLS key that it was set up with.
    pub tls: TlsSecret,
    /// The card that it was set up with.
    pub card: PublicKeys,
    /// The key that approves key registers. Nodes of before had none and use their first signing key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<Seed>,
    /// The ML-DSA-44 key that cosigns beside the witness key, if the node was given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness_ml_dsa_44: Option<Seed>,
    /// Keys that were made later, in the order in which they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<HeldKey>,
}

/// A sealed key file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedFile {
    sealed: Sealing,
    /// The nonce of AES-256-GCM.
    nonce: String,
    /// The key file under AES-256-GCM.
    ciphertext: String,
}

/// How the sealing key follows from the passphrase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealing {
    form: u32,
    /// Argon2id, version 1.3.
    kdf: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
    /// AES-256-GCM.
    aead: String,
}

/// 64 MiB and three passes: the second recommendation of RFC 9106 section 4, with one lane as this runs on one thread.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// A file that asks for more than this is refused, as it would make the node run out of memory before it can fail.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;

impl Sealing {
    fn fresh(world: &World) -> Self {
        Self {
            form: 1,
            kdf: "argon2id".to_owned(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            salt: to_hex(&world.random::<16>()),
            aead: "aes-256-gcm".to_owned(),
        }
    }

    /// The bytes that the ciphertext is bound to.
    fn bound(&self) -> Vec<u8> {
        // A flat record of texts and numbers serialises without fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn key(&self, passphrase: &Passphrase) -> Result<Zeroizing<[u8; 32]>, String> {
        let known = (self.form, self.kdf.as_str(), self.aead.as_str()) == (1, "argon2id", "aes-256-gcm");
        if !known || self.memory_kib > MOST_MEMORY_KIB || self.passes > 64 {
            return Err("it is sealed in a way that this version does not know".to_owned());
        }
        let salt = from_hex(&self.salt).ok_or("its salt must be hexadecimal")?;
        let parameters = argon2::Params::new(self.memory_kib, self.passes, 1, Some(32));
        let parameters = parameters.map_err(|error| error.to_string())?;
        let kdf = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, parameters);
        let mut key = Zeroizing::new([0u8; 32]);
        let stretched = kdf.hash_password_into(passphrase.as_bytes(), &salt, key.as_mut_slice());
        stretched.map_err(|error| error.to_string())?;
        Ok(key)
    }
}

/// How a key file stands on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Whoever reads the file has the keys.
    Plain,
    /// The file is sealed under a passphrase.
    Sealed,
}

/// Reads a key file; a plain one with a warning.
pub(crate) fn read(
    path: &Path,
    passphrase: Option<&Passphrase>,
) -> Result<(KeyFile, Protection), IdentityError> {
    let json =
        Zeroizing::new(std::fs::read(path).map_err(|error| IdentityError::File(path.to_owned(), error))?);
    let malformed = |reason: String| IdentityError::Malformed(path.to_owned(), reason);
    let Ok(sealed) = serde_json::from_slice::<SealedFile>(&json) else {
        let file = serde_json::from_slice(&json).map_err(|error| malformed(error.to_string()))?;
        let path = path.display();
        tracing::warn!(%path, "the key file is not sealed: give a passphrase and run `tidewaiter key seal`");
        return Ok((file, Protection::Plain));
    };
    let passphrase = passphrase.ok_or_else(|| IdentityError::PassphraseNeeded(path.to_owned()))?;
    let plain = open(&sealed, passphrase).map_err(malformed)?;
    let plain = plain.ok_or_else(|| IdentityError::WrongPassphrase(path.to_owned()))?;
    let file = serde_json::from_slice(&plain).map_err(|error| malformed(error.to_string()))?;
    Ok((file, Protection::Sealed))
}

/// `None` when the passphrase is wrong or the file was altered.
fn open(file: &SealedFile, passphrase: &Passphrase) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    let key = file.sealed.key(passphrase)?;
    let nonce = from_hex(&file.nonce).and_then(|nonce| <[u8; 12]>::try_from(nonce).ok());
    let nonce = nonce.ok_or("its nonce must be 24 hexadecimal digits")?;
    let ciphertext = from_hex(&file.ciphertext).ok_or("its ciphertext must be hexadecimal")?;
    match open_at_rest(&key, nonce, &file.sealed.bound(), ciphertext) {
        Ok(plain) => Ok(Some(plain)),
        Err(EvidenceError::CannotOpen) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// The bytes of a key file, sealed when there is a passphrase.
fn encode(
    file: &KeyFile,
    world: &World,
    passphrase: Option<&Passphrase>,
    path: &Path,
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let malformed = |reason: String| IdentityError::Malformed(path.to_owned(), reason);
    let plain = serde_json::to_vec_pretty(file).map_err(|error| malformed(error.to_string()))?;
    let plain = Zeroizing::new(plain);
    let Some(passphrase) = passphrase else { return Ok(plain) };
    // A fresh salt gives a fresh key, so that no nonce is ever used twice with one key.
    let sealed = Sealing::fresh(world);
    let key = sealed.key(passphrase).map_err(malformed)?;
    let nonce = world.random::<12>();
    let ciphertext = seal_at_rest(&key, nonce, &sealed.bound(), plain)?;
    let file = SealedFile { sealed, nonce: to_hex(&nonce), ciphertext: to_hex(&ciphertext) };
    serde_json::to_vec_pretty(&file).map(Zeroizing::new).map_err(|error| malformed(error.to_string()))
}

/// Writes a key file that must not be there yet.
pub(crate) fn create(
    path: &Path,
    file: &KeyFile,
    world: &World,
    passphrase: Option<&Passphrase>,
) -> Result<(), IdentityError> {
    let bytes = encode(file, world, passphrase, path)?;
    // Keys that exist are never overwritten, and the file is born unreadable to others.
    create_private(path, &bytes).map_err(|error| IdentityError::File(path.to_owned(), error))
}

/// Writes a key file in place of the one that is there.
pub(crate) fn replace(
    path: &Path,
    file: &KeyFile,
    world: &World,
    passphrase: Option<&Passphrase>,
) -> Result<(), IdentityError> {
    let bytes = encode(file, world, passphrase, path)?;
    write_private(path, &bytes).map_err(|error| IdentityError::File(path.to_owned(), error))
}

/// Seals the key file of a configuration under a passphrase, whether it was plain or sealed under the one that this
/// process was given. Gives its path.
///
/// # Errors
/// When it cannot be read or written.
pub fn seal_key_file(config: &Config, passphrase: Passphrase) -> Result<PathBuf, IdentityError> {
    let path = config.resolve(&config.keys);
    let (file, _) = read(&path, Some(&passphrase))?;
    replace(&path, &file, &World::system(), Some(&passphrase))?;
    Ok(path)
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use base::Administration;

    #[test]
    fn hexadecimal_reads_back_and_refuses_the_rest() {
        assert_eq!(from_hex(&to_hex(&[0, 7, 255])), Some(vec![0, 7, 255]));
        assert_eq!([from_hex("0"), from_hex("0g"), from_hex("é0")], [None, None, None]);
    }

    #[test]
    fn a_sealed_file_opens_with_its_passphrase_alone_and_shows_no_key() {
        let path = std::env::temp_dir().join(format!("tidewaiter-sealed-{}.json", std::process::id()));
        let (world, administration) = (World::system(), Administration::parse("NTA.GB").unwrap());
        let right = Passphrase::from("correct horse battery".to_owned());
        let made = Identity::create(&world, &administration, &path, Some(right.clone())).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("argon2id") && !text.contains("witness"), "{text}");

        let again = Identity::load_with(&path, Some(right.clone())).unwrap();
        assert_eq!(again.card, made.card);
        let none = Identity::load_with(&path, None).err().unwrap().to_string();
        assert!(none.ends_with("is sealed: give its passphrase"), "{none}");
        let wrong = Passphrase::from("correct horse batterz".to_owned());
        let refused = Identity::load_with(&path, Some(wrong)).err().unwrap();
        assert!(matches!(refused, IdentityError::WrongPassphrase(_)), "{refused}");
        // A plain file is read still, and can be sealed later.
        let plain = serde_json::to_vec(&read(&path, Some(&right)).unwrap().0).unwrap();
        let beside = path.with_extension("plain");
        std::fs::write(&beside, plain).unwrap();
        assert_eq!(read(&beside, None).unwrap().1, Protection::Plain);
        std::fs::remove_file(beside).unwrap();
        // The parameters are bound: nobody makes guessing cheaper and keeps the file usable.
        std::fs::write(&path, text.replace("\"passes\": 3", "\"passes\": 2")).unwrap();
        assert!(matches!(Identity::load_with(&path, Some(right)), Err(IdentityError::WrongPassphrase(_))));
        std::fs::remove_file(&path).unwrap();
    }
}
