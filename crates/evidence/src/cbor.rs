//! Deterministic CBOR (RFC 8949 section 4.2.1), written and read by hand.
//!
//! A signed document has exactly one encoding here: lengths and integers in their shortest form, no indefinite
//! lengths, no floating point, map keys in the order of their encoded bytes, none twice. [`Reader`] accepts nothing
//! else, and it borrows: what it reads is never copied, and no length in the input makes it allocate.

use crate::EvidenceError;

/// How deep items may nest. Our deepest document, a receipt's header, has five levels; the limit bounds the stack.
pub const MAX_DEPTH: usize = 12;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
const FALSE: u64 = 20;
const TRUE: u64 = 21;
const NULL: u64 = 22;

/// Writes deterministic CBOR. The caller puts map keys in order; [`check`] in the tests of each document proves it.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty document.
    pub fn new() -> Self {
        Self::default()
    }

    fn head(&mut self, major: u8, value: u64) -> &mut Self {
        let major = major << 5;
        match value {
            0..24 => self.0.push(major | value.to_le_bytes()[0]),
            24..0x100 => self.0.extend([major | 24, value.to_le_bytes()[0]]),
            0x100..0x1_0000 => {
                self.0.push(major | 25);
                self.0.extend(value.to_be_bytes().iter().skip(6));
            }
            0x1_0000..0x1_0000_0000 => {
                self.0.push(major | 26);
                self.0.extend(value.to_be_bytes().iter().skip(4));
            }
            _ => {
                self.0.push(major | 27);
                self.0.extend(value.to_be_bytes());
            }
        }
        self
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) -> &mut Self {
        self.head(UNSIGNED, value)
    }

    /// A signed integer.
    pub fn int(&mut self, value: i64) -> &mut Self {
        if value < 0 {
            self.head(NEGATIVE, (!value).cast_unsigned())
        } else {
            self.head(UNSIGNED, value.cast_unsigned())
        }
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.head(BYTES, value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// A text string.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.head(TEXT, value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
        self
    }

    /// The head of an array of `count` items, which follow.
    pub fn array(&mut self, count: usize) -> &mut Self {
        self.head(ARRAY, count as u64)
    }

    /// The head of a map of `count` pairs, which follow.
    pub fn map(&mut self, count: usize) -> &mut Self {
        self.head(MAP, count as u64)
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, value: bool) -> &mut Self {
        self.head(SIMPLE, if value { TRUE } else { FALSE })
    }

    /// `null`.
    pub fn null(&mut self) -> &mut Self {
        self.head(SIMPLE, NULL)
    }

    /// Makes room for `bytes` more, so that a large document is built in one allocation.
    pub fn reserve(&mut self, bytes: usize) -> &mut Self {
        self.0.reserve(bytes);
        self
    }

    /// The document.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads deterministic CBOR, refusing every other encoding of the same value.
pub struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; `what` names the document in errors.
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { rest: bytes, what }
    }

    fn wrong(&self, reason: impl Into<String>) -> EvidenceError {
        EvidenceError::malformed(self.what, reason)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], EvidenceError> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| self.wrong("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn head(&mut self) -> Result<(u8, u64), EvidenceError> {
        let initial = *self.take(1)?.first().unwrap_or(&0);
        let (major, info) = (initial >> 5, initial & 0x1f);
        let width = match info {
            0..24 => return Ok((major, u64::from(info))),
            24..=27 => 1usize << (info - 24),
            _ => return Err(self.wrong("it uses an indefinite or reserved length (RFC 8949 section 4.2.1)")),
        };
        let value = self.take(width)?.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let least = match width {
            1 => 24,
            2 => 0x100,
            4 => 0x1_0000,
            _ => 0x1_0000_0000,
        };
        if major == SIMPLE {
            return Err(self.wrong("it holds a floating point number or an unassigned simple value"));
        }
        if value < least {
            return Err(
                self.wrong("an integer or length is not in its shortest form (RFC 8949 section 4.2.1)")
            );
        }
        Ok((major, value))
    }

    fn head_of(&mut self, major: u8, name: &str) -> Result<u64, EvidenceError> {
        match self.head()? {
            (found, value) if found == major => Ok(value),
            _ => Err(self.wrong(format!("{name} was expected"))),
        }
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn uint(&mut self) -> Result<u64, EvidenceError> {
        self.head_of(UNSIGNED, "an unsigned integer")
    }

    /// A signed integer of 64 bits.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn int(&mut self) -> Result<i64, EvidenceError> {
        let (major, value) = self.head()?;
        match (major, i64::try_from(value)) {
            (UNSIGNED, Ok(value)) => Ok(value),
            (NEGATIVE, Ok(value)) => Ok(!value),
            _ => Err(self.wrong("an integer of 64 bits was expected")),
        }
    }

    /// A byte string.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn bytes(&mut self) -> Result<&'a [u8], EvidenceError> {
        let length = self.head_of(BYTES, "a byte string")?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// A byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn bytes_of<const N: usize>(&mut self) -> Result<[u8; N], EvidenceError> {
        let bytes = self.bytes()?;
        bytes.try_into().map_err(|_| {
            self.wrong(format!("a byte string of {N} bytes was expected, it has {}", bytes.len()))
        })
    }

    /// A text string.
    ///
    /// # Errors
    /// When the next item is anything else, or is not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, EvidenceError> {
        let length = self.head_of(TEXT, "a text")?;
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        std::str::from_utf8(bytes).map_err(|_| self.wrong("a text is not UTF-8"))
    }

    /// The head of an array; the items follow. Bound the count before allocating for it.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn array(&mut self) -> Result<u64, EvidenceError> {
        self.head_of(ARRAY, "an array")
    }

    /// The head of an array of exactly `count` items.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn array_of(&mut self, count: u64) -> Result<(), EvidenceError> {
        match self.array()? {
            found if found == count => Ok(()),
            found => Err(self.wrong(format!("an array of {count} items was expected, it has {found}"))),
        }
    }

    /// The head of a map of exactly `count` pairs.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn map_of(&mut self, count: u64) -> Result<(), EvidenceError> {
        match self.head_of(MAP, "a map")? {
            found if found == count => Ok(()),
            found => Err(self.wrong(format!("a map of {count} fields was expected, it has {found}"))),
        }
    }

    /// The head of a map with a field more or less: how many it has.
    ///
    /// # Errors
    /// When another item comes next.
    pub fn map(&mut self) -> Result<u64, EvidenceError> {
        self.head_of(MAP, "a map")
    }

    /// The key `key` of a map. As a document's keys come in one order only, an unknown, missing or repeated key is
    /// found here.
    ///
    /// # Errors
    /// When another key or item comes next.
    pub fn key(&mut self, key: u64) -> Result<(), EvidenceError> {
        match self.uint()? {
            found if found == key => Ok(()),
            found => Err(self.wrong(format!("field {key} was expected next, found field {found}"))),
        }
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn boolean(&mut self) -> Result<bool, EvidenceError> {
        match self.head_of(SIMPLE, "true or false")? {
            FALSE => Ok(false),
            TRUE => Ok(true),
            _ => Err(self.wrong("true or false was expected")),
        }
    }

    /// Takes `null` if it comes next, and says whether it did.
    pub fn null(&mut self) -> bool {
        match self.rest.split_first() {
            Some((0xf6, rest)) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Confirms that the document ends here.
    ///
    /// # Errors
    /// When bytes are left.
    pub fn end(&self) -> Result<(), EvidenceError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.wrong(format!("{} bytes follow its end", self.rest.len())))
        }
    }

    fn skip(&mut self, depth: usize) -> Result<(), EvidenceError> {
        if depth > MAX_DEPTH {
            return Err(self.wrong(format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        let (major, value) = self.head()?;
        match major {
            UNSIGNED | NEGATIVE => Ok(()),
            BYTES => self.take(usize::try_from(value).unwrap_or(usize::MAX)).map(|_| ()),
            TEXT => {
                let bytes = self.take(usize::try_from(value).unwrap_or(usize::MAX))?;
                std::str::from_utf8(bytes).map(|_| ()).map_err(|_| self.wrong("a text is not UTF-8"))
            }
            // Each item takes at least a byte, so a false count ends with the input.
            ARRAY => (0..value).try_for_each(|_| self.skip(depth + 1)),
            MAP => self.skip_map(value, depth),
            // A general library reads big numbers as integers, and so accepts two encodings of one value.
            TAG if value == 2 || value == 3 => Err(self.wrong("it holds a number beyond 64 bits")),
            TAG => self.skip(depth + 1),
            _ if (FALSE..=NULL).contains(&value) => Ok(()),
            _ => Err(self.wrong("it holds an unassigned simple value")),
        }
    }

    fn skip_map(&mut self, pairs: u64, depth: usize) -> Result<(), EvidenceError> {
        let mut last: &[u8] = &[];
        for _ in 0..pairs {
            let before = self.rest;
            self.skip(depth + 1)?;
            let key = before.get(..before.len() - self.rest.len()).unwrap_or_default();
            if key <= last {
                return Err(self.wrong("map keys are repeated or out of order (RFC 8949 section 4.2.1)"));
            }
            last = key;
            self.skip(depth + 1)?;
        }
        Ok(())
    }
}

/// Confirms that `bytes` are one item in deterministic encoding, before a general CBOR library sees them.
///
/// # Errors
/// When they are anything else; `what` names the document in the error.
pub fn check(what: &'static str, bytes: &[u8]) -> Result<(), EvidenceError> {
    let mut reader = Reader::new(what, bytes);
    reader.skip(0)?;
    reader.end()
}

#[cfg(test)]
#[path = "cbor_tests.rs"]
mod tests;
