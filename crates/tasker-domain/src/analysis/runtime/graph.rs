//! The graph of a task, and what its unfinished steps wait for in the end.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use crate::analysis::model::{DependencyGraph, Edge, GraphType, Metadata, Node, NodeType};
use crate::json::Json;
use crate::state::StepState;

/// Most blockers that are listed.
const MOST_BLOCKERS: usize = 10;

/// The graph of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeGraph {
    /// The steps.
    pub nodes: Vec<RuntimeNode>,
    /// The edges.
    pub edges: Vec<RuntimeEdge>,
    /// The steps that wait for each.
    pub adjacency_list: IndexMap<i64, Vec<i64>>,
    /// The steps that each waits for.
    pub reverse_adjacency_list: IndexMap<i64, Vec<i64>>,
    /// The longest distance of each from a root.
    pub dependency_levels: IndexMap<i64, usize>,
}

/// A step in a task's graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeNode {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its longest distance from a root.
    pub level: usize,
}

/// An edge in a task's graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeEdge {
    /// The step that comes first.
    pub from: i64,
    /// The step that waits for it.
    pub to: i64,
    /// Name of the first.
    pub from_name: String,
    /// Name of the second.
    pub to_name: String,
}

/// An unfinished step that waits for no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootBlocker {
    /// Its id.
    pub step_id: i64,
    /// Its name.
    pub step_name: String,
    /// Its state.
    pub state: StepState,
    /// How many unfinished steps stand behind it.
    pub unfinished_behind: usize,
}

pub(super) fn runtime_graph(facts: &Facts<'_>) -> RuntimeGraph {
    let id = |step: usize| facts.steps[step].id;
    let ids = |steps: &[usize]| steps.iter().map(|step| id(*step)).collect::<Vec<_>>();
    let all = 0..facts.graph.len();
    let levels = facts.graph.levels();
    RuntimeGraph {
        nodes: all
            .clone()
            .map(|step| RuntimeNode { id: id(step), name: facts.steps[step].name.clone(), level: levels[step] })
            .collect(),
        edges: all
            .clone()
            .flat_map(|parent| facts.graph.children(parent).iter().map(move |child| (parent, *child)))
            .map(|(parent, child)| RuntimeEdge {
                from: id(parent),
                to: id(child),
                from_name: facts.steps[parent].name.clone(),
                to_name: facts.steps[child].name.clone(),
            })
            .collect(),
        adjacency_list: all.clone().map(|step| (id(step), ids(facts.graph.children(step)))).collect(),
        reverse_adjacency_list: all.clone().map(|step| (id(step), ids(facts.graph.parents(step)))).collect(),
        dependency_levels: all.map(|step| (id(step), levels[step])).collect(),
    }
}

pub(super) fn root_blockers(facts: &Facts<'_>) -> Vec<RootBlocker> {
    let mut blockers: Vec<RootBlocker> = (0..facts.graph.len())
        .filter(|step| !facts.steps[*step].is_done() && facts.dependencies_satisfied(*step))
        .map(|step| RootBlocker {
            step_id: facts.steps[step].id,
            step_name: facts.steps[step].name.clone(),
            state: facts.steps[step].state,
            unfinished_behind: facts.downstream(step).iter().filter(|step| !facts.steps[**step].is_done()).count(),
        })
        .collect();
    blockers.sort_by_key(|blocker| (std::cmp::Reverse(blocker.unfinished_behind), blocker.step_id));
    blockers.truncate(MOST_BLOCKERS);
    blockers
}

impl super::RuntimeAnalysis {
    /// The task's graph for programs that draw or store it, with each step's state and the readiness and execution
    /// context that the caller read beside it.
    pub fn to_graph(
        &self,
        task: &super::TaskFacts,
        execution_context: Option<Json>,
        mut readiness: impl FnMut(i64) -> Option<Json>,
    ) -> DependencyGraph {
        let nodes: Vec<Node> = task
            .steps
            .iter()
            .map(|step| Node {
                id: step.id.to_string(),
                name: step.name.clone(),
                node_type: NodeType::WorkflowStep,
                state: Some(step.state.as_str().to_owned()),
                readiness_status: readiness(step.id),
                metadata: Json::empty_object(),
            })
            .collect();
        let edges: Vec<Edge> = self
            .dependency_graph
            .edges
            .iter()
            .map(|edge| Edge::new(edge.from.to_string(), edge.to.to_string()))
            .collect();
        let metadata = Metadata {
            graph_type: GraphType::Runtime,
            handler_name: None,
            task_id: Some(self.task_id.to_string()),
            total_nodes: nodes.len() as u64,
            total_edges: edges.len() as u64,
            execution_context,
            additional_data: Json::empty_object(),
        };
        DependencyGraph::new(nodes, edges, metadata).expect("the totals were counted from these lists")
    }
}
