//! The shapes against the recorded figures of the original's, and generated ones against what they promise.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tasker_core::entropy::Entropy;
use tasker_domain::script::OutcomeScript;
use tasker_testing::shapes::{Mixture, Pattern, WorkflowShape};

fn recorded() -> Value {
    serde_json::from_str(include_str!("data/workflow-shapes.json")).unwrap()
}

/// The figures of a shape, as the recorded ones are written.
fn figures(shape: &WorkflowShape) -> Value {
    let graph = shape.graph();
    let name = |place: usize| shape.steps[place].name.as_str();
    let names = |places: &[usize]| places.iter().map(|&place| name(place)).collect::<Vec<_>>();
    let neighbours = |of: &dyn Fn(usize) -> Vec<usize>| -> BTreeMap<_, _> {
        (0..graph.len()).map(|place| (name(place), names(&of(place)))).collect()
    };
    let levels: BTreeMap<_, _> = (0..graph.len()).map(|place| (name(place), graph.levels()[place])).collect();
    let deepest = graph.levels().iter().max().unwrap();
    let by_level = |level: usize| (0..graph.len()).filter(|&place| graph.levels()[place] == level).collect::<Vec<_>>();
    let mut paths = vec![0_u64; graph.len()];
    for &place in graph.topological_order() {
        let before: u64 = graph.parents(place).iter().map(|&parent| paths[parent]).sum();
        paths[place] = before.max(1);
    }
    let leaves: Vec<usize> = graph.leaves().collect();
    json!({
        "step_count": graph.len(),
        "edge_count": graph.edge_count(),
        "steps": names(&(0..graph.len()).collect::<Vec<_>>()),
        "edges": shape.edges.iter().map(|&(from, to)| [name(from), name(to)]).collect::<Vec<_>>(),
        "roots": names(&graph.roots().collect::<Vec<_>>()),
        "leaves": names(&leaves),
        "levels": levels,
        "topological_levels": (0..=*deepest).map(|level| names(&by_level(level))).collect::<Vec<_>>(),
        "longest_path_edges": deepest,
        "root_to_leaf_paths": leaves.iter().map(|&leaf| paths[leaf]).sum::<u64>(),
        "parents": neighbours(&|place| graph.parents(place).to_vec()),
        "children": neighbours(&|place| graph.children(place).to_vec()),
    })
}

/// Neighbours are sets: the record lists some of them in another order.
fn comparable(mut figures: Value) -> Value {
    for kind in ["parents", "children"] {
        for list in figures[kind].as_object_mut().unwrap().values_mut() {
            list.as_array_mut().unwrap().sort_by_key(|name| name.as_str().unwrap().to_owned());
        }
    }
    figures["edges"].as_array_mut().unwrap().sort_by_key(Value::to_string);
    figures
}

#[test]
fn shapes_have_the_recorded_figures() {
    let recorded = recorded();
    let recorded: BTreeMap<&str, &Value> =
        recorded["shapes"].as_array().unwrap().iter().map(|shape| (shape["name"].as_str().unwrap(), shape)).collect();
    let shapes = WorkflowShape::of_the_suite();
    for shape in &shapes {
        let expected = recorded[shape.name.as_str()];
        let figures = figures(shape);
        let expected_figures: Value =
            figures.as_object().unwrap().keys().map(|key| (key.clone(), expected[key].clone())).collect();
        assert_eq!(comparable(figures), comparable(expected_figures), "{}", shape.name);
        for step in &shape.steps {
            let fails_first = expected["default_failures"][&step.name]["fail_first"].as_u64().unwrap_or(0);
            assert_eq!(u64::from(step.fails_first), fails_first, "{}: {}", shape.name, step.name);
        }
    }
    let ours: BTreeSet<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
    let others: Vec<&str> = recorded.keys().filter(|name| !ours.contains(*name)).copied().collect();
    // The example definitions stand as files of their own in the reference; they are no shapes to make rows of.
    assert_eq!(
        others,
        [
            "app_ecommerce_order_processing",
            "app_inventory_stock_management",
            "ecommerce_process_order",
            "payments_process_refund",
            "user_registration"
        ]
    );
}

#[test]
fn every_shape_is_a_template_with_the_same_graph() {
    for shape in WorkflowShape::of_the_suite() {
        let template = shape.template("Anything");
        assert_eq!(template.name, shape.name);
        let graph = shape.graph();
        for (place, step) in template.steps.iter().enumerate() {
            assert_eq!((&step.name, step.handler_class.as_str()), (&shape.steps[place].name, "Anything"));
            assert_eq!(step.parents, graph.parents(place), "{}: {}", shape.name, step.name);
            assert!(step.attempts_allowed() > shape.steps[place].fails_first);
        }
        OutcomeScript::parse(&shape.outcomes(), &template).unwrap();
    }
    assert_eq!(
        WorkflowShape::configurable_failure().outcomes(),
        r#"{"flaky_step":["fail","fail","ok"],"timeout_step":["fail","ok"]}"#
    );
}

#[test]
fn templates_of_the_patterns_have_the_recorded_dependencies() {
    let parents = |shape: &WorkflowShape, step: &str| -> Vec<String> {
        let template = shape.template("Anything");
        let step = template.steps.iter().find(|known| known.name == step).unwrap();
        step.parents.iter().map(|&place| template.steps[place].name.clone()).collect()
    };
    let linear = WorkflowShape::linear();
    assert!(parents(&linear, "initialize_data").is_empty());
    assert_eq!(parents(&linear, "validate_input"), ["initialize_data"]);
    assert_eq!(parents(&linear, "process_data"), ["validate_input"]);
    assert_eq!(parents(&WorkflowShape::diamond(), "merge_branches"), ["branch_one_validate", "branch_two_validate"]);
    let mixed = WorkflowShape::mixed();
    assert_eq!(parents(&mixed, "begin_processing"), ["validate_permissions", "setup_environment"]);
    assert_eq!(parents(&mixed, "finalize_and_report"), ["process_critical_data", "cleanup_temp_files"]);
}

#[test]
fn a_mixture_has_the_recorded_counts() {
    let recorded = recorded();
    for (size, expected) in recorded["batch_distribution"]["examples"].as_object().unwrap() {
        let counts: Value = Mixture::ORIGINAL
            .counts(size.parse().unwrap())
            .iter()
            .map(|(pattern, count)| (pattern.as_str().to_owned(), json!(count)))
            .collect();
        assert_eq!(&counts, expected, "{size}");
    }
    for size in 0..200 {
        assert_eq!(Mixture::ORIGINAL.counts(size).iter().map(|(_, count)| count).sum::<usize>(), size);
    }
    let halves = Mixture::new([50, 50, 0, 0, 0]).unwrap().counts(20);
    assert_eq!(halves.map(|(_, count)| count), [10, 10, 0, 0, 0]);
    assert_eq!(halves[1].0, Pattern::Diamond);
    assert_eq!(Mixture::new([0, 0, 0, 50, 50]).unwrap().counts(1).map(|(_, count)| count), [0, 0, 0, 0, 1]);
    let error = Mixture::new([50, 40, 0, 0, 0]).unwrap_err();
    assert_eq!(error.to_string(), "the shares of a mixture add up to 90 percent: make them 100");
}

#[test]
fn a_seed_gives_the_same_graph_and_another_seed_another_one() {
    let drawn = |seed| WorkflowShape::random(40, &Entropy::seeded(seed));
    assert_eq!(drawn(7), drawn(7));
    assert_ne!(drawn(7), drawn(8));
    let layered = |seed| WorkflowShape::layered(5, 6, &Entropy::seeded(seed));
    assert_eq!(layered(7), layered(7));
    assert_ne!(layered(7), layered(8));
}

#[test]
fn random_graphs_of_any_size_have_no_cycle_and_no_repeated_edge() {
    for (seed, steps) in [1, 2, 3, 10, 100, 1_000, 5_000].into_iter().enumerate() {
        let shape = WorkflowShape::random(steps, &Entropy::seeded(seed as u64));
        let graph = shape.graph();
        assert_eq!((graph.len(), graph.edge_count()), (steps, shape.edges.len()));
        assert!((0..steps).all(|place| graph.parents(place).len() <= 4));
        if steps >= 100 {
            let roots = graph.roots().count();
            assert!(roots > steps / 20 && roots < steps / 2, "{roots} roots of {steps} steps");
            assert!(shape.edges.iter().any(|(from, to)| from > to), "some step stands before one it waits for");
        }
    }
}

#[test]
fn layers_are_as_deep_and_wide_as_asked_and_nobody_is_left_out() {
    for (layers, width) in [(1, 1), (1, 5), (4, 1), (10, 20)] {
        let graph = WorkflowShape::layered(layers, width, &Entropy::seeded(3)).graph();
        for level in 0..layers {
            assert_eq!(graph.levels().iter().filter(|&&found| found == level).count(), width);
        }
        assert_eq!((graph.roots().count(), graph.leaves().count()), (width, width));
    }
}

#[test]
#[should_panic(expected = "shape loop is no acyclic graph")]
fn a_shape_with_a_cycle_is_refused() {
    WorkflowShape::new("loop", ["a", "b"], [(0, 1), (1, 0)]);
}
