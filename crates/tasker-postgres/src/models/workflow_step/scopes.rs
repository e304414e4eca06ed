//! Scopes of steps, and what they are asked.

use chrono::NaiveDateTime;
use sea_query::{Expr, ExprTrait, Func, JoinType, Query, SelectStatement};
use tasker_domain::state::StepState;

use super::WorkflowStep;
use super::condition::{self, COMPLETED};
use crate::models::scope::{Join, Scope};
use crate::models::statement::word;
use crate::models::{Model, ModelError, NamedStep, OrderBy, Session, Task, WorkflowStepTransition};

/// The type of each step.
const NAMED_STEP: Join = Join {
    table: NamedStep::TABLE,
    column: "named_step_id",
    from: (WorkflowStep::TABLE, "named_step_id"),
    after: None,
};

/// The task of each step.
const TASK: Join = Join { table: Task::TABLE, column: "task_id", from: (WorkflowStep::TABLE, "task_id"), after: None };

fn current() -> SelectStatement {
    condition::current(WorkflowStep::TABLE)
}

fn current_in(states: &[StepState]) -> SelectStatement {
    condition::current_in(WorkflowStep::TABLE, states)
}

impl Scope<WorkflowStep> {
    /// Steps that are complete or resolved by hand (B-SCP-010).
    #[must_use]
    pub fn completed(self) -> Self {
        self.holding(Expr::exists(current_in(&COMPLETED)))
    }

    /// Steps that are neither complete nor resolved by hand.
    #[must_use]
    pub fn not_completed(self) -> Self {
        self.holding(Expr::not_exists(current_in(&COMPLETED)))
    }

    /// Steps in error (B-SCP-011).
    #[must_use]
    pub fn failed(self) -> Self {
        self.holding(Expr::exists(current_in(&[StepState::Error])))
    }

    /// Steps without any transition, and those whose most recent one leads to `pending` or `in_progress` (B-SCP-012).
    #[must_use]
    pub fn pending(self) -> Self {
        // One answer per step, which its index gives: no row at all answers nothing. Asked as "there or none", the server
        // reads all transitions before it has the first row.
        let mut open = Query::select();
        open.from_as(("public", WorkflowStepTransition::TABLE), "any_transition");
        open.and_where(
            Expr::col(("any_transition", "workflow_step_id")).equals((WorkflowStep::TABLE, "workflow_step_id")),
        );
        let words = [StepState::Pending, StepState::InProgress].map(|state| word(state.as_str()));
        let is_open = Expr::cust("\"any_transition\".\"most_recent\"")
            .and(Expr::col(("any_transition", "to_state")).is_in(words));
        open.expr(Func::cust("pg_catalog.bool_or").arg(is_open));
        let answer = Expr::SubQuery(None, Box::new(open.into()));
        self.holding(Func::coalesce([answer, Expr::cust("TRUE")]).into())
    }

    /// Steps of this task (B-SCP-013).
    #[must_use]
    pub fn for_task(self, task_id: i64) -> Self {
        self.filter(WorkflowStep::TASK_ID.eq(task_id))
    }

    /// Steps whose most recent transition leads to this state, or to any. Steps without transitions are not among them,
    /// not even as pending (B-SCP-014): [`Scope::in_state`] counts these, too.
    #[must_use]
    pub fn by_current_state(self, state: impl Into<Option<StepState>>) -> Self {
        let Some(state) = state.into() else {
            return self.holding(Expr::exists(current()));
        };
        self.holding(Expr::exists(current_in(&[state])))
    }

    /// Steps in this state, as [`WorkflowStep::state`] has it: those without a most recent transition are pending.
    #[must_use]
    pub fn in_state(self, state: StepState) -> Self {
        if state != StepState::Pending {
            return self.holding(Expr::exists(current_in(&[state])));
        }
        // Not "there or none": for that the server reads all transitions before it has the first row.
        let mut elsewhere = current();
        elsewhere.and_where(Expr::col(("current", "to_state")).ne(word(state.as_str())));
        self.holding(Expr::not_exists(elsewhere))
    }

    /// Steps that are complete, not by hand, since after this instant (UTC; B-SCP-015).
    #[must_use]
    pub fn completed_since(self, instant: NaiveDateTime) -> Self {
        self.in_state_since(StepState::Complete, instant)
    }

    /// Steps that are in error since after this instant (UTC; B-SCP-015).
    #[must_use]
    pub fn failed_since(self, instant: NaiveDateTime) -> Self {
        self.in_state_since(StepState::Error, instant)
    }

    fn in_state_since(self, state: StepState, instant: NaiveDateTime) -> Self {
        let mut since = current_in(&[state]);
        since.and_where(Expr::col(("current", "created_at")).gt(Expr::val(instant)));
        self.holding(Expr::exists(since))
    }

    /// Steps of tasks that were stored after this instant (UTC; B-SCP-016).
    #[must_use]
    pub fn for_tasks_since(self, instant: NaiveDateTime) -> Self {
        let tasks = Task::scope().created_since(instant);
        self.filter(WorkflowStep::TASK_ID.within(&tasks, Task::TASK_ID))
    }

    /// Steps of this name.
    #[must_use]
    pub fn with_step_name(self, name: &str) -> Self {
        self.joined(&NAMED_STEP).filtered_by(NamedStep::NAME.eq(name))
    }

    /// Steps in error that nothing tries again: their attempts are used up, or they must not be tried again.
    #[must_use]
    pub fn dead(self) -> Self {
        self.holding(condition::dead(WorkflowStep::TABLE))
    }

    /// Steps in error that may be tried again, but not before an instant that is later than this one (UTC; the
    /// database's clock where none is given). The instant is the one that the readiness function computes
    /// (`next_retry_at`, or the end of the exponential wait where that is later).
    #[must_use]
    pub fn waiting_for_retry(self, at: impl Into<Option<NaiveDateTime>>) -> Self {
        self.holding(condition::waiting_for_retry(WorkflowStep::TABLE, at.into()))
    }

    /// Ordered by a column of the steps' types: `NamedStep::NAME.asc()`.
    #[must_use]
    pub fn order_by_type(self, by: OrderBy<NamedStep>) -> Self {
        self.order_joined(&NAMED_STEP, by)
    }

    /// Ordered by a column of the steps' tasks: `Task::CREATED_AT.desc()`.
    #[must_use]
    pub fn order_by_task(self, by: OrderBy<Task>) -> Self {
        self.order_joined(&TASK, by)
    }

    /// Steps whose type has the same name as this type, whatever system each belongs to.
    pub(super) fn holding_step_name_of(self, named_step_id: i32) -> Self {
        let mut same = Query::select();
        same.expr(Expr::cust("1")).from_as(("public", NamedStep::TABLE), "own");
        let on = Expr::col(("own", "name")).equals(("other", "name"));
        same.join_as(JoinType::InnerJoin, ("public", NamedStep::TABLE), "other", on);
        same.and_where(Expr::col(("own", "named_step_id")).eq(Expr::val(named_step_id)));
        same.and_where(Expr::col(("other", "named_step_id")).equals((WorkflowStep::TABLE, "named_step_id")));
        self.holding(Expr::exists(same))
    }
}

/// How far the steps of a task have come.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CompletionStats {
    /// All steps.
    pub total_steps: i64,
    /// Those that are complete or resolved by hand.
    pub completed_steps: i64,
    /// Those in error.
    pub failed_steps: i64,
    /// All others, those in progress and cancelled ones included.
    pub pending_steps: i64,
    /// The greatest `processed_at` (UTC) of the completed ones.
    pub latest_completion_time: Option<NaiveDateTime>,
    /// Whether there are steps and all are completed.
    pub all_complete: bool,
}

impl WorkflowStep {
    /// How far the steps of this task have come (B-MOD-093), in one statement.
    ///
    /// # Errors
    /// What the database says.
    pub async fn task_completion_stats<'c>(
        task_id: i64,
        session: impl Into<Session<'c>>,
    ) -> Result<CompletionStats, ModelError> {
        use crate::models::statement;
        use sqlx::Row;
        let completed = Expr::exists(current_in(&COMPLETED));
        let failed = Expr::exists(current_in(&[StepState::Error]));
        let mut each = Scope::<Self>::every().for_task(task_id).select_only(Self::PROCESSED_AT.expr());
        each.expr_as(completed, "completed").expr_as(failed, "failed");
        let mut sums = Query::select();
        sums.from_subquery(each, "each_step")
            .expr(Expr::cust("count(*)"))
            .expr(Expr::cust("count(*) FILTER (WHERE completed)"))
            .expr(Expr::cust("count(*) FILTER (WHERE failed)"))
            .expr_as(Expr::cust("max(processed_at) FILTER (WHERE completed)"), "latest");
        let mut connection = session.into().acquire().await?;
        let row = statement::one(&mut connection, statement::built(&sums)).await?;
        let (total, completed, failed): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(CompletionStats {
            total_steps: total,
            completed_steps: completed,
            failed_steps: failed,
            pending_steps: total - completed - failed,
            latest_completion_time: crate::models::column::Field::read(&row, "latest")?,
            all_complete: total > 0 && completed == total,
        })
    }

    /// The first step of the list that has this name, or else the step of this name of the tasks that the list's steps
    /// belong to; nothing for an empty list (B-MOD-090).
    ///
    /// # Errors
    /// What the database says.
    pub async fn find_step_by_name<'c>(
        steps: &[Self],
        name: &str,
        session: impl Into<Session<'c>>,
    ) -> Result<Option<Self>, ModelError> {
        if steps.is_empty() {
            return Ok(None);
        }
        let mut connection = session.into().acquire().await?;
        let types = Self::NAMED_STEP.load(steps, &mut *connection).await?;
        let named = |step: &&Self| types.get(&i64::from(step.named_step_id)).is_some_and(|kind| kind.name == name);
        if let Some(step) = steps.iter().find(named) {
            return Ok(Some(step.clone()));
        }
        let tasks = steps.iter().map(|step| step.task_id);
        Self::scope().filter(Self::TASK_ID.one_of(tasks)).with_step_name(name).first(&mut *connection).await
    }
}
