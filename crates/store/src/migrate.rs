//! Brings the schema up to date when a store is opened.

use crate::db::parsed;
use crate::session::{CommandTx, Session};
use crate::{
    StoreError, Tx, Value, attachments, counter, dialect, inbox, journal, log, outbox, settings, state,
    tiles, timers, transfers, witnessing,
};
use base::Digest;
use sha2::{Digest as _, Sha256};

/// One step of the schema. Once it has been applied anywhere its text must never change; a later step changes what it
/// made.
///
/// The text is portable SQL, its statements separated by `;`, with the types `BIGINT`, `REAL`, `TEXT` and `BLOB` in
/// capitals. Tables take these types only, on both engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its name, unique among its caller's.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

/// This room's own steps. New ones go to the end.
pub(crate) const OWN: &[Migration] = &[
    journal::SCHEMA,
    state::SCHEMA,
    counter::SCHEMA,
    outbox::SCHEMA,
    inbox::SCHEMA,
    timers::SCHEMA,
    log::SCHEMA,
    settings::SCHEMA,
    tiles::SCHEMA,
    witnessing::SCHEMA,
    outbox::BY_RECIPIENT,
    outbox::CIRCUITS,
    crate::stages::SCHEMA,
    attachments::SCHEMA,
    transfers::SCHEMA,
    outbox::REFUSALS,
    attachments::TIDYING,
    outbox::LEASELESS,
    outbox::DEALT_WITH,
    witnessing::SEEN,
    outbox::UNDEALT,
    outbox::CONTENT,
    attachments::UNSAMPLED,
    attachments::SAMPLES_GONE,
    attachments::UNDER_WAY_INDEX,
];

/// The table of what has been applied. The room's own steps and the caller's are two series, so that either can grow.
const TABLE: &str = "create table if not exists migrations (
    series TEXT not null, position BIGINT not null, name TEXT not null, digest TEXT not null,
    primary key (series, position))";

crate::statements! {
    APPLIED = "select name, digest from migrations where series = ?1 order by position";
    RECORD = "insert into migrations (series, position, name, digest) values (?1, ?2, ?3, ?4)";
}

/// Applies what is missing of this room's own steps and then of the caller's, all in one transaction.
pub(crate) fn bring_up_to_date(
    session: &mut dyn Session,
    own: &[Migration],
    callers: &[Migration],
) -> Result<(), StoreError> {
    session.mark()?;
    let outcome = apply(session, "store", &[Migration { name: "migrations", sql: TABLE }], true)
        .and_then(|()| apply(session, "store", own, false))
        .and_then(|()| apply(session, "caller", callers, false));
    match outcome {
        Ok(()) => session.commit(),
        Err(error) => {
            session.abandon();
            Err(error)
        }
    }
}

fn apply(
    session: &mut dyn Session,
    series: &str,
    steps: &[Migration],
    always: bool,
) -> Result<(), StoreError> {
    let applied = if always { Vec::new() } else { applied(session, series)? };
    if let Some((name, _)) = applied.get(steps.len()) {
        let reason = "the database has it but this program does not: run a newer version".to_owned();
        return Err(StoreError::Migration { name: name.clone(), reason });
    }
    for (position, step) in steps.iter().enumerate() {
        let failed = |reason: String| StoreError::Migration { name: step.name.to_owned(), reason };
        let digest = Digest(Sha256::digest(step.sql).into());
        match applied.get(position) {
            Some((name, known)) if name == step.name && *known == digest => continue,
            Some((name, _)) if name == step.name => {
                return Err(failed(
                    "its text has changed since it was applied: add a new one instead".to_owned(),
                ));
            }
            Some((name, _)) => return Err(failed(format!("the database has `{name}` in its place"))),
            None => {}
        }
        for statement in dialect::schema(session.engine(), step.sql) {
            session.batch(&statement).map_err(|error| match error {
                // It says nothing about the step, which is applied when there is space again.
                full @ StoreError::Full { .. } => full,
                error => failed(error.to_string()),
            })?;
        }
        if !always {
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            let row: [Value; 4] =
                [series.into(), position.into(), step.name.into(), digest.to_string().into()];
            CommandTx::new(session).execute(RECORD, &row)?;
        }
    }
    Ok(())
}

/// What has been applied of a series, in order.
fn applied(session: &mut dyn Session, series: &str) -> Result<Vec<(String, Digest)>, StoreError> {
    let rows = CommandTx::new(session).query(APPLIED, &[series.into()])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), parsed("migration digest", row.text(1)?)?))).collect()
}
