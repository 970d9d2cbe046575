//! Connections to partners: TLS over TCP, with the key exchange counted that each was opened with.

use crate::channel_counts::{ChannelCounts, Side};
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

type Stream = MaybeHttpsStream<TokioIo<tokio::net::TcpStream>>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections with one TLS configuration.
#[derive(Clone)]
pub struct CountingConnector {
    inner: HttpsConnector<HttpConnector>,
    counts: Arc<ChannelCounts>,
}

impl CountingConnector {
    /// A connector that opens HTTPS connections only.
    pub fn new(tls: ClientConfig, counts: Arc<ChannelCounts>) -> Self {
        let inner = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        Self { inner, counts }
    }
}

impl Service<Uri> for CountingConnector {
    type Response = Stream;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Failure>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let (opening, counts) = (self.inner.call(address), Arc::clone(&self.counts));
        Box::pin(async move {
            let stream = opening.await?;
            if let MaybeHttpsStream::Https(tls) = &stream
                && let Some(group) = tls.inner().get_ref().1.negotiated_key_exchange_group()
            {
                counts.shaken(Side::Outgoing, &format!("{:?}", group.name()));
            }
            Ok(stream)
        })
    }
}
