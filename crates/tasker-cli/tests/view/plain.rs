use insta::assert_snapshot;
use tasker_cli::view::{Change, Look, Mode, Progress, RunModel, StepState, StopReason, TaskEnd};

use super::runs::{ASCII, COLOURED, UNICODE, at, completed, created, ended, failed, order, retrying, started};
use super::screen::Screen;

fn lines(model: RunModel, changes: &[Change], look: Look) -> String {
    let mut written = Vec::new();
    let mut progress = Progress::on(model, Mode::Plain, look, Screen::new(80, 24), &mut written);
    for change in changes {
        progress.apply(change, change.at()).unwrap();
    }
    progress.finish(at(99_000)).unwrap();
    assert_eq!(progress.tick_interval(), None);
    drop(progress);
    String::from_utf8(written).unwrap()
}

fn changes() -> Vec<Change> {
    vec![
        Change::Notice { text: "started PostgreSQL 15 in ~/.local/share/tasker".to_owned(), at: at(0) },
        created(),
        started(0, 1, 10),
        completed(0, 1, 22),
        started(1, 1, 25),
        started(2, 1, 25),
        retrying(2, 1, 214, 2_300),
        failed(1, 1, true, "customer 4711 is blocked", 900),
        Change::TaskParked { until: at(2_300), at: at(901) },
        started(2, 2, 2_301),
        retrying(2, 2, 2_400, 6_500),
        started(2, 3, 65_501),
        failed(2, 3, false, "warehouse is busy", 1_065_700),
        Change::StepCancelled { step: 3, at: at(1_065_701) },
        ended(TaskEnd::Error, 1_065_702),
    ]
}

#[test]
fn each_change_is_one_line() {
    let written = lines(order(), &changes(), UNICODE);
    assert!(!written.contains('\x1b'));
    assert_eq!(written.lines().count(), changes().len());
    assert_snapshot!(written);
}

#[test]
fn colour_is_there_when_it_is_forced() {
    let coloured = lines(order(), &changes(), COLOURED);
    assert!(coloured.contains('\x1b'));
    assert_eq!(console::strip_ansi_codes(&coloured), lines(order(), &changes(), UNICODE));
}

#[test]
fn ascii_lines_are_ascii() {
    assert!(lines(order(), &changes(), ASCII).is_ascii());
}

#[test]
fn a_resumed_run_says_what_is_complete_already_and_why_it_stops() {
    let before = StepState::Complete { attempts: 1, took: None };
    let mut states = vec![StepState::Waiting; 6];
    states[0] = before.clone();
    states[1] = before;
    let changes = [
        Change::TaskResumed { id: 17, states, at: at(3) },
        started(2, 2, 5),
        Change::StepHandedBack { step: 2, at: at(800) },
        Change::RunStopped { reason: StopReason::Interrupted, at: at(801) },
        Change::RunStopped { reason: StopReason::TimedOut { limit: at(90_000) }, at: at(90_000) },
        Change::RunStopped { reason: StopReason::DatabaseLost { error: "broken pipe".to_owned() }, at: at(90_001) },
        Change::StepResolved { step: 2, at: at(90_002) },
    ];
    assert_snapshot!(lines(order(), &changes, UNICODE));
}
