//! How a relay hands requests on: HTTPS with mutual TLS, streaming both ways.

use crate::channel_counts::{ChannelCounts, Side};
use crate::channel_refusal::ChannelRefusal;
use crate::connector::CountingConnector;
use crate::transport::with_causes;
use hyper::body::{Body, Bytes, Incoming};
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long whoever is to answer may take to begin its answer. A sender gives up a delivery after twenty seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A body that is handed on as it comes.
pub type ForwardBody =
    Pin<Box<dyn Body<Data = Bytes, Error = Box<dyn std::error::Error + Send + Sync>> + Send>>;

/// Why a request got no answer, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

/// The way to one node.
#[derive(Clone)]
pub struct ForwardClient {
    address: String,
    client: Client<CountingConnector, ForwardBody>,
    counts: Arc<ChannelCounts>,
}

impl ForwardClient {
    pub(super) fn new(address: &str, tls: rustls::ClientConfig, counts: Arc<ChannelCounts>) -> Self {
        let connector = CountingConnector::new(tls, Arc::clone(&counts));
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { address: address.trim_end_matches('/').to_owned(), client, counts }
    }

    /// Hands a request on: its path and query are those of the request, its address is the node's.
    ///
    /// # Errors
    /// When the node cannot be reached or is not the one it should be.
    pub async fn forward(&self, mut request: Request<ForwardBody>) -> Result<Response<Incoming>, Failure> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let address: Uri = format!("{}{path}", self.address)
            .parse()
            .map_err(|error| Failure(format!("`{}` is no address: {error}", self.address)))?;
        *request.uri_mut() = address;
        match tokio::time::timeout(ANSWER_TIMEOUT, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => match ChannelRefusal::behind(&error) {
                Some(refusal) => {
                    self.counts.refused(Side::Outgoing, &refusal);
                    let code = refusal.reason.code();
                    tracing::warn!(
                        code,
                        address = self.address,
                        detail = refusal.detail,
                        "refused a peer at the channel that we opened"
                    );
                    Err(Failure(refusal.to_string()))
                }
                None => Err(Failure(with_causes(&error))),
            },
            Err(_) => Err(Failure(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()))),
        }
    }
}
