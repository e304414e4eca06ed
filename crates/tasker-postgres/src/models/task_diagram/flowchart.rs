//! Nodes and edges as data, as JSON and as the original's Mermaid text.

use indexmap::IndexMap;
use serde::Serialize;
use tasker_domain::json::Json;

use crate::models::JsonText;

/// A flowchart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flowchart {
    /// Its nodes in the order in which they are written.
    pub nodes: Vec<Node>,
    /// Its edges in the order in which they are written.
    pub edges: Vec<Edge>,
    /// Where it grows to: `TD` is downwards.
    pub direction: String,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Further attributes; they do not appear in the Mermaid text.
    pub attributes: IndexMap<String, Json>,
}

/// A node of a flowchart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its name in the chart.
    pub id: String,
    /// What is written in it; lines end with a line feed.
    pub label: String,
    /// Its shape.
    pub shape: String,
    /// Its style in Mermaid's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// Where a click leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Further attributes.
    pub attributes: IndexMap<String, Json>,
}

/// An edge of a flowchart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The node where it begins.
    pub source_id: String,
    /// The node where it ends.
    pub target_id: String,
    /// What is written beside it; empty for nothing.
    pub label: String,
    /// Its line.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which way its arrow points.
    pub direction: String,
    /// Further attributes.
    pub attributes: IndexMap<String, Json>,
}

/// Which edges of a node are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgesOf {
    /// Those that begin there.
    Outgoing,
    /// Those that end there.
    Incoming,
    /// Both.
    Both,
}

impl Node {
    /// A box.
    #[must_use]
    pub fn boxed(id: String, label: String) -> Self {
        Self { id, label, shape: "box".to_owned(), style: None, url: None, attributes: IndexMap::new() }
    }
}

impl Edge {
    /// A solid line with an arrow to its end.
    #[must_use]
    pub fn solid(source_id: String, target_id: String, label: String) -> Self {
        let (kind, direction) = ("solid".to_owned(), "forward".to_owned());
        Self { source_id, target_id, label, kind, direction, attributes: IndexMap::new() }
    }
}

impl Flowchart {
    /// The node of this name.
    #[must_use]
    pub fn find_node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The edges of a node.
    pub fn edges_of<'f>(&'f self, id: &'f str, which: EdgesOf) -> impl Iterator<Item = &'f Edge> {
        self.edges.iter().filter(move |edge| {
            which != EdgesOf::Incoming && edge.source_id == id || which != EdgesOf::Outgoing && edge.target_id == id
        })
    }

    /// The chart as JSON, in the original's spelling.
    #[must_use]
    pub fn to_json(&self) -> JsonText {
        let text = serde_json::to_string(self).expect("a chart is made of texts, lists and maps with texts as keys");
        JsonText::spelled(&text)
    }

    /// The chart as the original's Mermaid text, without a final line feed. Titles are not escaped, as in the original.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut lines = vec![format!("graph {}", self.direction)];
        let indent = if self.title.is_some() { "  " } else { "" };
        if let Some(title) = &self.title {
            lines.push(format!("subgraph \"{title}\""));
        }
        for Node { id, label, style, url, .. } in &self.nodes {
            lines.push(format!("{indent}{id}[\"{}\"]", unquoted(label).replace('\n', "<br/>")));
            if let Some(url) = url {
                lines.push(format!("{indent}click {id} \"{}\"", unquoted(url)));
            }
            if let Some(style) = style {
                lines.push(format!("{indent}style {id} {style}"));
            }
        }
        for Edge { source_id, target_id, label, .. } in &self.edges {
            lines.push(if label.trim().is_empty() {
                format!("{indent}{source_id} --> {target_id}")
            } else {
                format!("{indent}{source_id} -->|\"{}\"| {target_id}", unquoted(label))
            });
        }
        if self.title.is_some() {
            lines.push("end".to_owned());
        }
        lines.join("\n")
    }
}

fn unquoted(text: &str) -> String {
    text.replace('"', "'")
}
