//! What stands in a database: versions, shape, sizes, tasks, steps, workers.

use chrono::NaiveDateTime;
use serde::Serialize;
use sqlx::{FromRow, PgPool};

use super::MaintenanceError;
use super::reshape::table_names;
use crate::schema::{Inspection, SchemaError, Shape, begin_read_committed, inspect, known_engine_version};

/// Tables up to this size, in bytes, are counted row by row.
const COUNT_UP_TO: i64 = 64 * 1024 * 1024;

/// What stands in a database.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The server and the database.
    pub server: Server,
    /// Version of the program that asks.
    pub program_version: &'static str,
    /// Version of schema `tasker_engine`; nothing where it does not stand.
    pub engine_version: Option<i32>,
    /// Version of schema `tasker_engine` that this program brings.
    pub known_engine_version: i32,
    /// Which of the original's indexes there are.
    pub shape: Shape,
    /// The tables, the largest first.
    pub tables: Vec<TableStatus>,
    /// Tasks by state.
    pub tasks: Tasks,
    /// The unfinished task that was made first.
    pub oldest_unfinished: Option<OldestTask>,
    /// Whether [`Status::oldest_unfinished`] was looked for among the tasks in the queue only, because the table is large:
    /// tasks that another program made are not in it.
    pub oldest_of_queue_only: bool,
    /// Steps in the queue; nothing where schema `tasker_engine` does not stand.
    pub steps: Option<Steps>,
    /// Workers in the list.
    pub workers: Vec<WorkerStatus>,
}

/// The server and the database.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct Server {
    /// What the server calls its version.
    pub server_version: String,
    /// Name of the database.
    pub database: String,
    /// Bytes of the whole database, tables of others included.
    pub database_bytes: i64,
    /// Whether it only follows another server.
    pub is_standby: bool,
}

/// One table.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct TableStatus {
    /// Its name, with its schema.
    pub name: String,
    /// Number of its rows.
    pub rows: i64,
    /// Whether they were counted; otherwise estimated.
    pub exact: bool,
    /// Bytes without indexes.
    pub table_bytes: i64,
    /// Bytes of its indexes.
    pub index_bytes: i64,
}

/// Tasks by state.
#[derive(Debug, Clone, Serialize)]
pub struct Tasks {
    /// Number by state; states without a task are left out.
    pub by_state: Vec<TasksInState>,
    /// Whether all were counted; otherwise the numbers come from a sample.
    pub exact: bool,
}

/// How many tasks are in a state.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct TasksInState {
    /// The state.
    pub state: String,
    /// How many.
    pub tasks: i64,
}

/// The unfinished task that was made first.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct OldestTask {
    /// Its id.
    pub task_id: i64,
    /// Namespace of its type.
    pub namespace: String,
    /// Name of its type.
    pub name: String,
    /// Version of its type.
    pub version: String,
    /// Its state.
    pub state: String,
    /// When it was asked for (UTC).
    pub requested_at: NaiveDateTime,
    /// How long ago that is, in seconds, by the server's clock.
    pub age_seconds: f64,
}

/// Steps in the queue.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct Steps {
    /// Can be claimed now.
    pub ready: i64,
    /// Wait for an instant.
    pub waiting: i64,
    /// Held by a worker.
    pub claimed: i64,
    /// Wait for other steps.
    pub blocked: i64,
    /// Failed for good, in tasks that have not ended yet.
    pub dead: i64,
}

/// A worker in the list.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct WorkerStatus {
    /// Its number: one for each start.
    pub worker_id: i32,
    /// Its name.
    pub name: String,
    /// Whether it was heard of within its lease and is not declared lost.
    pub alive: bool,
    /// Seconds since it was last heard of.
    pub seen_seconds_ago: f64,
    /// Steps that it holds.
    pub claimed: i64,
}

/// Looks what stands in the database. Small tables are counted, large ones estimated; a role that may only read will do.
///
/// # Errors
/// [`MaintenanceError::Schema`] when this is not Tasker's schema or cannot be read.
pub async fn status(pool: &PgPool) -> Result<Status, MaintenanceError> {
    status_counting(pool, COUNT_UP_TO).await
}

/// As [`status()`], counting only tables of at most this many bytes.
///
/// # Errors
/// As [`status()`].
pub async fn status_counting(pool: &PgPool, count_up_to: i64) -> Result<Status, MaintenanceError> {
    let mut connection = pool.acquire().await?;
    let (shape, engine_version) = match inspect(&mut connection).await? {
        Inspection::Empty | Inspection::OtherApplication { .. } => return Err(SchemaError::NothingToAdopt.into()),
        Inspection::Partial { differences } => return Err(SchemaError::Partial(differences).into()),
        Inspection::WrongSchema { schema } => return Err(SchemaError::WrongSchema { schema }.into()),
        Inspection::Complete { shape, engine_version } => (shape, engine_version),
    };
    let mut transaction = begin_read_committed(&mut connection).await?;
    let server: Server = sqlx::query_as(include_str!("../../sql/maintenance/status_server.sql"))
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await?;
    let tables: Vec<TableStatus> = sqlx::query_as(include_str!("../../sql/maintenance/status_tables.sql"))
        .bind(table_names())
        .bind(count_up_to)
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await?;
    let table_of_tasks = tables.iter().find(|table| table.name == "public.tasker_tasks");
    let exact = table_of_tasks.is_none_or(|table| table.exact);
    // As much of a large table as would be counted of a small one.
    let percent = table_of_tasks
        .filter(|table| !table.exact)
        .map_or(100.0, |table| (count_up_to as f64 / table.table_bytes as f64 * 100.0).clamp(0.01, 100.0));
    let by_state = sqlx::query_as(include_str!("../../sql/maintenance/status_tasks.sql"))
        .bind(percent)
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await?;
    let (mut steps, mut workers) = (None, Vec::new());
    if engine_version.is_some() {
        steps = sqlx::query_as(include_str!("../../sql/maintenance/status_steps.sql"))
            .persistent(false)
            .fetch_optional(&mut *transaction)
            .await?;
        workers = sqlx::query_as(include_str!("../../sql/maintenance/status_workers.sql"))
            .persistent(false)
            .fetch_all(&mut *transaction)
            .await?;
    }
    let oldest_of_queue_only = !exact && engine_version.is_some();
    let oldest = if oldest_of_queue_only {
        include_str!("../../sql/maintenance/status_oldest_queued.sql")
    } else {
        include_str!("../../sql/maintenance/status_oldest.sql")
    };
    let oldest_unfinished = sqlx::query_as(oldest).persistent(false).fetch_optional(&mut *transaction).await?;
    transaction.rollback().await?;
    Ok(Status {
        server,
        program_version: env!("CARGO_PKG_VERSION"),
        engine_version,
        known_engine_version: known_engine_version(),
        shape,
        tables,
        tasks: Tasks { by_state, exact },
        oldest_unfinished,
        oldest_of_queue_only,
        steps,
        workers,
    })
}
