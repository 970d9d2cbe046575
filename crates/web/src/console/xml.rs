//! XML as people read it: one element a line, indented. What is no XML is shown as it came.

/// The longest text that a page shows; longer messages are cut there, and whole in the download.
const SHOWN_BYTES: usize = 512 * 1024;

/// The deepest indentation; deeper elements stay at it. The messages of the field are at most 13 levels deep.
const DEEPEST: usize = 24;

/// A message's text, ready for a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    /// The lines.
    pub lines: Vec<Line>,
    /// Whether there is more than is shown.
    pub cut: bool,
}

/// One line: markup, text, markup. Nothing in it is escaped yet: the template does that.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The spaces before it.
    pub indent: String,
    /// A tag, comment or declaration.
    pub open: String,
    /// Text.
    pub text: String,
    /// The closing tag, if it is on the same line.
    pub close: String,
}

/// A piece of XML.
enum Piece<'a> {
    Open(&'a str),
    Close(&'a str),
    /// An empty element, a comment, a declaration: what does not change the depth.
    Lone(&'a str),
    Text(&'a str),
}

/// Lays out a message.
pub fn show(bytes: &[u8]) -> Shown {
    let cut = bytes.len() > SHOWN_BYTES;
    let text = String::from_utf8_lossy(bytes.get(..SHOWN_BYTES).unwrap_or(bytes));
    let lines = lay_out(&text).unwrap_or_else(|| as_it_came(&text));
    Shown { lines, cut }
}

fn as_it_came(text: &str) -> Vec<Line> {
    text.lines().map(|line| Line { text: line.to_owned(), ..Line::default() }).collect()
}

/// Lays out `text`; `None` when it is no XML. A cut text counts as XML up to the cut.
fn lay_out(text: &str) -> Option<Vec<Line>> {
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        return None;
    }
    let mut lines: Vec<Line> = Vec::new();
    let mut depth = 0usize;
    let mut joins = false;
    for piece in pieces(text) {
        let (opens, line) = match piece {
            Piece::Text(text) if joins => {
                if let Some(line) = lines.last_mut() {
                    line.text.push_str(text.trim());
                }
                continue;
            }
            Piece::Close(tag) => {
                depth = depth.saturating_sub(1);
                match lines.last_mut() {
                    Some(line) if joins => {
                        line.close.push_str(tag);
                        joins = false;
                        continue;
                    }
                    _ => (false, Line { open: tag.to_owned(), ..Line::default() }),
                }
            }
            Piece::Open(tag) => (true, Line { open: tag.to_owned(), ..Line::default() }),
            Piece::Lone(tag) => (false, Line { open: tag.to_owned(), ..Line::default() }),
            Piece::Text(text) => (false, Line { text: text.trim().to_owned(), ..Line::default() }),
        };
        lines.push(Line { indent: "  ".repeat(depth.min(DEEPEST)), ..line });
        joins = opens;
        depth += usize::from(opens);
    }
    Some(lines)
}

/// The pieces of `text`; white space between tags is dropped.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text.trim_start_matches('\u{feff}');
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let (piece, after) = if rest.starts_with('<') { markup(rest) } else { plain(rest) };
            rest = after;
            match piece {
                Piece::Text(text) if text.trim().is_empty() => {}
                piece => return Some(piece),
            }
        }
    })
}

fn plain(rest: &str) -> (Piece<'_>, &str) {
    let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
    (Piece::Text(text), after)
}

/// The markup at the head of `rest`; markup that does not end runs to the end of the text.
fn markup(rest: &str) -> (Piece<'_>, &str) {
    let end = match rest {
        _ if rest.starts_with("<!--") => "-->",
        _ if rest.starts_with("<![CDATA[") => "]]>",
        _ if rest.starts_with("<?") => "?>",
        _ => ">",
    };
    let length = rest.find(end).map_or(rest.len(), |place| place + end.len());
    let (tag, after) = rest.split_at(length);
    let piece = if tag.starts_with("</") {
        Piece::Close(tag)
    } else if tag.starts_with("<![CDATA[") {
        Piece::Text(tag)
    } else if tag.starts_with("<!") || tag.starts_with("<?") || tag.ends_with("/>") {
        Piece::Lone(tag)
    } else {
        Piece::Open(tag)
    };
    (piece, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_text(bytes: &[u8]) -> String {
        let lines = show(bytes).lines;
        lines
            .iter()
            .map(|line| format!("{}{}{}{}\n", line.indent, line.open, line.text, line.close))
            .collect()
    }

    #[test]
    fn elements_are_laid_out_one_a_line() {
        let shown = plain_text(
            b"<?xml version=\"1.0\"?>\n<a x=\"1\"><b>one &amp; two</b><c><d/></c><e></e><!-- n --></a>",
        );
        assert_eq!(
            shown,
            "<?xml version=\"1.0\"?>\n<a x=\"1\">\n  <b>one &amp; two</b>\n  <c>\n    <d/>\n  </c>\n  <e></e>\n  \
             <!-- n -->\n</a>\n"
        );
    }

    #[test]
    fn what_is_no_xml_is_shown_as_it_came() {
        assert_eq!(plain_text(b"hello\nworld"), "hello\nworld\n");
        assert_eq!(plain_text(b""), "");
        assert_eq!(plain_text(b"<a><b"), "<a>\n  <b\n");
        assert_eq!(plain_text(b"</a></a></a>"), "</a>\n</a>\n</a>\n");
        assert_eq!(plain_text(&[b'<', 0xff, b'>']), "<\u{fffd}>\n");
    }

    #[test]
    fn a_bomb_of_elements_stays_small() {
        let bomb = "<a>".repeat(1_000_000);
        let shown = show(bomb.as_bytes());
        assert!(shown.cut);
        let longest = shown.lines.iter().map(|line| line.indent.len() + line.open.len()).max();
        assert_eq!(longest, Some(2 * DEEPEST + 3));
    }

    #[test]
    fn nothing_but_white_space_is_lost() {
        let text = "<a>\n <b> one </b> two <![CDATA[<x>]]> <c/>\n</a>";
        let squeeze = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(squeeze(&plain_text(text.as_bytes())), squeeze(text));
    }
}
