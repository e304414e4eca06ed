//! Waits before the next attempt: the recorded cases of the original, ours, `Retry-After`, statuses of HTTP.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod cases;
mod retry_after;
mod settings;
mod waits;
