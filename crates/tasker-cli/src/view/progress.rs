//! A run's progress: the model and the view that the mode asks for, fed with changes and ticks.

use std::io::{self, Write};
use std::time::Duration;

use thiserror::Error;

use super::live::{LiveList, REDRAW_INTERVAL};
use super::model::{Change, ModelError, RunModel};
use super::plain::PlainLines;
use super::settings::{Look, Mode};
use super::terminal::{StderrTerminal, Terminal};

/// Why progress could not be shown.
#[derive(Debug, Error)]
pub enum ProgressError {
    /// The change does not fit the model: a mistake of the program.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Stderr cannot be written to. The run itself can go on without a picture.
    #[error("progress cannot be written to stderr; redirect it to a file or use --json: {0}")]
    Output(#[from] io::Error),
}

/// Shows a run while it goes on.
///
/// Feed it every change, and [`Progress::tick`] every [`REDRAW_INTERVAL`] so that times move; close it with
/// [`Progress::finish`] before anything else is written to the terminal.
#[derive(Debug)]
pub struct Progress<T: Terminal = StderrTerminal, W: Write = io::Stderr> {
    model: RunModel,
    view: View<T, W>,
}

#[derive(Debug)]
enum View<T: Terminal, W: Write> {
    Live(LiveList<T>),
    Plain { lines: PlainLines, look: Look, stream: W },
    Nothing,
}

impl Progress {
    /// Progress on stderr; `look` is stderr's.
    pub fn new(model: RunModel, mode: Mode, look: Look) -> Self {
        Self::on(model, mode, look, StderrTerminal::new(), io::stderr())
    }
}

impl<T: Terminal, W: Write> Progress<T, W> {
    /// Progress on a terminal or stream of the caller's choice.
    pub fn on(model: RunModel, mode: Mode, look: Look, terminal: T, stream: W) -> Self {
        let view = match mode {
            Mode::Live => View::Live(LiveList::new(terminal, look)),
            Mode::Plain => View::Plain { lines: PlainLines::new(&model, look.charset), look, stream },
            Mode::Json => View::Nothing,
        };
        Self { model, view }
    }

    /// Applies a change and shows it. `now` is the time since the run began.
    ///
    /// # Errors
    /// [`ProgressError::Output`] leaves the model up to date: the caller may go on without a picture.
    pub fn apply(&mut self, change: &Change, now: Duration) -> Result<(), ProgressError> {
        self.model.apply(change)?;
        match (&mut self.view, change) {
            (View::Live(list), Change::Notice { .. }) => {
                let notice = PlainLines::new(&self.model, list.look().charset).line(&self.model, change);
                list.print_above(&[notice.render(list.look().colour)], &self.model, now)?;
            }
            (View::Live(list), _) => list.draw(&self.model, now)?,
            (View::Plain { lines, look, stream }, _) => {
                let mut text = lines.line(&self.model, change).render(look.colour);
                text.push('\n');
                // In one piece, so that lines of handlers that share stderr come between ours, not into them.
                stream.write_all(text.as_bytes())?;
            }
            (View::Nothing, _) => {}
        }
        Ok(())
    }

    /// Lets times move; does nothing where nothing moves.
    ///
    /// # Errors
    /// [`ProgressError::Output`].
    pub fn tick(&mut self, now: Duration) -> Result<(), ProgressError> {
        if let View::Live(list) = &mut self.view {
            list.draw(&self.model, now)?;
        }
        Ok(())
    }

    /// How long to wait before the next [`Progress::tick`]; nothing where ticks are of no use.
    pub fn tick_interval(&self) -> Option<Duration> {
        match self.view {
            View::Live(_) => Some(REDRAW_INTERVAL),
            View::Plain { .. } | View::Nothing => None,
        }
    }

    /// The model as it stands.
    pub fn model(&self) -> &RunModel {
        &self.model
    }

    /// Leaves the complete picture on the screen. Whatever comes after it is not shown any more.
    ///
    /// # Errors
    /// [`ProgressError::Output`].
    pub fn finish(&mut self, now: Duration) -> Result<(), ProgressError> {
        match std::mem::replace(&mut self.view, View::Nothing) {
            View::Live(mut list) => list.finish(&self.model, now)?,
            View::Plain { mut stream, .. } => stream.flush()?,
            View::Nothing => {}
        }
        Ok(())
    }
}
