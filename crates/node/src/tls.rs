//! The channel between nodes: TLS 1.3 with mutual authentication, where each side accepts exactly the keys that its
//! register of partners names. No certificate authority, no revocation service, nothing to fetch.

use crate::channel_refusal::ChannelRefusal;
use crate::peer_keys::Doorkeeper;
use base::{Digest, Timestamp};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    ServerConfig, SignatureScheme,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Which key exchange the channel accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyExchange {
    /// X25519MLKEM768 with whoever offers it, classical X25519 (or a NIST curve) with others. What is recorded today is
    /// safe from the quantum computers of later only in the first case; the metrics count both.
    #[default]
    HybridPreferred,
    /// X25519MLKEM768 with everyone; a peer without it is refused.
    HybridRequired,
}

/// The certificate of a node and the key that goes with it.
pub struct TlsIdentity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// Why a TLS identity or configuration cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate could not be generated.
    #[error("cannot make a certificate: {0}")]
    Generate(#[from] rcgen::Error),
    /// The library refused the configuration.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] Error),
    /// The key is not readable.
    #[error("the TLS key is not a PKCS #8 key")]
    Key,
}

impl Clone for TlsIdentity {
    fn clone(&self) -> Self {
        Self { certificate: self.certificate.clone(), key: self.key.clone_key() }
    }
}

impl TlsIdentity {
    /// A fresh self-signed certificate for `name`, and its key as PKCS #8: `(certificate, key)`, both DER.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn generate(name: &str) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = rcgen::CertificateParams::new(vec![name.to_owned()])?.self_signed(&key)?;
        Ok((certificate.der().to_vec(), key.serialize_der()))
    }

    /// From DER certificate and PKCS #8 key.
    ///
    /// # Errors
    /// When the key is not PKCS #8.
    pub fn new(certificate: Vec<u8>, key: Vec<u8>) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::try_from(key).map_err(|_| TlsError::Key)?;
        Ok(Self { certificate: certificate.into(), key })
    }

    /// SHA-256 of the certificate's subject public key info, by which partners know this node.
    ///
    /// # Errors
    /// When the certificate is malformed.
    pub fn key_digest(&self) -> Result<Digest, TlsError> {
        Ok(key_digest(&self.certificate)?)
    }

    /// The certificate, DER.
    pub(crate) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The server side: lets those in whom `door` admits. Every connection proves its key anew, since a resumed session
    /// would carry on a standing that the register may have ended.
    ///
    /// # Errors
    /// When the library refuses key or certificate.
    pub fn server(
        &self,
        door: Arc<dyn Doorkeeper>,
        key_exchange: KeyExchange,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = provider(key_exchange);
        let verifier = Arc::new(Pinned { door, algorithms: provider.signature_verification_algorithms });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Ok(Arc::new(config))
    }

    /// The client side: accepts those whom `door` admits, which are the keys of one partner.
    ///
    /// # Errors
    /// When the library refuses key or certificate.
    pub fn client(
        &self,
        door: Arc<dyn Doorkeeper>,
        key_exchange: KeyExchange,
    ) -> Result<ClientConfig, TlsError> {
        let provider = provider(key_exchange);
        let verifier = Arc::new(Pinned { door, algorithms: provider.signature_verification_algorithms });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_auth_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

fn provider(key_exchange: KeyExchange) -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    if key_exchange == KeyExchange::HybridRequired {
        provider.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768];
    }
    Arc::new(provider)
}

/// SHA-256 of the subject public key info of a certificate.
///
/// # Errors
/// When the certificate is malformed.
pub fn key_digest(certificate: &CertificateDer<'_>) -> Result<Digest, Error> {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate)?;
    let key = parsed.subject_public_key_info();
    Ok(Digest(Sha256::digest(key.as_ref()).into()))
}

/// Accepts a certificate if, and only if, the door is open to its key.
///
/// Names, dates and issuers of the certificate say nothing here: the register gives a key its owner and its validity.
#[derive(Debug)]
struct Pinned {
    door: Arc<dyn Doorkeeper>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    fn check(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
        let digest =
            key_digest(certificate).map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let now = i64::try_from(now.as_secs()).map_or(Timestamp::from_micros(i64::MAX), |seconds| {
            Timestamp::from_micros(0).plus_seconds(seconds)
        });
        self.door.admit(digest, now).map(|_| ()).map_err(ChannelRefusal::into)
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls13RequiredForQuic.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, now).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls13RequiredForQuic.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
