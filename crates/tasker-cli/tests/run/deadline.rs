//! Deadlines of steps and tasks, as the command tells them.

use serde_json::json;

use super::operate::{Desk, without_instants};
use super::support::{Database, Ended, Folder, tasker, template};

#[tokio::test]
async fn a_run_tells_which_step_its_deadline_ended_while_it_waited_for_its_next_attempt() {
    let database = Database::new().await;
    let steps = "  - {name: call, deadline_seconds: 0.05, default_retry_limit: 9, handler_class: command, handler_config: {command: ['false']}}
  - {name: note, depends_on_step: call, handler_class: command, handler_config: {command: [cat]}}
";
    let folder = Folder::new().with("call.yaml", template(steps));
    let mut command = tasker(&["run", "call.yaml", "--database-url", &database.url()]);
    command.current_dir(folder.path());
    let ended = Ended::of(command).expect(1, &[]);
    let told = "the step was not done within its deadline of 0.05 s";
    assert!(ended.stderr.contains(told), "{ended}");
    assert!(ended.stdout.contains("  Held by 1 step:\n  ✗ call  failed in attempt 1\n"), "{ended}");
    assert!(ended.stdout.contains(told), "{ended}");
}

#[tokio::test]
async fn a_deadline_that_has_passed_unseen_is_said_to_have_passed() {
    let desk = Desk::new().await;
    let steps =
        "  - {name: call, deadline_seconds: 3600, handler_class: command, handler_config: {command: ['false']}}\n";
    desk.folder.write("call.yaml", template(steps));
    desk.says("task create call.yaml --deadline 2090-01-01T12:00:00Z", 0);
    let (text, document) = (desk.says("why 1", 0), desk.document("why 1 --json", 0));
    assert!(text.contains("; it is cancelled unless it has ended by 2090-01-01 12:00:00 UTC\n"), "{text}");
    assert!(text.contains("\n    dead unless done by "), "{text}");
    assert_eq!(
        (&document["deadline_passed"], &document["steps"][0]["deadline_passed"]),
        (&json!(false), &json!(false))
    );
    let long_ago = "update tasker_engine.deadline set at = '2001-05-17 12:00:00Z';
        update tasker_workflow_steps set created_at = '2001-05-17 12:00:00'";
    desk.database.execute(long_ago).await;
    for line in ["why 1", "why 1/call"] {
        let text = desk.says(line, 0);
        assert!(
            text.contains("; its deadline passed at 2001-05-17 12:00:00 UTC: the next worker that looks cancels it\n"),
            "{text}"
        );
        assert!(
            text.contains("\n    its deadline passed at 2001-05-17 13:00:00 UTC: the next worker that looks ends it\n"),
            "{text}"
        );
    }
    let document = desk.document("why 1 --json", 0);
    assert_eq!((&document["deadline_passed"], &document["steps"][0]["deadline_passed"]), (&json!(true), &json!(true)));
    let shown = desk.says("step show 1/call", 0);
    assert!(
        shown.contains("\n  deadline   3600 s over all attempts; it passed at 2001-05-17 13:00:00.000 UTC: the next worker that looks ends the step\n"),
        "{shown}"
    );
    // What has ended by itself has no deadline any more.
    desk.says("task cancel 1 --reason enough", 0);
    let (text, document) = (desk.says("why 1", 0), desk.document("why 1 --json", 0));
    assert!(!text.contains("passed"), "{text}");
    assert_eq!(document["deadline_passed"], false);
}

#[tokio::test]
async fn a_step_is_shown_with_its_deadline() {
    let desk = Desk::new().await;
    let steps = "  - {name: call, deadline_seconds: 3600, handler_class: command, handler_config: {command: ['false']}}
  - {name: note, depends_on_step: call, deadline_seconds: 0.5, queue: notes, handler_class: command, handler_config: {command: [cat]}}
  - {name: end, handler_class: command, handler_config: {command: [cat]}}
";
    desk.folder.write("call.yaml", template(steps));
    desk.says("task create call.yaml", 0);
    let call = without_instants(&desk.says("step show 1/call", 0));
    assert!(call.contains("\n  deadline   3600 s over all attempts; dead unless done by INSTANT UTC\n"), "{call}");
    let note = desk.says("step show 1/note", 0);
    assert!(note.contains("\n  deadline   0.5 s over all attempts\n"), "its time has not begun: {note}");
    assert!(!desk.says("step show 1/end", 0).contains("deadline"));
    let document = desk.document("step show 1/call --json", 0)["step"].clone();
    assert_eq!((&document["deadline_seconds"], &document["deadline_passed"]), (&json!(3600.0), &json!(false)));
    assert!(document["deadline"].is_string(), "{document}");
    // What has ended has its deadline, queue and handler, but no instant.
    desk.says("step cancel 1/note --reason enough", 0);
    let note = desk.says("step show 1/note", 0);
    let facts = "\n  queue      notes\n  handler    command\n  deadline   0.5 s over all attempts\n";
    assert!(note.contains(facts), "{note}");
}

#[tokio::test]
async fn a_deadline_that_cannot_be_kept_is_refused() {
    let desk = Desk::new().await;
    let passed = desk.ended(
        "task create parcel.yaml --deadline 2001-05-17T14:00:00+02:00",
        64,
        &["error[TSK-0082]: the deadline 2001-05-17 12:00:00 UTC has passed: it is ", "give a later deadline, or none"],
    );
    assert_eq!(passed.stdout, "");
    desk.ended(
        "task create parcel.yaml --deadline 2090-01-01T12:00:00Z --run-at 2090-01-01T12:00:00Z",
        64,
        &["error[TSK-0082]: the task may not start before 2090-01-01 12:00:00 UTC and has to end by 2090-01-01 12:00:00 UTC"],
    );
    desk.database.assert_nothing_written().await;
    // A start in the past is one at once.
    desk.says("task create parcel.yaml --run-at 2001-05-17T12:00:00Z", 0);
    assert_eq!(desk.database.count("tasker_engine.ready").await, 1);
}
