//! Runs to look at.

use std::time::Duration;

use tasker_cli::view::{Change, Charset, Look, RunModel, StepSpec, TaskEnd};

pub(crate) const UNICODE: Look = Look { colour: false, charset: Charset::Unicode };
pub(crate) const ASCII: Look = Look { colour: false, charset: Charset::Ascii };
pub(crate) const COLOURED: Look = Look { colour: true, charset: Charset::Unicode };

pub(crate) fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(crate) fn step(name: &str, parents: &[usize]) -> StepSpec {
    StepSpec { name: name.to_owned(), parents: parents.to_vec(), attempt_limit: 3 }
}

/// Six steps on four levels.
pub(crate) fn order() -> RunModel {
    let steps = vec![
        step("validate_order", &[]),
        step("check_customer", &[0]),
        step("reserve_stock", &[0]),
        step("charge_payment", &[1, 2]),
        step("send_confirmation", &[3]),
        step("ship_order", &[2, 3]),
    ];
    RunModel::new("shop", "process_order", "1.2.0", steps).unwrap()
}

/// One step, then `width` that can run side by side, then one.
pub(crate) fn fan(width: usize) -> RunModel {
    let mut steps = vec![step("list_customers", &[])];
    steps.extend((1..=width).map(|number| step(&format!("invoice_{number:03}"), &[0])));
    steps.push(step("close_books", &(1..=width).collect::<Vec<_>>()));
    RunModel::new("billing", "send_invoices", "2.0.0", steps).unwrap()
}

/// `length` steps, one after the other.
pub(crate) fn chain(length: usize) -> RunModel {
    let parents = |position: usize| position.checked_sub(1).into_iter().collect::<Vec<_>>();
    let steps = (0..length).map(|position| step(&format!("link_{position:04}"), &parents(position))).collect();
    RunModel::new("shop", "chain", "1.0.0", steps).unwrap()
}

pub(crate) fn apply_all(model: &mut RunModel, changes: &[Change]) {
    for change in changes {
        model.apply(change).unwrap();
    }
}

pub(crate) fn created() -> Change {
    Change::TaskCreated { id: 17, at: at(2) }
}

pub(crate) fn started(step: usize, attempt: u32, time: u64) -> Change {
    Change::StepStarted { step, attempt, at: at(time) }
}

pub(crate) fn completed(step: usize, attempt: u32, time: u64) -> Change {
    Change::StepCompleted { step, attempt, at: at(time) }
}

pub(crate) fn retrying(step: usize, attempt: u32, time: u64, due: u64) -> Change {
    let error = "warehouse is busy\n  at handlers/reserve_stock.sh:12".to_owned();
    Change::StepRetrying { step, attempt, error, at: at(time), due: at(due) }
}

pub(crate) fn failed(step: usize, attempt: u32, permanent: bool, error: &str, time: u64) -> Change {
    Change::StepFailed { step, attempt, error: error.to_owned(), permanent, at: at(time) }
}

pub(crate) fn ended(state: TaskEnd, time: u64) -> Change {
    Change::TaskEnded { state, at: at(time) }
}

/// The order up to the moment when one step waits for its second attempt and one runs.
pub(crate) fn order_half_way() -> RunModel {
    let mut model = order();
    let changes = [
        created(),
        started(0, 1, 10),
        completed(0, 1, 22),
        started(1, 1, 25),
        started(2, 1, 25),
        retrying(2, 1, 214, 2_300),
    ];
    apply_all(&mut model, &changes);
    model
}

/// The whole order: one step needed two attempts.
pub(crate) fn order_complete() -> RunModel {
    let mut model = order_half_way();
    let changes = [
        completed(1, 1, 1_400),
        started(2, 2, 2_301),
        completed(2, 2, 2_412),
        started(3, 1, 2_420),
        completed(3, 1, 2_900),
        started(4, 1, 2_910),
        started(5, 1, 2_910),
        completed(5, 1, 3_000),
        completed(4, 1, 3_214),
        ended(TaskEnd::Complete, 3_214),
    ];
    apply_all(&mut model, &changes);
    model
}

/// The order, held by two steps: one used up its attempts, one cannot succeed.
pub(crate) fn order_in_error() -> RunModel {
    let mut model = order_half_way();
    let changes = [
        failed(1, 1, true, "customer 4711 is blocked", 900),
        started(2, 2, 2_301),
        retrying(2, 2, 2_400, 6_500),
        started(2, 3, 6_501),
        failed(2, 3, false, "warehouse is busy\nqueue length: 912\nsee https://status.example", 6_700),
        ended(TaskEnd::Error, 6_700),
    ];
    apply_all(&mut model, &changes);
    model
}

/// 500 steps side by side in every state that a run can have.
pub(crate) fn fan_half_way() -> RunModel {
    let mut model = fan(500);
    let mut changes = vec![created(), started(0, 1, 10), completed(0, 1, 30)];
    for step in 1..=430 {
        changes.push(started(step, 1, 40 + step as u64));
        changes.push(match step {
            100 => failed(step, 1, true, "no such customer", 600),
            200 | 300 => retrying(step, 1, 700, 4_000 + step as u64),
            423.. => continue,
            _ => completed(step, 1, 300 + step as u64),
        });
    }
    apply_all(&mut model, &changes);
    model
}
