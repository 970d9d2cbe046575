//! `tidewaiter key`: the keys of a node and the key registers of its agreements.

use super::{block_on, fail, say};
use base::Administration;
use clap::{Args, Subcommand};
use corridor::{Api, ClientError};
use node::{Config, KeyOrder, Node, Passphrase, Purpose, RevocationOrder, Rotation, Threshold, World};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Keys and key registers.
#[derive(Subcommand)]
pub enum Key {
    /// Show the key registers and their keys
    List(Reached),
    /// Make a new key, and use it as soon as all partners know it
    Rotate(Rotate),
    /// Revoke one of our keys
    Revoke(Revoke),
    /// Let key registers expire later
    Renew(Renew),
    /// Make the key register of an agreement out of its parties' cards, or let a party more into it
    Register(Register),
    /// Seal the key file under the passphrase that this process is given
    Seal(Stopped),
    /// Show the ML-DSA-44 key with which this node can cosign logs; make it if there is none
    #[command(name = "witness-ml-dsa-44")]
    WitnessMlDsa44(Stopped),
}

/// How the node is reached: when it runs, by its API with the operator's token; when it does not, by its configuration.
#[derive(Args)]
pub struct Reached {
    /// The node's configuration
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// The environment variable that holds the operator's token
    #[arg(long, value_name = "VARIABLE", default_value = "TIDEWAITER_OPERATOR_TOKEN")]
    token_from: String,
}

/// A new key.
#[derive(Args)]
pub struct Rotate {
    /// tls, sign, enc, log or witness
    purpose: String,
    /// For a signing key: EdDSA or ES256
    #[arg(long)]
    algorithm: Option<String>,
    /// For a signing key in a device: its name under `devices` in the configuration
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    #[command(flatten)]
    reached: Reached,
}

/// A key that must count no more.
#[derive(Args)]
pub struct Revoke {
    /// The key's identifier, or its first eight digits or more
    key: String,
    /// The first position in our log that was not written by us with this key; all that is in the log now counts when left
    /// out
    #[arg(long, value_name = "N")]
    effective_position: Option<u64>,
    /// compromised, superseded or withdrawn
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    reached: Reached,
}

/// A later expiry.
#[derive(Args)]
pub struct Renew {
    /// The agreement; all when left out
    #[arg(long)]
    agreement: Option<String>,
    #[command(flatten)]
    reached: Reached,
}

/// The register of an agreement.
#[derive(Args)]
pub struct Register {
    /// The agreement, as in common-transit
    agreement: String,
    /// How many of the parties must sign a change; all when left out
    #[arg(long, value_name = "M")]
    threshold: Option<u64>,
    /// How many must sign a revocation; one when left out
    #[arg(long, value_name = "R", requires = "threshold")]
    revocation_threshold: Option<u64>,
    /// A partner to let into a register that is there already
    #[arg(long, value_name = "ADMINISTRATION", conflicts_with = "threshold")]
    admit: Option<Administration>,
    #[command(flatten)]
    reached: Reached,
}

/// Work on the key file of a node that does not run.
#[derive(Args)]
pub struct Stopped {
    /// The node's configuration; the node must not be running
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Key {
    /// Does it, and prints what became of it.
    pub fn run(self) -> ExitCode {
        match self {
            Self::List(reached) => block_on(list(reached)),
            Self::Rotate(rotate) => rotate.run(),
            Self::Revoke(Revoke { key, effective_position, reason, reached }) => {
                let order = RevocationOrder { key, effective_position, reason };
                block_on(carry_out(reached, KeyOrder::Revoke(order)))
            }
            Self::Renew(Renew { agreement, reached }) => {
                block_on(carry_out(reached, KeyOrder::Renew(agreement)))
            }
            Self::Register(Register { agreement, threshold, revocation_threshold, admit, reached }) => {
                let threshold = threshold
                    .map(|change| Threshold { change, revocation: revocation_threshold.unwrap_or(1) });
                let order = match admit {
                    Some(partner) => KeyOrder::Admit(agreement, partner),
                    None => KeyOrder::Found(agreement, threshold),
                };
                block_on(carry_out(reached, order))
            }
            Self::Seal(Stopped { config }) => seal(&config),
            Self::WitnessMlDsa44(Stopped { config }) => witness_ml_dsa_44(&config),
        }
    }
}

impl Rotate {
    fn run(self) -> ExitCode {
        let Some(purpose) = Purpose::parse(&self.purpose) else {
            return fail(format!("`{}` is no purpose: give tls, sign, enc, log or witness", self.purpose));
        };
        let order = Rotation { purpose, algorithm: self.algorithm, device: self.device };
        block_on(carry_out(self.reached, KeyOrder::Rotate(order)))
    }
}

/// A node that runs, by its API; one that does not, opened here for as long as this takes.
pub(super) enum Reach {
    Running(Api),
    Here(std::sync::Arc<Node>),
}

pub(super) async fn reach(reached: &Reached) -> Result<Reach, String> {
    let config = Config::load(&reached.config).map_err(|error| error.to_string())?;
    let token = std::env::var(&reached.token_from).unwrap_or_default();
    let running = tokio::net::TcpStream::connect(config.listen.api).await.is_ok();
    if running {
        if token.is_empty() {
            return Err(format!(
                "the node is running: put the operator's token into `{}`",
                reached.token_from
            ));
        }
        return Ok(Reach::Running(Api::new(format!("http://{}", config.listen.api), token)));
    }
    let node = Node::open(config, World::system()).await.map_err(|error| error.to_string())?;
    Ok(Reach::Here(node))
}

/// The route of the API for an order, and what is posted to it.
fn request(order: &KeyOrder) -> (String, Value) {
    match order {
        KeyOrder::Rotate(rotation) => ("/api/v1/keys/rotations".to_owned(), json!(rotation)),
        KeyOrder::Revoke(order) => ("/api/v1/keys/revocations".to_owned(), json!(order)),
        KeyOrder::Renew(agreement) => ("/api/v1/keys/renewals".to_owned(), json!({ "agreement": agreement })),
        KeyOrder::Found(agreement, threshold) => {
            let change = threshold.map(|threshold| threshold.change);
            let revocation = threshold.map(|threshold| threshold.revocation);
            let founding = json!({ "change": change, "revocation": revocation });
            (format!("/api/v1/registers/{agreement}"), founding)
        }
        KeyOrder::Admit(agreement, partner) => {
            (format!("/api/v1/registers/{agreement}"), json!({ "admit": partner }))
        }
    }
}

async fn carry_out(reached: Reached, order: KeyOrder) -> ExitCode {
    let answer = match reach(&reached).await {
        Err(error) => return fail(error),
        Ok(Reach::Running(api)) => {
            let (path, body) = request(&order);
            api.post(&path, &body).await.map_err(|error| error.to_string())
        }
        Ok(Reach::Here(node)) => {
            let became = node.order_keys(order, "the command line").await;
            node.close().await;
            became.map(|registers| json!({ "registers": registers })).map_err(|error| error.to_string())
        }
    };
    match answer {
        Ok(answer) => told(&answer),
        Err(error) => fail(error),
    }
}

/// One line a register: what became of it.
fn told(answer: &Value) -> ExitCode {
    let registers = answer.get("registers").and_then(Value::as_object);
    for (agreement, progress) in registers.into_iter().flatten() {
        let text = |name: &str| progress.get(name).and_then(Value::as_str).unwrap_or_default();
        let version = progress.get("version").and_then(Value::as_u64).unwrap_or_default();
        match text("state") {
            "in-force" => say(format_args!("{agreement}: version {version} is in force")),
            _ => say(format_args!(
                "{agreement}: version {version} waits for signatures, and the node goes on asking: {}",
                text("because")
            )),
        }
    }
    ExitCode::SUCCESS
}

async fn list(reached: Reached) -> ExitCode {
    let view = match reach(&reached).await {
        Err(error) => return fail(error),
        Ok(Reach::Running(api)) => {
            let answer: Result<Value, ClientError> = api.get("/api/v1/keys").await;
            answer.map_err(|error| error.to_string())
        }
        Ok(Reach::Here(node)) => {
            let registers = node.key_registers().await.map_err(|error| error.to_string());
            let warnings = node.key_warnings();
            node.close().await;
            registers.map(|registers| json!({ "registers": registers, "warnings": warnings }))
        }
    };
    let view = match view {
        Ok(view) => view,
        Err(error) => return fail(error),
    };
    let list =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_i64).unwrap_or_default();
    let moment = |micros: i64| base::Timestamp::from_micros(micros).to_string();
    let registers = list(&view, "registers");
    if registers.is_empty() {
        say(format_args!("There is no key register yet: partners know this node by its card."));
    }
    for register in registers {
        say(format_args!(
            "{} version {}, expires {} ({})",
            text(&register, "agreement"),
            number(&register, "version"),
            moment(number(&register, "expires")),
            text(&register, "freshness")
        ));
        if let Some(proposed) = register.get("proposed").and_then(Value::as_str) {
            say(format_args!("  {proposed}"));
        }
        for key in list(&register, "keys") {
            let used = if key.get("in_use") == Some(&Value::Bool(true)) { " in use" } else { "" };
            say(format_args!(
                "  {:<8} {:<8} {} {}{used}, until {}",
                text(&key, "administration"),
                text(&key, "purpose"),
                text(&key, "key").chars().take(16).collect::<String>(),
                text(&key, "state"),
                moment(number(&key, "until"))
            ));
        }
    }
    for warning in list(&view, "warnings") {
        say(format_args!("warning: {}", warning.as_str().unwrap_or_default()));
    }
    ExitCode::SUCCESS
}

fn witness_ml_dsa_44(config: &Path) -> ExitCode {
    let made = Passphrase::from_process().map_err(|error| error.to_string()).and_then(|passphrase| {
        let config = Config::load(config).map_err(|error| error.to_string())?;
        node::ml_dsa_witness_key(&config, passphrase).map_err(|error| error.to_string())
    });
    match made {
        Ok(key) => {
            say(format_args!("{key}"));
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}

fn seal(config: &Path) -> ExitCode {
    let sealed = Passphrase::from_process().map_err(|error| error.to_string()).and_then(|passphrase| {
        let passphrase = passphrase.ok_or(
            "give the passphrase in TIDEWAITER_KEY_PASSPHRASE, TIDEWAITER_KEY_PASSPHRASE_FILE or \
             TIDEWAITER_KEY_PASSPHRASE_FD",
        )?;
        let passphrase = passphrase.for_sealing().map_err(|error| error.to_string())?;
        let config = Config::load(config).map_err(|error| error.to_string())?;
        node::seal_key_file(&config, passphrase).map_err(|error| error.to_string())
    });
    match sealed {
        Ok(path) => {
            say(format_args!("{} is sealed: the node needs the passphrase from now on", path.display()));
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}
