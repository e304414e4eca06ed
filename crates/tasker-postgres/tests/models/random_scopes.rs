//! Scopes put together at random find what a plain filter over the same rows finds.

use chrono::{NaiveDateTime, TimeDelta};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tasker_domain::state::{StepState, TaskState};
use tasker_postgres::PgPool;
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::minute;

const NAMES: [&str; 3] = ["alpha", "beta", "O'Hara"];
const VERSIONS: [&str; 2] = ["0.9.0", "0.10.0"];
const STATES: [&str; 6] = ["pending", "in_progress", "complete", "error", "cancelled", "resolved_manually"];

#[derive(Debug)]
struct Change {
    state: &'static str,
    at: NaiveDateTime,
}

/// A task as the test made it. Histories are in the order of their sort keys; the last row is the most recent one
/// unless `stale`, where none is.
#[derive(Debug)]
struct Made {
    id: i64,
    names: (usize, usize, usize),
    created_at: NaiveDateTime,
    history: Vec<Change>,
    stale: bool,
    steps: Vec<MadeStep>,
    annotations: Vec<(usize, &'static str, String)>,
    tags: Vec<&'static str>,
    complete: bool,
    customer: i64,
}

#[derive(Debug)]
struct MadeStep {
    id: i64,
    name: usize,
    history: Vec<Change>,
    attempts: Option<i32>,
    retry_limit: Option<i32>,
    retryable: bool,
    in_process: bool,
    last_attempted_at: Option<NaiveDateTime>,
    backoff_request_seconds: Option<i32>,
    parents: Vec<i64>,
}

impl MadeStep {
    fn state(&self) -> &'static str {
        self.history.last().map_or("pending", |change| change.state)
    }

    fn may_be_tried(&self) -> bool {
        self.retryable && !self.in_process && self.attempts.unwrap_or(0) < self.retry_limit.unwrap_or(3)
    }

    fn dead(&self) -> bool {
        self.state() == "error" && !self.may_be_tried()
    }

    fn waits(&self, at: NaiveDateTime) -> bool {
        let Some(failure) = self.history.last().filter(|change| change.state == "error") else { return false };
        let asked = self.last_attempted_at.zip(self.backoff_request_seconds);
        let asked = asked.is_some_and(|(last, seconds)| last + TimeDelta::seconds(seconds.into()) > at);
        let doubled = TimeDelta::seconds(2_i64.pow(self.attempts.unwrap_or(1).unsigned_abs()).min(30));
        self.may_be_tried() && (asked || failure.at + doubled > at)
    }

    fn alive(&self, all: &[Self]) -> bool {
        let finished = |id: &i64| {
            all.iter().any(|step| step.id == *id && matches!(step.state(), "complete" | "resolved_manually"))
        };
        let open = matches!(self.state(), "pending" | "error") && self.may_be_tried();
        self.in_process || self.state() == "in_progress" || (open && self.parents.iter().all(finished))
    }
}

fn history(random: &mut StdRng) -> Vec<Change> {
    let length = random.random_range(0..4);
    (0..length)
        .map(|_| Change { state: STATES[random.random_range(0..6)], at: minute(random.random_range(0..10)) })
        .collect()
}

async fn make(pool: &PgPool) -> Vec<Made> {
    let mut random = StdRng::seed_from_u64(20_250_701);
    let mut kinds = Vec::new();
    for name in NAMES {
        kinds.push(AnnotationType::find_or_create(name, pool).await.unwrap());
    }
    let mut made = Vec::new();
    for _ in 0..40 {
        let names = (random.random_range(0..3), random.random_range(0..3), random.random_range(0..2));
        let (namespace, name, version) = (NAMES[names.0], NAMES[names.1], VERSIONS[names.2]);
        let named_task = NamedTask::find_or_create_by_full_name(namespace, name, version, pool).await.unwrap();
        let created_at = minute(random.random_range(0..10));
        let tags: Vec<&str> = NAMES.into_iter().filter(|_| random.random_bool(0.4)).collect();
        let (complete, customer) = (random.random_bool(0.3), random.random_range(0..3_i64));
        let new = NewTask {
            complete,
            created_at: Some(created_at),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..NewTask::of(&named_task, json!({"customer": {"id": customer, "name": "x"}}))
        };
        let task = Task::create(new, pool).await.unwrap();
        let (changes, stale) = (history(&mut random), random.random_bool(0.1));
        for (place, change) in changes.iter().enumerate() {
            let new = NewTaskTransition {
                to_state: change.state.into(),
                most_recent: place + 1 == changes.len() && !stale,
                created_at: Some(change.at),
                ..NewTaskTransition::to(TaskState::Pending, task.task_id, i32::try_from(place).unwrap() * 10 + 10)
            };
            TaskTransition::create(new, pool).await.unwrap();
        }
        let mut steps: Vec<MadeStep> = Vec::new();
        for (name, text) in NAMES.into_iter().enumerate().filter(|_| random.random_bool(0.7)).collect::<Vec<_>>() {
            let named_step = NamedStep::find_or_create("system", text, pool).await.unwrap();
            let mut step = WorkflowStep::create(NewWorkflowStep::of(&task, &named_step), pool).await.unwrap();
            let attempts = [None, Some(0), Some(1), Some(2), Some(3), Some(6)][random.random_range(0..6)];
            let retry_limit = [None, Some(2), Some(7)][random.random_range(0..3)];
            let (retryable, in_process) = (random.random_bool(0.8), random.random_bool(0.1));
            let last_attempted_at = random.random_bool(0.7).then(|| minute(random.random_range(0..10)));
            let backoff_request_seconds = [None, Some(0), Some(150)][random.random_range(0..3)];
            step.update(pool, |step| {
                (step.attempts, step.retry_limit, step.retryable) = (attempts, retry_limit, retryable);
                step.in_process = in_process;
                step.last_attempted_at = last_attempted_at;
                step.backoff_request_seconds = backoff_request_seconds;
            })
            .await
            .unwrap();
            let mut parents = Vec::new();
            for parent in &steps {
                if random.random_bool(0.5) {
                    let edge = NewWorkflowStepEdge {
                        from_step_id: parent.id,
                        to_step_id: step.workflow_step_id,
                        name: "provides".into(),
                        created_at: None,
                        updated_at: None,
                    };
                    WorkflowStepEdge::create(edge, pool).await.unwrap();
                    parents.push(parent.id);
                }
            }
            let changes = history(&mut random);
            for (place, change) in changes.iter().enumerate() {
                let sort_key = i32::try_from(place).unwrap() * 10 + 10;
                let new = NewWorkflowStepTransition {
                    to_state: change.state.into(),
                    most_recent: place + 1 == changes.len(),
                    created_at: Some(change.at),
                    ..NewWorkflowStepTransition::to(StepState::Pending, step.workflow_step_id, sort_key)
                };
                WorkflowStepTransition::create(new, pool).await.unwrap();
            }
            steps.push(MadeStep {
                id: step.workflow_step_id,
                name,
                history: changes,
                attempts,
                retry_limit,
                retryable,
                in_process,
                last_attempted_at,
                backoff_request_seconds,
                parents,
            });
        }
        let mut annotations = Vec::new();
        for _ in 0..random.random_range(0..3) {
            let (kind, key) = (random.random_range(0..3), ["k", "j"][random.random_range(0..2)]);
            let value = random.random_range(0..2).to_string();
            let annotation = NewTaskAnnotation::of(task.task_id, &kinds[kind], json!({ key: value }));
            TaskAnnotation::create(annotation, pool).await.unwrap();
            annotations.push((kind, key, value));
        }
        made.push(Made {
            id: task.task_id,
            names,
            created_at,
            history: changes,
            stale,
            steps,
            annotations,
            tags,
            complete,
            customer,
        });
    }
    made
}

/// A scope of tasks with its argument.
#[derive(Debug, Clone)]
enum Pick {
    Namespace(usize),
    Name(usize),
    Version(usize),
    CurrentState(Option<usize>),
    State(usize),
    CreatedSince(i64),
    CompletedSince(i64),
    FailedSince(i64),
    Active,
    Annotation(usize, &'static str, u8),
    TypedAnnotation(usize, &'static str, u8),
    Tag(usize),
    Context(i64),
    ContextPath(i64),
    WaitingForRetry(i64),
    HeldByStep(usize),
    Stuck,
    Either(Box<Pick>, Box<Pick>),
}

fn pick() -> impl Strategy<Value = Pick> {
    let key = || prop_oneof![Just("k"), Just("j"), Just("k'?\"")];
    let leaf = prop_oneof![
        (0..3_usize).prop_map(Pick::Namespace),
        (0..3_usize).prop_map(Pick::Name),
        (0..2_usize).prop_map(Pick::Version),
        proptest::option::of(0..6_usize).prop_map(Pick::CurrentState),
        (0..6_usize).prop_map(Pick::State),
        (0..10_i64).prop_map(Pick::CreatedSince),
        (0..10_i64).prop_map(Pick::CompletedSince),
        (0..10_i64).prop_map(Pick::FailedSince),
        Just(Pick::Active),
        (0..3_usize, key(), 0..2_u8).prop_map(|(kind, key, value)| Pick::Annotation(kind, key, value)),
        (0..3_usize, key(), 0..2_u8).prop_map(|(kind, key, value)| Pick::TypedAnnotation(kind, key, value)),
        (0..3_usize).prop_map(Pick::Tag),
        (0..4_i64).prop_map(Pick::Context),
        (0..4_i64).prop_map(Pick::ContextPath),
        (0..12_i64).prop_map(Pick::WaitingForRetry),
        (0..3_usize).prop_map(Pick::HeldByStep),
        Just(Pick::Stuck),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        (inner.clone(), inner).prop_map(|(one, other)| Pick::Either(Box::new(one), Box::new(other)))
    })
}

fn narrowed(scope: Scope<Task>, pick: &Pick) -> Scope<Task> {
    let state = |place: usize| STATES[place].parse::<TaskState>().unwrap();
    match pick {
        Pick::Namespace(name) => scope.in_namespace(NAMES[*name]),
        Pick::Name(name) => scope.with_task_name(NAMES[*name]),
        Pick::Version(version) => scope.with_version(VERSIONS[*version]),
        Pick::CurrentState(place) => scope.by_current_state(place.map(state)),
        Pick::State(place) => scope.in_state(state(*place)),
        Pick::CreatedSince(at) => scope.created_since(minute(*at)),
        Pick::CompletedSince(at) => scope.completed_since(minute(*at)),
        Pick::FailedSince(at) => scope.failed_since(minute(*at)),
        Pick::Active => scope.active(),
        Pick::Annotation(kind, key, value) => {
            scope.by_annotation(&format!(" {} ", NAMES[*kind]), key, &value.to_string())
        }
        Pick::TypedAnnotation(kind, key, value) => {
            scope.with_annotation(NAMES[*kind], &json!({ *key: value.to_string() }).into())
        }
        Pick::Tag(tag) => scope.with_tag(NAMES[*tag]),
        Pick::Context(id) => scope.with_context(&json!({"customer": {"id": id}}).into()),
        Pick::ContextPath(id) => scope.with_context_path(&["customer", "id"], &json!(id).into()),
        Pick::WaitingForRetry(at) => scope.waiting_for_retry(minute(*at)),
        Pick::HeldByStep(name) => scope.held_by_step(NAMES[*name]),
        Pick::Stuck => scope.stuck(),
        Pick::Either(one, other) => scope.and(narrowed(Task::scope(), one).or(narrowed(Task::scope(), other))),
    }
}

fn holds(task: &Made, pick: &Pick) -> bool {
    let last = task.history.last();
    let current = || last.filter(|_| !task.stale).map_or("pending", |change| change.state);
    let open = || !task.complete && !["complete", "cancelled", "resolved_manually"].contains(&current());
    let step_ends = || task.steps.iter().filter_map(|step| step.history.last());
    match pick {
        Pick::Namespace(name) => task.names.0 == *name,
        Pick::Name(name) => task.names.1 == *name,
        Pick::Version(version) => task.names.2 == *version,
        Pick::CurrentState(None) => last.is_some(),
        Pick::CurrentState(Some(place)) => last.is_some_and(|change| change.state == STATES[*place]),
        Pick::State(place) => current() == STATES[*place],
        Pick::CreatedSince(at) => task.created_at > minute(*at),
        Pick::CompletedSince(at) => step_ends().any(|change| change.state == "complete" && change.at > minute(*at)),
        Pick::FailedSince(at) => last.is_some_and(|change| change.state == "error" && change.at > minute(*at)),
        Pick::Active => {
            step_ends().any(|change| !["complete", "error", "skipped", "resolved_manually"].contains(&change.state))
        }
        Pick::Annotation(kind, key, value) => {
            let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
            task.annotations.iter().any(|note| note.1 == key && note.2 == value.to_string())
                && task.annotations.iter().any(|note| note.0 == *kind)
        }
        Pick::TypedAnnotation(kind, key, value) => {
            task.annotations.iter().any(|note| note.0 == *kind && note.1 == *key && note.2 == value.to_string())
        }
        Pick::Tag(tag) => task.tags.contains(&NAMES[*tag]),
        Pick::Context(id) | Pick::ContextPath(id) => task.customer == *id,
        Pick::WaitingForRetry(at) => open() && task.steps.iter().any(|step| step.waits(minute(*at))),
        Pick::HeldByStep(name) => open() && task.steps.iter().any(|step| step.name == *name && step.dead()),
        Pick::Stuck => open() && !task.steps.iter().any(|step| step.alive(&task.steps)),
        Pick::Either(one, other) => holds(task, one) || holds(task, other),
    }
}

fn runner() -> TestRunner {
    TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() })
}

#[test]
fn tasks_that_random_scopes_find() {
    // B-SCP-001…007
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(TestDatabase::with_schema());
    let pool = database.pool();
    let made = runtime.block_on(make(pool));
    let checked = runner().run(&proptest::collection::vec(pick(), 0..5), |picks| {
        let scope = picks.iter().fold(Task::scope(), narrowed).order(Task::TASK_ID.asc());
        let expected: Vec<i64> =
            made.iter().filter(|task| picks.iter().all(|pick| holds(task, pick))).map(|task| task.id).collect();
        runtime.block_on(async {
            let found: Vec<i64> = scope.fetch(pool).await.unwrap().iter().map(|task| task.task_id).collect();
            prop_assert_eq!(&found, &expected, "{}", scope.to_sql());
            prop_assert_eq!(scope.count(pool).await.unwrap(), i64::try_from(expected.len()).unwrap());
            prop_assert_eq!(scope.exists(pool).await.unwrap(), !expected.is_empty());
            prop_assert_eq!(scope.first(pool).await.unwrap().map(|task| task.task_id), expected.first().copied());
            prop_assert_eq!(scope.pluck(Task::TASK_ID, pool).await.unwrap(), expected);
            Ok(())
        })
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
    runtime.block_on(database.drop());
}

#[derive(Debug, Clone)]
enum StepPick {
    Completed,
    NotCompleted,
    Failed,
    Pending,
    OfTask(usize),
    CurrentState(Option<usize>),
    State(usize),
    CompletedSince(i64),
    FailedSince(i64),
    OfTasksSince(i64),
    Name(usize),
    Dead,
    WaitingForRetry(i64),
}

fn step_pick() -> impl Strategy<Value = StepPick> {
    prop_oneof![
        Just(StepPick::Completed),
        Just(StepPick::NotCompleted),
        Just(StepPick::Failed),
        Just(StepPick::Pending),
        (0..40_usize).prop_map(StepPick::OfTask),
        proptest::option::of(0..6_usize).prop_map(StepPick::CurrentState),
        (0..6_usize).prop_map(StepPick::State),
        (0..10_i64).prop_map(StepPick::CompletedSince),
        (0..10_i64).prop_map(StepPick::FailedSince),
        (0..10_i64).prop_map(StepPick::OfTasksSince),
        (0..3_usize).prop_map(StepPick::Name),
        Just(StepPick::Dead),
        (0..12_i64).prop_map(StepPick::WaitingForRetry),
    ]
}

fn narrowed_steps(scope: Scope<WorkflowStep>, pick: &StepPick, made: &[Made]) -> Scope<WorkflowStep> {
    let state = |place: usize| STATES[place].parse::<StepState>().unwrap();
    match pick {
        StepPick::Completed => scope.completed(),
        StepPick::NotCompleted => scope.not_completed(),
        StepPick::Failed => scope.failed(),
        StepPick::Pending => scope.pending(),
        StepPick::OfTask(place) => scope.for_task(made[*place].id),
        StepPick::CurrentState(place) => scope.by_current_state(place.map(state)),
        StepPick::State(place) => scope.in_state(state(*place)),
        StepPick::CompletedSince(at) => scope.completed_since(minute(*at)),
        StepPick::FailedSince(at) => scope.failed_since(minute(*at)),
        StepPick::OfTasksSince(at) => scope.for_tasks_since(minute(*at)),
        StepPick::Name(name) => scope.with_step_name(NAMES[*name]),
        StepPick::Dead => scope.dead(),
        StepPick::WaitingForRetry(at) => scope.waiting_for_retry(minute(*at)),
    }
}

fn step_holds(task: &Made, step: &MadeStep, pick: &StepPick, made: &[Made]) -> bool {
    let state = step.history.last().map(|change| change.state);
    let since = |wanted, at: &i64| step.history.last().is_some_and(|end| end.state == wanted && end.at > minute(*at));
    let completed = matches!(state, Some("complete" | "resolved_manually"));
    match pick {
        StepPick::Completed => completed,
        StepPick::NotCompleted => !completed,
        StepPick::Failed => state == Some("error"),
        StepPick::Pending => matches!(state, None | Some("pending" | "in_progress")),
        StepPick::OfTask(place) => task.id == made[*place].id,
        StepPick::CurrentState(None) => state.is_some(),
        StepPick::CurrentState(Some(place)) => state == Some(STATES[*place]),
        StepPick::State(place) => state.unwrap_or("pending") == STATES[*place],
        StepPick::CompletedSince(at) => since("complete", at),
        StepPick::FailedSince(at) => since("error", at),
        StepPick::OfTasksSince(at) => task.created_at > minute(*at),
        StepPick::Name(name) => step.name == *name,
        StepPick::Dead => step.dead(),
        StepPick::WaitingForRetry(at) => step.waits(minute(*at)),
    }
}

#[test]
fn steps_that_random_scopes_find() {
    // B-SCP-010…016
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(TestDatabase::with_schema());
    let pool = database.pool();
    let made = runtime.block_on(make(pool));
    let checked = runner().run(&proptest::collection::vec(step_pick(), 0..4), |picks| {
        let scope = picks.iter().fold(WorkflowStep::scope(), |scope, pick| narrowed_steps(scope, pick, &made));
        let scope = scope.order(WorkflowStep::WORKFLOW_STEP_ID.asc());
        let expected: Vec<i64> = made
            .iter()
            .flat_map(|task| task.steps.iter().map(move |step| (task, step)))
            .filter(|(task, step)| picks.iter().all(|pick| step_holds(task, step, pick, &made)))
            .map(|(_, step)| step.id)
            .collect();
        let found = runtime.block_on(scope.keys(pool)).unwrap();
        prop_assert_eq!(found, expected, "{}", scope.to_sql());
        Ok(())
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
    runtime.block_on(database.drop());
}
