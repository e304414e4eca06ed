//! What was written by an earlier version is still read, and written the same: `tests/data/verdicts.json` never changes
//! except by additions.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tasker_domain::verdict::rails::{Mode, ReenqueueDelays, Situation, finalize};
use tasker_domain::verdict::{AttemptFacts, StepDecision, TaskCounts, TaskDecision, Verdict};

#[derive(Deserialize)]
struct Written {
    attempt_facts: Vec<Value>,
    verdicts: Vec<Value>,
    step_decisions: Vec<Value>,
    task_counts: Vec<Value>,
    task_decisions: Vec<Value>,
    reenqueue_delays: Vec<Value>,
    finalizations: Vec<Value>,
}

fn reads_back<T: DeserializeOwned + serde::Serialize>(values: &[Value]) {
    assert!(!values.is_empty());
    for value in values {
        let read: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"));
        assert_eq!(serde_json::to_value(&read).unwrap(), *value);
    }
}

#[test]
fn what_was_written_is_read() {
    let written: Written = serde_json::from_str(include_str!("../data/verdicts.json")).unwrap();
    reads_back::<AttemptFacts>(&written.attempt_facts);
    reads_back::<Verdict>(&written.verdicts);
    reads_back::<StepDecision>(&written.step_decisions);
    reads_back::<TaskCounts>(&written.task_counts);
    reads_back::<TaskDecision>(&written.task_decisions);
    reads_back::<ReenqueueDelays>(&written.reenqueue_delays);
    let decision =
        finalize(tasker_domain::state::TaskState::InProgress, Situation::WaitingForDependencies, Mode::Synchronous, 45);
    assert_eq!(written.finalizations, [serde_json::to_value(decision).unwrap()]);
}
