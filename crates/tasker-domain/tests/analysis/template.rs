//! The analysis of a template.

use std::path::PathBuf;

use tasker_domain::analysis::template::{EdgeType, StepOutline, TemplateAnalysis, analyse, analyse_template};
use tasker_domain::template::{Source, parse};

const LINEAR: [&str; 6] =
    ["initialize_data", "validate_input", "process_data", "transform_results", "validate_output", "finalize_workflow"];

fn step(name: &str, single: Option<&str>, several: &[&str]) -> StepOutline {
    StepOutline {
        name: name.to_owned(),
        description: Some(format!("does {name}")),
        handler_class: format!("Handler::{name}"),
        depends_on_step: single.map(str::to_owned),
        depends_on_steps: several.iter().map(|name| (*name).to_owned()).collect(),
    }
}

pub(crate) fn linear() -> TemplateAnalysis {
    let steps: Vec<_> = LINEAR
        .iter()
        .enumerate()
        .map(|(place, name)| step(name, place.checked_sub(1).map(|before| LINEAR[before]), &[]))
        .collect();
    analyse(&steps)
}

fn diamond() -> TemplateAnalysis {
    analyse(&[
        step("start", None, &[]),
        step("left", Some("start"), &[]),
        step("right", Some("start"), &[]),
        step("merge", None, &["left", "right", "left"]),
    ])
}

#[test]
fn a_chain_has_a_node_for_each_step() {
    let nodes = linear().nodes;
    assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), LINEAR);
    let third = &nodes[2];
    assert_eq!(third.description.as_deref(), Some("does process_data"));
    assert_eq!(third.handler_class, "Handler::process_data");
    assert_eq!((third.dependencies.as_slice(), third.dependency_count), (["validate_input".to_owned()].as_slice(), 1));
}

#[test]
fn a_chain_has_an_edge_between_neighbours() {
    let edges = linear().edges;
    assert_eq!(edges.len(), 5);
    for (edge, pair) in edges.iter().zip(LINEAR.windows(2)) {
        assert_eq!((edge.from.as_str(), edge.to.as_str(), edge.edge_type), (pair[0], pair[1], EdgeType::Single));
    }
}

#[test]
fn a_chain_is_its_own_order() {
    let analysis = linear();
    assert!(analysis.cycles.is_empty() && !analysis.summary.has_cycles);
    assert_eq!(analysis.topology, LINEAR);
    assert_eq!(analysis.roots, ["initialize_data"]);
    assert_eq!(analysis.leaves, ["finalize_workflow"]);
    let levels: Vec<_> = analysis.levels.iter().map(|(name, level)| (name.as_str(), *level)).collect();
    assert_eq!(levels, LINEAR.into_iter().zip(0..).collect::<Vec<_>>());
}

#[test]
fn the_summary_counts() {
    let summary = linear().summary;
    assert_eq!((summary.total_steps, summary.total_dependencies, summary.max_depth), (6, 5, 5));
    assert_eq!(summary.parallel_branches, 1);
}

#[test]
fn a_diamond_merges_two_branches() {
    let analysis = diamond();
    assert_eq!(analysis.nodes[3].dependencies, ["left", "right"]);
    assert_eq!(analysis.nodes[3].dependency_count, 2);
    assert!(analysis.edges[2..].iter().all(|edge| edge.edge_type == EdgeType::Multiple));
    assert!(analysis.cycles.is_empty());
    assert_eq!(analysis.summary.parallel_branches, 2);
    assert_eq!(analysis.topology, ["start", "left", "right", "merge"]);
}

#[test]
fn the_order_is_first_come_first_served() {
    let analysis =
        analyse(&[step("z", Some("b"), &[]), step("a", None, &[]), step("b", None, &[]), step("c", None, &[])]);
    assert_eq!(analysis.topology, ["a", "b", "c", "z"]);
}

#[test]
fn steps_that_wait_for_each_other_are_a_cycle() {
    let analysis = analyse(&[step("a", Some("b"), &[]), step("b", Some("a"), &[])]);
    assert_eq!(analysis.cycles, [["a", "b", "a"]]);
    assert!(analysis.summary.has_cycles);
    assert!(analysis.topology.is_empty() && analysis.levels.is_empty());
    assert_eq!((analysis.summary.max_depth, analysis.summary.parallel_branches), (0, 1));
}

#[test]
fn a_cycle_is_told_in_the_direction_of_waiting_and_only_once() {
    let analysis = analyse(&[
        step("a", Some("c"), &[]),
        step("b", Some("a"), &[]),
        step("c", Some("b"), &[]),
        step("behind", Some("a"), &[]),
        step("self", Some("self"), &[]),
    ]);
    assert_eq!(analysis.cycles, [vec!["a", "c", "b", "a"], vec!["self", "self"]]);
}

#[test]
fn unknown_names_are_listed_and_break_nothing() {
    let analysis = analyse(&[step("a", Some("nobody"), &[]), step("b", None, &["a", "nothing"])]);
    let unknown: Vec<_> = analysis.unknown.iter().map(|edge| (edge.from.as_str(), edge.to.as_str())).collect();
    assert_eq!(unknown, [("nobody", "a"), ("nothing", "b")]);
    assert_eq!(analysis.levels["a"], 1);
    assert_eq!(analysis.levels["b"], 2);
    assert_eq!(analysis.roots, Vec::<String>::new());
}

#[test]
fn the_same_steps_have_the_same_analysis() {
    assert_eq!(linear(), linear());
    assert_ne!(linear(), diamond());
}

#[test]
fn the_analysis_as_a_document() {
    insta::assert_json_snapshot!(diamond());
}

#[test]
fn a_checked_template_is_analysed() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/order/order.yaml");
    let checked = parse(&Source::new("order", std::fs::read(path).unwrap()), None).unwrap();
    let analysis = analyse_template(&checked.template);
    assert_eq!(analysis.roots, ["check_order"]);
    assert_eq!(analysis.leaves, ["close_order"]);
    assert_eq!((analysis.summary.max_depth, analysis.summary.parallel_branches), (4, 3));
    assert!(analysis.unknown.is_empty());
}
