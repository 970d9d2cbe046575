//! Transition tables as data: the code decides by them, tests check the code against them, people read them.

use std::fmt::{Display, Write};

/// One row: in this phase, on this trigger, under this condition, the movement goes there and these messages go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition<P: 'static, T: 'static> {
    /// The phase before; the room's `Absent` when there is no movement yet.
    pub from: P,
    /// What happens.
    pub on: T,
    /// Under which condition, in words; empty when always.
    pub when: &'static str,
    /// The phase after.
    pub to: P,
    /// The messages sent, by type. A star marks those that go to each party concerned, of whom there may be none.
    pub sends: &'static [&'static str],
}

/// Renders a transition table as Markdown, columns aligned.
pub fn table<P: Display, T: Display>(rows: &[Transition<P, T>]) -> String {
    let head = ["From", "Trigger", "Condition", "To", "Sends"].map(str::to_owned);
    let body = rows.iter().map(|row| {
        [
            row.from.to_string(),
            row.on.to_string(),
            row.when.to_owned(),
            row.to.to_string(),
            row.sends.join(" "),
        ]
    });
    let lines: Vec<[String; 5]> = std::iter::once(head).chain(body).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..5).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(out, "| {cell:width$} ");
        }
        out.push_str("|\n");
        if number == 0 {
            for width in &widths {
                let _ = write!(out, "|{}", "-".repeat(width + 2));
            }
            out.push_str("|\n");
        }
    }
    out
}
