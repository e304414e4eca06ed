//! The parts of the command `tasker` that its tests reach.

pub mod view;
