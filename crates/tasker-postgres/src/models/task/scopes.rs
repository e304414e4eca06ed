//! Scopes of tasks.

use std::str::FromStr;

use chrono::NaiveDateTime;
use sea_query::extension::postgres::PgBinOper;
use sea_query::{BinOper, Expr, ExprTrait, Func, JoinType, Order, Query, SelectStatement};
use sqlx::PgConnection;
use tasker_domain::json::Json;
use tasker_domain::state::{StepState, TaskState};

use super::Task;
use crate::models::scope::{Join, Scope};
use crate::models::statement::word;
use crate::models::workflow_step::condition;
use crate::models::{
    AnnotationType, JsonText, Model, ModelError, NamedTask, OrderBy, Session, TaskAnnotation, TaskNamespace,
    TaskTransition, WorkflowStep, WorkflowStepTransition, named_task,
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

/// Whether this holds of the task's transition of the greatest sort key, `latest`. A value of its own and no `EXISTS`:
/// that the server would turn into a join, and read all transitions before it has the first task.
fn of_the_latest_transition(what: Expr) -> Expr {
    let mut latest = Query::select();
    latest.expr(what).from_as(("public", TaskTransition::TABLE), "latest");
    latest.and_where(Expr::col(("latest", "task_id")).equals((Task::TABLE, "task_id")));
    latest.order_by(("latest", "sort_key"), Order::Desc).limit(1);
    Expr::SubQuery(None, Box::new(latest.into()))
}

/// A sub-select of `1` from the most recent transitions of the task's steps.
fn current_step_transition() -> SelectStatement {
    let mut select = of_the_task::<WorkflowStep>("step");
    let on = Expr::col(("current", "workflow_step_id")).equals(("step", "workflow_step_id"));
    select.join_as(JoinType::InnerJoin, ("public", WorkflowStepTransition::TABLE), "current", on);
    select.and_where(Expr::cust("\"current\".\"most_recent\""));
    select
}

/// States that a task is not taken out of by its steps.
const ENDED: [TaskState; 3] = [TaskState::Complete, TaskState::Cancelled, TaskState::ResolvedManually];

/// An object with this key and a value that is not a text and that PostgreSQL prints as this one. It is contained
/// in every object that has such a value.
fn printed_as(key: &str, text: &str) -> JsonText {
    let Ok(json) = JsonText::from_str(text) else {
        return JsonText::object_of(key, &JsonText::from(Json::from(text)));
    };
    // What is too deep or too great for us, somebody else may have stored: then everything is looked at.
    let ours = json.parse().is_ok_and(|json| json.check_storable().is_ok());
    if ours { JsonText::object_of(key, &json) } else { JsonText::empty_object() }
}

impl Scope<Task> {
    /// Tasks with an annotation whose value under this key is this text, and with an annotation of the kind of this name
    /// (not necessarily the same one). Of the key only letters, digits, `-` and `_` count; white space around the kind's
    /// name does not (B-SCP-001). Each task is found once, however many of its annotations fit.
    #[must_use]
    pub fn by_annotation(self, kind: &str, key: &str, value: &str) -> Self {
        let key: String =
            key.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect();
        // Comparing texts needs no index; that the annotation contains the key with one of the values whose text this is
        // follows from it, and has one.
        let text = JsonText::object_of(&key, &JsonText::from(Json::from(value)));
        let other = printed_as(&key, value);
        let contains = |part: &JsonText| {
            Expr::col(("valued", "annotation")).binary(PgBinOper::Contains, Expr::val(part.get()).cast_as("jsonb"))
        };
        let mut valued = of_the_task::<TaskAnnotation>("valued");
        valued.and_where(contains(&text).or(contains(&other)));
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
        self.holding(of_the_latest_transition(Expr::col(("latest", "to_state")).eq(word(state.as_str()))))
    }

    /// Tasks in this state, as [`Task::state`] has it: those without a most recent transition are pending.
    #[must_use]
    pub fn in_state(self, state: TaskState) -> Self {
        let mut current = of_the_task::<TaskTransition>("current");
        current.and_where(Expr::cust("\"current\".\"most_recent\""));
        if state == TaskState::Pending {
            // Not "there or none": for that the server reads all transitions before it has the first row.
            current.and_where(Expr::col(("current", "to_state")).ne(word(state.as_str())));
            return self.holding(Expr::not_exists(current));
        }
        current.and_where(Expr::col(("current", "to_state")).eq(word(state.as_str())));
        self.holding(Expr::exists(current))
    }

    /// Tasks stored after this instant (UTC; B-SCP-003).
    #[must_use]
    pub fn created_since(self, instant: NaiveDateTime) -> Self {
        // It holds for every row. The only index that has the instant begins with `complete`.
        let either = Expr::cust("\"tasker_tasks\".\"complete\" = ANY ('{f,t}'::boolean[])");
        self.holding(either).filter(Task::CREATED_AT.gt(instant))
    }

    /// Tasks with at least one step that is complete since after this instant (UTC). It is not about the task's own
    /// state (B-SCP-004).
    #[must_use]
    pub fn completed_since(self, instant: NaiveDateTime) -> Self {
        let mut current = current_step_transition();
        current.and_where(Expr::col(("current", "to_state")).eq(word(StepState::Complete.as_str())));
        current.and_where(Expr::col(("current", "created_at")).gt(Expr::val(instant)));
        self.holding(Expr::exists(current))
    }

    /// Tasks whose transition of the greatest sort key leads to `error` and was written after this instant (UTC;
    /// B-SCP-005).
    #[must_use]
    pub fn failed_since(self, instant: NaiveDateTime) -> Self {
        let failed = Expr::col(("latest", "to_state")).eq(word(TaskState::Error.as_str()));
        let since = Expr::col(("latest", "created_at")).gt(Expr::val(instant));
        self.holding(of_the_latest_transition(failed.and(since)))
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

    /// Tasks whose context has exactly this value at the end of this path of keys, such as `["customer", "id"]`. Places in
    /// lists are not followed. Served by the GIN index on the context.
    #[must_use]
    pub fn with_context_path(self, path: &[&str], value: &JsonText) -> Self {
        let part = path.iter().rev().fold(value.clone(), |inner, key| JsonText::object_of(key, &inner));
        let keys: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
        let stored = Task::CONTEXT.expr().binary(BinOper::Custom("#>"), Expr::val(keys));
        // That it is contained follows from the rest and lets the index begin.
        self.with_context(&part).holding(stored.eq(Expr::val(value.get()).cast_as("jsonb")))
    }

    /// Tasks that have not ended and have a step that waits to be tried again later than this instant (UTC; the database's
    /// clock where none is given): see the scope of the same name of steps. Tasks marked `complete` and those that were
    /// cancelled or resolved by hand have ended.
    #[must_use]
    pub fn waiting_for_retry(self, at: impl Into<Option<NaiveDateTime>>) -> Self {
        let mut waiting = condition::steps_of(Task::TABLE, None);
        waiting.and_where(condition::waiting_for_retry("step", at.into()));
        self.not_ended().holding(Expr::exists(waiting))
    }

    /// Tasks that have not ended (see [`Scope::waiting_for_retry`]) and have a dead step of this name: one in error that
    /// nothing tries again.
    #[must_use]
    pub fn held_by_step(self, name: &str) -> Self {
        let mut dead = condition::steps_of(Task::TABLE, Some(name));
        dead.and_where(condition::dead("step"));
        self.not_ended().holding(Expr::exists(dead))
    }

    /// Tasks that have not ended (see [`Scope::waiting_for_retry`]) and in which nothing happens any more unless somebody
    /// steps in: no step runs, none may be tried now, and none waits for an instant. A task that only lacks its last
    /// transition is one, too.
    #[must_use]
    pub fn stuck(self) -> Self {
        let mut alive = condition::steps_of(Task::TABLE, None);
        alive.and_where(condition::alive("step"));
        self.not_ended().holding(Expr::not_exists(alive))
    }

    fn not_ended(self) -> Self {
        // One answer per task, which its index gives: asked with `NOT EXISTS`, the server reads all transitions for the
        // few tasks that are left.
        let mut open = Query::select();
        open.from_as(("public", TaskTransition::TABLE), "current");
        open.and_where(Expr::col(("current", "task_id")).equals((Task::TABLE, "task_id")));
        open.and_where(Expr::cust("\"current\".\"most_recent\""));
        let ended = ENDED.map(|state| word(state.as_str()));
        let is_open = Expr::col(("current", "to_state")).is_not_in(ended);
        open.expr(Func::cust("pg_catalog.bool_and").arg(is_open));
        let answer = Expr::SubQuery(None, Box::new(open.into()));
        // The index of the tasks that are not complete has the condition in these words.
        self.holding(Task::COMPLETE.expr().eq(Expr::cust("FALSE")))
            .holding(Func::coalesce([answer, Expr::cust("TRUE")]).into())
    }

    /// Ordered by a column of the tasks' types: `NamedTask::NAME.asc()`.
    #[must_use]
    pub fn order_by_type(self, by: OrderBy<NamedTask>) -> Self {
        self.order_joined(&NAMED_TASK, by)
    }

    /// Ordered by a column of the namespaces of the tasks' types: `TaskNamespace::NAME.asc()`.
    #[must_use]
    pub fn order_by_namespace(self, by: OrderBy<TaskNamespace>) -> Self {
        self.order_joined(&NAMESPACE, by)
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
