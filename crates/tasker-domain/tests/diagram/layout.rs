//! What must hold in every picture of a graph, read back from the SVG: nothing lies on anything else.

use std::collections::HashMap;

use proptest::prelude::*;
use roxmltree::{Document, Node};
use tasker_domain::diagram::{Diagram, Step};

use crate::graphs::generated;

#[derive(Debug, Clone, Copy)]
struct Card {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

fn number(node: &Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).unwrap().parse().unwrap()
}

fn cards(document: &Document<'_>) -> Vec<Card> {
    document
        .descendants()
        .filter(|node| node.attribute("class") == Some("card"))
        .map(|node| Card {
            x: number(&node, "x"),
            y: number(&node, "y"),
            width: number(&node, "width"),
            height: number(&node, "height"),
        })
        .collect()
}

/// Numbers of a path: the places its pen is sent to, controls of curves included.
fn points(path: &str) -> Vec<(f64, f64)> {
    let numbers: Vec<f64> = path
        .split(|letter: char| letter.is_ascii_alphabetic() || letter == ' ')
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().unwrap())
        .collect();
    numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

fn assert_well_laid_out(steps: Vec<Step>) {
    let count = steps.len();
    let parents: usize =
        steps.iter().map(|step| step.parents.iter().collect::<std::collections::HashSet<_>>().len()).sum();
    let svg = Diagram::new("t", steps).unwrap().svg();
    let document = Document::parse(&svg).unwrap();
    let size = (number(&document.root_element(), "width"), number(&document.root_element(), "height"));
    let cards = cards(&document);
    assert_eq!(cards.len(), count);
    // In rows of equal height a sweep finds neighbours that overlap.
    let mut rows: HashMap<i64, Vec<Card>> = HashMap::new();
    for card in &cards {
        assert!(card.x >= 0.0 && card.y >= 0.0 && card.x + card.width <= size.0 && card.y + card.height <= size.1);
        rows.entry((card.y / 60.0) as i64).or_default().push(*card);
    }
    for (row, list) in &rows {
        let near: Vec<&Card> = list.iter().chain(rows.get(&(row + 1)).into_iter().flatten()).collect();
        for (index, left) in near.iter().enumerate() {
            for right in &near[index + 1..] {
                let apart = left.x + left.width + 4.0 <= right.x
                    || right.x + right.width + 4.0 <= left.x
                    || left.y + left.height + 4.0 <= right.y
                    || right.y + right.height + 4.0 <= left.y;
                assert!(apart, "{left:?} and {right:?} lie on each other");
            }
        }
    }
    let edges: Vec<_> = document.descendants().filter(|node| node.attribute("class") == Some("edge")).collect();
    assert_eq!(edges.len(), parents);
    for edge in edges {
        for (x, y) in points(edge.attribute("d").unwrap()) {
            let crossed = cards.iter().find(|card| {
                x > card.x + 1.0 && x < card.x + card.width - 1.0 && y > card.y + 1.0 && y < card.y + card.height - 1.0
            });
            assert!(crossed.is_none(), "an edge goes through {crossed:?} at {x} {y}");
        }
    }
}

#[test]
fn generated_graphs_have_nothing_on_anything() {
    for (count, width, seed) in [(1, 1, 1), (5, 2, 2), (30, 4, 7), (60, 12, 4), (200, 14, 3)] {
        assert_well_laid_out(generated(count, width, seed));
    }
}

#[test]
fn unconnected_steps_stand_side_by_side() {
    assert_well_laid_out((0..40).map(|index| Step::new(format!("alone_{index}"), vec![])).collect());
}

#[test]
fn a_step_that_all_wait_for_and_one_that_waits_for_all() {
    let mut steps: Vec<Step> = vec![Step::new("first", vec![])];
    for index in 1..40 {
        steps.push(Step::new(format!("link_{index}"), vec![0, index - 1]));
    }
    steps.push(Step::new("last", (0..40).collect()));
    assert_well_laid_out(steps);
}

#[test]
fn five_thousand_steps_are_drawn() {
    let svg = Diagram::new("many", generated(5_000, 60, 5)).unwrap().svg();
    assert_eq!(cards(&Document::parse(&svg).unwrap()).len(), 5_000);
}

#[test]
fn the_same_graph_is_the_same_picture() {
    let svg = || Diagram::new("twice", generated(80, 9, 11)).unwrap().svg();
    assert_eq!(svg(), svg());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_graph_has_nothing_on_anything(links in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..40)) {
        let steps = links.iter().enumerate().map(|(index, parents)| {
            let parents = if index == 0 { vec![] } else { parents.iter().map(|parent| parent.index(index)).collect() };
            Step::new(format!("step_{index}"), parents)
        });
        assert_well_laid_out(steps.collect());
    }
}
