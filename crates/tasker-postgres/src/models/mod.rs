//! The rows of the original's tables, with their rules, what belongs to them, and queries that combine.
//!
//! Each model is a struct with the columns of its table. `Model::scope()` begins a query that is narrowed down step by
//! step and runs when it is asked for something (see [`scope`]); `find`, `create`, `update`, `delete` and, where the
//! original has it, `find_or_create` read and write rows. Constants in capitals name a model's columns
//! (`Task::CREATED_AT`) and what belongs to it (`Task::WORKFLOW_STEPS`), which is loaded for many rows in one statement.
//! Every operation takes a [`Session`]: a pool, a connection or an open transaction.
//!
//! ```no_run
//! use tasker_domain::state::TaskState;
//! use tasker_postgres::PgPool;
//! use tasker_postgres::models::{ModelError, Task};
//!
//! async fn newest_failures(pool: &PgPool) -> Result<Vec<Task>, ModelError> {
//!     Task::scope()
//!         .in_namespace("payments")
//!         .by_current_state(TaskState::Error)
//!         .order(Task::CREATED_AT.desc())
//!         .page(1, 20)
//!         .fetch(pool)
//!         .await
//! }
//! ```
//!
//! All tables are named with their schema and all instants are UTC, whatever the session's `search_path` and time zone.
//! These models write rows as they are told and nothing else: they claim no step, publish no event and leave the side
//! tables of the engine alone, as a Rails application on the same database does. Only a task that is deleted leaves them,
//! too.

pub mod annotation_type;
pub mod association;
pub mod column;
pub mod dependent_system;
pub mod dependent_system_object_map;
mod error;
pub mod function_row;
mod json_text;
mod model;
pub mod named_step;
pub mod named_task;
pub mod named_tasks_named_step;
mod record;
pub mod scope;
mod session;
mod statement;
pub mod step_dag_relationship;
pub mod step_readiness_status;
pub mod task;
pub mod task_annotation;
pub mod task_diagram;
pub mod task_namespace;
pub mod transition;
pub mod validation;
pub mod workflow_step;
pub mod workflow_step_edge;

pub use tasker_domain::identity::{Identity, IdentityStrategy};

pub use crate::functions::TaskExecutionContext;
pub use annotation_type::{AnnotationType, NewAnnotationType};
pub use association::{BelongsTo, HasMany};
pub use column::{AnyColumn, Column};
pub use dependent_system::{DependentSystem, NewDependentSystem};
pub use dependent_system_object_map::{DependentSystemObjectMap, NewDependentSystemObjectMap};
pub use error::ModelError;
pub use function_row::{OfStep, OfTask};
pub use json_text::JsonText;
pub use model::Model;
pub use named_step::{NamedStep, NewNamedStep};
pub use named_task::{NamedTask, NewNamedTask};
pub use named_tasks_named_step::{NamedTasksNamedStep, NewNamedTasksNamedStep, StepDefaults};
pub use scope::{Condition, Cursor, KeysetPage, OrderBy, Scope};
pub use session::{Databases, Session};
pub use step_dag_relationship::StepDagRelationship;
pub use step_readiness_status::StepReadinessStatus;
pub use task::{AssociatedStep, AssociatedTask, NewTask, Task, TaskRequest};
pub use task_annotation::{NewTaskAnnotation, TaskAnnotation};
pub use task_diagram::TaskDiagram;
pub use task_namespace::{NewTaskNamespace, TaskNamespace};
pub use transition::{
    Backoff, Moved, MovedIf, NewTaskTransition, NewWorkflowStepTransition, StepTransitionStatistics, TaskTransition,
    TransitionStatistics, WorkflowStepTransition,
};
pub use validation::{FieldError, Problem, ValidationErrors};
pub use workflow_step::{CompletionStats, NewWorkflowStep, WorkflowStep};
pub use workflow_step_edge::{NewWorkflowStepEdge, WorkflowStepEdge};
