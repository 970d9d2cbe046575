//! The `tidewaiter` command line.

mod commands;

use clap::{Parser, Subcommand};
use commands::{bench, corridor, evidence, identifier, key, node, partner, reference, relay, validate};
use std::process::ExitCode;

/// The open platform on which customs administrations work together.
#[derive(Parser)]
#[command(name = "tidewaiter", version, disable_help_subcommand = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up a node: keys, configuration, database, partner card
    Init(node::Init),
    /// Run a node
    Serve(node::Serve),
    /// Partner administrations
    #[command(subcommand)]
    Partner(partner::Partner),
    /// Run a node's front in the DMZ, which cannot read what passes
    Relay(relay::Relay),
    /// Run corridors of several administrations on this machine
    #[command(subcommand)]
    Corridor(corridor::Corridor),
    /// Check messages against the structures of NCTS phase 5: one JSON line per file
    Validate(validate::Validate),
    /// Check identifiers
    #[command(subcommand)]
    Identifier(identifier::Identifier),
    /// Load code lists and customs offices
    #[command(subcommand)]
    Reference(reference::Reference),
    /// Register someone who may use a node, and print the token
    Principal(node::Register),
    /// Rotate, revoke, renew and seal keys
    #[command(subcommand)]
    Key(key::Key),
    /// Export, take apart and verify the evidence of messages
    #[command(subcommand)]
    Evidence(evidence::Evidence),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match CommandLine::parse().command {
        Command::Init(init) => init.run(),
        Command::Serve(serve) => serve.run(),
        Command::Partner(partner) => partner.run(),
        Command::Relay(relay) => relay.run(),
        Command::Corridor(corridor) => corridor.run(),
        Command::Validate(validate) => validate.run(),
        Command::Identifier(identifier) => identifier.run(),
        Command::Reference(reference) => reference.run(),
        Command::Principal(register) => register.run(),
        Command::Key(key) => key.run(),
        Command::Evidence(evidence) => evidence.run(),
        Command::Bench(bench) => bench.run(),
    }
}
