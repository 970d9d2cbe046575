//! Simple types as formats of the table, and the names that formats have there.

use super::Types;
use std::fmt::Write;

/// The kind, facets and patterns of a simple type, with those of the types it restricts.
pub(super) fn format_body(types: &Types, of_type: &str) -> Result<String, String> {
    let mut facets: Vec<(String, String)> = Vec::new();
    let mut patterns = String::new();
    let mut values = String::new();
    let mut name = of_type.to_owned();
    let kind = loop {
        let node = types.simple.get(&name).ok_or_else(|| format!("there is no type `{name}`"))?;
        let restriction = node.child("restriction").ok_or_else(|| format!("`{name}` is no restriction"))?;
        let mut is_first_pattern = true;
        for facet in restriction.children.iter().filter(|facet| facet.name != "annotation") {
            let value = facet.required("value")?;
            match facet.name.as_str() {
                "pattern" => {
                    let word = if is_first_pattern { "pattern" } else { "    or" };
                    is_first_pattern = false;
                    let _ = writeln!(patterns, "  {word} {value}");
                }
                // A value of a token is compared with its white space collapsed, so ` A` and `A` are one.
                "enumeration" if !values.split(' ').any(|known| known == value.trim()) => {
                    let _ = write!(values, " {}", value.trim());
                }
                "enumeration" => {}
                other => {
                    let facet = facet_name(other)?;
                    if !facets.iter().any(|(known, _)| known == facet) {
                        facets.push((facet.to_owned(), value.to_owned()));
                    }
                }
            }
        }
        let base = restriction.required("base")?;
        match base.strip_prefix("xs:") {
            Some(builtin) => break kind_name(builtin)?,
            None => name = base.to_owned(),
        }
    };
    let mut body = kind.to_owned();
    for (facet, value) in facets {
        let _ = write!(body, " {facet}={value}");
    }
    body.push('\n');
    if !values.is_empty() {
        let _ = writeln!(body, "  values{values}");
    }
    body.push_str(&patterns);
    Ok(body)
}

fn kind_name(builtin: &str) -> Result<&'static str, String> {
    Ok(match builtin {
        "token" => "token",
        "normalizedString" => "line",
        "date" => "date",
        "dateTime" => "moment",
        "decimal" => "decimal",
        "integer" => "integer",
        other => return Err(format!("the table has no kind for xs:{other}")),
    })
}

fn facet_name(facet: &str) -> Result<&'static str, String> {
    Ok(match facet {
        "length" => "length",
        "minLength" => "min",
        "maxLength" => "max",
        "minInclusive" => "from",
        "maxInclusive" => "to",
        "totalDigits" => "digits",
        "fractionDigits" => "fraction",
        other => return Err(format!("the table has no facet for xs:{other}")),
    })
}

/// The name that message definitions give to a plain text: `n1`, `a2`, `an..35` for tokens, `text..35` for lines and
/// `trimmed..35` for lines that neither begin nor end with white space.
pub(super) fn short_name(body: &str) -> Option<String> {
    if let Some(line) = body.strip_prefix("line ") {
        let (facet, pattern) = line.strip_suffix('\n')?.split_once("\n  pattern ")?;
        let (facet, count) = facet.split_once('=')?;
        let dots = match facet {
            "max" => "..",
            "length" => "",
            _ => return None,
        };
        let plain = if facet == "max" { format!(".{{1,{count}}}") } else { format!(".{{{count}}}") };
        let word = match pattern {
            r"\P{Z}(.*\P{Z})?" => "trimmed",
            _ if pattern == plain => "text",
            _ => return None,
        };
        return Some(format!("{word}{dots}{count}"));
    }
    let pattern = body.strip_prefix("token\n  pattern ")?.strip_suffix("}\n")?;
    let (class, counts) = pattern.rsplit_once('{')?;
    let letters = match class {
        "[0-9]" => "n",
        "[A-Za-z]" => "a",
        "." => "an",
        _ => return None,
    };
    match counts.split_once(',') {
        None => Some(format!("{letters}{counts}")),
        Some(("1", max)) => Some(format!("{letters}..{max}")),
        Some(_) => None,
    }
}

/// The name of the type that defines a format: the one that is not named after the content of an element, else the
/// shortest.
pub(super) fn plain_name(twins: &[String]) -> String {
    let by_rank = |name: &&String| (name.contains("ContentType"), name.len(), (*name).clone());
    let chosen = twins.iter().min_by_key(by_rank).cloned().unwrap_or_default();
    let name = chosen.replacen("ContentType", "", 1);
    name.strip_suffix("Type").unwrap_or(&name).to_owned()
}
