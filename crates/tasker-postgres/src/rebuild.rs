//! Writing the side rows of tasks anew from the record, inside somebody's transaction.
//!
//! # Why this cannot lock anybody up
//!
//! An exchange locks, in this order: queue rows of its own claims, children by id, counters of tasks by id, places in
//! the line (passing over locked ones) and then the queue rows and counters of what it claims there. A rebuild takes
//! the locks of the same rows in another order – counters, queue rows, places – but it never waits for one while it
//! holds others: every lock is taken with `skip locked`, and a task of which one row is held by somebody is left for
//! later. Who never waits is in no circle of waiting, so no deadlock can contain a rebuild. For one thing it waits: for
//! who looks at the deadlines of its steps, and who does so waits for nobody meanwhile.
//!
//! It reads the record only after it holds the locks, in a statement of its own. Whatever an exchange changes of a task,
//! it holds one of those rows until its commit, so the statement sees either nothing or all of it. Two rebuilds keep
//! apart by the counters. Other programs that change the record at that very moment are seen before or after, each
//! transaction as a whole.

use sqlx::{FromRow, PgConnection, Postgres, Transaction};

use crate::schema::begin_read_committed;

/// To whom attempts are put that are under way and that nobody is known to carry out.
const NOBODY: &str = "unknown (its claim was lost)";

/// What became of one task.
#[derive(Debug, FromRow)]
pub(crate) struct Rebuilt {
    pub(crate) task_id: i64,
    /// Its steps are not those of its definition: it was left as it was.
    pub(crate) unfit: bool,
    /// Nothing of it can run and yet it has not ended.
    pub(crate) stalled: bool,
    pub(crate) queued: i32,
    pub(crate) abandoned: i32,
    pub(crate) elsewhere: i32,
}

/// Begins a transaction that no setting of the session cuts short.
pub(crate) async fn begin_patient(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    let mut transaction = begin_read_committed(connection).await?;
    sqlx::raw_sql("SET LOCAL statement_timeout = 0; SET LOCAL jit = off").execute(&mut *transaction).await?;
    Ok(transaction)
}

/// Tasks that were deleted from the record.
#[derive(Debug, Default)]
pub(crate) struct Deleted {
    pub(crate) tasks: Vec<i64>,
    /// Of these, tasks of which nothing is left; somebody holds rows of the others.
    pub(crate) forgotten: Vec<i64>,
}

/// Takes out the side rows of those of these tasks that were deleted from the record, and of deleted steps of the others:
/// of those that lack a step, and of those that are suspected to have lost one and got another.
pub(crate) async fn forget_deleted(
    transaction: &mut Transaction<'_, Postgres>,
    tasks: &[i64],
    suspected: &[i64],
) -> Result<Deleted, sqlx::Error> {
    let lacking: Vec<(i64, bool)> = sqlx::query_as(include_str!("../sql/maintenance/lacking_steps.sql"))
        .bind(tasks)
        .bind(suspected)
        .persistent(false)
        .fetch_all(&mut **transaction)
        .await?;
    if lacking.is_empty() {
        return Ok(Deleted::default());
    }
    let all: Vec<i64> = lacking.iter().map(|&(task_id, _)| task_id).collect();
    let forgotten = sqlx::query_scalar(include_str!("../sql/maintenance/forget_deleted.sql"))
        .bind(all)
        .persistent(false)
        .fetch_all(&mut **transaction)
        .await?;
    let deleted = lacking.into_iter().filter(|&(_, deleted)| deleted).map(|(task_id, _)| task_id);
    Ok(Deleted { tasks: deleted.collect(), forgotten })
}

/// Locks all side rows of these tasks until the transaction ends, and returns the tasks, sorted, of which nobody else
/// holds any.
pub(crate) async fn lock(transaction: &mut Transaction<'_, Postgres>, tasks: &[i64]) -> Result<Vec<i64>, sqlx::Error> {
    // Few rows of large tables, through their indexes, whatever stale statistics say.
    sqlx::raw_sql("SET LOCAL enable_seqscan = off").execute(&mut **transaction).await?;
    let mut free = tasks.to_vec();
    for statement in [
        include_str!("../sql/maintenance/reindex_lock_tasks.sql"),
        include_str!("../sql/maintenance/reindex_lock_queue.sql"),
        include_str!("../sql/maintenance/reindex_lock_lines.sql"),
    ] {
        free = sqlx::query_scalar(statement).bind(&free).persistent(false).fetch_all(&mut **transaction).await?;
    }
    Ok(free)
}

/// Rebuilds tasks whose side rows are [locked](lock).
pub(crate) async fn rebuild_locked(
    transaction: &mut Transaction<'_, Postgres>,
    tasks: &[i64],
) -> Result<Vec<Rebuilt>, sqlx::Error> {
    sqlx::query_as(include_str!("../sql/maintenance/reindex_rebuild.sql"))
        .bind(tasks)
        .bind(NOBODY)
        .persistent(false)
        .fetch_all(&mut **transaction)
        .await
}
