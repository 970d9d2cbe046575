//! Peers that are no nodes: an administration whose keys the test holds, and TLS connections with whatever it shows.

use base::{Administration, MessageId};
use evidence::{AgreementReference, Channel, Keys, Seed, StatementKey};
use exchange::{OutgoingLetter, OutgoingPart, Sender};
use node::{PartnerCard, World};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

/// A certificate and the key that goes with it, both DER.
#[derive(Clone, Debug)]
pub struct TlsKey {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

impl TlsKey {
    /// A new key that nobody knows.
    pub fn new() -> Self {
        let (certificate, key) = node::TlsIdentity::generate("outsider.tidewaiter").unwrap();
        Self { certificate, key }
    }

    /// The Ed25519 key that grows from a seed, as PKCS #8 (RFC 8410), with a certificate.
    pub fn of_seed(seed: [u8; 32]) -> Self {
        let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let der = rustls::pki_types::PrivatePkcs8KeyDer::from([&head[..], &seed].concat());
        let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519).unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["outsider.tidewaiter".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap().der().to_vec();
        Self { certificate, key: der.secret_pkcs8_der().to_vec() }
    }

    /// SHA-256 of its subject public key info.
    pub fn digest(&self) -> base::Digest {
        node::key_digest(&self.certificate.clone().into()).unwrap()
    }

    /// What TLS shows: this certificate, with the proof of this or of another key.
    pub fn certified(&self, prover: &Self) -> CertifiedKey {
        let key = PrivateKeyDer::try_from(prover.key.clone()).unwrap();
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        CertifiedKey::new(vec![self.certificate.clone().into()], key)
    }
}

/// An administration whose keys the test holds.
pub struct Outsider {
    pub administration: Administration,
    pub seeds: [[u8; 32]; 4],
    pub keys: Keys,
    pub tls: TlsKey,
    pub card: PartnerCard,
}

impl Outsider {
    /// An administration whose card is valid from and until so many seconds from now.
    pub fn new(name: &str, from: i64, until: i64) -> Self {
        let world = World::system();
        let administration = Administration::parse(name).unwrap();
        let seeds: [[u8; 32]; 4] = std::array::from_fn(|_| world.random());
        let [sign, enc, log, witness] = seeds.map(Seed::from_bytes);
        let keys = evidence::KeySet { sign, enc, log, witness }.keys().unwrap();
        let (tls, now) = (TlsKey::new(), world.clock.now());
        let card = keys
            .card(administration.clone(), tls.digest(), now.plus_seconds(from), now.plus_seconds(until))
            .unwrap();
        let card = PartnerCard { address: "https://127.0.0.1:1".to_owned(), keys: card };
        Self { administration, seeds, keys, tls, card }
    }

    /// An envelope with a message to the owner of `to`, signed with a key of the choice.
    pub fn envelope(
        &self,
        to: &PartnerCard,
        agreement: &AgreementReference,
        key: &StatementKey,
        change: impl FnOnce(&mut OutgoingLetter),
    ) -> exchange::Prepared {
        let world = World::system();
        let now = world.clock.now();
        let id = MessageId::new(now, world.random());
        let recipient = to.keys.administration.clone();
        let mut letter = OutgoingLetter {
            message_id: id,
            channel: Channel::new(self.administration.clone(), recipient, &format!("case-{id}")).unwrap(),
            sequence: 1,
            agreement: agreement.clone(),
            clause: "transit.passage".to_owned(),
            purpose: "transit_control".to_owned(),
            created: now,
            expires: now.plus_seconds(3600),
            exercise: false,
            parts: vec![OutgoingPart {
                name: "message".to_owned(),
                media_type: "application/xml".to_owned(),
                content: b"<CD118C/>".to_vec(),
                fields: Vec::new(),
            }],
        };
        change(&mut letter);
        let sender = Sender { administration: &self.administration, sign: key };
        exchange::prepare(&letter, &sender, &to.keys, &mut |bytes| world.entropy.fill(bytes)).unwrap()
    }
}

/// Accepts any server: what is tested is whether the server accepts us.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What a client shows and offers.
pub struct Shown {
    pub certificate: Option<CertifiedKey>,
    /// The key exchanges that it offers; the usual ones when there is none.
    pub groups: Vec<&'static dyn rustls::crypto::SupportedKxGroup>,
}

/// What a client got: the group, and the answer (head and body), or the error.
#[derive(Debug)]
pub struct Got {
    pub group: Option<String>,
    pub answer: Result<Vec<u8>, String>,
}

/// Opens a connection, sends one request and reads to the end.
pub fn visit(address: SocketAddr, shown: Shown, request: &[u8]) -> Got {
    let mut stream = connect(address, shown);
    let mut answer = Vec::new();
    let read = stream.write_all(request).and_then(|()| stream.read_to_end(&mut answer));
    let group = stream.conn.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()));
    // A server that closes without saying so has answered all the same.
    let answered = match read {
        Err(error) if answer.is_empty() => Err(error.to_string()),
        _ => Ok(answer),
    };
    Got { group, answer: answered }
}

/// A connection that shows a certificate; the handshake happens with the first request.
fn connect(address: SocketAddr, shown: Shown) -> StreamOwned<ClientConnection, TcpStream> {
    let mut provider = aws_lc_rs::default_provider();
    if !shown.groups.is_empty() {
        provider.kx_groups = shown.groups;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone));
    let config = match shown.certificate {
        Some(certified) => {
            config.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)))
        }
        None => config.with_no_client_auth(),
    };
    let name = ServerName::try_from("node.tidewaiter").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, TcpStream::connect(address).unwrap())
}

/// A connection that stays open for many envelopes, and is opened again when the server closes it.
pub struct Session {
    address: SocketAddr,
    tls: TlsKey,
    headers: String,
    stream: Option<StreamOwned<ClientConnection, TcpStream>>,
}

impl Session {
    /// A session that shows this certificate and sends these headers.
    pub fn new(address: SocketAddr, tls: &TlsKey, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Self { address, tls: tls.clone(), headers, stream: None }
    }

    /// Delivers an envelope: the status and the body of the answer.
    pub fn deliver(&mut self, envelope: &[u8]) -> (u16, Vec<u8>) {
        self.post(node::ENVELOPE_ROUTE, envelope)
    }

    /// Posts a body: the status and the body of the answer.
    pub fn post(&mut self, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let certificate = Some(self.tls.certified(&self.tls));
        let address = self.address;
        let stream =
            self.stream.get_or_insert_with(|| connect(address, Shown { certificate, groups: Vec::new() }));
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: node\r\n{}content-length: {}\r\n\r\n",
            self.headers,
            body.len()
        );
        match stream.write_all(&[head.as_bytes(), body].concat()) {
            // A server may refuse a body before all of it is sent: its answer is there to be read.
            Err(error) if [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error.kind()) => {}
            written => written.unwrap(),
        }
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let end = answer.windows(4).position(|four: &[u8]| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
                let length =
                    head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
                if answer.len() >= end + 4 + length.parse::<usize>().unwrap() {
                    if head.contains("connection: close") {
                        self.stream = None;
                    }
                    return parsed(&answer);
                }
            }
            let count = read_alone(stream, &mut piece).unwrap();
            assert!(count > 0, "the connection ended in {:?}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&piece[..count]);
        }
    }
}

/// Reads what came, and does not try again to send what was cut off, as the stream itself would do first.
fn read_alone(
    stream: &mut StreamOwned<ClientConnection, TcpStream>,
    piece: &mut [u8],
) -> std::io::Result<usize> {
    loop {
        match stream.conn.reader().read(piece) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            read => return read,
        }
        if stream.conn.read_tls(&mut stream.sock)? == 0 {
            return Ok(0);
        }
        stream.conn.process_new_packets().map_err(std::io::Error::other)?;
    }
}

/// A request that delivers an envelope.
pub fn delivery(envelope: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: node\r\nconnection: close\r\ncontent-type: application/cbor\r\ncontent-length: {}\r\n\r\n",
        node::ENVELOPE_ROUTE,
        envelope.len()
    );
    [head.as_bytes(), envelope].concat()
}

/// The status and the body of an answer.
pub fn parsed(answer: &[u8]) -> (u16, Vec<u8>) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    (head.split_whitespace().nth(1).unwrap().parse().unwrap(), answer[end + 4..].to_vec())
}
