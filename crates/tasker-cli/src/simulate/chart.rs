//! The chart in the terminal: a row for each step, time from left to right.

use std::time::Duration;

use tasker_domain::simulation::{Execution, ExecutionEnd, Simulation};
use tasker_domain::template::Template;

use super::instant;
use crate::view::text::{fit, width};
use crate::view::wording::count;
use crate::view::{Charset, FAINT, Kind, Line};

/// More rows than this are no picture any more.
const ROWS: usize = 60;

/// What a cell of a row shows; a later one of two that fall into one cell covers the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Nothing,
    InLine,
    Waiting,
    Running,
    Failed,
    Dead,
    Succeeded,
}

impl Cell {
    fn kind(self) -> Option<Kind> {
        match self {
            Cell::Nothing => None,
            Cell::InLine => Some(Kind::Ready),
            Cell::Waiting | Cell::Failed => Some(Kind::Retrying),
            Cell::Running => Some(Kind::Running),
            Cell::Dead => Some(Kind::Failed),
            Cell::Succeeded => Some(Kind::Complete),
        }
    }

    fn sign(self, charset: Charset) -> &'static str {
        let (unicode, ascii) = match self {
            Cell::Nothing => (" ", " "),
            Cell::InLine => ("╌", "_"),
            Cell::Waiting => ("·", "."),
            Cell::Running => ("█", "#"),
            Cell::Failed => (Kind::Retrying.mark(Charset::Unicode), Kind::Retrying.mark(Charset::Ascii)),
            Cell::Dead => (Kind::Failed.mark(Charset::Unicode), Kind::Failed.mark(Charset::Ascii)),
            Cell::Succeeded => (Kind::Complete.mark(Charset::Unicode), Kind::Complete.mark(Charset::Ascii)),
        };
        if charset == Charset::Unicode { unicode } else { ascii }
    }

    fn words(self) -> &'static str {
        match self {
            Cell::Nothing => "",
            Cell::InLine => "in line",
            Cell::Waiting => "waiting for retry",
            Cell::Running => "running",
            Cell::Failed => "failed",
            Cell::Dead => "failed, not tried again",
            Cell::Succeeded => "succeeded",
        }
    }
}

/// A row for each step that runs, in the order in which they begin; at most 60.
pub(super) fn chart(template: &Template, simulation: &Simulation, columns: usize, charset: Charset) -> Vec<Line> {
    let end = simulation.ended_at();
    let mut lines = Vec::new();
    if end.is_zero() {
        let mut line = Line::new();
        line.push(FAINT, "  Everything happens at the same instant: --durations says how long steps take.");
        return vec![line];
    }
    let mut executions: Vec<Vec<&Execution>> = vec![Vec::new(); template.steps.len()];
    let mut order = Vec::new();
    for execution in simulation.executions() {
        if executions[execution.place].is_empty() {
            order.push(execution.place);
        }
        executions[execution.place].push(execution);
    }
    let shown = &order[..order.len().min(ROWS)];
    let widest = (columns / 3).clamp(8, 40);
    let names: Vec<String> = shown.iter().map(|&place| fit(&template.steps[place].name, widest, charset)).collect();
    let gutter = 4 + names.iter().map(|name| width(name)).max().unwrap_or(0);
    let cells = columns.saturating_sub(gutter).clamp(10, 160);
    let scale = Scale { end, cells };

    let mut used = Vec::new();
    for (place, name) in shown.iter().zip(names) {
        let row = scale.row(&executions[*place]);
        let mut line = Line::new();
        line.plain(format!("  {name}"));
        line.pad_to(gutter);
        for run in row.chunk_by(|left, right| left == right) {
            let style = run[0].kind().map(Kind::style).unwrap_or_default();
            line.push(style, run[0].sign(charset).repeat(run.len()));
        }
        used.extend(row);
        lines.push(line);
    }
    if shown.len() < order.len() {
        let mut line = Line::new();
        line.push(FAINT, format!("  and {} more; --svg draws all", count((order.len() - shown.len()) as u64, "step")));
        lines.push(line);
    }
    lines.push(scale.axis(gutter));
    lines.push(legend(used, charset));
    lines
}

fn legend(mut used: Vec<Cell>, charset: Charset) -> Line {
    used.sort_unstable();
    used.dedup();
    let mut line = Line::new();
    line.plain("  ");
    for cell in used.into_iter().rev().filter(|cell| *cell != Cell::Nothing) {
        line.push(cell.kind().map(Kind::style).unwrap_or_default(), cell.sign(charset));
        line.push(FAINT, format!(" {}   ", cell.words()));
    }
    line
}

/// How time becomes columns.
struct Scale {
    end: Duration,
    cells: usize,
}

impl Scale {
    fn cell(&self, at: Duration) -> usize {
        let share = at.as_secs_f64() / self.end.as_secs_f64();
        // A column more or less at the edge of a cell means nothing.
        ((share * self.cells as f64) as usize).min(self.cells - 1)
    }

    fn row(&self, executions: &[&Execution]) -> Vec<Cell> {
        let mut row = vec![Cell::Nothing; self.cells];
        for execution in executions {
            let (ready, started, ended) =
                (self.cell(execution.ready), self.cell(execution.started), self.cell(execution.ended));
            row[ready..started].fill(Cell::InLine);
            row[started..=ended].fill(Cell::Running);
            let (sign, until) = match execution.end {
                ExecutionEnd::Succeeded => (Cell::Succeeded, None),
                ExecutionEnd::WillRetry { until, .. } => (Cell::Failed, Some(self.cell(until))),
                ExecutionEnd::Failed { .. } | ExecutionEnd::FailedForGood { .. } => (Cell::Dead, None),
            };
            if let Some(until) = until {
                row[ended..=until].fill(Cell::Waiting);
            }
            row[ended] = sign;
        }
        row
    }

    /// The beginning and the end, and what stands half way where there is room.
    fn axis(&self, gutter: usize) -> Line {
        let (first, last) = (instant(Duration::ZERO), instant(self.end));
        let half = instant(self.end / 2);
        let mut line = Line::new();
        line.pad_to(gutter);
        line.push(FAINT, first.as_str());
        let half_at = self.cells / 2;
        if half_at > first.len() + 2 && half_at + half.len() + 2 < self.cells.saturating_sub(last.len()) {
            line.pad_to(gutter + half_at);
            line.push(FAINT, half);
        }
        line.pad_to(gutter + self.cells.saturating_sub(last.len()));
        line.push(FAINT, last);
        line
    }
}
