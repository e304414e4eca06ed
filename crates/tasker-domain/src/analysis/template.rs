//! The analysis of a template: what can be said before anything runs.

use std::collections::{HashMap, HashSet, VecDeque};

use indexmap::{IndexMap, IndexSet};
use serde::{Deserialize, Serialize};

use super::model::{DependencyGraph, Edge, GraphType, Metadata, Node};
use crate::graph::{Graph, GraphError};
use crate::json::Json;
use crate::template::Template;

/// A step as its author wrote it, dependencies by name; nothing about them needs to be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutline {
    /// Name of the step.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: Option<String>,
    /// Name of its handler.
    pub handler_class: String,
    /// The one step that it waits for.
    #[serde(default)]
    pub depends_on_step: Option<String>,
    /// The steps that it waits for.
    #[serde(default)]
    pub depends_on_steps: Vec<String>,
}

/// What a template says about its graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateAnalysis {
    /// The steps in their order.
    pub nodes: Vec<TemplateNode>,
    /// The dependencies, ordered by the step that waits.
    pub edges: Vec<TemplateEdge>,
    /// Names, parents before children; of those that could come next the one that became free first. Empty when steps
    /// wait for each other.
    pub topology: Vec<String>,
    /// One closed path for each set of steps that wait for each other, such as `[a, b, a]`: each waits for the next.
    pub cycles: Vec<Vec<String>>,
    /// The level of each step: 0 without dependencies, otherwise one more than the highest among them. Empty when steps
    /// wait for each other.
    pub levels: IndexMap<String, usize>,
    /// Names of the steps without dependencies.
    pub roots: Vec<String>,
    /// Names of the steps that nothing waits for.
    pub leaves: Vec<String>,
    /// Dependencies on names that no step has. Ours: the original fails over them.
    pub unknown: Vec<TemplateEdge>,
    /// The figures.
    pub summary: TemplateSummary,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateNode {
    /// Name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Name of its handler.
    pub handler_class: String,
    /// What it waits for, each once.
    pub dependencies: Vec<String>,
    /// How many those are.
    pub dependency_count: usize,
}

/// A dependency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateEdge {
    /// What is waited for.
    pub from: String,
    /// What waits.
    pub to: String,
    /// How it was written.
    #[serde(rename = "type")]
    pub edge_type: EdgeType,
}

/// How a dependency was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeType {
    /// As `depends_on_step`; of a checked template, in which both keys have become one list: the only one of its step.
    Single,
    /// In `depends_on_steps`; of a checked template: one of several.
    Multiple,
}

/// The figures of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateSummary {
    /// Number of steps.
    pub total_steps: usize,
    /// Number of dependencies.
    pub total_dependencies: usize,
    /// Whether steps wait for each other.
    pub has_cycles: bool,
    /// The highest level; 0 if there is none.
    pub max_depth: usize,
    /// Most steps on one level; 1 if there is none.
    pub parallel_branches: usize,
}

/// Analyses steps, however wrong their dependencies are.
pub fn analyse(steps: &[StepOutline]) -> TemplateAnalysis {
    let mut place_of = HashMap::new();
    for (place, step) in steps.iter().enumerate() {
        place_of.entry(step.name.as_str()).or_insert(place);
    }
    let nodes: Vec<TemplateNode> = steps.iter().map(TemplateNode::of).collect();
    let mut edges = Vec::new();
    let mut unknown = Vec::new();
    let mut pairs = Vec::new();
    for (child, (step, node)) in steps.iter().zip(&nodes).enumerate() {
        for dependency in &node.dependencies {
            let is_single = step.depends_on_step.as_ref() == Some(dependency);
            let edge_type = if is_single { EdgeType::Single } else { EdgeType::Multiple };
            let edge = TemplateEdge { from: dependency.clone(), to: step.name.clone(), edge_type };
            match place_of.get(dependency.as_str()) {
                Some(&parent) => pairs.push((parent, child)),
                None => unknown.push(edge.clone()),
            }
            edges.push(edge);
        }
    }
    let waited_for: HashSet<&str> = edges.iter().map(|edge| edge.from.as_str()).collect();
    let leaves = names(steps.iter().filter(|step| !waited_for.contains(step.name.as_str())));
    let roots = nodes.iter().filter(|node| node.dependencies.is_empty()).map(|node| node.name.clone()).collect();
    let (topology, levels, cycles) = order(steps, &nodes, &pairs);
    let mut on_level: HashMap<usize, usize> = HashMap::new();
    for level in levels.values() {
        *on_level.entry(*level).or_default() += 1;
    }
    let summary = TemplateSummary {
        total_steps: steps.len(),
        total_dependencies: edges.len(),
        has_cycles: !cycles.is_empty(),
        max_depth: levels.values().copied().max().unwrap_or(0),
        parallel_branches: on_level.values().copied().max().unwrap_or(1),
    };
    TemplateAnalysis { nodes, edges, topology, cycles, levels, roots, leaves, unknown, summary }
}

/// Analyses a checked template.
pub fn analyse_template(template: &Template) -> TemplateAnalysis {
    let outlines: Vec<StepOutline> = template
        .steps
        .iter()
        .map(|step| {
            let names: Vec<String> = step.parents.iter().map(|parent| template.steps[*parent].name.clone()).collect();
            let is_single = names.len() == 1;
            StepOutline {
                name: step.name.clone(),
                description: Some(step.description.clone()),
                handler_class: step.handler_class.clone(),
                depends_on_step: names.first().filter(|_| is_single).cloned(),
                depends_on_steps: if is_single { Vec::new() } else { names },
            }
        })
        .collect();
    analyse(&outlines)
}

impl TemplateNode {
    fn of(step: &StepOutline) -> Self {
        let dependencies: IndexSet<&String> = step.depends_on_step.iter().chain(&step.depends_on_steps).collect();
        let dependencies: Vec<String> = dependencies.into_iter().cloned().collect();
        TemplateNode {
            name: step.name.clone(),
            description: step.description.clone(),
            handler_class: step.handler_class.clone(),
            dependency_count: dependencies.len(),
            dependencies,
        }
    }
}

impl TemplateAnalysis {
    /// The same as a graph for programs that draw or store it, called by the name of the handler.
    pub fn to_graph(&self, handler_name: &str) -> DependencyGraph {
        let nodes: Vec<Node> = self.nodes.iter().map(|node| Node::of_template(node.name.clone())).collect();
        let edges: Vec<Edge> = self.edges.iter().map(|edge| Edge::new(edge.from.clone(), edge.to.clone())).collect();
        let metadata = Metadata {
            graph_type: GraphType::Template,
            handler_name: Some(handler_name.to_owned()),
            task_id: None,
            total_nodes: nodes.len() as u64,
            total_edges: edges.len() as u64,
            execution_context: None,
            additional_data: Json::empty_object(),
        };
        DependencyGraph::new(nodes, edges, metadata).expect("the totals were counted from these lists")
    }
}

fn names<'s>(steps: impl Iterator<Item = &'s StepOutline>) -> Vec<String> {
    steps.map(|step| step.name.clone()).collect()
}

type Order = (Vec<String>, IndexMap<String, usize>, Vec<Vec<String>>);

fn order(steps: &[StepOutline], nodes: &[TemplateNode], pairs: &[(usize, usize)]) -> Order {
    let name = |place: usize| steps[place].name.clone();
    let graph = match Graph::new(steps.len(), pairs) {
        Ok(graph) => graph,
        Err(GraphError::Cyclic(cycles)) => {
            let closed = |path: &Vec<usize>| {
                // Paths follow edges from parent to child; here each waits for the next.
                path.first().into_iter().chain(path.iter().rev()).map(|place| name(*place)).collect()
            };
            return (Vec::new(), IndexMap::new(), cycles.paths.iter().map(closed).collect());
        }
        Err(GraphError::NoSuchNode { .. }) => unreachable!("every pair was made of places in the list of steps"),
    };
    let mut unmet: Vec<usize> = (0..graph.len()).map(|node| graph.parents(node).len()).collect();
    let mut waiting: VecDeque<usize> = (0..graph.len()).filter(|node| unmet[*node] == 0).collect();
    let mut topology = Vec::with_capacity(graph.len());
    let mut level = vec![0; graph.len()];
    while let Some(node) = waiting.pop_front() {
        topology.push(name(node));
        let highest = graph.parents(node).iter().map(|parent| level[*parent] + 1).max();
        // A dependency on nothing known counts as one on level 0.
        level[node] = highest.unwrap_or(usize::from(nodes[node].dependency_count > 0));
        for &child in graph.children(node) {
            unmet[child] -= 1;
            if unmet[child] == 0 {
                waiting.push_back(child);
            }
        }
    }
    let levels = (0..graph.len()).map(|node| (name(node), level[node])).collect();
    (topology, levels, Vec::new())
}
