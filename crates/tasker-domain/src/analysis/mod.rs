//! What a graph of steps says about itself: before a run ([`template`]), and while it runs ([`runtime`]).
//!
//! Both analysers are pure: the same data gives the same analysis, and nothing is kept between two calls. The runtime
//! analyser uses the original's formulas and weights; where they miss what they are after, a figure of ours stands
//! beside them and says so.

pub mod model;
pub mod runtime;
pub mod schedule;
pub mod template;
