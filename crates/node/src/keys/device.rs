//! Keys in a hardware security module, by PKCS #11.

use super::ring::DeviceKey;
use crate::identity::IdentityError;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use evidence::{
    Algorithm, EvidenceError, P256PublicKey, PublicKey, Signer, StatementKey, VerifyingKey, digest_of,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The libraries that are loaded: each may be initialised once in a process.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// A key in a device. The session is opened at the first signature, and opened anew when the device was away.
struct Device {
    place: DeviceKey,
    algorithm: Algorithm,
    session: Mutex<Option<(Session, ObjectHandle)>>,
}

/// Opens a signing key in a device: EdDSA on Edwards25519, or ES256 on P-256, as the device has it.
///
/// # Errors
/// When the library, the token or the key is missing, or the PIN is wrong.
pub(crate) fn open(place: &DeviceKey) -> Result<StatementKey, IdentityError> {
    let failed = |reason: String| IdentityError::Device { device: place.label.clone(), reason };
    let session = session(place).map_err(failed)?;
    let public = public_key(&session, &place.label).map_err(failed)?;
    let key = private_key(&session, &place.label).map_err(failed)?;
    let session = Mutex::new(Some((session, key)));
    let device = Device { place: place.clone(), algorithm: public.algorithm(), session };
    // A library that signs with another key than it shows must be found now and not by a partner.
    let probe = device.sign(b"tidewaiter").map_err(|error| failed(error.to_string()))?;
    let probe = evidence::normalised(public.algorithm(), probe);
    public.verify("device", b"tidewaiter", &probe).map_err(|error| failed(error.to_string()))?;
    Ok(StatementKey::behind(Arc::new(device), public))
}

impl Signer for Device {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], EvidenceError> {
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |reason: String| EvidenceError::Signer { reason };
        if let Some((session, key)) = kept.as_ref()
            && let Ok(signature) = sign(session, *key, self.algorithm, message)
        {
            return Ok(signature);
        }
        // The device may have been away since: once more, with a session of its own.
        *kept = None;
        let session = session(&self.place).map_err(failed)?;
        let key = private_key(&session, &self.place.label).map_err(failed)?;
        let signature = sign(&session, key, self.algorithm, message).map_err(failed)?;
        *kept = Some((session, key));
        Ok(signature)
    }
}

fn sign(
    session: &Session,
    key: ObjectHandle,
    algorithm: Algorithm,
    message: &[u8],
) -> Result<[u8; 64], String> {
    let signature = match algorithm {
        Algorithm::EdDsa => {
            let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
            session.sign(&mechanism, key, message)
        }
        Algorithm::Es256 => session.sign(&Mechanism::Ecdsa, key, digest_of(message).as_bytes()),
    };
    let signature = signature.map_err(words)?;
    signature.try_into().map_err(|_| "the device's signature has another length than 64 bytes".to_owned())
}

fn words(error: Error) -> String {
    error.to_string()
}

fn module(path: &Path) -> Result<Pkcs11, String> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(path).map_err(|error| format!("cannot load `{}`: {error}", path.display()))?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(words)?;
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}

/// A session with the token, signed in.
fn session(place: &DeviceKey) -> Result<Session, String> {
    let module = module(&place.module)?;
    let slots = module.get_slots_with_token().map_err(words)?;
    let labelled = |slot: &cryptoki::slot::Slot| {
        module.get_token_info(*slot).is_ok_and(|token| token.label().trim_end() == place.token)
    };
    let slot = slots.into_iter().find(labelled);
    let slot = slot.ok_or_else(|| format!("there is no token `{}`", place.token))?;
    let session = module.open_ro_session(slot).map_err(words)?;
    match session.login(UserType::User, Some(&pin(&place.pin)?)) {
        // Sessions of one process share their sign-in.
        Ok(()) | Err(Error::Pkcs11(cryptoki::error::RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(error) => Err(format!("cannot sign in to the token `{}`: {error}", place.token)),
    }
}

/// The PIN, from a file or, with `env:NAME`, an environment variable.
fn pin(source: &str) -> Result<AuthPin, String> {
    let text = match source.strip_prefix("env:") {
        Some(name) => std::env::var(name).map_err(|error| format!("the PIN in `{name}`: {error}"))?,
        None => std::fs::read_to_string(source).map_err(|error| format!("the PIN in `{source}`: {error}"))?,
    };
    Ok(AuthPin::new(text.trim_end_matches(['\r', '\n']).into()))
}

fn private_key(session: &Session, label: &str) -> Result<ObjectHandle, String> {
    find(session, ObjectClass::PRIVATE_KEY, label)
}

fn find(session: &Session, class: ObjectClass, label: &str) -> Result<ObjectHandle, String> {
    let template = [Attribute::Class(class), Attribute::Label(label.as_bytes().to_vec())];
    match session.find_objects(&template).map_err(words)?.as_slice() {
        [key] => Ok(*key),
        found => Err(format!("{} objects of class {class} have the label `{label}`, one must", found.len())),
    }
}

fn public_key(session: &Session, label: &str) -> Result<VerifyingKey, String> {
    let key = find(session, ObjectClass::PUBLIC_KEY, label)?;
    let wanted = [AttributeType::KeyType, AttributeType::EcPoint];
    let (mut kind, mut point) = (None, Vec::new());
    for attribute in session.get_attributes(key, &wanted).map_err(words)? {
        match attribute {
            Attribute::KeyType(found) => kind = Some(found),
            Attribute::EcPoint(found) => point = found,
            _ => {}
        }
    }
    // PKCS #11 has the point as a DER octet string; some devices leave the two bytes of its head out.
    let public = match (kind, point.as_slice()) {
        (Some(KeyType::EC), [0x04, 0x41, 0x04, xy @ ..] | [0x04, xy @ ..]) if xy.len() == 64 => {
            let coordinates = xy.try_into().map_err(|_| "the point has another length".to_owned())?;
            P256PublicKey::from_coordinates(coordinates).map(VerifyingKey::Es256)
        }
        (Some(KeyType::EC_EDWARDS), [0x04, 0x20, x @ ..] | x) if x.len() == 32 => {
            let bytes = x.try_into().map_err(|_| "the point has another length".to_owned())?;
            PublicKey::from_bytes(bytes).map(VerifyingKey::EdDsa)
        }
        _ => return Err("it is neither a key on P-256 nor one on Edwards25519".to_owned()),
    };
    public.map_err(|error| error.to_string())
}
