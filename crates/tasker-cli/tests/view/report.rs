use insta::assert_snapshot;
use tasker_cli::view::{Change, Look, NextStep, RunModel, StopReason, TaskEnd, result_block};

use super::runs::{
    ASCII, COLOURED, UNICODE, apply_all, at, ended, failed, fan_half_way, order_complete, order_half_way,
    order_in_error, started,
};

fn block(model: &RunModel, next: &[NextStep], columns: Option<usize>, look: Look) -> String {
    let lines = result_block(model, at(9_000), next, columns, look.charset);
    lines.iter().map(|line| line.render(look.colour)).collect::<Vec<_>>().join("\n")
}

fn resume() -> NextStep {
    NextStep {
        purpose: "To go on where it stopped".to_owned(),
        command: "tasker run examples/order/order.yaml --resume 17".to_owned(),
    }
}

fn stopped(reason: StopReason) -> RunModel {
    let mut model = order_half_way();
    let changes = [Change::StepHandedBack { step: 1, at: at(1_300) }, Change::RunStopped { reason, at: at(1_301) }];
    apply_all(&mut model, &changes);
    model
}

#[test]
fn complete() {
    let next = NextStep {
        purpose: "To see how a workflow is written".to_owned(),
        command: "tasker template check examples/order/order.yaml".to_owned(),
    };
    assert_snapshot!(block(&order_complete(), &[next], Some(80), UNICODE));
}

#[test]
fn error_held_by_two_steps() {
    assert_snapshot!(block(&order_in_error(), &[resume()], Some(80), UNICODE));
}

#[test]
fn error_in_forty_columns_keeps_the_command_whole() {
    let block = block(&order_in_error(), &[resume()], Some(40), UNICODE);
    assert!(block.contains(&resume().command));
    assert_snapshot!(block);
}

#[test]
fn error_in_ascii() {
    let block = block(&order_in_error(), &[resume()], Some(80), ASCII);
    assert!(block.is_ascii());
    assert_snapshot!(block);
}

#[test]
fn error_in_colour_says_the_same() {
    let coloured = block(&order_in_error(), &[resume()], Some(80), COLOURED);
    assert_eq!(console::strip_ansi_codes(&coloured), block(&order_in_error(), &[resume()], Some(80), UNICODE));
    assert_snapshot!(coloured.replace('\x1b', "␛"));
}

#[test]
fn cancelled() {
    let mut model = order_half_way();
    let changes = [
        Change::StepCancelled { step: 1, at: at(800) },
        Change::StepCancelled { step: 2, at: at(800) },
        ended(TaskEnd::Cancelled, 801),
    ];
    apply_all(&mut model, &changes);
    assert_snapshot!(block(&model, &[], Some(80), UNICODE));
}

#[test]
fn a_run_that_stops_names_what_has_failed_so_far() {
    let mut model = order_half_way();
    let stop = Change::RunStopped { reason: StopReason::Interrupted, at: at(1_000) };
    apply_all(&mut model, &[failed(1, 1, true, "customer 4711 is blocked", 900), stop]);
    let block = block(&model, &[resume()], None, UNICODE);
    assert!(block.contains("  1 step failed:\n  ✗ check_customer  failed for good in attempt 1"), "{block}");
}

#[test]
fn resolved_by_hand() {
    let mut model = order_in_error();
    apply_all(&mut model, &[ended(TaskEnd::ResolvedManually, 8_000)]);
    assert!(block(&model, &[], None, UNICODE).starts_with("◆ Task 17 was resolved by hand"));
}

#[test]
fn timed_out() {
    let model = stopped(StopReason::TimedOut { limit: at(90_000) });
    assert_snapshot!(block(&model, &[resume()], Some(80), UNICODE));
}

#[test]
fn interrupted() {
    assert_snapshot!(block(&stopped(StopReason::Interrupted), &[resume()], Some(80), UNICODE));
}

#[test]
fn database_lost() {
    let error = "connection refused\nIs the server running?".to_owned();
    assert_snapshot!(block(&stopped(StopReason::DatabaseLost { error }), &[resume()], Some(80), UNICODE));
}

#[test]
fn many_failures_are_counted_and_long_errors_cut() {
    let mut model = fan_half_way();
    let trace = (1..=12).map(|line| format!("frame {line}")).collect::<Vec<_>>().join("\n");
    for step in 423..=460 {
        apply_all(&mut model, &[started(step, 1, 2_000), failed(step, 3, false, &trace, 2_100)]);
    }
    apply_all(&mut model, &[ended(TaskEnd::Error, 3_000)]);
    let block = block(&model, &[], Some(80), UNICODE);
    assert!(block.contains("Held by 39 steps:"), "{block}");
    assert!(block.contains("and 19 more"), "{block}");
    assert!(block.contains("      frame 5\n      …\n"), "{block}");
    assert!(!block.contains("frame 6"), "{block}");
}
