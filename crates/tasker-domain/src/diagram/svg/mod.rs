//! Pictures as SVG.

pub(crate) mod canvas;
pub(crate) mod graph;
