//! The live list: draws pictures over one another in a terminal.
//!
//! Between two pictures the cursor rests on the first character of the picture, hidden. So a redraw needs no memory of
//! how many rows the old picture took: a terminal that was made narrower meanwhile may have broken its rows, and
//! counting them upwards is where such lists smear. (A multiplexer that scrolls while it is made narrower can still leave
//! some old rows above; nothing that was there before the list is ever erased.) While rows are written, the terminal's own line breaking is off;
//! a character that the terminal takes for wider than we do is clipped at the edge and moves nothing.

use std::io;
use std::time::Duration;

use super::frame::{final_picture, moving_picture};
use super::line::Line;
use super::model::RunModel;
use super::settings::Look;
use super::terminal::Terminal;

/// Pictures follow each other no faster than this, about twelve in a second.
pub const REDRAW_INTERVAL: Duration = Duration::from_millis(80);

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
const CLIP_ROWS: &str = "\x1b[?7l";
const BREAK_ROWS: &str = "\x1b[?7h";
const ERASE_REST_OF_ROW: &str = "\x1b[K";
const ERASE_BELOW: &str = "\x1b[J";

/// A list that is redrawn in place.
#[derive(Debug)]
pub struct LiveList<T: Terminal> {
    terminal: T,
    look: Look,
    drawn_at: Option<Duration>,
    cursor_is_hidden: bool,
}

impl<T: Terminal> LiveList<T> {
    /// A list that has drawn nothing yet.
    pub fn new(terminal: T, look: Look) -> Self {
        Self { terminal, look, drawn_at: None, cursor_is_hidden: false }
    }

    /// What the terminal may be sent.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Draws the run as it stands, unless the last picture is younger than [`REDRAW_INTERVAL`].
    ///
    /// # Errors
    /// What the terminal says.
    pub fn draw(&mut self, model: &RunModel, now: Duration) -> io::Result<()> {
        if self.drawn_at.is_some_and(|drawn_at| now.saturating_sub(drawn_at) < REDRAW_INTERVAL) {
            return Ok(());
        }
        self.draw_now(model, now, "")
    }

    /// Writes lines that stay above the list.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn print_above(&mut self, lines: &[String], model: &RunModel, now: Duration) -> io::Result<()> {
        let mut above = String::from("\r");
        above.push_str(ERASE_BELOW);
        for line in lines {
            above.push_str(line);
            above.push_str("\r\n");
        }
        self.draw_now(model, now, &above)
    }

    fn draw_now(&mut self, model: &RunModel, now: Duration, above: &str) -> io::Result<()> {
        let picture = moving_picture(model, now, self.terminal.size(), self.look.charset);
        let mut text = String::new();
        if !self.cursor_is_hidden {
            text.push_str(HIDE_CURSOR);
        }
        text.push_str(above);
        text.push_str(CLIP_ROWS);
        text.push_str(&self.rows(&picture));
        text.push_str(ERASE_BELOW);
        text.push_str(BREAK_ROWS);
        text.push('\r');
        if picture.len() > 1 {
            text.push_str(&format!("\x1b[{}A", picture.len() - 1));
        }
        // Set first: after a write that failed half way the cursor may be hidden.
        self.cursor_is_hidden = true;
        self.drawn_at = Some(now);
        self.terminal.write(&text)
    }

    /// Rows one under the other, each erased behind its text, with no line break after the last.
    fn rows(&self, picture: &[Line]) -> String {
        let mut text = String::new();
        for (index, line) in picture.iter().enumerate() {
            if index > 0 {
                text.push_str("\r\n");
            }
            text.push('\r');
            text.push_str(&line.render(self.look.colour));
            text.push_str(ERASE_REST_OF_ROW);
        }
        text
    }

    /// Replaces the list by the complete picture, which stays, and puts the cursor under it.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn finish(&mut self, model: &RunModel, now: Duration) -> io::Result<()> {
        let picture = final_picture(model, now, self.terminal.size(), self.look.charset);
        // An empty row sets it apart from the result block.
        let text = format!("\r{ERASE_BELOW}{}\r\n\r\n{SHOW_CURSOR}", self.rows(&picture));
        self.terminal.write(&text)?;
        self.cursor_is_hidden = false;
        Ok(())
    }
}

impl<T: Terminal> Drop for LiveList<T> {
    fn drop(&mut self) {
        if !self.cursor_is_hidden {
            return;
        }
        // The run ended by an error or a panic: take the list away and give the cursor back. If even that cannot be
        // written, nobody sees the terminal any more, and `drop` has no one to tell.
        let _ = self.terminal.write(&format!("\r{ERASE_BELOW}{SHOW_CURSOR}"));
    }
}
