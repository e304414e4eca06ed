//! A graph of steps as cards with arrows between them.

use std::fmt::Write as _;

use super::canvas::{Canvas, SMALL, number};
use crate::diagram::layout::{Layout, Place, Route, Size, lay_out};
use crate::diagram::mark::Mark;
use crate::diagram::{Diagram, Step, text};

const NAME: f64 = 13.0;
/// Names are broken or shortened to this width.
const WIDEST_TEXT: f64 = 176.0;
const NARROWEST_CARD: f64 = 84.0;
const PADDING: f64 = 14.0;
/// Room for a mark beside the text.
const MARK: f64 = 24.0;
const NAME_LINE: f64 = 16.0;
const NOTE_LINE: f64 = 15.0;
const PADDING_ABOVE: f64 = 10.0;
const ARROW: f64 = 7.0;
/// Bends over less than this look like mistakes.
const NEARLY_STRAIGHT: f64 = 14.0;
const NEARLY_STRAIGHT_BESIDE_OTHERS: f64 = 3.0;
/// A screen: the direction whose picture fits it better is taken.
const SCREEN: Size = Size { along: 1000.0, across: 1500.0 };

/// Which way the work goes on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Down,
    Right,
}

/// A step's card: its lines, and how large it is.
struct Card {
    name: Vec<String>,
    note: Option<String>,
    width: f64,
    height: f64,
}

impl Card {
    fn new(step: &Step) -> Self {
        let name = text::wrap(&step.name, NAME, WIDEST_TEXT, 2);
        let note = step.note().map(|note| text::fit(&note, SMALL, WIDEST_TEXT));
        let widest = name
            .iter()
            .map(|line| text::width(line, NAME))
            .chain(note.as_deref().map(|note| text::width(note, SMALL)))
            .fold(0.0, f64::max);
        let mark = if step.mark.is_some() { MARK } else { 0.0 };
        let lines = name.len().max(1) as f64 * NAME_LINE + if note.is_some() { NOTE_LINE } else { 0.0 };
        Card {
            name,
            note,
            width: (widest + mark + 2.0 * PADDING).max(NARROWEST_CARD).ceil(),
            height: lines + 2.0 * PADDING_ABOVE,
        }
    }
}

pub(crate) fn write(diagram: &Diagram) -> String {
    let mut cards: Vec<Card> = diagram.steps.iter().map(Card::new).collect();
    let down = laid_out(diagram, &cards, Direction::Down);
    let (down_width, down_height) = page(Direction::Down, down.size);
    let mut direction = Direction::Down;
    let mut layout = down;
    if down_width > SCREEN.across || down_height > SCREEN.along {
        let mut in_columns: Vec<Card> = diagram.steps.iter().map(Card::new).collect();
        widen_to_columns(diagram, &mut in_columns);
        let right = laid_out(diagram, &in_columns, Direction::Right);
        let (right_width, right_height) = page(Direction::Right, right.size);
        let excess = |width: f64, height: f64| (width / SCREEN.across).max(height / SCREEN.along);
        if excess(right_width, right_height) < excess(down_width, down_height) {
            (direction, layout, cards) = (Direction::Right, right, in_columns);
        }
    }
    draw(diagram, &cards, direction, &layout)
}

/// Side by side in columns, cards of one width look better.
fn widen_to_columns(diagram: &Diagram, cards: &mut [Card]) {
    let levels = diagram.graph.levels();
    let mut widest = vec![0.0_f64; levels.iter().max().map_or(0, |deepest| deepest + 1)];
    for (card, &level) in cards.iter().zip(levels) {
        widest[level] = widest[level].max(card.width);
    }
    for (card, &level) in cards.iter_mut().zip(levels) {
        card.width = widest[level];
    }
}

fn laid_out(diagram: &Diagram, cards: &[Card], direction: Direction) -> Layout {
    let sizes: Vec<Size> = cards
        .iter()
        .map(|card| match direction {
            Direction::Down => Size { along: card.height, across: card.width },
            Direction::Right => Size { along: card.width, across: card.height },
        })
        .collect();
    let proportion = match direction {
        Direction::Down => SCREEN.across / SCREEN.along,
        Direction::Right => SCREEN.along / SCREEN.across,
    };
    lay_out(&diagram.graph, &sizes, proportion)
}

/// Width and height on the page.
fn page(direction: Direction, size: Size) -> (f64, f64) {
    match direction {
        Direction::Down => (size.across, size.along),
        Direction::Right => (size.along, size.across),
    }
}

fn draw(diagram: &Diagram, cards: &[Card], direction: Direction, layout: &Layout) -> String {
    let mut canvas = Canvas::new();
    for route in &layout.routes {
        draw_edge(&mut canvas, diagram, cards, direction, layout, route);
    }
    for ((step, card), &place) in diagram.steps.iter().zip(cards).zip(&layout.nodes) {
        draw_card(&mut canvas, step, card, on_page(direction, place));
    }
    let (width, height) = page(direction, layout.size);
    let summary = diagram.summary();
    canvas.finish(&diagram.title, &summary, &description(diagram, &summary), width, height)
}

fn on_page(direction: Direction, place: Place) -> (f64, f64) {
    match direction {
        Direction::Down => (place.across, place.along),
        Direction::Right => (place.along, place.across),
    }
}

fn draw_card(canvas: &mut Canvas, step: &Step, card: &Card, (x, y): (f64, f64)) {
    let (left, top) = (x - card.width / 2.0, y - card.height / 2.0);
    match step.mark {
        Some(mark) => canvas.open_marked(mark, &step.sentence()),
        None => canvas.open("plain", &step.sentence()),
    }
    let (width, height) = (number(card.width), number(card.height));
    canvas.markup(&format!(
        r#"<rect class="card" x="{}" y="{}" width="{width}" height="{height}" rx="8"/>"#,
        number(left),
        number(top)
    ));
    let mut text_at = left + PADDING;
    if let Some(mark) = step.mark {
        canvas.mark(mark, left + PADDING + 6.0, y);
        text_at += MARK;
    }
    let mut baseline = top + PADDING_ABOVE + 12.0;
    for line in &card.name {
        canvas.text("name", text_at, baseline, line);
        baseline += NAME_LINE;
    }
    if let Some(note) = &card.note {
        canvas.text("small", text_at, baseline, note);
    }
    canvas.close();
}

/// From the parent's edge to the child's, straight where it passes a layer and bent in between.
fn draw_edge(
    canvas: &mut Canvas,
    diagram: &Diagram,
    cards: &[Card],
    direction: Direction,
    layout: &Layout,
    route: &Route,
) {
    let extent = |node: usize| match direction {
        Direction::Down => cards[node].height,
        Direction::Right => cards[node].width,
    };
    let point = |place: Place| {
        let (x, y) = on_page(direction, place);
        format!("{} {}", number(x), number(y))
    };
    let parent = layout.nodes[route.parent];
    let child = layout.nodes[route.child];
    let mut places = route.places.clone();
    let has_one_child = diagram.graph.children(route.parent).len() == 1;
    let nearly_straight = if has_one_child { NEARLY_STRAIGHT } else { NEARLY_STRAIGHT_BESIDE_OTHERS };
    // An edge that leaves nearly where it arrives leaves exactly there, and is straight.
    if let [first, second, ..] = places.as_mut_slice()
        && (first.across - second.across).abs() <= nearly_straight
    {
        first.across = second.across;
    }
    let leaves_at = places.first().map_or(parent.across, |first| first.across);
    let start = Place { along: parent.along + extent(route.parent) / 2.0, across: leaves_at };
    let tip = Place { along: child.along - extent(route.child) / 2.0, ..child };
    let neck = Place { along: tip.along - ARROW, ..tip };
    let mut path = format!("M{}", point(start));
    let mut pairs = places.chunks_exact(2).peekable();
    while let Some(pair) = pairs.next() {
        let (from, mut to) = (pair[0], pair[1]);
        let _ = write!(path, "L{}", point(from));
        if pairs.peek().is_none() {
            to.along = to.along.min(neck.along);
        }
        let bend = (to.along - from.along) / 2.0;
        let leaves = Place { along: from.along + bend, ..from };
        let arrives = Place { along: to.along - bend, ..to };
        let _ = write!(path, "C{} {} {}", point(leaves), point(arrives), point(to));
    }
    let _ = write!(path, "L{}", point(neck));
    let beside = |shift: f64| point(Place { along: tip.along - ARROW - 1.0, across: tip.across + shift });
    let (left, right) = (beside(-3.8), beside(3.8));
    canvas.open("way", &format!("{} → {}", diagram.steps[route.parent].name, diagram.steps[route.child].name));
    canvas.markup(&format!(r#"<path class="edge" d="{path}"/>"#));
    canvas.markup(&format!(r#"<path class="head" d="M{}L{left}L{right}Z"/>"#, point(tip)));
    canvas.close();
}

fn description(diagram: &Diagram, summary: &str) -> String {
    let mut description = format!("A graph of steps: {summary}.");
    for mark in Mark::ALL {
        match diagram.steps.iter().filter(|step| step.mark == Some(mark)).count() {
            0 => {}
            count => {
                let _ = write!(description, " {count} {}.", mark.word());
            }
        }
    }
    description
}
