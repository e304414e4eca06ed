//! Lines on standard output and standard error, outside the view of a run.
//!
//! A reader that has closed its end of a pipe has seen enough: that is no error and nothing to panic about. What is
//! shown may be other people's text, so it cannot move the cursor or colour the screen.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

/// Writes a line to standard output.
///
/// # Errors
/// What the stream says, unless it is a pipe that was closed.
pub(crate) fn to_stdout(line: fmt::Arguments<'_>) -> io::Result<()> {
    unless_closed(writeln!(anstream::stdout().lock(), "{line}"))
}

/// Writes a line to standard error. When that fails there is nowhere left to say so.
pub(crate) fn to_stderr(line: fmt::Arguments<'_>) {
    let _nowhere_to_say = writeln!(anstream::stderr().lock(), "{line}");
}

/// The result of writing, where a closed pipe is no error.
pub(crate) fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A stream that takes what nobody reads any more.
pub(crate) struct UntilClosed<W>(pub(crate) W);

impl<W: Write> Write for UntilClosed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_closed(self.0.flush())
    }
}

/// A text whose control characters are spelled out; lines stay lines.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter != '\n' && (letter.is_control() || turns_direction(letter)) {
            // Writing into a text cannot fail.
            let _ = write!(shown, "{}", letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// A text that stays on the line on which it is shown: what somebody wrote must not look like a line of ours.
pub(crate) fn on_one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

/// Marks that turn the direction of writing, so that a line reads as something else.
fn turns_direction(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
