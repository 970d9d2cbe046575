//! A simulated disk: an SQLite database in memory that outlives the store that is open on it.
//!
//! A simulation keeps a [`MemoryDisk`], lets a node run on it, and [crashes](MemoryDisk::crash) it: everything that
//! was committed is still there when the next [`Store`](crate::Store) opens the same name, nothing else is, and the
//! handles of the dead node can do nothing any more.

use crate::{Location, StoreError};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

/// The disks of this process by name, for as long as someone holds them.
static DISKS: Mutex<BTreeMap<String, Weak<Disk>>> = Mutex::new(BTreeMap::new());

/// Keeps a database in memory alive, and can make it fail.
#[derive(Clone)]
pub struct MemoryDisk {
    disk: Arc<Disk>,
}

/// The database and who may use it.
pub(crate) struct Disk {
    name: String,
    /// The one connection; taken while a group or a snapshot is open.
    connection: Mutex<Option<Connection>>,
    free: Condvar,
    /// How many times power was switched on. Sessions of an earlier time are dead.
    power: AtomicU64,
    /// The power-on of the writer, 0 when there is none.
    writer: AtomicU64,
    failing_commits: AtomicU32,
    /// Whether there is no space left.
    full: AtomicBool,
    /// Whether the connection has been told so.
    limited: AtomicBool,
    /// How many rows were written so far.
    changes: AtomicU64,
}

/// SQLite's own limit on the number of pages, which no disk in memory reaches.
const NO_LIMIT: u32 = 4_294_967_294;

impl MemoryDisk {
    /// The disk of that name, made when there is none.
    ///
    /// # Errors
    /// When SQLite cannot make a database.
    pub fn open(name: &str) -> Result<Self, StoreError> {
        disk(name).map(|disk| Self { disk })
    }

    /// The location under which a store opens this disk.
    pub fn location(&self) -> Location {
        Location::SqliteMemory(self.disk.name.clone())
    }

    /// Cuts the power: the store that is open on this disk loses the group it is in, everything it does afterwards
    /// fails, and another store may open the disk at once.
    pub fn crash(&self) {
        self.disk.power.fetch_add(1, Ordering::SeqCst);
    }

    /// Lets the next `count` commits fail, with nothing of their groups stored.
    pub fn fail_next_commits(&self, count: u32) {
        self.disk.failing_commits.store(count, Ordering::SeqCst);
    }

    /// Fills the disk: from the next group on the database cannot grow, and what does not fit into its free pages hears
    /// [`StoreError::Full`] from SQLite itself. Reading goes on. A crash does not make space.
    pub fn fill(&self) {
        self.disk.full.store(true, Ordering::SeqCst);
    }

    /// How many rows were written, changed or deleted since the disk was made, those of lost groups included: as long as
    /// it stays, there is nothing new to read.
    pub fn changes(&self) -> u64 {
        self.disk.changes.load(Ordering::SeqCst)
    }

    /// Makes space on the disk again.
    pub fn free(&self) {
        self.disk.full.store(false, Ordering::SeqCst);
    }
}

/// Finds or makes a disk.
pub(crate) fn disk(name: &str) -> Result<Arc<Disk>, StoreError> {
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(disk) = disks.get(name).and_then(Weak::upgrade) {
        return Ok(disk);
    }
    let unavailable = |error: rusqlite::Error| StoreError::Unavailable {
        location: format!("memory:{name}"),
        reason: error.to_string(),
    };
    let connection = Connection::open_in_memory().map_err(unavailable)?;
    crate::sqlite::configure(&connection).map_err(unavailable)?;
    let disk = Arc::new(Disk {
        name: name.to_owned(),
        connection: Mutex::new(Some(connection)),
        free: Condvar::new(),
        power: AtomicU64::new(1),
        writer: AtomicU64::new(0),
        failing_commits: AtomicU32::new(0),
        full: AtomicBool::new(false),
        limited: AtomicBool::new(false),
        changes: AtomicU64::new(0),
    });
    disks.retain(|_, disk| disk.strong_count() > 0);
    disks.insert(name.to_owned(), Arc::downgrade(&disk));
    Ok(disk)
}

/// Forgets a disk, so that the next one of that name is empty.
pub(crate) fn destroy(name: &str) -> Result<(), StoreError> {
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(disk) = disks.get(name).and_then(Weak::upgrade) {
        if disk.writer.load(Ordering::SeqCst) == disk.power() {
            return Err(StoreError::SecondWriter { location: format!("memory:{name}") });
        }
        disk.power.fetch_add(1, Ordering::SeqCst);
    }
    disks.remove(name);
    Ok(())
}

impl Disk {
    /// The present power-on.
    pub(crate) fn power(&self) -> u64 {
        self.power.load(Ordering::SeqCst)
    }

    /// Becomes the writer of the present power-on.
    pub(crate) fn claim_writer(&self) -> Result<u64, StoreError> {
        let power = self.power();
        if self.writer.swap(power, Ordering::SeqCst) == power {
            return Err(StoreError::SecondWriter { location: format!("memory:{}", self.name) });
        }
        Ok(power)
    }

    /// Stops being the writer.
    pub(crate) fn release_writer(&self, power: u64) {
        // When another writer has the disk since a crash, there is nothing to release.
        let _ = self.writer.compare_exchange(power, 0, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Refuses the sessions of an earlier power-on.
    pub(crate) fn check_power(&self, power: u64) -> Result<(), StoreError> {
        if self.power() == power {
            return Ok(());
        }
        Err(StoreError::Unavailable {
            location: format!("memory:{}", self.name),
            reason: "its power was cut".to_owned(),
        })
    }

    /// Takes the connection, waiting until it is free.
    pub(crate) fn take(&self) -> Connection {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = loop {
            if let Some(connection) = slot.take() {
                break connection;
            }
            slot = self.free.wait(slot).unwrap_or_else(PoisonError::into_inner);
        };
        drop(slot);
        let full = self.full.load(Ordering::SeqCst);
        if self.limited.load(Ordering::SeqCst) != full {
            // SQLite raises a limit below the present size to the present size: not one page more.
            let pages = if full { 1 } else { NO_LIMIT };
            if connection.pragma_update(None, "max_page_count", pages).is_ok() {
                self.limited.store(full, Ordering::SeqCst);
            }
        }
        connection
    }

    /// Gives the connection back.
    pub(crate) fn give_back(&self, connection: Connection) {
        self.changes.store(connection.total_changes(), Ordering::SeqCst);
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(connection);
        drop(slot);
        self.free.notify_one();
    }

    /// Whether this commit is one that was told to fail.
    pub(crate) fn commit_fails(&self) -> bool {
        let one_less = |count: u32| count.checked_sub(1);
        self.failing_commits.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }
}
