//! Whole workflows: those of this folder and the real ones.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]
// A test binary has no interface; `pub` here says what a module offers to its siblings.
#![allow(unreachable_pub)]

mod commands;
mod expected;
mod harness;
mod own;
mod real;
