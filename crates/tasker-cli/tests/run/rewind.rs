//! Tasks done anew, and words that hardly fit, through the built command.

use serde_json::json;

use super::operate::Desk;
use super::support::{Ended, template, template_with};

const ANY: &str = "  - {name: pack, handler_class: command, handler_config: {command: [echo, '{}']}}\n";

#[tokio::test]
async fn a_context_that_one_of_many_tasks_cannot_take_stops_none_of_the_others() {
    let desk = Desk::new().await;
    let picky = template_with("schema: {type: object, properties: {paper: {type: integer}}}\n", ANY);
    desk.folder.write("picky.yaml", picky.replace("name: trial\n", "name: picky\n"));
    let first = desk.failed_parcel();
    let picky = desk.document("task create picky.yaml --json", 0)["task_id"].as_i64().unwrap();
    desk.ended(&format!("task run {picky} --templates picky.yaml"), 0, &[]);
    let last = desk.failed_parcel();
    let line = format!("task rewind {first} {picky} {last} --from pack --set paper=A4 --reason r --json");
    let answer = desk.document(&line, 1);
    let outcomes: Vec<_> = answer["results"].as_array().unwrap().iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, [&json!("done"), &json!("refused"), &json!("done")], "{answer}");
    let why = answer["results"][1]["why"].as_str().unwrap();
    assert!(why.contains("at `/paper`: must be a whole number"), "{why}");
    desk.ended(&format!("task rewind {picky} --from pack --set paper=A4 --reason r"), 65, &["TSK-0005"]);
}

#[tokio::test]
async fn an_empty_or_endless_word_and_times_that_leave_none_are_refused_before_anything_is_done() {
    let desk = Desk::new().await;
    for option in ["key", "tag", "reason"] {
        desk.ended(&format!("task create parcel.yaml --{option} ''"), 64, &["it must not be empty", option]);
    }
    let endless = "é".repeat(129);
    for option in ["key", "reason"] {
        let line = format!("task create parcel.yaml --{option} {endless}");
        desk.ended(&line, 64, &["it has 129 characters; 128 are the most", option]);
    }
    desk.ended("task rewind 1 --from pack --reason r --key ''", 64, &["it must not be empty"]);
    let never = "task create parcel.yaml --run-at 2h --deadline 1h";
    desk.ended(never, 64, &["the task may not start before", "give a deadline that is later than its start"]);
    desk.ended("operations --type parcel", 64, &["`parcel` is no task type: write NAMESPACE/NAME"]);
    desk.database.assert_nothing_written().await;
    desk.ended(&format!("task create parcel.yaml --key {0} --reason {0}", "é".repeat(128)), 0, &[]);
}

#[tokio::test]
async fn what_somebody_wrote_never_looks_like_a_line_of_the_log() {
    let desk = Desk::new().await;
    let task = desk.failed_parcel();
    let forged = "r\n2026-05-17 12:00:00.000  task 9: paused, by eve: forged";
    desk.ended(&format!("task rewind {task} --from label --reason '{forged}' --actor 'a\nb'"), 0, &[]);
    desk.ended(&format!("task pause 2 --reason '{forged}'"), 0, &[]);
    desk.ended(&format!("queue pause tests --reason '{forged}'"), 0, &[]);
    for command in ["operations", "task show 1", "task show 2", "queue list"] {
        let said = desk.says(command, 0);
        assert!(said.contains("by eve: forged"), "{said}");
        assert!(!said.lines().any(|line| line.trim_start().starts_with("2026-05-17 12:00:00.000")), "{said}");
    }
}

/// Names, reasons, actors and errors are other people's: none of them begins a line or reaches the terminal raw.
#[tokio::test]
async fn what_somebody_wrote_stays_on_the_line_where_it_is_told() {
    let desk = Desk::new().await;
    let steps = r#"  - {name: "pack\nFORGED\e[2J", queue: "q\nFORGED", handler_class: "command", handler_config: {command: [sh, -c, "printf 'no\\nFORGED\\033[2J' >&2; exit 65"]}}
  - {name: "ship\nFORGED", queue: "other\nFORGED", handler_class: "command", handler_config: {command: ["true"]}}
"#;
    desk.folder.write("forged.yaml", template(steps));
    desk.says("task create forged.yaml", 0);
    let mut said = vec![desk.says("task create forged.yaml", 0)];
    let pause = "--reason 'why\nFORGED\u{1b}[31m' --actor 'ada\nFORGED\u{1b}[31m'";
    said.push(desk.says(&format!("queue pause 'other\nFORGED' {pause}"), 0));
    desk.ended(&format!("step complete 4 --results 1 {pause}"), 0, &[]);
    desk.ended("task run 2 --templates forged.yaml", 1, &[]);
    for line in [
        "why 1",
        "why 2",
        "why 1 --all",
        "why '2/pack\nFORGED\u{1b}[2J'",
        "task show 1",
        "task show 2",
        "task list",
        "step show 1",
        "step show 3",
        "queue list",
        "operations",
        "step cancel '1/ship\nFORGED' --reason r",
    ] {
        said.push(desk.says(line, 0));
    }
    said.push(desk.says("task watch 2", 1));
    let told = said.concat();
    assert!(told.contains(r"was paused by ada\nFORGED\u{1b}[31m: why\nFORGED\u{1b}[31m"), "{told}");
    assert!(told.contains(r"failed for good: no\nFORGED"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told:?}");
    assert!(!told.lines().any(|line| line.trim_start().starts_with("FORGED")), "{told}");
}

#[tokio::test]
async fn who_has_no_name_in_the_environment_has_the_one_of_the_system() {
    let desk = Desk::new().await;
    desk.says("task create parcel.yaml", 0);
    let by = |names: &[(&str, &str)]| {
        let mut command =
            desk.command(&["task", "priority", "1", "--points", &names.len().to_string(), "--reason", "r"]);
        command.env_remove("USER").env_remove("LOGNAME").envs(names.iter().copied());
        Ended::of(command).expect(0, &[]);
        let actor = desk.document("operations --limit 1 --json", 0)["operations"][0]["actor"].clone();
        actor.as_str().unwrap().to_owned()
    };
    assert_eq!(by(&[("USER", ""), ("LOGNAME", "grace")]), "grace");
    let id = nix::unistd::geteuid();
    let listed = nix::unistd::User::from_uid(id).unwrap().map(|user| user.name);
    let system = listed.unwrap_or_else(|| format!("uid:{id}"));
    assert_eq!(by(&[("USER", " ")]), system);
    assert_ne!(system, "unknown");
}

#[tokio::test]
async fn of_many_steps_a_line_names_the_first_and_the_document_all() {
    let desk = Desk::new().await;
    let steps: String = (0..23).map(|place| ANY.replace("pack", &format!("s{place}"))).collect();
    desk.folder.write("wide.yaml", template_with("", &steps));
    desk.says("task create wide.yaml", 0);
    desk.says("task cancel 1 --reason r", 0);
    let line = desk.says("task rewind 1 --from s0 --reason r --dry-run", 0);
    assert!(line.contains("23 steps are done anew (s0, s1, "), "{line}");
    assert!(line.ends_with(", s18, s19 and 3 more)\n"), "{line}");
    let document = desk.document("task rewind 1 --from s0 --reason r --dry-run --json", 0);
    assert_eq!(document["results"][0]["anew"].as_array().unwrap().len(), 23);
}
