//! The models and their scopes.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod databases;
mod definitions;
mod diagrams;
mod identity;
mod moves;
mod pages;
mod random_scopes;
mod readiness;
mod refused;
mod sessions;
mod steps;
mod support;
mod tasks;
mod transitions;
