//! Steps that are programs, through the built command.

use serde_json::Value;

use super::support::{Database, Ended, Folder, tasker, template};

/// Runs one step whose program is this script, with a document at the end.
async fn run_script(body: &str, keys: &str) -> (Ended, Value) {
    let database = Database::new().await;
    let step = format!("  - {{name: ship, handler_class: command, handler_config: {{command: ./ship.sh}}{keys}}}\n");
    let folder = Folder::new().with("one.yaml", template(&step)).script("ship.sh", body);
    let mut command = tasker(&["run", "one.yaml", "--json", "--database-url", &database.url()]);
    command.current_dir(folder.path());
    let ended = Ended::of(command);
    let step = ended.document()["steps"][0].clone();
    (ended, step)
}

/// One attempt that fails, and what its error says.
async fn fails(body: &str, keys: &str, words: &[&str]) {
    let (ended, step) = run_script(body, &format!(", default_retryable: false{keys}")).await;
    let error = step["results"]["error"].as_str().unwrap_or_default().to_owned();
    let ended = ended.expect(1, &[]);
    assert_eq!((&step["state"], &step["attempts"]), (&Value::from("error"), &Value::from(1)), "{ended}");
    for word in words {
        assert!(error.contains(word), "`{word}` is missing: {error}");
    }
    assert!(error.len() < 20_000, "an error is no dump");
}

#[tokio::test]
async fn its_answer_is_the_result() {
    let (ended, step) = run_script(r#"cat > given; echo '{"parcel": 7, "weight": 1.10}'"#, "").await;
    ended.expect(0, &[]);
    assert_eq!(step["results"].to_string(), r#"{"parcel":7,"weight":1.1}"#);
}

#[tokio::test]
async fn no_json_is_a_failure_that_shows_what_came() {
    fails("echo all done", "", &["JSON"]).await;
}

#[tokio::test]
async fn too_much_is_a_failure() {
    fails("head -c 10000000 /dev/zero | tr '\\0' x", "", &["bytes"]).await;
}

#[tokio::test]
async fn a_result_above_a_mebibyte_names_the_setting() {
    fails("printf '\"'; head -c 1100000 /dev/zero | tr '\\0' x; printf '\"'", "", &["execution.max_result_bytes"])
        .await;
}

#[tokio::test]
async fn a_program_that_never_ends_meets_its_time_limit() {
    fails("while :; do sleep 1; done", ", timeout_seconds: 0.5", &["time limit of 0.5 s"]).await;
}

#[tokio::test]
async fn a_program_that_is_killed_is_a_failure() {
    fails("kill -9 $$", "", &["signal 9"]).await;
}

#[tokio::test]
async fn another_exit_status_is_a_failure_with_the_end_of_stderr() {
    fails("echo first >&2; echo the label printer is out of paper >&2; exit 3", "", &["out of paper"]).await;
}

#[tokio::test]
async fn exit_65_ends_it_for_good() {
    let (ended, step) = run_script("echo no such address >&2; exit 65", "").await;
    ended.expect(1, &[]);
    assert_eq!((&step["attempts"], &step["results"]["error"]), (&1.into(), &"no such address".into()));
}

#[tokio::test]
async fn exit_75_is_tried_again_after_what_it_asks() {
    let body = "[ \"$TASKER_ATTEMPT\" = 2 ] && exit 0\necho busy >&2; echo 'Retry-After: 3' >&2; exit 75";
    let (ended, step) = run_script(body, "").await;
    let seconds = ended.expect(0, &[]).document()["elapsed_seconds"].as_f64().unwrap();
    assert_eq!(step["attempts"], 2);
    assert!((3.0..60.0).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn results_travel_to_the_children() {
    let database = Database::new().await;
    let steps = "
  - {name: pack, handler_class: command, handler_config: {command: [echo, '{\"weight\": 1.10}']}}
  - {name: ship, handler_class: command, depends_on_step: pack, handler_config: {command: [./ship.sh]}}
";
    let folder = Folder::new().with("two.yaml", template(steps)).script("ship.sh", "cat > given; echo '{}'");
    // From another folder: paths count from the template's.
    let mut command = tasker(&["run"]);
    command.arg(folder.path().join("two.yaml")).args(["--context", r#"{"order": 7}"#]);
    command.args(["--database-url", &database.url()]).current_dir("/");
    Ended::of(command).expect(0, &[]);
    let given: Value = serde_json::from_str(&folder.lines("given").join("\n")).unwrap();
    assert_eq!(given["task"]["context"]["order"], 7);
    assert_eq!(given["results"]["pack"]["weight"], 1.1);
    assert_eq!(given["step"]["name"], "ship");
}

#[tokio::test]
async fn programs_that_cannot_be_started_are_found_before_anything_is_written() {
    let database = Database::new().await;
    let steps = "
  - {name: a, handler_class: command, handler_config: {command: ./missing.sh}}
  - {name: b, handler_class: command, handler_config: {command: [./plain.txt]}}
  - {name: c, handler_class: command, handler_config: {command: no-such-program-anywhere}}
  - {name: d, handler_class: command}
  - {name: e, handler_class: command, handler_config: {command: [\"true\"], colour: red}}
";
    let folder = Folder::new().with("bad.yaml", template(steps)).with("plain.txt", "no program");
    let mut command = tasker(&["run", "bad.yaml", "--database-url", &database.url()]);
    command.current_dir(folder.path());
    let words = [
        "steps cannot be carried out as the templates say",
        "missing.sh",
        "plain.txt",
        "no-such-program-anywhere",
        "`d`",
        "colour",
    ];
    Ended::of(command).expect(65, &words);
    database.assert_nothing_written().await;
}
