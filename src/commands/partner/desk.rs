//! Where the commands act: at a node that is running, through its API, or at one that is stopped, by its configuration.

use base::Administration;
use clap::Args;
use corridor::{Api, ClientError};
use node::federation::{Acceptance, FederationError, Invitation};
use node::{Config, Node, World};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Who acts on a stopped node: whoever may read its configuration and its keys.
const LOCAL: &str = "operator at the console of the machine";

/// Which node.
#[derive(Args)]
pub struct At {
    /// A running node: the address of its API, as in http://127.0.0.1:8080
    #[arg(long, value_name = "URL", required_unless_present = "config")]
    node: Option<String>,
    /// The environment variable that holds the operator's token
    #[arg(long, value_name = "VARIABLE", default_value = "TIDEWAITER_TOKEN")]
    token_from: String,
    /// A stopped node: its configuration
    #[arg(long, value_name = "FILE", conflicts_with = "node")]
    config: Option<PathBuf>,
}

/// A node that is asked.
pub enum Desk {
    /// Through its API.
    Running(Box<Api>),
    /// By its files.
    Stopped(Arc<Node>),
}

/// Why a node does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The token's environment variable.
    #[error(
        "the operator's token is looked for in the environment variable `{0}`, which is not set: `tidewaiter init` has shown the token; put it there, or name another variable with --token-from"
    )]
    NoToken(String),
    /// The node refused, and said why.
    #[error("{0}")]
    Refused(String),
    /// There is no answer.
    #[error("{0}: is the node running? A stopped one is named by --config FILE")]
    Away(ClientError),
    /// The files of a stopped node cannot be used.
    #[error("{0}\nIf the node is running, name it with --node URL instead of --config")]
    Open(Box<dyn std::error::Error>),
    /// The node refused, or failed.
    #[error(transparent)]
    Federation(#[from] FederationError),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] node::NodeError),
    /// There is no such partner.
    #[error("`{0}` is no partner of this node: `tidewaiter partner list` shows who is")]
    NoPartner(Administration),
}

impl From<ClientError> for DeskError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem { body, title, .. } => {
                let detail = body.get("detail").and_then(Value::as_str).unwrap_or(&title);
                Self::Refused(detail.to_owned())
            }
            other => Self::Away(other),
        }
    }
}

impl At {
    /// Opens the node.
    pub async fn open(&self) -> Result<Desk, DeskError> {
        if let Some(address) = &self.node {
            let token =
                std::env::var(&self.token_from).map_err(|_| DeskError::NoToken(self.token_from.clone()))?;
            let address = address.trim_end_matches('/').to_owned();
            return Ok(Desk::Running(Box::new(Api::new(address, token.trim().to_owned()))));
        }
        // INVARIANT: one of the two is given.
        let path = self.config.clone().unwrap_or_default();
        let config = Config::load(&path).map_err(|error| DeskError::Open(error.into()))?;
        let node = Node::open(config, World::system()).await;
        node.map(Desk::Stopped).map_err(|error| DeskError::Open(error.into()))
    }
}

impl Desk {
    /// Lets a stopped node go.
    pub async fn close(self) {
        if let Self::Stopped(node) = self {
            node.close().await;
        }
    }

    /// Writes an invitation.
    pub async fn invite(
        &self,
        to: &Administration,
        agreement: &str,
        days: u16,
    ) -> Result<Invitation, DeskError> {
        match self {
            Self::Running(api) => {
                let asked = json!({ "administration": to, "agreement": agreement, "days": days });
                let mut answer = api.post("/api/v1/partners/invitations", &asked).await?;
                let file = answer["invitation"].take().to_string();
                Ok(Invitation::from_json(file.as_bytes()).map_err(FederationError::from)?)
            }
            Self::Stopped(node) => Ok(node.invite(to.clone(), agreement, days, LOCAL).await?),
        }
    }

    /// Accepts an invitation.
    pub async fn accept(&self, invitation: Invitation, fingerprint: &str) -> Result<Acceptance, DeskError> {
        match self {
            Self::Running(api) => {
                let asked = json!({ "file": invitation, "fingerprint": fingerprint });
                let mut answer = api.post("/api/v1/partners/invitations/accepted", &asked).await?;
                let file = answer["acceptance"].take().to_string();
                Ok(Acceptance::from_json(file.as_bytes()).map_err(FederationError::from)?)
            }
            Self::Stopped(node) => Ok(node.accept_invitation(invitation, fingerprint, LOCAL).await?),
        }
    }

    /// Takes an acceptance; returns the agreement in words.
    pub async fn take(&self, acceptance: Acceptance, fingerprint: &str) -> Result<String, DeskError> {
        match self {
            Self::Running(api) => {
                let asked = json!({ "file": acceptance, "fingerprint": fingerprint });
                let answer = api.post("/api/v1/partners/acceptances", &asked).await?;
                Ok(answer["agreement"].as_str().unwrap_or_default().to_owned())
            }
            Self::Stopped(node) => Ok(node.take_acceptance(acceptance, fingerprint, LOCAL).await?.agreement),
        }
    }

    /// The partners, as the API shows them.
    pub async fn partners(&self) -> Result<Vec<Value>, DeskError> {
        let mut listed = match self {
            Self::Running(api) => api.get::<Value>("/api/v1/partners").await?,
            Self::Stopped(node) => json!({ "partners": node.partners().await? }),
        };
        match listed["partners"].take() {
            Value::Array(partners) => Ok(partners),
            _ => Ok(Vec::new()),
        }
    }

    /// Suspends the exchange with a partner.
    pub async fn suspend(&self, partner: &Administration, reason: &str) -> Result<(), DeskError> {
        match self {
            Self::Running(api) => {
                let path = format!("/api/v1/partners/{partner}/suspension");
                change(partner, api.post(&path, &json!({ "reason": reason })).await)
            }
            Self::Stopped(node) => known(partner, node.suspend_partner(partner, reason, LOCAL).await?),
        }
    }

    /// Lets the exchange with a partner go on.
    pub async fn resume(&self, partner: &Administration) -> Result<(), DeskError> {
        match self {
            Self::Running(api) => {
                change(partner, api.post(&format!("/api/v1/partners/{partner}/resumption"), &json!({})).await)
            }
            Self::Stopped(node) => known(partner, node.resume_partner(partner, LOCAL).await?),
        }
    }
}

fn change(partner: &Administration, answer: Result<Value, ClientError>) -> Result<(), DeskError> {
    match answer {
        Err(error) if error.is_problem("not-found") => Err(DeskError::NoPartner(partner.clone())),
        answer => Ok(answer.map(drop)?),
    }
}

fn known(partner: &Administration, found: bool) -> Result<(), DeskError> {
    if found { Ok(()) } else { Err(DeskError::NoPartner(partner.clone())) }
}
