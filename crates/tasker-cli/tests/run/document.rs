//! The document of `--json`, and what a person reads at the end.

use serde_json::json;

use super::support::{Database, Ended, Folder, chain, tasker, template};

/// Two roots in this order, a diamond above the second, whose sides are written right before left.
const GRAPH: &str = "
  - {name: last, handler_class: S, depends_on_steps: [left, right]}
  - {name: alone, handler_class: S}
  - {name: right, handler_class: S, depends_on_step: first}
  - {name: left, handler_class: S, depends_on_step: first}
  - {name: first, handler_class: S}
";

#[tokio::test]
async fn a_complete_run_is_one_document_with_the_promised_keys_in_order() {
    let database = Database::new().await;
    let script =
        r#"{"left": [{"result": {"n": 12345678901234567890.123456789012345678, "big": 1e30, "small": 0.10}}]}"#;
    let folder = Folder::new().with("graph.yaml", template(GRAPH)).with("script.json", script);
    let mut command = tasker(&["run", "graph.yaml", "--outcomes", "script.json", "--json"]);
    command.args(["--database-url", &database.url()]).current_dir(folder.path());
    let ended = Ended::of(command).expect(0, &[]);
    assert_eq!(ended.stderr, "");
    assert!(ended.stdout.ends_with("}\n"), "{ended}");

    let document = ended.document();
    let id = document["task"]["id"].as_i64().unwrap();
    let seconds = document["elapsed_seconds"].as_f64().unwrap();
    assert!(seconds > 0.0 && seconds < 120.0, "{seconds}");
    let step = |name: &str, results: &str| {
        format!(
            r#"{{"name":"{name}","state":"complete","attempts":1,"transitions":["in_progress","complete"],"results":{results}}}"#
        )
    };
    let ok = r#"{"ok": true}"#;
    // The column is jsonb: numbers keep every digit, but are written without an exponent.
    let exact =
        r#"{"n": 12345678901234567890.123456789012345678, "big": 1000000000000000000000000000000, "small": 0.10}"#;
    let steps = [step("alone", ok), step("first", ok), step("right", ok), step("left", exact), step("last", ok)];
    let expected = format!(
        r#"{{"task":{{"id":{id},"namespace":"tests","name":"trial","version":"1.2.3","state":"complete"}},"steps":[{}],"executions":5,"elapsed_seconds":{}}}"#,
        steps.join(","),
        ended.stdout.rsplit_once(':').unwrap().1.trim_end().trim_end_matches('}'),
    );
    assert_eq!(ended.stdout.trim_end(), expected);
}

#[tokio::test]
async fn a_step_that_never_ran_has_nothing_and_the_run_ends_with_1() {
    let database = Database::new().await;
    let script = r#"{"pay": ["fatal"]}"#;
    let folder = Folder::new().with("chain.yaml", chain(&["pay", "ship", "mail"])).with("script.json", script);
    let run = |more: &[&str]| {
        let mut command =
            tasker(&["run", "chain.yaml", "--outcomes", "script.json", "--database-url", &database.url()]);
        command.args(more).current_dir(folder.path());
        Ended::of(command)
    };
    let document = run(&["--json"]).expect(1, &[]).document();
    assert_eq!(document["task"]["state"], "error");
    assert_eq!(document["executions"], 1);
    assert_eq!(document["steps"][0]["transitions"], json!(["in_progress", "error"]));
    assert_eq!(document["steps"][0]["results"]["error"], "scripted permanent failure");
    for step in [1, 2] {
        let step = &document["steps"][step];
        assert_eq!((&step["state"], &step["attempts"]), (&json!("pending"), &json!(0)));
        assert_eq!((&step["transitions"], &step["results"]), (&json!([]), &json!({})));
    }

    let told = run(&[]).expect(1, &["pay", "attempt 1 failed for good: scripted permanent failure", "ended in error"]);
    for words in [
        "ended in error · tests/trial@1.2.3",
        "0 of 3 steps complete · 1 execution",
        "Held by 1 step:",
        "pay  failed for good in attempt 1: trying again cannot help",
        "scripted permanent failure",
        "2 steps never ran",
    ] {
        assert!(told.stdout.contains(words), "{words}\n{told}");
    }
}

#[tokio::test]
async fn an_empty_database_gets_its_tables_unasked() {
    let database = Database::empty().await;
    let folder = Folder::new().with("chain.yaml", chain(&["a"])).with("script.json", "{}");
    let mut command = tasker(&["run", "chain.yaml", "--outcomes", "script.json"]);
    command.env("DATABASE_URL", database.url()).current_dir(folder.path());
    Ended::of(command).expect(0, &["task 1 complete"]);
    assert_eq!(database.count("tasker_tasks where complete").await, 1);
}
