//! The API of a node as its traders and officers see it: plain HTTP on loopback, tokens, JSON and XML.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// How long one request may take before it is tried again: a node that was killed is back within seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How often a patient request is tried before the node counts as gone.
const PATIENT_TRIES: u32 = 300;

/// The pause between two tries of a patient request: with the tries above, at least half a minute in all, which is far
/// longer than a node that was killed takes to be back.
const PATIENT_PAUSE: Duration = Duration::from_millis(100);

/// Why a request brought no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The node did not answer: it is starting, stopping or was killed. Trying again is right.
    #[error("no answer from {0}: {1}")]
    Away(String, String),
    /// The node refused the request and said why (RFC 9457 problem details).
    #[error("{status} {title}")]
    Problem {
        /// The HTTP status.
        status: u16,
        /// The problem's title and detail.
        title: String,
        /// The whole problem document.
        body: Box<Value>,
    },
    /// The answer is not what the API promises.
    #[error("cannot read the answer of {0}: {1}")]
    Answer(String, String),
}

impl ClientError {
    /// Whether the node refused the request with this kind of problem.
    pub fn is_problem(&self, kind: &str) -> bool {
        let Self::Problem { body, .. } = self else { return false };
        let stated = body.get("type").and_then(Value::as_str);
        stated.and_then(|stated| stated.strip_prefix("urn:tidewaiter:problem:")) == Some(kind)
    }

    /// Whether trying again can help: the node is away, or says that it cannot do it now (503).
    pub fn passes(&self) -> bool {
        matches!(self, Self::Away(..) | Self::Problem { status: 503, .. })
    }
}

/// One principal's access to one node.
#[derive(Clone)]
pub struct Api {
    address: String,
    token: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Api {
    /// Access to the node at `address` (`http://127.0.0.1:8443`) with `token`.
    pub fn new(address: String, token: String) -> Self {
        Self { address, token, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Reads a JSON resource.
    ///
    /// # Errors
    /// When the node is away, refuses, or answers something else.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let body = self.request(Method::GET, path, "", Vec::new()).await?;
        self.json(&body)
    }

    /// Reads a document as bytes.
    ///
    /// # Errors
    /// When the node is away or refuses.
    pub async fn bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        self.request(Method::GET, path, "", Vec::new()).await
    }

    /// As [`Api::get`], and tries again while the node is away.
    ///
    /// # Errors
    /// When the node stays away, refuses, or answers something else.
    pub async fn get_patiently<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let body = self.bytes_patiently(path).await?;
        self.json(&body)
    }

    /// As [`Api::bytes`], and tries again while the node is away.
    ///
    /// # Errors
    /// When the node stays away or refuses.
    pub async fn bytes_patiently(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let mut tries = 0;
        loop {
            match self.bytes(path).await {
                Err(error) if error.passes() && tries < PATIENT_TRIES => tries += 1,
                answer => return answer,
            }
            tokio::time::sleep(PATIENT_PAUSE).await;
        }
    }

    /// Sends JSON and reads JSON.
    ///
    /// # Errors
    /// When the node is away, refuses, or answers something else.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let body =
            self.request(Method::POST, path, "application/json", body.to_string().into_bytes()).await?;
        self.json(&body)
    }

    /// Submits a message.
    ///
    /// # Errors
    /// When the node is away or rejects the message.
    pub async fn submit(&self, xml: &[u8]) -> Result<Value, ClientError> {
        let body = self.request(Method::POST, "/api/v1/messages", "application/xml", xml.to_vec()).await?;
        self.json(&body)
    }

    fn json<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body)
            .map_err(|error| ClientError::Answer(self.address.clone(), error.to_string()))
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, ClientError> {
        let away = |reason: String| ClientError::Away(self.address.clone(), reason);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header("authorization", format!("Bearer {}", self.token));
        if !media_type.is_empty() {
            request = request.header("content-type", media_type);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| away(error.to_string()))?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| away(error.to_string()))?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(|error| away(error.to_string()))?;
            Ok((status, body.to_bytes().to_vec()))
        };
        let (status, body) = tokio::time::timeout(REQUEST_TIMEOUT, exchange)
            .await
            .unwrap_or_else(|_| Err(away("it took too long".to_owned())))?;
        if status.is_success() {
            return Ok(body);
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let words = |field: &str| problem.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(ClientError::Problem {
            status: status.as_u16(),
            title: [words("title"), words("detail")].join(": "),
            body: Box::new(problem),
        })
    }
}
