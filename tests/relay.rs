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
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use support::outsider::{Outsider, Session, Shown, TlsKey, visit};
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
        Self::prepare_for(&["NTA.GB", "NTA.FR", "NTA.IT"])
    }

    /// These are parties of the agreement; Italy need not be.
    fn prepare_for(parties: &[&str]) -> Self {
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

        let with_italy = parties.contains(&"NTA.IT");
        let italian_card = with_italy.then(|| italian.clone());
        let parties: Vec<_> = parties.iter().map(|name| Administration::parse(name).unwrap()).collect();
        let french = fr.config.with_file_name("card.json");
        let with = |card: &PathBuf| std::iter::once(card.clone()).chain(italian_card.clone()).collect();
        node::join_corridor(&gb.config, with(&french), &parties).unwrap();
        node::join_corridor(&fr.config, with(&british), &parties).unwrap();
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
        let key = tls_key(&json_in(&self.relay_folder.join("relay-key.json")));
        Session::new(config.listen.peer, &key, headers)
    }
}

fn json_in(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A TLS key as key files hold it.
fn tls_key(json: &serde_json::Value) -> TlsKey {
    let [certificate, key] = ["certificate", "key"].map(|name| {
        let hex = json[name].as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    });
    TlsKey { certificate, key }
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
    let shown = Shown { certificate: Some(certified), groups: Vec::new() };
    visit(relay.partners(), shown, b"GET / HTTP/1.1\r\n\r\n").answer.unwrap_err();
    wait_for("the stranger is refused", || relay.logged().contains("\"code\":\"unknown-key\""));

    // A card that is taken out of the folder closes the door, also on the connection that is open.
    std::fs::remove_file(crossing.relay_folder.join("partners/it.json")).unwrap();
    wait_for("the list is read again", || relay.logged().contains("the list of partners has changed"));
    let certified = crossing.italy.tls.certified(&crossing.italy.tls);
    let shown = Shown { certificate: Some(certified), groups: Vec::new() };
    visit(relay.partners(), shown, b"GET / HTTP/1.1\r\n\r\n").answer.unwrap_err();

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

/// What the register says of the TLS keys of France: identifier, state, whether France uses it.
fn french_tls_keys(france: &Service) -> Vec<(String, String, bool)> {
    let view = france.get(&france.secrets.operator, "/api/v1/keys").json();
    let keys = view["registers"][0]["keys"].as_array().cloned().unwrap_or_default();
    let of_france = keys.iter().filter(|key| key["administration"] == "NTA.FR" && key["purpose"] == "tls");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    of_france.map(|key| (text(&key["key"]), text(&key["state"]), key["in_use"] == true)).collect()
}

/// How many documents each of the two has delivered to the other.
fn delivered(services: [&Service; 2]) -> [i64; 2] {
    services.map(|service| {
        let partners = service.get(&service.secrets.operator, "/api/v1/partners").json();
        partners["partners"][0]["delivered"].as_i64().unwrap()
    })
}

#[test]
fn a_partner_rotates_its_tls_key_under_traffic_and_the_old_one_is_refused_afterwards() {
    let crossing = Crossing::prepare_for(&["NTA.GB", "NTA.FR"]);
    for set_up in [&crossing.gb, &crossing.fr] {
        let mut config = Config::load(&set_up.config).unwrap();
        (config.exchange.rest_first_ms, config.exchange.rest_longest_ms) = (100, 500);
        (config.exchange.retry_first_ms, config.exchange.retry_longest_ms) = (100, 500);
        config.save(&set_up.config).unwrap();
    }
    let old_key = tls_key(&json_in(&crossing.fr.config.with_file_name("keys.json"))["tls"]);
    let relay = RelayProcess::start(&crossing.relay_folder, |config| {
        (config.limits.requests_per_minute, config.limits.burst) = (60_000, 10_000);
    });
    let france = Service::start(crossing.fr.clone());
    let britain = Service::start(crossing.gb.clone());
    let founding = serde_json::json!({ "change": 2, "revocation": 1 });
    let founded = britain.post(&crossing.gb.operator, "/api/v1/registers/common-transit", &founding);
    assert!(founded.status < 300, "{}", founded.text());
    wait_for("the register is in force", || french_tls_keys(&france).len() == 1);
    let old = french_tls_keys(&france).remove(0).0;
    let used = || french_tls_keys(&france).into_iter().find(|(_, _, used)| *used).unwrap().0;

    let (stop, sent) = (AtomicBool::new(false), AtomicI64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Whatever happens to the keys, each of the two goes on sending.
            while !stop.load(Ordering::Relaxed) {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                for (from, to) in [(&britain, "NTA.FR"), (&france, "NTA.GB")] {
                    let path = format!("/api/v1/documents?to={to}&subject=CASE-{number}&title=Scan");
                    let answer = from.request("POST", &from.secrets.officer, &path, "text/plain", b"content");
                    assert!(answer.status < 300, "{}", answer.text());
                }
                processes::pause(Duration::from_millis(100));
            }
        });
        let _stops = OnDrop(&stop);
        let all_arrive = |what: &str| {
            let so_far = sent.load(Ordering::Relaxed);
            wait_for(what, || delivered([&britain, &france]).into_iter().all(|count| count >= so_far));
        };
        all_arrive("documents flow both ways");

        // The new key is used as soon as Great Britain's register has it. The relay reads no register: it does not know the
        // key until the new card lies beside the old one, and letters wait.
        let rotation = serde_json::json!({ "purpose": "tls" });
        let rotated = france.post(&crossing.fr.operator, "/api/v1/keys/rotations", &rotation);
        assert!(rotated.status < 300, "{}", rotated.text());
        wait_for("the relay refuses the new key", || relay.logged().contains("\"code\":\"unknown-key\""));
        let card = crossing.relay_folder.join("partners/fr-new.json").display().to_string();
        let config = crossing.fr.config.display().to_string();
        let show = ["partner", "card", "--rotated-tls", "--config", &config, "--out", &card];
        tidewaiter(show).expect_code(0);
        all_arrive("what waited arrives under the new key");
        assert_ne!(used(), old);

        // Until it is revoked the old key lets in, too.
        let knock = || {
            let shown = Shown { certificate: Some(old_key.certified(&old_key)), groups: Vec::new() };
            let request = b"GET /peer/v1/witness/seen HTTP/1.1\r\nhost: gb\r\nconnection: close\r\n\r\n";
            let answer = visit(relay.partners(), shown, request).answer?;
            Ok::<_, String>(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
        };
        assert_eq!(knock().unwrap(), "HTTP/1.1 200 OK");

        let order = serde_json::json!({ "key": old, "reason": "superseded" });
        let revoked = france.post(&crossing.fr.operator, "/api/v1/keys/revocations", &order);
        assert!(revoked.status < 300, "{}", revoked.text());
        // The relay lets it through, for it has the card, and the node behind refuses it.
        let seen = britain.log().len();
        wait_for("the old key is refused behind the relay", || knock().unwrap() == "HTTP/1.1 403 Forbidden");
        let line = britain.logged("key-revoked", seen);
        assert!(line["fields"]["detail"].as_str().unwrap().contains("NTA.FR"), "{line}");

        // The old card goes, and with it the way to the node.
        std::fs::remove_file(crossing.relay_folder.join("partners/fr.json")).unwrap();
        let refused = || relay.logged().matches("\"code\":\"unknown-key\"").count();
        wait_for("the relay refuses the old key", || {
            let before = refused();
            knock().is_err() && refused() > before
        });
        all_arrive("documents flow all the time");
        let (_, state, _) = french_tls_keys(&france).into_iter().find(|(key, ..)| *key == old).unwrap();
        assert_eq!(state, "revoked");
    });
    let sent = sent.load(Ordering::Relaxed);
    wait_for("every document has arrived", || delivered([&britain, &france]) == [sent; 2]);
}

/// Stops the traffic also where the test fails.
struct OnDrop<'s>(&'s AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
