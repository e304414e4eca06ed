//! Pictures of graphs and of runs.
//!
//! Every picture is a text made from data alone, the same for the same data. Names may hold anything: each format
//! escapes them in its own way, and what would hide or turn the text around is spelled out.

pub mod gantt;
mod mark;
pub(crate) mod span;
mod svg;
mod text;

pub use gantt::Timeline;
pub use mark::Mark;
