//! Places for the nodes of a graph and ways for its edges.
//!
//! Layered, after Sugiyama: each node stands in the layer of its level; an edge over several layers goes through a place
//! in each; the order within the layers is chosen for few crossings, the places for straight edges. Parts of the graph
//! that have nothing to do with each other are laid out alone and packed side by side.
//!
//! *Along* is the direction in which the work goes, *across* is the other: which of them is down the page is the
//! drawing's business.

mod align;
mod crossings;
mod layers;
mod order;
mod pack;
mod place;
mod settle;

use crate::graph::Graph;
use layers::Layered;

/// Least space between two layers.
const GAP: f64 = 40.0;
/// Space between two layers that steep edges still find enough.
const WIDEST_GAP: f64 = 130.0;

/// A place: in the middle of a node, or on the way of an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) along: f64,
    pub(crate) across: f64,
}

/// How large something is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Size {
    pub(crate) along: f64,
    pub(crate) across: f64,
}

/// The way of an edge: straight from the parent's middle to where its layer ends, through pairs of places between which
/// it runs straight, to where the child's layer begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    pub(crate) parent: usize,
    pub(crate) child: usize,
    pub(crate) places: Vec<Place>,
}

/// Where everything stands. The smallest coordinate of anything is 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub(crate) nodes: Vec<Place>,
    pub(crate) routes: Vec<Route>,
    pub(crate) size: Size,
}

/// Lays a graph out whose nodes are this large. `proportion` is the length across for one of the length along that is
/// aimed at when unconnected parts are packed.
pub(crate) fn lay_out(graph: &Graph, sizes: &[Size], proportion: f64) -> Layout {
    let parts = pack::parts(graph);
    let laid_out = parts.iter().map(|part| lay_out_part(graph, sizes, part)).collect();
    pack::pack(graph.len(), &parts, laid_out, proportion)
}

/// Lays out connected nodes, given ascending; the layout's nodes are in their order.
fn lay_out_part(graph: &Graph, sizes: &[Size], part: &[usize]) -> Layout {
    let mut layered = Layered::new(graph, sizes, part);
    order::arrange(&mut layered);
    let across = place::across(&layered);
    finish(&layered, &across)
}

fn finish(layered: &Layered, across: &[f64]) -> Layout {
    let leftmost = (0..across.len()).map(|vertex| across[vertex] - layered.sizes[vertex].across / 2.0);
    let shift = -leftmost.fold(f64::INFINITY, f64::min);
    let across: Vec<f64> = across.iter().map(|place| place + shift).collect();
    let bands = bands(layered, &across);
    let place = |vertex: usize| {
        let (from, to) = bands[layered.layer_of[vertex]];
        Place { along: (from + to) / 2.0, across: across[vertex] }
    };
    let nodes = (0..layered.real).map(place).collect();
    let mut routes = Vec::with_capacity(layered.routes.len());
    for route in &layered.routes {
        let mut places = Vec::with_capacity(route.through.len() * 2 + 2);
        let mut at = |vertex: usize, along: f64| places.push(Place { along, across: across[vertex] });
        at(route.parent, bands[layered.layer_of[route.parent]].1);
        for &vertex in &route.through {
            let (from, to) = bands[layered.layer_of[vertex]];
            at(vertex, from);
            at(vertex, to);
        }
        at(route.child, bands[layered.layer_of[route.child]].0);
        routes.push(Route { parent: layered.names[route.parent], child: layered.names[route.child], places });
    }
    let rightmost = (0..across.len()).map(|vertex| across[vertex] + layered.sizes[vertex].across / 2.0);
    let size = Size { along: bands.last().map_or(0.0, |band| band.1), across: rightmost.fold(0.0, f64::max) };
    Layout { nodes, routes, size }
}

/// Where each layer begins and ends. Between two of them there is the more room, the farther edges go across in it.
fn bands(layered: &Layered, across: &[f64]) -> Vec<(f64, f64)> {
    let mut bands: Vec<(f64, f64)> = Vec::with_capacity(layered.layers.len());
    let mut farthest = 0.0_f64;
    for layer in &layered.layers {
        let thickness = layer.iter().map(|vertex| layered.sizes[*vertex].along).fold(0.0, f64::max);
        let from = bands.last().map_or(0.0, |(_, to)| to + (GAP + farthest * 0.11).min(WIDEST_GAP));
        bands.push((from, from + thickness));
        farthest = layer
            .iter()
            .flat_map(|vertex| layered.down[*vertex].iter().map(|below| (across[*vertex] - across[*below]).abs()))
            .fold(0.0, f64::max);
    }
    bands
}
