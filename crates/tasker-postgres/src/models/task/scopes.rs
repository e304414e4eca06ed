//! Scopes of tasks.

use chrono::NaiveDateTime;
use sea_query::extension::postgres::PgBinOper;
use sea_query::{Expr, ExprTrait, JoinType, Query, SelectStatement};
use sqlx::PgConnection;
use tasker_domain::state::{StepState, TaskState};

use super::Task;
use crate::models::scope::{Join, Scope};
use crate::models::{
    AnnotationType, JsonText, Model, ModelError, NamedTask, Session, TaskAnnotation, TaskNamespace, TaskTransition,
    WorkflowStep, WorkflowStepTransition, named_task,
};

/// The type of each task.
const NAMED_TASK: Join =
    Join { table: NamedTask::TABLE, column: "named_task_id", from: (Task::TABLE, "named_task_id"), after: None };

/// The namespace of each task's type.
const NAMESPACE: Join = Join { after: Some(&NAMED_TASK), ..named_task::NAMESPACE };

/// A sub-select of `1` from a table that refers to the task.
fn of_the_task<M: Model>(alias: &'static str) -> SelectStatement {
    let mut select = Query::select();
    select.expr(Expr::cust("1")).from_as(("public", M::TABLE), alias);
    select.and_where(Expr::col((alias, "task_id")).equals((Task::TABLE, "task_id")));
    select
}

/// A sub-select of `1` from the task's transition of the greatest sort key.
fn latest_transition() -> SelectStatement {
    let mut later = Query::select();
    later.expr(Expr::cust("1")).from_as(("public", TaskTransition::TABLE), "later");
    later.and_where(Expr::col(("later", "task_id")).equals(("latest", "task_id")));
    later.and_where(Expr::col(("later", "sort_key")).gt(Expr::col(("latest", "sort_key"))));
    let mut latest = of_the_task::<TaskTransition>("latest");
    latest.and_where(Expr::not_exists(later));
    latest
}

/// A sub-select of `1` from the most recent transitions of the task's steps.
fn current_step_transition() -> SelectStatement {
    let mut select = of_the_task::<WorkflowStep>("step");
    let on = Expr::col(("current", "workflow_step_id")).equals(("step", "workflow_step_id"));
    select.join_as(JoinType::InnerJoin, ("public", WorkflowStepTransition::TABLE), "current", on);
    select.and_where(Expr::cust("\"current\".\"most_recent\""));
    select
}

impl Scope<Task> {
    /// Tasks with an annotation whose value under this key is this text, and with an annotation of the kind of this name
    /// (not necessarily the same one). Of the key only letters, digits, `-` and `_` count; white space around the kind's
    /// name does not (B-SCP-001). Each task is found once, however many of its annotations fit.
    #[must_use]
    pub fn by_annotation(self, kind: &str, key: &str, value: &str) -> Self {
        let key: String =
            key.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect();
        let mut valued = of_the_task::<TaskAnnotation>("valued");
        let stored = Expr::col(("valued", "annotation")).binary(PgBinOper::CastJsonField, Expr::val(key));
        valued.and_where(stored.eq(Expr::val(value)));
        let mut kinds = of_the_task::<TaskAnnotation>("typed");
        let on = Expr::col(("kind", "annotation_type_id")).equals(("typed", "annotation_type_id"));
        kinds.join_as(JoinType::InnerJoin, ("public", AnnotationType::TABLE), "kind", on);
        kinds.and_where(Expr::col(("kind", "name")).eq(Expr::val(kind.trim())));
        self.holding(Expr::exists(valued)).holding(Expr::exists(kinds))
    }

    /// Tasks whose transition of the greatest sort key leads to this state, or to any. Tasks without transitions are
    /// not among them, not even as pending (B-SCP-002): [`Scope::in_state`] counts these, too.
    #[must_use]
    pub fn by_current_state(self, state: impl Into<Option<TaskState>>) -> Self {
        let Some(state) = state.into() else {
            return self.holding(Expr::exists(of_the_task::<TaskTransition>("latest")));
        };
        let mut latest = latest_transition();
        latest.and_where(Expr::col(("latest", "to_state")).eq(Expr::val(state.as_str())));
        self.holding(Expr::exists(latest))
    }

    /// Tasks in this state, as [`Task::state`] has it: those without a most recent transition are pending.
    #[must_use]
    pub fn in_state(self, state: TaskState) -> Self {
        let mut current = of_the_task::<TaskTransition>("current");
        current.and_where(Expr::cust("\"current\".\"most_recent\""));
        let none = Expr::not_exists(current.clone());
        current.and_where(Expr::col(("current", "to_state")).eq(Expr::val(state.as_str())));
        let there = Expr::exists(current);
        self.holding(if state == TaskState::Pending { there.or(none) } else { there })
    }

    /// Tasks stored after this instant (UTC; B-SCP-003).
    #[must_use]
    pub fn created_since(self, instant: NaiveDateTime) -> Self {
        self.filter(Task::CREATED_AT.gt(instant))
    }

    /// Tasks with at least one step that is complete since after this instant (UTC). It is not about the task's own
    /// state (B-SCP-004).
    #[must_use]
    pub fn completed_since(self, instant: NaiveDateTime) -> Self {
        let mut current = current_step_transition();
        current.and_where(Expr::col(("current", "to_state")).eq(Expr::val(StepState::Complete.as_str())));
        current.and_where(Expr::col(("current", "created_at")).gt(Expr::val(instant)));
        self.holding(Expr::exists(current))
    }

    /// Tasks whose transition of the greatest sort key leads to `error` and was written after this instant (UTC;
    /// B-SCP-005).
    #[must_use]
    pub fn failed_since(self, instant: NaiveDateTime) -> Self {
        let mut latest = latest_transition();
        latest.and_where(Expr::col(("latest", "to_state")).eq(Expr::val(TaskState::Error.as_str())));
        latest.and_where(Expr::col(("latest", "created_at")).gt(Expr::val(instant)));
        self.holding(Expr::exists(latest))
    }

    /// Tasks with at least one step whose most recent transition leads to none of `complete`, `error`, `skipped` and
    /// `resolved_manually`. So a cancelled step makes its task active, and a step without transitions does not
    /// (B-SCP-006).
    #[must_use]
    pub fn active(self) -> Self {
        let mut current = current_step_transition();
        current.and_where(Expr::cust(
            "\"current\".\"to_state\" NOT IN ('complete', 'error', 'skipped', 'resolved_manually')",
        ));
        self.holding(Expr::exists(current))
    }

    /// Tasks whose type is in the namespace of this name (B-SCP-007).
    #[must_use]
    pub fn in_namespace(self, name: &str) -> Self {
        self.joined(&NAMESPACE).filtered_by(TaskNamespace::NAME.eq(name))
    }

    /// Tasks whose type has this name (B-SCP-007).
    #[must_use]
    pub fn with_task_name(self, name: &str) -> Self {
        self.joined(&NAMED_TASK).filtered_by(NamedTask::NAME.eq(name))
    }

    /// Tasks whose type has this version (B-SCP-007).
    #[must_use]
    pub fn with_version(self, version: &str) -> Self {
        self.joined(&NAMED_TASK).filtered_by(NamedTask::VERSION.eq(version))
    }

    /// Tasks that have this tag. Served by the GIN index on the tags.
    #[must_use]
    pub fn with_tag(self, tag: &str) -> Self {
        self.filter(Task::TAGS.contains(&JsonText::texts(&[tag])))
    }

    /// Tasks whose context contains this JSON, as PostgreSQL's `@>` has it. Served by the GIN index on the context.
    #[must_use]
    pub fn with_context(self, part: &JsonText) -> Self {
        self.filter(Task::CONTEXT.contains(part))
    }

    /// Tasks with an annotation of this kind that contains this JSON, as PostgreSQL's `@>` has it. Served by the GIN
    /// index on the annotations.
    #[must_use]
    pub fn with_annotation(self, kind: &str, part: &JsonText) -> Self {
        let mut fitting = of_the_task::<TaskAnnotation>("fitting");
        let on = Expr::col(("kind", "annotation_type_id")).equals(("fitting", "annotation_type_id"));
        fitting.join_as(JoinType::InnerJoin, ("public", AnnotationType::TABLE), "kind", on);
        fitting.and_where(Expr::col(("kind", "name")).eq(Expr::val(kind)));
        let sought = Expr::val(part.get()).cast_as("jsonb");
        fitting.and_where(Expr::col(("fitting", "annotation")).binary(PgBinOper::Contains, sought));
        self.holding(Expr::exists(fitting))
    }

    /// How many different names the types of these tasks have, whatever their namespaces and versions (B-SCP-008).
    ///
    /// # Errors
    /// What the database says.
    pub async fn unique_task_types_count<'c>(&self, session: impl Into<Session<'c>>) -> Result<i64, ModelError> {
        let mut connection = session.into().acquire().await?;
        self.type_names(&mut connection).await
    }

    async fn type_names(&self, connection: &mut PgConnection) -> Result<i64, ModelError> {
        self.clone().joined(&NAMED_TASK).count_distinct(connection, NamedTask::NAME.expr()).await
    }
}
