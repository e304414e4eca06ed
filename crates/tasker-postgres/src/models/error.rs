//! What can go wrong with a row.

use tasker_domain::state::{Refusal, StepState, TaskState};

use super::validation::ValidationErrors;
use crate::outage::is_outage;

/// An error of a model or a scope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The row breaks rules of its model; nothing was written. Every broken rule is listed. A rule about other rows
    /// (uniqueness, a parent that must exist) is listed here also when a rival made it untrue between check and write.
    #[error("{0}")]
    Invalid(ValidationErrors),
    /// There is no such row.
    #[error("there is no {model} {key}: it was deleted, or the key belongs to another table")]
    NotFound {
        /// Name of the model.
        model: &'static str,
        /// What was looked for.
        key: String,
    },
    /// A unique index refused the row and no validation speaks of that index: a rival wrote the same at the same time.
    #[error(
        "a {model} like this was written by somebody else at the same time (unique index `{index}`): read it again"
    )]
    NotUnique {
        /// Name of the model.
        model: &'static str,
        /// Name of the index.
        index: String,
    },
    /// Rows of another table still refer to the row; nothing was deleted.
    #[error("the {model} {key} cannot be deleted while rows of `{held_by}` refer to it: delete those first")]
    RestrictedDelete {
        /// Name of the model.
        model: &'static str,
        /// Its primary key.
        key: i64,
        /// The table whose rows refer to it.
        held_by: String,
    },
    /// The edge would close a cycle; nothing was written.
    #[error("Validation failed: Adding this edge would create a cycle in the workflow")]
    Cycle {
        /// Where the edge was to begin.
        from_step_id: i64,
        /// Where it was to end.
        to_step_id: i64,
    },
    /// The machine of tasks does not have the move, or its guard does not hold; nothing was written.
    #[error("task {task_id}: {refusal}")]
    TaskMoveRefused {
        /// The task.
        task_id: i64,
        /// Why.
        refusal: Refusal<TaskState>,
    },
    /// The machine of steps does not have the move, or its guard does not hold; nothing was written.
    #[error("step {workflow_step_id}: {refusal}")]
    StepMoveRefused {
        /// The step.
        workflow_step_id: i64,
        /// Why.
        refusal: Refusal<StepState>,
    },
    /// Somebody else moved it at the same time; nothing was written.
    #[error("the {model} {key} was moved by somebody else at the same time: read its state and decide again")]
    TransitionConflict {
        /// Name of the model.
        model: &'static str,
        /// Its primary key.
        key: i64,
    },
    /// The history holds a word that is no state.
    #[error("{0}")]
    UnknownState(#[from] tasker_domain::state::UnknownState),
    /// Strategy and key of a request do not fit.
    #[error("{0}")]
    Identity(#[from] tasker_domain::identity::IdentityError),
    /// A function or the view of the shared schema gave no answer.
    #[error("{0}")]
    Function(#[from] crate::functions::FunctionError),
    /// A cursor of another order than the scope's, or a text that is none. Ask for the first page again.
    #[error("the cursor does not fit the order of this scope ({0}): ask for the first page again")]
    Cursor(String),
    /// The database cannot be reached or the connection was lost.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The role lacks a right, or the session may only read.
    #[error("the database does not allow it ({0}): let the owner of the database grant the right")]
    Forbidden(#[source] sqlx::Error),
    /// The database refused a value (SQLSTATE class 22).
    #[error("the database refused a value: {0}")]
    InvalidValue(#[source] sqlx::Error),
    /// A column holds what its type does not allow for, or is not there.
    #[error("a row cannot be read ({0}): run `tasker db check` to compare the schema")]
    Unreadable(#[source] sqlx::Error),
    /// Anything else the database said.
    #[error("the database refused: {0}")]
    Database(#[source] sqlx::Error),
}

impl ModelError {
    /// The broken rules, if that is what went wrong.
    #[must_use]
    pub fn validation_errors(&self) -> Option<&ValidationErrors> {
        match self {
            Self::Invalid(errors) => Some(errors),
            _ => None,
        }
    }

    /// SQLSTATE of the database's answer, if it is behind the error.
    #[must_use]
    pub fn sqlstate(&self) -> Option<String> {
        let (Self::Unavailable(error)
        | Self::Forbidden(error)
        | Self::InvalidValue(error)
        | Self::Unreadable(error)
        | Self::Database(error)) = self
        else {
            return None;
        };
        error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
    }
}

impl From<sqlx::Error> for ModelError {
    fn from(error: sqlx::Error) -> Self {
        if is_outage(&error) {
            return Self::Unavailable(error);
        }
        if let sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) = &error {
            return Self::Unreadable(error);
        }
        let code = error.as_database_error().and_then(|database| database.code()).unwrap_or_default().into_owned();
        match code.as_str() {
            "42501" | "25006" => Self::Forbidden(error),
            code if code.starts_with("22") => Self::InvalidValue(error),
            _ => Self::Database(error),
        }
    }
}
