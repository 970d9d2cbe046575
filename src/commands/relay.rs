//! `tidewaiter relay`: a node's front in the zone between networks, which cannot read what passes.

use super::node::{bind, log_to_stderr};
use super::{block_on, corridor::stop_signal, fail, say};
use base::{Administration, Digest};
use clap::{Args, Subcommand};
use node::World;
use node::relay::{Relay as AtWork, RelayConfig, RelaySetUp, initialise_relay};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use web::relay::{Listeners, serve_relay};

/// A relay.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Relay {
    #[command(subcommand)]
    command: Option<Command>,
    /// The relay's configuration
    #[arg(long, value_name = "FILE", required = true)]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Set up a relay: its TLS key, its configuration, the folder for partners' cards
    Init(Init),
}

/// A new relay.
#[derive(Args)]
struct Init {
    /// The administration whose front it is, as in NTA.GB
    #[arg(long)]
    administration: Administration,
    /// The folder that takes configuration, key and partners' cards
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where partners' nodes reach it
    #[arg(long, default_value = "0.0.0.0:9443")]
    partners: SocketAddr,
    /// Where the node behind reaches it
    #[arg(long)]
    inner: SocketAddr,
    /// The address of the port for partners of the node behind, as in https://10.0.0.5:9443
    #[arg(long, value_name = "URL")]
    node: String,
    /// The TLS key of that node, as `tidewaiter partner card` shows it
    #[arg(long, value_name = "KEY")]
    node_key: Digest,
}

impl Relay {
    /// Sets up a relay, or runs one.
    pub fn run(self) -> ExitCode {
        match (self.command, self.config) {
            (Some(Command::Init(init)), _) => init.run(),
            (None, Some(config)) => {
                log_to_stderr();
                block_on(serve(config))
            }
            (None, None) => fail("give the relay's configuration: `--config FILE`"),
        }
    }
}

impl Init {
    fn run(self) -> ExitCode {
        let set_up = RelaySetUp {
            folder: self.dir,
            administration: self.administration,
            partners: self.partners,
            inner: self.inner,
            inner_address: self.node,
            inner_key: self.node_key,
        };
        match initialise_relay(&set_up) {
            Ok((config, key)) => {
                say(format_args!("configuration      {}", config.display()));
                say(format_args!("relay key          {key}"));
                say("Enter into the node's configuration, and start the node again:\n");
                say(format_args!("[relay]\nkey = \"{key}\"\naddress = \"https://{}\"\n", set_up.inner));
                say(format_args!("Next: tidewaiter relay --config {}", config.display()));
                ExitCode::SUCCESS
            }
            Err(error) => fail(error),
        }
    }
}

async fn serve(config: PathBuf) -> ExitCode {
    let config = match RelayConfig::load(&config) {
        Ok(config) => config,
        Err(error) => return fail(error),
    };
    let relay = match AtWork::open(config, World::system()) {
        Ok(relay) => relay,
        Err(error) => return fail(error),
    };
    let listen = relay.config().listen.clone();
    let operations = match listen.operations {
        Some(address) => bind(address).await.map(Some),
        None => Ok(None),
    };
    let (partners, inner, operations) =
        match (bind(listen.partners).await, bind(listen.inner).await, operations) {
            (Ok(partners), Ok(inner), Ok(operations)) => (partners, inner, operations),
            (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => return fail(error),
        };
    let administration = relay.config().administration.clone();
    tracing::info!(%administration, partners = %listen.partners, inner = %listen.inner, "the relay is in service");
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let until_stopped = || {
        let mut stopped = stopped.clone();
        // An error means that the sender is gone, which means stop as well.
        async move { drop(stopped.wait_for(|stop| *stop).await) }
    };
    let serving = serve_relay(relay, Listeners { partners, inner, operations }, until_stopped);
    tokio::pin!(serving);
    let served = tokio::select! {
        served = &mut serving => served,
        () = stop_signal() => {
            tracing::info!("the relay is stopping: it finishes what it has begun");
            // The receivers are held by the ports, so sending reaches them all.
            let _ = stop.send(true);
            serving.await
        }
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}
