//! Pictures as SVG.

pub(crate) mod canvas;
