//! Why a peer is turned away at the channel between nodes, before anything it says is read. Each reason has a stable code
//! that stands in the log and in the metrics.

use rustls::{CertificateError, Error, PeerIncompatible};
use std::fmt;
use std::io;

/// Declares the reasons as one table: variant, code, words.
macro_rules! reasons {
    ($($variant:ident $code:literal $words:literal)*) => {
        /// Why a peer is turned away. Codes are stable: alarms of administrations rely on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ChannelReason {
            $(#[doc = concat!($words, " (`", $code, "`).")] $variant,)*
        }

        impl ChannelReason {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The reason in words.
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

reasons! {
    NotTls "not-tls" "what came is not TLS"
    TlsVersion "tls-version" "the peer does not offer TLS 1.3"
    NoCommonGroup "no-common-group" "the peer offers no key exchange that is accepted here"
    NoCommonAlgorithm "no-common-algorithm" "the peer offers no algorithm that is accepted here"
    NoCertificate "no-certificate" "the peer shows no certificate"
    CertificateMalformed "certificate-malformed" "the peer's certificate cannot be read"
    KeyNotProved "key-not-proved" "the peer does not hold the key of its certificate"
    UnknownKey "unknown-key" "the key is in no register"
    WrongPurpose "wrong-purpose" "the key is registered, but not for TLS"
    OwnKey "own-key" "the key is this node's own"
    KeyNotYetValid "key-not-yet-valid" "the key is not valid yet"
    KeyExpired "key-expired" "the key is valid no longer"
    KeyRevoked "key-revoked" "the key was revoked"
    RelayNamesNoKey "relay-names-no-key" "the relay does not say which key the partner has proved to hold"
    PeerGaveUp "peer-gave-up" "the peer ended the handshake"
    HandshakeFailed "handshake-failed" "the handshake failed"
}

impl fmt::Display for ChannelReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.code())
    }
}

/// A reason and what it was about.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}{}{detail}", .reason.code(), .reason.words(), if .detail.is_empty() { "" } else { ": " })]
pub struct ChannelRefusal {
    /// The reason.
    pub reason: ChannelReason,
    /// What it was about, in one line; may be empty.
    pub detail: String,
}

impl fmt::Debug for ChannelRefusal {
    /// As it reads: the TLS library shows the errors of a verifier in this form.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl ChannelRefusal {
    /// A refusal for `reason`.
    pub fn new(reason: ChannelReason, detail: impl fmt::Display) -> Self {
        Self { reason, detail: detail.to_string() }
    }

    /// Why a handshake ended with `error`.
    pub fn of_handshake(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(error) => Self::of_tls(error),
            None => Self::new(ChannelReason::PeerGaveUp, error),
        }
    }

    /// The refusal that stands behind an error of the HTTP client, if it was the handshake that failed.
    pub(crate) fn behind(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<Error>()) {
                return Some(Self::of_tls(found));
            }
            // An I/O error stands for the one within it, whose own cause comes next: neither must be passed over.
            cause = match inner {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }

    fn of_tls(error: &Error) -> Self {
        let reason = match error {
            Error::InvalidCertificate(CertificateError::Other(other)) => {
                if let Some(refusal) = other.0.downcast_ref::<Self>() {
                    return refusal.clone();
                }
                ChannelReason::CertificateMalformed
            }
            Error::InvalidCertificate(CertificateError::BadSignature) => ChannelReason::KeyNotProved,
            Error::InvalidCertificate(_) => ChannelReason::CertificateMalformed,
            Error::NoCertificatesPresented => ChannelReason::NoCertificate,
            Error::PeerIncompatible(found) => incompatible(found),
            Error::InvalidMessage(_) => ChannelReason::NotTls,
            Error::AlertReceived(_) => ChannelReason::PeerGaveUp,
            _ => ChannelReason::HandshakeFailed,
        };
        Self::new(reason, error)
    }
}

fn incompatible(found: &PeerIncompatible) -> ChannelReason {
    match found {
        PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls13RequiredForQuic
        | PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        // Whoever names no signature algorithms speaks TLS 1.1 or less, which the library finds before the version.
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired => ChannelReason::TlsVersion,
        PeerIncompatible::NoKxGroupsInCommon
        | PeerIncompatible::KeyShareExtensionRequired
        | PeerIncompatible::NamedGroupsExtensionRequired => ChannelReason::NoCommonGroup,
        _ => ChannelReason::NoCommonAlgorithm,
    }
}

impl From<ChannelRefusal> for Error {
    /// As a verifier of certificates says it: the peer sees `certificate_unknown` and learns nothing of the register.
    fn from(refusal: ChannelRefusal) -> Self {
        let other = rustls::OtherError(std::sync::Arc::new(refusal));
        CertificateError::Other(other).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable_and_each_is_one_reasons() {
        let codes: Vec<_> = ChannelReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(
            codes.join(" "),
            "not-tls tls-version no-common-group no-common-algorithm no-certificate certificate-malformed \
             key-not-proved unknown-key wrong-purpose own-key key-not-yet-valid key-expired \
             key-revoked relay-names-no-key peer-gave-up handshake-failed"
        );
    }

    #[test]
    fn what_a_verifier_says_is_found_behind_the_errors_around_it() {
        let refusal = ChannelRefusal::new(ChannelReason::WrongPurpose, "`NTA.FR`, for witness");
        let tls = io::Error::new(io::ErrorKind::InvalidData, Error::from(refusal.clone()));
        assert_eq!(ChannelRefusal::of_handshake(&tls), refusal);
        assert_eq!(ChannelRefusal::behind(&io::Error::other(tls)), Some(refusal));
        let closed = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(ChannelRefusal::behind(&closed), None);
        assert_eq!(ChannelRefusal::of_handshake(&closed).reason, ChannelReason::PeerGaveUp);
    }
}
