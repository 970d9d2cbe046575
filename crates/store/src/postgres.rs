//! The server adapter: one writing connection that holds its schema by a session lock, and reading connections with
//! repeatable-read snapshots.

mod scrub;
mod values;

pub(crate) use scrub::scrub;

use crate::session::Session;
use crate::{Engine, Row, StoreError, Value, dialect};
use ::postgres::types::ToSql;
use ::postgres::{Client, NoTls, SimpleQueryMessage, Statement};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::error::Error as _;
use std::time::{Duration, Instant};

/// How long to wait for the lock of a writer that was just killed: its server process must first notice.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// How often to ask for the lock meanwhile.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// How long a connection attempt may take, unless the URL says so.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// How long sent data may stay unacknowledged before the connection counts as lost, unless the URL says so.
const NETWORK_PATIENCE: Duration = Duration::from_secs(30);

/// Prepared statements kept per connection: more than all rooms and read tables of a node have.
const STATEMENT_CACHE: usize = 512;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Writer,
    Reader,
}

/// What to do with the savepoint before the next command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// No group is open.
    NoGroup,
    /// The savepoint is there and nothing came after it.
    Clean,
    /// A command that is to stay came after it.
    Used,
}

/// A connection to a PostgreSQL server.
pub(crate) struct PostgresSession {
    url: String,
    schema: String,
    location: String,
    role: Role,
    /// Absent after it was lost.
    client: Option<Client>,
    statements: HashMap<String, Statement>,
    mark: Mark,
    /// The server's number of the group's transaction, by which its fate can be asked after a lost connection.
    transaction: String,
}

impl PostgresSession {
    /// Connects the writer and takes the schema's lock.
    pub(crate) fn writer(url: &str, schema: &str, location: &str) -> Result<Self, StoreError> {
        Self::open(url, schema, location, Role::Writer)
    }

    /// Connects a reader.
    pub(crate) fn reader(url: &str, schema: &str, location: &str) -> Result<Self, StoreError> {
        Self::open(url, schema, location, Role::Reader)
    }

    fn open(url: &str, schema: &str, location: &str, role: Role) -> Result<Self, StoreError> {
        let mut session = Self {
            url: url.to_owned(),
            schema: schema.to_owned(),
            location: location.to_owned(),
            role,
            client: None,
            statements: HashMap::new(),
            mark: Mark::NoGroup,
            transaction: String::new(),
        };
        session.connect()?;
        Ok(session)
    }

    /// Connects, or connects again.
    fn connect(&mut self) -> Result<(), StoreError> {
        self.drop_client();
        let mut client = connect(&self.url, &self.location, |_| ())?;
        let schema = &self.schema;
        let lost = |error: ::postgres::Error| unavailable(&self.location, &error);
        if self.role == Role::Writer {
            lock(&mut client, schema, &self.location)?;
            let setup = format!("create schema if not exists {schema}; set synchronous_commit = on");
            client.batch_execute(&setup).map_err(lost)?;
        }
        // Compiling a plan to machine code never pays for statements as short as ours.
        let setup = format!("set search_path to {schema}; set jit = off; set client_min_messages = warning");
        client.batch_execute(&setup).map_err(lost)?;
        self.client = Some(client);
        Ok(())
    }

    fn drop_client(&mut self) {
        self.mark = Mark::NoGroup;
        self.statements.clear();
        if let Some(client) = self.client.take() {
            // The client waits on a runtime of its own as it closes, which must not happen on a thread that already
            // drives one, so a thread of its own does it.
            let closing = std::thread::Builder::new().spawn(move || drop(client));
            if let Ok(thread) = closing {
                // A panic there concerns a connection that is gone anyway.
                let _ = thread.join();
            }
        }
    }

    fn client(&mut self) -> Result<&mut Client, StoreError> {
        let lost = self.lost();
        self.client.as_mut().ok_or(lost)
    }

    fn lost(&self) -> StoreError {
        StoreError::Unavailable {
            location: self.location.clone(),
            reason: "the connection was lost".to_owned(),
        }
    }

    /// Turns an error of the server into ours, and forgets the connection when it is gone.
    fn failed(&mut self, sql: &str, error: &::postgres::Error) -> StoreError {
        if is_lost(error) {
            self.drop_client();
            return unavailable(&self.location, error);
        }
        if error.code() == Some(&::postgres::error::SqlState::DISK_FULL) {
            return StoreError::Full { reason: described(error) };
        }
        let constraint = error.code().is_some_and(|code| code.code().starts_with("23"));
        StoreError::statement(Engine::Postgres, sql, constraint, described(error))
    }

    /// Runs transaction control and gives the first field of its last row, if it has any.
    fn control(&mut self, sql: &str) -> Result<Option<String>, StoreError> {
        let answer = self.client()?.simple_query(sql).map_err(|error| self.failed(sql, &error))?;
        let mut rows = answer.iter().rev().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(rows.next().map(str::to_owned))
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        let number = self.control("begin; savepoint command; select pg_current_xact_id()")?;
        self.transaction = number.unwrap_or_default();
        Ok(())
    }

    /// The statement, prepared once per connection.
    fn prepared(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let text = dialect::statement(Engine::Postgres, sql);
        let statement = self.client()?.prepare(&text).map_err(|error| self.failed(sql, &error))?;
        if self.statements.len() >= STATEMENT_CACHE {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Runs a statement with its parameters as the server expects them.
    fn run<T>(
        &mut self,
        sql: &str,
        params: &[Value],
        run: impl FnOnce(&mut Client, &Statement, &[&(dyn ToSql + Sync)]) -> Result<T, ::postgres::Error>,
    ) -> Result<T, StoreError> {
        let statement = self.prepared(sql)?;
        let bound = values::bind(sql, statement.params(), params)?;
        let borrowed: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| &**value as _).collect();
        run(self.client()?, &statement, &borrowed).map_err(|error| self.failed(sql, &error))
    }

    /// Finds out whether a group was committed whose answer was lost with the connection. The lock that `connect`
    /// waits for is free only when the old server process has ended, so the fate is settled by then.
    fn fate(&mut self, lost: &StoreError) -> Result<(), StoreError> {
        let number = std::mem::take(&mut self.transaction);
        let asked =
            self.connect().and_then(|()| self.control(&format!("select pg_xact_status('{number}'::xid8)")));
        match asked.ok().flatten().as_deref() {
            Some("committed") => Ok(()),
            Some("aborted") => Err(StoreError::Commit { reason: lost.to_string() }),
            _ => Err(StoreError::Commit { reason: format!("{lost}; whether it took effect is unknown") }),
        }
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        self.drop_client();
    }
}

impl Session for PostgresSession {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn mark(&mut self) -> Result<(), StoreError> {
        match self.mark {
            Mark::NoGroup => {
                let begun = if self.client.is_some() { self.begin() } else { Err(self.lost()) };
                match begun {
                    // It was lost between groups, with nothing of anyone's in it.
                    Err(StoreError::Unavailable { .. }) => {
                        self.connect()?;
                        self.begin()?;
                    }
                    begun => begun?,
                }
            }
            Mark::Used => {
                self.control("release savepoint command; savepoint command")?;
            }
            Mark::Clean => {}
        }
        self.mark = Mark::Used;
        Ok(())
    }

    fn undo(&mut self) -> Result<(), StoreError> {
        self.control("rollback to savepoint command")?;
        self.mark = Mark::Clean;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        // INVARIANT: no statement has failed since the last mark that was not undone; a server would answer the
        // commit of a failed transaction with a silent rollback.
        self.mark = Mark::NoGroup;
        match self.control("commit") {
            Ok(_) => Ok(()),
            Err(lost @ StoreError::Unavailable { .. }) => self.fate(&lost),
            Err(error) => {
                self.abandon();
                Err(StoreError::Commit { reason: error.to_string() })
            }
        }
    }

    fn abandon(&mut self) {
        self.mark = Mark::NoGroup;
        if self.client.is_some() && self.control("rollback").is_err() {
            self.drop_client();
        }
    }

    fn open_snapshot(&mut self) -> Result<(), StoreError> {
        self.control("begin isolation level repeatable read, read only").map(drop)
    }

    fn end_snapshot(&mut self) -> Result<(), StoreError> {
        self.control("commit").map(drop)
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.run(sql, params, |client, statement, params| client.execute(statement, params))
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let rows = self.run(sql, params, |client, statement, params| client.query(statement, params))?;
        rows.iter().map(|row| values::owned(sql, row)).collect()
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.client()?.batch_execute(sql).map_err(|error| self.failed(sql, &error))
    }

    fn prepare(&mut self, sql: &str) -> Result<(), StoreError> {
        self.prepared(sql).map(drop)
    }
}

/// Connects to the server. What it says beside its answers goes to `notice`.
fn connect(
    url: &str,
    location: &str,
    notice: impl Fn(::postgres::error::DbError) + Send + Sync + 'static,
) -> Result<Client, StoreError> {
    let config: Result<::postgres::Config, _> = url.parse();
    let mut config = config.map_err(|error| unavailable(location, &error))?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_PATIENCE);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(NETWORK_PATIENCE);
    }
    if config.get_application_name().is_none() {
        config.application_name("tidewaiter");
    }
    config.notice_callback(notice);
    config.connect(NoTls).map_err(|error| unavailable(location, &error))
}

/// Takes the writer's lock on a schema. It belongs to the server session and goes when that ends, however it ends.
fn lock(client: &mut Client, schema: &str, location: &str) -> Result<(), StoreError> {
    let digest: [u8; 32] = Sha256::digest(format!("tidewaiter writer of {schema}")).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    let key = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let row = client.query_one("select pg_try_advisory_lock($1)", &[&key]);
        let taken =
            row.and_then(|row| row.try_get::<_, bool>(0)).map_err(|error| unavailable(location, &error))?;
        if taken {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(StoreError::SecondWriter { location: location.to_owned() });
        }
        std::thread::sleep(LOCK_POLL);
    }
}

/// Drops a schema and everything in it.
pub(crate) fn destroy(url: &str, schema: &str, location: &str) -> Result<(), StoreError> {
    let mut session = PostgresSession::reader(url, schema, location)?;
    lock(session.client()?, schema, location)?;
    session.batch(&format!("drop schema if exists {schema} cascade"))
}

/// The server's message with its detail, or the cause of a failed connection.
fn described(error: &::postgres::Error) -> String {
    match error.as_db_error() {
        Some(answer) => match answer.detail() {
            Some(detail) => format!("{}: {detail}", answer.message()),
            None => answer.message().to_owned(),
        },
        None => match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

fn unavailable(location: &str, error: &::postgres::Error) -> StoreError {
    StoreError::Unavailable { location: location.to_owned(), reason: described(error) }
}

/// Whether the connection is gone: closed, broken, or ended by the server (its fatal errors end the session).
fn is_lost(error: &::postgres::Error) -> bool {
    let is_fatal = error.as_db_error().is_some_and(|answer| matches!(answer.severity(), "FATAL" | "PANIC"));
    let is_broken = error.source().is_some_and(|cause| cause.is::<std::io::Error>());
    error.is_closed() || is_fatal || is_broken
}
