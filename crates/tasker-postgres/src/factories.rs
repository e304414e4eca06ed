//! Rows for tests, written as they are given: no rule of the engine is heeded, and none of our side tables is filled.
//! Meant for the crate `tasker-testing`.

use chrono::NaiveDateTime;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgExecutor;
use tasker_domain::readiness::Snapshot;

/// A row that can be inserted.
pub trait FactoryRow: Serialize + Sync {
    /// The statement: takes a JSON array of rows, gives their ids.
    const INSERT: &'static str;
}

/// Inserts rows in one statement and gives their ids in the rows' order. Of the tables whose rows have a unique name, a
/// row that is there already is taken as it is; the rows of one call must then differ.
///
/// # Errors
/// What the database says.
pub async fn insert<R: FactoryRow>(executor: impl PgExecutor<'_>, rows: &[R]) -> Result<Vec<i64>, sqlx::Error> {
    let json = serde_json::to_value(rows).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query_scalar(R::INSERT).bind(json).fetch_all(executor).await
}

/// Writes the rows of a snapshot under the ids that it gives them, into a database where none of them is taken. Names of
/// steps go with their ids: one name for each id. What it knows of our side tables is not written.
///
/// # Errors
/// What the database says.
pub async fn insert_snapshot(executor: impl PgExecutor<'_>, snapshot: &Snapshot) -> Result<(), sqlx::Error> {
    let json = serde_json::to_value(snapshot).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(include_str!("../sql/factories/snapshot.sql")).bind(json).execute(executor).await?;
    Ok(())
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident, $file:literal, { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)+
                /// When the row was made, UTC.
                pub created_at: NaiveDateTime,
                /// When it was last changed, UTC.
                pub updated_at: NaiveDateTime,
            }

            impl FactoryRow for $name {
                const INSERT: &'static str = include_str!(concat!("../sql/factories/", $file, ".sql"));
            }
        )+
    };
}

rows! {
    /// A system that steps talk to.
    DependentSystemRow, "dependent_systems", {
        /// Its unique name.
        name: String,
        /// What it is.
        description: Option<String>,
    }

    /// A namespace of task types.
    TaskNamespaceRow, "task_namespaces", {
        /// Its unique name.
        name: String,
        /// What it is for.
        description: Option<String>,
    }

    /// A task type.
    NamedTaskRow, "named_tasks", {
        /// Its name; unique with namespace and version.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// Its namespace.
        task_namespace_id: i64,
        /// Its version.
        version: String,
        /// Its configuration.
        configuration: Option<Value>,
    }

    /// A step type.
    NamedStepRow, "named_steps", {
        /// The system it talks to.
        dependent_system_id: i32,
        /// Its name; unique within the system.
        name: String,
        /// What it is for.
        description: Option<String>,
    }

    /// A step type of a task type.
    NamedTasksNamedStepRow, "named_tasks_named_steps", {
        /// The task type.
        named_task_id: i32,
        /// The step type.
        named_step_id: i32,
        /// Whether it may be bypassed.
        skippable: bool,
        /// Whether it may be tried again.
        default_retryable: bool,
        /// Attempts in all.
        default_retry_limit: i32,
    }

    /// A kind of annotation.
    AnnotationTypeRow, "annotation_types", {
        /// Its unique name.
        name: String,
        /// What it is for.
        description: Option<String>,
    }

    /// A task.
    TaskRow, "tasks", {
        /// Its type.
        named_task_id: i32,
        /// Whether it has ended well.
        complete: bool,
        /// When it was asked for, UTC.
        requested_at: NaiveDateTime,
        /// Who asked for it.
        initiator: Option<String>,
        /// The system that asked for it.
        source_system: Option<String>,
        /// Why.
        reason: Option<String>,
        /// Steps to leave out.
        bypass_steps: Option<Value>,
        /// Words to find it by.
        tags: Option<Value>,
        /// What it is about.
        context: Option<Value>,
        /// What makes it the same as another; unique.
        identity_hash: String,
    }

    /// A step of a task.
    WorkflowStepRow, "workflow_steps", {
        /// Its task.
        task_id: i64,
        /// Its type.
        named_step_id: i32,
        /// Whether it may be tried again.
        retryable: bool,
        /// Attempts in all.
        retry_limit: Option<i32>,
        /// Whether somebody works on it.
        in_process: bool,
        /// Whether it has ended well.
        processed: bool,
        /// When it ended well, UTC.
        processed_at: Option<NaiveDateTime>,
        /// Attempts so far.
        attempts: Option<i32>,
        /// When the last one ended, UTC.
        last_attempted_at: Option<NaiveDateTime>,
        /// Wait that was asked for, in seconds.
        backoff_request_seconds: Option<i32>,
        /// What it works on.
        inputs: Option<Value>,
        /// What it left.
        results: Option<Value>,
        /// Whether it may be bypassed.
        skippable: bool,
    }

    /// An edge between two steps.
    WorkflowStepEdgeRow, "workflow_step_edges", {
        /// The step that provides.
        from_step_id: i64,
        /// The step that waits.
        to_step_id: i64,
        /// Kind of edge.
        name: String,
    }

    /// A line in a task's history.
    TaskTransitionRow, "task_transitions", {
        /// The state it went into.
        to_state: String,
        /// The state it was in.
        from_state: Option<String>,
        /// Why and by whom.
        metadata: Value,
        /// Place in the history.
        sort_key: i32,
        /// Whether it is the last line.
        most_recent: bool,
        /// The task.
        task_id: i64,
    }

    /// A line in a step's history.
    WorkflowStepTransitionRow, "workflow_step_transitions", {
        /// The state it went into.
        to_state: String,
        /// The state it was in.
        from_state: Option<String>,
        /// Why and by whom.
        metadata: Value,
        /// Place in the history.
        sort_key: i32,
        /// Whether it is the last line.
        most_recent: bool,
        /// The step.
        workflow_step_id: i64,
    }

    /// An annotation of a task.
    TaskAnnotationRow, "task_annotations", {
        /// The task.
        task_id: i64,
        /// Its kind.
        annotation_type_id: i32,
        /// What it says.
        annotation: Option<Value>,
    }

    /// Two identifiers of one thing in two systems.
    DependentSystemObjectMapRow, "dependent_system_object_maps", {
        /// The one system.
        dependent_system_one_id: i32,
        /// The other one.
        dependent_system_two_id: i32,
        /// The identifier in the one.
        remote_id_one: String,
        /// The identifier in the other.
        remote_id_two: String,
    }
}
