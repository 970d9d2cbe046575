//! Random changes to a message, as they happen in real life and as an attacker would make them.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::Random;
use super::values::{BETWEEN, LENGTHS, LETTERS, NOISE, VALUES};

/// An element of a well-formed file: offsets of its start tag, content and end.
#[derive(Clone, Debug)]
pub struct Element {
    pub name: String,
    pub start: usize,
    pub inside: usize,
    pub outside: usize,
    pub end: usize,
    pub parent: Option<usize>,
    pub is_leaf: bool,
}

/// Finds all elements of a well-formed file without CDATA and comments that hold `<`.
pub fn elements(xml: &str) -> Vec<Element> {
    let mut found: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(step) = xml[at..].find('<') {
        let start = at + step;
        let rest = &xml[start..];
        if rest.starts_with("<!--") {
            at = start + rest.find("-->").expect("comment end") + 3;
            continue;
        }
        let end = start + rest.find('>').expect("tag end") + 1;
        at = end;
        if rest.starts_with("<?") || rest.starts_with("<!") {
            continue;
        }
        if rest.starts_with("</") {
            let index = open.pop().expect("open element");
            found[index].outside = start;
            found[index].end = end;
            continue;
        }
        let name = rest[1..].split([' ', '>', '/', '\n', '\t', '\r']).next().unwrap().to_owned();
        let parent = open.last().copied();
        if let Some(parent) = parent {
            found[parent].is_leaf = false;
        }
        let element = Element { name, start, inside: end, outside: end, end, parent, is_leaf: true };
        if !xml[..end].ends_with("/>") {
            open.push(found.len());
        }
        found.push(element);
    }
    found
}

/// A change in words, and its result.
type Change = (String, String);

/// A file with its elements, to be cut and spliced.
struct Original<'a> {
    xml: &'a str,
    all: Vec<Element>,
}

impl Original<'_> {
    fn text(&self, element: &Element) -> &str {
        &self.xml[element.start..element.end]
    }

    fn content(&self, element: &Element) -> &str {
        &self.xml[element.inside..element.outside.max(element.inside)]
    }

    fn with(&self, from: usize, to: usize, instead: &str) -> String {
        [&self.xml[..from], instead, &self.xml[to..]].concat()
    }

    fn instead_of(&self, element: &Element, instead: &str) -> String {
        self.with(element.start, element.end, instead)
    }

    fn with_content(&self, leaf: &Element, instead: &str) -> String {
        self.with(leaf.inside, leaf.outside, instead)
    }

    fn boundary(&self, at: usize) -> usize {
        (0..=at).rev().find(|at| self.xml.is_char_boundary(*at)).unwrap()
    }
}

/// Makes one random change, or two; what was done, and the result.
pub fn mutate(xml: &str, random: &mut Random) -> (String, Vec<u8>) {
    let original = Original { xml, all: elements(xml) };
    let one = &original.all[1 + random.below(original.all.len() - 1)];
    let leaves: Vec<&Element> = original.all.iter().filter(|element| element.is_leaf).collect();
    let leaf = *random.pick(&leaves);
    let (what, result) = match random.below(30) {
        0..=8 => structure(&original, one, random),
        9..=18 => value(&original, leaf, random),
        19 => namespace(&original, one, random),
        20 => attribute(&original, one, random),
        21..=24 => name(&original, one, random),
        25..=27 => {
            let at = original.boundary(random.below(xml.len()));
            let noise = *random.pick(NOISE);
            (format!("put {noise:?} at byte {at}"), original.with(at, at, noise))
        }
        28 => return bytes(xml, random),
        _ => {
            let (first, once) = mutate(xml, random);
            match String::from_utf8(once) {
                Ok(once) if is_splittable(&once) => {
                    let (second, twice) = mutate(&once, random);
                    return (format!("{first}; {second}"), twice);
                }
                Ok(once) => (first, once),
                Err(error) => return (first, error.into_bytes()),
            }
        }
    };
    (what, result.into_bytes())
}

/// Elements dropped, repeated, swapped, moved.
fn structure(original: &Original<'_>, one: &Element, random: &mut Random) -> Change {
    let copy = format!("\n{}", original.text(one));
    match random.below(9) {
        0..=2 => (format!("drop {}", one.name), original.instead_of(one, "")),
        3 | 4 => (format!("duplicate {}", one.name), original.with(one.end, one.end, &copy)),
        5 => {
            let times = *random.pick(&[2, 8, 9, 10, 98, 99, 100]);
            let what = format!("repeat {} {times} times", one.name);
            (what, original.with(one.end, one.end, &copy.repeat(times)))
        }
        6 | 7 => {
            let mut later =
                original.all.iter().filter(|other| other.parent == one.parent && other.start > one.start);
            let Some(next) = later.next() else {
                return (format!("drop {}", one.name), original.instead_of(one, ""));
            };
            let swapped =
                [original.text(next), &original.xml[one.end..next.start], original.text(one)].concat();
            let what = format!("swap {} and {}", one.name, next.name);
            (what, original.with(one.start, next.end, &swapped))
        }
        _ => {
            let target = random.pick(&original.all);
            let place = *random.pick(&[target.start, target.inside, target.outside, target.end]);
            let what = format!("copy {} to {}", one.name, target.name);
            (what, original.with(place, place, original.text(one)))
        }
    }
}

/// Other values: wrong, too long, with white space, with one character changed.
fn value(original: &Original<'_>, leaf: &Element, random: &mut Random) -> Change {
    match random.below(10) {
        0..=5 => {
            let value = random.pick(VALUES);
            (format!("set {} to {value:?}", leaf.name), original.with_content(leaf, value))
        }
        6 | 7 => {
            let (letter, length) = (random.pick(LETTERS), *random.pick(LENGTHS));
            let what = format!("set {} to {length} of {letter:?}", leaf.name);
            (what, original.with_content(leaf, &letter.repeat(length)))
        }
        8 => {
            let space = random.pick(&[" ", "\n", "\t", "\r\n", "  ", "&#9;", "&#13;", "\u{a0}", "\u{3000}"]);
            let at = *random.pick(&[leaf.inside, leaf.outside, (leaf.inside + leaf.outside) / 2]);
            let at = original.boundary(at);
            (format!("put {space:?} into {}", leaf.name), original.with(at, at, space))
        }
        _ => {
            let characters: Vec<(usize, char)> = original.content(leaf).char_indices().collect();
            if characters.is_empty() {
                return (format!("fill {}", leaf.name), original.with_content(leaf, "Z"));
            }
            let (at, c) = *random.pick(&characters);
            let at = leaf.inside + at;
            let with = *random.pick(&["", "0", "9", "a", "Z", "-", ".", " ", "\u{e9}"]);
            let what = format!("replace {c:?} in {} by {with:?}", leaf.name);
            (what, original.with(at, at + c.len_utf8(), with))
        }
    }
}

/// Elements renamed, emptied, and things between them.
fn name(original: &Original<'_>, one: &Element, random: &mut Random) -> Change {
    match random.below(4) {
        0 => {
            let local = original.all[0].name.rsplit(':').next().unwrap().to_owned();
            let other = *random.pick(&["CC999C", "cc015c", "CC015A", "Envelope", "CC0150C", "C"]);
            (format!("root {other}"), original.xml.replace(&local, other))
        }
        1 => {
            let names =
                &["other", "lrn", "LRN", "MRN", "referenceNumber", "Guarantee", "x.y", "_a", "\u{e9}"];
            let name = random.pick(names);
            let renamed = format!("<{name}>{}</{name}>", original.content(one));
            (format!("rename {} to {name}", one.name), original.instead_of(one, &renamed))
        }
        2 => {
            let noise = *random.pick(BETWEEN);
            let at = *random.pick(&[one.start, one.inside, one.outside, one.end]);
            (format!("put {noise:?} at {}", one.name), original.with(at, at, noise))
        }
        _ => (format!("empty {}", one.name), original.instead_of(one, &format!("<{}/>", one.name))),
    }
}

/// Bytes cut off, taken out, flipped, put in.
fn bytes(xml: &str, random: &mut Random) -> (String, Vec<u8>) {
    let at = random.below(xml.len());
    let mut bytes = xml.as_bytes().to_vec();
    match random.below(4) {
        0 => bytes.truncate(at),
        1 => {
            bytes.remove(at);
        }
        2 => bytes[at] ^= 1 << random.below(8),
        _ => bytes.insert(at, *random.pick(&[0xFF, 0xC3, 0xED, 0x00, 0x80, b'<', b'&'])),
    }
    (format!("bytes at {at}"), bytes)
}

/// Whether [`elements`] can find its way: well-formed as far as wire can tell, and with elements that hold no `<` in comments.
fn is_splittable(xml: &str) -> bool {
    let verdict = wire::validate(xml.as_bytes(), &wire::Limits::default());
    verdict.errors.first().is_none_or(|first| !matches!(first.code, 18 | 52 | 53))
        && !xml.contains("<![CDATA[")
        && !xml.contains("<?")
}

fn namespace(original: &Original<'_>, one: &Element, random: &mut Random) -> Change {
    let (xml, all) = (original.xml, &original.all);
    let root_prefix = all[0].name.split_once(':').map_or("ncts", |(prefix, _)| prefix).to_owned();
    let content = original.content(one);
    match random.below(8) {
        0 => {
            let prefixed = format!("<{root_prefix}:{0}>{content}</{root_prefix}:{0}>", one.name);
            (format!("qualify {}", one.name), original.instead_of(one, &prefixed))
        }
        1 => {
            let prefixed = format!("<q:{0}>{content}</q:{0}>", one.name);
            (format!("undeclared prefix on {}", one.name), original.instead_of(one, &prefixed))
        }
        2 => (
            "other namespace".to_owned(),
            xml.replacen("http://ncts.dgtaxud.ec", "http://ncts.dgtaxud.ec/", 1),
        ),
        3 => ("upper-case namespace".to_owned(), xml.replacen("http://ncts", "HTTP://NCTS", 1)),
        4 => {
            let declaration = *random.pick(&[
                "xmlns=\"http://ncts.dgtaxud.ec\"",
                "xmlns=\"\"",
                "xmlns:a=\"b\"",
                "xmlns:a=\"\"",
                "xmlns=\"u\"",
            ]);
            let tag = format!("<{} {declaration}>{content}</{}>", one.name, one.name);
            (format!("{declaration} on {}", one.name), original.instead_of(one, &tag))
        }
        5 => ("no declaration".to_owned(), xml.replacen(&format!("xmlns:{root_prefix}="), "xmlns:other=", 1)),
        6 => (
            "other prefix".to_owned(),
            xml.replace(&format!("{root_prefix}:"), "zz:").replacen(&format!(":{root_prefix}="), ":zz=", 1),
        ),
        _ => {
            let bare =
                xml.replace(&format!("<{root_prefix}:"), "<").replace(&format!("</{root_prefix}:"), "</");
            ("default namespace".to_owned(), bare.replacen(&format!("xmlns:{root_prefix}="), "xmlns=", 1))
        }
    }
}

fn attribute(original: &Original<'_>, one: &Element, random: &mut Random) -> Change {
    let (xml, all) = (original.xml, &original.all);
    let xsi = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    let added = match random.below(14) {
        0 => "a=\"b\"".to_owned(),
        1 => "PhaseID=\"NCTS5.1\"".to_owned(),
        2 => format!("{xsi} xsi:nil=\"true\""),
        3 => format!("{xsi} xsi:nil=\"false\""),
        4 => format!("{xsi} xsi:schemaLocation=\"http://ncts.dgtaxud.ec other.xsd\""),
        5 => format!("{xsi} xsi:noNamespaceSchemaLocation=\"other.xsd\""),
        6 => format!("{xsi} xsi:other=\"1\""),
        7 => "xsi:nil=\"true\"".to_owned(),
        8 => "xml:lang=\"en\"".to_owned(),
        9 => "a=\"1\" a=\"2\"".to_owned(),
        10 => "a=b".to_owned(),
        _ => {
            let old = ["PhaseID=\"NCTS5.1\"", "PhaseID=\"NCTS5.0\""];
            let new = *random.pick(&[
                "",
                "PhaseID=\"NCTS5.0\"",
                "PhaseID=\" NCTS5.1 \"",
                "PhaseID=\"NCTS6\"",
                "PhaseID=\"\"",
                "phaseID=\"NCTS5.1\"",
                "PhaseID='NCTS5.1'",
            ]);
            let changed = old.iter().fold(xml.to_owned(), |xml, old| xml.replacen(old, new, 1));
            return (format!("phase {new}"), changed);
        }
    };
    let element = if random.below(3) == 0 { &all[0] } else { one };
    let at = element.start + 1 + element.name.len();
    let breaks = *random.pick(&[" ", "\n  ", " "]);
    (format!("{added} on {}", element.name), [&xml[..at], breaks, &added, &xml[at..]].concat())
}
