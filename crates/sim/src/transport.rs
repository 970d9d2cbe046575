//! The wire of a simulation: what partners' nodes ask each other, over simulated TCP, and what befalls it on the way.
//!
//! A frame is the name of the asking administration, the method, the path and the body of a request; the answer is a
//! status and a body. The name stands in for what TLS proves in service, the rest for HTTP: whoever is asked gives the
//! request to the routes that a node serves. A connection that ends without an answer is one that failed: try again.
//!
//! A machine that is killed hangs up all its [`Connections`] in the order in which they were made. Left to its tasks,
//! that order would be the runtime's, which deals tasks out by numbers that all simulations of a process share.

use crate::faults::Fault;
use crate::reception::{described, reading};
use crate::stage::Stage;
use crate::world::machine;
use base::{Administration, Country};
use node::{Calling, Delivery, ENVELOPE_ROUTE, Method, PeerAnswer, PeerRequest, Transport, TransportError};
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use turmoil::net::TcpStream;

/// The port on which every machine takes requests.
pub(crate) const PORT: u16 = 9443;

/// The longest answer to an envelope, as in service.
const ANSWER_LIMIT: usize = 256 * 1024;

/// How long either side waits for the other.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// The soonest and the latest that a frame comes again, in milliseconds.
const AGAIN: (u64, u64) = (300, 12_000);

/// What nodes ask each other about their logs goes wrong in one of so many cases only: they ask much more often than
/// they deliver, and a federation of many witnesses would otherwise do nothing but break down.
const CHATTER: u64 = 20;

/// A connection, shared between the task that talks over it and the machine that it belongs to.
pub(crate) type Wire = Arc<tokio::sync::Mutex<TcpStream>>;

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
    pub(crate) fn add(&self, stream: TcpStream) -> (u64, Wire) {
        let wire = Arc::new(tokio::sync::Mutex::new(stream));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.0 += 1;
        let number = open.0;
        open.1.insert(number, Arc::clone(&wire));
        (number, wire)
    }

    pub(crate) fn hang_up(&self, number: u64) {
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

/// Whether a fault befalls a request at `country`.
pub(crate) fn befalls(stage: &Stage, fault: Fault, country: Country, path: &str) -> bool {
    let chatter = path.starts_with(node::WITNESS_PREFIX) || path.starts_with(node::LOG_PREFIX);
    (!chatter || stage.draw(|dice| dice.between(1, CHATTER)) == 1) && stage.befalls(fault, country)
}

impl SimulatedTransport {
    pub(crate) fn new(own: Country, stage: Arc<Stage>, connections: Arc<Connections>) -> Self {
        Self { own, stage, connections }
    }

    async fn attempt(
        &self,
        partner: Country,
        request: PeerRequest,
    ) -> std::result::Result<PeerAnswer, String> {
        let (stage, own, connections) = (&self.stage, self.own, &self.connections);
        let request = Arc::new(request);
        let befalls = |fault| befalls(stage, fault, own, &request.path);
        if befalls(Fault::Replayed) {
            self.replay(partner, Arc::clone(&request));
        }
        let answer =
            ask(connections, own, partner, &request).await.map_err(|error| error.kind().to_string())?;
        if befalls(Fault::Duplicated) {
            // Whatever comes of it, the recipient sees to it that both get the same answer.
            drop(ask(connections, own, partner, &request).await);
        }
        if befalls(Fault::AnswerLost) {
            return Err("the answer was lost".to_owned());
        }
        if befalls(Fault::CommitFailed) {
            // Whatever this node commits next: often the settlement of this delivery.
            stage.fail_next_commit(own);
        } else if befalls(Fault::PowerCut) {
            stage.cut_power(own);
        }
        Ok(answer)
    }

    /// Lets a request come again later, when others have overtaken it.
    fn replay(&self, partner: Country, request: Arc<PeerRequest>) {
        let (stage, own, connections) = (Arc::clone(&self.stage), self.own, Arc::clone(&self.connections));
        let pause = Duration::from_millis(stage.draw(|dice| dice.between(AGAIN.0, AGAIN.1)));
        stage.replay_begins(own);
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            drop(ask(&connections, own, partner, &request).await);
            stage.replay_ends(own);
        });
    }
}

impl Transport for SimulatedTransport {
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: node::Bytes) -> Delivery<'a> {
        Box::pin(async move {
            let to = partner.country();
            let (letter, place) = described(&envelope);
            let request = PeerRequest {
                method: Method::Post,
                path: ENVELOPE_ROUTE.to_owned(),
                body: envelope.into(),
                limit: ANSWER_LIMIT,
            };
            let outcome = self.attempt(to, request).await;
            let words = match &outcome {
                Ok(answer) if answer.status == 200 => format!("{place} to {to}: answered"),
                Ok(answer) => format!("{place} to {to}: status {}", answer.status),
                Err(reason) => format!("{place} to {to}: {reason}"),
            };
            self.stage.note_letter(self.own.as_str(), &letter, words);
            match outcome {
                Ok(answer) if answer.status == 200 => Ok(answer.body),
                Ok(answer) => Err(TransportError::Status(
                    partner.clone(),
                    answer.status,
                    "cannot take it now".to_owned(),
                )),
                Err(reason) => Err(TransportError::Unreachable(partner.clone(), reason)),
            }
        })
    }

    fn call<'a>(&'a self, partner: &'a Administration, request: PeerRequest) -> Calling<'a> {
        Box::pin(async move {
            let to = partner.country();
            let asked = reading(request.method, &request.path);
            let outcome = self.attempt(to, request).await;
            let words = match &outcome {
                Ok(answer) => format!("{asked} to {to}: status {}", answer.status),
                Err(reason) => format!("{asked} to {to}: {reason}"),
            };
            self.stage.note(self.own.as_str(), words);
            outcome.map_err(|reason| TransportError::Unreachable(partner.clone(), reason))
        })
    }
}

/// Sends a request and waits for the answer.
async fn ask(
    connections: &Connections,
    own: Country,
    partner: Country,
    request: &PeerRequest,
) -> Result<PeerAnswer> {
    let late = |_| Error::from(ErrorKind::TimedOut);
    let connect = TcpStream::connect(format!("{}:{PORT}", machine(partner)));
    let (number, wire) = connections.add(timeout(PATIENCE, connect).await.map_err(late)??);
    let talk = async {
        let mut stream = wire.lock().await;
        let method = u8::from(request.method == Method::Post);
        let name = Administration::of(own).to_string();
        let mut frame = vec![method];
        for block in [name.as_bytes(), request.path.as_bytes(), &request.body] {
            frame.extend(length(block)?);
            frame.extend(block);
        }
        stream.write_all(&frame).await?;
        let status = stream.read_u16().await?;
        Ok(PeerAnswer { status, body: read_block(&mut stream, request.limit).await? })
    };
    let answer = timeout(PATIENCE, talk).await;
    drop(wire);
    connections.hang_up(number);
    answer.map_err(late)?
}

/// The length of a block, as it stands before it.
pub(crate) fn length(block: &[u8]) -> Result<[u8; 4]> {
    u32::try_from(block.len()).map(u32::to_be_bytes).map_err(|_| ErrorKind::InvalidInput.into())
}

/// Reads a block of bytes with its length before it.
pub(crate) async fn read_block(stream: &mut TcpStream, limit: usize) -> Result<Vec<u8>> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if length > limit {
        return Err(Error::from(ErrorKind::InvalidData));
    }
    let mut block = vec![0u8; length];
    stream.read_exact(&mut block).await?;
    Ok(block)
}
