//! A graph cut into layers so that every link leads from one layer to the next.

use std::collections::{HashMap, HashSet};

use super::Size;
use crate::graph::Graph;

/// Room that an edge takes across where it passes a layer.
const LANE: f64 = 12.0;
/// More places of edges in layers than this are not made: edges beyond go straight. A bound for graphs whose picture
/// nobody can read anyway.
const MOST_PASSAGES: usize = 20_000;

/// Nodes and the passages of edges through the layers between; both are vertices, nodes first.
pub(super) struct Layered {
    /// How many vertices are nodes.
    pub(super) real: usize,
    /// The graph's number of each node.
    pub(super) names: Vec<usize>,
    pub(super) sizes: Vec<Size>,
    pub(super) layer_of: Vec<usize>,
    /// The vertices of each layer in their order.
    pub(super) layers: Vec<Vec<usize>>,
    /// Links into the layer before.
    pub(super) up: Vec<Vec<usize>>,
    /// Links into the layer behind.
    pub(super) down: Vec<Vec<usize>>,
    pub(super) routes: Vec<Through>,
}

/// The passages of an edge; parent and child are vertices.
pub(super) struct Through {
    pub(super) parent: usize,
    pub(super) child: usize,
    pub(super) through: Vec<usize>,
}

/// Long edges of one node share their passages, so that a node with a hundred of them is a trunk with branches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Trunk {
    From(usize),
    To(usize),
}

impl Layered {
    pub(super) fn new(graph: &Graph, sizes: &[Size], part: &[usize]) -> Self {
        let levels = graph.levels();
        let depth = part.iter().map(|node| levels[*node] + 1).max().unwrap_or(0);
        let mut layered = Layered {
            real: part.len(),
            names: part.to_vec(),
            sizes: part.iter().map(|node| sizes[*node]).collect(),
            layer_of: part.iter().map(|node| levels[*node]).collect(),
            layers: vec![Vec::new(); depth],
            up: vec![Vec::new(); part.len()],
            down: vec![Vec::new(); part.len()],
            routes: Vec::new(),
        };
        let vertex_of: HashMap<usize, usize> = part.iter().enumerate().map(|(vertex, node)| (*node, vertex)).collect();
        let edges: Vec<(usize, usize)> = (0..part.len())
            .flat_map(|parent| graph.children(part[parent]).iter().map(move |child| (parent, child)))
            .map(|(parent, child)| (parent, vertex_of[child]))
            .collect();
        layered.connect(&edges);
        for vertex in 0..layered.layer_of.len() {
            layered.layers[layered.layer_of[vertex]].push(vertex);
        }
        layered
    }

    pub(super) fn is_passage(&self, vertex: usize) -> bool {
        vertex >= self.real
    }

    fn connect(&mut self, edges: &[(usize, usize)]) {
        let is_long =
            |layered: &Self, parent: usize, child: usize| layered.layer_of[child] > layered.layer_of[parent] + 1;
        let (mut long_from, mut long_to) = (vec![0_usize; self.real], vec![0_usize; self.real]);
        for &(parent, child) in edges {
            if is_long(self, parent, child) {
                long_from[parent] += 1;
                long_to[child] += 1;
            }
        }
        let mut passages: HashMap<(Trunk, usize), usize> = HashMap::new();
        let mut linked = HashSet::new();
        for &(parent, child) in edges {
            let trunk = if long_from[parent] >= long_to[child] { Trunk::From(parent) } else { Trunk::To(child) };
            let between = self.layer_of[parent] + 1..self.layer_of[child];
            if passages.len() + between.len() > MOST_PASSAGES {
                self.routes.push(Through { parent, child, through: Vec::new() });
                continue;
            }
            let through: Vec<usize> = between
                .map(|layer| *passages.entry((trunk, layer)).or_insert_with(|| self.add_passage(layer)))
                .collect();
            let mut before = parent;
            for &vertex in through.iter().chain([&child]) {
                if linked.insert((before, vertex)) {
                    self.down[before].push(vertex);
                    self.up[vertex].push(before);
                }
                before = vertex;
            }
            self.routes.push(Through { parent, child, through });
        }
    }

    fn add_passage(&mut self, layer: usize) -> usize {
        self.sizes.push(Size { along: 0.0, across: LANE });
        self.layer_of.push(layer);
        self.up.push(Vec::new());
        self.down.push(Vec::new());
        self.layer_of.len() - 1
    }
}
