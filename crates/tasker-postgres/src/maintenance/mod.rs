//! Looking after a database that others may use as well: rebuilding the side tables, changing the shape, rights, what
//! stands there, Rails' bookkeeping, and leaving again.

mod error;
mod grant;
mod leave;
mod rails;
mod reindex;
mod reshape;
mod status;

pub use error::MaintenanceError;
pub use grant::{Access, Grants, grant, plan_grants};
pub use leave::{Left, LiveClaim, leave, plan_leave};
pub use rails::{RailsVersions, rails_lock_key, rails_versions};
pub use reindex::{Reindex, ReindexProgress, Reindexed, reindex, tasks_of_others};
pub use reshape::{IndexAction, IndexChange, ReshapePlan, ReshapeProgress, Reshaped, plan_reshape, reshape};
pub use status::{
    OldestTask, Server, Status, Steps, TableStatus, Tasks, TasksInState, WorkerStatus, status, status_counting,
};
