//! Makes the files of a server forget what was erased.
//!
//! 1. Each table is rewritten (`VACUUM FULL`), with its indexes. Row versions that an older transaction may still see are
//!    copied by that, so it is repeated until there are none.
//! 2. The write-ahead log is switched to a new file, and a checkpoint makes all older files needless. The server deletes
//!    them then, unless it was told to recycle, keep or archive them.

use super::{Client, connect, described, unavailable};
use crate::{Engine, StoreError};
use ::postgres::error::SqlState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long older transactions have to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a table may be in use before the rewriting gives up: what comes after it in the queue waits meanwhile.
const LOCK_PATIENCE: &str = "10s";

/// How often a table is rewritten that an older transaction still looks at.
const PAUSE: Duration = Duration::from_millis(200);

/// What must be granted to the node's role so that it can empty the write-ahead log.
const RIGHTS: &str = "the role of this node may not empty the server's write-ahead log, which keeps old content until later \
    traffic displaces it: `grant pg_checkpoint to ROLE; grant execute on function pg_switch_wal() to ROLE`";

/// Settings under which the server or others keep old files of the write-ahead log, with what to say of each.
const KEPT: &str = "select words from (values
    (current_setting('wal_recycle', true) = 'on',
     '`wal_recycle` is on: old files of the write-ahead log are written over later and not deleted'),
    (current_setting('archive_mode') <> 'off', '`archive_mode` is on: the archive keeps the write-ahead log'),
    (current_setting('wal_keep_size', true) not in ('0', '0MB'), '`wal_keep_size` keeps old files of the write-ahead log'),
    ((select count(*) from pg_replication_slots) > 0, 'a replication slot keeps old files of the write-ahead log'),
    ((select count(*) from pg_stat_replication) > 0, 'a replica has files of its own, where the same holds')
    ) as kept (it, words) where it";

/// Rewrites the tables and empties the write-ahead log. Gives what may still hold old content, in words.
pub(crate) fn scrub(
    url: &str,
    schema: &str,
    location: &str,
    tables: &[&str],
) -> Result<Vec<String>, StoreError> {
    // The client waits on a runtime of its own, which must not happen on a thread that already drives one.
    std::thread::scope(|scope| {
        let stopped = || StoreError::Unavailable {
            location: location.to_owned(),
            reason: "the thread that rewrites its tables stopped".to_owned(),
        };
        scope.spawn(|| Scrubbing::new(url, schema, location)?.run(tables)).join().map_err(|_| stopped())?
    })
}

struct Scrubbing<'l> {
    client: Client,
    location: &'l str,
    /// Row versions that the last rewriting had to keep.
    kept: Arc<AtomicU64>,
}

impl<'l> Scrubbing<'l> {
    fn new(url: &str, schema: &str, location: &'l str) -> Result<Self, StoreError> {
        let kept = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&kept);
        let mut client = connect(url, location, move |notice| {
            seen.fetch_add(notice.detail().map_or(0, first_number), Ordering::SeqCst);
        })?;
        let setup = format!("set search_path to {schema}; set lock_timeout = '{LOCK_PATIENCE}'");
        client.batch_execute(&setup).map_err(|error| unavailable(location, &error))?;
        Ok(Self { client, location, kept })
    }

    fn run(mut self, tables: &[&str]) -> Result<Vec<String>, StoreError> {
        let deadline = Instant::now() + PATIENCE;
        for table in tables {
            loop {
                self.kept.store(0, Ordering::SeqCst);
                self.batch(&format!("vacuum (full, verbose) {table}"))?;
                let kept = self.kept.load(Ordering::SeqCst);
                if kept == 0 {
                    break;
                }
                if Instant::now() >= deadline {
                    return Err(StoreError::Unavailable {
                        location: self.location.to_owned(),
                        reason: format!(
                            "an older transaction may still see {kept} erased row versions of `{table}`: try again \
                             when it has ended (`select * from pg_stat_activity where backend_xmin is not null`)"
                        ),
                    });
                }
                std::thread::sleep(PAUSE);
            }
        }
        self.empty_log()
    }

    fn empty_log(&mut self) -> Result<Vec<String>, StoreError> {
        for sql in ["select pg_switch_wal()", "checkpoint"] {
            match self.client.batch_execute(sql) {
                Ok(()) => {}
                Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                    return Ok(vec![RIGHTS.to_owned()]);
                }
                Err(error) => {
                    return Err(StoreError::statement(Engine::Postgres, sql, false, described(&error)));
                }
            }
        }
        let rows = self.client.query(KEPT, &[]).map_err(|error| unavailable(self.location, &error))?;
        rows.iter().map(|row| row.try_get(0).map_err(|error| unavailable(self.location, &error))).collect()
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let failed = |error| StoreError::statement(Engine::Postgres, sql, false, described(&error));
        self.client.batch_execute(sql).map_err(failed)
    }
}

/// The first number of a text. That of the details of a rewriting counts the row versions that it had to keep, in
/// whichever language the server speaks.
fn first_number(text: &str) -> u64 {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
