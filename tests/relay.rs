//! A node behind a relay: what passes, what does not, what the relay sees, and what a relay in the wrong hands can do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base::{Administration, Digest};
use evidence::AgreementReference;
use exchange::{Envelope, Outcome, OutgoingPart, Prepared, Reason};
use node::relay::{PARTNER_KEY_HEADER, RelayConfig};
use node::{Config, PartnerCard};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::outsider::{Outsider, Session, TlsKey};
use support::service::{Service, SetUp, free, set_up, set_up_of};
use support::{BINARY, declarations, processes, rounds, tidewaiter};

/// What stands in contents only, and never in a statement.
const MARKER: &str = "CONTENT-THAT-NO-RELAY-MAY-SEE";

/// How often something is looked at before the test fails: half a minute.
const LOOKS: u32 = 600;

/// A relay as a process.
struct RelayProcess {
    child: Child,
    config: RelayConfig,
    log: PathBuf,
}

impl RelayProcess {
    fn start(folder: &Path, change: impl FnOnce(&mut RelayConfig)) -> Self {
        let path = folder.join("relay.toml");
        let mut config = RelayConfig::load(&path).unwrap();
        change(&mut config);
        config.save(&path).unwrap();
        let log = folder.join("relay.log");
        let child = Command::new(BINARY)
            .args(["relay", "--config"])
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let relay = Self { child, config, log };
        wait_for("the relay is in service", || relay.logged().contains("the relay is in service"));
        relay
    }

    fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    fn partners(&self) -> SocketAddr {
        self.config.listen.partners
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if done() {
            return;
        }
        processes::pause(Duration::from_millis(50));
    }
    panic!("waited in vain: {what}");
}

/// Great Britain behind its relay; France, a node that is reached directly; Italy, whose keys the test holds.
struct Crossing {
    gb: SetUp,
    fr: SetUp,
    italy: Outsider,
    relay_folder: PathBuf,
    card: PartnerCard,
    agreement: AgreementReference,
    folder: tempfile::TempDir,
}

impl Crossing {
    fn prepare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (gb, fr) = (set_up(&folder.path().join("gb")), set_up_of("NTA.FR", &folder.path().join("fr")));
        let italy = Outsider::new("NTA.IT", -3600, 86_400);
        let italian = folder.path().join("it.json");
        italy.card.save(&italian).unwrap();
        let own = PartnerCard::load(&gb.config.with_file_name("card.json")).unwrap();
        let mut config = Config::load(&gb.config).unwrap();

        // As the guide says: set the relay up, and enter what it prints into the node's configuration.
        let relay_folder = folder.path().join("relay");
        let (partners, inner) = (free().to_string(), free().to_string());
        let (dir, node, key) =
            (relay_folder.display().to_string(), own.address, own.keys.tls_spki.to_string());
        let arguments = ["relay", "init", "--administration", "NTA.GB", "--dir", &dir];
        let addresses = ["--partners", &partners, "--inner", &inner, "--node", &node, "--node-key", &key];
        let ran = tidewaiter([&arguments[..], &addresses].concat()).expect_code(0);
        let (_, printed) = ran.stdout.split_once("[relay]").unwrap();
        let value = |name: &str| {
            let line = printed.lines().find(|line| line.starts_with(name)).unwrap();
            line.split('"').nth(1).unwrap().to_owned()
        };
        let relay = node::OwnRelay { key: value("key").parse().unwrap(), address: Some(value("address")) };
        config.relay = Some(relay);
        config.listen.peer_address = format!("https://{partners}");
        config.save(&gb.config).unwrap();
        let british = folder.path().join("gb.json");
        let shown =
            ["partner", "card", "--config", &gb.config.display().to_string(), "--out"].map(str::to_owned);
        tidewaiter(shown.into_iter().chain([british.display().to_string()])).expect_code(0);

        let parties = ["NTA.GB", "NTA.FR", "NTA.IT"].map(|name| Administration::parse(name).unwrap());
        let french = fr.config.with_file_name("card.json");
        node::join_corridor(&gb.config, vec![french.clone(), italian.clone()], &parties).unwrap();
        node::join_corridor(&fr.config, vec![british.clone(), italian.clone()], &parties).unwrap();
        std::fs::copy(french, relay_folder.join("partners/fr.json")).unwrap();
        std::fs::copy(italian, relay_folder.join("partners/it.json")).unwrap();
        let config = Config::load(&gb.config).unwrap();
        let text = std::fs::read_to_string(config.resolve(&config.agreements[0])).unwrap();
        let compiled = agreements::compile(&agreements::Agreement::from_toml(&text).unwrap()).unwrap();
        let agreement = AgreementReference {
            id: compiled.agreement().id.to_string(),
            version: compiled.agreement().version,
            hash: Digest(compiled.hash().0),
        };
        Self { card: PartnerCard::load(&british).unwrap(), gb, fr, italy, relay_folder, agreement, folder }
    }

    /// A message of Italy to Great Britain.
    fn message(&self, parts: &[&str]) -> Prepared {
        self.italy.envelope(&self.card, &self.agreement, &self.italy.keys.sign, |letter| {
            letter.parts = parts.iter().enumerate().map(|(number, content)| part(number, content)).collect();
        })
    }

    fn outcome(&self, response: &[u8], prepared: &Prepared) -> Result<Outcome, exchange::AnswerError> {
        exchange::verify_response(
            response,
            &prepared.envelope,
            std::slice::from_ref(&self.card.keys),
            self.card.keys.valid_from,
        )
    }

    /// A session with the node itself, as whoever holds the relay's key can open it.
    fn as_relay(&self, headers: &[(&str, &str)]) -> Session {
        let config = Config::load(&self.gb.config).unwrap();
        let json = std::fs::read(self.relay_folder.join("relay-key.json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let [certificate, key] = ["certificate", "key"].map(|name| {
            let hex = json[name].as_str().unwrap();
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        });
        Session::new(config.listen.peer, &TlsKey { certificate, key }, headers)
    }
}

fn part(number: usize, content: &str) -> OutgoingPart {
    let name = if number == 0 { "message".to_owned() } else { format!("annex-{number}") };
    OutgoingPart {
        name,
        media_type: "application/xml".to_owned(),
        content: content.into(),
        fields: Vec::new(),
    }
}

/// How often `wanted` stands in the memory of a process; `None` where this may not be looked at.
fn in_memory(process: u32, wanted: &[u8]) -> Option<usize> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).ok()?;
    let memory = std::fs::File::open(format!("/proc/{process}/mem")).ok()?;
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // What the system maps for itself cannot be read.
        if memory.read_exact_at(&mut bytes, start).is_ok() {
            found += bytes.windows(wanted.len()).filter(|window| *window == wanted).count();
        }
    }
    Some(found)
}

/// The files under a folder that hold `wanted`.
fn in_files(folder: &Path, wanted: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(in_files(&path, wanted));
        } else if std::fs::read(&path).unwrap().windows(wanted.len()).any(|window| window == wanted) {
            found.push(path);
        }
    }
    found
}

#[test]
fn messages_pass_both_ways_and_the_relay_sees_none_of_them() {
    let crossing = Crossing::prepare();
    let relay = RelayProcess::start(&crossing.relay_folder, |_| {});
    let france = Service::start(crossing.fr.clone());
    let britain = Service::start(crossing.gb.clone());

    // In: Italy delivers to the relay and gets Great Britain's own receipt.
    let mut session = Session::new(relay.partners(), &crossing.italy.tls, &[]);
    let content = format!("<CD118C><remark>{MARKER}</remark></CD118C>");
    for _ in 0..5 {
        let prepared = crossing.message(&[&content]);
        let (status, response) = session.deliver(&prepared.envelope);
        assert_eq!(status, 200, "{}", relay.logged());
        assert!(matches!(crossing.outcome(&response, &prepared), Ok(Outcome::Acknowledged(_))));
        // The same again: the same receipt.
        assert_eq!(session.deliver(&prepared.envelope), (200, response));
    }

    // Out: Great Britain sends through the relay, and France takes it from the key that its register has.
    britain.register_guarantee();
    let mut document = declarations::declaration(1);
    document.set("HolderOfTheTransitProcedure/name", MARKER);
    let answer = britain.submit(&declarations::xml(&document));
    assert_eq!(answer.status, 202, "{}", answer.text());
    wait_for("a letter arrives in France", || {
        let partners = britain.get(&crossing.gb.operator, "/api/v1/partners").json();
        partners["partners"].as_array().unwrap().iter().any(|partner| {
            partner["administration"] == "NTA.FR" && partner["delivered"].as_i64().unwrap() > 0
        })
    });
    assert!(!in_files(crossing.folder.path().join("gb").as_path(), MARKER.as_bytes()).is_empty());
    assert!(france.metric("tidewaiter_handshakes_total{side=\"incoming\",group=\"X25519MLKEM768\"}") >= 1.0);
    assert!(britain.metric("tidewaiter_handshakes_total{side=\"outgoing\",group=\"X25519MLKEM768\"}") >= 1.0);

    assert_eq!(in_files(&crossing.relay_folder, MARKER.as_bytes()), [] as [PathBuf; 0]);
    // This process holds the content, so a scan that sees anything sees it here.
    match in_memory(std::process::id(), MARKER.as_bytes()) {
        Some(found) => {
            assert!(found > 0);
            assert_eq!(in_memory(relay.child.id(), MARKER.as_bytes()), Some(0));
        }
        None => println!("skipped: the memory of processes may not be read here"),
    }
}

#[test]
fn the_relay_lets_through_what_its_list_and_limits_allow() {
    let crossing = Crossing::prepare();
    let relay = RelayProcess::start(&crossing.relay_folder, |config| {
        config.limits.requests_per_minute = 1;
        config.limits.burst = 5;
        config.limits.request_bytes = 64 * 1024;
        config.listen.operations = Some(free());
    });
    let mut session = Session::new(relay.partners(), &crossing.italy.tls, &[]);
    let mut refused = |path: &str, body: &[u8]| {
        let (status, words) = session.post(path, body);
        let words = String::from_utf8(words).unwrap();
        format!("{status} {}", words.split(':').next().unwrap())
    };
    let prepared = crossing.message(&["<CD118C/>"]);
    let france = PartnerCard::load(&crossing.fr.config.with_file_name("card.json")).unwrap();
    let elsewhere =
        crossing.italy.envelope(&france, &crossing.agreement, &crossing.italy.keys.sign, |_| {}).envelope;
    let stranger = Outsider::new("NTA.DE", -60, 60);
    let other = stranger.envelope(&crossing.card, &crossing.agreement, &stranger.keys.sign, |_| {}).envelope;
    let envelopes = node::ENVELOPE_ROUTE;
    assert_eq!(refused(envelopes, b"no envelope"), "400 unreadable");
    assert_eq!(refused(envelopes, &elsewhere), "403 wrong-recipient");
    assert_eq!(refused(envelopes, &other), "403 wrong-sender");
    assert_eq!(refused("/api/v1/messages", b""), "404 unknown-path");
    assert_eq!(refused(envelopes, &vec![0; 64 * 1024 + 1]), "413 too-large");
    assert_eq!(refused(envelopes, &prepared.envelope), "429 rate-limited");
    for code in ["unreadable", "wrong-recipient", "wrong-sender", "unknown-path", "too-large", "rate-limited"]
    {
        assert!(relay.logged().contains(&format!("\"code\":\"{code}\"")), "{code}");
    }

    // Whoever is not on the list does not get past the handshake, and the node's own key opens no port for partners.
    let certified = stranger.tls.certified(&stranger.tls);
    let shown = support::outsider::Shown { certificate: Some(certified), groups: Vec::new() };
    support::outsider::visit(relay.partners(), shown, b"GET / HTTP/1.1\r\n\r\n").answer.unwrap_err();
    wait_for("the stranger is refused", || relay.logged().contains("\"code\":\"unknown-key\""));

    // A card that is taken out of the folder closes the door, also on the connection that is open.
    std::fs::remove_file(crossing.relay_folder.join("partners/it.json")).unwrap();
    wait_for("the list is read again", || relay.logged().contains("the list of partners has changed"));
    let certified = crossing.italy.tls.certified(&crossing.italy.tls);
    let shown = support::outsider::Shown { certificate: Some(certified), groups: Vec::new() };
    support::outsider::visit(relay.partners(), shown, b"GET / HTTP/1.1\r\n\r\n").answer.unwrap_err();

    // Nothing is kept here: when the node behind is away the sender is told, and its own outbox repeats.
    drop(relay);
    std::fs::write(
        crossing.relay_folder.join("partners/it.json"),
        std::fs::read(crossing.folder.path().join("it.json")).unwrap(),
    )
    .unwrap();
    let relay = RelayProcess::start(&crossing.relay_folder, |config| config.limits.burst = 100);
    let mut session = Session::new(relay.partners(), &crossing.italy.tls, &[]);
    assert_eq!(session.deliver(&prepared.envelope).0, 502);
    let _britain = Service::start(crossing.gb.clone());
    let (status, response) = session.deliver(&prepared.envelope);
    assert_eq!(status, 200);
    assert!(matches!(crossing.outcome(&response, &prepared), Ok(Outcome::Acknowledged(_))));
}

/// What the node answers to an envelope that whoever holds the relay's key brings.
fn reason(crossing: &Crossing, session: &mut Session, envelope: &[u8]) -> Reason {
    let (status, response) = session.deliver(envelope);
    assert_eq!(status, 200);
    let cards = std::slice::from_ref(&crossing.card.keys);
    match exchange::verify_response(&response, envelope, cards, crossing.card.keys.valid_from) {
        Ok(Outcome::Refused(refused)) => refused.reason.unwrap(),
        // The sender cannot read what it did not send; the reason stands in the answer all the same.
        Err(_) => exchange::refusal_in(&response).expect("a refusal"),
        Ok(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_relay_in_the_wrong_hands_cannot_change_or_redirect_anything_unseen() {
    let crossing = Crossing::prepare();
    let britain = Service::start(crossing.gb.clone());
    let italys_key = crossing.italy.tls.digest().to_string();
    let mut session = crossing.as_relay(&[(PARTNER_KEY_HEADER, &italys_key)]);
    let prepared = crossing.message(&["<CD118C/>"]);

    // Any byte.
    let mut changed = prepared.envelope.clone();
    for at in (0..changed.len()).step_by(rounds(5, 1)) {
        changed[at] ^= 1 << (at % 8);
        let reason = reason(&crossing, &mut session, &changed);
        assert!(!reason.settles(), "byte {at}: {reason} would use up the message's number");
        changed[at] = prepared.envelope[at];
    }
    // Parts in another order, left out, or taken from another message.
    let two = crossing.message(&["<CD118C/>", "<annex/>"]);
    let taken = Envelope::decode(&two.envelope).unwrap();
    for parts in [vec![taken.parts[1], taken.parts[0]], vec![taken.parts[0]], vec![]] {
        let swapped = Envelope { statement: taken.statement, parts }.encode();
        assert_eq!(reason(&crossing, &mut session, &swapped), Reason::DigestMismatch);
    }
    let own = Envelope::decode(&prepared.envelope).unwrap();
    let mixed = Envelope { statement: own.statement, parts: vec![taken.parts[0]] }.encode();
    assert_eq!(reason(&crossing, &mut session, &mixed), Reason::DigestMismatch);

    // For somebody else; in another's name; signed with a key of its own.
    let france = PartnerCard::load(&crossing.fr.config.with_file_name("card.json")).unwrap();
    let elsewhere =
        crossing.italy.envelope(&france, &crossing.agreement, &crossing.italy.keys.sign, |_| {}).envelope;
    assert_eq!(reason(&crossing, &mut session, &elsewhere), Reason::WrongRecipient);
    let frances_key = france.keys.tls_spki.to_string();
    let mut as_france = crossing.as_relay(&[(PARTNER_KEY_HEADER, &frances_key)]);
    assert_eq!(reason(&crossing, &mut as_france, &prepared.envelope), Reason::SenderNotPeer);
    let forged = Outsider::new("NTA.IT", -60, 60);
    let forged = forged.envelope(&crossing.card, &crossing.agreement, &forged.keys.sign, |_| {}).envelope;
    assert_eq!(reason(&crossing, &mut session, &forged), Reason::KeyNotActive);

    // It vouches for keys of the register only, and for none without naming it.
    let unknown = Digest([7; 32]).to_string();
    let own_key = crossing.card.keys.tls_spki.to_string();
    for (headers, code) in [
        (vec![(PARTNER_KEY_HEADER, unknown.as_str())], "unknown-key"),
        (vec![(PARTNER_KEY_HEADER, own_key.as_str())], "relay-names-no-key"),
        (vec![], "relay-names-no-key"),
    ] {
        let seen = britain.log().len();
        assert_eq!(crossing.as_relay(&headers).deliver(&prepared.envelope).0, 403);
        britain.logged(code, seen);
    }

    // Nothing of all this had an effect; the message itself still does, once, however often it is brought.
    let (status, response) = session.deliver(&prepared.envelope);
    assert_eq!(status, 200);
    assert!(matches!(crossing.outcome(&response, &prepared), Ok(Outcome::Acknowledged(_))));
    let count =
        || britain.get(&crossing.gb.officer, "/api/v1/messages").json()["messages"].as_array().unwrap().len();
    let before = count();
    for _ in 0..3 {
        assert_eq!(session.deliver(&prepared.envelope), (200, response.clone()));
    }
    assert_eq!(count(), before);

    // And no answer that it changes is believed.
    for at in 0..response.len() {
        let mut changed = response.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(crossing.outcome(&changed, &prepared).is_err(), "byte {at} of the answer");
    }
}

#[test]
fn only_the_relay_speaks_of_other_keys() {
    let crossing = Crossing::prepare();
    let _britain = Service::start(crossing.gb.clone());
    let config = Config::load(&crossing.gb.config).unwrap();
    // Italy comes directly and says that it carries for France: what it says is not looked at.
    let france = PartnerCard::load(&crossing.fr.config.with_file_name("card.json")).unwrap();
    let frances_key = france.keys.tls_spki.to_string();
    let headers = [(PARTNER_KEY_HEADER, frances_key.as_str())];
    let mut session = Session::new(config.listen.peer, &crossing.italy.tls, &headers);
    let prepared = crossing.message(&["<CD118C/>"]);
    let (_, response) = session.deliver(&prepared.envelope);
    assert!(matches!(crossing.outcome(&response, &prepared), Ok(Outcome::Acknowledged(_))));
}
