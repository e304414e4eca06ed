//! Transitions of tasks.

use chrono::NaiveDateTime;
use sqlx::PgConnection;
use tasker_domain::json::Json;
use tasker_domain::state::TaskState;

use super::TransitionStatistics;
use super::shared::{self, transition};
use crate::models::association::BelongsTo;
use crate::models::model::model;
use crate::models::record::{Record, Rule, Stamps, record};
use crate::models::scope::Scope;
use crate::models::validation::ValidationErrors;
use crate::models::{JsonText, ModelError, Session, Task};

model! {
    /// A change of a task's state (`tasker_task_transitions`).
    pub struct TaskTransition in "tasker_task_transitions" by id {
        /// Primary key.
        id: i64 => ID,
        /// The new state.
        to_state: String => TO_STATE,
        /// The state before; the original leaves it empty.
        from_state: Option<String> => FROM_STATE,
        /// What is known about the change: an object.
        metadata: Option<JsonText> => METADATA,
        /// Its place in the task's history: 10, 20, 30, …
        sort_key: i32 => SORT_KEY,
        /// Whether it is the task's last; at most one is (B-MOD-169).
        most_recent: bool => MOST_RECENT,
        /// The task.
        task_id: i64 => TASK_ID,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
    }
}

/// A transition to store as it is. It moves no state: the row that was the most recent one stays it.
#[derive(Debug, Clone)]
pub struct NewTaskTransition {
    /// The task.
    pub task_id: i64,
    /// The new state.
    pub to_state: String,
    /// The state before.
    pub from_state: Option<String>,
    /// What is known about the change: an object; blank values become `{}`.
    pub metadata: Option<JsonText>,
    /// Its place in the task's history.
    pub sort_key: i32,
    /// Whether it is the task's last.
    pub most_recent: bool,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewTaskTransition {
    /// The most recent transition of a task, at this place of its history.
    #[must_use]
    pub fn to(state: TaskState, task_id: i64, sort_key: i32) -> Self {
        Self {
            task_id,
            to_state: state.as_str().to_owned(),
            from_state: None,
            metadata: None,
            sort_key,
            most_recent: true,
            created_at: None,
            updated_at: None,
        }
    }

    pub(super) fn unsaved(self) -> (TaskTransition, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = TaskTransition {
            id: 0,
            to_state: self.to_state,
            from_state: self.from_state,
            metadata: Some(shared::stored_metadata(self.metadata)),
            sort_key: self.sort_key,
            most_recent: self.most_recent,
            task_id: self.task_id,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

/// B-MOD-156, B-MOD-157, B-MOD-166. A second most recent row of a task is [`ModelError::NotUnique`] (B-MOD-169).
impl Record for TaskTransition {
    const RULES: &'static [Rule] = &[
        Rule::taken("index_tasker_task_transitions_on_task_id_and_sort_key", "sort_key"),
        Rule::parent("fk_rails_e8caec803c", "task"),
    ];

    fn check(&self, errors: &mut ValidationErrors) {
        let known = self.to_state.parse::<TaskState>().is_ok();
        shared::check(errors, known, "is not a valid task state", &self.to_state, self.metadata.as_ref());
        errors.optional_text("from_state", self.from_state.as_deref(), None);
    }

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let rivals = Self::scope()
            .filter(Self::TASK_ID.eq(self.task_id))
            .filter(Self::SORT_KEY.eq(self.sort_key))
            .except_key(self.id);
        let task = Task::scope().with_keys([self.task_id]).existence();
        let rule = ("task", "must exist before creating transition");
        shared::check_sort_key(connection, errors, rivals, task, rule).await
    }
}

record!(TaskTransition from NewTaskTransition);
transition!(TaskTransition owned by TASK_ID);

impl TaskTransition {
    /// The task.
    pub const TASK: BelongsTo<Self, Task> = BelongsTo::new(Self::TASK_ID);

    fn owner(&self) -> i64 {
        self.task_id
    }

    /// What happened, in a sentence (B-MOD-163, B-MOD-167).
    #[must_use]
    pub fn description(&self) -> String {
        match self.to_state.as_str() {
            "pending" => "Task initialized and ready for processing".to_owned(),
            "in_progress" => "Task execution started".to_owned(),
            "complete" => "Task completed successfully".to_owned(),
            "error" => "Task encountered an error".to_owned(),
            "cancelled" => "Task was cancelled".to_owned(),
            "resolved_manually" => "Task was manually resolved".to_owned(),
            other => format!("Task transitioned to {other}"),
        }
    }

    /// Its metadata with `duration_since_previous`, `transition_description` and `transition_timestamp`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn formatted_metadata<'c>(&self, session: impl Into<Session<'c>>) -> Result<Json, ModelError> {
        let duration = self.duration_since_previous(session).await?;
        let mut members = self.metadata_map();
        members.insert("duration_since_previous".to_owned(), duration.and_then(Json::from_f64).into());
        members.insert("transition_description".to_owned(), self.description().into());
        members.insert("transition_timestamp".to_owned(), shared::iso8601(self.created_at).into());
        Ok(Json::Object(members))
    }
}

impl Scope<TaskTransition> {
    /// Figures about these transitions (B-MOD-167).
    ///
    /// # Errors
    /// What the database says.
    pub async fn statistics<'c>(&self, session: impl Into<Session<'c>>) -> Result<TransitionStatistics, ModelError> {
        let mut connection = session.into().acquire().await?;
        shared::statistics(self, TaskTransition::TO_STATE, TaskTransition::CREATED_AT, &mut connection).await
    }
}
