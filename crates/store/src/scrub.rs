//! Makes erased content unreadable below SQL: what a database deletes stays in its files until something overwrites it.
//!
//! SQLite overwrites deleted content with zeroes (`secure_delete`, set on every connection that writes), but old pages
//! stay in the write-ahead log until it is emptied. PostgreSQL keeps old row versions until a table is rewritten, and
//! its own write-ahead log for as long as the server is told to (see `postgres/scrub.rs`).

use crate::{Location, StoreError, postgres, sqlite};

/// Makes what was erased from these tables unreadable in the files of the store, which may be open meanwhile. On
/// PostgreSQL each table is rewritten, during which nobody else can use it. Gives what may still hold old content, in
/// words: settings of a server that only its administrator can change.
///
/// # Errors
/// When the database cannot be reached, or is too busy for it now: try again.
pub fn scrub(location: &Location, tables: &[&str]) -> Result<Vec<String>, StoreError> {
    match location {
        Location::SqliteFile(path) => sqlite::empty_log(path, &location.shown()).map(|()| Vec::new()),
        // There are no files.
        Location::SqliteMemory(_) => Ok(Vec::new()),
        Location::Postgres { url, schema } => postgres::scrub(url, schema, &location.shown(), tables),
    }
}
