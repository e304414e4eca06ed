//! The tables, indexes, functions and the view of the original in schema `public`: making them, recognising them, and
//! saying how a database differs from them.
//!
//! A database is judged by the objects in it, never by a record of migrations: another program may have made
//! them. What is expected stands in `reference/schema.*.csv`, row by row; what is made stands in `sql/public/`.
//!
//! - [`inspect()`] says what kind of database this is.
//! - [`compare()`] lists every difference from the original.
//! - [`bootstrap()`] makes what is missing, [`adopt`] adds only ours to what another program made.
//! - [`ensure()`] is what a program calls when it starts: it makes the schema where that may happen unasked.

mod bootstrap;
mod catalogue;
mod compare;
mod comparison;
mod engine;
mod ensure;
mod error;
mod files;
mod inspect;
mod origin;
mod reference;
mod shape;

pub(crate) use catalogue::begin_read_committed;
pub(crate) use engine::{check_engine, known_version as known_engine_version};
pub(crate) use files::function_names;

pub use bootstrap::{Bootstrapped, PublicObjects, adopt, bootstrap};
pub use compare::compare;
pub use comparison::{Comparison, Difference, Effect, ObjectKind, Problem};
pub use engine::EngineMigration;
pub use ensure::{Policy, ensure};
pub use error::SchemaError;
pub use files::fingerprint;
pub use inspect::{Inspection, default_shape, inspect};
pub use origin::{ReadinessFunctions, readiness_functions};
pub use shape::{IndexClass, IndexDefinition, Shape, indexes};
