//! `tasker simulate`: no database, and yet what a run would have done.

use std::fs;
use std::process::Command;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::support::{Database, Ended, Folder, tasker, template, template_with};

const GRAPH: &str = "
  - {name: last, handler_class: S, depends_on_steps: [left, right]}
  - {name: alone, handler_class: S}
  - {name: right, handler_class: S, depends_on_step: first}
  - {name: left, handler_class: S, depends_on_step: first}
  - {name: first, handler_class: S, default_retry_limit: 5}
";

const SCRIPT: &str = r#"{
  "first": ["retryable", {"error": {"status": 429}}, {"result": {"n": 1.50, "big": 1e21, "än": [1, {"b": 1, "a": 2}]}}],
  "right": [{"error": {"status": 404}}]
}"#;

fn folder() -> Folder {
    Folder::new()
        .with("graph.yaml", template(GRAPH))
        .with("script.json", SCRIPT)
        .with("durations.yaml", "first: [1s, 500ms]\nleft: 1m\nright: 2\nalone: 0.25\n")
}

fn simulate(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = tasker(&["simulate"]);
    // Nobody listens there: it must not matter.
    command.args(arguments).env("DATABASE_URL", "postgres://localhost:1/none").current_dir(folder.path());
    command
}

const ALL: [&str; 5] = ["graph.yaml", "--outcomes", "script.json", "--durations", "durations.yaml"];

#[test]
fn a_person_sees_executions_and_a_chart() {
    let folder = folder();
    let ended = Ended::of(simulate(&folder, &ALL)).expect(1, &[]);
    assert_eq!(ended.stderr, "");
    assert_snapshot!(ended.stdout);
}

#[test]
fn without_unicode_and_with_one_worker() {
    let folder = folder();
    let mut command = simulate(&folder, &ALL);
    command.args(["--workers", "1"]).env("LC_ALL", "C");
    let ended = Ended::of(command).expect(1, &[]);
    assert!(ended.stdout.is_ascii(), "{ended}");
    assert_snapshot!(ended.stdout);
}

#[test]
fn colour_is_only_added() {
    let folder = folder();
    let plain = Ended::of(simulate(&folder, &ALL)).stdout;
    let mut coloured = simulate(&folder, &ALL);
    coloured.env("CLICOLOR_FORCE", "1");
    let coloured = Ended::of(coloured).stdout;
    assert!(coloured.contains('\u{1b}'));
    let mut stripped = coloured.clone();
    while let Some(start) = stripped.find("\u{1b}[") {
        let end = start + stripped[start..].find('m').unwrap();
        stripped.replace_range(start..=end, "");
    }
    assert_eq!(stripped, plain);
    let mut refused = simulate(&folder, &ALL);
    refused.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert_eq!(Ended::of(refused).stdout, plain);
}

#[test]
fn a_run_without_time_has_no_chart() {
    let folder = folder();
    let ended = Ended::of(simulate(&folder, &["graph.yaml"])).expect(0, &[]);
    assert_snapshot!(ended.stdout);
}

#[test]
fn the_document_has_a_timeline() {
    let folder = folder();
    let mut command = simulate(&folder, &ALL);
    command.arg("--json");
    let ended = Ended::of(command).expect(1, &[]);
    assert_eq!(ended.stderr, "");
    let document = ended.document();
    assert_eq!(document["task"]["id"], Value::Null);
    assert_eq!(document["virtual_seconds"], document["timeline"].as_array().unwrap().last().unwrap()["at"]);
    assert_snapshot!(ended.stdout);
}

#[test]
fn the_picture_is_svg() {
    let folder = folder();
    let mut command = simulate(&folder, &ALL);
    command.arg("--svg");
    let ended = Ended::of(command).expect(1, &[]);
    assert!(ended.stdout.starts_with("<svg") && ended.stdout.trim_end().ends_with("</svg>"), "{ended}");
    for words in ["tests/trial@1.2.3", "never began", "first", "6 attempts"] {
        assert!(ended.stdout.contains(words), "{words}\n{ended}");
    }
    let mut both = simulate(&folder, &ALL);
    both.args(["--svg", "--json"]);
    Ended::of(both).expect(64, &["--json", "--svg"]);
}

/// The real engine under the same script, which takes as long as the simulation says.
#[tokio::test]
async fn the_document_is_that_of_a_run() {
    let database = Database::new().await;
    let script = r#"{
      "first": ["fail", {"result": {"n": 12345678901234567890.50, "big": 1e21, "small": 1.5e-3, "än\n": [1, {"bb": 1, "a": 2}]}}],
      "left": [{"error": {"class": "fatal", "status": 503}}],
      "right": [{"error": {"status": 404}}],
      "alone": [{"result": "\u0000"}, "sleep:0.01"]
    }"#;
    let folder = Folder::new().with("graph.yaml", template(GRAPH)).with("script.json", script);
    let mut run = tasker(&["run", "graph.yaml", "--outcomes", "script.json", "--json"]);
    run.args(["--database-url", &database.url()]).current_dir(folder.path());
    let mut real = Ended::of(run).expect(1, &[]).document();
    let mut command = simulate(&folder, &["graph.yaml", "--outcomes", "script.json", "--json"]);
    command.arg("--seed=7");
    let ended = Ended::of(command).expect(1, &[]);
    let mut virtual_run = ended.document();
    let text_of = |document: &str| {
        document[document.find(r#""steps":"#).unwrap()..].split(r#","executions""#).next().unwrap().to_owned()
    };
    assert!(ended.stdout.contains("12345678901234567890.50"), "{ended}");
    let mut again = tasker(&["run", "graph.yaml", "--outcomes", "script.json", "--json", "--resume"]);
    again.arg(real["task"]["id"].to_string()).args(["--database-url", &database.url()]).current_dir(folder.path());
    assert_eq!(text_of(&Ended::of(again).stdout), text_of(&ended.stdout));
    for document in [&mut real, &mut virtual_run] {
        document["task"]["id"] = Value::Null;
        for key in ["elapsed_seconds", "virtual_seconds", "timeline"] {
            document.as_object_mut().unwrap().remove(key);
        }
    }
    assert_eq!(virtual_run, real);
}

#[test]
fn what_a_run_refuses_is_refused_in_the_same_words() {
    let keys = "schema: {type: object, required: [order], properties: {order: {type: integer}}}\n";
    let folder = Folder::new()
        .with("graph.yaml", template_with(keys, GRAPH))
        .with("good.json", "{}")
        .with("bad.json", r#"{"first": ["okay"], "frist": ["ok"]}"#)
        .with("broken.yaml", "name: broken\nstep_templates: []\n");
    let good: &[&str] = &["graph.yaml", "--outcomes", "good.json", "--set", "order=1"];
    Ended::of(simulate(&folder, good)).expect(0, &[]);
    for (status, arguments) in [
        (65, &["graph.yaml", "--outcomes", "good.json"][..]),
        (65, &["graph.yaml", "--outcomes", "good.json", "--context", r#"{"order": "7"}"#]),
        (65, &["graph.yaml", "--outcomes", "good.json", "--context", "[]"]),
        (65, &["graph.yaml", "--outcomes", "good.json", "--context", "{"]),
        (65, &["graph.yaml", "--outcomes", "good.json", "--context", "@missing.json"]),
        (65, &["graph.yaml", "--outcomes", "good.json", "--set", "order"]),
        (65, &["graph.yaml", "--outcomes", "good.json", "--context", r#"{"order": 1, "x": "\u0000"}"#]),
        (65, &["graph.yaml", "--outcomes", "bad.json", "--set", "order=1"]),
        (65, &["graph.yaml", "--outcomes", "missing.json", "--set", "order=1"]),
        (65, &["broken.yaml", "--outcomes", "good.json"]),
        (65, &["missing.yaml", "--outcomes", "good.json"]),
    ] {
        let simulated = Ended::of(simulate(&folder, arguments)).expect(status, &["error: "]);
        assert_eq!(simulated.stdout, "");
        let mut run = tasker(&["run"]);
        run.args(arguments).env("DATABASE_URL", "postgres://localhost:1/none").current_dir(folder.path());
        assert_eq!(Ended::of(run).expect(status, &[]).stderr, simulated.stderr);
    }
}

#[test]
fn wrong_durations_and_arguments_are_refused() {
    let folder = folder().with("wrong.yaml", "frist: 5s\nleft: soon\n");
    Ended::of(simulate(&folder, &["graph.yaml", "--durations", "wrong.yaml"])).expect(
        65,
        &[
            "wrong.yaml:1:1",
            "`trial` has no step `frist`",
            "did you mean `first`?",
            "wrong.yaml:2:7",
            "`soon` is not a duration",
        ],
    );
    Ended::of(simulate(&folder, &["graph.yaml", "--durations", "none.yaml"])).expect(65, &["none.yaml cannot be read"]);
    Ended::of(simulate(&folder, &["graph.yaml", "--workers", "0"])).expect(64, &["--workers"]);
    Ended::of(simulate(&folder, &["graph.yaml", "--seed", "x"])).expect(64, &["--seed"]);
    Ended::of(simulate(&folder, &[])).expect(64, &["TEMPLATE"]);
}

#[test]
fn chance_comes_from_the_seed() {
    let text = template(GRAPH).replace("jitter: false", "jitter: true");
    let folder = Folder::new().with("graph.yaml", text).with("script.json", SCRIPT);
    let seconds = |seed: &[&str]| {
        let mut command = simulate(&folder, &["graph.yaml", "--outcomes", "script.json", "--json"]);
        command.args(seed);
        let document = Ended::of(command).expect(1, &[]).document();
        document["virtual_seconds"].as_f64().unwrap()
    };
    let nought = seconds(&[]);
    assert_eq!(nought, seconds(&["--seed", "0"]));
    assert_ne!(nought, seconds(&["--seed", "1"]));
    assert!((6.0..=6.6).contains(&nought), "{nought}");
}

#[test]
fn hostile_names_reach_no_terminal() {
    let name = r#""a\e[31m\u202eb\nc""#;
    let folder = Folder::new()
        .with("graph.yaml", template(&format!("  - {{name: {name}, handler_class: S}}\n")))
        .with("durations.yaml", format!("{name}: 5\n"));
    let ended = Ended::of(simulate(&folder, &["graph.yaml", "--durations", "durations.yaml"])).expect(0, &[]);
    assert!(!ended.stdout.contains(['\u{1b}', '\u{202e}']), "{ended}");
    let mut document = simulate(&folder, &["graph.yaml", "--durations", "durations.yaml", "--json"]);
    document.env("COLUMNS", "20");
    assert_eq!(Ended::of(document).document()["timeline"][0]["step"], json!("a\u{1b}[31m\u{202e}b\nc"));
}

/// The files, the command and the output of `docs/simulation.md`.
#[test]
fn the_documented_example_is_true() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/simulation.md")).unwrap();
    let mut folder = Folder::new();
    let (mut arguments, mut output) = (String::new(), String::new());
    let mut before = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let block: String =
                lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
            match kind {
                "sh" => arguments = block.trim().strip_prefix("tasker simulate ").unwrap().to_owned(),
                "text" => output = block,
                _ => folder = folder.with(before.split('`').nth(1).unwrap(), block),
            }
        } else if !line.is_empty() {
            before = line;
        }
    }
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let ended = Ended::of(simulate(&folder, &arguments)).expect(0, &[]);
    assert_eq!(ended.stdout, output);
}
