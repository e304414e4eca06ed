//! The typed functions: the recorded cases through them, and what they say in words.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

#[allow(dead_code, reason = "the raw replay uses all of it")]
#[path = "../sql_function_cases/call.rs"]
mod call;
mod context_words;
mod random_graphs;
mod readiness_words;
mod replay;
#[path = "../sql_function_cases/setup.rs"]
mod setup;
mod singles;
