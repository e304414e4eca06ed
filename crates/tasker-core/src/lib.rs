//! The engine of Tasker: users supply step handlers, this crate carries tasks to their end.

pub mod clock;
mod code;
pub mod database;
mod enter;
pub mod entropy;
pub mod error;
pub mod handle_task;
pub mod ops;
pub mod orchestration;
pub mod registry;
pub mod step_handler;
pub mod submit;
pub mod tasker;
pub mod work;

pub use database::Database;
pub use error::RunError;
pub use handle_task::{Because, Handled};
pub use orchestration::{Observer, Progress};
pub use registry::Handlers;
pub use step_handler::{Output, StepContext, StepError, StepHandler, handler_fn};
pub use submit::Request;
pub use tasker::{Ending, Run, TaskReport, Tasker, checked_context};
pub use tasker_domain as domain;
pub use tasker_postgres as postgres;
pub use tasker_postgres::models;
pub use work::{Inbox, Work, WorkReport};
