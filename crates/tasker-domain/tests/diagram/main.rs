//! Pictures: kept ones drawn again, hostile names, the shape of what is written.
#![allow(clippy::unwrap_used, missing_docs)]

mod gantt;
mod graphs;
mod hostile;
mod kept;
mod layout;
