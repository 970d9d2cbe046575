//! Patterns of XML Schema (part 2, appendix F): the simple ones matched by hand, the rest by a regular expression.

use regex::Regex;
use std::sync::OnceLock;

/// A pattern that a whole value must match.
pub(crate) struct Pattern {
    pub(crate) text: &'static str,
    matcher: Matcher,
}

enum Matcher {
    /// A run of pieces, each a class of characters that repeats.
    Pieces(Vec<Piece>),
    /// `\P{Z}(.*\P{Z})?`: neither the first nor the last character is a separator.
    Trimmed,
    /// Anything else.
    Regex(OnceLock<Option<Regex>>),
}

#[derive(Clone, Copy)]
struct Piece {
    class: Class,
    min: usize,
    max: usize,
}

/// The characters that a piece takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// `.`: any but a line break.
    Any,
    /// Characters of ASCII, as a set of bits.
    Ascii(u128),
}

impl Class {
    fn contains(self, c: char) -> bool {
        match self {
            Class::Any => c != '\n' && c != '\r',
            Class::Ascii(set) => c.is_ascii() && set & (1 << u32::from(c)) != 0,
        }
    }

    fn is_disjoint(self, other: Class) -> bool {
        matches!((self, other), (Class::Ascii(a), Class::Ascii(b)) if a & b == 0)
    }
}

impl Pattern {
    pub(crate) fn new(text: &'static str) -> Self {
        let matcher = match pieces(text) {
            Some(pieces) => Matcher::Pieces(pieces),
            None if text == r"\P{Z}(.*\P{Z})?" => Matcher::Trimmed,
            None => Matcher::Regex(OnceLock::new()),
        };
        Pattern { text, matcher }
    }

    /// Whether the whole of `value` matches.
    pub(crate) fn matches(&self, value: &str) -> bool {
        match &self.matcher {
            Matcher::Pieces(pieces) => match_pieces(pieces, value),
            Matcher::Trimmed => {
                let (first, last) = (value.chars().next(), value.chars().next_back());
                first.is_some_and(|c| !is_separator(c)) && last.is_some_and(|c| !is_separator(c))
            }
            Matcher::Regex(regex) => {
                let compiled = regex.get_or_init(|| Regex::new(&translated(self.text)).ok());
                compiled.as_ref().is_some_and(|regex| regex.is_match(value))
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn compiles(&self) -> bool {
        !matches!(self.matcher, Matcher::Regex(_)) || Regex::new(&translated(self.text)).is_ok()
    }
}

/// Category Z of Unicode: space, line and paragraph separators.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200A}' | '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}' | '\u{3000}'
    )
}

fn match_pieces(pieces: &[Piece], value: &str) -> bool {
    if let [Piece { class: Class::Any, min, max }] = pieces {
        let count = if value.is_ascii() { value.len() } else { value.chars().count() };
        return (*min..=*max).contains(&count) && !value.contains(['\n', '\r']);
    }
    let mut rest = value.chars().peekable();
    for piece in pieces {
        let mut count = 0;
        while count < piece.max && rest.next_if(|c| piece.class.contains(*c)).is_some() {
            count += 1;
        }
        if count < piece.min {
            return false;
        }
    }
    rest.next().is_none()
}

/// The pieces of a pattern that is nothing but classes with counts, where taking as many characters as possible at
/// each piece is never wrong; otherwise nothing.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (class, after) = class(rest)?;
        let (min, max, after) = counts(after)?;
        pieces.push(Piece { class, min, max });
        rest = after;
    }
    // Greed is wrong where a piece of open count may take what the next one needs.
    let greedy = pieces.windows(2).all(|pair| match pair {
        [piece, next] => piece.min == piece.max || piece.class.is_disjoint(next.class),
        _ => true,
    });
    greedy.then_some(pieces)
}

fn class(text: &str) -> Option<(Class, &str)> {
    if let Some(after) = text.strip_prefix('.') {
        return Some((Class::Any, after));
    }
    if let Some(after) = text.strip_prefix(r"\d") {
        // Formats with `\d` are numbers and dates, whose digits are ASCII whatever the pattern says.
        return Some((Class::Ascii(range(b'0', b'9')), after));
    }
    if let Some(inside) = text.strip_prefix('[') {
        let (members, after) = inside.split_once(']')?;
        return Some((Class::Ascii(set(members)?), after));
    }
    let first =
        text.bytes().next().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':'))?;
    Some((Class::Ascii(range(first, first)), text.get(1..)?))
}

/// The members of a bracket expression without escapes and negation.
fn set(members: &str) -> Option<u128> {
    if members.starts_with('^') || members.contains(['\\', '[']) || !members.is_ascii() {
        return None;
    }
    let mut found = 0;
    let mut rest = members.as_bytes();
    while let [first, after @ ..] = rest {
        match after {
            [b'-', last, after @ ..] => {
                found |= range(*first, *last);
                rest = after;
            }
            _ => {
                found |= range(*first, *first);
                rest = after;
            }
        }
    }
    Some(found)
}

fn range(first: u8, last: u8) -> u128 {
    (first..=last).fold(0, |set, byte| set | 1 << byte)
}

fn counts(text: &str) -> Option<(usize, usize, &str)> {
    let (min, max, after) = match text.bytes().next() {
        Some(b'?') => (0, 1, text.get(1..)?),
        Some(b'*') => (0, usize::MAX, text.get(1..)?),
        Some(b'+') => (1, usize::MAX, text.get(1..)?),
        Some(b'{') => {
            let (counts, after) = text.get(1..)?.split_once('}')?;
            let (min, max) = counts.split_once(',').unwrap_or((counts, counts));
            (min.parse().ok()?, max.parse().ok()?, after)
        }
        _ => (1, 1, text),
    };
    Some((min, max, after))
}

/// The pattern in the syntax of the `regex` crate.
fn translated(text: &str) -> String {
    let mut out = String::from(r"\A(?:");
    let mut in_brackets = false;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                let escaped = rest.next().unwrap_or('\\');
                if escaped == 'p' && rest.as_str().starts_with("{IsBasicLatin}") {
                    out.push_str(r"[\x00-\x7F]");
                    rest = rest.as_str().get("{IsBasicLatin}".len()..).unwrap_or_default().chars();
                } else {
                    out.push('\\');
                    out.push(escaped);
                }
            }
            '.' if !in_brackets => out.push_str(r"[^\n\r]"),
            '^' | '$' if !in_brackets => {
                out.push('\\');
                out.push(c);
            }
            _ => {
                in_brackets = (in_brackets || c == '[') && c != ']';
                out.push(c);
            }
        }
    }
    out.push_str(r")\z");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &'static str, good: &[&str], bad: &[&str]) {
        let pattern = Pattern::new(pattern);
        for value in good {
            assert!(pattern.matches(value), "`{}` must match `{value}`", pattern.text);
        }
        for value in bad {
            assert!(!pattern.matches(value), "`{}` must not match `{value}`", pattern.text);
        }
    }

    #[test]
    fn simple_patterns_are_matched_by_hand() {
        assert!(matches!(Pattern::new("[A-Z]{2}[A-Z0-9]{6}").matcher, Matcher::Pieces(_)));
        check("[A-Z]{2}[A-Z0-9]{6}", &["GB000246"], &["GB00024", "GB0002466", "gb000246", ""]);
        check("[1-9][0-9]{0,4}", &["1", "99999"], &["0", "01", "100000", ""]);
        check(".{1,3}", &["a", "\u{e9}\u{e9}\u{e9}"], &["", "abcd"]);
        check(".{0,4}E", &["E", "EEEEE"], &["", "EEEEEE", "abcd"]);
        check("[A-Z0-9]*", &["", "A1"], &["a"]);
    }

    #[test]
    fn separators_may_stand_only_inside() {
        check(r"\P{Z}(.*\P{Z})?", &["a", "a b", "\tb"], &["", " ", " a", "a ", "a\u{a0}"]);
    }

    #[test]
    fn others_are_regular_expressions() {
        check(r"[1-9]\d*(\.\d+)?", &["1", "10.5"], &["0", "1.", "1.5 "]);
        check(r"[^@]+@[^\.]+\..+", &["a@b.c"], &["a@b", "@b.c"]);
        check(r"\p{IsBasicLatin}+", &["abc~"], &["\u{e9}", ""]);
        check("[!-~][ -~]{1,15}[!-~]|[!-~]{1,2}", &["a", "ab", "a b"], &["", " a", "a "]);
    }
}
