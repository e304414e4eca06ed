//! Graphs of steps as data: what is handed to programs that draw or store them.

use serde::{Deserialize, Serialize};

use crate::json::Json;

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeType {
    /// A step of a template.
    StepTemplate,
    /// A step of a task.
    WorkflowStep,
}

/// What a graph was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphType {
    /// A template.
    Template,
    /// A task.
    Runtime,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What edges call it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it stands for.
    #[serde(rename = "type")]
    pub node_type: NodeType,
    /// The step's state; none in a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What the step's readiness is made of; none in a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_status: Option<Json>,
    /// Whatever else is to be said; empty unless given.
    #[serde(default = "Json::empty_object")]
    pub metadata: Json,
}

impl Node {
    /// A node of a template: it has neither state nor readiness.
    pub fn of_template(name: impl Into<String>) -> Self {
        let name = name.into();
        Node {
            id: name.clone(),
            name,
            node_type: NodeType::StepTemplate,
            state: None,
            readiness_status: None,
            metadata: Json::empty_object(),
        }
    }
}

/// An edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The node that comes first.
    pub from: String,
    /// The node that waits for it.
    pub to: String,
    /// What they are to each other; `prerequisite` unless given.
    #[serde(default = "prerequisite")]
    pub relationship: String,
    /// Whatever else is to be said; empty unless given.
    #[serde(default = "Json::empty_object")]
    pub metadata: Json,
}

impl Edge {
    /// An edge of the usual kind.
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Edge { from: from.into(), to: to.into(), relationship: prerequisite(), metadata: Json::empty_object() }
    }
}

fn prerequisite() -> String {
    "prerequisite".to_owned()
}

/// What a graph is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// What it was made of.
    pub graph_type: GraphType,
    /// Name of the handler or template; none for a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler_name: Option<String>,
    /// The task; none for a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Number of nodes.
    pub total_nodes: u64,
    /// Number of edges.
    pub total_edges: u64,
    /// How the task stands; none for a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_context: Option<Json>,
    /// Whatever else is to be said; empty unless given.
    #[serde(default = "Json::empty_object")]
    pub additional_data: Json,
}

/// A graph. Its parts cannot be changed once it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct DependencyGraph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    metadata: Metadata,
}

/// The totals in a graph's metadata are not those of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the metadata counts {told_nodes} nodes and {told_edges} edges, the graph has {nodes} and {edges}: count again"
)]
pub struct WrongTotals {
    /// Nodes in the metadata.
    pub told_nodes: u64,
    /// Edges in the metadata.
    pub told_edges: u64,
    /// Nodes in the graph.
    pub nodes: u64,
    /// Edges in the graph.
    pub edges: u64,
}

impl DependencyGraph {
    /// A graph of these parts.
    ///
    /// # Errors
    /// When the totals of the metadata are not those of the lists.
    pub fn new(nodes: Vec<Node>, edges: Vec<Edge>, metadata: Metadata) -> Result<Self, WrongTotals> {
        let (counted_nodes, counted_edges) = (nodes.len() as u64, edges.len() as u64);
        if (metadata.total_nodes, metadata.total_edges) != (counted_nodes, counted_edges) {
            return Err(WrongTotals {
                told_nodes: metadata.total_nodes,
                told_edges: metadata.total_edges,
                nodes: counted_nodes,
                edges: counted_edges,
            });
        }
        Ok(DependencyGraph { nodes, edges, metadata })
    }

    /// The nodes, in the order given.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The edges, in the order given.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// What the graph is about.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

#[derive(Serialize, Deserialize)]
struct Parts {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    metadata: Metadata,
}

impl TryFrom<Parts> for DependencyGraph {
    type Error = WrongTotals;

    fn try_from(parts: Parts) -> Result<Self, Self::Error> {
        DependencyGraph::new(parts.nodes, parts.edges, parts.metadata)
    }
}

impl From<DependencyGraph> for Parts {
    fn from(graph: DependencyGraph) -> Self {
        Parts { nodes: graph.nodes, edges: graph.edges, metadata: graph.metadata }
    }
}
