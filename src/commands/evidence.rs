//! `tidewaiter evidence`: exports the proof of a message as one file, takes such a file apart, and verifies it.

use super::{block_on, fail, say};
use clap::{Args, Subcommand};
use corridor::Api;
use node::{Config, Disclose, Node, World};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What can be done with evidence.
#[derive(Subcommand)]
pub enum Evidence {
    /// Write everything that proves a message into one file
    Export(Export),
    /// Take an evidence file apart into files of published formats
    Unpack(Unpack),
    /// Verify an evidence file, offline: exit 0 proved, 1 refused, 2 nothing decided
    Verify(Verify),
}

impl Evidence {
    /// Does it.
    pub fn run(self) -> ExitCode {
        match self {
            Self::Export(export) => export.run(),
            Self::Unpack(unpack) => unpack.run(),
            Self::Verify(verify) => verify.run(),
        }
    }
}

/// An export, by a running node's API or from a node that is not running.
#[derive(Args)]
pub struct Export {
    /// The message: its number in this node, or its identity between nodes (a UUID)
    message: String,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Show these fields, as in Consignment/HouseConsignment[2]/grossMass
    #[arg(long, value_name = "PATH,...", value_delimiter = ',', conflicts_with_all = ["whole", "none"])]
    fields: Vec<String>,
    /// Show the whole message
    #[arg(long, conflicts_with = "none")]
    whole: bool,
    /// Show nothing of the content (as when nothing is said)
    #[arg(long)]
    none: bool,
    /// Let copies of the attachments be compared by the file, as with `verify --attachment`
    #[arg(long)]
    attachments: bool,
    /// The configuration of a node that is not running
    #[arg(long, value_name = "FILE", conflicts_with = "api", required_unless_present = "api")]
    config: Option<PathBuf>,
    /// The address of a running node's API, as in http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// The environment variable that holds the token of an officer or operator
    #[arg(long, value_name = "VARIABLE", default_value = "TIDEWAITER_TOKEN")]
    token_from: String,
}

impl Export {
    fn run(self) -> ExitCode {
        block_on(async {
            let exported = match (&self.config, &self.api) {
                (Some(config), _) => self.export_from_store(config).await,
                (None, Some(api)) => self.export_from_api(api).await,
                (None, None) => {
                    Err("give `--config` of a stopped node or `--api` of a running one".to_owned())
                }
            };
            match exported.and_then(|file| write_new(&self.out, &file).map(|()| file.len())) {
                Ok(size) => {
                    say(format_args!("{} ({size} bytes)", self.out.display()));
                    ExitCode::SUCCESS
                }
                Err(error) => fail(error),
            }
        })
    }

    fn disclose(&self) -> Disclose {
        if self.whole {
            Disclose::Whole
        } else if self.fields.is_empty() {
            Disclose::Nothing
        } else {
            Disclose::Fields(self.fields.clone())
        }
    }

    async fn export_from_store(&self, config: &Path) -> Result<Vec<u8>, String> {
        let config = Config::load(config).map_err(|error| error.to_string())?;
        let node = Node::open(config, World::system()).await.map_err(|error| error.to_string())?;
        let exported = self.by(&node).await;
        node.close().await;
        exported
    }

    async fn by(&self, node: &Node) -> Result<Vec<u8>, String> {
        let number = match self.message.parse() {
            Ok(number) => number,
            Err(_) => {
                let of = node.messages_of_identity(self.message.clone()).await;
                match of.map_err(|error| error.to_string())?.as_slice() {
                    [number] => *number,
                    [] => return Err(format!("no message has the identity `{}`", self.message)),
                    several => return Err(format!("several messages have this identity: {several:?}")),
                }
            }
        };
        let file = node
            .evidence_with(number, self.disclose(), self.attachments)
            .await
            .map_err(|error| error.to_string())?;
        file.ok_or_else(|| format!("`{number}` is no message between administrations on record here"))
    }

    async fn export_from_api(&self, api: &str) -> Result<Vec<u8>, String> {
        let token = std::env::var(&self.token_from).map_err(|error| {
            format!("the environment variable `{}` must hold a token: {error}", self.token_from)
        })?;
        let shown = match self.disclose() {
            Disclose::Nothing => "show=none".to_owned(),
            Disclose::Whole => "show=whole".to_owned(),
            Disclose::Fields(fields) => format!("fields={}", query(&fields.join(","))),
        };
        let attachments = if self.attachments { "&attachments=true" } else { "" };
        let path = format!("/api/v1/messages/{}/evidence?{shown}{attachments}", query(&self.message));
        let api = Api::new(api.trim_end_matches('/').to_owned(), token);
        api.bytes(&path).await.map_err(|error| error.to_string())
    }
}

/// Text as it may stand in an address (RFC 3986 section 2.1).
fn query(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Writes a file that was not there; evidence never takes the place of other evidence.
fn write_new(path: &Path, content: &[u8]) -> Result<(), String> {
    use std::io::Write;
    let cannot = |error: std::io::Error| format!("cannot write `{}`: {error}", path.display());
    let mut file = std::fs::File::create_new(path).map_err(cannot)?;
    file.write_all(content).map_err(cannot)
}

/// A file to take apart.
#[derive(Args)]
pub struct Unpack {
    /// The evidence file
    file: PathBuf,
    /// The folder for the pieces; it is made where it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Unpack {
    fn run(self) -> ExitCode {
        match self.unpacked() {
            Ok(names) => {
                names.iter().for_each(say);
                ExitCode::SUCCESS
            }
            Err(error) => fail(error),
        }
    }

    fn unpacked(&self) -> Result<Vec<String>, String> {
        let bytes = read(&self.file)?;
        let pieces = verifier::unpack(&bytes).map_err(|error| error.to_string())?;
        std::fs::create_dir_all(&self.out)
            .map_err(|error| format!("cannot make `{}`: {error}", self.out.display()))?;
        for piece in &pieces {
            write_new(&self.out.join(&piece.name), &piece.content)?;
        }
        Ok(pieces.into_iter().map(|piece| piece.name).collect())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

/// A file to verify.
#[derive(Args)]
pub struct Verify {
    /// The evidence file
    file: PathBuf,
    /// Trust this card or key register (a file), or whichever in the evidence has this fingerprint; may be repeated
    #[arg(long = "trust", value_name = "FILE|FINGERPRINT")]
    trust: Vec<String>,
    /// Is this file one of the attachments that were signed? May be repeated
    #[arg(long = "attachment", value_name = "FILE")]
    attachments: Vec<PathBuf>,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    fn run(self) -> ExitCode {
        match self.verdict() {
            Ok(verdict) => {
                let text = if self.json { verdict.to_json() } else { verifier::report(&verdict) };
                say(text.trim_end());
                ExitCode::from(verdict.exit_code())
            }
            Err(error) => fail(error),
        }
    }

    fn verdict(&self) -> Result<verifier::Verdict, String> {
        let bytes = read(&self.file)?;
        let trust = verifier::read_trust(&self.trust, &|name| std::fs::read(name).ok());
        let trust = trust.map_err(|error| error.to_string())?;
        let mut given = Vec::new();
        for path in &self.attachments {
            let name = path.display().to_string();
            let cannot = |error: std::io::Error| format!("cannot read `{name}`: {error}");
            let mut content = std::fs::File::open(path).map_err(cannot)?;
            given.push(verifier::Given::read(&bytes, &name, &mut content).map_err(cannot)?);
        }
        Ok(verifier::verify_with(&bytes, &trust, &given))
    }
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn what_an_address_cannot_hold_is_escaped() {
        assert_eq!(query("A/b[2]/c,d e\u{e9}"), "A/b%5B2%5D/c,d%20e%C3%A9");
    }
}
