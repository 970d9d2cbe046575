//! The port: values, rows and the transaction that a command writes through.

use crate::StoreError;
use base::{Digest, Timestamp};
use std::fmt;

/// Largest single value, in bytes. An envelope between nodes has at most 32 MiB; twice that leaves room for what is
/// stored beside it, and both engines still take it in one piece.
pub(crate) const MAX_VALUE_BYTES: usize = 64 * 1024 * 1024;

/// Most rows that a listing returns at once; a caller that needs more goes on after the last one it got.
pub(crate) const MAX_ROWS: usize = 10_000;

/// A limit as a parameter, cut to [`MAX_ROWS`].
pub(crate) fn limit_value(limit: usize) -> Value {
    Value::Int(i64::try_from(limit.min(MAX_ROWS)).unwrap_or(i64::MAX))
}

/// Which database an adapter speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// The embedded database (default).
    Sqlite,
    /// A PostgreSQL server, 13 or later.
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        })
    }
}

/// A value of a row or a parameter. Money is stored as whole minor units beside its currency, time as microseconds of
/// UTC, truth as 0 or 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A measure that is never money and never compared for equality.
    Real(f64),
    /// Text, without the NUL character (PostgreSQL has no place for it).
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// The name of its kind, for error messages.
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "a whole number",
            Self::Real(_) => "a real number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// Refuses parameters that the two engines would store differently.
pub(crate) fn check_parameters(params: &[Value]) -> Result<(), StoreError> {
    for (index, value) in params.iter().enumerate() {
        let reason = match value {
            Value::Real(number) if number.is_nan() => "it is not a number",
            Value::Text(text) if text.contains('\0') => "text must not hold the NUL character",
            Value::Text(text) if text.len() > MAX_VALUE_BYTES => "it has more than 64 MiB",
            Value::Bytes(bytes) if bytes.len() > MAX_VALUE_BYTES => "it has more than 64 MiB",
            _ => continue,
        };
        return Err(StoreError::Parameter { position: index + 1, reason });
    }
    Ok(())
}

macro_rules! value_from {
    ($($from:ty, $name:ident => $into:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($name: $from) -> Self {
                $into
            }
        }
    )*};
}

value_from! {
    i64, number => Self::Int(number);
    i32, number => Self::Int(number.into());
    u32, number => Self::Int(number.into());
    bool, truth => Self::Int(truth.into());
    f64, number => Self::Real(number);
    &str, text => Self::Text(text.to_owned());
    &String, text => Self::Text(text.clone());
    String, text => Self::Text(text);
    Vec<u8>, bytes => Self::Bytes(bytes);
    &[u8], bytes => Self::Bytes(bytes.to_vec());
    &Vec<u8>, bytes => Self::Bytes(bytes.clone());
    Timestamp, moment => Self::Int(moment.as_micros());
    Digest, digest => Self::Bytes(digest.as_bytes().to_vec());
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer. Columns count from 0; asking for the wrong kind is an error, never a panic.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    values: Vec<Value>,
}

impl Row {
    /// Wraps the values of a row.
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self { values }
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.values.len()
    }

    /// The value of a column, whatever its kind.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn value(&self, index: usize) -> Result<&Value, StoreError> {
        self.values.get(index).ok_or(StoreError::Column { index, expected: "a column", found: "nothing" })
    }

    fn wrong<T>(&self, index: usize, expected: &'static str) -> Result<T, StoreError> {
        let found = self.values.get(index).map_or("nothing", Value::kind);
        Err(StoreError::Column { index, expected, found })
    }

    /// A whole number.
    ///
    /// # Errors
    /// When the column is missing, null or of another kind.
    pub fn int(&self, index: usize) -> Result<i64, StoreError> {
        match self.value(index)? {
            Value::Int(number) => Ok(*number),
            _ => self.wrong(index, "a whole number"),
        }
    }

    /// A truth value, stored as 0 or 1.
    ///
    /// # Errors
    /// When the column is missing or holds anything else.
    pub fn flag(&self, index: usize) -> Result<bool, StoreError> {
        match self.value(index)? {
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            _ => self.wrong(index, "0 or 1"),
        }
    }

    /// A moment, stored as microseconds of UTC.
    ///
    /// # Errors
    /// When the column is missing, null or of another kind.
    pub fn timestamp(&self, index: usize) -> Result<Timestamp, StoreError> {
        self.int(index).map(Timestamp::from_micros)
    }

    /// A real number; a whole one is read as such.
    ///
    /// # Errors
    /// When the column is missing, null or of another kind.
    pub fn real(&self, index: usize) -> Result<f64, StoreError> {
        match self.value(index)? {
            Value::Real(number) => Ok(*number),
            // Sums and averages of whole numbers come back whole from one engine and real from the other.
            #[allow(clippy::cast_precision_loss)]
            Value::Int(number) => Ok(*number as f64),
            _ => self.wrong(index, "a real number"),
        }
    }

    /// Text.
    ///
    /// # Errors
    /// When the column is missing, null or of another kind.
    pub fn text(&self, index: usize) -> Result<&str, StoreError> {
        match self.value(index)? {
            Value::Text(text) => Ok(text),
            _ => self.wrong(index, "text"),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// When the column is missing, null or of another kind.
    pub fn bytes(&self, index: usize) -> Result<&[u8], StoreError> {
        match self.value(index)? {
            Value::Bytes(bytes) => Ok(bytes),
            _ => self.wrong(index, "bytes"),
        }
    }

    /// Exactly `N` bytes, such as a digest or a salt.
    ///
    /// # Errors
    /// When the column is missing, null, of another kind or of another length.
    pub fn array<const N: usize>(&self, index: usize) -> Result<[u8; N], StoreError> {
        let bytes = self.bytes(index)?;
        bytes.try_into().or_else(|_| self.wrong(index, "bytes of a fixed length"))
    }

    fn optional<'r, T>(
        &'r self,
        index: usize,
        read: impl FnOnce(&'r Self, usize) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self.value(index)? {
            Value::Null => Ok(None),
            _ => read(self, index).map(Some),
        }
    }

    /// A whole number or null.
    ///
    /// # Errors
    /// When the column is missing or of another kind.
    pub fn opt_int(&self, index: usize) -> Result<Option<i64>, StoreError> {
        self.optional(index, Self::int)
    }

    /// A moment or null.
    ///
    /// # Errors
    /// When the column is missing or of another kind.
    pub fn opt_timestamp(&self, index: usize) -> Result<Option<Timestamp>, StoreError> {
        self.optional(index, Self::timestamp)
    }

    /// A real number or null.
    ///
    /// # Errors
    /// When the column is missing or of another kind.
    pub fn opt_real(&self, index: usize) -> Result<Option<f64>, StoreError> {
        self.optional(index, Self::real)
    }

    /// Text or null.
    ///
    /// # Errors
    /// When the column is missing or of another kind.
    pub fn opt_text(&self, index: usize) -> Result<Option<&str>, StoreError> {
        self.optional(index, Self::text)
    }

    /// Bytes or null.
    ///
    /// # Errors
    /// When the column is missing or of another kind.
    pub fn opt_bytes(&self, index: usize) -> Result<Option<&[u8]>, StoreError> {
        self.optional(index, Self::bytes)
    }
}

/// The transaction of one command (or the snapshot of one read). It commits when the command returns `Ok` and leaves
/// no trace when it returns `Err` or panics.
pub trait Tx {
    /// The engine behind it.
    fn engine(&self) -> Engine;

    /// Runs a statement that returns no rows and gives the number of rows that it changed. Placeholders are `?1`, `?2`.
    ///
    /// # Errors
    /// When the engine refuses it; the command is then lost, whatever it returns.
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError>;

    /// Runs a statement and gives its rows. Placeholders are `?1`, `?2`.
    ///
    /// # Errors
    /// When the engine refuses it; the command is then lost, whatever it returns.
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError>;
}

/// The first row of an answer that has one at most.
pub(crate) fn first(rows: Vec<Row>) -> Option<Row> {
    rows.into_iter().next()
}

/// The only row of an answer that always has one, such as an aggregate or a `returning` insert.
pub(crate) fn only(rows: Vec<Row>) -> Result<Row, StoreError> {
    first(rows)
        .ok_or_else(|| StoreError::damaged("answer", "a statement that always has a row returned none"))
}

/// Parses a stored text back into the type that wrote it.
pub(crate) fn parsed<T>(what: &'static str, text: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr<Err = base::Invalid>,
{
    text.parse().map_err(|invalid: base::Invalid| StoreError::damaged(what, invalid))
}

/// Names the statements of a room: each becomes a private constant, and together they become `STATEMENTS`, visible in
/// the crate, which a test prepares on both engines.
///
/// ```
/// store::statements! {
///     /// One movement of the worklist.
///     FIND_MOVEMENT = "select mrn, status from movements where mrn = ?1";
/// }
/// assert_eq!(STATEMENTS.len(), 1);
/// ```
#[macro_export]
macro_rules! statements {
    ($($(#[$attribute:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$attribute])* const $name: &str = $sql;)+
        /// The statements of this room, by name.
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}
