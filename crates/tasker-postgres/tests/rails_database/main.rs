//! A database that Rails made and filled: recognising it, adopting it, and living in it under settings of others.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod adopting;
mod rebuilding;
mod sessions;
mod support;
