//! Where the context comes from, and what is refused of it.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::support::{Database, Ended, Folder, chain, tasker, template, template_with};

fn run(folder: &Folder, database: &Database, arguments: &[&str]) -> Command {
    let mut command = tasker(&["run", "one.yaml", "--outcomes", "script.json", "--database-url", &database.url()]);
    command.args(arguments).current_dir(folder.path());
    command
}

fn one() -> Folder {
    Folder::new().with("one.yaml", chain(&["a"])).with("script.json", "{}")
}

async fn stored(database: &Database) -> Value {
    sqlx::query_scalar("select context from tasker_tasks order by task_id desc limit 1")
        .fetch_one(database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn it_is_text_or_a_file_or_standard_input() {
    let database = Database::new().await;
    let folder = one().with("context.json", r#"{"from": "a file"}"#);
    Ended::of(run(&folder, &database, &["--context", r#"{"from": "text"}"#])).expect(0, &[]);
    assert_eq!(stored(&database).await, json!({"from": "text"}));
    Ended::of(run(&folder, &database, &["--context", "@context.json"])).expect(0, &[]);
    assert_eq!(stored(&database).await, json!({"from": "a file"}));

    let mut command = run(&folder, &database, &["--context", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"from": "standard input"}"#).unwrap();
    Ended::from(child.wait_with_output().unwrap()).expect(0, &[]);
    assert_eq!(stored(&database).await, json!({"from": "standard input"}));

    Ended::of(run(&folder, &database, &[])).expect(0, &[]);
    assert_eq!(stored(&database).await, json!({}));
}

#[tokio::test]
async fn set_takes_json_and_else_text() {
    let database = Database::new().await;
    let sets = [
        "--set",
        "a.b=5",
        "--set",
        "a.c=five",
        "--set",
        "list=[1, 2]",
        "--set",
        "flag=true",
        "--set",
        "text=\"true\"",
        "--set",
        "empty=",
        "--set",
        "sum=a=b",
        "--set",
        "kept=changed",
    ];
    let mut arguments = vec!["--context", r#"{"kept": 1, "other": 12345678901234567890.5}"#];
    arguments.extend(sets);
    Ended::of(run(&one(), &database, &arguments)).expect(0, &[]);
    let expected = json!({
        "kept": "changed", "a": {"b": 5, "c": "five"}, "list": [1, 2], "flag": true, "text": "true", "empty": "",
        "sum": "a=b",
    });
    let mut context = stored(&database).await;
    context.as_object_mut().unwrap().remove("other");
    assert_eq!(context, expected);
    let digits = "select count(*) from tasker_tasks where context::text like '%12345678901234567890.5%'";
    assert_eq!(database.number(digits).await, 1, "no digit is lost");
}

#[tokio::test]
async fn what_is_no_object_is_refused_and_nothing_is_written() {
    let database = Database::new().await;
    let folder = one().with("bad.json", "{\n  \"a\": 1,\n  oops\n}").with("bytes.json", b"\xff\xfe{}");
    for (arguments, words) in [
        (&["--context", "{not json"][..], &["the context given by --context is not JSON", "@FILE"][..]),
        (&["--context", "@bad.json"], &["the context in bad.json is not JSON", "line 3"]),
        (&["--context", "@bytes.json"], &["the context in bytes.json cannot be read"]),
        (&["--context", "@missing.json"], &["the context in missing.json cannot be read", "No such file"]),
        (&["--context", ""], &["is not JSON"]),
        (&["--context", "-"], &["the context on standard input is not JSON"]),
        (&["--context", "[1]"], &["is not an object", "order_id"]),
        (&["--context", "null"], &["is not an object"]),
        (&["--context", "{}", "--set", "novalue"], &["--set novalue has no `=`"]),
        (&["--context", r#"{"a": 1}"#, "--set", "a.b=2"], &["--set a.b=2"]),
        (&["--context", r#"{"nul": "\u0000"}"#], &["nul", "U+0000"]),
    ] {
        let ended = Ended::of(run(&folder, &database, arguments)).expect(65, words);
        assert!(ended.stderr.starts_with("error[TSK-"), "{ended}");
        assert_eq!(ended.stdout, "");
    }
    database.assert_nothing_written().await;
}

#[tokio::test]
async fn every_violation_of_the_schema_is_named_at_once() {
    let schema = "schema:\n  type: object\n  required: [order_id]\n  properties:\n    order_id: {type: integer}\n    \
                  price: {type: number, minimum: 0}\n    mail: {type: string, maxLength: 5}\n";
    let database = Database::new().await;
    let step = "  - {name: a, handler_class: S}\n";
    let folder = Folder::new().with("one.yaml", template_with(schema, step)).with("script.json", "{}");
    let context = r#"{"price": -1, "mail": "much too long"}"#;
    let words = ["the context is refused", "order_id", "`/price`", "`/mail`"];
    let ended = Ended::of(run(&folder, &database, &["--context", context])).expect(65, &words);
    assert_eq!(ended.stderr.lines().count(), 4, "{ended}");
    database.assert_nothing_written().await;
}

#[test]
fn a_handler_that_nobody_registered_is_found_without_a_database() {
    let steps = "  - {name: a, handler_class: comand, handler_config: {command: [\"true\"]}}\n  - {name: b, handler_class: Ship}\n";
    let folder = Folder::new().with("one.yaml", template(steps));
    let mut command = tasker(&["run", "one.yaml", "--database-url", "postgres://nobody@127.0.0.1:1/nowhere"]);
    command.current_dir(folder.path());
    Ended::of(command).expect(
        65,
        &[
            "no handler `comand` is registered, which step `a` needs; did you mean `command`?",
            "no handler `Ship` is registered, which step `b` needs",
            "--outcomes",
        ],
    );
}
