//! The compressed graph, against hand-made cases and against petgraph.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use petgraph::algo::{is_cyclic_directed, tarjan_scc};
use petgraph::graph::DiGraph;
use petgraph::visit::{Dfs, Reversed};
use proptest::prelude::*;
use tasker_domain::graph::{CriticalPath, Graph, GraphError, NamedGraph, RepeatedParent, WiringProblem};
use tasker_domain::template::{Source, parse};

fn cycles(nodes: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    match Graph::new(nodes, edges) {
        Err(GraphError::Cyclic(cycles)) => cycles.paths,
        other => panic!("expected cycles, got {other:?}"),
    }
}

#[test]
fn a_diamond_knows_its_order_levels_and_ends() {
    let graph = Graph::new(4, &[(3, 1), (3, 0), (0, 2), (1, 2)]).unwrap();
    assert_eq!(graph.topological_order(), [3, 0, 1, 2]);
    assert_eq!(graph.levels(), [1, 1, 2, 0]);
    assert_eq!(graph.parents(2), [0, 1]);
    assert_eq!(graph.children(3), [1, 0]);
    assert_eq!(graph.roots().collect::<Vec<_>>(), [3]);
    assert_eq!(graph.leaves().collect::<Vec<_>>(), [2]);
    assert_eq!(graph.ancestors(2), [0, 1, 3]);
    assert_eq!(graph.ancestors(3), Vec::<usize>::new());
    assert_eq!(graph.descendants(3), [0, 1, 2]);
    assert_eq!(graph.descendants(2), Vec::<usize>::new());
    assert_eq!((graph.depth(), graph.width(), graph.level_sizes()), (3, 2, vec![1, 2, 1]));
}

#[test]
fn the_critical_path_is_the_heaviest_and_of_equals_the_one_of_smallest_nodes() {
    let graph = Graph::new(5, &[(0, 1), (0, 2), (1, 3), (2, 3)]).unwrap();
    let path = |weights: [u64; 5]| graph.critical_path(|node| weights[node]);
    assert_eq!(path([1, 1, 1, 1, 1]), CriticalPath { nodes: vec![0, 1, 3], weight: 3 });
    assert_eq!(path([1, 1, 5, 1, 1]), CriticalPath { nodes: vec![0, 2, 3], weight: 7 });
    assert_eq!(path([1, 1, 1, 1, 9]), CriticalPath { nodes: vec![4], weight: 9 });
    assert_eq!(path([0, 0, 0, 0, 0]), CriticalPath { nodes: vec![0], weight: 0 });
    assert_eq!(path([u64::MAX, 1, 1, 1, 1]).weight, u64::MAX);
    let none = Graph::new(0, &[]).unwrap();
    assert_eq!(none.critical_path(|_| 1), CriticalPath { nodes: vec![], weight: 0 });
    assert_eq!((none.depth(), none.width()), (0, 0));
}

#[test]
fn names_are_wired_and_a_parent_named_twice_counts_once() {
    let nodes = [("c", vec!["a", "b", "a"]), ("a", vec![]), ("b", vec!["a"])];
    let wired = NamedGraph::new(nodes).unwrap();
    assert_eq!(wired.names, ["c", "a", "b"]);
    assert_eq!(wired.graph.parents(0), [1, 2]);
    assert_eq!(wired.repeated, [RepeatedParent { node: "c".to_owned(), parent: "a".to_owned() }]);
}

#[test]
fn everything_wrong_with_names_is_told_at_once() {
    let nodes = [
        ("fetch", vec!["fetch", "fetsh"]),
        ("store", vec!["fetch", "zzzzzzzz"]),
        ("store", vec![]),
        ("x", vec!["y"]),
        ("y", vec!["x"]),
        ("u", vec!["w"]),
        ("v", vec!["u"]),
        ("w", vec!["v"]),
    ];
    let problems = NamedGraph::new(nodes).unwrap_err();
    let texts: Vec<String> = problems.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "two nodes are called `store`, the 2. and the 3.: give one of them another name",
            "`fetch` waits for itself: take that away",
            "`fetch` waits for `fetsh`, which is not there: did you mean `fetch`?",
            "`store` waits for `zzzzzzzz`, which is not there: correct the name",
            "nodes wait for each other in a circle: `x` → `y` → `x`; take one of these edges away",
            "nodes wait for each other in a circle: `u` → `v` → `w` → `u`; take one of these edges away",
        ]
    );
    let cycle = WiringProblem::Cycle { path: vec!["x".to_owned(), "y".to_owned()] };
    assert!(problems.problems.contains(&cycle));
}

#[test]
fn ten_thousand_misspelt_names_are_told_without_looking_through_all_names_for_each() {
    let names: Vec<String> = (0..10_000).map(|number| format!("step_{number}")).collect();
    let nodes = names.iter().map(|name| (name.as_str(), ["stap_1"]));
    let problems = NamedGraph::new(nodes).unwrap_err().problems;
    let helped = |problem: &&WiringProblem| matches!(problem, WiringProblem::UnknownParent { nearest, .. } if !nearest.is_empty());
    assert_eq!((problems.len(), problems.iter().filter(helped).count()), (10_000, 50));
}

#[test]
fn a_templates_steps_are_a_graph() {
    let yaml = "name: n\ntask_handler_class: T\nstep_templates:\n  - {name: a, handler_class: H}\n  - {name: b, handler_class: H, depends_on_step: a}\n";
    let template = parse(&Source::new("t.yaml", yaml), None).unwrap().template;
    let graph = Graph::of_template(&template).unwrap();
    assert_eq!((graph.len(), graph.parents(1), graph.levels()), (2, [0].as_slice(), [0, 1].as_slice()));
}

#[test]
fn a_million_edges_are_no_danger() {
    let nodes = 100_010;
    let edges: Vec<(usize, usize)> =
        (10..nodes).flat_map(|child| (1..=10).map(move |back| (child - back, child))).collect();
    let graph = Graph::new(nodes, &edges).unwrap();
    assert_eq!((graph.edge_count(), graph.depth(), graph.width()), (1_000_000, nodes - 9, 10));
    assert_eq!(graph.critical_path(|_| 1).nodes.len(), nodes - 9);
    assert_eq!(graph.descendants(0).len(), nodes - 10);
}

#[test]
fn ties_keep_the_given_order_even_when_they_become_free_late() {
    let graph = Graph::new(5, &[(4, 0), (1, 2)]).unwrap();
    assert_eq!(graph.topological_order(), [1, 2, 3, 4, 0]);
}

#[test]
fn an_edge_given_twice_counts_once() {
    let graph = Graph::new(2, &[(0, 1), (0, 1)]).unwrap();
    assert_eq!(graph.parents(1), [0]);
    assert_eq!(graph.edge_count(), 1);
}

#[test]
fn no_nodes_are_a_graph() {
    let graph = Graph::new(0, &[]).unwrap();
    assert!(graph.is_empty());
    assert_eq!(graph.roots().count(), 0);
}

#[test]
fn an_edge_out_of_the_graph_is_refused() {
    assert_eq!(Graph::new(2, &[(0, 2)]), Err(GraphError::NoSuchNode { parent: 0, child: 2, nodes: 2 }));
}

#[test]
fn each_knot_is_reported_once_by_a_shortest_path() {
    assert_eq!(cycles(1, &[(0, 0)]), [vec![0]]);
    assert_eq!(cycles(3, &[(0, 1), (1, 2), (2, 0)]), [vec![0, 1, 2]]);
    assert_eq!(cycles(4, &[(0, 1), (1, 2), (2, 3), (3, 0), (1, 0)]), [vec![0, 1]]);
    assert_eq!(cycles(6, &[(4, 5), (5, 4), (0, 1), (2, 1), (1, 2), (2, 4)]), [vec![1, 2], vec![4, 5]]);
}

#[test]
fn a_chain_of_200_000_is_no_danger() {
    let nodes = 200_000;
    let backwards: Vec<(usize, usize)> = (1..nodes).map(|node| (node, node - 1)).collect();
    let graph = Graph::new(nodes, &backwards).unwrap();
    assert_eq!(graph.topological_order()[0], nodes - 1);
    assert_eq!(graph.levels()[0], nodes - 1);
    assert_eq!(graph.ancestors(0).len(), nodes - 1);
    let mut ring = backwards;
    ring.push((0, nodes - 1));
    assert_eq!(cycles(nodes, &ring)[0].len(), nodes);
}

fn any_edges() -> impl Strategy<Value = (usize, Vec<(usize, usize)>)> {
    (1_usize..14).prop_flat_map(|nodes| (Just(nodes), proptest::collection::vec((0..nodes, 0..nodes), 0..26)))
}

fn in_petgraph(nodes: usize, edges: &[(usize, usize)]) -> DiGraph<(), (), usize> {
    let mut graph = DiGraph::with_capacity(nodes, edges.len());
    for _ in 0..nodes {
        graph.add_node(());
    }
    for &(parent, child) in edges {
        graph.update_edge(parent.into(), child.into(), ());
    }
    graph
}

/// The weight of the heaviest path that begins here, by trying all of them.
fn heaviest_from(graph: &Graph, node: usize, weight: &impl Fn(usize) -> u64) -> u64 {
    let behind = graph.children(node).iter().map(|child| heaviest_from(graph, *child, weight)).max();
    weight(node) + behind.unwrap_or(0)
}

proptest! {
    #[test]
    fn it_agrees_with_petgraph((nodes, edges) in any_edges()) {
        let oracle = in_petgraph(nodes, &edges);
        match Graph::new(nodes, &edges) {
            Ok(graph) => {
                prop_assert!(!is_cyclic_directed(&oracle));
                prop_assert_eq!(graph.edge_count(), oracle.edge_count());
                let mut position = vec![0; nodes];
                for (place, &node) in graph.topological_order().iter().enumerate() {
                    position[node] = place;
                }
                for &(parent, child) in &edges {
                    prop_assert!(position[parent] < position[child]);
                    prop_assert!(graph.levels()[parent] < graph.levels()[child]);
                }
                for node in 0..nodes {
                    let mut reachable = Vec::new();
                    let mut walk = Dfs::new(Reversed(&oracle), node.into());
                    while let Some(found) = walk.next(Reversed(&oracle)) {
                        reachable.push(found.index());
                    }
                    reachable.sort_unstable();
                    let mut ours = graph.ancestors(node);
                    ours.push(node);
                    ours.sort_unstable();
                    prop_assert_eq!(ours, reachable);
                    let highest = graph.parents(node).iter().map(|parent| graph.levels()[*parent] + 1).max();
                    prop_assert_eq!(graph.levels()[node], highest.unwrap_or(0));
                    for other in 0..nodes {
                        let is_behind = graph.descendants(node).contains(&other);
                        prop_assert_eq!(is_behind, graph.ancestors(other).contains(&node));
                    }
                }
                let weight = |node: usize| [3, 0, 7, 1, 4][node % 5];
                let path = graph.critical_path(weight);
                prop_assert_eq!(path.weight, path.nodes.iter().map(|node| weight(*node)).sum::<u64>());
                prop_assert!(path.nodes.windows(2).all(|pair| graph.children(pair[0]).contains(&pair[1])));
                let heaviest = (0..nodes).map(|node| heaviest_from(&graph, node, &weight)).max();
                prop_assert_eq!(Some(path.weight), heaviest);
                prop_assert_eq!(graph.level_sizes().iter().sum::<usize>(), nodes);
            }
            Err(GraphError::Cyclic(cycles)) => {
                let knots = tarjan_scc(&oracle)
                    .into_iter()
                    .filter(|knot| knot.len() > 1 || oracle.contains_edge(knot[0], knot[0]))
                    .count();
                prop_assert_eq!(cycles.paths.len(), knots);
                for path in &cycles.paths {
                    for (place, &node) in path.iter().enumerate() {
                        let next = path[(place + 1) % path.len()];
                        prop_assert!(oracle.contains_edge(node.into(), next.into()), "{} {} in {:?}", node, next, path);
                    }
                    prop_assert_eq!(path[0], *path.iter().min().unwrap());
                }
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn ready_ties_are_taken_smallest_first((nodes, edges) in any_edges()) {
        let forward: Vec<(usize, usize)> = edges.into_iter().filter(|(parent, child)| parent < child).collect();
        let graph = Graph::new(nodes, &forward).unwrap();
        let expected: Vec<usize> = (0..nodes).collect();
        prop_assert_eq!(graph.topological_order(), expected);
    }
}
