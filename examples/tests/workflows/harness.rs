//! Runs a definition with handlers and says what became of it.
//!
//! This is the one place that knows what carries the tasks out.
