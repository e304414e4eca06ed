//! What people do by hand, through the built command: task, step, queue and type, one by one and in bulk.

use std::process::Command;

use serde_json::{Value, json};

use super::support::{Database, Ended, Folder, chain, tasker, template};

/// A database and a folder with templates, and the command between them.
pub(crate) struct Desk {
    pub(crate) database: Database,
    pub(crate) folder: Folder,
}

/// pack succeeds, label fails for good, ship waits for both.
const PARCEL: &str = "  - {name: pack, handler_class: command, handler_config: {command: [echo, '{\"boxes\": 2}']}}
  - {name: label, depends_on_step: pack, handler_class: command, handler_config: {command: ./label.sh}}
  - {name: ship, depends_on_steps: [pack, label], handler_class: command, handler_config: {command: [echo, '{}']}}
";

impl Desk {
    pub(crate) async fn new() -> Self {
        let folder =
            Folder::new().with("parcel.yaml", template(PARCEL)).script("label.sh", "echo out of paper >&2; exit 65");
        Self { database: Database::new().await, folder }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tasker(arguments);
        command.env("USER", "ada").env("DATABASE_URL", self.database.url()).current_dir(self.folder.path());
        command
    }

    #[track_caller]
    pub(crate) fn ended(&self, line: &str, code: i32, words: &[&str]) -> Ended {
        Ended::of(self.command(&shell_words(line))).expect(code, words)
    }

    /// What it prints; nothing stands on standard error.
    #[track_caller]
    pub(crate) fn says(&self, line: &str, code: i32) -> String {
        let ended = self.ended(line, code, &[]);
        assert_eq!(ended.stderr, "", "{ended}");
        ended.stdout
    }

    #[track_caller]
    pub(crate) fn document(&self, line: &str, code: i32) -> Value {
        self.ended(line, code, &[]).document()
    }

    /// A task whose step `label` has died.
    #[track_caller]
    pub(crate) fn failed_parcel(&self) -> i64 {
        let task = self.document("task create parcel.yaml --json", 0)["task_id"].as_i64().unwrap();
        self.ended(&format!("task run {task} --templates parcel.yaml"), 1, &["what holds it:"]);
        task
    }
}

/// Words parted by spaces; single quotes keep some together.
fn shell_words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (place, part) in line.split('\'').enumerate() {
        if place % 2 == 1 {
            words.push(part);
        } else {
            words.extend(part.split_whitespace());
        }
    }
    words
}

/// Instants change from run to run.
pub(crate) fn without_instants(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(found) = rest.find("20").filter(|place| rest.len() >= place + 19) {
        let (before, candidate) = rest.split_at(found);
        let looks = candidate.as_bytes();
        if looks[4] == b'-' && looks[7] == b'-' && (looks[10] == b' ' || looks[10] == b'T') && looks[13] == b':' {
            let end = candidate[19..].find(|letter: char| !letter.is_ascii_digit() && letter != '.');
            shown.push_str(before);
            shown.push_str("INSTANT");
            rest = end.map_or("", |end| &candidate[19 + end..]);
        } else {
            shown.push_str(&rest[..found + 2]);
            rest = &rest[found + 2..];
        }
    }
    shown + rest
}

#[tokio::test]
async fn a_task_is_created_once_under_its_key() {
    let desk = Desk::new().await;
    let text = desk.says(
        "task create parcel.yaml --context '{\"order\": 1}' --set order=7 --set note=gift --key k --tag red --tag big",
        0,
    );
    assert_eq!(text, "task 1 of tests/trial 1.2.3 was created\n");
    let again = desk.document("task create parcel.yaml --key k --json", 0);
    assert_eq!(
        again,
        json!({"task_id": 1, "created": false, "namespace": "tests", "name": "trial", "version": "1.2.3"})
    );
    assert_eq!(desk.database.count("tasker_tasks").await, 1);
    let detail = &desk.document("task show 1 --json", 0)["detail"];
    assert_eq!(detail["context"], json!({"order": 7, "note": "gift"}));
    assert_eq!(detail["tags"], json!(["red", "big"]));
    assert_eq!((&detail["initiator"], &detail["reason"]), (&json!("ada"), &json!("tasker task create")));
}

#[tokio::test]
async fn a_task_for_later_has_its_instants() {
    let desk = Desk::new().await;
    desk.says("task create parcel.yaml --run-at 2h --deadline 2090-01-01T13:00:00+01:00", 0);
    let detail = desk.document("task show 1 --json", 0)["detail"].clone();
    assert_eq!(detail["deadline"], "2090-01-01T12:00:00");
    let due =
        "tasker_engine.task where not_before between now() + interval '119 minutes' and now() + interval '2 hours'";
    assert_eq!(desk.database.count(due).await, 1);
    let why = desk.says("why 1/pack", 0);
    assert!(
        why.contains("[waits_for_start]") && why.contains("cancelled unless it has ended by 2090-01-01 12:00:00 UTC"),
        "{why}"
    );
    desk.ended("task create parcel.yaml --run-at tomorrow", 64, &["this is no span; write numbers with units"]);
    desk.ended("task create parcel.yaml --run-at 2090-01-01", 64, &["2026-05-17T12:00:00Z"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_found_before_anything_is_written() {
    let desk = Desk::new().await;
    desk.ended("task create nothing.yaml", 65, &["cannot be read"]);
    desk.ended("task create parcel.yaml --context nonsense", 65, &["is not JSON"]);
    desk.ended("task create parcel.yaml --set x", 65, &["--set path.to.key=value"]);
    desk.database.assert_nothing_written().await;
}

#[tokio::test]
async fn another_content_under_a_used_version_is_refused_with_the_difference() {
    let desk = Desk::new().await;
    desk.says("task create parcel.yaml", 0);
    let changed = template(PARCEL).replace("name: pack,", "name: pack, default_retry_limit: 5,");
    desk.folder.write(
        "parcel.yaml",
        format!("{changed}  - {{name: thank, handler_class: command, handler_config: {{command: [\"true\"]}}}}\n"),
    );
    let words =
        ["tests/trial 1.2.3, in parcel.yaml:", "~ step pack", "retry_limit: 3 → 5", "+ step thank", "raise `version`"];
    desk.ended("task create parcel.yaml", 65, &words);
    assert_eq!(desk.database.count("tasker_tasks").await, 1);
    let taken = desk.ended(
        "task create parcel.yaml --allow-redefine",
        0,
        &["has a new content; tasks made before keep the old one"],
    );
    assert_eq!(taken.stdout, "task 2 of tests/trial 1.2.3 was created\n");
}

#[tokio::test]
async fn a_dead_step_is_looked_at_and_completed_by_hand() {
    let desk = Desk::new().await;
    let task = desk.failed_parcel();
    insta::assert_snapshot!("why_of_a_failed_task", desk.says(&format!("why {task}"), 0));
    insta::assert_snapshot!("a_failed_task", without_instants(&desk.says(&format!("task show {task}"), 0)));
    insta::assert_snapshot!("a_dead_step", without_instants(&desk.says("step show 1/label", 0)));
    insta::assert_snapshot!("a_list", without_instants(&desk.says("task list --where state=error", 0)));
    desk.folder.write("label.json", r#"{"label": "RX7"}"#);
    let done = desk.says("step complete 1/label --results @label.json --reason 'written by hand'", 0);
    assert_eq!(done, "step 1/label: error → complete\n");
    let again = desk.says("step complete 1/label --results @label.json --reason 'written by hand'", 0);
    assert_eq!(again, "step 1/label: already so, nothing to change\n");
    let why = desk.says("why 1/label", 0);
    assert!(why.contains("1/label: complete; it has ended well"), "{why}");
    assert_eq!(desk.says("task run 1 --templates parcel.yaml", 0), "task 1: complete\n");
    let watched = without_instants(&desk.says("task watch 1", 0));
    insta::assert_snapshot!("the_moves_of_a_task", watched);
    let lines = desk.ended("task watch 1 --json", 0, &[]);
    let moves: Vec<Value> = lines.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(moves.len(), watched.lines().count());
    assert_eq!(moves.last().unwrap(), &json!({"task_id": 1, "state": "complete"}));
    let by_hand = moves.iter().find(|row| row["metadata"]["operation"] == "complete").unwrap();
    assert_eq!(by_hand["metadata"], json!({"actor": "ada", "reason": "written by hand", "operation": "complete"}));
}

#[tokio::test]
async fn the_past_is_shown_as_it_was() {
    let desk = Desk::new().await;
    desk.failed_parcel();
    desk.says("step resolve 1/label --reason enough", 0);
    let history = desk.document("task show 1 --json", 0)["history"].as_array().unwrap().clone();
    let died =
        history.iter().find(|row| row["step"] == "label" && row["to"] == "error").unwrap()["at"].as_str().unwrap();
    let then = desk.document(&format!("task show 1 --at {died}Z --json"), 0);
    let states: Vec<&str> =
        then["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect();
    assert_eq!((then["state"].as_str(), states), (Some("error"), vec!["complete", "error", "pending"]));
    let text = desk.says("task show 1 --at 2001-01-01T00:00:00Z", 0);
    assert!(
        text.starts_with("task 1 (tests/trial 1.2.3): was pending at 2001-01-01") && text.contains("0 moves"),
        "{text}"
    );
}

#[tokio::test]
async fn steps_are_changed_one_by_one_and_say_what_is_legal() {
    let desk = Desk::new().await;
    desk.failed_parcel();
    assert_eq!(
        desk.says("step retry 1/label --reason again --dry-run", 0),
        "step 1/label: would go from error to pending\n"
    );
    assert_eq!(
        desk.database.number("select attempts::bigint from tasker_workflow_steps order by 1 desc limit 1").await,
        1
    );
    assert_eq!(desk.says("step retry 1/label --attempts 2 --reason again", 0), "step 1/label: error → pending\n");
    assert_eq!(
        desk.says("step limit 1/ship --attempts 9 --reason careful", 0),
        "step 1/ship: 9 attempts in all; it stays pending\n"
    );
    let refused = desk.says("step bypass 1/ship --reason hurry", 1);
    assert_eq!(
        refused,
        "step 1/ship: refused: cannot bypass a step whose parents have not ended well: end them first, or resolve the step\n"
    );
    let document = desk.document("step retry 1/pack 1/ship --reason again --json", 1);
    insta::assert_json_snapshot!("a_refusal_as_json", document);
    // A name that leads nowhere changes nothing at all.
    desk.ended(
        "step cancel 1/ship 1/shop --reason x",
        65,
        &["task 1 has no step `shop`; its steps are: pack, label, ship"],
    );
    assert_eq!(desk.database.count("tasker_workflow_step_transitions where to_state = 'cancelled'").await, 0);
    assert_eq!(
        desk.says("step cancel 1/ship --reason 'no parcel' --actor bob", 0),
        "step 1/ship: pending → cancelled\n"
    );
    let who = "tasker_workflow_step_transitions where metadata @> '{\"actor\": \"bob\", \"reason\": \"no parcel\", \"operation\": \"cancel\"}'";
    assert_eq!(desk.database.count(who).await, 1);
    desk.ended(
        "step complete 1/label --results nonsense --reason x",
        65,
        &["the results given by --results cannot be used", "@FILE"],
    );
    desk.ended("step retry 1/label", 64, &["--reason <TEXT>"]);
    desk.ended("step retry 1/label --reason ''", 64, &["it must not be empty"]);
}

#[tokio::test]
async fn tasks_are_paused_resumed_and_given_priority() {
    let desk = Desk::new().await;
    desk.says("task create parcel.yaml", 0);
    assert_eq!(desk.says("task pause 1 --reason stocktaking", 0), "task 1: paused; it stays pending\n");
    assert_eq!(desk.says("task pause 1 --reason stocktaking", 0), "task 1: already so, nothing to change\n");
    let why = desk.says("why 1/pack", 0);
    assert!(why.contains("the task was paused by ada: stocktaking [task_paused]"), "{why}");
    assert_eq!(desk.says("task resume 1 --reason done", 0), "task 1: resumed; it stays pending\n");
    assert_eq!(
        desk.says("task priority 1 --points -5 --reason later", 0),
        "task 1: -5 points of priority; it stays pending\n"
    );
    assert_eq!(desk.database.count("tasker_engine.task where priority = -5").await, 1);
    assert_eq!(desk.says("task cancel 1 --reason enough", 0), "task 1: pending → cancelled\n");
    let refused = desk.says("task pause 1 --reason late", 1);
    assert_eq!(refused, "task 1: refused: the task is cancelled: nothing of it will be claimed any more\n");
}

#[tokio::test]
async fn in_bulk_it_is_counted_tried_confirmed_and_limited() {
    let desk = Desk::new().await;
    for _ in 0..3 {
        desk.failed_parcel();
    }
    desk.says("task create parcel.yaml", 0);
    let tried = desk.ended(
        "task retry --where state=error type=tests/trial step=label --reason mended --dry-run",
        0,
        &["3 tasks with state=error type=tests/trial step=label"],
    );
    insta::assert_snapshot!("a_dry_run_in_bulk", tried.stdout);
    let asked = desk.ended("task retry --where state=error --reason mended", 1, &["nothing was changed", "--yes"]);
    assert_eq!(asked.stdout, "");
    assert_eq!(desk.database.count("tasker_task_transitions where most_recent and to_state = 'error'").await, 3);
    let limited = desk.ended(
        "task retry --where state=error --limit 2 --reason mended --yes",
        0,
        &["there are more than --limit 2"],
    );
    assert_eq!(limited.stdout, "task 1: error → pending\ntask 2: error → pending\n2 changed\n");
    let rest = desk.document("task retry 1 3 99 --reason mended --json", 1);
    insta::assert_json_snapshot!("tasks_as_json", rest);
    let none = desk.ended("task cancel --where older-than=1h --reason x", 0, &["0 tasks with older-than=1h"]);
    assert_eq!(none.stdout, "");
    desk.ended("task cancel --where sate=error --reason x", 64, &["`sate` is no condition"]);
    desk.ended("task cancel 1 --where state=error --reason x", 64, &["cannot be used with"]);
    desk.ended("task cancel --reason x", 64, &["<TASK>"]);
}

#[tokio::test]
async fn queues_and_types_are_listed_paused_and_resumed() {
    let desk = Desk::new().await;
    assert_eq!(desk.says("queue list", 0), "there are no queues yet: no template has been registered\n");
    desk.says("task create parcel.yaml", 0);
    assert_eq!(
        desk.says("queue pause tests --reason stocktaking", 0),
        "queue tests is paused: nothing new of it starts\n"
    );
    assert_eq!(
        desk.says("queue pause tests --reason stocktaking", 0),
        "queue tests was paused already; nothing was changed\n"
    );
    desk.ended(
        "queue pause tets --reason typo",
        0,
        &["note: no template that was registered has the queue `tets` so far"],
    );
    insta::assert_snapshot!("queues", desk.says("queue list", 0));
    let why = desk.says("why 1/pack", 0);
    assert!(why.contains("→ `tasker queue resume tests --reason WHY`"), "{why}");
    assert_eq!(desk.says("queue resume tests --reason done", 0), "queue tests goes on\n");
    assert_eq!(desk.says("queue resume tests --reason done", 0), "queue tests was not paused; nothing was changed\n");
    assert_eq!(
        desk.document("type pause tests/trial --reason x --json", 0),
        json!({"type": "tests/trial", "paused": true, "changed": true})
    );
    let types = desk.document("type list --json", 0);
    assert_eq!(types["types"][0]["paused"], json!({"actor": "ada", "reason": "x"}));
    assert_eq!((&types["types"][0]["in_line"], &types["types"][0]["workers"]), (&json!(1), &json!(0)));
    desk.ended("type pause trial --reason x", 64, &["`trial` is no task type: write NAMESPACE/NAME"]);
    desk.says("type resume tests/trial --reason done", 0);
}

#[tokio::test]
async fn one_task_is_worked_with_its_retries_and_nothing_else() {
    let desk = Desk::new().await;
    desk.folder.write("twice.yaml", template("  - {name: only, handler_class: command, handler_config: {command: [sh, -c, 'test -e tried || { touch tried; echo not yet >&2; exit 75; }']}}\n").replace("trial", "twice"));
    desk.says("task create twice.yaml", 0);
    desk.says("task create parcel.yaml", 0);
    let ended =
        desk.ended("task run 1 --templates twice.yaml", 0, &["only: waits until", "for attempt 2 of 3: not yet"]);
    assert_eq!(ended.stdout, "task 1: complete\n");
    assert_eq!(desk.document("task show 2 --json", 0)["state"], "pending");
    desk.ended("task run 2", 65, &["whose step `pack` runs a program", "--templates FOLDER"]);
    assert_eq!(desk.document("task run 1 --json", 0), json!({"task_id": 1, "state": "complete"}));
    desk.folder.write("rust.yaml", chain(&["a"]).replace("trial", "rust"));
    desk.says("task create rust.yaml", 0);
    desk.ended("task run 3", 65, &["no handler `Scripted` is registered"]);
    desk.ended("task run 99", 65, &["there is no task 99", "tasker task list"]);
}

#[tokio::test]
async fn many_open_steps_are_put_together_by_reason() {
    let desk = Desk::new().await;
    let steps: String = (0..30)
        .map(|place| {
            format!("  - {{name: s{place}, handler_class: {}}}\n", if place < 20 { "One" } else { "Two, queue: slow" })
        })
        .collect();
    desk.folder
        .write("wide.yaml", template(&format!("{steps}  - {{name: last, depends_on_step: s0, handler_class: One}}\n")));
    desk.says("task create wide.yaml", 0);
    desk.says("queue pause slow --reason night", 0);
    insta::assert_snapshot!("why_by_reason", desk.says("why 1", 0));
    assert_eq!(desk.says("why 1 --all", 0).lines().filter(|line| line.contains("[no_worker_for_queue]")).count(), 20);
    assert_eq!(desk.document("why 1 --json", 0)["steps"].as_array().unwrap().len(), 31);
    let one = desk.document("why 1/s0 --json", 0);
    assert_eq!(one["steps"][0]["reason"], json!({"code": "no_worker_for_queue", "queue": "tests"}));
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let desk = Desk::new().await;
    desk.ended("why 1", 65, &["there is no task 1"]);
    desk.ended("why 1/a", 65, &["there is no task 1"]);
    desk.ended("why order", 64, &["`order` is neither a task nor a step: write 7 for a task, 7/ship for a step of it"]);
    desk.ended("task show 1", 65, &["there is no task 1", "tasker task list"]);
    desk.ended("task watch 1", 65, &["there is no task 1"]);
    desk.ended("step show 4", 65, &["there is no step 4"]);
    assert_eq!(desk.says("task list", 0), "no such task\n");
    assert!(desk.says("workers", 0).starts_with("no worker is at work"));
    assert_eq!(desk.says("task cancel 1 --reason x", 1), "task 1: there is none in this database\n");
}

#[tokio::test]
async fn an_ended_task_is_done_anew_from_a_step_on() {
    let desk = Desk::new().await;
    let task = desk.failed_parcel();
    desk.ended("task rewind 1 --from label", 64, &["--reason"]);
    desk.ended("task rewind 1 --reason r", 64, &["--from"]);
    assert_eq!(
        desk.says("task rewind 1 --from label --reason paper --dry-run", 0),
        "task 1: a task would be made: 1 step is taken over (pack), 2 steps are done anew (label, ship)\n"
    );
    assert_eq!(desk.database.count("tasker_tasks").await, 1);
    let made = desk.document("task rewind 1 --from label --reason paper --set paper=A4 --json", 0);
    let result = json!({"task_id": task, "outcome": "done", "new_task_id": 2, "taken_over": ["pack"], "anew": ["label", "ship"]});
    assert_eq!(made, json!({"operation": "rewind", "from": "label", "dry_run": false, "results": [result]}));
    assert_eq!(
        desk.says("task rewind 1 --from label --reason paper --set paper=A4", 0),
        "task 1: task 2 was made by the same command before\n"
    );
    let detail = desk.document("task show 2 --json", 0)["detail"].clone();
    assert_eq!(detail["rewound_from"], json!({"task_id": 1, "step": "label", "actor": "ada", "reason": "paper"}));
    assert_eq!(detail["context"], json!({"paper": "A4"}));
    insta::assert_snapshot!(
        without_instants(&desk.says("task show 2", 0)).replace(detail["identity_hash"].as_str().unwrap(), "HASH")
    );
    desk.folder.write("label.sh", "#!/bin/sh\necho '{}'\n");
    desk.ended("task run 2 --templates parcel.yaml", 0, &[]);
    assert_eq!(
        desk.says("task rewind 2 7 --from pack --reason 'again, all of it' --context '{\"x\": 1}'", 1),
        "task 2: task 3 was made: nothing is taken over, 3 steps are done anew (pack, label, ship)\n\
         task 7: there is none in this database\n\
         1 made, 1 not there\n"
    );
    assert_eq!(
        desk.says("task rewind 1 2 3 --from pack --reason 'again, all of it' --dry-run --json", 1).lines().count(),
        1,
        "the document has no sum"
    );
    assert_eq!(
        desk.says("task rewind 3 --from pack --reason r", 1),
        "task 3: refused: cannot rewind what is pending; legal would be: cancel, and then rewind\n"
    );
    assert_eq!(
        desk.says("task rewind 1 --from lable --reason r", 1),
        "task 1: refused: task 1 has no step `lable`; did you mean `label`?\n"
    );
    let bulk = desk.ended("task rewind --where state=error --from ship --reason r --yes --json", 0, &[]).document();
    assert_eq!(bulk["results"][0]["anew"], json!(["label", "ship"]), "what failed is done anew wherever it begins");
}

#[tokio::test]
async fn a_request_passes_over_skippable_steps() {
    let desk = Desk::new().await;
    let steps = "  - {name: pack, handler_class: command, handler_config: {command: [echo, '{}']}}
  - {name: label, depends_on_step: pack, skippable: true, handler_class: command, handler_config: {command: ./label.sh}}
";
    desk.folder.write("short.yaml", template(steps));
    desk.ended("task create short.yaml --bypass pack", 65, &["step `pack` cannot be bypassed", "TSK-0013"]);
    desk.ended("task create short.yaml --bypass lable", 65, &["did you mean `label`?"]);
    desk.database.assert_nothing_written().await;
    desk.says("task create short.yaml --bypass label", 0);
    let shown = desk.says("task show 1", 0);
    assert!(shown.contains("  bypassed   [\"label\"]\n"), "{shown}");
    desk.ended("task run 1 --templates short.yaml", 0, &[]);
    let label = &desk.document("task show 1 --json", 0)["steps"][1];
    assert_eq!(
        (&label["state"], &label["attempts"], &label["results"]),
        (&json!("complete"), &json!(0), &json!({"bypassed": true}))
    );
}

#[tokio::test]
async fn what_no_history_tells_is_listed() {
    let desk = Desk::new().await;
    assert_eq!(desk.says("operations", 0), "no such operation\n");
    let task = desk.failed_parcel();
    desk.says("step limit 1/label --attempts 9 --reason 'new printer'", 0);
    desk.says("task priority 1 --points 5 --reason urgent", 0);
    desk.says("task pause 1 --reason lunch", 0);
    desk.says("task resume 1 --reason 'lunch is over' --actor bob", 0);
    desk.says("task cancel 1 --reason enough", 0);
    desk.says("task rewind 1 --from label --reason 'try again'", 0);
    desk.ended("queue pause tests --reason stocktaking", 0, &[]);
    desk.ended("queue resume tests", 64, &["--reason"]);
    desk.says("queue resume tests --reason counted", 0);
    insta::assert_snapshot!("operations", without_instants(&desk.says("operations", 0)));
    let shown = without_instants(&desk.says("task show 1", 0));
    let (_, beside) = shown.split_once("5 changes beside them\n").unwrap_or_else(|| panic!("{shown}"));
    insta::assert_snapshot!("changes_beside_the_moves", beside);
    let listed = desk.document("operations --queue tests --json", 0);
    let operations = listed["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 2);
    assert_eq!((&operations[0]["operation"], &operations[0]["reason"]), (&json!("resume"), &json!("counted")));
    assert_eq!(
        desk.document(&format!("operations --task {task} --limit 2 --json"), 0)["operations"].as_array().unwrap().len(),
        2
    );
    assert_eq!(desk.document("task show 1 --json", 0)["operations"][1]["after"], json!(5));
    assert_eq!(desk.says("operations --type tests/trial", 0), "no such operation\n");
    desk.ended("operations --task 1 --queue tests", 64, &["cannot be used with"]);
}
