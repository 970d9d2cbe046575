//! `tidewaiter partner`: the administrations with which a node exchanges messages.

use super::{fail, say};
use clap::{Args, Subcommand};
use node::{Config, Identity, PartnerCard};
use std::path::PathBuf;
use std::process::ExitCode;

/// Partner administrations.
#[derive(Subcommand)]
pub enum Partner {
    /// Write this node's card, and show its fingerprint
    Card(Card),
}

/// This node's card.
#[derive(Args)]
pub struct Card {
    /// The node's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the card goes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Partner {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let done = match self {
            Self::Card(card) => card.run(),
        };
        done.unwrap_or_else(|error| fail(error))
    }
}

impl Card {
    fn run(self) -> Result<ExitCode, Box<dyn std::error::Error>> {
        let config = Config::load(&self.config)?;
        let identity = Identity::load(&config.resolve(&config.keys))?;
        let card = PartnerCard::own(&config, &identity);
        say(format_args!("administration     {}", card.keys.administration));
        say(format_args!("address            {}", card.address));
        say(format_args!("TLS key of node    {}", identity.card.tls_spki));
        say(format_args!("TLS key of card    {}", card.keys.tls_spki));
        say(format_args!("fingerprint        {}", card.keys.fingerprint()));
        if let Some(out) = self.out {
            card.save(&out)?;
            say(format_args!("written to         {}", out.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}
