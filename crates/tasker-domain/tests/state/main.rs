//! The machines of tasks and steps: every pair of states, the recorded runs, the operations, and the page about them.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod guards;
mod journeys;
mod page;
mod pairs;
mod words;
mod world;
