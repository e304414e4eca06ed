//! Templates: YAML text in, a checked [`Template`] or every problem with its place out.

mod model;

pub use model::{InvalidVersion, Seconds, StepTemplate, Template, Version};
