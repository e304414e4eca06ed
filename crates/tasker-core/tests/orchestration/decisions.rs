//! The exchange decides about tasks in SQL, from counters; the rules decide from the rows. Both must agree after every
//! exchange.

use std::collections::{BTreeMap, BTreeSet};

use tasker_domain::state::TaskState;
use tasker_domain::verdict::{TaskCounts, TaskVerdict, after_step};

use crate::journey::{Round, Witness, seeds, travel};

#[derive(Default)]
struct Decisions {
    seed: u64,
    seen: BTreeMap<&'static str, u64>,
}

#[derive(sqlx::FromRow)]
struct Step {
    workflow_step_id: i64,
    state: String,
    dead: bool,
    held: bool,
}

/// Where the steps of a task stand, by the shared tables alone.
async fn counts(round: &Round<'_>, task_id: i64) -> TaskCounts {
    let steps: Vec<Step> = sqlx::query_as(
        "with s as (
           select s.workflow_step_id, coalesce(t.to_state, 'pending') as state,
             not s.retryable or s.attempts >= s.retry_limit as used_up
           from tasker_workflow_steps s
           left join tasker_workflow_step_transitions t on t.workflow_step_id = s.workflow_step_id and t.most_recent
           where s.task_id = $1)
         select workflow_step_id, state, state = 'cancelled' or state = 'error' and used_up as dead,
           exists (select from tasker_workflow_step_edges e join s p on p.workflow_step_id = e.from_step_id
             where e.to_step_id = s.workflow_step_id and p.state not in ('complete', 'resolved_manually')) as held
         from s",
    )
    .bind(task_id)
    .fetch_all(round.pool)
    .await
    .unwrap();
    let mut counts = TaskCounts::default();
    for step in steps {
        let count = match step.state.as_str() {
            "complete" | "resolved_manually" => &mut counts.finished,
            "in_progress" => &mut counts.running,
            _ if step.dead => &mut counts.dead,
            "error" if round.woken.contains(&step.workflow_step_id) => &mut counts.ready,
            "error" => &mut counts.waiting,
            _ if step.held => &mut counts.held,
            _ => &mut counts.ready,
        };
        *count += 1;
    }
    counts
}

impl Witness for Decisions {
    async fn see(&mut self, round: Round<'_>) {
        for &task_id in &round.moved {
            let counts = counts(&round, task_id).await;
            let decision = after_step(&counts, round.tasks[&task_id]);
            let expected = decision.verdict.moves_to().unwrap_or(TaskState::InProgress);
            let record = round.record(task_id).await;
            assert_eq!(
                record.task.state, expected,
                "seed {}, task {task_id} at {}: {counts:?}: {}",
                self.seed, round.instant, decision.reason
            );
            *self.seen.entry(decision.reason.code()).or_default() += 1;
            let is_marked: bool = sqlx::query_scalar("select complete from tasker_tasks where task_id = $1")
                .bind(task_id)
                .fetch_one(round.pool)
                .await
                .unwrap();
            assert_eq!(is_marked, decision.verdict == TaskVerdict::Complete, "seed {}, task {task_id}", self.seed);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exchange_decides_as_the_rules_do() {
    let mut decisions = Decisions::default();
    for seed in seeds(4) {
        decisions.seed = seed;
        travel(seed, &mut decisions).await;
    }
    println!("count: {} decisions: {:?}", decisions.seen.values().sum::<u64>(), decisions.seen);
    let reasons: BTreeSet<&str> = decisions.seen.keys().copied().collect();
    for reason in ["all_steps_finished", "halted", "halting", "held_by_dead_steps", "steps_run", "steps_wait"] {
        assert!(reasons.contains(reason), "no run came to `{reason}`: {reasons:?}");
    }
}
