//! `tasker db status`.

use std::io::{self, Write};

use tasker_postgres::PgPool;
use tasker_postgres::maintenance::{self, Status};

use super::lines::{count, size};
use super::{DbError, DbOutcome};

pub(super) async fn show(json: bool, pool: &PgPool, output: &mut impl Write) -> Result<DbOutcome, DbError> {
    let status = maintenance::status(pool).await?;
    if json {
        serde_json::to_writer_pretty(&mut *output, &status)?;
        writeln!(output)?;
    } else {
        write_text(&status, output)?;
    }
    Ok(DbOutcome::Fine)
}

fn write_text(status: &Status, output: &mut impl Write) -> io::Result<()> {
    let standby = if status.server.is_standby { ", a standby" } else { "" };
    let server = &status.server;
    writeln!(output, "server     PostgreSQL {}{standby}", server.server_version)?;
    writeln!(output, "database   {}, {} in all", server.database, size(server.database_bytes))?;
    writeln!(output, "program    {}", status.program_version)?;
    match status.engine_version {
        None => writeln!(output, "engine     not there; `tasker db adopt` makes it")?,
        Some(version) if version == status.known_engine_version => writeln!(output, "engine     version {version}")?,
        Some(version) => {
            writeln!(output, "engine     version {version}; this program brings {}", status.known_engine_version)?;
        }
    }
    writeln!(output, "shape      {}", status.shape)?;

    let about = if status.tasks.exact { "" } else { ", estimated from a sample" };
    let all: i64 = status.tasks.by_state.iter().map(|state| state.tasks).sum();
    writeln!(output, "\ntasks      {all}{about}")?;
    for state in &status.tasks.by_state {
        writeln!(output, "  {:<18} {:>12}", state.state, state.tasks)?;
    }
    let among = if status.oldest_of_queue_only { " in the queue" } else { "" };
    match &status.oldest_unfinished {
        None => writeln!(output, "no unfinished task{among}")?,
        Some(task) => writeln!(
            output,
            "oldest unfinished{among}: task {} ({}/{} {}), {}, asked for {} ago",
            task.task_id,
            task.namespace,
            task.name,
            task.version,
            task.state,
            age(task.age_seconds)
        )?,
    }
    if let Some(steps) = &status.steps {
        writeln!(output, "\nsteps in the queue")?;
        for (what, number) in [
            ("ready", steps.ready),
            ("waiting for a time", steps.waiting),
            ("claimed", steps.claimed),
            ("waiting for steps", steps.blocked),
            ("dead", steps.dead),
        ] {
            writeln!(output, "  {what:<18} {number:>12}")?;
        }
        let alive = status.workers.iter().filter(|worker| worker.alive).count();
        writeln!(output, "\nworkers    {alive} alive")?;
        for worker in &status.workers {
            writeln!(
                output,
                "  {} {}, {}, heard of {} ago, holds {}",
                worker.worker_id,
                worker.name,
                if worker.alive { "alive" } else { "dead" },
                age(worker.seen_seconds_ago),
                count(worker.claimed, "step", "steps")
            )?;
        }
    }
    writeln!(output, "\n{:<52} {:>13} {:>10} {:>10}", "table", "rows", "data", "indexes")?;
    for table in &status.tables {
        let rows = format!("{}{}", if table.exact { "" } else { "≈ " }, table.rows);
        writeln!(
            output,
            "{:<52} {rows:>13} {:>10} {:>10}",
            table.name,
            size(table.table_bytes),
            size(table.index_bytes)
        )?;
    }
    if status.tables.iter().any(|table| !table.exact) {
        writeln!(output, "≈ estimated: the table is too large to count")?;
    }
    Ok(())
}

/// Seconds in the largest unit that keeps a whole number.
fn age(seconds: f64) -> String {
    let whole = seconds as i64;
    match whole {
        ..120 => format!("{whole} s"),
        120..7_200 => format!("{} min", whole / 60),
        7_200..172_800 => format!("{} h", whole / 3_600),
        _ => format!("{} days", whole / 86_400),
    }
}
