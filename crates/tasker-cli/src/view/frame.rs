//! The picture of a run at one instant: header, steps in the graph's order, totals.
//!
//! Steps of one level can run side by side and share a bracket; a step that waits names what it waits for. So the shape
//! of the graph shows without lines across the screen, which few graphs of more than ten steps survive.

use std::time::Duration;

use super::levels;
use super::line::Line;
use super::model::RunModel;
use super::rows::{Columns, header, step_row, totals};
use super::settings::Charset;

/// When the run is over, more steps than this are summed up by level.
const COMPLETE_PICTURE: usize = 200;

/// The rows that such a summary may take at the end.
const FINAL_SUMMARY_ROWS: usize = 60;

/// What a terminal shows at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Size {
    /// What is assumed where the terminal does not say.
    pub const DEFAULT: Self = Self { columns: 80, rows: 24 };

    /// A row stays one column short of the edge: in the last column terminals differ in when they begin a new row.
    fn usable_columns(self) -> usize {
        self.columns.saturating_sub(1).max(1)
    }
}

/// The picture while the run goes on: never more rows than the terminal has, less one.
pub fn moving_picture(model: &RunModel, now: Duration, size: Size, charset: Charset) -> Vec<Line> {
    let columns = size.usable_columns();
    let rows = size.rows.saturating_sub(1).max(1);
    let mut lines = vec![header(model, now, columns, charset)];
    let mut totals = totals(model, columns, charset);
    // One row of totals is enough beside a list of all steps. Whether that list is shown must not depend on how long
    // the totals happen to be, or the picture would change its form from one moment to the next.
    if model.steps().len() + 2 <= rows {
        totals.truncate(rows - 1 - model.steps().len());
        lines.extend(all_steps(model, now, columns, charset));
    } else {
        totals.truncate(rows.saturating_sub(3).max(1));
        let room = rows.saturating_sub(lines.len() + totals.len());
        if room > 0 {
            lines.extend(levels::summary(model, now, columns, room, charset));
        }
    }
    lines.extend(totals);
    lines.truncate(rows);
    lines
}

/// The picture that stays when the run is over: all steps, whatever the terminal's height, up to 200.
pub fn final_picture(model: &RunModel, now: Duration, size: Size, charset: Charset) -> Vec<Line> {
    let columns = size.usable_columns();
    let mut lines = vec![header(model, now, columns, charset)];
    if model.steps().len() <= COMPLETE_PICTURE {
        lines.extend(all_steps(model, now, columns, charset));
    } else {
        lines.extend(levels::summary(model, now, columns, FINAL_SUMMARY_ROWS, charset));
    }
    lines.extend(totals(model, columns, charset));
    lines
}

/// One row for each step, level by level.
fn all_steps(model: &RunModel, now: Duration, columns: usize, charset: Charset) -> Vec<Line> {
    let digits = model.levels().len().to_string().len();
    let layout = Columns::fitting(model, columns, digits + 3, charset);
    let mut lines = Vec::with_capacity(model.steps().len());
    for (level, positions) in model.levels().iter().enumerate() {
        for (index, &position) in positions.iter().enumerate() {
            let number = if index == 0 { (level + 1).to_string() } else { String::new() };
            let gutter = format!("{number:>digits$} {}", bracket(index, positions.len(), charset));
            lines.push(step_row(model, position, &gutter, now, &layout, charset));
        }
    }
    lines
}

/// The part of a level's bracket that stands before its step at `index`.
fn bracket(index: usize, steps: usize, charset: Charset) -> &'static str {
    let (only, first, between, last) = match charset {
        Charset::Unicode => ("─", "┌", "├", "└"),
        Charset::Ascii => ("-", "/", "|", "\\"),
    };
    match index {
        _ if steps == 1 => only,
        0 => first,
        _ if index + 1 == steps => last,
        _ => between,
    }
}
