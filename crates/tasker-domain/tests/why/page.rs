//! The page `docs/why.md` is written from the reasons. `TASKER_WRITE_DOCS=1 cargo nextest run -p tasker-domain --test why`
//! writes it anew.

use std::fmt::Write;
use std::path::Path;

use tasker_domain::state::{StepState, TaskState};
use tasker_domain::why::{OpenParent, Reason};

use super::judged::{ada, instant};

const INTRODUCTION: &str = "# Why a step does not go on

`tasker why TASK` tells for a task, and for each of its steps that has not ended well, one reason and what would change it;
`tasker why TASK/STEP` tells it for one step. With more than twenty open steps they are put together by reason, those first that
a person or another worker has to see to; `--all` tells each by itself.

```text
$ tasker why 1
task 1 (shop/order 1.0.0): error; dead steps hold it
  → all of them again: `tasker task retry 1 --reason WHY`
  label (step 2, error): failed for good: broken printer [dead_permanent]
    → `tasker step retry 2`, `tasker step resolve 2` or `tasker step complete 2 --results JSON`, each with `--reason WHY`
  ship (step 3, pending): the task has ended in error [task_at_rest]
    → `tasker task retry 1 --reason WHY`
```

`--json` prints one document: `task_id`, `template`, `state`, `at_rest`, `deadline`, `deadline_passed`, `now`, and `steps`, each with `step_id`, `step`,
`state`, `reason` (its `code` from the table and what belongs to it), `text`, `remedy`, `passes_by_itself`, `deadline` and `deadline_passed`. A task that has not ended
though none of its steps is open has `reason` and `remedy` itself. A deadline that has passed is one that the
next worker that looks will see to. In Rust: `tasker_core::ops::why`.

No unfinished task is without a reason (R-32). The codes are stable: programs may rely on them. `WHY` stands for words of yours, which
are kept in the history.

This page is written by the test `why` of `tasker-domain` from `crates/tasker-domain/src/why.rs`; 7 and 12 are the ids of a task and a
step.

| code | what it means | by itself | what to do |
|---|---|---|---|
";

/// One of each. The match below names every one of them, so a new one cannot be forgotten here.
fn examples() -> Vec<Reason> {
    let parents = |state| vec![OpenParent { step: "pack".to_owned(), state }];
    let error = Some("broken printer".to_owned());
    vec![
        Reason::Running { worker: "host:4711".to_owned(), lease_until: Some(instant()) },
        Reason::InLine { before: 3 },
        Reason::WaitsForParents { parents: parents(StepState::Pending) },
        Reason::WaitsForRetry { until: instant(), error: error.clone(), attempts: 1, attempts_allowed: 3 },
        Reason::WaitsForStart { until: instant() },
        Reason::Abandoned { worker: "host:4711".to_owned() },
        Reason::ToBeAdopted,
        Reason::NoWorkerForQueue { queue: "shop".to_owned() },
        Reason::NoWorkerWithHandler { queue: "shop".to_owned(), handler: "ChargeCard".to_owned() },
        Reason::NoWorkerWithTemplate { template: "shop/order 1.0.0".to_owned() },
        Reason::Reserved,
        Reason::TaskPaused { by: ada() },
        Reason::Paused { scope: "queue".to_owned(), name: "shop".to_owned(), by: ada() },
        Reason::Halted,
        Reason::DeadPermanent { error: error.clone() },
        Reason::DeadExhausted { error, attempts: 3 },
        Reason::DeadDeadline { error: Some("the step was not done within its deadline of 90 s".to_owned()) },
        Reason::BehindDeadParent { parents: parents(StepState::Cancelled) },
        Reason::Cancelled,
        Reason::TaskAtRest { state: TaskState::Error },
        Reason::NotAdopted,
        Reason::FitsNoDefinition,
        Reason::RunsElsewhere,
        Reason::SideRowsDiffer,
    ]
}

fn meaning(reason: &Reason) -> &'static str {
    match reason {
        Reason::Running { .. } => "A worker carries it out at this moment.",
        Reason::Abandoned { .. } => {
            "The worker that held it has been silent for its lease: it was killed, or lost its network."
        }
        Reason::WaitsForParents { .. } => {
            "Steps before it have not ended well yet; each of them has a reason of its own."
        }
        Reason::BehindDeadParent { .. } => "A step before it was called off, so it can never start by itself.",
        Reason::WaitsForRetry { .. } => "An attempt failed; the next one has its time.",
        Reason::WaitsForStart { .. } => "The task was asked for a later instant (`run_at`).",
        Reason::InLine { .. } => "It is ready, and a live worker serves it that has others to carry out first.",
        Reason::NoWorkerForQueue { .. } => "It is ready, but no live worker serves its queue.",
        Reason::NoWorkerWithHandler { .. } => "Live workers serve its queue, but none has its handler.",
        Reason::NoWorkerWithTemplate { .. } => {
            "Live workers have its handler, but were started with other templates, or with another version of this one."
        }
        Reason::TaskPaused { .. } => "A person paused the task.",
        Reason::Paused { .. } => "A person paused its queue or its task type.",
        Reason::Reserved => {
            "The task was begun by `tasker run`, which has ended or was interrupted; workers leave it alone."
        }
        Reason::Halted => "A step of the task died, and its template says `fail_fast`.",
        Reason::DeadPermanent { .. } => "It failed in a way that no further attempt would mend.",
        Reason::DeadExhausted { .. } => "It failed as often as it may.",
        Reason::DeadDeadline { .. } => {
            "All its attempts and waits took longer than the `deadline_seconds` of its template."
        }
        Reason::Cancelled => "It was called off; its task cannot end well any more.",
        Reason::TaskAtRest { .. } => "The task has ended before it came to this step.",
        Reason::NotAdopted => {
            "Another program, such as a Rails application, made the task, and workers run only types that they adopt."
        }
        Reason::ToBeAdopted => "Another program made the task, and a live worker that adopts its type will find it.",
        Reason::FitsNoDefinition => {
            "Another program made the task and a worker adopts its type, but no template is registered whose steps and dependencies are the task's."
        }
        Reason::RunsElsewhere => "Another program has it in progress.",
        Reason::SideRowsDiffer => {
            "The record was changed by hand, or by a program that does not know the side tables, in a way that nobody has noticed yet."
        }
    }
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for reason in examples() {
        let by_itself = if reason.passes_by_itself() { "yes" } else { "no" };
        writeln!(
            page,
            "| `{}` | {} *{reason}* | {by_itself} | {} |",
            reason.code(),
            meaning(&reason),
            reason.remedy(7, 12)
        )
        .unwrap();
    }
    page
}

#[test]
fn the_page_is_as_the_reasons_are() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/why.md");
    if std::env::var_os("TASKER_WRITE_DOCS").is_some() {
        std::fs::write(&file, page()).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written, page(), "docs/why.md; TASKER_WRITE_DOCS=1 writes it anew");
}

#[test]
fn each_reason_is_told_once_and_its_code_is_the_one_in_json() {
    let mut codes: Vec<&str> = examples().iter().map(Reason::code).collect();
    assert_eq!(codes.len(), 24, "one of each");
    for reason in examples() {
        assert_eq!(serde_json::to_value(&reason).unwrap()["code"], reason.code());
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 24);
}
