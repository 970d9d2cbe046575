//! A verdict in words, for whoever has to decide by it.

use crate::attached::only_given;
use crate::examination::rests_on_claims;
use crate::verdict::{Attached, Finding, MessageFacts, Outcome, ShownField, Standing, Verdict};
use std::fmt::Write;

/// The longest value that is printed; longer ones are told by size and digest.
const LONGEST_VALUE: usize = 4096;

/// The verdict as text of lines of moderate length.
pub(crate) fn text(verdict: &Verdict) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write(verdict, &mut out);
    out
}

fn write(verdict: &Verdict, out: &mut String) -> std::fmt::Result {
    if let Some(message) = &verdict.message {
        facts(message, out)?;
    }
    let refused = verdict.outcome == Outcome::Refused;
    section(
        out,
        "Does not hold",
        verdict.problems.iter().map(|problem| format!("{} [{}]", problem.words, problem.code)),
    )?;
    let proved = verdict.findings.iter().filter(|found| found.standing == Standing::Proved).map(finding);
    section(out, if refused { "Would be proved" } else { "Proved" }, proved)?;
    let claimed = verdict.findings.iter().filter(|found| found.standing == Standing::Claimed).map(finding);
    section(out, "Claimed by keys that you have not said you trust", claimed)?;
    section(out, "Shown of the content", verdict.shown.iter().map(shown))?;
    let attachments = verdict.attachments.iter().map(Attached::words);
    section(out, "Attachments that the statement covers", attachments)?;
    section(out, "Not proved", verdict.not_proved.iter().map(|gap| format!("{} [{}]", gap.words, gap.code)))?;
    let keys = verdict.keys.iter().map(|card| {
        let trusted = if card.trusted { "trusted" } else { "not trusted yet" };
        format!("{} of {}: {} ({trusted})", card.kind, card.of, card.fingerprint)
    });
    section(out, "Keys", keys)?;
    let conclusion = match verdict.outcome {
        Outcome::Proved => "PROVED: everything in this file holds, under keys that you trust.",
        Outcome::Unanchored => {
            "NOT DECIDED: the file holds together, but it alone cannot prove whose keys these are. Give the cards or \
             fingerprints that the administrations publish, with --trust."
        }
        Outcome::Refused if only_given(&verdict.problems) && verdict.findings.iter().any(rests_on_claims) => {
            "REFUSED: what was given as an attachment is not shown to be one that was signed. The file itself holds \
             together, but it alone cannot prove whose keys these are. Give the cards or fingerprints that the \
             administrations publish, with --trust."
        }
        Outcome::Refused if only_given(&verdict.problems) => {
            "REFUSED: what was given as an attachment is not shown to be one that was signed. Everything in the evidence \
             file itself holds."
        }
        Outcome::Refused => "REFUSED: this file proves nothing, as something in it does not hold.",
    };
    writeln!(out, "{conclusion}")
}

fn facts(message: &MessageFacts, out: &mut String) -> std::fmt::Result {
    writeln!(out, "Message {}", message.message_id)?;
    let exercise = if message.exercise { ", EXERCISE" } else { "" };
    let rows = [
        ("From", message.from.clone()),
        ("To", message.to.clone()),
        ("About", format!("{}, number {} of its channel{exercise}", message.subject, message.sequence)),
        ("Agreement", format!("{} version {}", message.agreement, message.agreement_version)),
        ("Clause", message.clause.clone()),
        ("Purpose", message.purpose.clone()),
        ("Made", message.created.clone()),
        ("Expires", message.expires.clone()),
        ("Statement", format!("SHA-256 {}", message.statement)),
    ];
    for (name, value) in rows {
        writeln!(out, "  {name:<10} {value}")?;
    }
    for part in &message.parts {
        writeln!(out, "  {:<10} `{}`, {}, {} bytes", "Part", part.name, part.media_type, part.size)?;
    }
    writeln!(out)
}

fn finding(finding: &Finding) -> String {
    match &finding.at {
        Some(at) => format!("{} ({at}) [{}]", finding.words, finding.code),
        None => format!("{} [{}]", finding.words, finding.code),
    }
}

fn shown(field: &ShownField) -> String {
    let place = if field.path.is_empty() {
        format!("the whole part `{}`", field.part)
    } else {
        format!("`{}` of the part `{}`", field.path, field.part)
    };
    match &field.value {
        Some(value) if value.len() <= LONGEST_VALUE => format!("{place}: {}", printable(value)),
        _ => format!("{place}: {} bytes, SHA-256 {}", field.size, field.digest),
    }
}

/// Text from a file on a terminal: control characters could make it say something else.
fn printable(value: &str) -> String {
    value.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) -> std::fmt::Result {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "{title}")?;
    for line in lines {
        writeln!(out, "  - {line}")?;
    }
    writeln!(out)
}
