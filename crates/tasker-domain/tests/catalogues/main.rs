//! What is listed once and shown in several places: codes of errors, names of events.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod codes;
mod events;
mod pages;
