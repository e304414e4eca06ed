//! Steps that are not done within their deadline, as a run tells it.

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
