//! `--outcomes`: what each attempt of each step does, in a file.

use serde_json::{Value, json};

use super::support::{Database, Ended, Folder, chain, tasker};

async fn run_one(script: &Value) -> Ended {
    let database = Database::new().await;
    let folder = Folder::new().with("one.yaml", chain(&["a"])).with("script.json", script.to_string());
    let mut command = tasker(&["run", "one.yaml", "--outcomes", "script.json", "--json"]);
    command.args(["--database-url", &database.url()]).current_dir(folder.path());
    Ended::of(command)
}

/// Runs one step, and compares exit status, attempts, states it went to and results.
async fn expect(attempts: Value, code: i32, count: u32, transitions: &str, results: &Value) -> f64 {
    let ended = run_one(&json!({ "a": attempts })).await.expect(code, &[]);
    let document = ended.document();
    let step = &document["steps"][0];
    let went: Vec<&str> = step["transitions"].as_array().unwrap().iter().map(|state| state.as_str().unwrap()).collect();
    assert_eq!((step["attempts"].as_u64(), went.join(" ").as_str()), (Some(u64::from(count)), transitions), "{ended}");
    for (key, value) in results.as_object().unwrap() {
        assert_eq!(&step["results"][key], value, "{ended}");
    }
    assert_eq!(document["executions"], count);
    document["elapsed_seconds"].as_f64().unwrap()
}

const ONCE: &str = "in_progress complete";
const TWICE: &str = "in_progress error pending in_progress complete";

#[tokio::test]
async fn ok_and_past_the_end_succeed() {
    expect(json!(["ok"]), 0, 1, ONCE, &json!({"ok": true})).await;
    expect(json!([]), 0, 1, ONCE, &json!({"ok": true})).await;
}

#[tokio::test]
async fn fail_waits_two_seconds_and_tries_again() {
    let seconds = expect(json!(["fail"]), 0, 2, TWICE, &json!({"ok": true})).await;
    assert!(seconds >= 2.0, "{seconds}");
}

#[tokio::test]
async fn retryable_waits_as_a_failure_does() {
    let seconds = expect(json!(["retryable"]), 0, 2, TWICE, &json!({"ok": true})).await;
    assert!(seconds >= 2.0, "{seconds}");
}

#[tokio::test]
async fn later_asks_for_a_wait() {
    let seconds = expect(json!(["later:3"]), 0, 2, TWICE, &json!({"ok": true})).await;
    assert!(seconds >= 3.0, "{seconds}");
}

#[tokio::test]
async fn sleep_takes_its_time_and_succeeds() {
    let seconds = expect(json!(["sleep:0.5"]), 0, 1, ONCE, &json!({"ok": true})).await;
    assert!(seconds >= 0.5, "{seconds}");
}

#[tokio::test]
async fn fatal_ends_it_at_once() {
    let error = json!({"error": "scripted permanent failure", "error_class": "Tasker::PermanentError"});
    expect(json!(["fatal", "ok"]), 1, 1, "in_progress error", &error).await;
}

#[tokio::test]
async fn objects_say_more() {
    expect(json!([{"result": {"n": 7}}]), 0, 1, ONCE, &json!({"n": 7})).await;
    let seconds = expect(json!([{"result": {"n": 7}, "sleep": 0.3}]), 0, 1, ONCE, &json!({"n": 7})).await;
    assert!(seconds >= 0.3, "{seconds}");
    let fatal = json!({"error_class": "Tasker::PermanentError"});
    expect(json!([{"error": {"class": "fatal", "sleep": 0.1}}]), 1, 1, "in_progress error", &fatal).await;
    // A status that says that the request is wrong.
    expect(json!([{"error": {"status": 404}}]), 1, 1, "in_progress error", &json!({})).await;
}

#[tokio::test]
async fn an_error_object_waits_as_asked() {
    let seconds = expect(json!([{"error": {"class": "retryable", "retry_after": 3}}]), 0, 2, TWICE, &json!({})).await;
    assert!(seconds >= 3.0, "{seconds}");
}

#[tokio::test]
async fn an_ordinary_error_object_is_tried_again() {
    expect(json!([{"error": {"class": "fail"}}]), 0, 2, TWICE, &json!({})).await;
}

#[tokio::test]
async fn an_api_that_answers_503_is_tried_again_after_what_it_asks() {
    let seconds = expect(json!([{"error": {"status": 503, "retry_after": 3}}]), 0, 2, TWICE, &json!({})).await;
    assert!(seconds >= 3.0, "{seconds}");
}

#[tokio::test]
async fn what_means_nothing_is_refused_before_anything_is_written() {
    let database = Database::new().await;
    for (script, words) in [
        (r#"{"b": ["ok"]}"#, &["`b`", "no such step"][..]),
        (r#"{"a": ["okay"]}"#, &["`okay` is unknown", "`later:N`"]),
        (r#"{"a": ["sleep:soon"]}"#, &["sleep:soon", "number of seconds"]),
        (r#"{"a": "ok"}"#, &["expected a list"]),
        (r#"{"a": [{"error": {"class": "odd"}}]}"#, &["`class` must be `fail`, `retryable` or `fatal`"]),
        (r#"{"a": ["nope"], "x": ["never"]}"#, &["`nope`", "`never`", "no such step"]),
        ("[]", &["a script is an object of steps"]),
        ("{", &["is not JSON"]),
        ("", &["is not JSON"]),
    ] {
        let folder = Folder::new().with("one.yaml", chain(&["a"])).with("script.json", script);
        let mut command = tasker(&["run", "one.yaml", "--outcomes", "script.json"]);
        command.args(["--database-url", &database.url()]).current_dir(folder.path());
        let ended =
            Ended::of(command).expect(65, words).expect(65, &["error[TSK-0009]: the script of outcomes script.json"]);
        assert_eq!(ended.stdout, "");
    }
    let folder = Folder::new().with("one.yaml", chain(&["a"]));
    let mut command = tasker(&["run", "one.yaml", "--outcomes", "missing.json"]);
    command.args(["--database-url", &database.url()]).current_dir(folder.path());
    Ended::of(command).expect(65, &["missing.json cannot be read", "No such file"]);
    database.assert_nothing_written().await;
}
