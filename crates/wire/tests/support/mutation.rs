//! Random changes to a message, as they happen in real life and as an attacker would make them.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::Random;

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
        let name = rest[1..]
            .split([' ', '>', '/', '\n', '\t', '\r'])
            .next()
            .unwrap()
            .to_owned();
        let parent = open.last().copied();
        if let Some(parent) = parent {
            found[parent].is_leaf = false;
        }
        let element = Element {
            name,
            start,
            inside: end,
            outside: end,
            end,
            parent,
            is_leaf: true,
        };
        if !xml[..end].ends_with("/>") {
            open.push(found.len());
        }
        found.push(element);
    }
    found
}

const VALUES: &[&str] = &[
    "",
    " ",
    "  ",
    "\n",
    "\t",
    "0",
    "1",
    "2",
    "9",
    "10",
    "01",
    "00",
    "-1",
    "+1",
    "1.0",
    "1.5",
    ".5",
    "5.",
    "0.0",
    "0.001",
    "1.1234567",
    "1000.000000",
    "12345678901234567",
    "1234567890123456.12",
    "100000",
    "99999",
    "1999",
    "2000",
    "999",
    "1e3",
    "NaN",
    "A",
    "a",
    "AB",
    "ABC",
    "abcd",
    "ABCDE",
    "T1",
    "T2SM",
    "GB",
    "gb",
    "XI",
    "EUR",
    "eur",
    "GB000246",
    "GB00024",
    "GB0002466",
    "gb000246",
    "23GB000246YHVFYMJ0",
    "24GB000246J8NY33L7",
    "25GB000246J8NY33L7",
    "24GB000246J8NY33Z7",
    "23GB0000010000058",
    "23GB0000010000058A000001",
    "2023-08-02",
    "2023-02-29",
    "2024-02-29",
    "2023-13-01",
    "0000-01-01",
    "2023-08-02Z",
    "2023-8-2",
    "2023-08-02T11:54:54",
    "2023-08-02T24:00:00",
    "2023-08-02T24:00:01",
    "2023-08-02T11:54:60",
    "2023-08-02T11:54:54Z",
    "2023-08-02T11:54:54.000",
    "2023-08-02 11:54:54",
    "a@b.c",
    "a@b",
    "@b.c",
    "a b@c.d",
    "a@b@c.d",
    "50.12345",
    "-50.123456",
    "90.00000",
    "181.00000",
    "1.123456",
    "+12.1234567",
    "179.99999",
    "90.0000000",
    "90x00000",
    "XA25000001",
    "AX99999999",
    "X12345678",
    "25000000",
    "25000001",
    "2499999",
    "0E",
    "ABCDE",
    "ABCDEE",
    "\u{e9}\u{e9}\u{e9}\u{e9}",
    "\u{20ac}",
    "\u{1f600}",
    "\u{a0}a",
    "a\u{a0}",
    "a\u{2028}",
    "  a  b  ",
    " 1 ",
    "a\nb",
    "a&#10;b",
    "&#32;a",
    "&amp;",
    "&lt;x&gt;",
    "a&quot;b",
    "<![CDATA[a]]>",
    "<![CDATA[]]>",
    "a<!-- c -->b",
    "a<?p i?>b",
    "2010",
    "2099",
    "1999",
    "12",
    "13",
    "NTA.GB",
    "C521",
    "GB123456789012345",
    "GB1",
    "G",
    "en",
    "EN",
    "e1",
    "0123456789",
    "\u{660}\u{661}",
    "1\u{660}",
    "CC015C",
    "CC999C",
    "NCTS5.1",
];

const LENGTHS: &[usize] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 17, 18, 20, 21, 22, 23, 35, 36, 70, 71, 140, 141, 256, 257, 512, 513,
    600,
];
const LETTERS: &[&str] = &[
    "x",
    "X",
    "7",
    " ",
    ".",
    "-",
    "\u{e9}",
    "\u{20ac}",
    "\u{1f600}",
    "&amp;",
    "&#65;",
    "ab",
    "A1",
    "~",
];
const NOISE: &[&str] = &[
    "<",
    ">",
    "&",
    "'",
    "\"",
    "]]>",
    "<!--",
    "-->",
    "<![CDATA[",
    "<?",
    "?>",
    "</",
    "/>",
    "\u{1}",
    "\u{0}",
    "&foo;",
    "&#0;",
    "&#xFFFE;",
    "<a>",
    "</a>",
    "<a/>",
    "&#65",
    "--",
    "<!DOCTYPE a>",
    "\u{fffe}",
    "\u{7f}",
    "\u{85}",
    "hello",
    " ",
    "\n",
    "=",
    ":",
    "/",
];

/// Values for a field: those that break something somewhere, and small changes of the value that it has.
pub fn values_like(value: &[u8], count: usize, random: &mut Random) -> Vec<String> {
    let original = String::from_utf8(value.to_vec()).unwrap();
    let mut values: Vec<String> = (0..count / 2)
        .map(|_| (*random.pick(VALUES)).to_owned())
        .collect();
    while values.len() < count {
        let mut characters: Vec<char> = original.chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(characters.len() + 1);
            let c = *random.pick(&[
                '0', '1', '2', '3', '5', '9', 'A', 'E', 'J', 'M', 'N', 'X', 'Z', 'a', 'z', '-', '+', '.',
                ':', '@', ' ', '~', '!', '\u{7f}', '\u{e9}', '\u{a0}', '\n', 'T',
            ]);
            match random.below(4) {
                0 if at < characters.len() => {
                    characters.remove(at);
                }
                1 if at < characters.len() => characters[at] = c,
                2 => characters.truncate(at),
                _ => characters.insert(at.min(characters.len()), c),
            }
        }
        let changed: String = characters.into_iter().collect();
        if !changed.contains('&') {
            values.push(changed);
        }
    }
    values
}

/// Makes one random change; what was done, and the result.
pub fn mutate(xml: &str, random: &mut Random) -> (String, Vec<u8>) {
    let all = elements(xml);
    let inner: Vec<usize> = (1..all.len()).collect();
    let leaves: Vec<usize> = (0..all.len()).filter(|index| all[*index].is_leaf).collect();
    let one = &all[*random.pick(&inner)];
    let leaf = &all[*random.pick(&leaves)];
    let text = |element: &Element| &xml[element.start..element.end];
    let replace = |from: usize, to: usize, with: &str| [&xml[..from], with, &xml[to..]].concat();
    let kind = random.below(30);
    let (what, result) = match kind {
        0..=2 => (format!("drop {}", one.name), replace(one.start, one.end, "")),
        3 | 4 => (
            format!("duplicate {}", one.name),
            replace(one.end, one.end, &format!("\n{}", text(one))),
        ),
        5 => {
            let times = *random.pick(&[2, 8, 9, 10, 98, 99, 100]);
            let copies = format!("\n{}", text(one)).repeat(times);
            (
                format!("repeat {} {times} times", one.name),
                replace(one.end, one.end, &copies),
            )
        }
        6 | 7 => {
            let siblings: Vec<&Element> = all
                .iter()
                .filter(|other| other.parent == one.parent && other.start > one.start)
                .collect();
            match siblings.first() {
                Some(next) => {
                    let swapped = [text(next), &xml[one.end..next.start], text(one)].concat();
                    (
                        format!("swap {} and {}", one.name, next.name),
                        replace(one.start, next.end, &swapped),
                    )
                }
                None => (format!("drop {}", one.name), replace(one.start, one.end, "")),
            }
        }
        8 => {
            let target = random.pick(&all);
            let place = *random.pick(&[target.start, target.inside, target.outside, target.end]);
            (
                format!("copy {} to {}", one.name, target.name),
                replace(place, place, text(one)),
            )
        }
        9..=14 => {
            let value = random.pick(VALUES);
            (
                format!("set {} to {value:?}", leaf.name),
                replace(leaf.inside, leaf.outside, value),
            )
        }
        15 | 16 => {
            let (letter, length) = (random.pick(LETTERS), *random.pick(LENGTHS));
            (
                format!("set {} to {length} of {letter:?}", leaf.name),
                replace(leaf.inside, leaf.outside, &letter.repeat(length)),
            )
        }
        17 => {
            let space = random.pick(&[
                " ", "\n", "\t", "\r\n", "  ", "&#9;", "&#13;", "\u{a0}", "\u{3000}",
            ]);
            let at = *random.pick(&[leaf.inside, leaf.outside, (leaf.inside + leaf.outside) / 2]);
            let at = (at..=leaf.outside).find(|at| xml.is_char_boundary(*at)).unwrap();
            (
                format!("put {space:?} into {}", leaf.name),
                replace(at, at, space),
            )
        }
        18 => {
            let characters: Vec<(usize, char)> = xml[leaf.inside..leaf.outside].char_indices().collect();
            if characters.is_empty() {
                (
                    format!("fill {}", leaf.name),
                    replace(leaf.inside, leaf.inside, "Z"),
                )
            } else {
                let (at, c) = *random.pick(&characters);
                let at = leaf.inside + at;
                let with = *random.pick(&["", "0", "9", "a", "Z", "-", ".", " ", "\u{e9}"]);
                (
                    format!("replace {c:?} in {} by {with:?}", leaf.name),
                    replace(at, at + c.len_utf8(), with),
                )
            }
        }
        19 => namespace(xml, &all, one, random),
        20 => attribute(xml, &all, one, random),
        21 => {
            let local = all[0].name.rsplit(':').next().unwrap().to_owned();
            let other = *random.pick(&["CC999C", "cc015c", "CC015A", "Envelope", "CC0150C", "C"]);
            ("root".to_owned() + other, xml.replace(&local, other))
        }
        22 => {
            let name = *random.pick(&[
                "other",
                "lrn",
                "LRN",
                "MRN",
                "referenceNumber",
                "Guarantee",
                "x.y",
                "_a",
                "\u{e9}",
            ]);
            let renamed = format!(
                "<{name}>{}</{name}>",
                &xml[one.inside..one.outside.max(one.inside)]
            );
            (
                format!("rename {} to {name}", one.name),
                replace(one.start, one.end, &renamed),
            )
        }
        23 => {
            let noise = *random.pick(&[
                "hello",
                "<!-- a -->",
                "<?a b?>",
                "<![CDATA[ ]]>",
                "&#32;",
                "\u{a0}",
                "&amp;",
                "<other/>",
                "<other>a</other>",
            ]);
            let at = *random.pick(&[one.start, one.inside, one.outside, one.end]);
            (format!("put {noise:?} at {}", one.name), replace(at, at, noise))
        }
        24 => (
            format!("empty {}", one.name),
            replace(one.start, one.end, &format!("<{}/>", one.name)),
        ),
        25..=27 => {
            let at = random.below(xml.len());
            let at = (0..=at).rev().find(|at| xml.is_char_boundary(*at)).unwrap();
            let noise = *random.pick(NOISE);
            (format!("put {noise:?} at byte {at}"), replace(at, at, noise))
        }
        28 => {
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
            return (format!("bytes at {at}"), bytes);
        }
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

/// Whether [`elements`] can find its way: well-formed as far as wire can tell, and with elements that hold no `<` in comments.
fn is_splittable(xml: &str) -> bool {
    let verdict = wire::validate(xml.as_bytes(), &wire::Limits::default());
    verdict
        .errors
        .first()
        .is_none_or(|first| !matches!(first.code, 18 | 52 | 53))
        && !xml.contains("<![CDATA[")
        && !xml.contains("<?")
}

fn namespace(xml: &str, all: &[Element], one: &Element, random: &mut Random) -> (String, String) {
    let replace = |from: usize, to: usize, with: &str| [&xml[..from], with, &xml[to..]].concat();
    let root_prefix = all[0]
        .name
        .split_once(':')
        .map_or("ncts", |(prefix, _)| prefix)
        .to_owned();
    let content = &xml[one.inside..one.outside.max(one.inside)];
    match random.below(8) {
        0 => {
            let prefixed = format!("<{root_prefix}:{0}>{content}</{root_prefix}:{0}>", one.name);
            (
                format!("qualify {}", one.name),
                replace(one.start, one.end, &prefixed),
            )
        }
        1 => {
            let prefixed = format!("<q:{0}>{content}</q:{0}>", one.name);
            (
                format!("undeclared prefix on {}", one.name),
                replace(one.start, one.end, &prefixed),
            )
        }
        2 => (
            "other namespace".to_owned(),
            xml.replacen("http://ncts.dgtaxud.ec", "http://ncts.dgtaxud.ec/", 1),
        ),
        3 => (
            "upper-case namespace".to_owned(),
            xml.replacen("http://ncts", "HTTP://NCTS", 1),
        ),
        4 => {
            let declaration = *random.pick(&[
                "xmlns=\"http://ncts.dgtaxud.ec\"",
                "xmlns=\"\"",
                "xmlns:a=\"b\"",
                "xmlns:a=\"\"",
                "xmlns=\"u\"",
            ]);
            let tag = format!("<{} {declaration}>{content}</{}>", one.name, one.name);
            (
                format!("{declaration} on {}", one.name),
                replace(one.start, one.end, &tag),
            )
        }
        5 => (
            "no declaration".to_owned(),
            xml.replacen(&format!("xmlns:{root_prefix}="), "xmlns:other=", 1),
        ),
        6 => (
            "other prefix".to_owned(),
            xml.replace(&format!("{root_prefix}:"), "zz:")
                .replacen(&format!(":{root_prefix}="), ":zz=", 1),
        ),
        _ => {
            let bare = xml
                .replace(&format!("<{root_prefix}:"), "<")
                .replace(&format!("</{root_prefix}:"), "</");
            (
                "default namespace".to_owned(),
                bare.replacen(&format!("xmlns:{root_prefix}="), "xmlns=", 1),
            )
        }
    }
}

fn attribute(xml: &str, all: &[Element], one: &Element, random: &mut Random) -> (String, String) {
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
            let changed = old
                .iter()
                .fold(xml.to_owned(), |xml, old| xml.replacen(old, new, 1));
            return (format!("phase {new}"), changed);
        }
    };
    let element = if random.below(3) == 0 { &all[0] } else { one };
    let at = element.start + 1 + element.name.len();
    let breaks = *random.pick(&[" ", "\n  ", " "]);
    (
        format!("{added} on {}", element.name),
        [&xml[..at], breaks, &added, &xml[at..]].concat(),
    )
}
