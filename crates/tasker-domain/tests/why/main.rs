//! Why a step does not go on: the judgement, its words, and the page that explains them.
#![allow(clippy::unwrap_used, missing_docs)]

mod judged;
mod page;
