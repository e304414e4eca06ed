//! The compressed graph, against hand-made cases and against petgraph.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use petgraph::algo::{is_cyclic_directed, tarjan_scc};
use petgraph::graph::DiGraph;
use petgraph::visit::{Dfs, Reversed};
use proptest::prelude::*;
use tasker_domain::graph::{Graph, GraphError};

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
                }
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
