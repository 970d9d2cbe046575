//! Nodes of one process that exchange over mutual TLS on loopback sockets, with everything on that is on in service.

use super::BenchError;
use super::scratch::Scratch;
use crate::fleet::StoreChoice;
use base::{Administration, Country};
use node::{Config, Node, Prepared, SetUp, World};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, block_in_place};

/// Serves a node's partners on a listener until the watched value turns true. The room that speaks HTTP is not known
/// here, so whoever asks for a measurement hands this in.
pub type PeerPort = fn(Arc<Node>, TcpListener, watch::Receiver<bool>) -> JoinHandle<()>;

/// An administration by its country's code, and the name of its store.
pub(super) type Party = (&'static str, &'static str);

/// One node, set up, and running unless it is being restarted.
struct Side {
    prepared: Prepared,
    address: SocketAddr,
    node: Arc<Node>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// A sender, a recipient, and perhaps others that witness, all running and partners of each other.
pub(super) struct Pair {
    sender: Side,
    recipient: Side,
    others: Vec<Side>,
    port: PeerPort,
}

impl Pair {
    /// Sets the nodes of these administrations up, makes them partners, and starts them. The first sends to the second.
    pub(super) async fn open(
        scratch: &Scratch,
        port: PeerPort,
        parties: &[Party],
    ) -> Result<Self, BenchError> {
        let mut prepared = Vec::new();
        for (code, name) in parties {
            // Bound before the card is written, as the card says where the node is reached.
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            let administration = administration(code)?;
            let set_up = SetUp {
                folder: scratch.folder.join(name),
                administration: administration.clone(),
                store: match scratch.choice {
                    StoreChoice::Sqlite => "sqlite:node.db".to_owned(),
                    StoreChoice::Postgres(_) => scratch.store(name),
                },
                api: SocketAddr::from(([127, 0, 0, 1], 0)),
                peer: listener.local_addr()?,
                corridor_defaults: false,
                reference: None,
            };
            prepared.push((administration, block_in_place(|| node::initialise(&set_up))?, listener));
        }
        let parties: Vec<Administration> = prepared.iter().map(|(party, ..)| party.clone()).collect();
        for (party, files, _) in &prepared {
            let others = prepared.iter().filter(|(other, ..)| other != party);
            let cards = others.map(|(_, files, _)| files.card.clone()).collect();
            node::join_corridor(&files.config, cards, &parties)?;
        }
        let mut prepared = prepared.into_iter().map(|(_, files, listener)| start(files, listener, port));
        let (Some(sender), Some(recipient)) = (prepared.next(), prepared.next()) else {
            return Err(BenchError::Astray("there are not two nodes".to_owned()));
        };
        let (sender, recipient) = (sender.await?, recipient.await?);
        let mut others = Vec::new();
        for other in prepared {
            others.push(other.await?);
        }
        Ok(Self { sender, recipient, others, port })
    }

    /// The node that sends.
    pub(super) fn sender(&self) -> &Arc<Node> {
        &self.sender.node
    }

    /// The node that receives.
    pub(super) fn recipient(&self) -> &Arc<Node> {
        &self.recipient.node
    }

    /// Sender and recipient.
    pub(super) fn nodes(&self) -> [&Arc<Node>; 2] {
        [self.sender(), self.recipient()]
    }

    /// Stops the sender as a signal does, opens it again on the store that it has filled, and tells how long it took
    /// from opening until it served its partners and delivered its letters again.
    #[allow(clippy::disallowed_methods, reason = "measuring is what this is for")]
    pub(super) async fn restart_sender(self) -> Result<(Self, Duration), BenchError> {
        let Self { sender, recipient, others, port } = self;
        let (prepared, address) = (sender.prepared.clone(), sender.address);
        sender.close().await;
        let started = Instant::now();
        let listener = TcpListener::bind(address).await?;
        let sender = start(prepared, listener, port).await?;
        Ok((Self { sender, recipient, others, port }, started.elapsed()))
    }

    /// Stops the nodes and closes their stores.
    pub(super) async fn close(self) {
        for side in [self.sender, self.recipient].into_iter().chain(self.others) {
            side.close().await;
        }
    }
}

impl Side {
    async fn close(self) {
        // Tasks that are gone already need no word.
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
        self.node.close().await;
    }
}

async fn start(prepared: Prepared, listener: TcpListener, port: PeerPort) -> Result<Side, BenchError> {
    let address = listener.local_addr()?;
    let config = Config::load(&prepared.config).map_err(node::NodeError::from)?;
    let node = Node::open(config, World::system()).await?;
    let (stop, stopped) = watch::channel(false);
    let served = port(Arc::clone(&node), listener, stopped.clone());
    let mut until_stopped = stopped;
    let workers =
        Arc::clone(&node).start_workers(async move { drop(until_stopped.wait_for(|stop| *stop).await) });
    Ok(Side { prepared, address, node, stop, tasks: vec![served, workers] })
}

fn administration(code: &str) -> Result<Administration, BenchError> {
    let country = Country::parse(code).map_err(|invalid| BenchError::Astray(invalid.to_string()))?;
    Ok(Administration::of(country))
}
