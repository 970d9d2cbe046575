//! What a node does by itself: deliver letters, act when a time limit runs out, sign checkpoints of its log, have them
//! cosigned, and compare what partners were shown.

use crate::node::{Node, NodeError};
use crate::proceeding::{Cause, Proceeding};
use crate::room::Room;
use crate::rooms::Departure;
use base::Timestamp;
use customs::TimerKind;
use customs::transit::departure;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use store::{Tx, timers};

/// How long the sender sleeps when nobody wakes it: a letter that was postponed becomes due without a wake-up.
const SENDER_NAP: Duration = Duration::from_millis(100);

/// How long the bearer of staged statements sleeps when nobody wakes it.
const STAGE_NAP: Duration = Duration::from_millis(500);

/// How often, in seconds, the queues are looked at for alarms.
const ALARM_SECONDS: i64 = 10;

/// How often time limits are looked at.
const TIMER_PAUSE: Duration = Duration::from_millis(500);

/// How long a time limit waits on which this node failed.
const TIMER_RETRY_SECONDS: i64 = 60;

/// How often the node looks whether files still hold what was erased, as when the database was too busy to forget it at once;
/// the retention rule is applied again after as long when it failed.
const FORGET_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How many of these pauses, a day, are between two applications of the retention rule: it counts in days, and to have the
/// files forget takes long on PostgreSQL.
const RETENTION_TURNS: u32 = 96;

/// How many time limits are looked at in one turn.
const TIMERS_AT_ONCE: usize = 256;

impl Node {
    /// Starts the workers; they end when `stop` resolves.
    pub fn start_workers(
        self: Arc<Self>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let started = self.now();
        tokio::spawn(async move {
            self.set_sending(true);
            // In one order, so that a simulation runs the same way twice. None of these is ready for ever.
            tokio::select! {
                biased;
                () = stop => {}
                () = self.send_for_ever() => {}
                () = self.keep_time() => {}
                () = self.bring_stages_for_ever() => {}
                () = self.sign_checkpoints() => {}
                () = self.gather_cosignatures() => {}
                () = self.monitor_logs() => {}
                () = self.keep_registers() => {}
                () = self.forget_for_ever() => {}
                () = self.tidy_attachments(started) => {}
            }
            self.set_sending(false);
        })
    }

    async fn send_for_ever(self: &Arc<Self>) {
        loop {
            match self.start_deliveries().await {
                // A look that found as many as it may take means that more letters are due.
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "letters that are due could not be read"),
            }
            tokio::select! {
                biased;
                () = self.sender_woken() => {}
                () = tokio::time::sleep(SENDER_NAP) => {}
            }
        }
    }

    /// Applies the retention rule, finishes erasures that the database's files have not followed yet, and forgets
    /// checkpoints that nothing needs.
    async fn forget_for_ever(&self) {
        self.forget_every(FORGET_PAUSE).await;
    }

    pub(crate) async fn forget_every(&self, pause: Duration) {
        let mut turns_left = 0;
        loop {
            if turns_left > 0 {
                if let Err(error) = self.scrub_what_is_owed().await {
                    tracing::error!(%error, "erased content could not be made unreadable in the files");
                }
            } else {
                turns_left = if self.forget().await { RETENTION_TURNS } else { 1 };
            }
            turns_left -= 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// `false` when the retention rule could not be applied.
    async fn forget(&self) -> bool {
        if let Err(error) = self.prune_checkpoints().await {
            tracing::error!(%error, "checkpoints that nothing needs could not be forgotten");
        }
        let applied = self.apply_retention().await;
        if let Err(error) = &applied {
            tracing::error!(%error, "the retention rule could not be applied");
        }
        applied.is_ok()
    }

    async fn keep_time(self: &Arc<Self>) {
        let mut looked_at = None;
        loop {
            match self.fire_timers().await {
                Ok(count) if count == TIMERS_AT_ONCE => continue,
                Ok(0) => {}
                Ok(_) => self.wake_sender(),
                Err(error) => tracing::error!(%error, "time limits could not be looked at"),
            }
            if let Err(error) = self.withdraw_overdue().await {
                tracing::error!(%error, "letters whose time is over could not be withdrawn");
            }
            if let Err(error) = self.expire_documents().await {
                tracing::error!(%error, "documents whose time is over could not be closed");
            }
            if looked_at.is_none_or(|at: Timestamp| at.plus_seconds(ALARM_SECONDS) <= self.now()) {
                looked_at = Some(self.now());
                if let Err(error) = self.tell_alarms().await {
                    tracing::error!(%error, "alarms of the exchange could not be told");
                }
            }
            tokio::time::sleep(TIMER_PAUSE).await;
        }
    }

    /// Brings our statements about partners' messages to them.
    async fn bring_stages_for_ever(self: &Arc<Self>) {
        loop {
            if let Err(error) = self.bring_stages().await {
                tracing::error!(%error, "staged statements could not be brought");
            }
            tokio::select! {
                biased;
                () = self.stages_woken() => {}
                () = tokio::time::sleep(STAGE_NAP) => {}
            }
        }
    }

    /// Acts on the time limits that have run out. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fire_timers(&self) -> Result<usize, NodeError> {
        if self.sound().is_err() {
            // They run out when the database is put right, in which they may have been acted on.
            return Ok(0);
        }
        let now = self.now();
        let due = self
            .read(move |tx| -> Result<_, NodeError> { Ok(timers::due(tx, now, TIMERS_AT_ONCE)?) })
            .await?;
        let mut acted = 0;
        for timer in due {
            let later = timer.clone();
            match self.write(move |tx, bureau| fire(tx, bureau, &timer, now)).await {
                Ok(true) => {
                    self.counters().timer_fired();
                    acted += 1;
                }
                Ok(false) => acted += 1,
                // One that fails must not keep the others from running out: it is looked at again in a while.
                Err(error) => {
                    let (room, key, kind) = (&later.room, &later.key, &later.kind);
                    tracing::error!(room, key, kind, %error, "this node failed on a time limit");
                    let due = now.plus_seconds(TIMER_RETRY_SECONDS);
                    self.write(move |tx, _| -> Result<(), NodeError> {
                        Ok(timers::set(tx, &later.room, &later.key, &later.kind, due, &later.payload)?)
                    })
                    .await?;
                }
            }
        }
        Ok(acted)
    }
}

/// Acts on one time limit, if it has not been acted on or cancelled meanwhile.
fn fire(
    tx: &mut dyn Tx,
    bureau: &crate::bureau::Bureau,
    timer: &timers::Due,
    now: Timestamp,
) -> Result<bool, NodeError> {
    if !timers::done(tx, timer.id)? {
        return Ok(false);
    }
    let command = match (timer.room.as_str(), TimerKind::parse(&timer.kind)) {
        (Departure::NAME, Some(TimerKind::Presentation)) => departure::Command::PresentationExpired,
        (Departure::NAME, Some(TimerKind::GuaranteeAmendment)) => departure::Command::AmendmentExpired,
        (Departure::NAME, Some(TimerKind::Arrival)) => departure::Command::ArrivalOverdue,
        (Departure::NAME, Some(TimerKind::ControlResults)) => departure::Command::ResultsOverdue,
        _ => {
            tracing::warn!(room = timer.room, kind = timer.kind, "a time limit that no room knows ran out");
            return Ok(false);
        }
    };
    let mut proceeding = Proceeding::new(tx, bureau, now, "clock");
    let found = proceeding.case_of_key(Departure::NAME, &timer.key)?;
    let ran = proceeding.depart(&Cause::internal(), Some(found), command, None);
    ran.and_then(|_| proceeding.finish())?;
    Ok(true)
}
