//! The picture of a task: a chart of its steps with their states and of what they depend on. The original had it until
//! July 2025; it is computed and stands in no table.

mod flowchart;

use std::collections::HashMap;

use indexmap::IndexMap;
use tasker_domain::state::StepState;

use super::{ModelError, NamedTask, Session, Task, WorkflowStep, WorkflowStepEdge};

pub use flowchart::{Edge, EdgesOf, Flowchart, Node};

/// A task with what its picture shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDiagram {
    /// The chart.
    pub flowchart: Flowchart,
}

/// Most characters of an error that are shown as they are.
const LONGEST_ERROR: usize = 30;

impl Task {
    /// The picture of the task as it is now, in seven statements however many steps it has. Steps link to
    /// `<base_url>/tasks/<task>/workflow_steps/<step>` where an address is given.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] for a task that was deleted, [`ModelError::UnknownState`] for a state that another program
    /// wrote, and what the database says.
    pub async fn diagram<'c>(
        &self,
        base_url: Option<&str>,
        session: impl Into<Session<'c>>,
    ) -> Result<TaskDiagram, ModelError> {
        let mut held = session.into().acquire().await?;
        let connection = &mut *held;
        let named_task: NamedTask = Self::NAMED_TASK.of(self, &mut *connection).await?;
        let state = self.state(&mut *connection).await?;
        let steps = Self::WORKFLOW_STEPS.of(self, &mut *connection).await?;
        let types = WorkflowStep::NAMED_STEP.load(&steps, &mut *connection).await?;
        let states = WorkflowStep::states(&steps, &mut *connection).await?;
        let outgoing = WorkflowStep::OUTGOING_EDGES.load(&steps, &mut *connection).await?;
        let incoming = WorkflowStep::INCOMING_EDGES.load(&steps, &mut *connection).await?;

        let root = format!("task_{}", self.task_id);
        let label = format!("Task: {}\nID: {}\nStatus: {state}", named_task.name, self.task_id);
        let mut nodes = vec![Node::boxed(root.clone(), label)];
        let mut edges = Vec::new();
        for step in &steps {
            let id = step.workflow_step_id;
            let kind = types.get(&i64::from(step.named_step_id));
            let kind = kind.ok_or_else(|| super::record::not_found::<super::NamedStep>(step.named_step_id.into()))?;
            let state = states.get(&id).copied().unwrap_or(StepState::Pending);
            let url = base_url.map(|base| format!("{base}/tasks/{}/workflow_steps/{id}", self.task_id));
            let style = Some(format!("fill:{};", colour(state)));
            nodes.push(Node { style, url, ..Node::boxed(name(id), label_of(step, &kind.name, state)) });
            if !incoming.contains_key(&id) {
                edges.push(Edge::solid(root.clone(), name(id), String::new()));
            }
        }
        for step in &steps {
            edges.extend(onward(step.workflow_step_id, outgoing.get(&step.workflow_step_id)));
        }
        let title = Some(format!("Task {}: {}", self.task_id, named_task.name));
        let flowchart = Flowchart { nodes, edges, direction: "TD".to_owned(), title, attributes: IndexMap::new() };
        Ok(TaskDiagram { flowchart })
    }
}

impl TaskDiagram {
    /// The original's Mermaid text.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        self.flowchart.to_mermaid()
    }

    /// The original's JSON.
    #[must_use]
    pub fn to_json(&self) -> super::JsonText {
        self.flowchart.to_json()
    }
}

fn name(step_id: i64) -> String {
    format!("step_{step_id}")
}

/// An edge for each record, by child; where several lead to one, all are drawn with the name of the last.
fn onward(from: i64, edges: Option<&Vec<WorkflowStepEdge>>) -> Vec<Edge> {
    let mut edges: Vec<&WorkflowStepEdge> = edges.into_iter().flatten().collect();
    edges.sort_by_key(|edge| (edge.to_step_id, edge.id));
    let last: HashMap<i64, &str> = edges.iter().map(|edge| (edge.to_step_id, edge.name.as_str())).collect();
    edges.iter().map(|edge| Edge::solid(name(from), name(edge.to_step_id), last[&edge.to_step_id].to_owned())).collect()
}

fn label_of(step: &WorkflowStep, name: &str, state: StepState) -> String {
    let mut label = format!("Step: {name}\nStatus: {state}\nAttempts: {}", step.attempts.unwrap_or(0));
    let results = step.results.as_ref().filter(|_| state == StepState::Error).and_then(|results| results.parse().ok());
    if let Some(error) = results.as_ref().and_then(|results| results.get("error")) {
        let text = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
        label.push_str("\nError: ");
        if text.chars().count() > LONGEST_ERROR {
            label.extend(text.chars().take(LONGEST_ERROR - 2));
            label.push_str("...");
        } else {
            label.push_str(&text);
        }
    }
    label
}

fn colour(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "lightblue",
        StepState::InProgress => "lightgreen",
        StepState::Complete => "green",
        StepState::Error => "red",
        StepState::Cancelled => "gray",
        StepState::ResolvedManually => "lightgray",
    }
}
