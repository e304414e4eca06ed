//! What is made from checked templates: their schema for editors, their stored and written forms, what two differ in.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod difference;
mod format;
mod hostile;
mod requests;
mod snapshots;
mod sources;
mod written;
