//! Somebody names a task whose queue, type or self is paused.

use super::operate::Desk;
use super::support::Running;

#[tokio::test]
async fn who_runs_a_task_by_name_is_told_who_paused_what() {
    let desk = Desk::new().await;
    desk.says("task create parcel.yaml", 0);
    desk.says("queue pause tests --reason 'stock\u{1b}[2Jtaking\nall day'", 0);
    let mut running = Running::start(desk.command(&["task", "run", "1", "--templates", "parcel.yaml"]));
    running.wait_for(&[
        r"pack: the queue `tests` was paused by ada: stock\u{1b}[2Jtaking\nall day;",
        "to go on: `tasker queue resume tests --reason WHY`",
    ]);
    assert_eq!(desk.database.count("tasker_workflow_step_transitions").await, 0);
    desk.says("task pause 1 --reason lunch", 0);
    running.wait_for(&["pack: the task was paused by ada: lunch;", "to go on: `tasker task resume 1 --reason WHY`"]);
    desk.says("queue resume tests --reason counted", 0);
    desk.says("task resume 1 --reason 'lunch is over'", 0);
    assert_eq!(running.end().expect(1, &["what holds it:"]).stdout, "task 1: error\n");
}
