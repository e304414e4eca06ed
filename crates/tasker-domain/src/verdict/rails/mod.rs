//! What the original decides about a task at the end of a pass, and when it looks again.
//!
//! This engine does not decide so (see [`super::after_step`]); it is here for reports about tasks that Rails runs, and to hold
//! the two against each other.

mod delay;
mod finalizer;

pub use delay::ReenqueueDelays;
pub use finalizer::{Act, Finalization, Mode, Situation, finalize};
