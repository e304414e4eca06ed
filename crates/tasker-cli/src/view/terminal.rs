//! The terminals that the streams are connected to.

use std::io::{self, Write};

use super::frame::Size;

/// A terminal to draw in.
pub trait Terminal {
    /// Its size now.
    fn size(&self) -> Size;

    /// Writes text and escape codes, all of it, at once.
    ///
    /// # Errors
    /// What the system says.
    fn write(&mut self, text: &str) -> io::Result<()>;
}

/// The terminal that stderr is connected to.
#[derive(Debug)]
pub struct StderrTerminal {
    terminal: console::Term,
}

impl StderrTerminal {
    /// The terminal behind stderr.
    pub fn new() -> Self {
        Self { terminal: console::Term::stderr() }
    }
}

impl Default for StderrTerminal {
    fn default() -> Self {
        Self::new()
    }
}

impl Terminal for StderrTerminal {
    fn size(&self) -> Size {
        match self.terminal.size_checked() {
            Some((rows, columns)) if rows > 0 && columns > 0 => {
                Size { columns: usize::from(columns), rows: usize::from(rows) }
            }
            _ => Size::DEFAULT,
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let mut stderr = io::stderr().lock();
        stderr.write_all(text.as_bytes())?;
        stderr.flush()
    }
}

/// The columns of the terminal that stdout is connected to; nothing where it is none.
pub fn stdout_columns() -> Option<usize> {
    let (_, columns) = console::Term::stdout().size_checked()?;
    Some(usize::from(columns)).filter(|columns| *columns > 0)
}

/// The columns of the terminal that stderr is connected to; 100 where it is none.
pub fn stderr_columns() -> usize {
    let size = console::Term::stderr().size_checked();
    size.map(|(_, columns)| usize::from(columns)).filter(|columns| *columns > 0).unwrap_or(100)
}
