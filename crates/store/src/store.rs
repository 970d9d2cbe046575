//! The handle: opens a store, runs commands and reads.

use crate::pool::Pool;
use crate::postgres::PostgresSession;
use crate::session::Session;
use crate::sqlite::SqliteSession;
use crate::writer::{self, Command, Counts};
use crate::{Engine, Location, Migration, StoreError, Tx, memory, migrate};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Most commands that wait for the writer: half a second's work of a good disk. Beyond that the caller is told to
/// slow down instead of filling the memory.
const MAX_QUEUE: usize = 8192;

/// Where commands run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Execution {
    /// On a thread of the store, in groups with one commit each.
    WriterThread,
    /// On the thread that calls, one commit each: nothing depends on a scheduler, as simulations need.
    Inline,
}

/// How much the writer has done since the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Commands that ran, refused ones included.
    pub commands: u64,
    /// Commits that carried them to the disk.
    pub commits: u64,
}

/// A store that is open. Clones share one writer; the store closes with the last of them.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    id: u64,
    engine: Engine,
    location: String,
    readers: Pool,
    writer: Writer,
    counts: Arc<Counts>,
}

enum Writer {
    Thread { queue: Mutex<Option<SyncSender<Box<dyn Command>>>>, thread: Mutex<Option<JoinHandle<()>>> },
    Inline(Mutex<Option<Box<dyn Session>>>),
}

thread_local! {
    /// The stores that this thread runs a command or read of.
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Numbers the stores of this process.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// Marks this thread as being inside a store until dropped.
struct Inside(u64);

impl Inside {
    fn enter(id: u64) -> Result<Self, StoreError> {
        INSIDE.with_borrow_mut(|stores| {
            if stores.contains(&id) {
                return Err(StoreError::Nested);
            }
            stores.push(id);
            Ok(Self(id))
        })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|stores| stores.retain(|id| *id != self.0));
    }
}

impl Store {
    /// Opens a store, creating it when absent, and brings its schema up to date: first this room's own tables, then
    /// those of `migrations` in their order.
    ///
    /// # Errors
    /// When it cannot be reached, has another writer (in this or another process), or its schema is newer than or
    /// different from the migrations.
    pub fn open(
        location: &Location,
        execution: Execution,
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        Self::open_with(location, execution, migrate::OWN, migrations)
    }

    /// The same with these of the room's own steps.
    pub(crate) fn open_with(
        location: &Location,
        execution: Execution,
        own: &[Migration],
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        let shown = location.shown();
        let (mut session, readers) = open_sessions(location, &shown)?;
        migrate::bring_up_to_date(session.as_mut(), own, migrations)?;
        let id = OPENED.fetch_add(1, Ordering::Relaxed);
        let counts = Arc::new(Counts::default());
        let engine = session.engine();
        let writer = match execution {
            Execution::Inline => Writer::Inline(Mutex::new(Some(session))),
            Execution::WriterThread => start_writer(id, session, Arc::clone(&counts), &shown)?,
        };
        Ok(Self { inner: Arc::new(Inner { id, engine, location: shown, readers, writer, counts }) })
    }

    /// The engine behind it.
    pub fn engine(&self) -> Engine {
        self.inner.engine
    }

    /// Where it is, without password.
    pub fn location(&self) -> &str {
        &self.inner.location
    }

    /// Runs a command and waits until it is durable. When it returns `Err` or panics, or one of its statements
    /// failed, nothing of it is stored.
    ///
    /// # Errors
    /// What the command returns, or a [`StoreError`] in its error type.
    pub fn write<T, E>(
        &self,
        command: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = sync_channel(1);
        let command = writer::command(command, move |result| {
            // The receiver waits below and nowhere else.
            let _ = answer.send(result);
        });
        match &self.inner.writer {
            Writer::Inline(session) => self.inner.run_inline(session, command),
            Writer::Thread { queue, .. } => {
                // On the writer's own thread (in a command or an answer) waiting would be for ever.
                if INSIDE.with_borrow(|stores| stores.contains(&self.inner.id)) {
                    return Err(StoreError::Nested.into());
                }
                let sender = queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let sent = sender.map(|sender| sender.send(command));
                if !matches!(sent, Some(Ok(()))) {
                    return Err(StoreError::Closed.into());
                }
            }
        }
        answered.recv().unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Runs a command and calls `done` when it is durable or refused. With a writer thread this returns at once and
    /// `done` runs on that thread: it must only pass the answer on. When the queue is full, `done` hears
    /// [`StoreError::Overloaded`] at once.
    pub fn write_then<T, E>(
        &self,
        command: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        done: impl FnOnce(Result<T, E>) + Send + 'static,
    ) where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let command = writer::command(command, done);
        match &self.inner.writer {
            Writer::Inline(session) => self.inner.run_inline(session, command),
            Writer::Thread { queue, .. } => {
                let sender = queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let Some(sender) = sender else {
                    return refuse(command, StoreError::Closed);
                };
                match sender.try_send(command) {
                    Ok(()) => {}
                    Err(TrySendError::Full(command)) => {
                        refuse(command, StoreError::Overloaded { limit: MAX_QUEUE });
                    }
                    Err(TrySendError::Disconnected(command)) => refuse(command, StoreError::Closed),
                }
            }
        }
    }

    /// Reads from a snapshot that holds every command answered before. Writing statements are refused.
    ///
    /// # Errors
    /// What the closure returns, or a [`StoreError`] in its error type.
    pub fn read<T, E>(&self, read: impl FnOnce(&mut dyn Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let _inside = Inside::enter(self.inner.id)?;
        let guarded = |tx: &mut dyn Tx| {
            let answer = catch_unwind(AssertUnwindSafe(|| read(tx)));
            answer.unwrap_or_else(|payload| Err(writer::panicked(payload.as_ref()).into()))
        };
        self.inner.readers.read(guarded)?
    }

    /// Checks that a statement compiles on this engine against this schema.
    ///
    /// # Errors
    /// When it does not.
    pub fn prepare(&self, sql: &str) -> Result<(), StoreError> {
        let _inside = Inside::enter(self.inner.id)?;
        self.inner.readers.prepare(sql)
    }

    /// How much the writer has done.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            commands: self.inner.counts.commands.load(Ordering::Relaxed),
            commits: self.inner.counts.commits.load(Ordering::Relaxed),
        }
    }

    /// Closes the store for all its clones: what is queued is still done, everything later hears
    /// [`StoreError::Closed`], and another writer may open it when this returns.
    pub fn close(self) {
        self.inner.close();
    }
}

/// Answers a command that never ran.
fn refuse(mut command: Box<dyn Command>, error: StoreError) {
    command.overrule(error);
    command.answer();
}

/// Opens the writing session and says how reading sessions are opened.
fn open_sessions(location: &Location, shown: &str) -> Result<(Box<dyn Session>, Pool), StoreError> {
    let place = shown.to_owned();
    Ok(match location {
        Location::SqliteFile(path) => {
            let writer = SqliteSession::file_writer(path, shown)?;
            let path = path.clone();
            let reader = move || Ok(Box::new(SqliteSession::file_reader(&path, &place)?) as Box<dyn Session>);
            (Box::new(writer), Pool::new(Box::new(reader)))
        }
        Location::SqliteMemory(name) => {
            let disk = memory::disk(name)?;
            let power = disk.power();
            let writer = SqliteSession::memory_writer(Arc::clone(&disk), shown)?;
            let reader = move || {
                let session = SqliteSession::memory_reader(Arc::clone(&disk), power, &place);
                Ok(Box::new(session) as Box<dyn Session>)
            };
            (Box::new(writer), Pool::new(Box::new(reader)))
        }
        Location::Postgres { url, schema } => {
            let writer = PostgresSession::writer(url, schema, shown)?;
            let (url, schema) = (url.clone(), schema.clone());
            let reader =
                move || Ok(Box::new(PostgresSession::reader(&url, &schema, &place)?) as Box<dyn Session>);
            (Box::new(writer), Pool::new(Box::new(reader)))
        }
    })
}

/// Starts the writer thread.
fn start_writer(
    id: u64,
    mut session: Box<dyn Session>,
    counts: Arc<Counts>,
    location: &str,
) -> Result<Writer, StoreError> {
    let (sender, queue) = sync_channel(MAX_QUEUE);
    let run = move || {
        // This thread is inside its store for life: neither commands nor answers may wait for it.
        let _inside = Inside::enter(id);
        writer::run_queue(session.as_mut(), &queue, &counts);
    };
    let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(run);
    let thread = thread.map_err(|error| StoreError::Unavailable {
        location: location.to_owned(),
        reason: format!("the writer thread cannot start: {error}"),
    })?;
    Ok(Writer::Thread { queue: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) })
}

impl Inner {
    /// Runs a command on this thread. The answer goes out after the session is free again, so that it may start
    /// another command.
    fn run_inline(&self, session: &Mutex<Option<Box<dyn Session>>>, command: Box<dyn Command>) {
        let inside = match Inside::enter(self.id) {
            Ok(inside) => inside,
            Err(error) => return refuse(command, error),
        };
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = match session.as_mut() {
            Some(session) => writer::run_alone(session.as_mut(), command, &self.counts),
            None => {
                drop((session, inside));
                return refuse(command, StoreError::Closed);
            }
        };
        drop((session, inside));
        commands.into_iter().for_each(Command::answer);
    }

    fn close(&self) {
        drop(self.readers.close());
        match &self.writer {
            Writer::Inline(session) => {
                // Another thread may be in a command; its lock is waited for. A command that closes its own store
                // would wait for itself, so the session then ends with the last handle.
                if !INSIDE.with_borrow(|stores| stores.contains(&self.id)) {
                    session.lock().unwrap_or_else(PoisonError::into_inner).take();
                }
            }
            Writer::Thread { queue, thread } => {
                queue.lock().unwrap_or_else(PoisonError::into_inner).take();
                let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
                // The last handle may go on the writer's own thread (in an answer), which cannot wait for itself.
                if let Some(thread) = thread
                    && thread.thread().id() != std::thread::current().id()
                {
                    // Commands cannot panic the writer; if it ended otherwise, it has ended.
                    let _ = thread.join();
                }
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
