//! What a person sees of `tasker run`, and what a program gets.
//!
//! The engine's side feeds [`Change`]s and the time since the run began into [`Progress`]; the views here have no clock
//! and know nothing of the engine.
//!
//! # Which stream carries what
//!
//! | mode | stderr | stdout |
//! |---|---|---|
//! | live: stderr is a terminal | the list of the steps, redrawn in place; at the end the complete list stays | the result block |
//! | plain: it is not, or cannot move its cursor | one line for each change | the result block |
//! | json: `--json` | nothing of ours while all goes well | one document and a line break |
//!
//! So `tasker run … | tee result` still shows the list, `2> log` keeps the answer on the screen, and a terminal that
//! shows both streams has everything once, in order. The result block is short: what became of the task, which steps
//! hold it and why, and the commands to go on with.
//!
//! # Colour and characters
//!
//! Colour is never the only carrier: each state has a mark and, where there is room, words. `NO_COLOR` takes the colour
//! away, `CLICOLOR_FORCE` brings it even into a pipe, `TERM=dumb` means plain lines ([`Look::choose`],
//! [`Mode::choose`]). Where the locale is not UTF-8, everything is written in ASCII ([`Charset::choose`]).
//!
//! Names and messages are other people's text: before they are shown they lose escape sequences, control characters and
//! marks that turn the direction of writing, and are cut by the columns they take.

mod document;
mod frame;
mod kind;
mod levels;
mod line;
mod live;
mod model;
mod plain;
mod progress;
mod report;
mod rows;
mod settings;
mod terminal;
pub(crate) mod text;
pub(crate) mod wording;

pub use document::{RunReport, StepReport, TaskReport};
pub(crate) use document::{seconds, write_document};
pub use frame::{Size, final_picture, moving_picture};
pub(crate) use kind::{FAINT, Kind};
pub use line::Line;
pub use live::{LiveList, REDRAW_INTERVAL};
pub use model::{Change, ModelError, Phase, RunModel, Step, StepSpec, StepState, StopReason, TaskEnd};
pub use plain::PlainLines;
pub use progress::{Progress, ProgressError};
pub use report::{NextStep, next_steps_block, result_block, results_block};
pub use settings::{Charset, Environment, Look, Mode};
pub use terminal::{StderrTerminal, Terminal, stderr_columns, stdout_columns};
pub(crate) use wording::span;
