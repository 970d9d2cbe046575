//! An agreement in plain words, for one of its parties.

use crate::compile::binds;
use crate::disclosure::{Disclosure, Selector, Trigger};
use crate::document::{Agreement, OnwardRule};
use base::Administration;
use std::fmt::{self, Write as _};

/// What the agreement lets a party give and receive, clause by clause, in plain words.
pub fn explain(agreement: &Agreement, administration: &Administration) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_explanation(&mut text, agreement, administration);
    text
}

fn write_explanation(
    text: &mut String,
    agreement: &Agreement,
    administration: &Administration,
) -> fmt::Result {
    writeln!(text, "{}, version {}, for {administration}", agreement.title, agreement.version)?;
    let Some(party) = agreement.party(administration) else {
        return writeln!(text, "{administration} is not a party.");
    };
    let until =
        agreement.in_force.until.map_or_else(|| "without end".to_owned(), |until| format!("until {until}"));
    writeln!(text, "In force from {} {until}.", agreement.in_force.from)?;
    let onward = match agreement.onward.default {
        OnwardRule::Parties => "may be passed on to other parties for the same purpose",
        OnwardRule::Consent => "may be passed on with the originator's consent only",
        OnwardRule::Deny => "may not be passed on",
    };
    writeln!(text, "What is received {onward}.")?;
    for clause in &agreement.clauses {
        let rows: Vec<&Disclosure> =
            agreement.disclosures.iter().filter(|row| row.clause == clause.id).collect();
        writeln!(text, "\n{} ({}): {}", clause.id, clause.source, clause.text)?;
        if !binds(clause, party) {
            writeln!(text, "  It does not bind {administration}.")?;
            continue;
        }
        for row in rows {
            if row.from.selects(administration) {
                writeln!(text, "  Gives {}.", sentence(row, "to", &row.to, row.to_role.as_ref()))?;
            }
            if row.to.selects(administration) {
                writeln!(text, "  Receives {}.", sentence(row, "from", &row.from, row.from_role.as_ref()))?;
            }
        }
        for duty in agreement.obligations.iter().filter(|row| row.clause == clause.id) {
            let deadline = duty.deadline.as_ref().map_or_else(String::new, |deadline| {
                format!(" within {} {:?} from {}", deadline.amount, deadline.unit, deadline.from)
                    .to_lowercase()
            });
            writeln!(text, "  Duty `{}`{deadline}.", duty.id)?;
        }
    }
    Ok(())
}

fn sentence(
    row: &Disclosure,
    direction: &str,
    others: &Selector,
    role: Option<&crate::name::Term>,
) -> String {
    let records: Vec<&str> = row.record_types.iter().map(AsRef::as_ref).collect();
    let categories: Vec<&str> = row.categories.iter().map(AsRef::as_ref).collect();
    let who = match others {
        Selector::Any(_) => "any party".to_owned(),
        Selector::Named(named) => named.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let role = role.map_or_else(String::new, |role| format!(" as {role}"));
    let trigger = match row.trigger {
        Trigger::OnRequest => "on request",
        Trigger::Spontaneous => "on its own initiative",
        Trigger::Automatic => "automatically",
    };
    let personal = if row.personal { "with" } else { "without" };
    format!(
        "{} {trigger} {direction} {who}{role} for {}: {}, {personal} personal data, handled as {} at least",
        records.join(", "),
        row.purpose,
        categories.join(", "),
        row.minimum_handling.as_str()
    )
}
