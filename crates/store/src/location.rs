//! Where a store is.

use crate::{StoreError, memory, postgres, sqlite};
use base::Invalid;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The schema when a PostgreSQL location names none.
const DEFAULT_SCHEMA: &str = "tidewaiter";

/// PostgreSQL cuts longer names silently (`NAMEDATALEN` is 64 with its end mark).
const MAX_SCHEMA: usize = 63;

/// Where a store is: `sqlite:PATH`, `memory:NAME` or `postgres://USER@HOST/DATABASE?schema=NAME`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// A file, created when absent. Beside it live `-wal`, `-shm` and `.lock`.
    SqliteFile(PathBuf),
    /// A database in the memory of this process, shared by everyone who opens the same name (see
    /// [`MemoryDisk`](crate::MemoryDisk)).
    SqliteMemory(String),
    /// A schema in a PostgreSQL database, created when absent.
    Postgres {
        /// The connection URL without the `schema` parameter.
        url: String,
        /// The schema: lower-case letters, digits and `_`, 63 characters at most.
        schema: String,
    },
}

impl Location {
    /// The form for messages and logs: as [`Display`](fmt::Display), but with the password of a URL blotted out.
    pub fn shown(&self) -> String {
        let Self::Postgres { url, schema } = self else {
            return self.to_string();
        };
        let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let authority = match authority.rsplit_once('@') {
            Some((user, host)) => {
                let name = user.split(':').next().unwrap_or_default();
                format!("{name}@{host}")
            }
            None => authority.to_owned(),
        };
        // Parameters may hold a password too, so none is shown.
        let path = path.split('?').next().unwrap_or_default();
        format!("{scheme}://{authority}{path}?schema={schema}")
    }

    fn postgres(text: &str) -> Result<Self, Invalid> {
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let mut schema = DEFAULT_SCHEMA.to_owned();
        let mut kept = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.strip_prefix("schema=") {
                Some(name) => schema = name.to_owned(),
                None => kept.push(parameter),
            }
        }
        check_schema(&schema)?;
        let url = if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.join("&")) };
        Ok(Self::Postgres { url, schema })
    }
}

/// Checks a schema name, which goes into statements unquoted.
fn check_schema(name: &str) -> Result<(), Invalid> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if starts_well && is_plain && name.len() <= MAX_SCHEMA && !name.starts_with("pg_") {
        Ok(())
    } else {
        let reason =
            "it must be 1 to 63 lower-case letters, digits and `_`, not beginning with a digit or `pg_`";
        Err(Invalid::new("schema name", name, reason))
    }
}

impl FromStr for Location {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = |reason: &str| Invalid::new("store location", text, reason);
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Self::postgres(text);
        }
        match text.split_once(':') {
            Some(("sqlite" | "memory", "")) => Err(wrong("a name must follow the colon")),
            Some(("sqlite", path)) => Ok(Self::SqliteFile(PathBuf::from(path))),
            Some(("memory", name)) => Ok(Self::SqliteMemory(name.to_owned())),
            _ => Err(wrong(
                "it must be `sqlite:PATH`, `memory:NAME` or `postgres://USER@HOST/DATABASE?schema=NAME`",
            )),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteFile(path) => write!(out, "sqlite:{}", path.display()),
            Self::SqliteMemory(name) => write!(out, "memory:{name}"),
            Self::Postgres { url, schema } => {
                let joint = if url.contains('?') { '&' } else { '?' };
                write!(out, "{url}{joint}schema={schema}")
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown())
    }
}

/// Deletes a store and everything in it: for fresh corridor runs and tests. A store that is not there is no error.
///
/// # Errors
/// When a writer has it open, or the database cannot be reached.
pub fn destroy(location: &Location) -> Result<(), StoreError> {
    match location {
        Location::SqliteFile(path) => sqlite::destroy(path, &location.shown()),
        Location::SqliteMemory(name) => memory::destroy(name),
        Location::Postgres { url, schema } => {
            check_schema(schema).map_err(|invalid| StoreError::Unavailable {
                location: location.shown(),
                reason: invalid.to_string(),
            })?;
            postgres::destroy(url, schema, &location.shown())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_shown() {
        let forms = [
            "sqlite:/var/lib/node/node.db",
            "memory:GB",
            "postgres://node@localhost:5432/customs?schema=gb",
            "postgresql://node:secret@db/customs?connect_timeout=3&schema=fr_1",
        ];
        for form in forms {
            let location: Location = form.parse().unwrap();
            assert_eq!(location.to_string(), form);
        }
    }

    #[test]
    fn the_schema_has_a_default() {
        let location: Location = "postgres://node@db/customs".parse().unwrap();
        assert_eq!(location.to_string(), "postgres://node@db/customs?schema=tidewaiter");
    }

    #[test]
    fn a_password_is_never_shown() {
        let location: Location =
            "postgres://node:secret@db/customs?password=secret&schema=gb".parse().unwrap();
        assert_eq!(location.shown(), "postgres://node@db/customs?schema=gb");
        assert!(!format!("{location:?}").contains("secret"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "sqlite:",
            "memory:",
            "mysql://x",
            "node.db",
            "postgres://x/y?schema=A;drop",
            "postgres://x?schema=",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
