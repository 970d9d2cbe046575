//! The connections of a port: how many there may be at once, how long each step may take, and how they end when the
//! node stops. No client can hold a connection, or the stop of the node, for longer than the limits here.

use crate::api::{ATTACHMENTS, Problem};
use crate::console::{self, DOCUMENTS as FORM};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

/// How long opening may take, which is the TLS handshake where there is one: a round trip or two, and some arithmetic.
const OPENING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the head of a request may take to come. An open connection without a request is closed after it, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take from its head to the answer: 32 MiB at half a megabyte a second, and the work on it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a request may take whose content streams: a gigabyte at half a megabit a second. Whoever reads or writes it
/// ends it long before, when nothing moves.
const STREAM_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

/// How long a connection may last, so that a client which never reads its answers does not hold its place for ever.
const LIFETIME: Duration = Duration::from_secs(600);

/// How long open requests may take to finish when the node stops: service managers kill what takes longer than ten.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);

/// How many connections may be opening at once: whoever shakes hands takes no place from those who have proved who they
/// are, so strangers hold up no connection that is in use.
const OPENINGS: usize = 128;

/// What bounds the connections of one port.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many may be open at once; others wait in the queue of the operating system.
    connections: usize,
    /// How many may be in their opening, or have opened and wait for a place.
    openings: usize,
    opening: Duration,
    head: Duration,
    request: Duration,
    lifetime: Duration,
    drain: Duration,
}

impl Limits {
    /// The usual times, with at most `connections` at once.
    pub const fn with(connections: usize) -> Self {
        Self {
            connections,
            openings: OPENINGS,
            opening: OPENING_TIMEOUT,
            head: HEAD_TIMEOUT,
            request: REQUEST_TIMEOUT,
            lifetime: LIFETIME,
            drain: DRAIN_TIMEOUT,
        }
    }
}

/// Serves the connections of `listener` until `stop` resolves, then lets open requests finish for a while and ends what
/// is left. `open` makes of a raw connection one that speaks HTTP, and the routes for whoever is at its other end.
pub async fn serve<L, O, F, I>(mut listener: L, limits: Limits, stop: impl Future<Output = ()>, open: O)
where
    L: Listener,
    O: Fn(L::Io) -> F,
    F: Future<Output = io::Result<(I, Router)>> + Send + 'static,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let places = Arc::new(Semaphore::new(limits.connections));
    let openings = Arc::new(Semaphore::new(limits.openings));
    let (close, closing) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let next = async {
            // The semaphore is never closed, so this only waits.
            let door = Arc::clone(&openings).acquire_owned().await;
            (door, listener.accept().await.0)
        };
        let (door, stream) = tokio::select! {
            biased;
            () = &mut stop => break,
            next = next => next,
        };
        while connections.try_join_next().is_some() {}
        let (opening, closing) = (open(stream), closing.clone());
        let places = Arc::clone(&places);
        connections.spawn(async move {
            // The door is free again as soon as there is a place for whoever came through it.
            let place = async move {
                let place = places.acquire_owned().await;
                drop(door);
                place
            };
            if let Err(error) = converse(opening, place, limits, closing).await {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    // The receivers are held by the tasks; when there is none, nobody has to be told.
    let _ = close.send(true);
    let drained = timeout(limits.drain, async { while connections.join_next().await.is_some() {} });
    if drained.await.is_err() {
        tracing::warn!(
            open = connections.len(),
            "requests were still open when the node stopped: they are cut off"
        );
    }
}

/// One connection, from its opening to its end.
async fn converse<I, P>(
    opening: impl Future<Output = io::Result<(I, Router)>>,
    place: impl Future<Output = P>,
    limits: Limits,
    mut closing: watch::Receiver<bool>,
) -> io::Result<()>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // An error means that the port is gone, which means closing as well.
    let closing = async move { drop(closing.wait_for(|closing| *closing).await) };
    tokio::pin!(closing);
    let opened = tokio::select! {
        opened = timeout(limits.opening, opening) => opened,
        () = &mut closing => return Ok(()),
    };
    let too_long = |what: &str| io::Error::new(io::ErrorKind::TimedOut, format!("{what} took too long"));
    let (stream, router) = opened.map_err(|_| too_long("the opening"))??;
    let _place = tokio::select! {
        place = place => place,
        () = &mut closing => return Ok(()),
    };
    // Whether the latest request of the connection streams its content.
    let streams = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&streams);
    let service = hyper::service::service_fn(move |request| {
        let limit = if streams_content(&request) { STREAM_TIMEOUT } else { limits.request };
        noted.store(limit == STREAM_TIMEOUT, Ordering::Relaxed);
        answer(router.clone(), request, limit)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended.map_err(io::Error::other),
        () = &mut closing => {}
        () = sleep(limits.lifetime) => {}
    }
    connection.as_mut().graceful_shutdown();
    let last = if streams.load(Ordering::Relaxed) { STREAM_TIMEOUT } else { limits.request };
    let ended = timeout(last, connection).await.map_err(|_| too_long("the last request"))?;
    ended.map_err(io::Error::other)
}

/// Whether a request is for an attachment, whose content takes as long as the line needs.
fn streams_content<B>(request: &hyper::Request<B>) -> bool {
    let path = request.uri().path();
    let upload = request.method() == Method::POST && (path == ATTACHMENTS || path == FORM);
    let of = |prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.ends_with("/content"));
    let download = of(ATTACHMENTS) || of(console::ATTACHMENTS);
    upload || (request.method() == Method::GET && download)
}

async fn answer(
    router: Router,
    request: hyper::Request<Incoming>,
    limit: Duration,
) -> Result<Response, Infallible> {
    match timeout(limit, router.oneshot(request.map(Body::new))).await {
        Ok(answer) => answer,
        Err(_) => {
            let mut answer = Problem::too_slow(limit).into_response();
            // What is left of the request would be taken for the next one.
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            Ok(answer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::{mpsc, oneshot};
    use tokio::time::Instant;

    /// Connections within the process; with the paused clock of tokio, time passes only when nobody can do anything
    /// else, so that no outcome depends on the machine.
    struct Visitors(mpsc::UnboundedReceiver<DuplexStream>);

    impl Listener for Visitors {
        type Io = DuplexStream;
        type Addr = ();

        async fn accept(&mut self) -> (DuplexStream, ()) {
            match self.0.recv().await {
                Some(visitor) => (visitor, ()),
                None => std::future::pending().await,
            }
        }

        fn local_addr(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A port in service.
    struct Port {
        visitors: mpsc::UnboundedSender<DuplexStream>,
        stop: oneshot::Sender<()>,
        served: tokio::task::JoinHandle<()>,
    }

    impl Port {
        fn open(limits: Limits) -> Self {
            let (visitors, arriving) = mpsc::unbounded_channel();
            let (stop, stopped) = oneshot::channel::<()>();
            let router = Router::new()
                .route("/echo", post(|body: Bytes| async move { body }))
                .route("/slow", get(|| async { sleep(Duration::from_secs(2)).await }));
            let served = serve(Visitors(arriving), limits, async { drop(stopped.await) }, move |visitor| {
                std::future::ready(Ok((visitor, router.clone())))
            });
            Self { visitors, stop, served: tokio::spawn(served) }
        }

        /// A connection on which `said` was sent.
        async fn visit(&self, said: &str) -> DuplexStream {
            let (mut ours, theirs) = duplex(64 * 1024);
            ours.write_all(said.as_bytes()).await.unwrap();
            self.visitors.send(theirs).unwrap();
            ours
        }

        /// Stops the port, and says how long that took.
        async fn stop(self) -> Duration {
            let asked = Instant::now();
            self.stop.send(()).unwrap();
            self.served.await.unwrap();
            asked.elapsed()
        }
    }

    async fn all_of(mut connection: DuplexStream) -> String {
        let mut text = String::new();
        connection.read_to_string(&mut text).await.unwrap();
        text
    }

    const LIMITS: Limits = Limits::with(16);

    #[test]
    fn uploads_and_downloads_of_attachments_stream_and_nothing_else_does() {
        let streams = |method: &str, path: &str| {
            streams_content(&hyper::Request::builder().method(method).uri(path).body(()).unwrap())
        };
        assert!(streams("POST", "/api/v1/attachments?name=scan.tif"));
        assert!(streams("GET", "/api/v1/attachments/7/content"));
        for (method, path) in [
            ("GET", "/api/v1/attachments"),
            ("DELETE", "/api/v1/attachments/7"),
            ("POST", "/api/v1/messages"),
            ("GET", "/api/v1/documents/7/content"),
        ] {
            assert!(!streams(method, path), "{method} {path}");
        }
    }

    /// Lets everything happen that can happen now.
    async fn settle() {
        sleep(Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_head_does_not_hold_up_the_stop() {
        let port = Port::open(LIMITS);
        let stalled = port.visit("POST /echo HTTP/1.1\r\nhost: node\r\ncontent-le").await;
        settle().await;
        assert!(port.stop().await <= LIMITS.drain);
        assert_eq!(all_of(stalled).await, "", "it got no answer");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_body_does_not_hold_up_the_stop() {
        let port = Port::open(LIMITS);
        let _stalled = port.visit("POST /echo HTTP/1.1\r\nhost: node\r\ncontent-length: 10\r\n\r\nabc").await;
        settle().await;
        assert_eq!(port.stop().await, LIMITS.drain);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_are_closed_at_once_by_the_stop() {
        let port = Port::open(LIMITS);
        let idle = port.visit("").await;
        settle().await;
        assert_eq!(port.stop().await, Duration::ZERO);
        assert_eq!(all_of(idle).await, "");
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_request_is_answered_before_the_stop() {
        let port = Port::open(LIMITS);
        let open = port.visit("GET /slow HTTP/1.1\r\nhost: node\r\n\r\n").await;
        settle().await;
        assert!(port.stop().await < LIMITS.drain);
        assert!(all_of(open).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_head_ends_the_connection() {
        let port = Port::open(LIMITS);
        let asked = Instant::now();
        let stalled = port.visit("POST /echo HTTP/1.1\r\n").await;
        assert_eq!(all_of(stalled).await, "");
        assert_eq!(asked.elapsed().as_secs(), LIMITS.head.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_body_is_answered_with_a_problem() {
        let port = Port::open(LIMITS);
        let asked = Instant::now();
        let stalled = port.visit("POST /echo HTTP/1.1\r\nhost: node\r\ncontent-length: 10\r\n\r\nabc").await;
        let answer = all_of(stalled).await;
        assert_eq!(asked.elapsed().as_secs(), LIMITS.request.as_secs());
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
        assert!(
            answer.contains("application/problem+json") && answer.contains("connection: close"),
            "{answer}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_more_than_the_limit_waits_for_a_place() {
        let port = Port::open(Limits { connections: 1, ..LIMITS });
        let asked = Instant::now();
        let _first = port.visit("").await;
        let second = port.visit("POST /echo HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n").await;
        assert!(all_of(second).await.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(asked.elapsed().as_secs(), LIMITS.head.as_secs(), "the first was closed for its silence");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_shakes_hands_takes_no_place() {
        let (visitors, arriving) = mpsc::unbounded_channel();
        let router = Router::new().route("/echo", post(|body: Bytes| async move { body }));
        let limits = Limits { connections: 1, openings: 2, ..LIMITS };
        let strangers = Arc::new(AtomicBool::new(true));
        let served = serve(Visitors(arriving), limits, std::future::pending(), move |visitor| {
            let (router, stranger) = (router.clone(), strangers.swap(false, Ordering::Relaxed));
            async move {
                if stranger {
                    std::future::pending::<()>().await;
                }
                Ok((visitor, router))
            }
        });
        let served = tokio::spawn(served);
        let (_stranger, theirs) = duplex(64);
        visitors.send(theirs).unwrap();
        let asked = Instant::now();
        let (mut partner, theirs) = duplex(1024);
        let request = "POST /echo HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n";
        partner.write_all(request.as_bytes()).await.unwrap();
        visitors.send(theirs).unwrap();
        assert!(all_of(partner).await.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(asked.elapsed(), Duration::ZERO, "it did not wait for the stranger");
        served.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_reads_loses_its_place() {
        let port = Port::open(Limits { connections: 1, ..LIMITS });
        let (mut greedy, theirs) = duplex(64);
        port.visitors.send(theirs).unwrap();
        let request = "POST /echo HTTP/1.1\r\nhost: node\r\ncontent-length: 200\r\n\r\n";
        greedy.write_all((request.to_owned() + &"x".repeat(200)).as_bytes()).await.unwrap();
        let asked = Instant::now();
        let next = port.visit("POST /echo HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n").await;
        assert!(all_of(next).await.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(asked.elapsed() <= LIMITS.lifetime + LIMITS.request + Duration::from_secs(1));
    }
}
