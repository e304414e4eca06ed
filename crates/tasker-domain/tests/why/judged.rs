//! One reason for each set of facts, the strongest first.

use chrono::NaiveDateTime;
use tasker_domain::state::{StepState, TaskState};
use tasker_domain::why::{
    HolderFacts, OpenParent, PausedBy, Reason, StepFacts, TaskFacts, reason, reason_without_steps,
};

pub(crate) fn instant() -> NaiveDateTime {
    "2026-05-17T12:00:00".parse().unwrap()
}

pub(crate) fn ada() -> PausedBy {
    PausedBy { actor: "ada".to_owned(), reason: "stocktaking".to_owned() }
}

fn task() -> TaskFacts {
    TaskFacts {
        state: TaskState::InProgress,
        ours: true,
        reserved: false,
        adopted: false,
        fits: true,
        halted: false,
        paused: None,
        template: "shop/order 1.0.0".to_owned(),
    }
}

/// A step that stands in line and that a live worker carries out.
fn step() -> StepFacts {
    StepFacts {
        state: StepState::Pending,
        error: None,
        attempts: 0,
        attempts_allowed: 3,
        retryable: true,
        queued: true,
        dead: false,
        expired: false,
        parents: Vec::new(),
        holder: None,
        wakes_at: None,
        is_due: false,
        in_line: Some(4),
        queue: Some("default".to_owned()),
        handler: Some("command".to_owned()),
        queue_served: true,
        handler_served: true,
        lane_served: true,
        paused: None,
    }
}

/// The code for a task and a step that were changed so.
#[track_caller]
fn code(change: impl FnOnce(&mut TaskFacts, &mut StepFacts)) -> &'static str {
    let (mut task, mut step) = (task(), step());
    change(&mut task, &mut step);
    reason(&task, &step).code()
}

fn waiting(step: &mut StepFacts, state: StepState) {
    (step.state, step.wakes_at, step.in_line) = (state, Some(instant()), None);
}

fn parent(state: StepState) -> OpenParent {
    OpenParent { step: "pack".to_owned(), state }
}

fn holder(lives: bool) -> HolderFacts {
    HolderFacts { worker: "w".to_owned(), lives, lease_until: None }
}

#[test]
fn what_stands_in_line_says_behind_how_many() {
    assert_eq!(reason(&task(), &step()), Reason::InLine { before: 4 });
}

#[test]
fn a_missing_worker_is_named_by_what_it_lacks() {
    let lacks = |queue: bool, handler: bool, lane: bool| {
        move |_: &mut TaskFacts, step: &mut StepFacts| {
            (step.queue_served, step.handler_served, step.lane_served) = (queue, handler, lane);
        }
    };
    assert_eq!(code(lacks(false, false, false)), "no_worker_for_queue");
    assert_eq!(code(lacks(true, false, false)), "no_worker_with_handler");
    assert_eq!(code(lacks(true, true, false)), "no_worker_with_template");
}

#[test]
fn a_wait_is_a_wait_until_it_is_over_and_nobody_comes() {
    assert_eq!(code(|_, step| waiting(step, StepState::Error)), "waits_for_retry");
    assert_eq!(code(|_, step| waiting(step, StepState::Pending)), "waits_for_start");
    let over = |served: bool| {
        code(move |_, step| {
            waiting(step, StepState::Error);
            (step.is_due, step.queue_served, step.handler_served, step.lane_served) = (true, served, served, served);
        })
    };
    assert_eq!(over(true), "waits_for_retry", "a worker wakes it at any moment");
    assert_eq!(over(false), "no_worker_for_queue");
    let reserved = code(|task, step| {
        waiting(step, StepState::Error);
        (task.reserved, step.is_due, step.queue_served, step.lane_served) = (true, true, false, false);
    });
    assert_eq!(reserved, "reserved");
}

#[test]
fn parents_come_before_pauses_and_pauses_before_workers() {
    let all = |task: &mut TaskFacts, step: &mut StepFacts| {
        step.parents = vec![parent(StepState::Pending)];
        task.paused = Some(ada());
        step.paused = Some(("queue".to_owned(), "default".to_owned(), ada()));
        step.queue_served = false;
    };
    assert_eq!(code(all), "waits_for_parents");
    let after = |rid: fn(&mut TaskFacts, &mut StepFacts)| {
        code(move |task, step| {
            all(task, step);
            step.parents.clear();
            rid(task, step);
        })
    };
    assert_eq!(after(|_, _| {}), "task_paused");
    assert_eq!(after(|task, _| task.paused = None), "paused");
    assert_eq!(after(|task, step| (task.paused, step.paused) = (None, None)), "no_worker_for_queue");
    assert_eq!(after(|task, _| (task.paused, task.reserved) = (None, true)), "reserved", "its run asks no queue");
}

#[test]
fn a_parent_that_was_called_off_never_ends_well() {
    let open = |states: [StepState; 2]| code(move |_, step| step.parents = states.map(parent).to_vec());
    assert_eq!(open([StepState::Pending, StepState::Cancelled]), "behind_dead_parent");
    assert_eq!(open([StepState::Pending, StepState::Error]), "waits_for_parents");
}

#[test]
fn who_holds_it_counts_before_anything_else() {
    assert_eq!(code(|task, step| (task.paused, step.holder) = (Some(ada()), Some(holder(true)))), "running");
    assert_eq!(code(|task, step| (task.halted, step.holder) = (true, Some(holder(false)))), "abandoned");
    assert_eq!(code(|_, step| step.state = StepState::InProgress), "runs_elsewhere");
    assert_eq!(code(|_, step| (step.state, step.queued) = (StepState::InProgress, false)), "side_rows_differ");
}

#[test]
fn the_dead_say_of_what() {
    let failed = |change: fn(&mut StepFacts)| {
        code(move |_, step| {
            waiting(step, StepState::Error);
            change(step);
        })
    };
    assert_eq!(failed(|step| step.retryable = false), "dead_permanent");
    assert_eq!(failed(|step| step.attempts = 3), "dead_exhausted");
    assert_eq!(failed(|step| step.dead = true), "dead_exhausted");
    assert_eq!(failed(|step| (step.expired, step.retryable) = (true, false)), "dead_deadline");
    assert_eq!(code(|_, step| step.state = StepState::Cancelled), "cancelled");
    assert_eq!(code(|task, _| task.halted = true), "halted");
    assert_eq!(code(|task, _| task.state = TaskState::Error), "task_at_rest");
}

#[test]
fn tasks_of_others_wait_for_who_adopts_them() {
    assert_eq!(code(|task, _| task.ours = false), "not_adopted");
    assert_eq!(code(|task, _| (task.ours, task.adopted) = (false, true)), "to_be_adopted");
    assert_eq!(code(|task, _| (task.ours, task.adopted, task.fits) = (false, true, false)), "fits_no_definition");
    assert_eq!(
        code(|task, _| (task.ours, task.fits) = (false, false)),
        "not_adopted",
        "nobody has looked whether it fits"
    );
}

#[test]
fn rows_that_say_nothing_are_a_reason_of_their_own() {
    assert_eq!(code(|_, step| step.in_line = None), "side_rows_differ");
}

#[test]
fn a_task_without_open_steps_has_a_reason_as_long_as_it_has_not_ended() {
    let code = |state: TaskState, ours: bool, adopted: bool| {
        let task = TaskFacts { state, ours, adopted, ..task() };
        reason_without_steps(&task).map(|reason| reason.code())
    };
    assert_eq!(code(TaskState::InProgress, true, false), Some("side_rows_differ"));
    assert_eq!(code(TaskState::Pending, false, false), Some("not_adopted"));
    assert_eq!(code(TaskState::Pending, false, true), Some("to_be_adopted"));
    for state in [TaskState::Complete, TaskState::Error, TaskState::Cancelled, TaskState::ResolvedManually] {
        assert_eq!(code(state, true, false), None);
    }
}
