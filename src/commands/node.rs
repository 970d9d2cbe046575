//! `tidewaiter init`, `serve` and `principal`: a node of one administration.

use super::corridor::stop_signal;
use super::{block_on, fail};
use base::{Administration, Eori};
use clap::Args;
use node::{Config, Node, Role, SetUp, World};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use web::server::Operations;

/// A new node.
#[derive(Args)]
pub struct Init {
    /// The administration, as in NTA.GB
    #[arg(long)]
    administration: Administration,
    /// The folder that takes configuration, keys and database
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The database: sqlite:PATH (taken from the folder) or postgres://...?schema=NAME
    #[arg(long, default_value = "sqlite:node.db")]
    store: String,
    /// Where traders and officers reach the node; a loopback address
    #[arg(long, default_value = "127.0.0.1:8080")]
    api: SocketAddr,
    /// Where partners' nodes reach it
    #[arg(long, default_value = "127.0.0.1:9443")]
    peer: SocketAddr,
}

impl Init {
    /// Sets the node up, and prints the secrets that are shown only once.
    pub fn run(self) -> ExitCode {
        let set_up = SetUp {
            folder: self.dir,
            administration: self.administration,
            store: self.store,
            api: self.api,
            peer: self.peer,
            corridor_defaults: false,
            reference: None,
        };
        match node::initialise(&set_up) {
            Ok(prepared) => {
                println!("configuration      {}", prepared.config.display());
                println!("partner card       {}", prepared.card.display());
                println!("operator token     {}", prepared.operator_token);
                println!("officer token      {}", prepared.officer_token);
                println!("officer sign-in    officer / {}", prepared.officer_password);
                println!("trader token       {}", prepared.trader_token);
                println!(
                    "These secrets are not shown again. Next: tidewaiter serve --config {}",
                    prepared.config.display()
                );
                ExitCode::SUCCESS
            }
            Err(error) => fail(error),
        }
    }
}

/// A node in service.
#[derive(Args)]
pub struct Serve {
    /// The node's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Stop when standard input closes: for a node that another process runs
    #[arg(long, hide = true)]
    stop_with_parent: bool,
}

impl Serve {
    /// Serves until a signal to stop.
    pub fn run(self) -> ExitCode {
        let filter = EnvFilter::try_from_env("TIDEWAITER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
        block_on(self.serve())
    }

    async fn serve(self) -> ExitCode {
        let config = match Config::load(&self.config) {
            Ok(config) => config,
            Err(error) => return fail(error),
        };
        let (api, peer, operations) = (config.listen.api, config.listen.peer, config.listen.operations);
        let node = match Node::open(config, World::system()).await {
            Ok(node) => node,
            Err(error) => return fail(error),
        };
        let (front, peers) = match (bind(api).await, bind(peer).await) {
            (Ok(front), Ok(peers)) => (front, peers),
            (Err(error), _) | (_, Err(error)) => return fail(error),
        };
        let apart = match operations {
            Some(address) => match bind(address).await {
                Ok(listener) => Some(listener),
                Err(error) => return fail(error),
            },
            None => None,
        };
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let until_stopped = || {
            let mut stopped = stopped.clone();
            // An error means that the sender is gone, which means stop as well.
            async move { drop(stopped.wait_for(|stop| *stop).await) }
        };
        let workers = Arc::clone(&node).start_workers(until_stopped());
        let place = if apart.is_some() { Operations::Apart } else { Operations::OnFront };
        let front = tokio::spawn(web::server::serve_front(Arc::clone(&node), front, place, until_stopped()));
        let apart = apart.map(|listener| {
            tokio::spawn(web::server::serve_operations(Arc::clone(&node), listener, until_stopped()))
        });
        let peers = tokio::spawn({
            let (node, until) = (Arc::clone(&node), until_stopped());
            async move { web::server::serve_peers(node, peers, until).await }
        });
        tracing::info!(administration = %node.administration(), %api, %peer, "the node is in service");
        tokio::select! {
            () = stop_signal() => {}
            () = parent_gone(self.stop_with_parent) => {}
        }
        tracing::info!("the node is stopping: it finishes what it has begun");
        // The receivers are held by the tasks below, so sending reaches them all.
        let _ = stop.send(true);
        let mut failed = false;
        failed |= front.await.is_err();
        failed |= !matches!(peers.await, Ok(Ok(())));
        if let Some(apart) = apart {
            failed |= apart.await.is_err();
        }
        failed |= workers.await.is_err();
        node.close().await;
        tracing::info!("the node has stopped");
        ExitCode::from(u8::from(failed))
    }
}

/// A listener on `address`; the reason in words when there can be none.
async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// Resolves when the process that started this one is gone; never when it is not to be watched.
async fn parent_gone(watched: bool) {
    if !watched {
        return std::future::pending().await;
    }
    let (gone, told) = tokio::sync::oneshot::channel();
    // A thread of its own: reading standard input cannot be cancelled, and must not hold up the end of the process.
    std::thread::spawn(move || {
        // An error means that nothing more can come, as does the end of the input.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = gone.send(());
    });
    let _ = told.await;
}

/// Someone new who may use a node.
#[derive(Args)]
pub struct Register {
    /// The node's configuration; the node must not be running
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// trader, officer or operator
    #[arg(long)]
    role: String,
    /// The name: for a trader, the identification under which its movements are kept
    #[arg(long)]
    name: String,
    /// A password for the console, read from this environment variable
    #[arg(long, value_name = "VARIABLE")]
    password_from: Option<String>,
    /// For a trader: the EORI of whom it acts for, as holder, representative or trader at destination; may be repeated
    #[arg(long = "eori", value_name = "EORI")]
    traders: Vec<Eori>,
    /// For a trader: it acts for anyone
    #[arg(long, conflicts_with = "traders")]
    acts_for_anyone: bool,
}

impl Register {
    /// Registers and prints the token.
    pub fn run(self) -> ExitCode {
        let Some(role) = Role::parse(&self.role) else {
            return fail(format!("`{}` is no role: give trader, officer or operator", self.role));
        };
        if role == Role::Trader && self.traders.is_empty() && !self.acts_for_anyone {
            return fail("say for whom the trader acts: `--eori EORI`, or `--acts-for-anyone`");
        }
        let password = match self.password_from.as_deref().map(std::env::var) {
            None => String::new(),
            Some(Ok(password)) => password,
            Some(Err(error)) => return fail(format!("the password's environment variable: {error}")),
        };
        let traders = self.traders.into_iter().collect();
        match node::register_principal(&self.config, &self.name, role, &password, &traders) {
            Ok(token) => {
                println!("{token}");
                ExitCode::SUCCESS
            }
            Err(error) => fail(error),
        }
    }
}
