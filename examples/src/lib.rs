//! Workflows of our own writing and their handlers, as a user of the library would write them.
//!
//! Each folder beside this crate's `src` holds a definition (YAML), contexts to run it with, and for those with
//! handlers in Rust an `expected.json` that says what must come of every context. `order` and `nightly_report` need no
//! Rust: their steps are small shell scripts.

pub mod bound;
pub mod checkout;
pub mod decimal;
pub mod refund;
pub mod registration;
pub mod services;
pub mod stock;
