//! What the tests of Tasker and of its users need.

pub mod database;
