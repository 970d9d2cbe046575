//! Who is turned away at a node's port for partners, and what its log and metrics say of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base::Administration;
use evidence::{AgreementReference, Digest, StatementKey};
use exchange::{Outcome, Reason};
use node::PartnerCard;
use rustls::crypto::aws_lc_rs::kx_group;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use support::outsider::{Got, Outsider, Session, Shown, TlsKey, delivery, parsed, visit};
use support::service::{Service, set_up};

/// A day, in seconds.
const DAY: i64 = 86_400;

/// A node of Great Britain with partners whose keys the test holds: France, Italy whose card has expired, and Germany
/// whose card is not valid yet.
struct Port {
    node: Service,
    address: SocketAddr,
    card: PartnerCard,
    agreement: AgreementReference,
    france: Outsider,
    italy: Outsider,
    germany: Outsider,
    folder: tempfile::TempDir,
}

impl Port {
    fn open(change: impl FnOnce(&mut node::Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = set_up(&folder.path().join("gb"));
        let france = Outsider::new("NTA.FR", -DAY, DAY);
        let italy = Outsider::new("NTA.IT", -2 * DAY, -DAY);
        let germany = Outsider::new("NTA.DE", DAY, 2 * DAY);
        let cards = [&france, &italy, &germany].map(|partner| {
            let path = folder.path().join(format!("{}.json", partner.administration));
            partner.card.save(&path).unwrap();
            path
        });
        let parties =
            ["NTA.GB", "NTA.FR", "NTA.IT", "NTA.DE"].map(|name| Administration::parse(name).unwrap());
        node::join_corridor(&secrets.config, cards.to_vec(), &parties).unwrap();
        let mut config = node::Config::load(&secrets.config).unwrap();
        change(&mut config);
        config.save(&secrets.config).unwrap();
        let text = std::fs::read_to_string(config.resolve(&config.agreements[0])).unwrap();
        let compiled = agreements::compile(&agreements::Agreement::from_toml(&text).unwrap()).unwrap();
        let agreement = AgreementReference {
            id: compiled.agreement().id.to_string(),
            version: compiled.agreement().version,
            hash: Digest(compiled.hash().0),
        };
        let card = PartnerCard::load(&secrets.config.with_file_name("card.json")).unwrap();
        let (node, address) = (Service::start(secrets), config.listen.peer);
        Self { node, address, card, agreement, france, italy, germany, folder }
    }

    /// Visits with a certificate and its key, and says what came of it.
    fn visit(&self, shown: &TlsKey, request: &[u8]) -> Got {
        visit(self.address, Shown { certificate: Some(shown.certified(shown)), groups: Vec::new() }, request)
    }

    /// Has `visit` turned away at the channel: logged with this code, and counted once.
    fn refuses(&self, code: &str, visit: impl FnOnce()) -> serde_json::Value {
        let metric = format!("tidewaiter_refusals_total{{at=\"incoming-channel\",code=\"{code}\"}}");
        let (seen, before) = (self.node.log().len(), self.node.metric(&metric));
        visit();
        let line = self.node.logged(code, seen);
        assert!((self.node.metric(&metric) - before - 1.0).abs() < 1e-9, "{metric}");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["fields"]["message"], "refused a peer at the port for partners");
        line["fields"].clone()
    }

    /// Has an envelope of France refused, signed and logged with this reason, and counted once.
    fn refuses_envelope(&self, reason: Reason, prepared: &exchange::Prepared) {
        let code = reason.code();
        let metric = format!("tidewaiter_refusals_total{{at=\"envelope\",code=\"{code}\"}}");
        let (seen, before) = (self.node.log().len(), self.node.metric(&metric));
        let got = self.visit(&self.france.tls, &delivery(&prepared.envelope));
        let (status, response) = parsed(&got.answer.unwrap());
        assert_eq!(status, 200);
        let cards = std::slice::from_ref(&self.card.keys);
        match exchange::verify_response(&response, &prepared.envelope, cards, self.card.keys.valid_from)
            .unwrap()
        {
            Outcome::Refused(refused) => assert_eq!(refused.reason, Some(reason)),
            other => panic!("{other:?} is no refusal"),
        }
        self.node.logged(code, seen);
        assert!((self.node.metric(&metric) - before - 1.0).abs() < 1e-9, "{metric}");
    }
}

/// A request that any partner may make.
const REQUEST: &[u8] =
    b"POST /peer/v1/envelopes HTTP/1.1\r\nhost: node\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What a server answers to bytes that are sent as they are.
fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // The server may close before it has read all.
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// The first message of a client that knows TLS up to 1.2 (RFC 5246, section 7.4.1.2): no `supported_versions`.
fn client_hello_of_1_2() -> Vec<u8> {
    let groups = [0, 10, 0, 4, 0, 2, 0, 29];
    let algorithms = [0, 13, 0, 6, 0, 4, 4, 3, 8, 4];
    let extensions = [&groups[..], &algorithms].concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    // ECDHE-ECDSA with AES-128-GCM.
    body.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    let record = u16::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[22, 3, 1, record[0], record[1], 1, 0, length[0], length[1]], body.as_slice()].concat()
}

#[test]
fn whoever_is_no_partner_is_turned_away_with_a_distinct_reason() {
    let port = Port::open(|_| {});
    // The one who may come in does: what follows is not refused for want of a working port.
    let got = port.visit(&port.france.tls, REQUEST);
    assert_eq!(parsed(&got.answer.unwrap()).0, 200);

    port.refuses("not-tls", || drop(raw(port.address, b"GET / HTTP/1.1\r\n\r\n")));
    port.refuses("tls-version", || {
        let answer = raw(port.address, &client_hello_of_1_2());
        // A fatal alert (21): protocol_version (70).
        assert_eq!((answer.first(), answer.get(5..7)), (Some(&21), Some(&[2, 70][..])));
    });
    port.refuses("no-certificate", || {
        let got = visit(port.address, Shown { certificate: None, groups: Vec::new() }, REQUEST);
        assert!(got.answer.unwrap_err().contains("CertificateRequired"));
    });
    let stranger = TlsKey::new();
    let fields = port.refuses("unknown-key", || {
        let got = port.visit(&stranger, REQUEST);
        assert!(got.answer.unwrap_err().contains("CertificateUnknown"), "the peer learns no more than that");
    });
    assert!(fields["detail"].as_str().unwrap().contains(&stranger.digest().to_string()));
    assert!(fields["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    port.refuses("key-not-proved", || {
        let certified = port.france.tls.certified(&stranger);
        visit(port.address, Shown { certificate: Some(certified), groups: Vec::new() }, REQUEST)
            .answer
            .unwrap_err();
    });
    port.refuses("key-expired", || drop(port.visit(&port.italy.tls, REQUEST).answer.unwrap_err()));
    port.refuses("key-not-yet-valid", || drop(port.visit(&port.germany.tls, REQUEST).answer.unwrap_err()));
}

#[test]
fn a_key_of_another_purpose_opens_no_channel() {
    let port = Port::open(|_| {});
    let [sign, _, log, witness] = port.france.seeds;
    for (purpose, seed) in [("sign", sign), ("log", log), ("witness", witness)] {
        let fields = port.refuses("wrong-purpose", || {
            port.visit(&TlsKey::of_seed(seed), REQUEST).answer.unwrap_err();
        });
        let detail = fields["detail"].as_str().unwrap();
        assert!(detail.ends_with(&format!("is the key of `NTA.FR` for {purpose}")), "{detail}");
    }
    // A key of the same kind that nobody has registered is told apart.
    port.refuses("unknown-key", || drop(port.visit(&TlsKey::of_seed([9; 32]), REQUEST).answer.unwrap_err()));
}

#[test]
fn a_statement_signed_with_a_key_of_another_purpose_is_refused() {
    let port = Port::open(|_| {});
    let france = &port.france;
    let signed = |seed| {
        let key = StatementKey::from_seed(&seed).unwrap();
        france.envelope(&port.card, &port.agreement, &key, |_| {})
    };
    let [_, _, log, witness] = france.seeds;
    port.refuses_envelope(Reason::WrongPurpose, &signed(log));
    port.refuses_envelope(Reason::WrongPurpose, &signed(witness));
    // Italy's key is not France's.
    port.refuses_envelope(Reason::KeyNotActive, &signed(port.italy.seeds[0]));
}

#[test]
fn one_conflict_proof_is_kept_for_an_identity_and_every_conflict_is_answered() {
    let port = Port::open(|_| {});
    let id = base::MessageId::new(port.card.keys.valid_from, [7; 10]);
    let owner = &port.france.administration;
    let channel =
        evidence::Channel::new(owner.clone(), port.card.keys.administration.clone(), "one-case").unwrap();
    // Each envelope has a nonce and salts of its own: the same identity never means the same message twice.
    let messages: Vec<_> = (0..4)
        .map(|_| {
            port.france.envelope(&port.card, &port.agreement, &port.france.keys.sign, |letter| {
                (letter.message_id, letter.channel) = (id, channel.clone());
            })
        })
        .collect();
    let outcome = |prepared: &exchange::Prepared| {
        let (status, response) =
            parsed(&port.visit(&port.france.tls, &delivery(&prepared.envelope)).answer.unwrap());
        assert_eq!(status, 200);
        let cards = std::slice::from_ref(&port.card.keys);
        exchange::verify_response(&response, &prepared.envelope, cards, port.card.keys.valid_from).unwrap()
    };
    assert!(matches!(outcome(&messages[0]), Outcome::Acknowledged(_)));
    for other in messages[1..].iter().chain([&messages[1]]) {
        assert!(matches!(outcome(other), Outcome::Conflict(_)), "each conflict is answered with its proof");
    }
    let location: store::Location =
        node::Config::load(&port.node.secrets.config).unwrap().store_location().parse().unwrap();
    drop(port.node);
    let store = store::Store::open(&location, store::Execution::WriterThread, node::MIGRATIONS).unwrap();
    let stream = format!("conflict/{owner}/{id}");
    let kept = store.read(|tx| store::journal::read(tx, &stream)).unwrap();
    assert_eq!(kept.len(), 1, "the first proof says enough");
    assert_eq!(kept[0].kind, "Conflict");
    store.close();
}

/// The TLS key of a node's key file.
fn tls_key_of(office: &support::witnesses::Office) -> TlsKey {
    let json = std::fs::read(office.folder().join("keys.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let [certificate, key] = ["certificate", "key"].map(|name| {
        let hex = json["tls"][name].as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    });
    TlsKey { certificate, key }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_takes_its_share_of_the_connections_and_no_more() {
    let mut federation = support::witnesses::Federation::prepared(0).await;
    let office = federation.office_mut("GB");
    let mut config = node::Config::load(&office.config).unwrap();
    config.listen.connections_per_key = std::num::NonZeroUsize::new(2);
    config.save(&office.config).unwrap();
    office.start().await;
    let address = office.address;
    let [france, italy] = ["FR", "IT"].map(|country| tls_key_of(federation.office(country)));
    let visits = move || {
        let is_answered = |key: &TlsKey| {
            let shown = Shown { certificate: Some(key.certified(key)), groups: Vec::new() };
            visit(address, shown, REQUEST).answer.is_ok_and(|answer| !answer.is_empty())
        };
        let mut held = [(); 2].map(|()| Session::new(address, &france, &[]));
        for session in &mut held {
            assert_eq!(session.deliver(b"").0, 200);
        }
        assert!(!is_answered(&france), "it has as many open as one key may have");
        assert!(is_answered(&italy), "another is not held up");
        drop(held);
        // The server sees the end of a connection when it comes to it.
        while !is_answered(&france) {
            std::thread::yield_now();
        }
    };
    tokio::task::spawn_blocking(visits).await.unwrap();
}

#[test]
fn exercises_and_real_traffic_do_not_meet() {
    let production = Port::open(|_| {});
    let key = &production.france.keys.sign;
    let exercise = production
        .france
        .envelope(&production.card, &production.agreement, key, |letter| letter.exercise = true);
    production.refuses_envelope(Reason::ExerciseInProduction, &exercise);

    let training = Port::open(|config| config.exercise = true);
    let key = &training.france.keys.sign;
    let real = training.france.envelope(&training.card, &training.agreement, key, |_| {});
    training.refuses_envelope(Reason::ProductionInExercise, &real);
}

#[test]
fn the_hybrid_key_exchange_is_the_default_and_can_be_demanded() {
    let handshakes = |port: &Port, group: &str| {
        port.node.metric(&format!("tidewaiter_handshakes_total{{side=\"incoming\",group=\"{group}\"}}"))
    };
    let shown = |port: &Port, groups| {
        let certificate = Some(port.france.tls.certified(&port.france.tls));
        visit(port.address, Shown { certificate, groups }, REQUEST)
    };
    let port = Port::open(|_| {});
    assert_eq!(shown(&port, Vec::new()).group.as_deref(), Some("X25519MLKEM768"));
    assert!((handshakes(&port, "X25519MLKEM768") - 1.0).abs() < 1e-9);
    let classical = shown(&port, vec![kx_group::X25519]);
    assert_eq!(classical.group.as_deref(), Some("X25519"));
    assert_eq!(parsed(&classical.answer.unwrap()).0, 200);
    assert!((handshakes(&port, "X25519") - 1.0).abs() < 1e-9);

    let strict = Port::open(|config| config.exchange.key_exchange = node::KeyExchange::HybridRequired);
    assert_eq!(shown(&strict, Vec::new()).group.as_deref(), Some("X25519MLKEM768"));
    strict.refuses("no-common-group", || {
        shown(&strict, vec![kx_group::X25519]).answer.unwrap_err();
    });
}

/// Whether the `openssl` program is there; where tools are required, it must be.
fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    let required = std::env::var("TIDEWAITER_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(found || !required, "openssl is required");
    if !found {
        println!("skipped: no openssl");
    }
    found
}

/// What `openssl s_client` says of a port.
fn s_client(address: SocketAddr, arguments: &[&str]) -> String {
    let mut child = Command::new("openssl")
        .args(["s_client", "-connect", &address.to_string(), "-ign_eof"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(REQUEST).unwrap();
    let output = child.wait_with_output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn openssl_finds_the_same() {
    if !has_openssl() {
        return;
    }
    let port = Port::open(|_| {});
    let (certificate, key) = (port.folder.path().join("fr.der"), port.folder.path().join("fr.key"));
    std::fs::write(&certificate, &port.france.tls.certificate).unwrap();
    std::fs::write(&key, &port.france.tls.key).unwrap();
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let france = ["-cert", &certificate, "-certform", "DER", "-key", &key, "-keyform", "DER"];

    let said = s_client(port.address, &[&france[..], &["-groups", "X25519"]].concat());
    assert!(said.contains("HTTP/1.1 200 OK"), "{said}");
    assert!(said.contains("TLSv1.3") && said.contains("Server Temp Key: X25519"), "{said}");
    assert!(!said.contains("New Session Ticket"), "each connection proves its key anew: {said}");
    let old = ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"];
    for (version, alert) in [(&["-tls1_2"][..], "protocol version"), (&old, "handshake failure")] {
        port.refuses("tls-version", || {
            let said = s_client(port.address, &[&france[..], version].concat());
            assert!(said.contains(&format!("alert {alert}")), "{said}");
        });
    }
    port.refuses("no-certificate", || {
        let said = s_client(port.address, &[]);
        assert!(said.contains("certificate required") && !said.contains("HTTP/1.1 200"), "{said}");
    });
}

#[test]
fn what_partners_say_of_registers_is_bounded() {
    let port = Port::open(|_| {});
    let mut session = Session::new(port.address, &port.france.tls, &[]);
    for route in ["/peer/v1/registers", "/peer/v1/registers/proposals"] {
        // As long as it may be it is read, and found to be no register.
        let (status, answer) = session.post(route, &vec![0; node::REGISTER_LIMIT]);
        assert_eq!(status, 200, "{route}");
        assert!(
            String::from_utf8_lossy(&answer).contains("signed key register")
                || String::from_utf8_lossy(&answer).contains("register proposal"),
            "{route}"
        );
        let (status, _) =
            Session::new(port.address, &port.france.tls, &[]).post(route, &vec![0; node::REGISTER_LIMIT + 1]);
        assert_eq!(status, 413, "{route}");
    }
}
