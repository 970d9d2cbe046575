//! `tidewaiter partner`: the administrations with which a node exchanges messages.

mod accept;
mod desk;
mod list;

use super::key::{Reach, Reached, reach};
use super::{block_on, fail, say};
use accept::Accept;
use base::Administration;
use clap::{Args, Subcommand};
use desk::At;
use list::List;
use node::{Config, Identity, OwnCard, PartnerCard};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Done = Result<(), Box<dyn std::error::Error>>;

/// How two people compare a fingerprint.
const BY_VOICE: &str = "They read the first four groups to you, and you read the last four to them. \
If one digit differs, stop: somebody changed the file on its way.";

/// Partner administrations.
#[derive(Subcommand)]
pub enum Partner {
    /// Write this node's card with the keys that it uses now, and show its fingerprint
    Card(Card),
    /// Draw up the model arrangement for common transit between administrations
    Agreement(Agreement),
    /// Invite an administration: write a file that it accepts
    Invite(Invite),
    /// Accept an invitation, or take the acceptance of one's own
    Accept(Accept),
    /// Show the partners, and how the exchange with each stands
    List(List),
    /// Stop the exchange with a partner at once, both ways; letters wait
    Suspend(Suspend),
    /// Let the exchange with a partner go on
    Resume(Resume),
}

/// This node's card.
#[derive(Args)]
pub struct Card {
    /// Where the card goes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// With the youngest TLS key of the key file: for the relays of partners after `key rotate tls`
    #[arg(long)]
    rotated_tls: bool,
    #[command(flatten)]
    reached: Reached,
}

/// A model agreement.
#[derive(Args)]
pub struct Agreement {
    /// The parties, as in NTA.GB NTA.FR
    #[arg(required = true, num_args = 2..)]
    parties: Vec<Administration>,
    /// Where the agreement goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// An invitation.
#[derive(Args)]
pub struct Invite {
    /// Whom to invite, as in NTA.FR
    administration: Administration,
    /// The agreement under which the two will exchange
    #[arg(long, value_name = "FILE")]
    agreement: PathBuf,
    /// Where the invitation goes
    #[arg(long, value_name = "FILE", default_value = "invitation.json")]
    out: PathBuf,
    /// How many days it is accepted
    #[arg(long, default_value_t = 14)]
    days: u16,
    #[command(flatten)]
    at: At,
}

/// A suspension.
#[derive(Args)]
pub struct Suspend {
    /// The partner, as in NTA.FR
    administration: Administration,
    /// Why, in one line: the partner reads it
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    at: At,
}

/// The end of a suspension.
#[derive(Args)]
pub struct Resume {
    /// The partner, as in NTA.FR
    administration: Administration,
    #[command(flatten)]
    at: At,
}

impl Partner {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        block_on(async {
            let done = match self {
                Self::Card(card) => card.run().await,
                Self::Agreement(agreement) => agreement.run(),
                Self::Invite(invite) => invite.run().await,
                Self::Accept(accept) => accept.run().await,
                Self::List(list) => list.run().await,
                Self::Suspend(suspend) => suspend.run().await,
                Self::Resume(resume) => resume.run().await,
            };
            done.map_or_else(fail, |()| ExitCode::SUCCESS)
        })
    }
}

impl Card {
    async fn run(self) -> Done {
        let OwnCard { card, tls } = if self.rotated_tls {
            // The key is in the key file before it is used: no node need be asked.
            let config = Config::load(&self.reached.config)?;
            let identity = Identity::load(&config.resolve(&config.keys))?;
            let card =
                PartnerCard { address: config.listen.peer_address.clone(), keys: identity.card.clone() };
            OwnCard { card: card.with_rotated_tls(&config, &identity)?, tls: identity.card.tls_spki }
        } else {
            match reach(&self.reached).await? {
                Reach::Running(api) => {
                    api.get("/api/v1/partners/card").await.map_err(|error| error.to_string())?
                }
                Reach::Here(node) => {
                    let card = node.own_card_now();
                    node.close().await;
                    card?
                }
            }
        };
        say(format_args!("administration     {}", card.keys.administration));
        say(format_args!("address            {}", card.address));
        say(format_args!("TLS key of node    {tls}"));
        say(format_args!("TLS key of card    {}", card.keys.tls_spki));
        say(format_args!("fingerprint        {}", card.keys.fingerprint()));
        if let Some(out) = self.out {
            card.save(&out)?;
            say(format_args!("written to         {}", out.display()));
        }
        Ok(())
    }
}

impl Agreement {
    fn run(self) -> Done {
        write(&self.out, node::model_agreement(&self.parties)?.as_bytes())?;
        let parties: Vec<&str> = self.parties.iter().map(Administration::as_str).collect();
        say(format_args!("agreement          {}, between {}", self.out.display(), parties.join(" and ")));
        say("Read it: it says what may be told to whom, for which purpose, under which clause.");
        if self.parties.len() > 3 {
            say(
                "If they are to join one after the other, let it say under `[key_register]` how many must have signed (docs/keys.md).",
            );
        }
        Ok(())
    }
}

impl Invite {
    async fn run(self) -> Done {
        let agreement = read(&self.agreement)?;
        let desk = self.at.open().await?;
        let invited = desk.invite(&self.administration, &agreement, self.days).await;
        desk.close().await;
        let invitation = invited?;
        write(&self.out, &invitation.to_json())?;
        let (to, agreement) = (&invitation.to, &invitation.agreement);
        say(format_args!("invitation         {}", self.out.display()));
        say(format_args!("to                 {to}"));
        say(format_args!("agreement          {} version {}", agreement.id, agreement.version));
        say(format_args!("accepted until     {}", invitation.expires));
        say(format_args!("fingerprint        {}", invitation.fingerprint()));
        say(format_args!(
            "Send the file to {to} by any way: nothing in it is secret. Its operator runs `tidewaiter partner accept` and \
             calls you. {BY_VOICE}"
        ));
        Ok(())
    }
}

impl Suspend {
    async fn run(self) -> Done {
        let desk = self.at.open().await?;
        let done = desk.suspend(&self.administration, &self.reason).await;
        desk.close().await;
        done?;
        say(format_args!("suspended          {}: {}", self.administration, self.reason));
        say(format_args!("Letters to it wait. Next: tidewaiter partner resume {}", self.administration));
        Ok(())
    }
}

impl Resume {
    async fn run(self) -> Done {
        let desk = self.at.open().await?;
        let done = desk.resume(&self.administration).await;
        desk.close().await;
        done?;
        say(format_args!("resumed            {}: letters that waited are on their way", self.administration));
        Ok(())
    }
}

/// Reads a text file; the reason in words when it cannot be read.
fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

/// Writes a file; the reason in words when it cannot be written.
fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    std::fs::write(path, content).map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}
