//! What the tests of Tasker and of its users need: a database for each test, also as Rails leaves
//! it, and a clock that is moved.

pub mod clock;
pub mod database;
pub mod factories;
pub mod invariants;
#[cfg(unix)]
pub mod proxy;
pub mod queue_conformance;
pub mod rails;
pub mod shapes;

pub use clock::ManualClock;
pub use database::TestDatabase;
pub use factories::Factory;
pub use shapes::WorkflowShape;
