//! `tasker db reindex`, and what `adopt` fills in.

use std::io::Write;

use tasker_postgres::PgPool;
use tasker_postgres::maintenance::{self, Reindex, ReindexProgress, Reindexed};

use super::lines::{Lines, count};
use super::{DbError, DbOutcome};

/// How many ids a line names before it says how many more there are.
const NAMED: usize = 10;

pub(super) async fn reindex(after: i64, pool: &PgPool, output: &mut impl Write) -> Result<DbOutcome, DbError> {
    let mut lines = Lines::to(output);
    let done = maintenance::reindex(pool, Reindex { after }, tell(&mut lines)).await?;
    lines.line(format!(
        "looked at {}, rebuilt {} with {}",
        count(done.looked_at, "task", "tasks"),
        done.rebuilt,
        count(done.queued, "step in the queue", "steps in the queue")
    ));
    let outcome = remarks(&done, &mut lines);
    others(pool, &mut lines).await?;
    lines.finish()?;
    Ok(outcome)
}

/// After adopting: what the tasks in the side tables lack, and what stays with others.
pub(super) async fn fill(pool: &PgPool, output: &mut impl Write) -> Result<DbOutcome, DbError> {
    let mut lines = Lines::to(output);
    let done = maintenance::reindex(pool, Reindex::default(), tell(&mut lines)).await?;
    if done.rebuilt > 0 {
        lines
            .line(format!("filled the side tables for {}", count(done.rebuilt, "unfinished task", "unfinished tasks")));
    }
    let outcome = remarks(&done, &mut lines);
    others(pool, &mut lines).await?;
    lines.finish()?;
    Ok(outcome)
}

fn tell<W: Write>(lines: &mut Lines<'_, W>) -> impl FnMut(ReindexProgress) {
    let mut waiting = 0;
    move |progress| match progress {
        ReindexProgress::Swept { rows } => {
            lines.line(format!(
                "took out {}",
                count(rows, "row that belonged to nothing", "rows that belonged to nothing")
            ));
        }
        ReindexProgress::Reached { task_id, looked_at, rebuilt } => {
            lines.line(format!("up to task {task_id}: looked at {looked_at}, rebuilt {rebuilt}"));
        }
        ReindexProgress::Waiting { tasks } if tasks != waiting => {
            waiting = tasks;
            let are = if tasks == 1 { "1 task is" } else { &format!("{tasks} tasks are") };
            lines.line(format!("{are} being worked on; trying again"));
        }
        ReindexProgress::Waiting { .. } => {}
    }
}

fn remarks<W: Write>(done: &Reindexed, lines: &mut Lines<'_, W>) -> DbOutcome {
    if done.abandoned > 0 {
        lines.line(format!(
            "{} under way whose claim was lost; taken over like those of a dead worker",
            count(done.abandoned, "attempt was", "attempts were")
        ));
    }
    if done.elsewhere > 0 {
        lines.line(format!(
            "{} in progress in another program and not offered here; run this again when it has ended",
            count(done.elsewhere, "step is", "steps are")
        ));
    }
    if !done.stalled.is_empty() {
        lines.line(format!("nothing of these tasks can run, and they have not ended: {}", ids(&done.stalled)));
    }
    if !done.unfit.is_empty() {
        lines.line(format!("left as they were, because they are not as their definition says: {}", ids(&done.unfit)));
    }
    if !done.busy.is_empty() {
        lines.line(format!("left as they were, because they were being worked on at every try: {}", ids(&done.busy)));
    }
    if done.unfit.is_empty() && done.busy.is_empty() { DbOutcome::Fine } else { DbOutcome::Unfinished }
}

async fn others<W: Write>(pool: &PgPool, lines: &mut Lines<'_, W>) -> Result<(), DbError> {
    let tasks = maintenance::tasks_of_others(pool).await?;
    if tasks > 0 {
        lines.line(format!(
            "{} made by another program, without a definition here: they stay with it and are not in the queue",
            count(tasks, "unfinished task was", "unfinished tasks were")
        ));
    }
    Ok(())
}

fn ids(tasks: &[i64]) -> String {
    let named = tasks.iter().take(NAMED).map(i64::to_string).collect::<Vec<_>>().join(", ");
    match tasks.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
