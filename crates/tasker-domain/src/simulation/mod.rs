//! Runs of a template under a virtual clock, without a database.
//!
//! The decisions are those that the engine carries out: [`crate::verdict`] judges each failed attempt, [`crate::retry`]
//! says how long it waits. What is simulated is what the exchange does with them: who stands in line, what is unlocked,
//! when a task is parked and when it ends. Time is a number that jumps to the next instant at which something happens,
//! so three days of retries take no longer than three retries.
//!
//! What the engine does in one exchange happens here in one *round*: everything that ends or is due at an instant is
//! taken in together, then whatever may begin begins. An attempt that takes no time ends in the next round of the same
//! instant.
//!
//! ```
//! use tasker_domain::script::OutcomeScript;
//! # let text = "name: n\ntask_handler_class: T\njitter: false\nstep_templates: [{name: a, handler_class: H}]";
//! # let template = tasker_domain::template::parse(&tasker_domain::template::Source::new("t", text), None).unwrap().template;
//! use tasker_domain::json::Json;
//! use tasker_domain::simulation::{simulate, Attempt, Attempts, CutShort, Failed, Settings};
//!
//! /// Every step fails once.
//! struct OnceFailing;
//!
//! impl Attempts for OnceFailing {
//!     fn attempt(&mut self, _place: usize, number: u32) -> Attempt {
//!         if number == 1 { Attempt::failing(Failed::may_pass("not today")) } else { Attempt::succeeding(Json::empty_object()) }
//!     }
//!     fn cut_short(&mut self, _place: usize, _number: u32, cause: CutShort) -> Failed {
//!         Failed::may_pass(&cause.to_string())
//!     }
//! }
//!
//! let simulation = simulate(&template, &mut OnceFailing, Settings::default())?;
//! assert_eq!(simulation.ended_at().as_secs(), 2);
//! # Ok::<(), tasker_domain::simulation::SimulationError>(())
//! ```

mod chance;
mod durations;
mod outcome;
mod rounds;

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::graph::GraphError;
use crate::json::Json;
use crate::retry::AskedWait;
use crate::template::Template;
use crate::verdict::Failure;

pub use durations::Durations;
pub use outcome::{Event, EventKind, Execution, ExecutionEnd, Move, SimulatedStep, Simulation, Transition};

/// Says how the attempts of a simulated run go.
pub trait Attempts {
    /// How attempt `number` (from 1) of the step at this place of the template goes if nothing ends it early.
    ///
    /// Asked once for each attempt, when it begins.
    fn attempt(&mut self, place: usize, number: u32) -> Attempt;

    /// How the same attempt fails when it is ended early.
    fn cut_short(&mut self, place: usize, number: u32, cause: CutShort) -> Failed;
}

/// How an attempt goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// How long it takes.
    pub takes: Duration,
    /// How it ends.
    pub ending: Ending,
}

/// How an attempt ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Well, with these results.
    Succeeds(Json),
    /// It fails.
    Fails(Failed),
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Whether another attempt may help.
    pub failure: Failure,
    /// What wait it asks for.
    pub asked: AskedWait,
    /// The keys that are merged into the step's results; `error` among them is the message.
    pub error: IndexMap<String, Json>,
}

/// Why an attempt ends before it would by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutShort {
    /// It takes longer than the step's `timeout_seconds`.
    TimeLimit(Duration),
    /// Another step died and the template says `fail_fast` (R-15).
    ToldToStop,
}

/// What a simulation depends on beside the template and its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settings {
    /// How many steps may run at the same time; nothing for any number.
    pub workers: Option<NonZeroUsize>,
    /// Where the chance in waits comes from (R-12): the same seed gives the same waits, whatever else differs. Steps whose
    /// `jitter` is off wait without chance.
    pub seed: u64,
}

/// A template that cannot be simulated. One that was parsed always can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// Its steps form no graph.
    #[error("the template's steps cannot be put in order: {0}")]
    NoOrder(#[from] GraphError),
    /// It has no steps (R-19).
    #[error("the template has no steps: nothing would happen")]
    NoSteps,
}

impl Attempt {
    /// An attempt that succeeds with these results and takes no time.
    pub fn succeeding(results: Json) -> Self {
        Attempt { takes: Duration::ZERO, ending: Ending::Succeeds(results) }
    }

    /// An attempt that fails and takes no time.
    pub fn failing(failed: Failed) -> Self {
        Attempt { takes: Duration::ZERO, ending: Ending::Fails(failed) }
    }

    /// The same attempt with the time that it takes.
    #[must_use]
    pub fn taking(self, takes: Duration) -> Self {
        Attempt { takes, ..self }
    }
}

impl Failed {
    /// An ordinary failure that asks for no wait of its own.
    pub fn may_pass(message: &str) -> Self {
        let error = IndexMap::from([("error".to_owned(), Json::String(message.to_owned()))]);
        Failed { failure: Failure::MayPass, asked: AskedWait::Nothing, error }
    }

    /// A failure after which no attempt can help.
    pub fn permanent(message: &str) -> Self {
        Failed { failure: Failure::Permanent, ..Self::may_pass(message) }
    }

    /// The same failure with the wait that it asks for.
    #[must_use]
    pub fn asking(self, asked: AskedWait) -> Self {
        Failed { asked, ..self }
    }

    /// The message: the text under `error`; empty where there is none.
    pub fn message(&self) -> &str {
        self.error.get("error").and_then(Json::as_str).unwrap_or_default()
    }
}

impl fmt::Display for CutShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CutShort::TimeLimit(limit) => {
                write!(f, "the attempt took longer than its time limit of {} s", limit.as_secs_f64())
            }
            CutShort::ToldToStop => f.write_str("the attempt was told to stop"),
        }
    }
}

/// Runs a template under a virtual clock from its first claim to the end of the task.
///
/// Linear in steps, edges and attempts, but for the logarithm of a heap.
///
/// # Errors
/// A template that was not made by parsing and has no steps, or none that can be put in order.
pub fn simulate(
    template: &Template,
    attempts: &mut dyn Attempts,
    settings: Settings,
) -> Result<Simulation, SimulationError> {
    Ok(rounds::Rounds::new(template, attempts, settings)?.run())
}
