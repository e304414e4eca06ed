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
        let mut question = "Drop schema tasker_engine with its definitions, queue and workers? ".to_owned();
        for sentence in remains(expected) {
            question.push_str(&format!("{sentence}. "));
        }
        if expected.abandoned > 0 {
            question.push_str("To have them finished, say no and resume their tasks (`tasker run --resume TASK`). ");
        }
        if !confirmed(&format!("{question}[y/N] "))? {
            return Err(DbError::NotConfirmed);
        }
    }
    let left = maintenance::leave(pool).await?;
    writeln!(output, "dropped schema tasker_engine; the record in schema public is as it was")?;
    for sentence in remains(left) {
        writeln!(output, "{sentence}")?;
    }
    Ok(DbOutcome::Fine)
}

/// What remains in the record for others to care for.
fn remains(left: Left) -> Vec<String> {
    let mut sentences = Vec::new();
    if left.unfinished > 0 {
        sentences
            .push(format!("{} left to Rails", count(left.unfinished, "unfinished task is", "unfinished tasks are")));
    }
    if left.abandoned > 0 {
        let steps = count(left.abandoned, "step stands", "steps stand");
        sentences.push(format!("{steps} in progress and the worker is dead: nobody finishes that by itself"));
    }
    sentences
}
