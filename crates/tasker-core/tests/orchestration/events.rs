//! What is published while tasks are carried out: which events, with which keys, in which order, and only after the
//! commit that made them true.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use tasker_core::entropy::Entropy;
use tasker_core::events::{Events, Interest, Published, Room};
use tasker_core::orchestration::Pulse;
use tasker_core::{Handlers, Output, Request, StepContext, StepError, StepHandler, Tasker, Work};
use tasker_domain::event::{Event, Key, Kind};
use tasker_domain::json::Json;
use tasker_domain::template::Template;
use tasker_testing::TestDatabase;
use tasker_testing::proxy::Proxy;
use tokio_util::sync::CancellationToken;

use crate::support::{Script, diamond, template};
use crate::world::{World, failing};

/// Everything that was told, as JSON.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Value>>>);

impl Log {
    pub(crate) fn of(events: &Events, names: &[&str]) -> Self {
        let log = Self::default();
        let lines = log.0.clone();
        events
            .subscribe(names, move |event: &Published| {
                lines.lock().unwrap().push(serde_json::to_value(event).unwrap());
            })
            .unwrap();
        log
    }

    pub(crate) async fn told(&self, events: &Events) -> Vec<Value> {
        events.flush().await;
        self.0.lock().unwrap().clone()
    }

    /// What was told of this name.
    async fn payloads(&self, events: &Events, name: &str) -> Vec<Value> {
        let told = self.told(events).await;
        told.into_iter().filter(|event| event["event"] == name).map(|event| event["payload"].clone()).collect()
    }
}

fn fits(key: &Key, value: &Value) -> bool {
    if value.is_null() {
        return key.nullable;
    }
    match key.kind {
        Kind::Boolean => value.is_boolean(),
        Kind::Integer => value.is_i64(),
        Kind::Number | Kind::Seconds => value.is_number(),
        Kind::Instant => {
            let text = value.as_str().unwrap_or_default();
            chrono::DateTime::parse_from_rfc3339(text).is_ok()
        }
        Kind::Text => value.is_string(),
        Kind::List => value.is_array(),
        Kind::Object => value.is_object(),
        Kind::Any => true,
    }
}

/// The payload has the keys that the catalogue lays down, and no others.
fn assert_keys(event: &Value) {
    let name = event["event"].as_str().unwrap();
    let known = Event::named(name).unwrap_or_else(|| panic!("{name} is not in the catalogue"));
    assert!(known.is_alive(), "{name} is dead");
    let keys = known.keys();
    let payload = event["payload"].as_object().unwrap();
    if keys.is_empty() {
        return;
    }
    for key in &keys {
        match payload.get(key.name) {
            Some(value) => assert!(fits(key, value), "{name}: {} is {value}, not {}", key.name, key.kind),
            None => assert!(!key.required, "{name} has no {}", key.name),
        }
    }
    for name_of_key in payload.keys() {
        assert!(keys.iter().any(|key| key.name == name_of_key), "{name}: {name_of_key} is not in the catalogue");
    }
}

/// One line for each event: its name and what it is about.
fn short(event: &Value) -> String {
    let name = event["event"].as_str().unwrap();
    let payload = &event["payload"];
    match (&payload["step_name"], &payload["step_names"]) {
        (Value::String(step), _) => format!("{name} {step} {}", payload["attempt_number"]),
        (_, Value::Array(steps)) => {
            let steps: Vec<&str> = steps.iter().filter_map(Value::as_str).collect();
            format!("{name} {}", steps.join(" "))
        }
        _ => name.to_owned(),
    }
}

fn named(name: &str, head: &str, steps: &[(&str, &str)]) -> Template {
    Template { name: name.to_owned(), ..template(head, steps) }
}

/// A task with everything in it: success, a retry after a wait, attempts used up, a failure for good.
async fn eventful(world: &World) -> i64 {
    let steps = [
        ("good", ""),
        ("again", "depends_on_step: good"),
        ("never", "default_retry_limit: 1"),
        ("after", "depends_on_step: never"),
    ];
    let task_id = world.submit(&named("eventful", "jitter: false", &steps)).await;
    world.to_its_end(task_id).await;
    task_id
}

fn eventful_script() -> Script {
    failing(&[("again", 1), ("never", 9)])
}

#[tokio::test]
async fn every_event_has_the_keys_of_the_catalogue() {
    let world = World::new(eventful_script()).await;
    let log = Log::of(world.tasker.events(), &["*"]);
    eventful(&world).await;
    let complete = world.submit(&diamond("")).await;
    world.to_its_end(complete).await;
    let told = log.told(world.tasker.events()).await;
    for event in &told {
        assert_keys(event);
    }
    let names: BTreeSet<&str> = told.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let expected = BTreeSet::from([
        "observability.step.backoff",
        "observability.step.max_retries_reached",
        "observability.task.enqueue",
        "step.before_handle",
        "step.completed",
        "step.execution_requested",
        "step.failed",
        "step.retry_requested",
        "task.before_transition",
        "task.completed",
        "task.failed",
        "task.initialize_requested",
        "task.start_requested",
        "workflow.no_viable_steps",
        "workflow.steps_execution_completed",
        "workflow.steps_execution_started",
        "workflow.task_finalization_completed",
        "workflow.task_finalization_started",
        "workflow.task_started",
        "workflow.viable_steps_discovered",
    ]);
    assert_eq!(names, expected);
    let sequences: Vec<u64> = told.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.is_sorted_by(|earlier, later| earlier < later), "{sequences:?}");
    println!("count: {} events of {} names", told.len(), names.len());
}

/// What the ordered log of a run is (B-ORC-016), with one worker and one step at a time.
#[tokio::test]
async fn a_run_is_told_in_order() {
    let mut world = World::new(failing(&[("b", 1)])).await;
    world.tasker = world.tasker.clone().with_concurrency(1);
    let log = Log::of(world.tasker.events(), &["task.*", "step.*", "workflow.*", "observability.*"]);
    let task_id = world.submit(&template("jitter: false", &[("a", ""), ("b", "depends_on_step: a")])).await;
    world.to_its_end(task_id).await;
    let told: Vec<String> = log.told(world.tasker.events()).await.iter().map(short).collect();
    let expected = [
        "observability.task.enqueue",
        "task.before_transition",
        "task.start_requested",
        "workflow.task_started",
        "workflow.viable_steps_discovered a",
        "workflow.steps_execution_started",
        "step.execution_requested a 1",
        "step.before_handle a 1",
        "step.completed a 1",
        "workflow.steps_execution_completed",
        "workflow.viable_steps_discovered b",
        "workflow.steps_execution_started",
        "step.execution_requested b 1",
        "step.before_handle b 1",
        "step.failed b 1",
        "observability.step.backoff b 1",
        "workflow.steps_execution_completed",
        "workflow.no_viable_steps",
        "workflow.task_finalization_started",
        "task.before_transition",
        "task.initialize_requested",
        "workflow.task_finalization_completed",
        "task.before_transition",
        "task.start_requested",
        "workflow.task_started",
        "workflow.viable_steps_discovered b",
        "workflow.steps_execution_started",
        "step.retry_requested b 2",
        "step.execution_requested b 2",
        "step.before_handle b 2",
        "step.completed b 2",
        "workflow.steps_execution_completed",
        "workflow.task_finalization_started",
        "task.before_transition",
        "task.completed",
        "workflow.task_finalization_completed",
    ];
    assert_eq!(told, expected);
}

/// A step that is passed over is claimed and complete, but no handler is called (R-18).
#[tokio::test]
async fn a_step_that_is_passed_over_is_told_without_its_handler() {
    let world = World::new(Script::default()).await;
    let log = Log::of(world.tasker.events(), &["step.*"]);
    let template = template("", &[("a", "skippable: true"), ("b", "depends_on_step: a")]);
    let request = Request::new(Json::parse("{}").unwrap()).bypassing(["a"]);
    let task_id = world.tasker.submit(&template, request).await.unwrap().task_id;
    world.to_its_end(task_id).await;
    let told: Vec<String> = log.told(world.tasker.events()).await.iter().map(short).collect();
    let expected = [
        "step.execution_requested a 0",
        "step.completed a 0",
        "step.execution_requested b 1",
        "step.before_handle b 1",
        "step.completed b 1",
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_creation_is_told_once_and_the_start_when_it_starts() {
    let world = World::new(Script::default()).await;
    let events = world.tasker.events();
    let log = Log::of(events, &["task.start_requested", "observability.task.enqueue"]);
    let request = || Request::new(Json::parse(r#"{"amount": 12.50}"#).unwrap()).with_key("one");
    let first = world.tasker.submit(&diamond(""), request()).await.unwrap();
    // The same again creates nothing, and nothing is told.
    assert!(!world.tasker.submit(&diamond(""), request()).await.unwrap().created);
    let enqueued = log.payloads(events, "observability.task.enqueue").await;
    assert_eq!(enqueued.len(), 1);
    assert_eq!(enqueued[0]["task_id"], json!(first.task_id));
    assert_eq!(enqueued[0]["task_context"], json!({ "amount": 12.50 }));
    assert_eq!((&enqueued[0]["total_steps"], &enqueued[0]["pending_steps"]), (&json!(4), &json!(4)));
    assert!(log.payloads(events, "task.start_requested").await.is_empty());
    world.to_its_end(first.task_id).await;
    let started = log.payloads(events, "task.start_requested").await;
    assert_eq!(started.len(), 1);
    assert_eq!((&started[0]["from_state"], &started[0]["to_state"]), (&json!("pending"), &json!("in_progress")));
    assert_eq!((&started[0]["step_count"], &started[0]["task_name"]), (&json!(4), &json!("test")));
}

#[tokio::test]
async fn discovery_tells_what_was_found_and_why_nothing_was() {
    let world = World::new(failing(&[("d", 1)])).await;
    let events = world.tasker.events();
    let log = Log::of(events, &["workflow.viable_steps_discovered", "workflow.no_viable_steps"]);
    let task_id = world.submit(&diamond("jitter: false")).await;
    world.pass(task_id).await;
    let steps = world.steps(task_id).await;
    let found = log.payloads(events, "workflow.viable_steps_discovered").await;
    let mut named: Vec<&str> = Vec::new();
    for payload in &found {
        assert_eq!((&payload["task_id"], &payload["processing_mode"]), (&json!(task_id), &json!("concurrent")));
        let names: Vec<&str> =
            payload["step_names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(payload["step_count"], json!(names.len()));
        let ids: Vec<i64> = payload["step_ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
        let of_ids: Vec<&str> =
            ids.iter().map(|id| steps.iter().find(|step| step.step_id == *id).unwrap().name.as_str()).collect();
        assert_eq!(of_ids, names);
        named.extend(names);
    }
    named.sort_unstable();
    assert_eq!(named, ["a", "b", "c", "d"]);
    let none = log.payloads(events, "workflow.no_viable_steps").await;
    assert_eq!(none.len(), 1);
    assert_eq!((&none[0]["task_id"], none[0]["reason"].as_str().unwrap().is_empty()), (&json!(task_id), false));
}

#[tokio::test]
async fn the_end_of_a_task_is_told_with_its_totals() {
    let world = World::new(eventful_script()).await;
    let events = world.tasker.events();
    let log = Log::of(events, &["task.completed", "task.failed"]);
    let complete = world.submit(&diamond("")).await;
    world.to_its_end(complete).await;
    let failed = eventful(&world).await;
    let told = log.payloads(events, "task.completed").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["task_id"], json!(complete));
    let counts = |payload: &Value| {
        ["total_steps", "completed_steps", "failed_steps", "pending_steps"].map(|key| payload[key].as_i64().unwrap())
    };
    assert_eq!(counts(&told[0]), [4, 4, 0, 0]);
    assert!(told[0]["total_execution_duration"].is_number() && told[0]["completed_at"].is_string());
    let flag: bool = sqlx::query_scalar("select complete from tasker_tasks where task_id = $1")
        .bind(complete)
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert!(flag);
    let told = log.payloads(events, "task.failed").await;
    assert_eq!(told.len(), 1);
    assert_eq!(counts(&told[0]), [4, 2, 1, 1]);
    assert_eq!((&told[0]["failed_steps_count"], &told[0]["error_steps"]), (&json!(1), &json!(["never"])));
    assert_eq!((&told[0]["task_id"], &told[0]["error_message"]), (&json!(failed), &json!("as told")));
}

#[tokio::test]
async fn a_finalisation_carries_the_context_before_and_after() {
    let world = World::new(eventful_script()).await;
    let events = world.tasker.events();
    let log = Log::of(events, &["workflow.task_finalization_started", "workflow.task_finalization_completed"]);
    let complete = world.submit(&diamond("")).await;
    world.to_its_end(complete).await;
    let failed = eventful(&world).await;
    let told = log.told(events).await;
    let keys =
        ["execution_status", "health_status", "total_steps", "ready_steps", "failed_steps", "recommended_action"];
    let mut ends: HashMap<i64, Vec<String>> = HashMap::new();
    for pair in told.chunks(2) {
        let [before, after] = pair else { panic!("one of a pair is missing: {pair:?}") };
        assert_eq!(before["event"], "workflow.task_finalization_started");
        assert_eq!(after["event"], "workflow.task_finalization_completed");
        let task_id = before["payload"]["task_id"].as_i64().unwrap();
        assert_eq!(after["payload"]["task_id"].as_i64(), Some(task_id));
        for key in keys {
            assert!(!before["payload"][key].is_null(), "{key}");
            assert_eq!(before["payload"][key], after["payload"][key], "{key}");
        }
        ends.entry(task_id).or_default().push(after["payload"]["final_status"].as_str().unwrap().to_owned());
    }
    assert_eq!(ends[&complete], ["complete"]);
    assert_eq!(ends[&failed], ["pending", "error"]);
    let last = &told.last().unwrap()["payload"];
    assert_eq!((&last["execution_status"], &last["processed_steps_count"]), (&json!("blocked_by_failures"), &json!(2)));
}

/// Somebody who is added while tasks run is told from then on, with task ids and counts of steps (B-ORC-013).
#[tokio::test]
async fn a_monitor_can_be_added_and_taken_away_while_work_goes_on() {
    let world = World::new(Script::default()).await;
    let events = world.tasker.events();
    let first = world.submit(&diamond("")).await;
    world.to_its_end(first).await;
    let counts: Arc<Mutex<BTreeMap<i64, i64>>> = Arc::default();
    let seen = counts.clone();
    let monitor = events
        .subscribe(&["workflow.viable_steps_discovered"], move |event: &Published| {
            let count = event.get("step_count").and_then(Json::as_i64).unwrap();
            *seen.lock().unwrap().entry(event.task_id().unwrap()).or_default() += count;
        })
        .unwrap();
    let second = world.submit(&diamond("")).await;
    world.to_its_end(second).await;
    events.flush().await;
    monitor.end();
    let third = world.submit(&diamond("")).await;
    world.to_its_end(third).await;
    events.flush().await;
    assert_eq!(*counts.lock().unwrap(), BTreeMap::from([(second, 4)]));
}

/// Announces by itself that a step is done, in the engine's stead, as a helper of the original may (B-ORC-008).
#[derive(Clone)]
struct Announcing(Arc<Mutex<Option<Events>>>);

impl StepHandler for Announcing {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        let events = self.0.lock().unwrap().clone().unwrap();
        let payload = Json::from(json!({ "task_id": step.task_id(), "step_id": step.step_id() }));
        events.publish("workflow.step_completed", payload.clone()).unwrap();
        events.publish("order.fulfilled", payload).unwrap();
        Ok(Output::empty())
    }
}

#[tokio::test]
async fn anybody_can_publish() {
    let world = World::new(Script::default()).await;
    let handler = Announcing(Arc::default());
    let tasker = Tasker::new(world.pool().clone(), Handlers::new().with("H", handler.clone())).unwrap();
    *handler.0.lock().unwrap() = Some(tasker.events().clone());
    let log = Log::of(tasker.events(), &["workflow.step_completed", "order.*"]);
    tasker.run(&template("", &[("only", "")]), Json::parse("{}").unwrap()).await.unwrap();
    let told = log.told(tasker.events()).await;
    let names: Vec<&str> = told.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["workflow.step_completed", "order.fulfilled"]);
    assert!(told.iter().all(|event| event["payload"]["step_id"].is_i64()));
    // Nobody is there: nothing happens.
    World::new(Script::default()).await.tasker.events().publish("order.fulfilled", Json::empty_object()).unwrap();
}

#[tokio::test]
async fn names_that_nobody_has_are_refused() {
    let world = World::new(Script::default()).await;
    let events = world.tasker.events();
    let refused = events.subscribe(&["task.complete"], |_: &Published| {}).unwrap_err();
    insta::assert_snapshot!(refused, @"there is no event `task.complete`; did you mean `task.completed`?");
    let refused = events.publish("step.completedly", Json::empty_object()).unwrap_err();
    insta::assert_snapshot!(refused, @"there is no event `step.completedly`; did you mean `step.completed`?");
    let refused = events.publish("order", Json::empty_object()).unwrap_err();
    insta::assert_snapshot!(refused, @"there is no event `order`: take one of the catalogue (docs/events.md), or a namespace of your own and a dot before the name");
    let refused = events.publish("order.fulfilled", Json::Null).unwrap_err();
    insta::assert_snapshot!(refused, @"the payload of an event is a JSON object, not null");
    for pattern in ["order.fulfilled", "*", "observability.task.*", "workflow.task_reenqueue_started"] {
        Interest::in_events([pattern]).unwrap();
    }
    Interest::in_events(["nothing.*", "task.nothing.*"]).unwrap_err();
}

/// A subscriber that panics loses the event at which it did; one that stands still loses what it has no room for. The
/// engine and the others do not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_subscriber_harms_nobody_else() {
    let world = World::new(Script::default()).await;
    let events = world.tasker.events();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let stuck = events
        .subscribe_within(Interest::all(), Room { events: 2, bytes: 1 << 20 }, move |_: &Published| {
            let _released = held.recv();
        })
        .unwrap();
    let panicking = events.subscribe(&["step.*"], |_: &Published| panic!("a bad subscriber")).unwrap();
    let good = Log::of(events, &["*"]);
    let task_id = world.submit(&diamond("")).await;
    world.to_its_end(task_id).await;
    drop(release);
    let told = good.told(events).await;
    assert_eq!(told.last().unwrap()["event"], "workflow.task_finalization_completed");
    let of_steps = told.iter().filter(|event| event["event"].as_str().unwrap().starts_with("step.")).count() as u64;
    assert_eq!(of_steps, 12);
    assert_eq!((panicking.delivery().panics, panicking.delivery().delivered), (of_steps, 0));
    let stuck = stuck.delivery();
    assert!(stuck.lost > 0, "{stuck:?}");
    assert_eq!(stuck.lost + stuck.delivered, told.len() as u64, "{stuck:?}");
    assert_eq!(events.lost(), 0);
}

/// What is told stands in the database already.
#[tokio::test]
async fn what_is_told_is_committed() {
    let world = World::new(Script::default()).await;
    let mut stream = world.tasker.events().stream(Interest::in_events(["step.completed"]).unwrap(), Room::default());
    let task_id = world.submit(&diamond("")).await;
    let (pool, tasker) = (world.pool().clone(), world.tasker.clone());
    let work = tokio::spawn(async move { tasker.handle_task(task_id, CancellationToken::new()).await.unwrap() });
    for _ in 0..4 {
        let event = tokio::time::timeout(Duration::from_secs(60), stream.next()).await.unwrap().unwrap();
        let (state, at): (String, String) = sqlx::query_as(
            "select to_state, to_char(created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from tasker_workflow_step_transitions
             where workflow_step_id = $1 and most_recent",
        )
        .bind(event.step_id().unwrap())
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(state, "complete");
        assert_eq!(event.get("transitioned_at").and_then(Json::as_str), Some(at.as_str()));
        let results: Json = event.get("step_results").unwrap().clone();
        assert_eq!(results.to_string(), r#"{"ok":true}"#);
    }
    work.await.unwrap();
}

/// The events of each task as they must follow each other, whatever the order in which answers came.
fn assert_order(task_id: i64, told: &[Value]) {
    let mut completed: BTreeSet<&str> = BTreeSet::new();
    let mut begun: BTreeSet<&str> = BTreeSet::new();
    let mut ended = false;
    for event in told {
        let step = event["payload"]["step_name"].as_str().unwrap_or_default();
        assert!(!ended, "task {task_id}: {} after its end", short(event));
        match event["event"].as_str().unwrap() {
            "step.execution_requested" => {
                for parent in event["payload"]["step_dependencies"].as_array().unwrap() {
                    let parent = parent.as_str().unwrap();
                    assert!(completed.contains(parent), "task {task_id}: {step} before the end of {parent}");
                }
                assert!(begun.insert(step), "task {task_id}: {step} twice");
            }
            "step.completed" => {
                assert!(begun.contains(step), "task {task_id}: the end of {step} before its beginning");
                assert!(completed.insert(step), "task {task_id}: {step} twice");
            }
            "task.completed" => ended = true,
            other => panic!("{other}"),
        }
    }
    assert!(ended && completed.len() == 6, "task {task_id}: {told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_of_a_task_are_in_order_under_load() {
    const TASKS: usize = 300;
    let database = TestDatabase::with_schema().await;
    let tasker = Tasker::new(database.pool().clone(), Handlers::new().with("H", Script::default())).unwrap();
    let log = Log::of(tasker.events(), &["step.execution_requested", "step.completed", "task.completed"]);
    let shape = template(
        "",
        &[
            ("a", ""),
            ("b", ""),
            ("c", "depends_on_steps: [a, b]"),
            ("d", "depends_on_step: a"),
            ("e", "depends_on_step: b"),
            ("f", "depends_on_steps: [c, d, e]"),
        ],
    );
    let requests = (0..TASKS).map(|_| Request::new(Json::parse("{}").unwrap())).collect();
    tasker.submit_all(&shape, requests).await.unwrap();
    let drain = CancellationToken::new();
    let (worker, token) = (tasker.clone(), drain.clone());
    let work = tokio::spawn(async move { worker.work(Work::new().drained_by(token)).await.unwrap() });
    let mut ends = tasker.events().stream(Interest::in_events(["task.completed"]).unwrap(), Room::default());
    for _ in 0..TASKS {
        tokio::time::timeout(Duration::from_secs(120), ends.next()).await.expect("every task ends").unwrap();
    }
    drain.cancel();
    work.await.unwrap();
    let mut of_task: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for event in log.told(tasker.events()).await {
        of_task.entry(event["payload"]["task_id"].as_i64().unwrap()).or_default().push(event);
    }
    assert_eq!(of_task.len(), TASKS);
    for (task_id, told) in &of_task {
        assert_order(*task_id, told);
    }
    assert_eq!(tasker.events().lost(), 0);
}

/// How many statements it takes to carry a diamond out while somebody wants to be told of these events.
async fn statements(names: &[&str]) -> u64 {
    let database = TestDatabase::with_schema().await;
    let handlers = || Handlers::new().with("H", Script::default());
    let setting_up = Tasker::new(database.pool().clone(), handlers()).unwrap();
    let task = setting_up.submit(&diamond(""), Request::new(Json::parse("{}").unwrap())).await.unwrap();
    let proxy = Proxy::start(&database.options(), Entropy::seeded(1));
    let pool = PgPoolOptions::new().max_connections(4).connect_with(proxy.options()).await.unwrap();
    let seldom = Pulse { every: Duration::from_secs(600), lease: Duration::from_secs(3600) };
    let tasker = Tasker::new(pool.clone(), handlers()).unwrap().with_pulse(seldom).with_concurrency(1);
    let log = Log::of(tasker.events(), names);
    let before = proxy.statements();
    tasker.handle_task(task.task_id, CancellationToken::new()).await.unwrap();
    let told = log.told(tasker.events()).await;
    assert_eq!(told.is_empty(), names.is_empty());
    proxy.statements() - before
}

#[tokio::test]
async fn who_listens_to_nothing_that_must_be_read_costs_no_statement() {
    let nobody = statements(&[]).await;
    assert!(nobody > 0, "nothing was counted");
    let steps = ["step.completed", "step.failed", "step.execution_requested", "workflow.viable_steps_discovered"];
    assert_eq!(statements(&steps).await, nobody);
    assert!(statements(&["task.completed"]).await > nobody);
}
