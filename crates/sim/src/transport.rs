//! The wire of a simulation: the very envelopes of the exchange over simulated TCP, and what befalls them on the way.
//!
//! A frame is the name of the delivering administration (a byte of length, then the name), four bytes of length, and
//! the envelope; the answer is four bytes of length and the bytes of the answer. The name stands in for what TLS proves
//! in service. A connection that ends without an answer means what an HTTP error means there: try again.
//!
//! A machine that is killed hangs up all its [`Connections`] in the order in which they were made. Left to its tasks,
//! that order would be the runtime's, which deals tasks out by numbers that all simulations of a process share.

use crate::faults::Fault;
use crate::stage::Stage;
use crate::world::machine;
use base::{Administration, Country};
use node::{Delivery, Node, Transport, TransportError};
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use turmoil::net::TcpStream;

/// The port on which every machine takes envelopes.
pub(crate) const PORT: u16 = 9443;

/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(4);

/// The soonest and the latest that a frame comes again, in milliseconds.
const AGAIN: (u64, u64) = (300, 12_000);

/// A connection, shared between the task that talks over it and the machine that it belongs to.
type Wire = Arc<tokio::sync::Mutex<TcpStream>>;

/// The open connections of a machine, by the number at which they were made.
#[derive(Default)]
pub(crate) struct Connections {
    open: Mutex<(u64, BTreeMap<u64, Wire>)>,
}

/// Hangs up all connections of a machine when it is dropped, which is after the tasks of the machine.
pub(crate) struct HangUp(pub(crate) Arc<Connections>);

impl Drop for HangUp {
    fn drop(&mut self) {
        let open = std::mem::take(&mut self.0.open.lock().unwrap_or_else(PoisonError::into_inner).1);
        // From the first to the last: a map is dropped in the order of its keys.
        drop(open);
    }
}

impl Connections {
    fn add(&self, stream: TcpStream) -> (u64, Wire) {
        let wire = Arc::new(tokio::sync::Mutex::new(stream));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.0 += 1;
        let number = open.0;
        open.1.insert(number, Arc::clone(&wire));
        (number, wire)
    }

    fn hang_up(&self, number: u64) {
        let wire = self.open.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&number);
        drop(wire);
    }
}

/// The way of one node to its partners.
pub(crate) struct SimulatedTransport {
    own: Country,
    stage: Arc<Stage>,
    connections: Arc<Connections>,
}

impl SimulatedTransport {
    pub(crate) fn new(own: Country, stage: Arc<Stage>, connections: Arc<Connections>) -> Self {
        Self { own, stage, connections }
    }

    async fn attempt(&self, partner: Country, envelope: Vec<u8>) -> std::result::Result<Vec<u8>, String> {
        let (stage, own, connections) = (&self.stage, self.own, &self.connections);
        let replayed = stage.befalls(Fault::Replayed, own);
        if replayed {
            self.replay(partner, envelope.clone());
        }
        let answer = exchange_frames(connections, own, partner, &envelope)
            .await
            .map_err(|error| error.kind().to_string())?;
        if stage.befalls(Fault::Duplicated, own) {
            // Whatever comes of it, the recipient sees to it that both get the same answer.
            drop(exchange_frames(connections, own, partner, &envelope).await);
        }
        if stage.befalls(Fault::AnswerLost, own) {
            return Err("the answer was lost".to_owned());
        }
        if stage.befalls(Fault::CommitFailed, own) {
            // The settlement of this delivery is the next commit: nothing else runs before it.
            stage.fail_next_commit(own);
        } else if stage.befalls(Fault::PowerCut, own) {
            stage.cut_power(own);
        }
        Ok(answer)
    }

    /// Lets the frame come again later, when others have overtaken it.
    fn replay(&self, partner: Country, envelope: Vec<u8>) {
        let (stage, own, connections) = (Arc::clone(&self.stage), self.own, Arc::clone(&self.connections));
        let pause = Duration::from_millis(stage.draw(|dice| dice.between(AGAIN.0, AGAIN.1)));
        stage.replay_begins(own);
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            drop(exchange_frames(&connections, own, partner, &envelope).await);
            stage.replay_ends(own);
        });
    }
}

impl Transport for SimulatedTransport {
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: node::Bytes) -> Delivery<'a> {
        Box::pin(async move {
            let to = partner.country();
            let (letter, place) = described(&envelope);
            let outcome = self.attempt(to, envelope.into()).await;
            let words = match &outcome {
                Ok(_) => format!("{place} to {to}: answered"),
                Err(reason) => format!("{place} to {to}: {reason}"),
            };
            self.stage.note_letter(self.own.as_str(), &letter, words);
            outcome.map_err(|reason| TransportError::Unreachable(partner.clone(), reason))
        })
    }
}

/// A letter as its statement describes it: its identity, and its place in its channel.
fn described(envelope: &[u8]) -> (String, String) {
    match exchange::read_statement(envelope) {
        Ok(incoming) => {
            let manifest = incoming.manifest();
            (
                incoming.message_id().to_string(),
                format!("{} no. {}", manifest.channel.subject(), manifest.sequence),
            )
        }
        Err(refusal) => (String::new(), refusal.to_string()),
    }
}

/// Delivers a frame and waits for the answer.
async fn exchange_frames(
    connections: &Connections,
    own: Country,
    partner: Country,
    envelope: &[u8],
) -> Result<Vec<u8>> {
    let late = |_| Error::from(ErrorKind::TimedOut);
    let connect = TcpStream::connect(format!("{}:{PORT}", machine(partner)));
    let (number, wire) = connections.add(timeout(PATIENCE, connect).await.map_err(late)??);
    let talk = async {
        let mut stream = wire.lock().await;
        let name = Administration::of(own).to_string();
        let mut frame = vec![u8::try_from(name.len()).map_err(|_| ErrorKind::InvalidInput)?];
        frame.extend(name.as_bytes());
        frame.extend(length(envelope)?);
        frame.extend(envelope);
        stream.write_all(&frame).await?;
        read_block(&mut stream, exchange::MAX_RESPONSE).await
    };
    let answer = timeout(PATIENCE, talk).await;
    drop(wire);
    connections.hang_up(number);
    answer.map_err(late)?
}

fn length(block: &[u8]) -> Result<[u8; 4]> {
    u32::try_from(block.len()).map(u32::to_be_bytes).map_err(|_| ErrorKind::InvalidInput.into())
}

async fn read_block(stream: &mut TcpStream, limit: usize) -> Result<Vec<u8>> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if length > limit {
        return Err(Error::from(ErrorKind::InvalidData));
    }
    let mut block = vec![0u8; length];
    stream.read_exact(&mut block).await?;
    Ok(block)
}

async fn read_frame(stream: &mut TcpStream) -> Result<(Administration, Vec<u8>)> {
    let length = usize::from(stream.read_u8().await?);
    let mut name = vec![0u8; length];
    stream.read_exact(&mut name).await?;
    let name = String::from_utf8(name).ok().and_then(|name| Administration::parse(&name).ok());
    let peer = name.ok_or(ErrorKind::InvalidData)?;
    Ok((peer, read_block(stream, exchange::MAX_ENVELOPE).await?))
}

/// Takes what one connection delivers. Whatever fails here, the deliverer gets no answer and tries again.
pub(crate) async fn take(
    stage: Arc<Stage>,
    node: Arc<Node>,
    connections: Arc<Connections>,
    own: Country,
    stream: TcpStream,
) {
    let (number, wire) = connections.add(stream);
    {
        let mut stream = wire.lock().await;
        if let Ok(Ok((peer, envelope))) = timeout(PATIENCE, read_frame(&mut stream)).await
            && let Some(answer) = answer(&stage, &node, own, &peer, envelope).await
            && let Ok(length) = length(&answer)
        {
            let reply = [length.as_slice(), &answer].concat();
            // The deliverer may have gone away; it asks again.
            drop(timeout(PATIENCE, stream.write_all(&reply)).await);
        }
    }
    drop(wire);
    connections.hang_up(number);
}

/// What a node answers to an envelope; `None` when it cannot take it now, or loses its power over it.
async fn answer(
    stage: &Stage,
    node: &Node,
    own: Country,
    peer: &Administration,
    envelope: Vec<u8>,
) -> Option<Vec<u8>> {
    if stage.befalls(Fault::CommitFailed, own) {
        stage.fail_next_commit(own);
    }
    let (letter, place) = described(&envelope);
    let Ok(answer) = node.receive(peer, envelope.clone()).await else {
        stage.note_letter(own.as_str(), &letter, format!("{place} from {peer}: cannot be taken now"));
        return None;
    };
    let words = stage.note_answer(own, &envelope, &answer);
    stage.note_letter(own.as_str(), &letter, format!("{place} from {peer}: {words}"));
    if stage.befalls(Fault::PowerCut, own) {
        stage.cut_power(own);
        return None;
    }
    Some(answer)
}
