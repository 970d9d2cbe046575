//! How much a reader takes before it gives up. Each limit keeps one hostile file from costing more than its share.

/// The bounds within which a message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file. A declaration with the most consignments and items that real traders send stays under this.
    pub bytes: usize,
    /// Open elements at once. The deepest path of any phase-5 message is 8; 256 is where libxml2 stops too.
    pub depth: usize,
    /// Elements in the file.
    pub elements: usize,
    /// Attributes on one element. The schemas know one, `PhaseID`; schema instance attributes and namespaces come on top.
    pub attributes: usize,
    /// Bytes in the text of one element. The longest text of any message is 512 characters.
    pub text: usize,
    /// Entity and character references in the file.
    pub references: usize,
    /// Errors collected before the rest of the file is left unread.
    pub errors: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024 * 1024,
            depth: 256,
            elements: 4_000_000,
            attributes: 64,
            text: 1024 * 1024,
            references: 1_000_000,
            errors: 1000,
        }
    }
}
