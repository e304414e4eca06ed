//! Ending what was not done in time: tasks whose deadline has passed are named here and called off like any other; steps
//! whose deadline over all attempts and waits has passed die here.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::json;
use sqlx::FromRow;
use tasker_domain::operation::DEADLINE;
use tasker_domain::state::StepState;

use super::plan::{Plan, StepWrite, state};
use super::rows::StepRow;
use super::{Ledger, LedgerError, Operator};
use crate::rebuild::begin_patient;

/// Who ends what was not done in time, as the history names it.
const ACTOR: &str = "tasker";

/// How often a task that others work on is tried, 20 ms apart: many others may wait behind it, and it comes again.
const TRIES: u32 = 25;

/// For how many seconds a step that is to die is left to whoever found it. If it is not dead by then, others find it.
const LEFT_ALONE: f64 = 10.0;

/// A step that died because its deadline had passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredStep {
    /// Id of its task.
    pub task_id: i64,
    /// Its id.
    pub step_id: i64,
    /// The state it was in.
    pub from: String,
}

/// A step that may have to die and could not be dealt with; it is looked at again after a while.
#[derive(Debug)]
pub struct PassedOver {
    /// Id of its task.
    pub task_id: i64,
    /// Its id.
    pub step_id: i64,
    /// What stood in the way.
    pub error: LedgerError,
}

/// What came of a look at steps with a deadline.
#[derive(Debug, Default)]
pub struct ExpiredSteps {
    /// Those that died.
    pub steps: Vec<ExpiredStep>,
    /// Those that could not be dealt with.
    pub passed_over: Vec<PassedOver>,
    /// Whether another look at once may find more.
    pub more: bool,
}

#[derive(FromRow)]
struct DueRow {
    task_id: Option<i64>,
    step_id: i64,
    now: DateTime<Utc>,
    seconds: Option<f64>,
    passed: bool,
}

impl Ledger {
    /// Tasks whose deadline has passed and that have not ended, at most this many.
    pub async fn passed_deadlines(&self, most: i64, now: Option<NaiveDateTime>) -> Result<Vec<i64>, LedgerError> {
        Ok(sqlx::query_scalar(include_str!("../../../sql/operations/passed_deadlines.sql"))
            .bind(most)
            .bind(now.map(|instant| instant.and_utc()))
            .fetch_all(&self.pool)
            .await?)
    }

    /// Ends steps that were not done within the deadline of their template (`deadline_seconds`), of at most so many that
    /// are due to be looked at: each is dead, with an error that says so, whatever attempts it has left. A worker that runs
    /// one is told to stop with its next heartbeat, and its outcome is refused.
    ///
    /// A step that cannot be dealt with, because others work on its task at every try or its rows are not as they must be,
    /// is passed over and looked at again ten seconds later; so are the others of a task that others work on.
    ///
    /// # Errors
    /// What concerns all steps: the database is away, takes no writes or grants no right. The steps that were dead by then
    /// stay so.
    pub async fn expire_steps(&self, most: i64, now: Option<NaiveDateTime>) -> Result<ExpiredSteps, LedgerError> {
        let due = self.due_steps(most, now).await?;
        // None of them is found again at once: each row left, or was put off.
        let more = i64::try_from(due.len()).is_ok_and(|looked_at| looked_at >= most);
        let mut busy = None;
        let mut expired = ExpiredSteps { more, ..ExpiredSteps::default() };
        for DueRow { task_id, step_id, now: seen, seconds, passed } in due {
            let (true, Some(task_id), Some(seconds)) = (passed, task_id, seconds) else { continue };
            if busy == Some(task_id) {
                continue;
            }
            let by = Operator { actor: ACTOR, reason: DEADLINE, now, dry_run: false };
            let from = self
                .operate_within(TRIES, &[task_id], by, DEADLINE, |_, steps| {
                    let mut plan = Plan::default();
                    let step = steps.iter().find(|step| step.step_id == step_id);
                    let from = match step {
                        Some(step) => plan.expire(step, seen, seconds)?,
                        None => None,
                    };
                    Ok((from.is_some().then_some(plan), from))
                })
                .await;
            match from {
                Ok(Some(from)) => expired.steps.push(ExpiredStep { task_id, step_id, from: from.to_string() }),
                Ok(None) => {}
                Err(error) if error.may_pass() || matches!(error, LedgerError::Forbidden(_)) => return Err(error),
                Err(error) => {
                    if matches!(error, LedgerError::Busy(_)) {
                        busy = Some(task_id);
                    }
                    expired.passed_over.push(PassedOver { task_id, step_id, error });
                }
            }
        }
        Ok(expired)
    }

    /// Steps that are to be looked at, after their rows were put off or taken out.
    async fn due_steps(&self, most: i64, now: Option<NaiveDateTime>) -> Result<Vec<DueRow>, LedgerError> {
        let now = now.map(|instant| instant.and_utc());
        let mut connection = self.pool.acquire().await?;
        let mut transaction = begin_patient(&mut connection).await?;
        let steps: Vec<i64> = sqlx::query_scalar(include_str!("../../../sql/operations/lock_due_steps.sql"))
            .bind(most)
            .bind(now)
            .fetch_all(&mut *transaction)
            .await?;
        if steps.is_empty() {
            transaction.rollback().await?;
            return Ok(Vec::new());
        }
        let due = sqlx::query_as(include_str!("../../../sql/operations/overdue_steps.sql"))
            .bind(steps)
            .bind(now)
            .bind(LEFT_ALONE)
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(due)
    }
}

impl Plan {
    /// Ends a step whose deadline has passed, unless it has ended, or was sent on anew, since it was found.
    fn expire(&mut self, step: &StepRow, now: DateTime<Utc>, seconds: f64) -> Result<Option<StepState>, LedgerError> {
        let from: StepState = state(&step.state)?;
        let path = match from {
            StepState::Pending | StepState::InProgress => vec![StepState::Error],
            StepState::Error if step.retryable && step.attempts < step.retry_limit.max(1) => {
                vec![StepState::Pending, StepState::Error]
            }
            _ => return Ok(None),
        };
        if step.deadline.is_none_or(|deadline| deadline > now) {
            return Ok(None);
        }
        self.step_moves.insert(step.step_id, (from, path));
        let error = json!({
            "error": format!("the step was not done within its deadline of {seconds} s"),
            "error_class": "Tasker::DeadlineExceeded",
            "backtrace": "",
        });
        self.writes.push(StepWrite {
            cut_short: from == StepState::InProgress,
            error: Some(error.to_string()),
            ..StepWrite::of(step.step_id)
        });
        Ok(Some(from))
    }
}
