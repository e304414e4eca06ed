//! Rows, bars and waits as SVG.

use std::time::Duration;

use super::axis::Axis;
use super::rows::{Row, rows};
use super::{Attempt, Outcome, Timeline};
use crate::diagram::mark::Mark;
use crate::diagram::svg::canvas::{Canvas, number};
use crate::diagram::{span, text};

const ROW: f64 = 26.0;
const BAR: f64 = 14.0;
const NAME: f64 = 13.0;
const WIDEST_NAME: f64 = 240.0;
const CHART: f64 = 760.0;
/// Room to the right of the chart for the last mark and its words.
const AFTER: f64 = 150.0;
/// Room above and below the rows for the labels of the axis.
const LABELS: f64 = 22.0;
/// A bar of no length still shows that something ran.
const SHORTEST: f64 = 3.0;
/// From this number of rows on the axis is labelled below as well.
const LABELLED_TWICE: usize = 24;

pub(super) fn draw(timeline: &Timeline) -> String {
    let rows = rows(timeline);
    let axis = Axis::new(timeline, CHART);
    let names = rows.iter().map(|row| text::width(&text::fit(row.step, NAME, WIDEST_NAME), NAME)).fold(40.0, f64::max);
    let left = names + 18.0;
    let bottom = LABELS + rows.len() as f64 * ROW;
    let mut canvas = Canvas::new();
    for index in (1..rows.len()).step_by(2) {
        let (top, width) = (number(LABELS + index as f64 * ROW), number(left + CHART + AFTER));
        canvas.markup(&format!(r#"<rect class="band" x="-6" y="{top}" width="{width}" height="{ROW}" rx="4"/>"#));
    }
    let labelled_twice = rows.len() >= LABELLED_TWICE;
    for (place, label) in axis.ticks() {
        let x = number(left + place);
        canvas.markup(&format!(r#"<path class="grid" d="M{x} {LABELS}V{}"/>"#, number(bottom)));
        canvas.text("small middle", left + place, LABELS - 8.0, &label);
        if labelled_twice {
            canvas.text("small middle", left + place, bottom + 15.0, &label);
        }
    }
    for (index, row) in rows.iter().enumerate() {
        draw_row(&mut canvas, &axis, row, left, LABELS + (index as f64 + 0.5) * ROW);
    }
    let height = bottom + if labelled_twice { LABELS } else { 0.0 };
    let note = note(timeline, &rows, &axis);
    canvas.finish(&timeline.title, &note, &description(timeline, &rows, &note), left + CHART + AFTER, height)
}

fn draw_row(canvas: &mut Canvas, axis: &Axis, row: &Row<'_>, left: f64, middle: f64) {
    canvas.open("row", row.step);
    canvas.text("name", 0.0, middle + 4.5, &text::fit(row.step, NAME, WIDEST_NAME));
    canvas.close();
    let mut free_from = left;
    for (index, attempt) in row.attempts.iter().enumerate() {
        let begin = left + axis.place(attempt.started);
        let end = (left + axis.place(attempt.ended)).max(begin + SHORTEST);
        let next = row.attempts.get(index + 1).map_or(f64::MAX, |next| left + axis.place(next.started));
        canvas.open_marked(attempt.mark(), &sentence(attempt));
        draw_bar(canvas, attempt, begin, end, middle);
        free_from = end;
        if let Some(until) = attempt.waiting_until {
            let until = left + axis.place(until);
            if until > end {
                let (y, from, to) = (number(middle), number(end + 2.0), number(until));
                canvas.markup(&format!(r#"<path class="wait" d="M{from} {y}H{to}"/>"#));
                free_from = until;
            }
        }
        // Between two attempts the mark stands on the wait; where there is no room the bar alone has to do.
        if next - end > 2.0 * BAR {
            canvas.mark(attempt.mark(), end + 11.0, middle);
            free_from = free_from.max(end + 19.0);
        }
        canvas.close();
    }
    let words = match row.attempts.len() {
        0 => "never began".to_owned(),
        1 => span::words(row.worked()),
        many => format!("{} · {many} attempts", span::words(row.worked())),
    };
    canvas.text("small", free_from + 6.0, middle + 4.0, &words);
}

/// Filled where it ended well; hatched, or empty while it runs, otherwise.
fn draw_bar(canvas: &mut Canvas, attempt: &Attempt, begin: f64, end: f64, middle: f64) {
    let class = if attempt.outcome == Outcome::Succeeded { "bar" } else { "bar open" };
    let (x, y, width) = (number(begin), number(middle - BAR / 2.0), number(end - begin));
    canvas.markup(&format!(r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{BAR}" rx="2.5"/>"#));
}

/// What an attempt was, in words.
fn sentence(attempt: &Attempt) -> String {
    let how = match attempt.outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
        Outcome::Running => "still running",
    };
    let (step, number, from) = (&attempt.step, attempt.attempt, span::words(attempt.started));
    let length = span::words(attempt.ended.saturating_sub(attempt.started));
    let wait = match attempt.waiting_until {
        Some(until) => format!(", waits until {}", span::words(until)),
        None => String::new(),
    };
    format!("{step}, attempt {number}: began at {from}, {how} after {length}{wait}")
}

fn note(timeline: &Timeline, rows: &[Row<'_>], axis: &Axis) -> String {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let (steps, attempts) = (rows.len(), timeline.attempts.len());
    let mut note = format!("{steps} step{}, {attempts} attempt{}", plural(steps), plural(attempts));
    if axis.whole() > Duration::ZERO {
        note.push_str(&format!(", {} in all", span::words(axis.whole())));
    }
    if axis.is_stretched() {
        note.push_str("; the axis is stretched: it grows with the logarithm of the time");
    }
    note
}

fn description(timeline: &Timeline, rows: &[Row<'_>], note: &str) -> String {
    let count = |mark| timeline.attempts.iter().filter(|attempt| attempt.mark() == mark).count();
    let mut description = format!("A chart of what ran when: {note}.");
    for mark in Mark::ALL {
        match count(mark) {
            0 => {}
            1 => description.push_str(&format!(" 1 attempt {}.", mark.word())),
            many => description.push_str(&format!(" {many} attempts {}.", mark.word())),
        }
    }
    let never = rows.iter().filter(|row| row.attempts.is_empty()).count();
    if never > 0 {
        description.push_str(&format!(" {never} of the steps never began."));
    }
    description
}
