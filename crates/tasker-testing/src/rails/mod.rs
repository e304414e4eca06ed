//! Databases as the Rails engine leaves them: its schema, made from the catalogue and not from the files that this
//! program makes its own from, and the rows of recorded runs of it.

mod catalogue;
mod recordings;

pub use catalogue::{FunctionMigration, make_schema};
pub use recordings::{Recording, StepRow, TransitionRow, recordings, write};
