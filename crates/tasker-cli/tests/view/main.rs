//! What `tasker run` shows: snapshots of the screen, of plain lines, of the result block and of the JSON document.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod document;
mod hostile;
mod live;
mod model;
mod plain;
mod report;
mod runs;
mod screen;
mod settings;
