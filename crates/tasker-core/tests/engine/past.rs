//! The history alone says what stood where at any instant.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDateTime;
use tasker_core::clock::Clock;
use tasker_core::ops::{StateAt, state_at};
use tasker_core::{Handled, Request, StepContext, StepError};
use tasker_domain::json::Json;
use tasker_domain::operation::TaskOperation;
use tasker_postgres::ledger::{Ledger, Operator, StepChange, TaskChange};
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, diamond};

async fn present(ledger: &Ledger, task_id: i64) -> StateAt {
    let record = ledger.task_record(task_id).await.unwrap().unwrap();
    let steps: BTreeMap<_, _> = record.steps.iter().map(|step| (step.step_id, step.state)).collect();
    StateAt { task: record.task.state, steps }
}

#[tokio::test]
async fn the_state_at_any_instant_is_rebuilt_from_the_transitions() {
    let script = Script::default()
        .on("b", |step: &StepContext| match step.attempt() {
            1 | 2 => Err(StepError::failure("not yet")),
            _ => Ok(serde_json::json!({})),
        })
        .on("d", |_| Err(StepError::permanent("broken")));
    let bench = Bench::new(script).await;
    let ledger = bench.tasker().ledger().clone();
    let begin = bench.clock.wall_time();
    let task_id = bench.tasker().submit(&diamond(""), Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
    let mut seen: Vec<(NaiveDateTime, StateAt)> = Vec::new();
    for _ in 0..6 {
        let handled = bench.tasker().handle_task(task_id, CancellationToken::new()).await.unwrap();
        seen.push((bench.clock.wall_time(), present(&ledger, task_id).await));
        match handled {
            Handled::Again { after, .. } => bench.clock.advance(after),
            Handled::AtRest { .. } => break,
        }
    }
    let by =
        |bench: &Bench| Operator { actor: "ada", reason: "a test", now: bench.clock.record_time(), dry_run: false };
    bench.clock.advance(Duration::from_secs(60));
    ledger.change_tasks(&[task_id], TaskChange::Operation(TaskOperation::Retry), by(&bench)).await.unwrap();
    seen.push((bench.clock.wall_time(), present(&ledger, task_id).await));
    bench.clock.advance(Duration::from_secs(60));
    let step = ledger.find_steps(task_id, "d").await.unwrap()[0];
    ledger.change_step(step, &StepChange::Resolve, by(&bench)).await.unwrap();
    seen.push((bench.clock.wall_time(), present(&ledger, task_id).await));

    assert!(seen.len() >= 5, "{seen:?}");
    for (instant, states) in &seen {
        assert_eq!(state_at(&ledger, task_id, *instant).await.unwrap().as_ref(), Some(states), "at {instant}");
    }
    for pair in seen.windows(2) {
        // Nothing happened between two looks: up to the second one, everything was as at the first.
        let just_before = pair[1].0 - chrono::TimeDelta::microseconds(1);
        assert_eq!(state_at(&ledger, task_id, just_before).await.unwrap().as_ref(), Some(&pair[0].1), "{just_before}");
    }
    let kinds: std::collections::BTreeSet<_> = seen.iter().map(|(_, states)| states.task).collect();
    assert!(kinds.len() >= 3, "the task went through several states: {kinds:?}");
    let before = state_at(&ledger, task_id, begin - chrono::TimeDelta::seconds(1)).await.unwrap().unwrap();
    assert_eq!(before.task.as_str(), "pending");
    assert!(before.steps.len() == 4 && before.steps.values().all(|state| state.as_str() == "pending"));
    assert_eq!(state_at(&ledger, task_id + 1, begin).await.unwrap(), None);
}
