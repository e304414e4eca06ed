//! `tasker db leave`.

use std::io::Write;

use tasker_postgres::PgPool;
use tasker_postgres::maintenance::{self, Left};

use super::lines::count;
use super::{DbError, DbOutcome};
use crate::confirmation::confirmed;

pub(super) async fn leave(yes: bool, pool: &PgPool, output: &mut impl Write) -> Result<DbOutcome, DbError> {
    let expected = maintenance::plan_leave(pool).await?;
    if !yes {
        let lost = losses(expected);
        let question = format!("Drop schema tasker_engine with its definitions, queue and workers? {lost}[y/N] ");
        if !confirmed(&question)? {
            return Err(DbError::NotConfirmed);
        }
    }
    let left = maintenance::leave(pool).await?;
    writeln!(output, "dropped schema tasker_engine; the record in schema public is as it was")?;
    let lost = losses(left);
    if !lost.is_empty() {
        writeln!(output, "{}", lost.trim_end())?;
    }
    Ok(DbOutcome::Fine)
}

/// What will be nobody's business any more; empty where there is nothing.
fn losses(left: Left) -> String {
    let mut text = String::new();
    if left.unfinished > 0 {
        text.push_str(&format!(
            "{} left to Rails. ",
            count(left.unfinished, "unfinished task is", "unfinished tasks are")
        ));
    }
    if left.abandoned > 0 {
        text.push_str(&format!(
            "{} in progress although the worker is dead, and nobody will finish them: resume their tasks first \
             (`tasker run --resume TASK`). ",
            count(left.abandoned, "step stands", "steps stand")
        ));
    }
    text
}
