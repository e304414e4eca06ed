//! The models and their scopes.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod definitions;
mod pages;
mod random_scopes;
mod sessions;
mod steps;
mod support;
mod tasks;
mod transitions;
