//! Rebuilding the side tables from the record, task by task, while workers run.
//! How, and why that locks nobody up, stands in `rebuild.rs`.

use sqlx::PgPool;
use tracing::debug;

use crate::rebuild::{begin_patient, lock, rebuild_locked};
use crate::schema::{SchemaError, check_engine};

/// Tasks that are looked at in one go.
const LOOK_AT: i64 = 2_000;

/// Tasks that are rebuilt in one transaction: workers wait for it when they touch one of them.
const BATCH: usize = 100;

/// Rows that a sweep takes out in one transaction.
const SWEEP: i64 = 10_000;

/// How often a task that somebody works on is tried again, with a pause of 20 ms before each round.
const ROUNDS: u32 = 250;

/// What to rebuild.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reindex {
    /// Only tasks with a greater id: where an earlier run was cut off. 0 for all.
    pub after: i64,
}

/// What is told on the way, after each commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReindexProgress {
    /// Rows that belonged to nothing were taken out.
    Swept {
        /// How many.
        rows: u64,
    },
    /// Tasks were looked at.
    Reached {
        /// The last of them; an interrupted run goes on after it.
        task_id: i64,
        /// How many so far.
        looked_at: u64,
        /// How many of these were rebuilt.
        rebuilt: u64,
    },
    /// Tasks that somebody works on are tried again.
    Waiting {
        /// How many.
        tasks: usize,
    },
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reindexed {
    /// Rows that belonged to nothing and were taken out first.
    pub swept: u64,
    /// Tasks that were looked at.
    pub looked_at: u64,
    /// Of these, tasks whose side rows were written anew.
    pub rebuilt: u64,
    /// Queue rows that stand now for the tasks that were rebuilt.
    pub queued: u64,
    /// Attempts under way whose claim nobody knew; they can be taken over like those of a dead worker.
    pub abandoned: u64,
    /// Steps that another program has in progress; they are not offered to workers.
    pub elsewhere: u64,
    /// Unfinished tasks of which nothing can run any more; somebody changed them from outside.
    pub stalled: Vec<i64>,
    /// Tasks that are not as their definition says, left as they were.
    pub unfit: Vec<i64>,
    /// Tasks that somebody worked on at every try, left as they were.
    pub busy: Vec<i64>,
}

/// Rebuilds queue, line and counters of every unfinished task that was made here, from the record. Safe at any time and
/// beside workers; doing it again changes nothing. Claims of workers stay, tokens never sink.
///
/// Tasks that another program made have no definition here and get no rows.
///
/// # Errors
/// [`SchemaError::NotAdopted`] without schema `tasker_engine`, [`SchemaError::Database`] and its kin. What was
/// committed before stays; running it again finishes the work.
pub async fn reindex(
    pool: &PgPool,
    what: Reindex,
    mut told: impl FnMut(ReindexProgress),
) -> Result<Reindexed, SchemaError> {
    let mut connection = pool.acquire().await?;
    check_engine(&mut connection).await?;
    let mut done = Reindexed::default();
    for statement in [
        include_str!("../../sql/maintenance/reindex_sweep_tasks.sql"),
        include_str!("../../sql/maintenance/reindex_sweep_queue.sql"),
        include_str!("../../sql/maintenance/reindex_sweep_ready.sql"),
        include_str!("../../sql/maintenance/reindex_sweep_later.sql"),
    ] {
        done.swept += sweep(&mut connection, statement).await?;
    }
    if done.swept > 0 {
        told(ReindexProgress::Swept { rows: done.swept });
    }
    let mut busy = Vec::new();
    let mut after = what.after;
    loop {
        let tasks = sqlx::query_as::<_, (i64, bool)>(include_str!("../../sql/maintenance/reindex_next.sql"))
            .bind(after)
            .bind(LOOK_AT)
            .persistent(false)
            .fetch_all(&mut *connection)
            .await?;
        let Some((last, _)) = tasks.last() else {
            break;
        };
        after = *last;
        let wanted: Vec<i64> = tasks.iter().filter(|(_, wanted)| *wanted).map(|(task_id, _)| *task_id).collect();
        for batch in wanted.chunks(BATCH) {
            busy.extend(rebuild(&mut connection, batch, &mut done).await?);
        }
        done.looked_at += tasks.len() as u64;
        told(ReindexProgress::Reached { task_id: after, looked_at: done.looked_at, rebuilt: done.rebuilt });
    }
    let mut rounds = 0;
    while !busy.is_empty() && rounds < ROUNDS {
        rounds += 1;
        told(ReindexProgress::Waiting { tasks: busy.len() });
        sqlx::query(include_str!("../../sql/maintenance/reindex_pause.sql"))
            .persistent(false)
            .execute(&mut *connection)
            .await?;
        let mut still_busy = Vec::new();
        for batch in busy.chunks(BATCH) {
            still_busy.extend(rebuild(&mut connection, batch, &mut done).await?);
        }
        busy = still_busy;
    }
    done.busy = busy;
    Ok(done)
}

/// How many unfinished tasks have no definition here, because another program made them.
///
/// # Errors
/// As [`reindex`].
pub async fn tasks_of_others(pool: &PgPool) -> Result<i64, SchemaError> {
    let mut connection = pool.acquire().await?;
    check_engine(&mut connection).await?;
    let mut transaction = begin_patient(&mut connection).await?;
    let tasks = sqlx::query_scalar(include_str!("../../sql/maintenance/tasks_of_others.sql"))
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    Ok(tasks)
}

async fn sweep(connection: &mut sqlx::PgConnection, statement: &'static str) -> Result<u64, SchemaError> {
    let mut swept = 0;
    loop {
        let mut transaction = begin_patient(connection).await?;
        let rows =
            sqlx::query(statement).bind(SWEEP).persistent(false).execute(&mut *transaction).await?.rows_affected();
        transaction.commit().await?;
        swept += rows;
        if rows == 0 {
            return Ok(swept);
        }
    }
}

/// Rebuilds these tasks in one transaction and returns those that somebody works on.
async fn rebuild(
    connection: &mut sqlx::PgConnection,
    tasks: &[i64],
    done: &mut Reindexed,
) -> Result<Vec<i64>, SchemaError> {
    let mut transaction = begin_patient(connection).await?;
    let free = lock(&mut transaction, tasks).await?;
    let rebuilt = rebuild_locked(&mut transaction, &free).await?;
    transaction.commit().await?;
    for task in rebuilt {
        if task.unfit {
            done.unfit.push(task.task_id);
            continue;
        }
        done.rebuilt += 1;
        done.queued += u64::from(task.queued.unsigned_abs());
        done.abandoned += u64::from(task.abandoned.unsigned_abs());
        done.elsewhere += u64::from(task.elsewhere.unsigned_abs());
        if task.stalled {
            done.stalled.push(task.task_id);
        }
    }
    debug!(tasks = tasks.len(), free = free.len(), "rebuilt side rows");
    Ok(tasks.iter().filter(|task_id| free.binary_search(task_id).is_err()).copied().collect())
}
