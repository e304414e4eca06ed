//! Graphs as data.

use serde_json::json;
use tasker_domain::analysis::model::{DependencyGraph, Edge, GraphType, Metadata, Node, NodeType};
use tasker_domain::json::Json;

use crate::runtime::{chain, now};
use crate::template::linear;

fn read<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> Result<T, serde_json::Error> {
    serde_json::from_str(&value.to_string())
}

fn without(mut value: serde_json::Value, key: &str) -> serde_json::Value {
    value.as_object_mut().unwrap().remove(key).unwrap();
    value
}

fn with(mut value: serde_json::Value, key: &str, other: serde_json::Value) -> serde_json::Value {
    value[key] = other;
    value
}

fn node() -> serde_json::Value {
    json!({"id": "7", "name": "fetch", "type": "workflow_step", "state": "complete",
        "readiness_status": {"ready": true}, "metadata": {"colour": "red"}})
}

fn metadata() -> serde_json::Value {
    json!({"graph_type": "runtime", "task_id": "3", "total_nodes": 1, "total_edges": 0,
        "execution_context": {"ready_steps": 1}, "additional_data": {"why": "test"}})
}

fn graph() -> serde_json::Value {
    json!({"nodes": [node()], "edges": [], "metadata": metadata()})
}

#[test]
fn a_node_needs_id_name_and_type() {
    assert!(read::<Node>(&node()).is_ok());
    for key in ["id", "name", "type"] {
        assert!(read::<Node>(&without(node(), key)).is_err(), "{key}");
    }
    let bare = read::<Node>(&json!({"id": "7", "name": "fetch", "type": "workflow_step"})).unwrap();
    assert_eq!(bare.metadata, Json::empty_object());
}

#[test]
fn a_nodes_id_name_and_type_are_texts() {
    for key in ["id", "name", "type"] {
        assert!(read::<Node>(&with(node(), key, json!(7))).is_err(), "{key}");
    }
}

#[test]
fn a_node_of_a_template_has_neither_state_nor_readiness() {
    let node = Node::of_template("fetch");
    assert_eq!((node.node_type, &node.state, &node.readiness_status), (NodeType::StepTemplate, &None, &None));
    assert_eq!(
        serde_json::to_value(&node).unwrap(),
        json!({"id": "fetch", "name": "fetch", "type": "step_template", "metadata": {}})
    );
}

#[test]
fn a_node_of_a_task_carries_state_readiness_and_metadata() {
    let node = read::<Node>(&node()).unwrap();
    assert_eq!(node.node_type, NodeType::WorkflowStep);
    assert_eq!(node.state.as_deref(), Some("complete"));
    assert_eq!(node.readiness_status.unwrap().get("ready"), Some(&Json::Bool(true)));
    assert_eq!(node.metadata.get("colour").unwrap().as_str(), Some("red"));
}

#[test]
fn an_edge_needs_from_and_to_and_they_are_texts() {
    let edge = json!({"from": "a", "to": "b"});
    let read_edge = read::<Edge>(&edge).unwrap();
    assert_eq!(read_edge, Edge::new("a", "b"));
    assert_eq!((read_edge.relationship.as_str(), &read_edge.metadata), ("prerequisite", &Json::empty_object()));
    for key in ["from", "to"] {
        assert!(read::<Edge>(&without(edge.clone(), key)).is_err(), "{key}");
        assert!(read::<Edge>(&with(edge.clone(), key, json!(1))).is_err(), "{key}");
    }
}

#[test]
fn an_edge_keeps_its_own_relationship_and_metadata() {
    let edge =
        read::<Edge>(&json!({"from": "a", "to": "b", "relationship": "hint", "metadata": {"weight": 2}})).unwrap();
    assert_eq!(edge.relationship, "hint");
    assert_eq!(edge.metadata.get("weight").unwrap().as_u64(), Some(2));
}

#[test]
fn the_metadata_of_a_template() {
    let graph = linear().to_graph("linear_workflow_task");
    let metadata = graph.metadata();
    assert_eq!(
        (metadata.graph_type, metadata.handler_name.as_deref()),
        (GraphType::Template, Some("linear_workflow_task"))
    );
    assert_eq!((metadata.total_nodes, metadata.total_edges), (6, 5));
    assert_eq!((graph.nodes().len(), graph.edges().len()), (6, 5));
    assert_eq!((&metadata.task_id, &metadata.execution_context), (&None, &None));
}

#[test]
fn the_metadata_of_a_task() {
    let task = chain();
    let analysis = tasker_domain::analysis::runtime::analyse(&task, now(), &Default::default()).unwrap();
    let context = Json::empty_object();
    let graph = analysis.to_graph(&task, Some(context.clone()), |id| Json::number(id.to_string()));
    let metadata = graph.metadata();
    assert_eq!(
        (metadata.graph_type, metadata.task_id.as_deref(), &metadata.handler_name),
        (GraphType::Runtime, Some("42"), &None)
    );
    assert_eq!((metadata.total_nodes, metadata.total_edges), (3, 2));
    assert_eq!(metadata.execution_context, Some(context));
    assert_eq!(graph.nodes()[0].state.as_deref(), Some("error"));
    assert_eq!(graph.nodes()[0].readiness_status, Json::number("1"));
    assert_eq!(graph.edges()[0], Edge::new("1", "2"));
}

#[test]
fn metadata_keeps_additional_data_and_wants_whole_totals() {
    let read_metadata = read::<Metadata>(&metadata()).unwrap();
    assert_eq!(read_metadata.additional_data.get("why").unwrap().as_str(), Some("test"));
    for key in ["total_nodes", "total_edges"] {
        for wrong in [json!("1"), json!(1.5), json!(null)] {
            assert!(read::<Metadata>(&with(metadata(), key, wrong)).is_err(), "{key}");
        }
    }
}

#[test]
fn a_graph_holds_its_parts_as_given() {
    let whole = read::<DependencyGraph>(&graph()).unwrap();
    assert_eq!(whole.nodes(), [read::<Node>(&node()).unwrap()]);
    assert_eq!(whole.edges(), []);
    assert_eq!(*whole.metadata(), read::<Metadata>(&metadata()).unwrap());
    assert_eq!(serde_json::to_value(&whole).unwrap(), graph());
}

#[test]
fn the_totals_of_a_graph_are_those_of_its_lists() {
    for key in ["total_nodes", "total_edges"] {
        let told = with(metadata(), key, json!(9));
        let refused = read::<DependencyGraph>(&with(graph(), "metadata", told)).unwrap_err().to_string();
        assert!(refused.contains('9') && refused.contains("count again"), "{refused}");
    }
}

#[test]
fn the_parts_of_a_graph_are_what_they_should_be() {
    for (key, wrong) in [
        ("nodes", json!([{"not": "a node"}])),
        ("edges", json!([{"not": "an edge"}])),
        ("metadata", json!({"not": "it"})),
    ] {
        assert!(read::<DependencyGraph>(&with(graph(), key, wrong)).is_err(), "{key}");
    }
}

#[test]
fn graphs_are_equal_when_their_parts_are() {
    let first = read::<DependencyGraph>(&graph()).unwrap();
    assert_eq!(first, read::<DependencyGraph>(&graph()).unwrap());
    let other = with(graph(), "metadata", with(metadata(), "task_id", json!("4")));
    assert_ne!(first, read::<DependencyGraph>(&other).unwrap());
}
