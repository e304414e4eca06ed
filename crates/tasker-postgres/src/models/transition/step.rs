//! Transitions of steps.

use chrono::NaiveDateTime;
use sea_query::{Expr, ExprTrait, Query};
use sqlx::{PgConnection, Row};
use tasker_domain::json::Json;
use tasker_domain::state::StepState;

use super::TransitionStatistics;
use super::shared::{self, transition};
use crate::models::association::BelongsTo;
use crate::models::model::model;
use crate::models::record::{Record, Rule, Stamps, record};
use crate::models::scope::Scope;
use crate::models::validation::ValidationErrors;
use crate::models::{JsonText, Model, ModelError, Session, WorkflowStep, statement};

model! {
    /// A change of a step's state (`tasker_workflow_step_transitions`).
    pub struct WorkflowStepTransition in "tasker_workflow_step_transitions" by id {
        /// Primary key.
        id: i64 => ID,
        /// The new state.
        to_state: String => TO_STATE,
        /// The state before; the original leaves it empty.
        from_state: Option<String> => FROM_STATE,
        /// What is known about the change: an object.
        metadata: Option<JsonText> => METADATA,
        /// Its place in the step's history: 10, 20, 30, …
        sort_key: i32 => SORT_KEY,
        /// Whether it is the step's last; at most one is (B-MOD-169).
        most_recent: bool => MOST_RECENT,
        /// The step.
        workflow_step_id: i64 => WORKFLOW_STEP_ID,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
    }
}

/// A transition to store as it is. It moves no state: the row that was the most recent one stays it.
#[derive(Debug, Clone)]
pub struct NewWorkflowStepTransition {
    /// The step.
    pub workflow_step_id: i64,
    /// The new state.
    pub to_state: String,
    /// The state before; an empty text becomes none (B-MOD-154).
    pub from_state: Option<String>,
    /// What is known about the change: an object; blank values become `{}`.
    pub metadata: Option<JsonText>,
    /// Its place in the step's history.
    pub sort_key: i32,
    /// Whether it is the step's last.
    pub most_recent: bool,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewWorkflowStepTransition {
    /// The most recent transition of a step, at this place of its history.
    #[must_use]
    pub fn to(state: StepState, step_id: i64, sort_key: i32) -> Self {
        Self {
            workflow_step_id: step_id,
            to_state: state.as_str().to_owned(),
            from_state: None,
            metadata: None,
            sort_key,
            most_recent: true,
            created_at: None,
            updated_at: None,
        }
    }

    pub(super) fn unsaved(self) -> (WorkflowStepTransition, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = WorkflowStepTransition {
            id: 0,
            to_state: self.to_state,
            from_state: self.from_state.filter(|state| !state.is_empty()),
            metadata: Some(shared::stored_metadata(self.metadata)),
            sort_key: self.sort_key,
            most_recent: self.most_recent,
            workflow_step_id: self.workflow_step_id,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

const NO_STATE: &str = "is not a valid workflow step state";

/// B-MOD-153…158. A second most recent row of a step is [`ModelError::NotUnique`] (B-MOD-169).
impl Record for WorkflowStepTransition {
    const RULES: &'static [Rule] = &[
        Rule::taken("idx_on_workflow_step_id_sort_key_4d476d7adb", "sort_key"),
        Rule::parent("fk_rails_6e0f6eb833", "workflow_step"),
    ];

    fn check(&self, errors: &mut ValidationErrors) {
        if self.to_state.is_empty() {
            errors.rule("to_state", "cannot be empty - must specify a valid state");
        }
        let known = self.to_state.parse::<StepState>().is_ok();
        shared::check(errors, known, NO_STATE, &self.to_state, self.metadata.as_ref());
        errors.optional_text("from_state", self.from_state.as_deref(), None);
        if self.from_state.as_ref().is_some_and(|state| state.parse::<StepState>().is_err()) {
            errors.rule("from_state", NO_STATE);
        }
    }

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let rivals = Self::scope()
            .filter(Self::WORKFLOW_STEP_ID.eq(self.workflow_step_id))
            .filter(Self::SORT_KEY.eq(self.sort_key))
            .except_key(self.id);
        let step = WorkflowStep::scope().with_keys([self.workflow_step_id]).existence();
        let rule = ("workflow_step", "must reference an existing workflow step");
        shared::check_sort_key(connection, errors, rivals, step, rule).await
    }
}

record!(WorkflowStepTransition from NewWorkflowStepTransition);
transition!(WorkflowStepTransition owned by WORKFLOW_STEP_ID);

/// When a failed step is to be tried again, as its transition tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    /// Not before this instant, as it is written there.
    pub backoff_until: Json,
    /// How long that was to be.
    pub backoff_seconds: Option<Json>,
    /// Whether there is to be another attempt.
    pub retry_available: bool,
}

impl WorkflowStepTransition {
    /// The step.
    pub const WORKFLOW_STEP: BelongsTo<Self, WorkflowStep> = BelongsTo::new(Self::WORKFLOW_STEP_ID);

    fn owner(&self) -> i64 {
        self.workflow_step_id
    }

    /// Whether it leads to `pending` and its metadata names a `retry_attempt` (B-MOD-160).
    #[must_use]
    pub fn is_retry_transition(&self) -> bool {
        self.to_state == "pending" && self.has_metadata("retry_attempt")
    }

    /// The metadata's `attempt_number`; 1 without one (B-MOD-161).
    #[must_use]
    pub fn attempt_number(&self) -> Json {
        self.get_metadata("attempt_number").unwrap_or_else(|| Json::from(1_i32))
    }

    /// The metadata's `execution_duration` (B-MOD-161).
    #[must_use]
    pub fn execution_duration(&self) -> Option<Json> {
        self.get_metadata("execution_duration")
    }

    /// When it is to be tried again; only for a transition to `error` whose metadata has `backoff_until` (B-MOD-162).
    #[must_use]
    pub fn backoff_info(&self) -> Option<Backoff> {
        let backoff_until = self.get_metadata("backoff_until").filter(|_| self.is_error_transition())?;
        Some(Backoff {
            backoff_until,
            backoff_seconds: self.get_metadata("backoff_seconds"),
            retry_available: self.get_metadata("retry_available").and_then(|value| value.as_bool()).unwrap_or(false),
        })
    }

    /// What happened, in a sentence (B-MOD-163).
    #[must_use]
    pub fn description(&self) -> String {
        let told = |key: &str, otherwise: &str| {
            self.get_metadata(key).as_ref().map_or_else(|| otherwise.to_owned(), shared::shown)
        };
        let attempt = shared::shown(&self.attempt_number());
        match self.to_state.as_str() {
            "pending" if self.is_retry_transition() => format!("Step retry attempt #{attempt}"),
            "pending" => "Step initialized and ready for execution".to_owned(),
            "in_progress" => format!("Step execution started (attempt #{attempt})"),
            "complete" => {
                let seconds = self.execution_duration().and_then(|duration| duration.as_f64());
                let took = seconds.map(|seconds| format!(" in {:?}s", (seconds * 100.0).round() / 100.0));
                format!("Step completed successfully{}", took.unwrap_or_default())
            }
            "error" => {
                let scheduled = if self.has_metadata("backoff_until") { " (retry scheduled)" } else { "" };
                format!("Step failed: {}{scheduled}", told("error_message", "Unknown error"))
            }
            "cancelled" => format!("Step cancelled due to {}", told("triggered_by", "manual cancellation")),
            "resolved_manually" => format!("Step manually resolved by {}", told("resolved_by", "unknown")),
            other => format!("Step transitioned to {other}"),
        }
    }

    /// Its metadata with `duration_since_previous`, `transition_description`, `transition_timestamp`, `step_name` and
    /// `task_id`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn formatted_metadata<'c>(&self, session: impl Into<Session<'c>>) -> Result<Json, ModelError> {
        let mut connection = session.into().acquire().await?;
        let duration = self.duration_since_previous(&mut *connection).await?;
        let step = Self::WORKFLOW_STEP.of(self, &mut *connection).await?;
        let name = step.name(&mut *connection).await?;
        let mut members = self.metadata_map();
        members.insert("duration_since_previous".to_owned(), duration.and_then(Json::from_f64).into());
        members.insert("transition_description".to_owned(), self.description().into());
        members.insert("transition_timestamp".to_owned(), shared::iso8601(self.created_at).into());
        members.insert("step_name".to_owned(), name.into());
        members.insert("task_id".to_owned(), step.task_id.into());
        Ok(Json::Object(members))
    }
}

/// Figures about transitions of steps (B-MOD-165).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct StepTransitionStatistics {
    /// The figures that tasks have, too.
    #[serde(flatten)]
    pub common: TransitionStatistics,
    /// How many are retries.
    pub retry_attempts: i64,
    /// Mean of the metadata's `execution_duration` in seconds, over those that have a number there.
    pub average_execution_time: Option<f64>,
}

impl Scope<WorkflowStepTransition> {
    /// Transitions of the steps of this task.
    #[must_use]
    pub fn for_task(self, task_id: i64) -> Self {
        let steps = WorkflowStep::scope().for_task(task_id);
        self.filter(WorkflowStepTransition::WORKFLOW_STEP_ID.within(&steps, WorkflowStep::WORKFLOW_STEP_ID))
    }

    /// Transitions whose metadata has this `attempt_number`.
    #[must_use]
    pub fn for_attempt(self, number: i64) -> Self {
        self.with_metadata_value("attempt_number", &Json::from(number))
    }

    /// Transitions to `pending` that come after one to `error` of the same step (B-MOD-164).
    #[must_use]
    pub fn retry_transitions(self) -> Self {
        let mut earlier = Query::select();
        earlier.expr(Expr::cust("1")).from_as(("public", WorkflowStepTransition::TABLE), "earlier");
        earlier.and_where(
            Expr::col(("earlier", "workflow_step_id")).equals((WorkflowStepTransition::TABLE, "workflow_step_id")),
        );
        earlier.and_where(Expr::col(("earlier", "sort_key")).lt(WorkflowStepTransition::SORT_KEY.expr()));
        earlier.and_where(Expr::col(("earlier", "to_state")).eq(Expr::val(StepState::Error.as_str())));
        self.to_state(StepState::Pending.as_str()).holding(Expr::exists(earlier))
    }

    /// Figures about these transitions (B-MOD-165).
    ///
    /// # Errors
    /// What the database says.
    pub async fn statistics<'c>(
        &self,
        session: impl Into<Session<'c>>,
    ) -> Result<StepTransitionStatistics, ModelError> {
        let mut connection = session.into().acquire().await?;
        let common = shared::statistics(
            self,
            WorkflowStepTransition::TO_STATE,
            WorkflowStepTransition::CREATED_AT,
            &mut connection,
        )
        .await?;
        let retry_attempts = self.clone().retry_transitions().count(&mut *connection).await?;
        let mut durations = Query::select();
        durations.from_subquery(self.clone().unordered().select_only(WorkflowStepTransition::METADATA.expr()), "rows");
        durations.expr(Expr::cust(
            "avg((metadata ->> 'execution_duration')::double precision) \
             FILTER (WHERE jsonb_typeof(metadata -> 'execution_duration') = 'number')",
        ));
        let row = statement::one(&mut connection, statement::built(&durations)).await?;
        Ok(StepTransitionStatistics { common, retry_attempts, average_execution_time: row.try_get(0)? })
    }
}
