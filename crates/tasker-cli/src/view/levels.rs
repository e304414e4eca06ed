//! The summary by level, for runs with more steps than the terminal has rows.
//!
//! Each level is a row; levels that are done, or that nothing has happened to, are joined with their neighbours of the
//! same kind. Under the rows stand the steps that matter now: failed, running, waiting for a retry, as far as they fit.

use std::time::Duration;

use anstyle::Style;

use super::kind::{FAINT, Kind, Totals};
use super::line::Line;
use super::model::RunModel;
use super::rows::{Columns, is_roomy, step_row};
use super::settings::Charset;
use super::text::{padding, width};
use super::wording::number;

/// Levels that share a row.
struct Group {
    first: usize,
    last: usize,
    totals: Totals,
}

#[derive(PartialEq)]
enum Activity {
    Done,
    Active,
    Untouched,
}

impl Group {
    fn new(model: &RunModel, first: usize, last: usize) -> Self {
        let positions = model.levels()[first..=last].iter().flatten().copied();
        Self { first, last, totals: Totals::of(model, positions) }
    }

    fn levels(&self) -> usize {
        self.last - self.first + 1
    }

    fn activity(&self) -> Activity {
        if self.totals.done() == self.totals.all() {
            Activity::Done
        } else if self.totals.untouched() == self.totals.all() {
            Activity::Untouched
        } else {
            Activity::Active
        }
    }

    /// The steps of the group, level by level.
    fn positions<'a>(&self, model: &'a RunModel) -> impl Iterator<Item = usize> + use<'a> {
        model.levels()[self.first..=self.last].iter().flatten().copied()
    }

    /// The group's only step, which is then shown itself.
    fn only_step(&self, model: &RunModel) -> Option<usize> {
        if self.totals.all() == 1 { self.positions(model).next() } else { None }
    }

    fn label(&self, roomy: bool, charset: Charset) -> String {
        // People count levels from 1.
        let (first, last) = (number(self.first as u64 + 1), number(self.last as u64 + 1));
        let levels = if self.first == self.last { first } else { format!("{first}{}{last}", charset.range()) };
        match (roomy, self.first == self.last) {
            (false, _) => levels,
            (true, true) => format!("level {levels}"),
            (true, false) => format!("levels {levels}"),
        }
    }
}

/// The summary in at most `rows` rows (at least one is made).
pub(crate) fn summary(model: &RunModel, now: Duration, columns: usize, rows: usize, charset: Charset) -> Vec<Line> {
    let urgent = urgent(model);
    // Both kinds of rows get half where both are too many; what one leaves unused the other takes.
    let room_for_groups = rows.saturating_sub(urgent.len()).max(rows / 2).max(1);
    let groups = groups(model, room_for_groups);
    let groups = if groups.len() < room_for_groups {
        widened(model, groups, room_for_groups)
    } else {
        narrowed(model, groups, room_for_groups)
    };
    let shown_alone: Vec<Option<usize>> = groups.iter().map(|group| group.only_step(model)).collect();
    let mut chosen: Vec<usize> = urgent
        .into_iter()
        .filter(|position| !shown_alone.contains(&Some(*position)))
        .take(rows.saturating_sub(groups.len()))
        .collect();
    chosen.sort_by_key(|&position| (model.steps()[position].level, position));

    let is_roomy = is_roomy(columns);
    let labels: Vec<String> = groups.iter().map(|group| group.label(is_roomy, charset)).collect();
    let widest_label = if model.levels().len() > rows {
        // Levels are joined, in other ways from one picture to the next: room for the longest label they can get.
        let last = model.levels().len() - 1;
        let longest = Group { first: last.saturating_sub(1), last, totals: Totals::default() };
        width(&longest.label(is_roomy, charset))
    } else {
        labels.iter().map(|label| width(label)).max().unwrap_or(0)
    };
    let gutter = widest_label + if is_roomy { 2 } else { 1 };
    let layout = Columns::fitting(model, columns, gutter, charset);
    let counted = groups.iter().map(|group| done_of_all(group).len()).max().unwrap_or(0);

    let mut lines = Vec::new();
    let mut chosen = chosen.into_iter().peekable();
    for ((group, label), alone) in groups.iter().zip(&labels).zip(shown_alone) {
        match alone {
            Some(position) => lines.push(step_row(model, position, label, now, &layout, charset)),
            None => lines.push(group_row(group, label, counted, &layout, charset)),
        }
        while let Some(position) = chosen.next_if(|&position| model.steps()[position].level <= group.last) {
            lines.push(step_row(model, position, "", now, &layout, charset));
        }
    }
    lines
}

/// The levels; where they are more than `room`, neighbours in which nothing happens are joined.
fn groups(model: &RunModel, room: usize) -> Vec<Group> {
    if model.levels().len() <= room {
        return (0..model.levels().len()).map(|level| Group::new(model, level, level)).collect();
    }
    let mut groups: Vec<Group> = Vec::new();
    for level in 0..model.levels().len() {
        let group = Group::new(model, level, level);
        let activity = group.activity();
        match groups.last_mut() {
            Some(previous) if activity != Activity::Active && previous.activity() == activity => {
                previous.last = level;
                previous.totals = Totals::sum(previous.totals, group.totals);
            }
            _ => groups.push(group),
        }
    }
    groups
}

/// At most `room` groups: those from the first active one on, with everything before them and after them joined.
fn narrowed(model: &RunModel, groups: Vec<Group>, room: usize) -> Vec<Group> {
    if groups.len() <= room {
        return groups;
    }
    let first_active = groups.iter().position(|group| group.activity() == Activity::Active).unwrap_or(0);
    if room < 3 {
        return joined(&groups).into_iter().collect();
    }
    // As far back as the list reaches when the active ones stand near its end.
    let start = first_active.min(groups.len() - (room - 1));
    let head = if start == 0 { None } else { joined(&groups[..start]) };
    let kept = room - usize::from(head.is_some());
    let end = if groups.len() - start <= kept { groups.len() } else { start + kept - 1 };
    let tail = joined(&groups[end..]);
    let middle = groups.into_iter().skip(start).take(end - start);
    let narrowed: Vec<Group> = head.into_iter().chain(middle).chain(tail).collect();
    debug_assert_eq!(narrowed.last().map(|group| group.last + 1), Some(model.levels().len()));
    narrowed
}

/// Where rows are left over: the last levels that are done and the next that will be reached stand for themselves.
fn widened(model: &RunModel, groups: Vec<Group>, room: usize) -> Vec<Group> {
    let spare = room - groups.len();
    let is_active = |group: &Group| group.activity() != Activity::Done;
    let Some(front) = groups.iter().position(is_active) else { return groups };
    // A third for what was, the rest for what comes.
    let behind = spare / 3;
    let before = front.checked_sub(1).map_or(0, |before| behind.min(groups[before].levels() - 1));
    let next = groups.iter().position(|group| group.activity() == Activity::Untouched);
    let after = next.map_or(0, |next| (spare - before).min(groups[next].levels() - 1));
    let mut widened = Vec::with_capacity(room);
    for (index, group) in groups.into_iter().enumerate() {
        let Group { first, last, .. } = group;
        let split = |levels: std::ops::RangeInclusive<usize>| levels.map(|level| Group::new(model, level, level));
        if index + 1 == front && before > 0 {
            widened.push(Group::new(model, first, last - before));
            widened.extend(split(last - before + 1..=last));
        } else if Some(index) == next && after > 0 {
            widened.extend(split(first..=first + after - 1));
            widened.push(Group::new(model, first + after, last));
        } else {
            widened.push(group);
        }
    }
    widened
}

fn joined(groups: &[Group]) -> Option<Group> {
    let (first, last) = (groups.first()?, groups.last()?);
    let totals = groups.iter().fold(Totals::default(), |sum, group| Totals::sum(sum, group.totals));
    Some(Group { first: first.first, last: last.last, totals })
}

/// The steps that matter now, the most urgent first.
fn urgent(model: &RunModel) -> Vec<usize> {
    let mut urgent: Vec<(u8, usize)> = model
        .steps()
        .iter()
        .enumerate()
        .filter_map(|(position, step)| Kind::of(&step.state).urgency().map(|urgency| (urgency, position)))
        .collect();
    urgent.sort_unstable();
    urgent.into_iter().map(|(_, position)| position).collect()
}

fn done_of_all(group: &Group) -> String {
    format!("{}/{}", number(group.totals.done() as u64), number(group.totals.all() as u64))
}

/// `level 3  ████░░  412/500 complete, 8 running, 1 waiting for retry`
fn group_row(group: &Group, label: &str, counted: usize, columns: &Columns, charset: Charset) -> Line {
    let mut line = Line::new();
    line.push(FAINT, label);
    line.pad_to(columns.gutter);
    let cells = if columns.is_roomy() { 10 } else { 5 };
    let (full, empty) = match charset {
        Charset::Unicode => ("█", "░"),
        Charset::Ascii => ("#", "."),
    };
    let filled = (group.totals.done() * cells).checked_div(group.totals.all()).unwrap_or(0);
    line.push(Kind::Complete.style(), full.repeat(filled));
    line.push(FAINT, empty.repeat(cells - filled));
    let counts = done_of_all(group);
    line.plain(padding(counts.len(), counted + if columns.is_roomy() { 2 } else { 1 }));
    line.plain(counts);
    if columns.is_roomy() {
        line.plain(" complete");
    }
    for kind in Kind::ALL {
        let amount = group.totals.get(kind);
        if amount == 0 || kind == Kind::Complete {
            continue;
        }
        // Without room for words the totals at the end say what the marks mean.
        let text = match (columns.is_roomy(), amount == group.totals.all()) {
            (true, true) => format!("all {}", kind.words()),
            (true, false) => format!("{} {}", number(amount as u64), kind.words()),
            (false, _) => format!("{} {}", kind.mark(charset), number(amount as u64)),
        };
        // Words that would be cut are left out: the totals have the number.
        if line.columns() + 2 + width(&text) > columns.total {
            break;
        }
        line.plain(if columns.is_roomy() { ", " } else { "  " });
        line.push(emphasis(kind), text);
    }
    line.cut(columns.total)
}

/// What is only waiting stands back.
fn emphasis(kind: Kind) -> Style {
    if matches!(kind, Kind::Ready) { FAINT } else { kind.style() }
}
