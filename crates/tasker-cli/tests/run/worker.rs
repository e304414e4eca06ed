//! `tasker worker`: what it loads, what it serves, how it ends.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::operate::Desk;
use super::support::{Running, chain, template, wait_until};

const LONG: &str = "  - {name: only, handler_class: command, handler_config: {command: ./long.sh}}\n";

/// Waits for a file `go`, and ends when told to.
const PATIENT: &str = "trap 'exit 9' TERM INT; touch began
tries=0; while [ ! -e go ] && [ $tries -lt 1200 ]; do tries=$((tries + 1)); sleep 0.05; done; echo '{\"done\": true}'";

impl Desk {
    fn worker(&self, more: &[&str]) -> Running {
        let mut running =
            Running::start(self.command(&[&["worker", "--templates", ".", "--name", "w1"], more].concat()));
        if !more.contains(&"--json") {
            running.wait_for(&["worker w1:"]);
        }
        running
    }

    async fn long_step(&self) {
        self.folder.write("long.yaml", template(LONG).replace("trial", "long"));
        let script = self.folder.write("long.sh", format!("#!/bin/sh\n{PATIENT}\n"));
        std::fs::set_permissions(script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        self.says("task create long.yaml", 0);
    }
}

#[tokio::test]
async fn it_carries_out_what_was_created_and_ends_when_told() {
    let desk = Desk::new().await;
    desk.says("task create parcel.yaml", 0);
    let mut worker = desk.worker(&["--summary-every", "100ms"]);
    worker.wait_for(&["task 1 ended in error; what holds it: tasker why 1"]);
    worker.wait_for(&["attempts:", "1 failed for good"]);
    let listed = desk.document("workers --json", 0)["workers"][0].clone();
    assert_eq!((&listed["name"], &listed["alive"], &listed["queues"]), (&json!("w1"), &json!(true), &Value::Null));
    assert_eq!(listed["templates"], json!(["tests/trial 1.2.3"]));
    assert_eq!(listed["handlers"], json!(["command", "http"]));
    let text = desk.says("workers", 0);
    assert!(text.contains("serves  every queue") && text.contains("holds   0 of 32 steps"), "{text}");
    desk.says("task create parcel.yaml", 0);
    worker.wait_for(&["task 2 ended in error"]);
    worker.signal(Signal::SIGTERM);
    worker.end().expect(0, &["told to stop: what runs may end by itself", "stopped; 4 attempts carried out in all"]);
    assert_eq!(desk.database.count("tasker_engine.worker").await, 0, "it leaves the list");
}

#[tokio::test]
async fn the_first_signal_lets_what_runs_end() {
    let desk = Desk::new().await;
    desk.long_step().await;
    let mut worker = desk.worker(&[]);
    wait_until("the step has begun", || desk.folder.path().join("began").exists());
    let held = desk.says("workers", 0);
    assert!(held.contains("holds   1 of 32 steps: 1/only"), "{held}");
    assert!(desk.says("why 1", 0).contains("[running]"));
    worker.signal(Signal::SIGTERM);
    worker.wait_for(&["told to stop"]);
    desk.folder.write("go", "");
    worker.end().expect(0, &["stopped; 1 attempt carried out"]);
    assert_eq!(desk.document("task show 1 --json", 0)["state"], "complete");
}

#[tokio::test]
async fn a_second_signal_hands_back_at_once() {
    let desk = Desk::new().await;
    desk.long_step().await;
    let mut worker = desk.worker(&[]);
    wait_until("the step has begun", || desk.folder.path().join("began").exists());
    worker.signal(Signal::SIGINT);
    worker.wait_for(&["told to stop"]);
    worker.signal(Signal::SIGINT);
    worker.end().expect(0, &["stopped;"]);
    let step = desk.document("task show 1 --json", 0)["steps"][0].clone();
    assert_eq!((&step["state"], &step["attempts"]), (&json!("pending"), &json!(0)), "handed back, it does not count");
    desk.folder.write("go", "");
    let again = desk.worker(&[]);
    wait_until("the task is complete", || desk.document("task show 1 --json", 0)["state"] == "complete");
    again.signal(Signal::SIGTERM);
    again.end().expect(0, &[]);
}

#[tokio::test]
async fn it_serves_only_the_queues_and_templates_that_it_was_given() {
    let desk = Desk::new().await;
    desk.folder.write(
        "slow.yaml",
        template("  - {name: s, queue: slow, handler_class: command, handler_config: {command: [\"true\"]}}\n")
            .replace("trial", "slow"),
    );
    desk.says("task create slow.yaml", 0);
    desk.says("task create parcel.yaml", 0);
    let mut worker = desk.worker(&["--queues", "tests"]);
    worker.wait_for(&["task 2 ended in error"]);
    assert!(desk.says("why 1", 0).contains("no live worker serves queue `slow`"));
    worker.signal(Signal::SIGTERM);
    worker.end().expect(0, &[]);
    // A worker that has the handler `command`, but not the file, leaves the steps alone instead of failing them.
    let mut other = Running::start(desk.command(&["worker", "--templates", "parcel.yaml", "--name", "w2"]));
    other.wait_for(&["worker w2:"]);
    wait_until("it is in the list", || desk.says("workers", 0).contains("w2"));
    assert!(desk.says("why 1", 0).contains("carries out tasks of tests/slow 1.2.3 [no_worker_with_template]"));
    desk.says("task create parcel.yaml", 0);
    other.wait_for(&["task 3 ended in error"]);
    assert_eq!(desk.document("task show 1 --json", 0)["steps"][0]["attempts"], 0);
    other.signal(Signal::SIGTERM);
    other.end().expect(0, &[]);
}

#[tokio::test]
async fn events_are_one_document_a_line() {
    let desk = Desk::new().await;
    desk.says("task create parcel.yaml", 0);
    let worker = desk.worker(&["--json"]);
    wait_until("the task has ended", || desk.document("task show 1 --json", 0)["state"] == "error");
    worker.signal(Signal::SIGTERM);
    let ended = worker.end().expect(0, &[]);
    assert_eq!(ended.stderr, "", "{ended}");
    let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "worker_started");
    assert_eq!(events[0]["templates"], json!(["tests/trial 1.2.3"]));
    let of_task: Vec<String> = events
        .iter()
        .filter(|event| event["task_id"] == 1)
        .map(|event| format!("{} {}", event["event"].as_str().unwrap(), event["place"]))
        .collect();
    let expected = ["step_started 0", "step_succeeded 0", "step_started 1", "step_died 1", "task_ended null"];
    assert_eq!(of_task, expected);
    assert_eq!(events.last().unwrap(), &json!({"event": "worker_stopped", "attempts": 2}));
}

#[tokio::test]
async fn all_problems_of_all_templates_are_told_at_once() {
    let desk = Desk::new().await;
    std::fs::create_dir_all(desk.folder.path().join("more/deep")).unwrap();
    std::fs::create_dir_all(desk.folder.path().join("more/.hidden")).unwrap();
    desk.folder.write("more/.hidden/odd.yaml", "{");
    desk.folder.write("more/deep/bad.yml", "name: [");
    desk.folder.write(
        "more/cycle.yaml",
        chain(&["a"]).replace("handler_class: Scripted", "handler_class: Scripted\n    depends_on_step: z"),
    );
    desk.folder.write(
        "more/twin.yaml",
        template("  - {name: a, handler_class: command, handler_config: {command: [\"true\"]}}\n"),
    );
    let told = desk.ended(
        "worker --templates .",
        65,
        &[
            "./more/cycle.yaml",
            "bad.yml",
            "are both tests/trial 1.2.3",
            "nothing was started: 3 templates cannot be used",
        ],
    );
    assert!(!told.stderr.contains("odd.yaml"), "{told}");
    desk.database.assert_nothing_written().await;
    desk.ended("worker --templates more/deep/nothing", 65, &["cannot be read"]);
    std::fs::create_dir_all(desk.folder.path().join("empty")).unwrap();
    desk.ended("worker --templates empty", 65, &["there is no template in empty", ".yaml or .yml"]);
    desk.folder.write("broken.yaml", template("  - {name: a, handler_class: command, handler_config: {command: ./gone.sh}}\n  - {name: b, handler_class: http, handler_config: {}}\n").replace("trial", "broken"));
    desk.ended("worker --templates broken.yaml", 65, &["broken.yaml: step `a`", "gone.sh", "broken.yaml: step `b`"]);
}

#[tokio::test]
async fn a_redefinition_is_refused_with_the_difference_before_it_works() {
    let desk = Desk::new().await;
    desk.says("task create parcel.yaml", 0);
    let file = desk.folder.path().join("parcel.yaml");
    let changed = std::fs::read_to_string(&file).unwrap().replace("name: ship,", "name: ship, default_retry_limit: 7,");
    std::fs::write(file, changed).unwrap();
    desk.ended(
        "worker --templates .",
        65,
        &[
            "tasks were made from another content of:",
            "tests/trial 1.2.3, in ./parcel.yaml",
            "~ step ship",
            "retry_limit: 3 → 7",
        ],
    );
    assert_eq!(desk.database.count("tasker_engine.worker").await, 0);
}

#[tokio::test]
async fn steps_of_other_handlers_are_left_to_who_has_them() {
    let desk = Desk::new().await;
    desk.folder.write("rust.yaml", chain(&["a"]).replace("trial", "rust"));
    desk.says("task create rust.yaml", 0);
    let mut worker = Running::start(desk.command(&["worker", "--templates", ".", "--name", "w1"]));
    worker.wait_for(&["tests/rust 1.2.3: steps with the handler `Scripted` are left to programs that have it"]);
    worker.wait_for(&["worker w1:"]);
    wait_until("it is in the list", || desk.says("workers", 0).contains("w1"));
    let why = desk.says("why 1", 0);
    assert!(why.contains("[no_worker_with_handler]"), "{why}");
    worker.signal(Signal::SIGTERM);
    worker.end().expect(0, &[]);
}

/// Tasks of other programs are theirs until a worker is told to adopt their type.
#[tokio::test]
async fn it_adopts_what_it_is_told_to() {
    let desk = Desk::new().await;
    desk.says("task create parcel.yaml", 0);
    // As a program leaves it that knows nothing of the side tables.
    for table in ["ready where step_id in (select workflow_step_id from tasker_workflow_steps)", "queue", "task"] {
        desk.database.execute(&format!("delete from tasker_engine.{table}")).await;
    }
    assert!(desk.says("why 1", 0).contains("[not_adopted]"));
    let mut worker = desk.worker(&["--adopt", "tests/trial"]);
    worker.wait_for(&["adopting what other programs create of tests/trial"]);
    worker.wait_for(&["task 1 ended in error"]);
    assert!(desk.says("workers", 0).contains("adopts  tests/trial"));
    worker.signal(Signal::SIGTERM);
    worker.end().expect(0, &[]);
    desk.ended("worker --templates . --adopt trial", 64, &["write NAMESPACE/NAME, NAMESPACE/* or '*'"]);
}
