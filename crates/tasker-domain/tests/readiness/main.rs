//! Readiness of snapshots: kept up to date or whole, in our engine's semantics, at the limits, and as JSON.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod incremental;
mod limits;
mod stored;
mod support;
mod tasker;
