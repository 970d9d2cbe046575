//! The embedded adapter: one writing connection and read-only connections on snapshots of the write-ahead log.

use crate::memory::Disk;
use crate::session::Session;
use crate::{Engine, Row, StoreError, Value};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to wait for the lock file of a writer that was just killed: the kernel releases it as it clears the
/// process away, which its parent may not have waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// How often to look at the lock file meanwhile.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// How long SQLite waits for a foreign lock on the file, such as that of a backup program.
const BUSY_PATIENCE: Duration = Duration::from_secs(10);

/// Compiled statements kept per connection: more than all rooms and read tables of a node have.
const STATEMENT_CACHE: usize = 512;

/// Pages of the write-ahead log after which they are copied into the database, 16 MiB: a page that many commands change,
/// as those of indexes and counters, is copied once for all of them.
const LOG_PAGES: u32 = 4096;

/// What to do with the savepoint before the next command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// There is none yet.
    Missing,
    /// It is there and nothing came after it.
    Clean,
    /// A command that is to stay came after it.
    Used,
}

/// Where the connection comes from.
enum Medium {
    /// A file. The writer holds its lock file; a reader holds none.
    File { _lock: Option<File> },
    /// A simulated disk, whose one connection is taken for each group or snapshot.
    Memory { disk: Arc<Disk>, power: u64, is_writer: bool },
}

/// A connection to an SQLite database.
pub(crate) struct SqliteSession {
    medium: Medium,
    location: String,
    connection: Option<Connection>,
    mark: Mark,
}

/// Sets what every connection has.
pub(crate) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.busy_timeout(BUSY_PATIENCE)?;
    // A plan is kept whatever values are bound. Otherwise statements whose plan could depend on one are compiled anew for
    // each value, which takes longer than to run them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // 16 MiB of pages: the indexes of a busy day stay in memory.
    connection
        .execute_batch("pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -16384")
}

/// `<path><suffix>`, as in `node.db-wal`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the file of a new database readable by its owner only. SQLite gives the log and the shared memory the mode of
/// the database. A file that is there is not touched: closing it here would release SQLite's own locks on it.
fn create_private(path: &Path) -> std::io::Result<()> {
    match File::options().create_new(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Takes the lock file. It is never deleted while the store lives: a lock on a deleted file keeps nobody out.
fn lock(path: &Path, location: &str) -> Result<File, StoreError> {
    let unavailable = |error: std::io::Error| StoreError::Unavailable {
        location: location.to_owned(),
        reason: format!("cannot lock `{}.lock`: {error}", path.display()),
    };
    let options = File::options().create(true).truncate(false).write(true).open(beside(path, ".lock"));
    let file = options.map_err(unavailable)?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::SecondWriter { location: location.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(unavailable(error)),
        }
    }
}

/// Deletes a database file and what belongs to it.
pub(crate) fn destroy(path: &Path, location: &str) -> Result<(), StoreError> {
    if !path.exists() && !beside(path, ".lock").exists() {
        return Ok(());
    }
    let _lock = lock(path, location)?;
    // The database goes first: a log without its database is ignored, a database without its log may be torn.
    for suffix in ["", "-wal", "-shm", ".lock"] {
        match std::fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Unavailable {
                    location: location.to_owned(),
                    reason: error.to_string(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Empties the write-ahead log, in which old versions of pages would stay, beside whoever has the database open.
pub(crate) fn empty_log(path: &Path, location: &str) -> Result<(), StoreError> {
    let unavailable = |reason: String| StoreError::Unavailable { location: location.to_owned(), reason };
    let emptied = || -> rusqlite::Result<bool> {
        let connection = Connection::open(path)?;
        configure(&connection)?;
        let busy: i64 = connection.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0))?;
        Ok(busy == 0)
    };
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match emptied() {
            Ok(true) => return Ok(()),
            // A reader still sees an old page.
            Ok(false) if Instant::now() < deadline => std::thread::sleep(LOCK_POLL),
            Ok(false) => return Err(unavailable("its write-ahead log is in use: try again".to_owned())),
            Err(error) => return Err(unavailable(error.to_string())),
        }
    }
}

impl SqliteSession {
    /// The writer of a file.
    pub(crate) fn file_writer(path: &Path, location: &str) -> Result<Self, StoreError> {
        let lock = lock(path, location)?;
        let unavailable = |reason: String| StoreError::Unavailable { location: location.to_owned(), reason };
        create_private(path).map_err(|error| unavailable(error.to_string()))?;
        let open = || -> rusqlite::Result<(Connection, String)> {
            let connection = Connection::open(path)?;
            configure(&connection)?;
            let mode = connection.query_row("pragma journal_mode = wal", [], |row| row.get(0))?;
            // FULL: a commit is on disk when it returns. NORMAL would lose the last commits in a power cut. What is
            // deleted is overwritten, for erasure has to reach the disk.
            connection.execute_batch("pragma synchronous = full; pragma secure_delete = on")?;
            connection.execute_batch(&format!("pragma wal_autocheckpoint = {LOG_PAGES}"))?;
            Ok((connection, mode))
        };
        let (connection, mode) = open().map_err(|error| unavailable(error.to_string()))?;
        if mode != "wal" {
            return Err(unavailable(format!("its file system allows journal mode `{mode}` only, not `wal`")));
        }
        Ok(Self {
            medium: Medium::File { _lock: Some(lock) },
            location: location.to_owned(),
            connection: Some(connection),
            mark: Mark::Missing,
        })
    }

    /// A reader of a file.
    pub(crate) fn file_reader(path: &Path, location: &str) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
            configure(&connection)?;
            connection.execute_batch("pragma query_only = on")?;
            Ok(connection)
        });
        let connection = opened.map_err(|error| StoreError::Unavailable {
            location: location.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            medium: Medium::File { _lock: None },
            location: location.to_owned(),
            connection: Some(connection),
            mark: Mark::Missing,
        })
    }

    /// The writer of a simulated disk.
    pub(crate) fn memory_writer(disk: Arc<Disk>, location: &str) -> Result<Self, StoreError> {
        let power = disk.claim_writer()?;
        Ok(Self::memory(disk, power, true, location))
    }

    /// A reader of a simulated disk, of the same power-on as the writer.
    pub(crate) fn memory_reader(disk: Arc<Disk>, power: u64, location: &str) -> Self {
        Self::memory(disk, power, false, location)
    }

    fn memory(disk: Arc<Disk>, power: u64, is_writer: bool, location: &str) -> Self {
        Self {
            medium: Medium::Memory { disk, power, is_writer },
            location: location.to_owned(),
            connection: None,
            mark: Mark::Missing,
        }
    }

    /// The connection, if a group or snapshot is open.
    fn connection(&self) -> Result<&Connection, StoreError> {
        if let Medium::Memory { disk, power, .. } = &self.medium {
            disk.check_power(*power)?;
        }
        self.connection.as_ref().ok_or_else(|| StoreError::Unavailable {
            location: self.location.clone(),
            reason: "no transaction is open".to_owned(),
        })
    }

    /// Takes the connection of a simulated disk; that of a file is always there.
    fn take(&mut self) -> Result<(), StoreError> {
        if let Medium::Memory { disk, power, .. } = &self.medium
            && self.connection.is_none()
        {
            disk.check_power(*power)?;
            self.connection = Some(disk.take());
        }
        Ok(())
    }

    /// Refuses a statement that writes to the reader of a simulated disk. That of a file has a connection on which SQLite
    /// refuses it; here reader and writer share one, and switching it back and forth would make SQLite compile every
    /// statement anew each time.
    fn permit(&self, statement: &rusqlite::Statement<'_>) -> rusqlite::Result<()> {
        match self.medium {
            Medium::Memory { is_writer: false, .. } if !statement.readonly() => {
                let readonly = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
                Err(rusqlite::Error::SqliteFailure(readonly, None))
            }
            _ => Ok(()),
        }
    }

    /// Runs transaction control, whose failures have no statement worth quoting.
    fn control(&self, sql: &str) -> Result<(), StoreError> {
        let run = self.connection()?.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        run.map(drop).map_err(|error| failed(sql, &error))
    }
}

impl Drop for SqliteSession {
    fn drop(&mut self) {
        self.abandon();
        if let Medium::Memory { disk, power, is_writer: true } = &self.medium {
            disk.release_writer(*power);
        }
    }
}

impl Session for SqliteSession {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn mark(&mut self) -> Result<(), StoreError> {
        self.take()?;
        if self.connection()?.is_autocommit() {
            self.control("begin immediate")?;
            self.mark = Mark::Missing;
        }
        match self.mark {
            Mark::Missing => self.control("savepoint command")?,
            Mark::Used => {
                self.control("release command")?;
                self.control("savepoint command")?;
            }
            Mark::Clean => {}
        }
        self.mark = Mark::Used;
        Ok(())
    }

    fn undo(&mut self) -> Result<(), StoreError> {
        self.control("rollback to command")?;
        self.mark = Mark::Clean;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let outcome = match &self.medium {
            Medium::Memory { disk, .. } if disk.commit_fails() => {
                Err(StoreError::Commit { reason: "the disk was told to fail".to_owned() })
            }
            _ => self.control("commit").map_err(|error| match error {
                full @ StoreError::Full { .. } => full,
                error => StoreError::Commit { reason: error.to_string() },
            }),
        };
        // Gives the connection of a simulated disk back, and rolls back what could not be committed.
        self.abandon();
        outcome
    }

    fn abandon(&mut self) {
        self.mark = Mark::Missing;
        let Some(connection) = &self.connection else {
            return;
        };
        if !connection.is_autocommit() {
            // It can fail only when SQLite has rolled back by itself, which is as good.
            let _ = connection.prepare_cached("rollback").and_then(|mut rollback| rollback.execute([]));
        }
        if let Medium::Memory { disk, .. } = &self.medium
            && let Some(connection) = self.connection.take()
        {
            disk.give_back(connection);
        }
    }

    fn open_snapshot(&mut self) -> Result<(), StoreError> {
        self.take()?;
        self.control("begin")
    }

    fn end_snapshot(&mut self) -> Result<(), StoreError> {
        self.abandon();
        Ok(())
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        let connection = self.connection()?;
        let run = || {
            let mut statement = connection.prepare_cached(sql)?;
            self.permit(&statement)?;
            statement.execute(rusqlite::params_from_iter(params))
        };
        run().map(|rows| rows as u64).map_err(|error| failed(sql, &error))
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let connection = self.connection()?;
        let run = || -> rusqlite::Result<Vec<Row>> {
            let mut statement = connection.prepare_cached(sql)?;
            self.permit(&statement)?;
            let width = statement.column_count();
            let mut rows = statement.query(rusqlite::params_from_iter(params))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let values =
                    (0..width).map(|column| row.get_ref(column).and_then(|value| owned(column, value)));
                found.push(Row::new(values.collect::<rusqlite::Result<_>>()?));
            }
            Ok(found)
        };
        run().map_err(|error| failed(sql, &error))
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection()?.execute_batch(sql).map_err(|error| failed(sql, &error))
    }

    fn prepare(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection()?.prepare(sql).map(drop).map_err(|error| failed(sql, &error))
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A value of a row, copied out of the statement.
fn owned(column: usize, value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => {
            let text =
                std::str::from_utf8(text).map_err(|error| rusqlite::Error::Utf8Error(column, error))?;
            Value::Text(text.to_owned())
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

/// Reports an error of SQLite.
fn failed(sql: &str, error: &rusqlite::Error) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        return StoreError::Full { reason: error.to_string() };
    }
    let constraint = error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation);
    StoreError::statement(Engine::Sqlite, sql, constraint, error)
}
