//! The other end of the wire: a request is given to the routes that a node serves to its partners, and what it led to is
//! put on record.

use crate::activities::Activity;
use crate::faults::Fault;
use crate::stage::{Cosigned, Stage};
use crate::transport::{Connections, PATIENCE, befalls, length, read_block};
use crate::world::machine;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use base::{Administration, Country};
use evidence::witness::{AddCheckpoint, WitnessAnswer};
use evidence::{CosignedCheckpoint, Witness, log_origin, witness_name};
use exchange::ChunkAnswer;
use exchange::stages::{Taken, decode_batch, decode_taken};
use node::{CHUNK_ROUTE, ENVELOPE_ROUTE, LOG_PREFIX, Method, PeerAnswer, STAGE_ROUTE, WITNESS_PREFIX};
use std::io::{ErrorKind, Result};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tower::ServiceExt;
use turmoil::net::TcpStream;
use web::peer::Visitor;

/// The longest path of a request, in bytes.
const MAX_PATH: usize = 1024;

/// A request, and whose it is.
struct Asked {
    peer: Administration,
    method: Method,
    path: String,
    body: Vec<u8>,
}

/// A letter as its statement describes it: its identity, and its place in its channel.
pub(crate) fn described(envelope: &[u8]) -> (String, String) {
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

/// A request as the trace has it.
pub(crate) fn reading(method: Method, path: &str) -> String {
    let method = if method == Method::Post { "POST" } else { "GET" };
    format!("{method} {path}")
}

async fn read_frame(stream: &mut TcpStream) -> Result<Asked> {
    let method = if stream.read_u8().await? == 0 { Method::Get } else { Method::Post };
    let invalid = || ErrorKind::InvalidData;
    let text = |block: Vec<u8>| String::from_utf8(block).map_err(|_| invalid());
    let name = text(read_block(stream, MAX_PATH).await?)?;
    let peer = Administration::parse(&name).map_err(|_| invalid())?;
    let path = text(read_block(stream, MAX_PATH).await?)?;
    Ok(Asked { peer, method, path, body: read_block(stream, exchange::MAX_ENVELOPE).await? })
}

/// Takes what comes on one connection. Whatever fails here, whoever asks gets no answer and tries again.
pub(crate) async fn take(
    stage: Arc<Stage>,
    routes: Router,
    connections: Arc<Connections>,
    own: Country,
    stream: TcpStream,
) {
    let (number, wire) = connections.add(stream);
    {
        let mut stream = wire.lock().await;
        if let Ok(Ok(asked)) = timeout(PATIENCE, read_frame(&mut stream)).await
            && let Some(answer) = answer(&stage, routes, own, asked).await
            && let Ok(length) = length(&answer.body)
        {
            let reply = [answer.status.to_be_bytes().as_slice(), &length, &answer.body].concat();
            // Whoever asked may have gone away; it asks again.
            drop(timeout(PATIENCE, stream.write_all(&reply)).await);
        }
    }
    drop(wire);
    connections.hang_up(number);
}

/// What a node answers; `None` when it loses its power over it.
async fn answer(stage: &Stage, routes: Router, own: Country, asked: Asked) -> Option<PeerAnswer> {
    if befalls(stage, Fault::CommitFailed, own, &asked.path) {
        stage.fail_next_commit(own);
    }
    let answer = served(stage, routes, &asked).await?;
    if asked.path == ENVELOPE_ROUTE {
        let (letter, place) = described(&asked.body);
        let words = match answer.status {
            200 => stage.note_answer(own, &asked.body, &answer.body).to_owned(),
            status => format!("status {status}"),
        };
        stage.note_letter(own.as_str(), &letter, format!("{place} from {}: {words}", asked.peer));
    } else {
        let request = reading(asked.method, &asked.path);
        stage.note(own.as_str(), format!("{request} from {}: status {}", asked.peer, answer.status));
        if answer.status == 200 {
            record(stage, own, &asked, &answer.body);
        }
    }
    if befalls(stage, Fault::PowerCut, own, &asked.path) {
        stage.cut_power(own);
        return None;
    }
    Some(answer)
}

/// Gives a request to the routes, as one of the partner whose TLS key the connection has.
async fn served(stage: &Stage, routes: Router, asked: &Asked) -> Option<PeerAnswer> {
    let peer = asked.peer.country();
    let visitor = Visitor { key: stage.federation.card(peer)?.tls_spki, address: machine(peer) };
    let method = if asked.method == Method::Post { "POST" } else { "GET" };
    let request = Request::builder()
        .method(method)
        .uri(&asked.path)
        .header(CONTENT_LENGTH, asked.body.len())
        .extension(visitor)
        .body(Body::from(asked.body.clone()))
        .ok()?;
    let response = routes.oneshot(request).await.ok()?;
    let status = response.status().as_u16();
    Some(PeerAnswer {
        status,
        body: to_bytes(response.into_body(), exchange::MAX_ENVELOPE).await.ok()?.into(),
    })
}

/// Counts what was done for a partner.
fn record(stage: &Stage, own: Country, asked: &Asked, answer: &[u8]) {
    let Some(activity) = activity(asked, answer) else { return };
    if activity == Activity::Cosigned {
        // What nobody signed binds nobody, and its log finds it not cosigned.
        let Some(cosigned) = cosigned(stage, own, asked, answer) else { return };
        stage.note_cosigned(cosigned);
    }
    stage.did(activity);
}

/// The checkpoint that a witness has cosigned with its answer; `None` when the cosignature does not hold.
fn cosigned(stage: &Stage, own: Country, asked: &Asked, answer: &[u8]) -> Option<Cosigned> {
    let WitnessAnswer::Cosigned(lines) = WitnessAnswer::read(200, answer).ok()? else { return None };
    let note = AddCheckpoint::from_body(&asked.body).ok()?.note.with(lines).to_note();
    let (witness, card) = (Administration::of(own), |country| stage.federation.card(country));
    let known = Witness::of(&witness, card(own)?.witness);
    let (origin, log) = (log_origin(&asked.peer), card(asked.peer.country())?.log);
    let verified = CosignedCheckpoint::verify(&note, &origin, &log, &[known]).ok()?;
    verified.cosigned_by(&witness_name(&witness))?;
    Some(Cosigned { witness: own, log: asked.peer.country(), checkpoint: verified.checkpoint })
}

/// What an answer with status 200 says was done.
fn activity(asked: &Asked, answer: &[u8]) -> Option<Activity> {
    let path = asked.path.as_str();
    if path == STAGE_ROUTE {
        let count = decode_batch(&asked.body).ok()?.len();
        return decode_taken(answer, count).ok()?.contains(&Taken::Kept).then_some(Activity::StagesKept);
    }
    if path == CHUNK_ROUTE {
        return (ChunkAnswer::decode(answer).ok()? == ChunkAnswer::Held).then_some(Activity::ChunkHeld);
    }
    match path.strip_prefix(WITNESS_PREFIX) {
        Some("/add-checkpoint") => return Some(Activity::Cosigned),
        Some("/seen") => return Some(Activity::ViewShown),
        _ => {}
    }
    path.strip_prefix(LOG_PREFIX)?.starts_with("/tile/").then_some(Activity::TileRead)
}
