//! What a step costs, with bounds; and that a bench leaves nothing behind.
//!
//! Bounds are those of counters, not of times: they hold on any machine. Each is about half above what was counted when
//! it was written (see docs/performance.md); whoever passes one has made every step of everybody dearer.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::support::{Ended, Folder, Running, tasker};

#[track_caller]
fn measured(arguments: &[&str]) -> Value {
    let mut all = vec!["bench", "--json", "--rounds", "1", "--floor"];
    all.extend(arguments);
    Ended::of(tasker(&all)).expect(0, &[]).document()
}

#[track_caller]
fn assert_at_most(document: &Value, what: &str, most: f64) {
    let value = document["per_step"][what].as_f64().unwrap_or_else(|| panic!("no {what} in {document}"));
    assert!(value > 0.0 && value <= most, "{what} of a step: {value}, at most {most} is allowed\n{document}");
}

#[test]
fn the_cost_of_a_step_while_many_tasks_run() {
    let document = measured(&["--tasks", "400", "--in-flight", "32", "--layout", "lean"]);
    assert_at_most(&document, "messages", 0.2);
    assert_at_most(&document, "commits", 0.2);
    assert_at_most(&document, "wal_bytes", 5_500.0);
    assert_at_most(&document, "rows_written", 15.0);
}

#[test]
fn the_cost_of_a_step_with_every_index() {
    let document = measured(&["--tasks", "400", "--in-flight", "32", "--layout", "full"]);
    assert_at_most(&document, "messages", 0.2);
    assert_at_most(&document, "wal_bytes", 13_000.0);
    assert_at_most(&document, "rows_written", 15.0);
}

#[test]
fn the_cost_of_a_step_of_a_lonely_task() {
    let document = measured(&["--tasks", "50", "--in-flight", "1"]);
    assert_at_most(&document, "messages", 2.0);
    assert_at_most(&document, "commits", 2.0);
    assert_at_most(&document, "wal_bytes", 5_500.0);
    assert_at_most(&document, "rows_written", 16.0);
}

/// Whoever reads the document by a program finds these keys.
#[test]
fn the_document_of_a_bench() {
    let document =
        measured(&["--shape", "mixed", "--size", "4", "--tasks", "8", "--in-flight", "all", "--workers", "2"]);
    for key in ["steps_per_second", "tasks_per_second", "p50_ms", "p99_ms", "floor_steps_per_second", "share_of_floor"]
    {
        assert!(document[key].as_f64().is_some_and(|value| value > 0.0), "{key} in {document}");
    }
    assert_eq!(document["server"]["fsync"], "on", "{document}");
    assert_eq!(document["rounds"].as_array().map(Vec::len), Some(1), "{document}");
}

#[test]
fn waiting_and_finished_steps_are_there_before() {
    let document =
        measured(&["--tasks", "4", "--prefill-waiting", "1500", "--prefill-history", "40", "--sleep", "1ms"]);
    assert_eq!((document["prefill_waiting"].as_u64(), document["prefill_history"].as_u64()), (Some(1500), Some(40)));
    assert!(document["p50_ms"].as_f64().is_some_and(|time| time >= 3.0), "three steps in a row sleep: {document}");
}

/// The cluster of an interrupted bench goes with it.
#[test]
fn an_interrupted_bench_leaves_nothing_behind() {
    let folder = Folder::new();
    let mut command = tasker(&["bench", "--tasks", "1000000"]);
    command.env("TMPDIR", folder.path());
    let mut bench = Running::start(command);
    bench.wait_for(&["round 1 of 3"]);
    bench.signal(Signal::SIGINT);
    bench.end().expect(130, &[]);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
