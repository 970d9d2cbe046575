//! `tidewaiter init`, `serve` and `principal`: a node of one administration.

use super::corridor::stop_signal;
use super::{block_on, fail, say};
use base::{Administration, Eori};
use clap::Args;
use node::{Config, Node, Role, SetUp, World};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
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
                say(format_args!("configuration      {}", prepared.config.display()));
                say(format_args!("partner card       {}", prepared.card.display()));
                say(format_args!("operator token     {}", prepared.operator_token));
                say(format_args!("officer token      {}", prepared.officer_token));
                say(format_args!("officer sign-in    officer / {}", prepared.officer_password));
                say(format_args!("trader token       {}", prepared.trader_token));
                say(format_args!(
                    "These secrets are not shown again. Next: tidewaiter serve --config {}",
                    prepared.config.display()
                ));
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
    /// Serves until a signal to stop, and finishes what is open; a second signal ends it at once.
    pub fn run(self) -> ExitCode {
        log_to_stderr();
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
        let mut parts = JoinSet::new();
        let workers = Arc::clone(&node).start_workers(until_stopped());
        parts.spawn(async move { ("the workers", workers.await.map_err(std::io::Error::other)) });
        let place = if apart.is_some() { Operations::Apart } else { Operations::OnFront };
        let served = web::server::serve_front(Arc::clone(&node), front, place, until_stopped());
        parts.spawn(async move {
            served.await;
            ("the port for traders and officers", Ok(()))
        });
        if let Some(listener) = apart {
            let served = web::server::serve_operations(Arc::clone(&node), listener, until_stopped());
            parts.spawn(async move {
                served.await;
                ("the port for operators", Ok(()))
            });
        }
        let served = web::server::serve_peers(Arc::clone(&node), peers, until_stopped());
        parts.spawn(async move { ("the port for partners", served.await) });
        tracing::info!(administration = %node.administration(), %api, %peer, "the node is in service");
        let mut failed = tokio::select! {
            () = stop_signal() => false,
            () = parent_gone(self.stop_with_parent) => false,
            // Half a node is worse than none: whoever watches it would not see that it does half its work.
            Some(ended) = parts.join_next() => {
                tracing::error!(ended = told(&ended), "a part of the node ended by itself, so the whole node stops");
                true
            }
        };
        tracing::info!("the node is stopping: it finishes what it has begun");
        // The receivers are held by the parts, so sending reaches them all.
        let _ = stop.send(true);
        let finish = async {
            while let Some(ended) = parts.join_next().await {
                if !matches!(ended, Ok((_, Ok(())))) {
                    tracing::error!(ended = told(&ended), "a part of the node failed");
                    failed = true;
                }
            }
            node.close().await;
            failed
        };
        let failed = tokio::select! {
            failed = finish => failed,
            () = stop_signal() => {
                tracing::warn!("asked to stop a second time: the node ends at once; what it has promised is durable");
                // Returning would wait for threads that are at work.
                std::process::exit(1);
            }
        };
        tracing::info!("the node has stopped");
        ExitCode::from(u8::from(failed))
    }
}

/// Has the log go to standard error, one JSON value a line; `TIDEWAITER_LOG` says how much of it.
pub(super) fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("TIDEWAITER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// How a part of the node ended, in words.
fn told(ended: &Result<(&str, std::io::Result<()>), JoinError>) -> String {
    match ended {
        Ok((part, Ok(()))) => (*part).to_owned(),
        Ok((part, Err(error))) => format!("{part}: {error}"),
        Err(error) => error.to_string(),
    }
}

/// A listener on `address`; the reason in words when there can be none.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
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
    /// trader, officer, operator or auditor
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
            return fail(format!("`{}` is no role: give trader, officer, operator or auditor", self.role));
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
                say(format_args!("{token}"));
                ExitCode::SUCCESS
            }
            Err(error) => fail(error),
        }
    }
}
