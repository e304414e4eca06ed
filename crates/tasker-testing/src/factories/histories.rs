//! Histories of tasks and steps.

use chrono::NaiveDateTime;
use serde_json::{Value, json};
use tasker_postgres::factories::{TaskTransitionRow, WorkflowStepTransitionRow};

use super::{Factory, StepMove, Stored, TaskMove};

/// A line in a task's history: into `pending`, sort key 0, the newest one, unless told otherwise.
#[derive(Debug)]
pub struct TaskTransitionBuilder<'f> {
    factory: &'f Factory,
    task_id: Option<i64>,
    line: Line,
}

/// A line in a step's history: as [`TaskTransitionBuilder`].
#[derive(Debug)]
pub struct StepTransitionBuilder<'f> {
    factory: &'f Factory,
    workflow_step_id: Option<i64>,
    line: Line,
}

/// What the lines of both kinds have.
#[derive(Debug, Clone)]
pub(super) struct Line {
    to_state: &'static str,
    from_state: Option<&'static str>,
    metadata: Value,
    sort_key: i32,
    most_recent: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self { to_state: "pending", from_state: None, metadata: json!({}), sort_key: 0, most_recent: true }
    }
}

/// The lines of a history of these moves: each at its own place, or behind the one before it where that place has been
/// passed; only the last is the newest.
fn lines(moves: impl ExactSizeIterator<Item = (&'static str, i32, Value)>) -> Vec<Line> {
    let number = moves.len();
    let mut lines: Vec<Line> = Vec::with_capacity(number);
    for (place, (to_state, own_key, metadata)) in moves.enumerate() {
        let before = lines.last();
        lines.push(Line {
            to_state,
            from_state: before.map(|line| line.to_state),
            metadata,
            sort_key: before.map_or(own_key, |line| own_key.max(line.sort_key + 1)),
            most_recent: place + 1 == number,
        });
    }
    lines
}

/// Rows of a task's history. The last line is of the instant `ended`, the others of `begun`.
pub(super) fn task_rows(
    task_id: i64,
    moves: &[TaskMove],
    begun: NaiveDateTime,
    ended: NaiveDateTime,
) -> Vec<TaskTransitionRow> {
    let lines = lines(moves.iter().map(|change| (change.to_state(), change.sort_key(), change.metadata())));
    lines.into_iter().map(|line| line.of_task(task_id, begun, ended)).collect()
}

/// Rows of a step's history, as [`task_rows`].
pub(super) fn step_rows(
    workflow_step_id: i64,
    moves: &[StepMove],
    begun: NaiveDateTime,
    ended: NaiveDateTime,
) -> Vec<WorkflowStepTransitionRow> {
    let lines = lines(moves.iter().map(|change| (change.to_state(), change.sort_key(), change.metadata())));
    lines.into_iter().map(|line| line.of_step(workflow_step_id, begun, ended)).collect()
}

impl Line {
    fn instant(&self, begun: NaiveDateTime, ended: NaiveDateTime) -> NaiveDateTime {
        if self.most_recent { ended } else { begun }
    }

    fn of_task(self, task_id: i64, begun: NaiveDateTime, ended: NaiveDateTime) -> TaskTransitionRow {
        let at = self.instant(begun, ended);
        TaskTransitionRow {
            to_state: self.to_state.to_owned(),
            from_state: self.from_state.map(str::to_owned),
            metadata: self.metadata,
            sort_key: self.sort_key,
            most_recent: self.most_recent,
            task_id,
            created_at: at,
            updated_at: at,
        }
    }

    fn of_step(self, workflow_step_id: i64, begun: NaiveDateTime, ended: NaiveDateTime) -> WorkflowStepTransitionRow {
        let at = self.instant(begun, ended);
        WorkflowStepTransitionRow {
            to_state: self.to_state.to_owned(),
            from_state: self.from_state.map(str::to_owned),
            metadata: self.metadata,
            sort_key: self.sort_key,
            most_recent: self.most_recent,
            workflow_step_id,
            created_at: at,
            updated_at: at,
        }
    }
}

impl Factory {
    /// A line in a task's history, of a new task unless told otherwise.
    pub fn task_transition(&self) -> TaskTransitionBuilder<'_> {
        TaskTransitionBuilder { factory: self, task_id: None, line: Line::default() }
    }

    /// A line in a step's history, of a new step unless told otherwise.
    pub fn workflow_step_transition(&self) -> StepTransitionBuilder<'_> {
        StepTransitionBuilder { factory: self, workflow_step_id: None, line: Line::default() }
    }

    /// Writes the whole history of a task that has none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn task_history(
        &self,
        task_id: i64,
        moves: &[TaskMove],
    ) -> Result<Vec<Stored<TaskTransitionRow>>, sqlx::Error> {
        self.insert_all(task_rows(task_id, moves, self.now, self.now)).await
    }

    /// Writes the whole history of a step that has none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn step_history(
        &self,
        workflow_step_id: i64,
        moves: &[StepMove],
    ) -> Result<Vec<Stored<WorkflowStepTransitionRow>>, sqlx::Error> {
        self.insert_all(step_rows(workflow_step_id, moves, self.now, self.now)).await
    }
}

impl TaskTransitionBuilder<'_> {
    /// Of this task.
    #[must_use]
    pub fn of(mut self, task_id: i64) -> Self {
        self.task_id = Some(task_id);
        self
    }

    /// With state, sort key and metadata of this change.
    #[must_use]
    pub fn moved(mut self, change: TaskMove) -> Self {
        self.line.to_state = change.to_state();
        self.line.sort_key = change.sort_key();
        self.line.metadata = change.metadata();
        self
    }

    /// Out of this state.
    #[must_use]
    pub fn from(mut self, state: &'static str) -> Self {
        self.line.from_state = Some(state);
        self
    }

    /// At this place in the history.
    #[must_use]
    pub fn sort_key(mut self, sort_key: i32) -> Self {
        self.line.sort_key = sort_key;
        self
    }

    /// Not the newest line.
    #[must_use]
    pub fn superseded(mut self) -> Self {
        self.line.most_recent = false;
        self
    }

    /// Writes it, and its task where none was given.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<TaskTransitionRow>, sqlx::Error> {
        let task_id = match self.task_id {
            Some(id) => id,
            None => self.factory.task().create().await?.id,
        };
        self.factory.insert(self.line.of_task(task_id, self.factory.now, self.factory.now)).await
    }
}

impl StepTransitionBuilder<'_> {
    /// Of this step.
    #[must_use]
    pub fn of(mut self, workflow_step_id: i64) -> Self {
        self.workflow_step_id = Some(workflow_step_id);
        self
    }

    /// With state, sort key and metadata of this change.
    #[must_use]
    pub fn moved(mut self, change: StepMove) -> Self {
        self.line.to_state = change.to_state();
        self.line.sort_key = change.sort_key();
        self.line.metadata = change.metadata();
        self
    }

    /// Out of this state.
    #[must_use]
    pub fn from(mut self, state: &'static str) -> Self {
        self.line.from_state = Some(state);
        self
    }

    /// At this place in the history.
    #[must_use]
    pub fn sort_key(mut self, sort_key: i32) -> Self {
        self.line.sort_key = sort_key;
        self
    }

    /// Not the newest line.
    #[must_use]
    pub fn superseded(mut self) -> Self {
        self.line.most_recent = false;
        self
    }

    /// Writes it, and its step where none was given.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<WorkflowStepTransitionRow>, sqlx::Error> {
        let step_id = match self.workflow_step_id {
            Some(id) => id,
            None => self.factory.workflow_step().create().await?.id,
        };
        self.factory.insert(self.line.of_step(step_id, self.factory.now, self.factory.now)).await
    }
}
