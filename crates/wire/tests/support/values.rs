//! Values that break something somewhere.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::Random;

/// Values for elements with text.
pub const VALUES: &[&str] = &[
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

/// Lengths at and beyond the bounds of formats.
pub const LENGTHS: &[usize] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 17, 18, 20, 21, 22, 23, 35, 36, 70, 71, 140, 141, 256, 257, 512, 513,
    600,
];
/// Texts to repeat.
pub const LETTERS: &[&str] =
    &["x", "X", "7", " ", ".", "-", "\u{e9}", "\u{20ac}", "\u{1f600}", "&amp;", "&#65;", "ab", "A1", "~"];
/// What breaks markup.
pub const NOISE: &[&str] = &[
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

/// What stands between elements.
pub const BETWEEN: &[&str] = &[
    "hello",
    "<!-- a -->",
    "<?a b?>",
    "<![CDATA[ ]]>",
    "&#32;",
    "\u{a0}",
    "&amp;",
    "<other/>",
    "<other>a</other>",
];

/// Values for a field: those that break something somewhere, and small changes of the value that it has.
pub fn values_like(value: &[u8], count: usize, random: &mut Random) -> Vec<String> {
    let original = String::from_utf8(value.to_vec()).unwrap();
    let mut values: Vec<String> = (0..count / 2).map(|_| (*random.pick(VALUES)).to_owned()).collect();
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
