//! What tests and the bench need beside a store (feature `testing`): a PostgreSQL server, the statements that ran, and stores
//! as they were.
//!
//! Tests run against the server that `TIDEWAITER_PG_URL` names, or else against a private one that is started from
//! the binaries of the machine, in a directory of its own and with its default durability, and is gone afterwards.

use crate::migrate::OWN;
use crate::{Execution, Location, Migration, Store, StoreError};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// The server to use instead of a private one, as `postgres://USER@HOST/DATABASE`.
const URL_VARIABLE: &str = "TIDEWAITER_PG_URL";

/// When it is `1`, a missing server is a failure and not a reason to skip.
const REQUIRE_VARIABLE: &str = "TIDEWAITER_REQUIRE_TOOLS";

/// Where distributions put the server's binaries, below a directory for each version.
const INSTALLATIONS: &[&str] = &["/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt"];

/// How long a server may take to answer after its start; a busy machine needs a few seconds.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// How often a port that someone else took in the meantime is replaced by another.
const START_ATTEMPTS: u32 = 3;

/// The unprivileged user of a server that is started by root, which PostgreSQL refuses to run as.
const SERVER_USER: &str = "postgres";

/// Runs the server until its standard input ends, which it does when the process that started it is gone, whatever
/// ended it. Then stops it and removes its directory.
const KEEPER: &str = r#"
exec 3<&0
binaries=$1 directory=$2 port=$3
shift 3
"$binaries/postgres" -D "$directory/data" -k "$directory" -h 127.0.0.1 -p "$port" -c max_connections=200 "$@" \
    3<&- </dev/null >"$directory/log" 2>&1 &
server=$!
(cat <&3 >/dev/null; kill -INT $server) &
wait $server && rm -rf "$directory"
"#;

/// Whether statements are kept.
static LISTENING: AtomicBool = AtomicBool::new(false);

/// The statements that ran since somebody listens.
static HEARD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Keeps from now on the text of every statement that a command or read of this process runs, on whatever store.
pub fn hear_statements() {
    LISTENING.store(true, Ordering::SeqCst);
}

/// The statements that ran since [`hear_statements`], each once, in the portable form.
pub fn heard_statements() -> Vec<String> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

/// Keeps a statement when somebody listens.
pub(crate) fn heard(sql: &str) {
    if LISTENING.load(Ordering::Relaxed) {
        let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
        if !heard.contains(sql) {
            heard.insert(sql.to_owned());
        }
    }
}

/// A store as it was before the step `name` of this room's own was made, with these steps of its caller: where an upgrade
/// begins.
///
/// # Errors
/// When there is no such step, and as [`Store::open`] does.
pub fn open_before(
    name: &str,
    location: &Location,
    migrations: &[Migration],
) -> std::result::Result<Store, StoreError> {
    let before = OWN.iter().position(|step| step.name == name).and_then(|position| OWN.get(..position));
    let before = before.ok_or_else(|| StoreError::Migration {
        name: name.to_owned(),
        reason: "there is no such step".to_owned(),
    })?;
    Store::open_with(location, Execution::Inline, before, migrations)
}

/// A server that tests may fill with schemas. It stops when the last handle is dropped or the process ends.
#[derive(Clone)]
pub struct PgServer {
    url: String,
    cluster: Option<Arc<Cluster>>,
}

impl PgServer {
    /// The URL of its database, without a schema.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder with everything that it writes, its log too; `None` when the server is not ours.
    pub fn directory(&self) -> Option<&Path> {
        self.cluster.as_ref().map(|cluster| cluster.directory.as_path())
    }

    /// The location of a schema on it.
    pub fn location(&self, schema: &str) -> Location {
        Location::Postgres { url: self.url.clone(), schema: schema.to_owned() }
    }
}

/// A private server.
struct Cluster {
    url: String,
    directory: PathBuf,
    keeper: Child,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // The keeper stops the server; when that fails there is nobody to tell.
        let _ = self.keeper.wait();
    }
}

/// The private server of this process, shared by all who ask while one of them holds it.
static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

/// Numbers the directories of this process.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A server, or nothing, with a line that says so, when the machine has none.
///
/// # Panics
/// When there is none and `TIDEWAITER_REQUIRE_TOOLS` is `1`: a test run that must be complete must not pass silently.
#[allow(clippy::panic)]
pub fn postgres() -> Option<PgServer> {
    if let Ok(url) = std::env::var(URL_VARIABLE) {
        return Some(PgServer { url, cluster: None });
    }
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = shared.upgrade() {
        return Some(PgServer { url: cluster.url.clone(), cluster: Some(cluster) });
    }
    match found_or_skipped(start(&[])) {
        Some(cluster) => {
            let cluster = Arc::new(cluster);
            *shared = Arc::downgrade(&cluster);
            Some(PgServer { url: cluster.url.clone(), cluster: Some(cluster) })
        }
        None => None,
    }
}

/// A private server with these settings beside the defaults, shared with nobody, whatever `TIDEWAITER_PG_URL` says; or
/// nothing, with a line that says so, when the machine has none.
///
/// # Panics
/// As [`postgres`] does.
pub fn private_postgres(settings: &[&str]) -> Option<PgServer> {
    let cluster = Arc::new(found_or_skipped(start(settings))?);
    Some(PgServer { url: cluster.url.clone(), cluster: Some(cluster) })
}

#[allow(clippy::panic)]
fn found_or_skipped(started: Result<Cluster>) -> Option<Cluster> {
    started
        .inspect_err(|error| {
            assert!(
                std::env::var(REQUIRE_VARIABLE).as_deref() != Ok("1"),
                "{REQUIRE_VARIABLE} is 1 but there is no PostgreSQL server: {error}"
            );
            println!("skipped: no PostgreSQL server: {error} (install one or set {URL_VARIABLE})");
        })
        .ok()
}

/// The directory with the newest `postgres` and `initdb`.
fn binaries() -> Result<PathBuf> {
    let versions = INSTALLATIONS.iter().filter_map(|base| fs::read_dir(base).ok()).flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .map(|version| version.path())
        .filter(|path| path.join("bin/postgres").exists() && path.join("bin/initdb").exists())
        .map(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let number = name.trim_start_matches("postgresql@").parse().unwrap_or(0);
            (number, path.join("bin"))
        })
        .collect();
    found.sort();
    let newest = found.pop().map(|(_, path)| path);
    newest.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("none below {}", INSTALLATIONS.join(", "))))
}

/// Starts a private server and waits until it answers.
fn start(settings: &[&str]) -> Result<Cluster> {
    let binaries = binaries()?;
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("tidewaiter-pg-{}-{number}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let as_root = id(&["-u"])? == 0;
    if as_root {
        std::os::unix::fs::chown(
            &directory,
            Some(id(&["-u", SERVER_USER])?),
            Some(id(&["-g", SERVER_USER])?),
        )?;
    }
    let mut create = unprivileged(as_root, &binaries.join("initdb"));
    create.arg("-D").arg(directory.join("data"));
    create.args([
        "-U",
        "tidewaiter",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
    ]);
    let created = create.current_dir("/").stdin(Stdio::null()).output()?;
    if !created.status.success() {
        return Err(Error::other(format!("initdb: {}", String::from_utf8_lossy(&created.stderr).trim())));
    }
    let mut last = Error::other("not started");
    // A keeper whose server failed leaves the directory as it is.
    for _ in 0..START_ATTEMPTS {
        match attempt(&binaries, &directory, as_root, settings) {
            Ok(cluster) => return Ok(cluster),
            Err(error) => last = error,
        }
    }
    let _ = fs::remove_dir_all(&directory);
    Err(last)
}

fn attempt(binaries: &Path, directory: &Path, as_root: bool, settings: &[&str]) -> Result<Cluster> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let mut command = unprivileged(as_root, Path::new("sh"));
    command.args(["-c", KEEPER, "keeper"]).arg(binaries).arg(directory).arg(port.to_string());
    command.args(settings.iter().flat_map(|setting| ["-c", setting]));
    // A group of its own, so that an interrupt from the terminal reaches the keeper only through its input.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let keeper =
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let url = format!("postgres://tidewaiter@127.0.0.1:{port}/postgres");
    let mut cluster = Cluster { url, directory: directory.to_owned(), keeper };
    let deadline = Instant::now() + START_PATIENCE;
    loop {
        match ::postgres::Client::connect(&cluster.url, ::postgres::NoTls) {
            Ok(_) => return Ok(cluster),
            Err(_) if Instant::now() < deadline && cluster.keeper.try_wait()?.is_none() => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => {
                let log = fs::read_to_string(directory.join("log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(3).collect();
                return Err(Error::other(format!("{error}: {}", tail.join("; "))));
            }
        }
    }
}

/// A command that does not run as root.
fn unprivileged(as_root: bool, program: &Path) -> Command {
    if !as_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([
        format!("--reuid={SERVER_USER}"),
        format!("--regid={SERVER_USER}"),
        "--clear-groups".to_owned(),
    ]);
    command.arg(program);
    command
}

/// A numeric user or group id.
fn id(arguments: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .map_err(|_| Error::new(ErrorKind::NotFound, format!("no user `{}`", arguments.join(" "))))
}
