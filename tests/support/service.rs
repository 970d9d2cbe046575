//! One node as a process, and what its users say to it over HTTP.

use super::{BINARY, Ran, tidewaiter};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often a node is looked at before it counts as broken: a minute.
const LOOKS: u32 = 1200;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Secrets of a node that was set up.
#[derive(Clone, Debug)]
pub struct SetUp {
    pub config: PathBuf,
    pub api: SocketAddr,
    pub trader: String,
    pub officer: String,
    pub operator: String,
}

/// An address on loopback that was free a moment ago.
pub fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

/// Runs `init` for Great Britain in `folder`.
pub fn init(folder: &Path) -> Ran {
    init_of("NTA.GB", folder)
}

fn init_of(administration: &str, folder: &Path) -> Ran {
    let (api, peer) = (free().to_string(), free().to_string());
    let dir = folder.display().to_string();
    tidewaiter(["init", "--administration", administration, "--dir", &dir, "--api", &api, "--peer", &peer])
}

/// Sets a node of Great Britain up, and reads its secrets.
pub fn set_up(folder: &Path) -> SetUp {
    set_up_of("NTA.GB", folder)
}

/// Sets a node up, and reads its secrets.
pub fn set_up_of(administration: &str, folder: &Path) -> SetUp {
    let ran = init_of(administration, folder).expect_code(0);
    let secret = |name: &str| {
        let line = ran.stdout.lines().find(|line| line.starts_with(name)).expect("the secret");
        line.split_whitespace().last().expect("a word").to_owned()
    };
    let config = folder.join("tidewaiter.toml");
    let loaded = node::Config::load(&config).expect("the configuration reads back");
    SetUp {
        config,
        api: loaded.listen.api,
        trader: secret("trader token"),
        officer: secret("officer token"),
        operator: secret("operator token"),
    }
}

/// A running node. It is killed when this is dropped.
pub struct Service {
    child: Child,
    pub secrets: SetUp,
}

impl Service {
    /// Starts a node and waits until it is ready.
    pub fn start(secrets: SetUp) -> Self {
        let log = secrets.config.with_file_name("node.log");
        let child = Command::new(BINARY)
            .args(["serve", "--config"])
            .arg(&secrets.config)
            .stderr(std::fs::File::create(&log).expect("a log"))
            .stdout(Stdio::null())
            .spawn()
            .expect("the node starts");
        let mut service = Self { child, secrets };
        let mut looks = 0;
        while !service.is_ready() {
            looks += 1;
            let ended = service.child.try_wait().expect("the node's status");
            let log = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(looks < LOOKS && ended.is_none(), "{ended:?} {}", log());
            super::processes::pause(PAUSE);
        }
        service
    }

    fn is_ready(&self) -> bool {
        exchange(self.secrets.api, b"GET /health/ready HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n")
            .is_some_and(|answer| answer.status == 200)
    }

    /// What the node has logged so far, one JSON value a line.
    pub fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.secrets.config.with_file_name("node.log")).expect("a log");
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The first line after `seen` lines that carries this code, waiting for it.
    pub fn logged(&self, code: &str, seen: usize) -> Value {
        for _ in 0..LOOKS {
            let found = self.log().into_iter().skip(seen).find(|line| line["fields"]["code"] == code);
            if let Some(line) = found {
                return line;
            }
            super::processes::pause(PAUSE);
        }
        panic!("`{code}` is not logged after {seen} lines: {:#?}", self.log());
    }

    /// The value of a metric, with its labels.
    pub fn metric(&self, name: &str) -> f64 {
        let metrics = self.get(&self.secrets.operator, "/metrics").text();
        let line = metrics.lines().find(|line| line.rsplit_once(' ').is_some_and(|(key, _)| key == name));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process has ended, and gives its exit code.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.wait().expect("the node's status").code()
    }

    /// Asks for a resource with a token; none when it is empty.
    pub fn get(&self, token: &str, path: &str) -> Answer {
        self.request("GET", token, path, "", &[])
    }

    /// The trader submits a message.
    pub fn submit(&self, xml: &[u8]) -> Answer {
        self.request("POST", &self.secrets.trader, "/api/v1/messages", "application/xml", xml)
    }

    /// Posts JSON.
    pub fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.request("POST", token, path, "application/json", body.to_string().as_bytes())
    }

    /// Registers the guarantee that our declarations name.
    pub fn register_guarantee(&self) {
        let registration = serde_json::json!({
            "grn": "26GB0000000001236",
            "type": "1",
            "access_code": "AV26",
            "holders": [super::traders::HOLDER],
            "reference_amount": { "minor": 500_000_000, "currency": "EUR" },
        });
        let answer = self.post(&self.secrets.officer, "/api/v1/guarantees", &registration);
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    /// One request.
    pub fn request(&self, method: &str, token: &str, path: &str, media_type: &str, body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n");
        if !token.is_empty() {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        if !media_type.is_empty() {
            head += &format!("content-type: {media_type}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        let request = [head.as_bytes(), body].concat();
        exchange(self.secrets.api, &request).expect("the node answers")
    }
}

/// One request to a node that may be dead; `None` when nobody answers.
pub fn ask(
    api: SocketAddr,
    (method, token, path): (&str, &str, &str),
    media_type: &str,
    body: &[u8],
) -> Option<Answer> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    exchange(api, &[head.as_bytes(), body].concat())
}

impl Drop for Service {
    fn drop(&mut self) {
        // A node that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer of a node.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub media_type: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Sends a request and reads the answer to the end of the connection; `None` when nobody answers.
fn exchange(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    // A server that refuses a long body closes before it has read it all; what it said can still be read.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim().to_owned())
    };
    assert_eq!(header("transfer-encoding"), None, "the answer is in chunks, which this client does not read");
    Some(Answer {
        status,
        media_type: header("content-type").unwrap_or_default(),
        body: bytes.split_off(end + 4),
    })
}
