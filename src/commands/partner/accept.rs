//! `tidewaiter partner accept`: an invitation that came, or the acceptance of one's own.

use super::desk::At;
use super::{BY_VOICE, Done, say, write};
use clap::Args;
use node::federation::{Acceptance, Invitation, same_fingerprint};
use std::io::IsTerminal;
use std::path::PathBuf;

/// A file that came from another administration.
#[derive(Args)]
pub struct Accept {
    /// The invitation, or the acceptance
    file: PathBuf,
    /// The fingerprint that was compared by voice: for scripts, which cannot be asked
    #[arg(long, value_name = "DIGITS")]
    fingerprint: Option<String>,
    /// Where the acceptance of an invitation goes
    #[arg(long, value_name = "FILE", default_value = "acceptance.json")]
    out: PathBuf,
    #[command(flatten)]
    at: At,
}

impl Accept {
    /// Shows what came, has the fingerprint compared, and accepts it.
    pub async fn run(self) -> Done {
        let path = self.file.display().to_string();
        let bytes = std::fs::read(&self.file).map_err(|error| format!("cannot read `{path}`: {error}"))?;
        let form = serde_json::from_slice::<serde_json::Value>(&bytes)
            .ok()
            .and_then(|json| json.get("form")?.as_str().map(str::to_owned))
            .unwrap_or_default();
        if form.starts_with("tidewaiter-acceptance-") {
            self.take(Acceptance::from_json(&bytes).map_err(|error| format!("`{path}`: {error}"))?).await
        } else {
            self.accept(Invitation::from_json(&bytes).map_err(|error| format!("`{path}`: {error}"))?).await
        }
    }

    async fn accept(self, invitation: Invitation) -> Done {
        let (from, agreement) = (invitation.from().clone(), invitation.agreement.agreement()?);
        say(format_args!("invitation of      {from}, at {}", invitation.card.address));
        say(format_args!("to                 {}", invitation.to));
        say(format_args!("agreement          {}, version {}", agreement.id, agreement.version));
        say(format_args!("                   {}", agreement.title));
        say(format_args!("its hash           {}", invitation.agreement.hash));
        say(format_args!("accepted until     {}", invitation.expires));
        say(format_args!("fingerprint        {}", invitation.fingerprint()));
        let fingerprint = self.compared(from.as_str(), &invitation.fingerprint())?;
        let desk = self.at.open().await?;
        let accepted = desk.accept(invitation, &fingerprint).await;
        desk.close().await;
        let acceptance = accepted?;
        write(&self.out, &acceptance.to_json())?;
        say(format_args!("acceptance         {}", self.out.display()));
        say(format_args!("its fingerprint    {}", acceptance.fingerprint()));
        say(format_args!(
            "Send the file to {from}, whose operator runs `tidewaiter partner accept` and compares this fingerprint with \
             you. Messages go as soon as that is done; nothing has to be started again."
        ));
        Ok(())
    }

    async fn take(self, acceptance: Acceptance) -> Done {
        let from = acceptance.from().clone();
        say(format_args!("acceptance of      {from}, at {}", acceptance.card.address));
        say(format_args!("fingerprint        {}", acceptance.fingerprint()));
        let fingerprint = self.compared(from.as_str(), &acceptance.fingerprint())?;
        let desk = self.at.open().await?;
        let taken = desk.take(acceptance, &fingerprint).await;
        desk.close().await;
        say(format_args!("partner            {from} exchanges with this node from now on, under {}", taken?));
        Ok(())
    }

    /// The fingerprint that somebody has compared: the one given, or the one shown when they say that it is the same.
    fn compared(&self, partner: &str, shown: &str) -> Result<String, String> {
        if let Some(given) = &self.fingerprint {
            return Ok(given.clone());
        }
        say(format_args!(
            "\nCall {partner} on a number that you knew before this file came, and compare the fingerprint. {BY_VOICE}"
        ));
        if !std::io::stdin().is_terminal() {
            return Err(
                "nobody can be asked here: give the digits that were compared, `--fingerprint \"...\"`"
                    .to_owned(),
            );
        }
        say("\nIs it the same? Type `yes` to go on:");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|error| format!("cannot read the answer: {error}"))?;
        let line = line.trim();
        if line == "yes" || same_fingerprint(line, shown) {
            return Ok(shown.to_owned());
        }
        Err("the fingerprint was not confirmed: nothing has changed".to_owned())
    }
}
