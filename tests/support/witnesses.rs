//! Three nodes that witness each other's logs over HTTPS, each with a folder and a port of its own.

use base::{Administration, Country, Timestamp};
use evidence::merkle::{Frontier, Hash, leaf_hash};
use evidence::witness::AddCheckpoint;
use evidence::{Checkpoint, PublicKeys, SignedNote, merkle};
use node::{Config, Identity, Node, PartnerCard, World};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Execution, Location, Store, StoreError, log};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const COUNTRIES: [&str; 3] = ["GB", "FR", "IT"];

/// Two of the others must have cosigned.
const WITNESSING: &str = "\n[witnessing]\nclause = \"data.protection\"\nneeded = 2\nwitnesses = [\"NTA.FR\", \"NTA.GB\", \"NTA.IT\"]\n";

pub fn administration(country: &str) -> Administration {
    Administration::of(Country::parse(country).unwrap())
}

/// What an office of a federation keeps on its disk, and its node when it runs.
pub struct Office {
    pub country: &'static str,
    pub config: PathBuf,
    pub address: SocketAddr,
    node: Option<Arc<Node>>,
    server: Option<JoinHandle<()>>,
}

impl Office {
    pub fn node(&self) -> &Arc<Node> {
        self.node.as_ref().unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.config.parent().unwrap()
    }

    pub fn card(&self) -> PublicKeys {
        PartnerCard::load(&self.folder().join("card.json")).unwrap().keys
    }

    pub fn identity(&self) -> Identity {
        Identity::load(&self.folder().join("keys.json")).unwrap()
    }

    pub async fn start(&mut self) {
        let node = Node::open(Config::load(&self.config).unwrap(), World::system()).await.unwrap();
        let listener = TcpListener::bind(self.address).await.unwrap();
        let served = Arc::clone(&node);
        self.server = Some(tokio::spawn(async move {
            web::server::serve_peers(served, listener, std::future::pending()).await.unwrap();
        }));
        self.node = Some(node);
    }

    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            let _ = server.await;
        }
        if let Some(node) = self.node.take() {
            node.close().await;
        }
    }

    /// Enters leaves `from..to` of a history while the node is stopped. Another `branch` gives other leaves.
    pub fn enter(&self, from: u64, to: u64, branch: u8) {
        assert!(self.node.is_none());
        let location: Location = Config::load(&self.config).unwrap().store_location().parse().unwrap();
        let store = Store::open(&location, Execution::WriterThread, node::MIGRATIONS).unwrap();
        store
            .write(move |tx| -> Result<(), StoreError> {
                let bytes = log::load_frontier(tx)?;
                let mut frontier =
                    if bytes.is_empty() { Frontier::new() } else { Frontier::from_bytes(&bytes).unwrap() };
                assert_eq!(frontier.size(), from);
                for number in from..to {
                    let entry = entry(number, branch);
                    frontier.push(leaf_hash(&entry));
                    log::append(tx, &entry, leaf_hash(&entry), Timestamp::from_micros(1))?;
                }
                log::save_frontier(tx, &frontier.to_bytes())
            })
            .unwrap();
        store.close();
    }

    /// The database's files under another name, or back.
    pub fn copy_database(&self, from: &str, to: &str) {
        for suffix in ["", "-wal", "-shm"] {
            let (from, to) = (format!("{from}{suffix}"), format!("{to}{suffix}"));
            let _ = std::fs::remove_file(self.folder().join(&to));
            if self.folder().join(&from).exists() {
                std::fs::copy(self.folder().join(&from), self.folder().join(&to)).unwrap();
            }
        }
    }
}

pub fn entry(number: u64, branch: u8) -> Vec<u8> {
    format!("entry {number} of branch {branch}").into_bytes()
}

pub fn leaves(count: u64, branch: u8) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&entry(number, branch))).collect()
}

pub struct Federation {
    pub offices: Vec<Office>,
    _folder: tempfile::TempDir,
}

impl Federation {
    /// Three offices, none of which runs; the log of Great Britain has `entries`.
    pub async fn prepared(entries: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let parties = COUNTRIES.map(administration);
        let mut offices = Vec::new();
        for country in COUNTRIES {
            // The port is free again when the listener is dropped.
            let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let prepared = super::prepare(folder.path().join(country), &administration(country), address);
            offices.push(Office { country, config: prepared.config, address, node: None, server: None });
        }
        for office in &offices {
            let others = offices.iter().filter(|other| other.country != office.country);
            let cards = others.map(|other| other.folder().join("card.json")).collect();
            node::join_corridor(&office.config, cards, &parties).unwrap();
            let agreement = office.folder().join("corridor-agreement.toml");
            let text = std::fs::read_to_string(&agreement).unwrap();
            std::fs::write(&agreement, text + WITNESSING).unwrap();
        }
        let federation = Self { offices, _folder: folder };
        federation.office("GB").enter(0, entries, 0);
        federation
    }

    pub async fn running(entries: u64) -> Self {
        let mut federation = Self::prepared(entries).await;
        for office in &mut federation.offices {
            office.start().await;
        }
        federation
    }

    pub fn office(&self, country: &str) -> &Office {
        self.offices.iter().find(|office| office.country == country).unwrap()
    }

    pub fn office_mut(&mut self, country: &str) -> &mut Office {
        self.offices.iter_mut().find(|office| office.country == country).unwrap()
    }

    /// Great Britain signs a checkpoint, and these cosign it.
    pub async fn publish(&self, witnesses: &[&str]) -> u64 {
        let node = self.office("GB").node();
        node.sign_checkpoint().await.unwrap();
        let mut size = 0;
        for witness in witnesses {
            size = node.request_cosignature(&administration(witness)).await.unwrap();
        }
        size
    }

    /// A checkpoint of other leaves under the log key of Great Britain, shown to one partner alone.
    pub async fn lie_to(&self, country: &str, size: u64) -> u16 {
        let leaves = leaves(size, 1);
        let checkpoint = Checkpoint::new(&administration("GB"), size, merkle::root(&leaves));
        let note = checkpoint.sign(&self.office("GB").identity().keys.log).unwrap();
        let note = SignedNote::parse("checkpoint", &note).unwrap();
        let body = AddCheckpoint { old_size: 0, proof: Vec::new(), note }.to_body();
        self.office(country).node().add_checkpoint(body.as_bytes()).await.unwrap().status
    }
}
