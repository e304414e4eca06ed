//! Writing what an operation by hand comes to, in its transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{Postgres, Transaction};

use super::plan::Plan;
use super::{LedgerError, Operator, log};
use crate::rebuild::{Rebuilt, rebuild_locked};

impl Plan {
    /// Writes what was planned for these tasks, whose side rows are locked, rebuilds these rows and ends what came to rest.
    pub(super) async fn carry_out(
        self,
        transaction: &mut Transaction<'_, Postgres>,
        task_ids: &[i64],
        by: Operator<'_>,
        word: &str,
    ) -> Result<(), LedgerError> {
        let metadata = json!({ "actor": by.actor, "reason": by.reason, "operation": word });
        // One instant for everything that one operation writes, read while its tasks are locked.
        let now = match by.now {
            Some(now) => Some(now),
            None => {
                let now = include_str!("../../../sql/operations/now.sql");
                let now: DateTime<Utc> = sqlx::query_scalar(now).fetch_one(&mut **transaction).await?;
                Some(now.naive_utc())
            }
        };
        if !self.writes.is_empty() {
            sqlx::query(include_str!("../../../sql/operations/write_steps.sql"))
                .bind(self.writes.iter().map(|write| write.step_id).collect::<Vec<_>>())
                .bind(self.writes.iter().map(|write| write.done).collect::<Vec<_>>())
                .bind(self.writes.iter().map(|write| write.results.clone()).collect::<Vec<Option<String>>>())
                .bind(self.writes.iter().map(|write| write.cut_short).collect::<Vec<_>>())
                .bind(self.writes.iter().map(|write| write.allowed).collect::<Vec<_>>())
                .bind(now)
                .bind(self.writes.iter().map(|write| write.error.clone()).collect::<Vec<Option<String>>>())
                .execute(&mut **transaction)
                .await?;
        }
        let (ids, from, paths) = columns(&self.step_moves);
        if !ids.is_empty() {
            sqlx::query(include_str!("../../../sql/operations/move_steps.sql"))
                .bind(ids)
                .bind(from)
                .bind(paths)
                .bind(&metadata)
                .bind(now)
                .execute(&mut **transaction)
                .await?;
        }
        let (ids, from, paths) = columns(&self.task_moves);
        if !ids.is_empty() {
            sqlx::query(include_str!("../../../sql/operations/move_tasks.sql"))
                .bind(ids)
                .bind(from)
                .bind(paths)
                .bind(&metadata)
                .bind(now)
                .execute(&mut **transaction)
                .await?;
        }
        if !self.uncomplete.is_empty() {
            sqlx::query(include_str!("../../../sql/operations/uncomplete.sql"))
                .bind(&self.uncomplete)
                .bind(now)
                .execute(&mut **transaction)
                .await?;
        }
        let paused = json!({ "actor": by.actor, "reason": by.reason });
        for (tasks, value) in [(&self.pause, Some(&paused)), (&self.resume, None)] {
            if !tasks.is_empty() {
                sqlx::query(include_str!("../../../sql/operations/pause_tasks.sql"))
                    .bind(tasks)
                    .bind(value)
                    .execute(&mut **transaction)
                    .await?;
            }
        }
        for (points, tasks) in &self.priority {
            sqlx::query(include_str!("../../../sql/operations/prioritise_tasks.sql"))
                .bind(tasks)
                .bind(points)
                .execute(&mut **transaction)
                .await?;
        }
        log::write(&mut *transaction, &self.log, by, now).await?;
        let rebuilt = rebuild_locked(transaction, task_ids).await?;
        let stalled: Vec<i64> =
            rebuilt.iter().filter(|task: &&Rebuilt| task.stalled && !task.unfit).map(|task| task.task_id).collect();
        if !stalled.is_empty() {
            sqlx::query(include_str!("../../../sql/operations/settle_stalled.sql"))
                .bind(&stalled)
                .bind(&metadata)
                .bind(now)
                .fetch_all(&mut **transaction)
                .await?;
        }
        Ok(())
    }
}

fn columns<S: ToString>(moves: &BTreeMap<i64, (S, Vec<S>)>) -> (Vec<i64>, Vec<String>, Vec<String>) {
    let mut all = (Vec::new(), Vec::new(), Vec::new());
    for (id, (from, path)) in moves {
        all.0.push(*id);
        all.1.push(from.to_string());
        all.2.push(path.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    }
    all
}
