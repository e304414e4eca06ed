//! `--resume`: a task goes on where it was left, whatever ended its run.

use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::json;

use super::support::{Database, Ended, Folder, Running, WAIT_FOR_GO, chain, tasker, template, wait_until};

/// Steps that write down that they ran; the second one waits until a file is there.
const STEPS: &str = "
  - {name: first, handler_class: command, handler_config: {command: [./step.sh]}}
  - {name: second, handler_class: command, depends_on_step: first, handler_config: {command: [./step.sh, wait]}}
  - {name: third, handler_class: command, depends_on_step: second, handler_config: {command: [./step.sh]}}
";

fn folder() -> Folder {
    let write_down = r#"echo "$TASKER_STEP $TASKER_ATTEMPT" >> ran"#;
    let step = format!("{write_down}\nif [ \"$1\" = wait ]; then {WAIT_FOR_GO}; fi\necho '{{}}'");
    Folder::new().with("steps.yaml", template(STEPS)).script("step.sh", &step)
}

fn run(folder: &Folder, database: &Database, more: &[&str]) -> Command {
    let mut command = tasker(&["run", "steps.yaml", "--database-url", &database.url()]);
    command.args(more).current_dir(folder.path());
    command
}

/// Begins the task and kills the program while the second step runs.
fn kill_in_the_middle(folder: &Folder, database: &Database) {
    let mut running = Running::start(run(folder, database, &[]));
    running.wait_for(&["second", "attempt 1 started"]);
    wait_until("the second step runs", || folder.lines("ran").len() == 2);
    running.signal(Signal::SIGKILL);
    assert_eq!(running.end().status.code(), None);
    folder.write("go", "");
}

#[tokio::test]
async fn a_killed_run_is_finished_without_running_a_complete_step_again() {
    let database = Database::new().await;
    let folder = folder();
    kill_in_the_middle(&folder, &database);
    let id = database.number("select task_id from tasker_tasks").await.to_string();
    let finished = Ended::of(run(&folder, &database, &["--resume", &id, "--json"])).expect(0, &[]).document();
    assert_eq!(folder.lines("ran"), ["first 1", "second 1", "second 2", "third 1"]);
    assert_eq!(finished["executions"], 2);
    let attempts: Vec<_> = finished["steps"].as_array().unwrap().iter().map(|step| step["attempts"].clone()).collect();
    assert_eq!(attempts, [1, 2, 1]);
    let transitions = json!(["in_progress", "error", "pending", "in_progress", "complete"]);
    assert_eq!(finished["steps"][1]["transitions"], transitions);
    let abandoned =
        "tasker_workflow_step_transitions where to_state = 'error' and metadata::jsonb->>'reason' = 'abandoned'";
    assert_eq!(database.count(abandoned).await, 1);
    assert_eq!(database.count("tasker_engine.worker").await, 0);
    let seconds = finished["elapsed_seconds"].as_f64().unwrap();
    assert!(seconds < 12.0, "the lease is 5 s and the wait after an abandoned attempt 2 s: {seconds}");

    let again = Ended::of(run(&folder, &database, &["--resume", &id])).expect(0, &[]);
    assert!(again.stdout.contains("is complete") && again.stdout.contains("0 executions"), "{again}");
    assert_eq!(folder.lines("ran").len(), 4, "nothing runs again");
}

#[tokio::test]
async fn a_killed_run_says_what_it_waits_for() {
    let database = Database::new().await;
    let folder = folder();
    kill_in_the_middle(&folder, &database);
    let words = [
        "taken up again",
        "1 of 3 steps already complete",
        "held the task last; waiting",
        "second",
        "attempt 2 started",
    ];
    Ended::of(run(&folder, &database, &["--resume", "1"])).expect(0, &words);
}

#[tokio::test]
async fn a_wait_for_the_lease_can_be_ended() {
    let database = Database::new().await;
    let folder = folder();
    kill_in_the_middle(&folder, &database);
    let words = ["stopped before task 1 was taken over", "to go on:", "--resume 1"];
    Ended::of(run(&folder, &database, &["--resume", "1", "--timeout", "200ms"])).expect(75, &words);
    let mut running = Running::start(run(&folder, &database, &["--resume", "1"]));
    running.wait_for(&["held the task last; waiting"]);
    running.signal(Signal::SIGINT);
    let stopped = running.end().expect(130, &words);
    let mut again = Command::new("sh");
    again.arg("-c").arg(stopped.resume_command()).current_dir(folder.path()).env_remove("DATABASE_URL");
    Ended::of(again).expect(0, &["attempt 2 started"]);
}

#[tokio::test]
async fn a_scripted_attempt_that_was_abandoned_counts() {
    let database = Database::new().await;
    let folder =
        Folder::new().with("steps.yaml", chain(&["a", "b"])).with("script.json", r#"{"b": ["sleep:600", "ok"]}"#);
    let mut running = Running::start(run(&folder, &database, &["--outcomes", "script.json"]));
    running.wait_for(&["b", "attempt 1 started"]);
    running.signal(Signal::SIGKILL);
    running.end();
    let resume = ["--resume", "1", "--outcomes", "script.json", "--json"];
    let document = Ended::of(run(&folder, &database, &resume)).expect(0, &[]).document();
    assert_eq!((&document["steps"][0]["attempts"], &document["steps"][1]["attempts"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn a_task_that_is_being_run_is_refused() {
    let database = Database::new().await;
    let folder = folder();
    let mut running = Running::start(run(&folder, &database, &[]));
    running.wait_for(&["second", "attempt 1 started"]);
    let pid = format!(":{}", running.pid());
    Ended::of(run(&folder, &database, &["--resume", "1"]))
        .expect(69, &["task 1 is being run by", &pid, "let it finish"]);
    folder.write("go", "");
    running.end().expect(0, &["task 1 complete"]);
    assert_eq!(folder.lines("ran"), ["first 1", "second 1", "third 1"]);
}

#[tokio::test]
async fn what_cannot_be_resumed_is_refused() {
    let database = Database::new().await;
    let folder = Folder::new().with("steps.yaml", chain(&["a", "b"])).with("script.json", r#"{"b": ["fatal"]}"#);
    let outcomes = ["--outcomes", "script.json"];
    let with = |more: &[&str]| Ended::of(run(&folder, &database, &[&outcomes[..], more].concat()));
    with(&["--resume", "1"]).expect(65, &["there is no task 1 in this database"]);
    database.assert_nothing_written().await;

    with(&[]).expect(1, &[]);
    let before = database.count("tasker_workflow_step_transitions").await;
    let dead = with(&["--resume", "1"]).expect(1, &[]);
    for words in ["Task 1 ended in error", "Held by 1 step:", "b  failed for good", "scripted permanent failure"] {
        assert!(dead.stdout.contains(words), "{words}\n{dead}");
    }
    let document = with(&["--resume", "1", "--json"]).expect(1, &[]).document();
    assert_eq!(document["executions"], 0);
    assert_eq!(document["steps"][1]["state"], "error");

    folder.write("steps.yaml", chain(&["a", "c"]));
    folder.write("script.json", "{}");
    let words = ["task 1 was made from another content of tests/trial 1.2.3", "the template it was begun with"];
    let other = with(&["--resume", "1"]).expect(65, &words);
    assert!(!other.stderr.contains("taken up again"), "{other}");
    assert_eq!(database.count("tasker_workflow_step_transitions").await, before);
    assert_eq!(database.count("tasker_engine.definition").await, 1);
    with(&["--resume", "1", "--set", "a=1"]).expect(64, &["--set"]);
    with(&["--resume", "one"]).expect(64, &["invalid value 'one'"]);
}
