//! Group commit: many commands, one transaction, one wait for the disk.
//!
//! Each command of a group runs behind a savepoint, so that its refusal undoes it alone. The answers go out after the
//! commit; when that fails, every command of the group hears so.

use crate::session::{CommandTx, Session};
use crate::{StoreError, Tx};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// Most commands of a group. Beyond 64 the wait for the disk is already a small part of each command.
const MAX_GROUP: usize = 64;

/// Longest time that a group stays open for more commands.
const LINGER: Duration = Duration::from_millis(2);

/// A command on its way through the writer.
pub(crate) trait Command: Send {
    /// Runs it and tells whether its effects are to stay.
    fn run(&mut self, tx: &mut dyn Tx) -> bool;

    /// Replaces its answer by an error.
    fn overrule(&mut self, error: StoreError);

    /// Gives the answer to whoever waits for it.
    fn answer(self: Box<Self>);
}

/// What the writer has done so far.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) commands: AtomicU64,
    pub(crate) commits: AtomicU64,
}

/// A command made of a closure and the place for its answer.
struct Closure<F, D, T, E> {
    body: Option<F>,
    answer: Option<Result<T, E>>,
    done: D,
}

/// Wraps a closure as a command.
pub(crate) fn command<T, E>(
    body: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    done: impl FnOnce(Result<T, E>) + Send + 'static,
) -> Box<dyn Command>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    Box::new(Closure { body: Some(body), answer: None, done })
}

impl<F, D, T, E> Command for Closure<F, D, T, E>
where
    F: FnOnce(&mut dyn Tx) -> Result<T, E> + Send,
    D: FnOnce(Result<T, E>) + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &mut dyn Tx) -> bool {
        let Some(body) = self.body.take() else {
            return false;
        };
        let answer = catch_unwind(AssertUnwindSafe(|| body(tx)));
        let answer = answer.unwrap_or_else(|payload| Err(panicked(payload.as_ref()).into()));
        let stays = answer.is_ok();
        self.answer = Some(answer);
        stays
    }

    fn overrule(&mut self, error: StoreError) {
        self.answer = Some(Err(error.into()));
    }

    fn answer(self: Box<Self>) {
        let answer = self.answer.unwrap_or_else(|| Err(StoreError::Closed.into()));
        let done = self.done;
        // The caller's affair: the writer must go on.
        let _ = catch_unwind(AssertUnwindSafe(|| done(answer)));
    }
}

/// The words of a panic.
pub(crate) fn panicked(payload: &(dyn std::any::Any + Send)) -> StoreError {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    StoreError::Panicked { reason: text.unwrap_or_else(|| "without a message".to_owned()) }
}

/// The commands between one begin and one commit.
struct Group<'s> {
    session: &'s mut dyn Session,
    commands: Vec<Box<dyn Command>>,
    /// Why the whole group is lost.
    lost: Option<StoreError>,
}

impl<'s> Group<'s> {
    fn new(session: &'s mut dyn Session) -> Self {
        Self { session, commands: Vec::new(), lost: None }
    }

    /// Runs a command behind its own savepoint.
    fn run(&mut self, mut command: Box<dyn Command>) {
        if self.lost.is_none()
            && let Err(error) = self.attempt(command.as_mut())
        {
            self.lost = Some(error);
        }
        self.commands.push(command);
    }

    fn attempt(&mut self, command: &mut dyn Command) -> Result<(), StoreError> {
        self.session.mark()?;
        let mut tx = CommandTx::new(self.session);
        let stays = command.run(&mut tx);
        let failure = tx.into_failure();
        if stays && let Some(failure) = &failure {
            command.overrule(StoreError::Poisoned { reason: failure.to_string() });
        }
        if stays && failure.is_none() {
            return Ok(());
        }
        // A lost connection cannot undo, and a full disk may have undone everything; what they said is more helpful
        // than what the undoing says.
        self.session.undo().map_err(|error| match failure {
            Some(lost @ (StoreError::Unavailable { .. } | StoreError::Full { .. })) => lost,
            _ => error,
        })
    }

    /// Commits and gives the commands back, each with its final answer.
    fn settle(mut self, counts: &Counts) -> Vec<Box<dyn Command>> {
        let outcome = match self.lost.take() {
            None => self.session.commit(),
            Some(error) => {
                self.session.abandon();
                Err(error)
            }
        };
        counts.commands.fetch_add(self.commands.len() as u64, Ordering::Relaxed);
        match outcome {
            Ok(()) => {
                counts.commits.fetch_add(1, Ordering::Relaxed);
            }
            // Even a refusal is overruled: it may rest on what an earlier command of the lost group wrote.
            Err(error) => self.commands.iter_mut().for_each(|command| command.overrule(error.clone())),
        }
        self.commands
    }
}

/// Runs one command as a group of its own and gives it back for its answer.
pub(crate) fn run_alone(
    session: &mut dyn Session,
    command: Box<dyn Command>,
    counts: &Counts,
) -> Vec<Box<dyn Command>> {
    let mut group = Group::new(session);
    group.run(command);
    group.settle(counts)
}

/// The writer thread: takes commands until the last sender is gone and the queue is empty.
pub(crate) fn run_queue(session: &mut dyn Session, queue: &Receiver<Box<dyn Command>>, counts: &Counts) {
    let mut crowd = 1;
    while let Ok(first) = queue.recv() {
        let mut group = Group::new(session);
        let deadline = Instant::now() + LINGER;
        group.run(first);
        while group.commands.len() < MAX_GROUP
            && let Some(next) = next(queue, group.commands.len() < crowd, deadline)
        {
            group.run(next);
        }
        crowd = group.commands.len();
        group.settle(counts).into_iter().for_each(Command::answer);
    }
}

/// The next command of the group. Only while fewer have come than the last time is it worth waiting: those who were
/// answered then are likely to come back, and a lone writer never waits for anyone.
fn next(queue: &Receiver<Box<dyn Command>>, wait: bool, deadline: Instant) -> Option<Box<dyn Command>> {
    match queue.try_recv() {
        Ok(command) => Some(command),
        Err(TryRecvError::Empty) if wait => {
            let left = deadline.saturating_duration_since(Instant::now());
            queue.recv_timeout(left).ok()
        }
        Err(_) => None,
    }
}
