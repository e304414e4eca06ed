//! Looking after a database that others may use as well: rebuilding the side tables, changing the shape, rights, what
//! stands there, and leaving again.

mod reindex;

pub use reindex::{Reindex, ReindexProgress, Reindexed, reindex, tasks_of_others};
