//! A small pool of reading sessions.

use crate::session::Session;
use crate::{StoreError, Tx};
use std::sync::{Condvar, Mutex, PoisonError};

/// Most reading connections of a store. Two per core of a small server: more would only wait for the same disk.
const MAX_READERS: usize = 8;

/// Opens a reading session.
type Open = Box<dyn Fn() -> Result<Box<dyn Session>, StoreError> + Send + Sync>;

/// The reading sessions: some idle, some lent out, opened when needed.
pub(crate) struct Pool {
    open: Open,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Box<dyn Session>>,
    lent: usize,
    closed: bool,
}

/// A lent session. It goes back to the pool when the read ended well and is dropped otherwise.
struct Lent<'p> {
    pool: &'p Pool,
    session: Option<Box<dyn Session>>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.lent -= 1;
        if let Some(session) = self.session.take().filter(|_| !state.closed) {
            state.idle.push(session);
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}

impl Pool {
    /// An empty pool.
    pub(crate) fn new(open: Open) -> Self {
        Self { open, state: Mutex::default(), returned: Condvar::new() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f` over a fresh snapshot.
    pub(crate) fn read<R>(&self, f: impl FnOnce(&mut dyn Tx) -> R) -> Result<R, StoreError> {
        let (mut lent, mut session) = self.lend()?;
        let answer = {
            let mut tx = crate::session::CommandTx::new(session.as_mut());
            f(&mut tx)
        };
        if session.end_snapshot().is_ok() {
            lent.session = Some(session);
        }
        Ok(answer)
    }

    /// Compiles a statement on a reading session.
    pub(crate) fn prepare(&self, sql: &str) -> Result<(), StoreError> {
        let (mut lent, mut session) = self.lend()?;
        let outcome = session.prepare(sql);
        if session.end_snapshot().is_ok() {
            lent.session = Some(session);
        }
        outcome
    }

    /// Lends a session whose snapshot is open. An idle one may have lost its connection since; then another is tried.
    fn lend(&self) -> Result<(Lent<'_>, Box<dyn Session>), StoreError> {
        let mut state = self.state();
        while state.lent >= MAX_READERS && !state.closed {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(StoreError::Closed);
        }
        state.lent += 1;
        drop(state);
        let lent = Lent { pool: self, session: None };
        loop {
            let idle = self.state().idle.pop();
            let is_fresh = idle.is_none();
            let mut session = match idle {
                Some(session) => session,
                None => (self.open)()?,
            };
            match session.open_snapshot() {
                Ok(()) => return Ok((lent, session)),
                Err(error) if is_fresh => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Refuses further reads and gives the idle sessions to be dropped by the caller.
    pub(crate) fn close(&self) -> Vec<Box<dyn Session>> {
        let mut state = self.state();
        state.closed = true;
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        self.returned.notify_all();
        idle
    }
}
