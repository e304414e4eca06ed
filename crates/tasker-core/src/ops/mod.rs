//! What people ask and do about tasks at work: why something does not go on, which tasks fit a filter, what stood where at
//! an instant. Everything takes a [`Ledger`](tasker_postgres::ledger::Ledger) and needs neither handlers nor a worker; what
//! is done by hand is done by the ledger itself ([`change_tasks`](tasker_postgres::ledger::Ledger::change_tasks) and
//! [`change_step`](tasker_postgres::ledger::Ledger::change_step)).

mod past;
mod rewind;
mod select;
mod step_name;
mod why;

pub use past::{StateAt, state_at};
pub use rewind::{Rewind, rewind};
pub use select::{Filter, FilterProblem, Selected, select};
pub use step_name::{StepName, StepNotFound, find_step};
pub use why::{Group, StepWhy, Why, why};
