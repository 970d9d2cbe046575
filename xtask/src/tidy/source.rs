//! What a source file must not hold: too many lines, work left undone, words that say nothing.

use super::Report;

/// A file holds one idea; beyond this many lines it holds several.
const LONG: usize = 400;

/// Beyond this many lines a file must be divided.
const TOO_LONG: usize = 600;

/// Names that say nothing about what a thing is in customs.
const EMPTY_WORDS: [&str; 5] = ["manager", "helper", "helpers", "utils", "misc"];

/// Checks one file; `name` is its path below the root of the workspace.
pub fn check(name: &str, text: &str, report: &mut Report) {
    let lines = text.lines().count();
    if lines > TOO_LONG {
        report.errors.push(format!("{name}: it has {lines} lines; divide it, {TOO_LONG} is the limit"));
    } else if lines > LONG {
        report.warnings.push(format!("{name}: it has {lines} lines; up to {LONG} read well"));
    }
    for word in identifiers(name).flat_map(words).filter(|word| EMPTY_WORDS.contains(&word.as_str())) {
        report.errors.push(format!("{name}: `{word}` in a path says nothing; name what it is in customs"));
    }
    for (at, line) in code_only(text).lines().enumerate() {
        let place = format!("{name}:{}", at + 1);
        for identifier in identifiers(line) {
            if words(identifier).any(|word| EMPTY_WORDS.contains(&word.as_str())) {
                report
                    .errors
                    .push(format!("{place}: `{identifier}` says nothing; name what it is in customs"));
            }
        }
        for undone in ["todo!", "unimplemented!"] {
            if line.contains(undone) {
                report.errors.push(format!(
                    "{place}: `{undone}` leaves work undone; finish it or refuse with an error"
                ));
            }
        }
    }
}

fn identifiers(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|part| !part.is_empty())
}

/// The words of an identifier in lower case: `KeyManager` and `KEY_MANAGER` are both `key` and `manager`.
fn words(identifier: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for letter in identifier.chars() {
        if letter == '_' || (letter.is_uppercase() && after_small) {
            words.push(String::new());
        }
        after_small = letter.is_lowercase() || letter.is_numeric();
        if let Some(word) = words.last_mut().filter(|_| letter != '_') {
            word.extend(letter.to_lowercase());
        }
    }
    words.into_iter()
}

/// The text without comments and without what stands in quotes; its lines stay where they are.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_text(rest, &code) {
            length
        } else if letter == '"' {
            quoted(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            // A quotation mark as a character opens no text.
            rest.get(1..).and_then(|after| after.find('\'')).map_or(rest.len(), |end| end + 2)
        } else {
            code.push(letter);
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            continue;
        };
        let (left_out, after) = rest.split_at(length);
        code.push(' ');
        code.extend(left_out.chars().filter(|letter| *letter == '\n'));
        rest = after;
    }
    code
}

/// The length of a text in quotes with escapes, both quotes included.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// The length of a raw text such as `r#"..."#`, if one begins here.
fn raw_text(rest: &str, before: &str) -> Option<usize> {
    let within_a_word = before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    let after = rest.strip_prefix('r').filter(|_| !within_a_word || before.ends_with('b'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = 2 + hashes;
    Some(body.find(&end).map_or(rest.len(), |at| start + at + end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &str) -> Vec<String> {
        let mut report = Report::default();
        check(name, text, &mut report);
        report.errors
    }

    #[test]
    fn empty_words_are_found_in_names_and_code_only() {
        assert_eq!(found("src/key_manager.rs", "").len(), 1);
        assert_eq!(found("src/utils/time.rs", "").len(), 1);
        for code in [
            "struct KeyManager;",
            "fn helper() {}",
            "mod utils;",
            "const HELPER_COUNT: u8 = 1;",
            "let x = b; Manager",
        ] {
            assert_eq!(found("src/a.rs", code).len(), 1, "{code}");
        }
        for fine in [
            "// the manager of an office",
            "/* utils */ struct Key;",
            "let text = \"a \\\" helper\";",
            "let text = r#\"the \"manager\"\"#;",
            "let quote = '\"'; let text = \"manager\";",
            "use hyper_util::rt;",
            "fn management() {}",
        ] {
            assert_eq!(found("src/a.rs", fine), Vec::<String>::new(), "{fine}");
        }
    }

    #[test]
    fn undone_work_is_found_with_its_line() {
        let errors = found("src/a.rs", "fn a() {\n    // todo!()\n    todo!()\n}\n");
        assert_eq!(errors, ["src/a.rs:3: `todo!` leaves work undone; finish it or refuse with an error"]);
        assert_eq!(found("src/a.rs", "/*\n*/ unimplemented!()").len(), 1);
    }

    #[test]
    fn long_files_are_found() {
        let mut report = Report::default();
        check("a.rs", &"\n".repeat(401), &mut report);
        check("b.rs", &"\n".repeat(601), &mut report);
        assert_eq!((report.warnings.len(), report.errors.len()), (1, 1));
    }
}
