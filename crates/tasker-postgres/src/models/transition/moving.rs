//! Moves from state to state: the row that was the newest steps back and another one is written, in one transaction.

use chrono::NaiveDateTime;
use sea_query::{Expr, ExprTrait, LockType, Query};
use sqlx::PgConnection;
use tasker_domain::json::Json;
use tasker_domain::state::{Granted, Refusal, State, StepState, TaskState, step, task};

use super::shared::stored_metadata;
use super::{NewTaskTransition, NewWorkflowStepTransition, TaskTransition, WorkflowStepTransition};
use crate::models::column::Field;
use crate::models::record::{self, Record, Stamps};
use crate::models::scope::Scope;
use crate::models::validation::ValidationErrors;
use crate::models::{JsonText, Model, ModelError, Session, Task, WorkflowStep, WorkflowStepEdge, statement};

/// What became of a request to move that was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved<R> {
    /// The move was written; this is its row.
    Done(R),
    /// It was in that state already; nothing was written.
    AlreadySo,
}

/// What became of a request to move from certain states only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MovedIf<R, S> {
    /// The move was written; this is its row.
    Done(R),
    /// It was in that state already; nothing was written.
    AlreadySo,
    /// It was in this state, from which the move was not asked for; nothing was written.
    InAnotherState(S),
}

/// A row that is in a state.
trait Moving: Model {
    type State: State + std::str::FromStr<Err = tasker_domain::state::UnknownState>;
    type Row: Record;

    fn task_id(&self) -> i64;
    fn history(&self) -> Scope<Self::Row>;
    /// The state that a row of the history leads to.
    fn to_state(row: &Self::Row) -> &str;
    fn successor(
        &self,
        to: Self::State,
        after: Option<i32>,
        from: &str,
        metadata: JsonText,
        at: NaiveDateTime,
    ) -> (Self::Row, Stamps);
    /// The states that the guard of a move looks at.
    fn looked_at(
        &self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Vec<StepState>, ModelError>> + Send;
    fn judged(
        from: Self::State,
        to: Self::State,
        looked_at: Vec<StepState>,
    ) -> Result<Granted<Self::State>, Refusal<Self::State>>;
    fn refused(&self, refusal: Refusal<Self::State>) -> ModelError;
}

impl Moving for Task {
    type State = TaskState;
    type Row = TaskTransition;

    fn task_id(&self) -> i64 {
        self.task_id
    }

    fn history(&self) -> Scope<TaskTransition> {
        Self::TASK_TRANSITIONS.scope(self)
    }

    fn to_state(row: &TaskTransition) -> &str {
        &row.to_state
    }

    fn successor(
        &self,
        to: TaskState,
        after: Option<i32>,
        from: &str,
        metadata: JsonText,
        at: NaiveDateTime,
    ) -> (TaskTransition, Stamps) {
        NewTaskTransition {
            from_state: Some(from.to_owned()),
            metadata: Some(metadata),
            created_at: Some(at),
            updated_at: Some(at),
            ..NewTaskTransition::to(to, self.task_id, next_sort_key(after))
        }
        .unsaved()
    }

    async fn looked_at(&self, connection: &mut PgConnection) -> Result<Vec<StepState>, ModelError> {
        let steps = Self::WORKFLOW_STEPS.scope(self).rows(connection).await?;
        Ok(WorkflowStep::states(&steps, connection).await?.into_values().collect())
    }

    fn judged(from: TaskState, to: TaskState, steps: Vec<StepState>) -> Result<Granted<TaskState>, Refusal<TaskState>> {
        task::request(from, to, steps)
    }

    fn refused(&self, refusal: Refusal<TaskState>) -> ModelError {
        ModelError::TaskMoveRefused { task_id: self.task_id, refusal }
    }
}

impl Moving for WorkflowStep {
    type State = StepState;
    type Row = WorkflowStepTransition;

    fn task_id(&self) -> i64 {
        self.task_id
    }

    fn history(&self) -> Scope<WorkflowStepTransition> {
        Self::WORKFLOW_STEP_TRANSITIONS.scope(self)
    }

    fn to_state(row: &WorkflowStepTransition) -> &str {
        &row.to_state
    }

    fn successor(
        &self,
        to: StepState,
        after: Option<i32>,
        from: &str,
        metadata: JsonText,
        at: NaiveDateTime,
    ) -> (WorkflowStepTransition, Stamps) {
        NewWorkflowStepTransition {
            from_state: Some(from.to_owned()),
            metadata: Some(metadata),
            created_at: Some(at),
            updated_at: Some(at),
            ..NewWorkflowStepTransition::to(to, self.workflow_step_id, next_sort_key(after))
        }
        .unsaved()
    }

    async fn looked_at(&self, connection: &mut PgConnection) -> Result<Vec<StepState>, ModelError> {
        let edges = WorkflowStepEdge::scope().parents_of(self.workflow_step_id).rows(connection).await?;
        let parents = Self::scope().with_keys(edges.iter().map(|edge| edge.from_step_id).collect::<Vec<_>>());
        let parents = parents.rows(connection).await?;
        Ok(Self::states(&parents, connection).await?.into_values().collect())
    }

    fn judged(
        from: StepState,
        to: StepState,
        parents: Vec<StepState>,
    ) -> Result<Granted<StepState>, Refusal<StepState>> {
        step::request(from, to, parents)
    }

    fn refused(&self, refusal: Refusal<StepState>) -> ModelError {
        ModelError::StepMoveRefused { workflow_step_id: self.workflow_step_id, refusal }
    }
}

/// 10, 20, 30, ….
fn next_sort_key(after: Option<i32>) -> i32 {
    after.unwrap_or(0).saturating_add(10)
}

/// The owner's row is locked before its history is read, so that all who move it through here do so one after the other.
/// Rails takes no such lock; of a rival of that kind, the unique indexes of the history let one win.
async fn moved<O: Moving>(
    owner: &O,
    to: O::State,
    allowed_from: Option<&[O::State]>,
    metadata: JsonText,
    session: Session<'_>,
) -> Result<MovedIf<O::Row, O::State>, ModelError> {
    let metadata = stored_metadata(Some(metadata));
    let mut connection = session.acquire_primary().await?;
    let mut transaction = connection.begin().await?;
    let mut locking = Scope::<O>::every().with_keys([owner.key()]).select_only(Expr::val(1));
    locking.lock(LockType::NoKeyUpdate);
    let locked = statement::optional(&mut transaction, statement::built(&locking)).await;
    locked.map_err(|error| conflict(owner, error))?.ok_or_else(|| record::not_found::<O>(owner.key()))?;

    let current = owner.history().holding(Expr::col((O::Row::TABLE, "most_recent")));
    let current = current.first_row(&mut transaction).await?;
    let from: O::State = match current.as_ref().map(|row| O::to_state(row)) {
        None => O::State::machine().initial,
        // What the original reads as pending, too.
        Some(word) if word.trim().is_empty() => O::State::machine().initial,
        Some(word) => word.parse()?,
    };
    if from == to {
        return Ok(MovedIf::AlreadySo);
    }
    if allowed_from.is_some_and(|allowed| !allowed.contains(&from)) {
        return Ok(MovedIf::InAnotherState(from));
    }
    let guarded = O::State::machine().edge(from, to).is_some_and(|edge| edge.guard.is_some());
    let looked_at = if guarded { owner.looked_at(&mut transaction).await? } else { Vec::new() };
    match O::judged(from, to, looked_at) {
        Ok(Granted::Move(_edge)) => {}
        Ok(Granted::AlreadySo) => return Ok(MovedIf::AlreadySo),
        Err(refusal) => return Err(owner.refused(refusal)),
    }

    let mut last = owner.history().select_only(Expr::col((O::Row::TABLE, "sort_key")));
    last.order_by((O::Row::TABLE, "sort_key"), sea_query::Order::Desc).limit(1);
    let last = statement::optional(&mut transaction, statement::built(&last)).await?;
    let after: Option<i32> = last.map(|row| sqlx::Row::try_get(&row, 0)).transpose()?;
    let row = sqlx::query(include_str!("../../../sql/models/instant_of_task.sql"))
        .bind(owner.task_id())
        .fetch_one(&mut *transaction)
        .await?;
    let at = <NaiveDateTime as Field>::read(&row, "at")?;
    let (row, stamps) = owner.successor(to, after, from.word(), metadata, at);
    let mut errors = ValidationErrors::default();
    row.check(&mut errors);
    if !errors.is_empty() {
        return Err(ModelError::Invalid(errors));
    }
    if let Some(current) = &current {
        let mut step_back = Query::update();
        step_back.table(("public", O::Row::TABLE)).value("most_recent", false).value("updated_at", Expr::val(at));
        step_back.and_where(Expr::col("id").eq(current.key())).and_where(Expr::col("most_recent"));
        let done = statement::execute(&mut transaction, statement::built(&step_back)).await;
        if done.map_err(|error| conflict(owner, error))?.rows_affected() == 0 {
            return Err(ModelError::TransitionConflict { model: O::MODEL, key: owner.key() });
        }
    }
    let stored = record::insert(&mut transaction, &row, &stamps).await.map_err(|error| conflict(owner, error))?;
    transaction.commit().await?;
    Ok(MovedIf::Done(stored))
}

/// A unique index of the history refused the row, or the transaction is one that may not see what a rival committed.
fn conflict<O: Model>(owner: &O, error: sqlx::Error) -> ModelError {
    let Some(database) = error.as_database_error() else { return error.into() };
    if database.is_unique_violation() || database.code().is_some_and(|code| code == "40001") {
        return ModelError::TransitionConflict { model: O::MODEL, key: owner.key() };
    }
    error.into()
}

macro_rules! moves {
    ($model:ident, $state:ident, $row:ident) => {
        impl $model {
            /// Moves it to a state: the newest row of its history steps back and another one is
            /// written, with the state before it, the next sort key and this metadata, an object. The instant is the
            /// database's, never below that of a row of the same task.
            ///
            /// Only the history changes, as in Rails: columns that go together with a state (`complete`, `processed`,
            /// `attempts`, …) are the caller's, in a transaction of its own, and no event is published.
            ///
            /// # Errors
            /// [`ModelError::TaskMoveRefused`] or [`ModelError::StepMoveRefused`] for a move that the machine does not have,
            /// with the legal ones, or whose guard does not hold; [`ModelError::TransitionConflict`] where somebody else moved it at the same time;
            /// [`ModelError::NotFound`] for one that was deleted; [`ModelError::Invalid`] for metadata that is no object;
            /// [`ModelError::UnknownState`] where a state cannot be read, so that no guard is passed by mistake; what the
            /// database says. Nothing is written then.
            pub async fn transition_to<'c>(
                &self,
                state: $state,
                metadata: impl Into<JsonText>,
                session: impl Into<Session<'c>>,
            ) -> Result<Moved<$row>, ModelError> {
                match moved(self, state, None, metadata.into(), session.into()).await? {
                    MovedIf::Done(row) => Ok(Moved::Done(row)),
                    MovedIf::AlreadySo | MovedIf::InAnotherState(_) => Ok(Moved::AlreadySo),
                }
            }

            /// The same, told as the original's idempotent helper does: whether it was moved. `false` says that it was in
            /// that state already, that the machine does not have the move, or that its guard does not hold.
            ///
            /// # Errors
            #[doc = concat!("Everything else that [`", stringify!($model), "::transition_to`] says, conflicts included.")]
            pub async fn safe_transition_to<'c>(
                &self,
                state: $state,
                metadata: impl Into<JsonText>,
                session: impl Into<Session<'c>>,
            ) -> Result<bool, ModelError> {
                match self.transition_to(state, metadata, session).await {
                    Ok(Moved::Done(_)) => Ok(true),
                    Ok(Moved::AlreadySo)
                    | Err(ModelError::TaskMoveRefused { .. } | ModelError::StepMoveRefused { .. }) => Ok(false),
                    Err(error) => Err(error),
                }
            }

            /// Moves it to a state if it is in one of these.
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($model), "::transition_to`].")]
            pub async fn transition_to_from<'c>(
                &self,
                state: $state,
                allowed_from: &[$state],
                metadata: impl Into<JsonText>,
                session: impl Into<Session<'c>>,
            ) -> Result<MovedIf<$row, $state>, ModelError> {
                moved(self, state, Some(allowed_from), metadata.into(), session.into()).await
            }

            /// Whether it is in one of these states.
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($model), "::state`].")]
            pub async fn is_in_any_state<'c>(
                &self,
                states: &[$state],
                session: impl Into<Session<'c>>,
            ) -> Result<bool, ModelError> {
                Ok(states.contains(&self.state(session).await?))
            }
        }
    };
}

moves!(Task, TaskState, TaskTransition);
moves!(WorkflowStep, StepState, WorkflowStepTransition);

/// No metadata.
impl From<()> for JsonText {
    fn from((): ()) -> Self {
        Self::from(Json::empty_object())
    }
}
