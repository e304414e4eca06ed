//! Schedules: earliest begins, slack, the critical path.

use std::time::Duration;

use proptest::prelude::*;
use tasker_domain::analysis::schedule::schedule;
use tasker_domain::graph::Graph;

fn seconds(values: &[u64]) -> Vec<Duration> {
    values.iter().map(|seconds| Duration::from_secs(*seconds)).collect()
}

#[test]
fn the_slow_branch_of_a_diamond_is_critical() {
    let graph = Graph::new(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]).unwrap();
    let schedule = schedule(&graph, &seconds(&[1, 2, 5, 1]));
    assert_eq!(schedule.critical_path, [0, 2, 3]);
    assert_eq!(schedule.earliest, seconds(&[0, 1, 1, 6]));
    assert_eq!(schedule.slack, seconds(&[0, 3, 0, 0]));
    assert_eq!(schedule.total, Duration::from_secs(7));
}

#[test]
fn nothing_takes_no_time() {
    let schedule = schedule(&Graph::new(0, &[]).unwrap(), &[]);
    assert_eq!((schedule.critical_path.len(), schedule.total), (0, Duration::ZERO));
}

proptest! {
    #[test]
    fn the_critical_path_takes_as_long_as_the_whole(
        nodes in 1_usize..30,
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..80),
        times in prop::collection::vec(0_u64..20, 30),
    ) {
        let edges: Vec<_> = picks.iter().map(|(left, right)| (left.index(nodes), right.index(nodes)))
            .filter(|(left, right)| left < right).collect();
        let graph = Graph::new(nodes, &edges).unwrap();
        let times = seconds(&times[..nodes]);
        let schedule = schedule(&graph, &times);
        let length: Duration = schedule.critical_path.iter().map(|node| times[*node]).sum();
        prop_assert_eq!(length, schedule.total);
        prop_assert!(schedule.critical_path.windows(2).all(|pair| graph.children(pair[0]).contains(&pair[1])));
    }
}
