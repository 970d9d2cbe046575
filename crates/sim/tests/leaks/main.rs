//! What an agreement withholds appears nowhere outside the sender's own database: not in a wire byte before or after it is
//! opened, not in a statement, receipt, staged statement or checkpoint, not in a log line of any level, an error or a
//! metric, and not in the recipient's database.
//!
//! Agreements, national laws and declarations are drawn at random. Every text of a declaration is a canary: a value that
//! is nowhere else. What may be disclosed is worked out here from the agreement's text alone, element by element.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod declaration;
mod pair;
mod rules;

use aho_corasick::AhoCorasick;
use declaration::{CONTENT, Canary, Declared, TITLE};
use pair::{Kept, play};
use rules::{Rules, TYPES};
use sim::Dice;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many random agreements and declarations are played every day, and with `TIDEWAITER_FULL=1`.
const CASES: u64 = 80;
const ALL_CASES: u64 = 10_000;

/// What happened over all cases, so that a test in which nothing happens fails.
#[derive(Debug, Default)]
struct Seen {
    /// Messages that arrived.
    delivered: u64,
    /// Messages that did not leave: withheld, or mutilated beyond use.
    withheld: u64,
    /// Canaries that were undisclosed.
    hidden: u64,
    /// Canaries that were disclosed and arrived.
    shown: u64,
    /// How often each way to withhold was used.
    ways: BTreeMap<&'static str, u64>,
}

/// Where in the two messages each canary and each element stands, when everything is disclosed.
struct Places {
    /// The paths of the elements of each message.
    elements: BTreeMap<&'static str, BTreeSet<String>>,
    /// The paths at which each canary stands, by message.
    canaries: BTreeMap<Canary, BTreeMap<&'static str, String>>,
    /// A whole message of each type, to try which elements it can do without.
    models: BTreeMap<&'static str, wire::Document>,
}

/// Plays a case in which everything is disclosed, and looks where the canaries arrive.
fn places() -> Places {
    let declared = Declared::draw(0);
    let kept = play(0, &Rules::everything(), &declared);
    let (mut elements, mut canaries, mut models) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (kind, document) in kept.received() {
        let kind = *TYPES.iter().find(|known| **known == kind).expect("two types arrive");
        let leaves = document.leaf_paths();
        elements.insert(kind, leaves.iter().map(|(path, _)| path.clone()).collect());
        for (canary, value) in &declared.canaries {
            for (path, _) in leaves.iter().filter(|(_, text)| text.contains(value.as_str())) {
                canaries.entry(*canary).or_insert_with(BTreeMap::new).insert(kind, path.clone());
            }
        }
        models.insert(kind, document);
    }
    assert_eq!(models.len(), TYPES.len(), "not every message arrives when everything is disclosed");
    Places { elements, canaries, models }
}

/// The forms in which a value could be found: as it is, in hexadecimal, and within base64 at each of three places.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![value.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for before in 0..3 {
        let padded = [vec![0; before], value.as_bytes().to_vec()].concat();
        let encoded = base64(&padded);
        // The digits that depend on the neighbours are left out.
        let from = [0, 2, 3][before];
        let to = padded.len() / 3 * 4;
        forms.push(encoded.as_bytes()[from..to].to_vec());
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number = (0..3).fold(0u32, |sum, at| (sum << 8) | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for digit in 0..4 {
            out.push(char::from(DIGITS[(number >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    out
}

/// Paths as agreements have them: `/CD001C/Consignment[1]/Seal[2]/identifier` holds `Consignment/Seal/identifier`.
fn without_positions(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.iter().take_while(|digit| digit.is_ascii_digit()).count();
        if *byte == b'[' && digits > 0 && after.get(digits) == Some(&b']') {
            rest = &after[digits + 1..];
        } else {
            out.push(*byte);
            rest = after;
        }
    }
    out
}

/// Finds what must not be there. Each finding names the place, never more than the number of the canary.
fn search(kept: &Kept, forbidden: &[(String, Vec<Vec<u8>>)]) -> Vec<String> {
    let patterns: Vec<&[u8]> =
        forbidden.iter().flat_map(|(_, forms)| forms.iter().map(Vec::as_slice)).collect();
    let owners: Vec<&str> =
        forbidden.iter().flat_map(|(name, forms)| forms.iter().map(|_| name.as_str())).collect();
    let automaton = AhoCorasick::new(patterns).unwrap();
    let mut findings = BTreeSet::new();
    for (place, bytes) in kept.outside() {
        let bytes = without_positions(bytes);
        for found in automaton.find_iter(&bytes) {
            let begin = found.start().saturating_sub(200);
            let around = String::from_utf8_lossy(&bytes[begin..found.end()]).into_owned();
            findings.insert(format!("{} in {place}: ...{around}", owners[found.pattern().as_usize()]));
        }
    }
    findings.into_iter().collect()
}

/// Plays one case and checks it.
fn check(places: &Places, seed: u64, seen: &Mutex<Seen>) -> Vec<String> {
    let mut dice = Dice::of(seed, "rules");
    let rules = Rules::draw(&mut dice, places);
    let declared = Declared::draw(seed);
    let kept = play(seed, &rules, &declared);
    let mut forbidden = Vec::new();
    let (mut hidden, mut shown) = (0, 0);
    let received: Vec<(String, wire::Document)> = kept.received();
    for (canary, value) in &declared.canaries {
        let at = places.canaries.get(canary);
        let disclosed = match *canary {
            TITLE | CONTENT => rules.documents,
            _ => at.is_some_and(|at| at.iter().any(|(kind, path)| rules.discloses(kind, path))),
        };
        if disclosed {
            shown += u64::from(kept.arrived(value));
        } else {
            hidden += 1;
            forbidden.push((format!("{canary:?}"), forms(value)));
        }
    }
    let all: BTreeSet<&String> = places.elements.values().flatten().collect();
    let disclosed = |path: &String| TYPES.iter().any(|kind| rules.discloses(kind, path));
    // A path without a group is a word that may stand anywhere.
    let secret = all.into_iter().filter(|path| path.contains('/') && !disclosed(path));
    forbidden.extend(secret.map(|path| (format!("the path {path}"), vec![path.as_bytes().to_vec()])));
    let mut findings = search(&kept, &forbidden);
    for (kind, document) in &received {
        for (path, _) in document.leaf_paths() {
            if !rules.discloses(kind, &path) {
                findings.push(format!("{kind} arrived with {path}"));
            }
        }
    }
    let mut seen = seen.lock().unwrap();
    seen.delivered += received.len() as u64;
    seen.withheld += (TYPES.len() - received.len()) as u64;
    seen.hidden += hidden;
    seen.shown += shown;
    for way in rules.ways() {
        *seen.ways.entry(way).or_default() += 1;
    }
    findings
}

#[test]
fn what_is_not_disclosed_appears_nowhere_outside() {
    let full = std::env::var("TIDEWAITER_FULL").is_ok_and(|value| value == "1");
    let cases = if full { ALL_CASES } else { CASES };
    let places = places();
    let (seen, next, failures) = (Mutex::new(Seen::default()), AtomicU64::new(1), Mutex::new(Vec::new()));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > cases || failures.lock().unwrap().len() > 3 {
                        return;
                    }
                    let findings = check(&places, seed, &seen);
                    if !findings.is_empty() {
                        failures.lock().unwrap().push(format!("case {seed}:\n{}", findings.join("\n")));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let seen = seen.into_inner().unwrap();
    println!("{cases} agreements and declarations: {seen:?}");
    assert!(seen.delivered > cases / 2, "hardly anything was delivered: {seen:?}");
    assert!(seen.withheld > cases / 10, "hardly anything was withheld: {seen:?}");
    assert!(seen.hidden > 3 * cases && seen.shown > 3 * cases, "{seen:?}");
    assert_eq!(seen.ways.len(), rules::WAYS, "not every way to withhold was used: {seen:?}");
}

#[test]
fn a_value_that_is_disclosed_is_found() {
    // The search finds what is there: with everything disclosed, canaries are in the recipient's database, and none is
    // in a log line, a metric or on the wire before it is opened.
    let declared = Declared::draw(0);
    let kept = play(0, &Rules::everything(), &declared);
    let all: Vec<(String, Vec<Vec<u8>>)> =
        declared.canaries.iter().map(|(canary, value)| (format!("{canary:?}"), forms(value))).collect();
    let findings = search(&kept, &all);
    let places: BTreeSet<&str> =
        findings.iter().filter_map(|finding| finding.split(" in ").nth(1)?.split(':').next()).collect();
    assert!(places.iter().any(|place| place.starts_with("the recipient's table bodies")), "{places:?}");
    assert!(places.iter().any(|place| place.starts_with("an opened letter")), "{places:?}");
    for place in &places {
        let inside = place.starts_with("the recipient's table") || place.starts_with("an opened letter");
        assert!(inside, "a canary is in {place}");
    }
}

#[test]
fn every_form_of_a_value_is_found() {
    let value = "QZX1K7V0042";
    for (before, after) in [("", ""), ("a", "b"), ("ab", "c"), ("abc", "")] {
        let whole = format!("{before}{value}{after}");
        let hex: String = whole.bytes().map(|byte| format!("{byte:02x}")).collect();
        for text in [whole.clone(), base64(whole.as_bytes()), hex.clone(), hex.to_uppercase()] {
            let found =
                forms(value).iter().any(|form| text.as_bytes().windows(form.len()).any(|part| part == form));
            assert!(found, "{value} is not found in {text}");
        }
    }
}
