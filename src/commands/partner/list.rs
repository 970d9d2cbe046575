//! `tidewaiter partner list`: the partners, and how the exchange with each stands.

use super::desk::At;
use super::{Done, say};
use base::Timestamp;
use clap::Args;
use serde_json::{Value, json};

/// The partners.
#[derive(Args)]
pub struct List {
    /// As one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: At,
}

impl List {
    /// Shows them.
    pub async fn run(self) -> Done {
        let desk = self.at.open().await?;
        let partners = desk.partners().await;
        desk.close().await;
        let partners = partners?;
        if self.json {
            say(json!({ "partners": partners }));
            return Ok(());
        }
        if partners.is_empty() {
            say("There is no partner yet. Next: tidewaiter partner invite");
        }
        for partner in &partners {
            show(partner);
        }
        Ok(())
    }
}

fn show(partner: &Value) {
    let text = |name: &str| partner[name].as_str().unwrap_or_default();
    let moment = |name: &str| {
        let micros = partner[name].as_i64();
        micros.map_or_else(|| "never".to_owned(), |micros| Timestamp::from_micros(micros).to_string())
    };
    let agreements: Vec<&str> =
        partner["agreements"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    say(format_args!("{}  {}", text("administration"), in_words(text("state"))));
    if let Some(reason) = partner["suspension"].as_str() {
        say(format_args!("  suspended because  {reason}"));
    }
    say(format_args!("  address            {}", text("address")));
    say(format_args!("  fingerprint        {}", text("fingerprint")));
    say(format_args!("  agreements         {}", agreements.join(", ")));
    let registers = partner["registers"].as_object().into_iter().flatten();
    let registers: Vec<String> =
        registers.map(|(agreement, version)| format!("{agreement} version {version}")).collect();
    let registers = if registers.is_empty() { "none yet".to_owned() } else { registers.join(", ") };
    say(format_args!("  key registers      {registers}"));
    say(format_args!("  last contact       {}", moment("last_contact")));
    let count = |name: &str| partner[name].as_i64().unwrap_or_default();
    let (queued, delivered, refused) = (count("queued"), count("delivered"), count("refused"));
    say(format_args!("  letters            {queued} queued, {delivered} delivered, {refused} refused"));
    if let Some(problem) = partner["last_problem"].as_str() {
        say(format_args!("  last problem       {problem}"));
    }
}

fn in_words(state: &str) -> &str {
    match state {
        "awaits-confirmation" => "waits until it has taken our acceptance",
        other => other,
    }
}
