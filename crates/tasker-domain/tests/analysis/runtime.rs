//! The analysis of a task at an instant.

use chrono::{DateTime, TimeDelta, Utc};
use tasker_domain::analysis::runtime::{
    InvalidTask, OverallImpact, Potential, RuntimeAnalysis, Severity, StepFacts, TaskFacts, TaskHealth, Weights,
    analyse,
};
use tasker_domain::state::StepState::{self, Complete, Error, InProgress, Pending, ResolvedManually};

pub(crate) fn now() -> DateTime<Utc> {
    "2024-05-17T12:00:00Z".parse().unwrap()
}

fn step(id: i64, state: StepState, attempts: u32) -> StepFacts {
    StepFacts {
        id,
        name: format!("step_{id}"),
        state,
        attempts,
        retry_limit: Some(3),
        ready_for_execution: false,
        next_retry_at: None,
    }
}

fn ready(id: i64) -> StepFacts {
    StepFacts { ready_for_execution: true, ..step(id, Pending, 0) }
}

fn task(steps: Vec<StepFacts>, edges: &[(i64, i64)]) -> TaskFacts {
    TaskFacts { task_id: 42, steps, edges: edges.to_vec() }
}

fn analysed(task: &TaskFacts) -> RuntimeAnalysis {
    analyse(task, now(), &Weights::default()).unwrap()
}

/// The worked example of the original: a failed and waits for its next attempt, b and c wait for it.
pub(crate) fn chain() -> TaskFacts {
    let failed = StepFacts { next_retry_at: Some(now() + TimeDelta::seconds(90)), ..step(1, Error, 1) };
    task(vec![failed, step(2, Pending, 0), step(3, Pending, 0)], &[(1, 2), (2, 3)])
}

fn diamond() -> TaskFacts {
    task(vec![step(1, Complete, 1), ready(2), ready(3), step(4, Pending, 0)], &[(1, 2), (1, 3), (2, 4), (3, 4)])
}

/// Rungs of diamonds, one on the other: twice as many paths with each.
fn ladder(rungs: i64) -> TaskFacts {
    let mut edges = Vec::new();
    for rung in 0..rungs {
        let from = rung * 3;
        edges.extend([(from, from + 1), (from, from + 2), (from + 1, from + 3), (from + 2, from + 3)]);
    }
    let mut steps: Vec<_> = (0..=rungs * 3).map(|id| step(id, Pending, 0)).collect();
    steps[0].ready_for_execution = true;
    task(steps, &edges)
}

#[test]
fn the_worked_example_gives_the_originals_numbers() {
    let analysis = analysed(&chain());
    let path = &analysis.critical_paths.paths[0];
    assert_eq!((path.blocked_steps, path.error_steps, path.retry_steps), (2, 1, 1));
    assert_eq!((path.estimated_duration, path.criticality_score), (180.0, 166.0));
    let bottlenecks = &analysis.bottlenecks;
    assert_eq!((bottlenecks.total_bottlenecks, bottlenecks.task_health), (1, TaskHealth::Recovering));
    let bottleneck = &bottlenecks.bottlenecks[0];
    assert_eq!((bottleneck.impact_score, bottleneck.severity), (83.0, Severity::High));
    assert_eq!(bottleneck.bottleneck_type, "Active Error");
    assert_eq!(bottleneck.resolution_strategy, "Investigate error cause");
    assert_eq!(bottleneck.estimated_resolution_time, "2 minute(s)");
    assert_eq!(bottlenecks.overall_impact, OverallImpact::Medium);
    let chain = analysis.error_chains.most_critical_error.unwrap();
    assert_eq!((chain.total_impact, chain.downstream_steps), (43.0, vec![2, 3]));
    assert_eq!(analysis.error_chains.recovery_priority[0].priority_level, Severity::Medium);
    assert_eq!(analysis.error_chains.recovery_priority[0].recommended_action, "Wait for Backoff");
}

#[test]
fn the_analysis_as_a_document() {
    insta::assert_json_snapshot!(analysed(&chain()));
}

#[test]
fn the_analysis_keeps_the_task() {
    let analysis = analysed(&diamond());
    assert_eq!((analysis.task_id, analysis.generated_at), (42, now()));
}

#[test]
fn the_graph_has_nodes_edges_neighbours_and_levels() {
    let graph = analysed(&diamond()).dependency_graph;
    let nodes: Vec<_> = graph.nodes.iter().map(|node| (node.id, node.name.as_str(), node.level)).collect();
    assert_eq!(nodes, [(1, "step_1", 0), (2, "step_2", 1), (3, "step_3", 1), (4, "step_4", 2)]);
    let edges: Vec<_> =
        graph.edges.iter().map(|edge| (edge.from, edge.to, edge.from_name.as_str(), edge.to_name.as_str())).collect();
    assert_eq!(edges[0], (1, 2, "step_1", "step_2"));
    assert_eq!(edges.len(), 4);
    assert_eq!(graph.adjacency_list[&1], [2, 3]);
    assert_eq!(graph.reverse_adjacency_list[&4], [2, 3]);
    assert_eq!(
        graph.dependency_levels.iter().map(|(id, level)| (*id, *level)).collect::<Vec<_>>(),
        [(1, 0), (2, 1), (3, 1), (4, 2)]
    );
}

#[test]
fn paths_have_their_ends_steps_and_counts() {
    let paths = analysed(&diamond()).critical_paths;
    assert_eq!((paths.total_paths, paths.longest_path_length, paths.longest_chain_length), (2, 3, 3));
    assert_eq!((paths.root_nodes.as_slice(), paths.leaf_nodes.as_slice()), ([1].as_slice(), [4].as_slice()));
    let path = &paths.paths[0];
    assert_eq!((path.path.as_slice(), path.length), ([1, 2, 4].as_slice(), 3));
    assert_eq!(path.step_names, ["step_1", "step_2", "step_4"]);
    assert_eq!((path.completed_steps, path.blocked_steps, path.error_steps, path.ready_steps), (1, 1, 0, 1));
    assert_eq!(path.completion_percentage, 33.3);
    assert_eq!(paths.paths[1].path, [1, 3, 4]);
}

#[test]
fn the_longest_path_is_not_the_one_with_the_most_trouble() {
    let steps = vec![step(1, Error, 3), step(2, Pending, 0), ready(3), step(4, Pending, 0), step(5, Pending, 0)];
    let mut facts = task(steps, &[(1, 2), (3, 4), (4, 5)]);
    facts.steps[3].state = Complete;
    facts.steps[2].state = Complete;
    let paths = analysed(&facts).critical_paths;
    assert_eq!((paths.longest_path_length, paths.longest_chain_length), (2, 3));
}

#[test]
fn paths_of_a_ladder_are_counted_and_not_walked() {
    let paths = analysed(&ladder(30)).critical_paths;
    assert_eq!((paths.total_paths, paths.all_looked_at, paths.paths.len()), (1 << 30, false, 5));
    assert!(paths.paths.iter().all(|path| path.length == 61 && path.path[0] == 0 && path.path[60] == 90));
    let different: std::collections::HashSet<_> = paths.paths.iter().map(|path| &path.path).collect();
    assert_eq!(different.len(), 5);
    assert_eq!(analysed(&ladder(100)).critical_paths.total_paths, u64::MAX);
}

#[test]
fn the_bounded_answer_is_the_full_one_where_nothing_is_complete() {
    let mut facts = ladder(11);
    for (place, step) in facts.steps.iter_mut().enumerate() {
        if place % 5 == 1 {
            *step = StepFacts { name: step.name.clone(), ..super::runtime::step(step.id, Error, place as u32 % 3) };
        }
    }
    // One rung less has few enough paths to look at all of them.
    let few = TaskFacts {
        steps: facts.steps[..31].to_vec(),
        edges: facts.edges.iter().copied().filter(|(_, to)| *to < 31).collect(),
        ..facts.clone()
    };
    let (all, bounded) = (analysed(&few).critical_paths, analysed(&facts).critical_paths);
    assert!(all.all_looked_at && !bounded.all_looked_at);
    let best = |facts: &TaskFacts, rungs: i64| {
        // By hand: the branch with the error wins in each rung.
        let place = |id: i64| facts.steps[usize::try_from(id).unwrap()].clone();
        let worth = |step: &StepFacts| {
            if step.state == Error {
                30.0 * 1.5 + 2.0 + if step.attempts > 0 { 10.0 } else { 0.0 } + f64::from(step.attempts)
            } else {
                0.0
            }
        };
        let mut path = vec![0];
        for rung in 0..rungs {
            let (left, right) = (place(rung * 3 + 1), place(rung * 3 + 2));
            path.push(if worth(&right) > worth(&left) { right.id } else { left.id });
            path.push(rung * 3 + 3);
        }
        path
    };
    assert_eq!(all.paths[0].path, best(&few, 10));
    assert_eq!(bounded.paths[0].path, best(&facts, 11));
}

#[test]
fn levels_say_what_could_run_together() {
    let figures = analysed(&diamond()).parallelism_opportunities;
    assert_eq!((figures.total_steps, figures.total_levels, figures.max_parallel_steps), (4, 3, 2));
    assert_eq!((figures.current_parallel_opportunities, figures.blocked_parallel_opportunities), (2, 1));
    assert_eq!((figures.overall_completion, figures.parallelism_efficiency, figures.average_width), (25.0, 33.3, 1.3));
    let middle = &figures.levels[1];
    assert_eq!((middle.total_steps, middle.ready_steps, middle.parallelism_potential), (2, 2, Potential::High));
    assert_eq!(figures.levels[2].bottleneck_risk, Potential::High);
    assert_eq!(figures.levels[0].parallelism_potential, Potential::Low);
}

#[test]
fn a_healthy_task_lists_what_waits_and_ours_what_it_waits_for() {
    let analysis = analysed(&diamond());
    let listed: Vec<_> = analysis.bottlenecks.bottlenecks.iter().map(|bottleneck| bottleneck.step_id).collect();
    assert_eq!(listed, [4]);
    assert_eq!(analysis.bottlenecks.bottlenecks[0].estimated_resolution_time, "Depends on upstream steps");
    assert_eq!(analysis.bottlenecks.task_health, TaskHealth::Healthy);
    let blockers: Vec<_> =
        analysis.root_blockers.iter().map(|blocker| (blocker.step_id, blocker.unfinished_behind)).collect();
    assert_eq!(blockers, [(2, 1), (3, 1)]);
    assert_eq!(analysis.error_chains.total_error_steps, 0);
    assert_eq!(analysis.error_chains.most_critical_error, None);
}

#[test]
fn used_up_attempts_are_a_permanent_failure() {
    let analysis = analysed(&task(vec![step(1, Error, 3), step(2, Pending, 0)], &[(1, 2)]));
    let bottleneck = &analysis.bottlenecks.bottlenecks[0];
    // (5 + 15) × 2.5 + 3 × 3 + 10 + 20
    assert_eq!((bottleneck.impact_score, bottleneck.severity), (89.0, Severity::High));
    assert_eq!(bottleneck.bottleneck_type, "Permanent Failure");
    assert_eq!(bottleneck.resolution_strategy, "Manual intervention required");
    assert_eq!(bottleneck.estimated_resolution_time, "Immediate action needed");
    assert_eq!(analysis.bottlenecks.task_health, TaskHealth::Blocked);
    let chain = &analysis.error_chains.error_chains[0];
    assert_eq!(chain.total_impact, 15.0 + 5.0 + 20.0 + 9.0);
    let strategies: Vec<_> = chain.recovery_strategies.iter().map(|strategy| strategy.strategy.as_str()).collect();
    assert_eq!(strategies, ["Manual Resolution", "Increase Retry Limit"]);
    let held = &analysis.critical_paths.paths[0].bottlenecks;
    assert_eq!(
        (held[0].reason.as_str(), held[0].severity, held[0].impact.as_str()),
        ("Exhausted retries", 45, "Blocks 1 downstream steps")
    );
    assert_eq!((held[1].reason.as_str(), held[1].severity), ("Dependencies not satisfied", 5));
}

#[test]
fn many_critical_steps_are_severe() {
    let steps = (0..6).map(|id| step(id, if id < 3 { Error } else { Pending }, 3)).collect();
    let edges: Vec<_> = (0..3).flat_map(|from| (3..6).map(move |to| (from, to))).collect();
    let bottlenecks = analysed(&task(steps, &edges)).bottlenecks;
    assert_eq!((bottlenecks.critical_bottlenecks, bottlenecks.overall_impact), (3, OverallImpact::Severe));
    assert_eq!((bottlenecks.failed_steps_ratio, bottlenecks.total_blocked_steps), (50.0, 9));
}

#[test]
fn what_waits_for_its_time_says_so() {
    let analysis = analysed(&chain());
    assert_eq!(analysis.critical_paths.paths[0].bottlenecks[0].reason, "In backoff period");
    let retry = &analysis.error_chains.error_chains[0].retry_analysis;
    assert!(retry.in_backoff && retry.retryable && !retry.exhausted);
    assert_eq!(retry.remaining_attempts, 2);
}

#[test]
fn settled_steps_count_as_done() {
    let analysis = analysed(&task(vec![step(1, ResolvedManually, 0), step(2, InProgress, 0)], &[(1, 2)]));
    assert_eq!(analysis.critical_paths.paths[0].completed_steps, 1);
    assert_eq!(analysis.critical_paths.paths[0].blocked_steps, 0);
    assert_eq!(analysis.parallelism_opportunities.overall_completion, 50.0);
}

#[test]
fn a_task_without_steps_has_an_analysis() {
    let analysis = analysed(&task(Vec::new(), &[]));
    assert_eq!(analysis.critical_paths.total_paths, 0);
    assert_eq!(analysis.parallelism_opportunities.total_levels, 0);
    assert_eq!(analysis.bottlenecks.overall_impact, OverallImpact::None);
}

#[test]
fn what_is_no_task_is_refused() {
    let refused = |task: TaskFacts| analyse(&task, now(), &Weights::default()).unwrap_err();
    assert_eq!(refused(task(vec![ready(1), ready(1)], &[])), InvalidTask::StepTwice(1));
    assert_eq!(refused(task(vec![ready(1)], &[(1, 2)])), InvalidTask::UnknownStep(2));
    assert_eq!(refused(task(vec![ready(1), ready(2)], &[(1, 2), (2, 1)])), InvalidTask::Cyclic(vec![1, 2]));
}

#[test]
fn the_same_task_has_the_same_analysis() {
    assert_eq!(analysed(&chain()), analysed(&chain()));
    assert_ne!(analysed(&chain()), analysed(&diamond()));
}

#[test]
fn six_steps_with_some_done_are_six_nodes() {
    let steps = (1..=6).map(|id| step(id, if id < 3 { Complete } else { Pending }, 0)).collect();
    let analysis = analysed(&task(steps, &[(1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]));
    assert_eq!(analysis.dependency_graph.nodes.len(), 6);
    assert_eq!((analysis.critical_paths.total_paths, analysis.critical_paths.longest_path_length), (1, 6));
}

#[test]
fn an_analysis_comes_back_from_its_document() {
    let analysis = analysed(&chain());
    let text = serde_json::to_string(&analysis).unwrap();
    assert_eq!(serde_json::from_str::<RuntimeAnalysis>(&text).unwrap(), analysis);
}
