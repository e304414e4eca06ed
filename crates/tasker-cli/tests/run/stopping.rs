//! Runs that are told to stop: the task is handed back, and the command that is printed finishes it.

use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::json;

use super::support::{Database, Ended, Folder, Running, chain, is_alive, tasker, template, wait_until};

const WAITS: &str = r#"{"b": ["sleep:600"]}"#;

fn long(folder: &Folder, database: &Database, more: &[&str]) -> Command {
    let mut command = tasker(&["run", "chain.yaml", "--outcomes", "script.json", "--database-url", &database.url()]);
    command.args(more).current_dir(folder.path());
    command
}

fn chain_that_waits() -> Folder {
    Folder::new().with("chain.yaml", chain(&["a", "b", "c"])).with("script.json", WAITS)
}

/// Types the command that was printed; the script now lets every step succeed.
fn go_on(folder: &Folder, stopped: &Ended, more: &str) -> Ended {
    folder.write("script.json", "{}");
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{}{more}", stopped.resume_command())).current_dir(folder.path());
    command.env("TASKER_DATA_DIR", "/proc/no-cluster").env_remove("DATABASE_URL");
    Ended::of(command)
}

async fn assert_handed_back(database: &Database) {
    let states = "select string_agg(to_state, ' ' order by t.id) from tasker_workflow_step_transitions t
         join tasker_workflow_steps s using (workflow_step_id) join tasker_named_steps n using (named_step_id)
         where n.name = 'b'";
    let history: String = sqlx::query_scalar(states).fetch_one(database.pool()).await.unwrap();
    assert_eq!(history, "in_progress error pending");
    assert_eq!(
        database
            .number("select coalesce(max(attempts), 0)::bigint from tasker_workflow_steps where not processed")
            .await,
        0
    );
    assert_eq!(database.count("tasker_engine.worker").await, 0);
}

#[tokio::test]
async fn a_time_limit_ends_with_75_and_the_printed_command_finishes_it() {
    let database = Database::new().await;
    let folder = chain_that_waits();
    let stopped = Ended::of(long(&folder, &database, &["--timeout", "1s"]))
        .expect(75, &["the time limit of 1 s was reached", "handed back"]);
    for words in ["is not finished: out of time", "1 of 3 steps complete", "To go on where it stopped:"] {
        assert!(stopped.stdout.contains(words), "{words}\n{stopped}");
    }
    assert_handed_back(&database).await;
    let finished = go_on(&folder, &stopped, " --json").expect(0, &[]).document();
    assert_eq!(finished["executions"], 2, "step a does not run again");
    assert_eq!(finished["steps"][1]["attempts"], 1, "what was handed back does not count");
    assert_eq!(
        finished["steps"][1]["transitions"],
        json!(["in_progress", "error", "pending", "in_progress", "complete"])
    );
}

#[tokio::test]
async fn a_time_limit_with_a_document_says_how_to_go_on_beside_it() {
    let database = Database::new().await;
    let folder = chain_that_waits();
    let stopped = Ended::of(long(&folder, &database, &["--timeout", "500ms", "--json"]))
        .expect(75, &["To go on where it stopped"]);
    let document = stopped.document();
    assert_eq!(document["task"]["state"], "in_progress");
    assert_eq!(document["steps"][1]["state"], "pending");
    go_on(&folder, &stopped, "").expect(0, &["1 of 3 steps already complete", "task 1 complete"]);
}

#[tokio::test]
async fn a_time_limit_while_a_step_waits_for_its_next_attempt() {
    let database = Database::new().await;
    let folder = chain_that_waits();
    folder.write("script.json", r#"{"b": ["later:600"]}"#);
    let stopped = Ended::of(long(&folder, &database, &["--timeout", "500ms"])).expect(75, &["nothing to do for"]);
    assert!(!stopped.stderr.contains("handed back"), "{stopped}");
    assert_eq!(
        database.count("tasker_workflow_steps where attempts = 1 and backoff_request_seconds = 300").await,
        1,
        "a wish is capped"
    );
}

async fn interrupted_by(signal: Signal) {
    let database = Database::new().await;
    let folder = chain_that_waits();
    let mut running = Running::start(long(&folder, &database, &[]));
    running.wait_for(&["b", "attempt 1 started"]);
    running.signal(signal);
    let stopped = running.end().expect(130, &["stopped: interrupted", "handed back"]);
    assert!(stopped.stdout.contains("is not finished: interrupted"), "{stopped}");
    assert_handed_back(&database).await;
    go_on(&folder, &stopped, "").expect(0, &["1 of 3 steps already complete"]);
    assert_eq!(database.count("tasker_tasks where complete").await, 1);
}

#[tokio::test]
async fn ctrl_c_hands_the_task_back() {
    interrupted_by(Signal::SIGINT).await;
}

#[tokio::test]
async fn a_request_to_terminate_hands_the_task_back() {
    interrupted_by(Signal::SIGTERM).await;
}

#[tokio::test]
async fn a_terminal_that_hangs_up_hands_the_task_back() {
    interrupted_by(Signal::SIGHUP).await;
}

/// A program that neither ends when told nor lets itself be ended by less than force.
const STUBBORN: &str = "trap 'echo told >> told' TERM INT HUP; echo $$ > pid; tries=0
while [ $tries -lt 600 ]; do tries=$((tries + 1)); sleep 0.1; done";

#[tokio::test]
async fn a_second_ctrl_c_ends_at_once() {
    let database = Database::new().await;
    let steps = "  - {name: b, handler_class: command, handler_config: {command: ./stubborn.sh}}\n";
    let folder = Folder::new().with("stubborn.yaml", template(steps)).script("stubborn.sh", STUBBORN);
    let mut command = tasker(&["run", "stubborn.yaml", "--database-url", &database.url()]);
    command.current_dir(folder.path());
    let mut running = Running::start(command);
    running.wait_for(&["b", "attempt 1 started"]);
    wait_until("the script runs", || !folder.lines("pid").is_empty());
    running.signal(Signal::SIGINT);
    wait_until("the script was told", || !folder.lines("told").is_empty());
    running.signal(Signal::SIGINT);
    let ended = running.end().expect(130, &["not everything was handed back; to go on:", "--resume 1"]);
    assert!(!ended.stderr.contains("b         handed back"), "it did not wait for the script\n{ended}");
    // The program that it started is not left behind.
    let pid = folder.lines("pid")[0].clone();
    wait_until("the script is gone", || !is_alive(&pid));
}

#[tokio::test]
async fn nothing_is_left_of_a_program_that_does_not_end_when_told() {
    let database = Database::new().await;
    let steps = "  - {name: b, handler_class: command, handler_config: {command: ./stubborn.sh}}\n";
    let folder = Folder::new().with("stubborn.yaml", template(steps)).script("stubborn.sh", STUBBORN);
    let mut command = tasker(&["run", "stubborn.yaml", "--timeout", "1s", "--database-url", &database.url()]);
    command.current_dir(folder.path());
    Ended::of(command).expect(75, &["handed back", "the time limit of 1 s was reached"]);
    let pid = folder.lines("pid")[0].clone();
    wait_until("the script is gone", || !is_alive(&pid));
    assert_handed_back(&database).await;
}
