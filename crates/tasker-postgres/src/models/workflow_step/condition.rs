//! What can be asked of a step in any statement that has steps in it, under whatever name it calls them.

use chrono::NaiveDateTime;
use sea_query::{Expr, ExprTrait, Func, JoinType, Query, SelectStatement};
use tasker_domain::state::StepState;

use crate::models::statement::{self, instant};
use crate::models::{Model, NamedStep, WorkflowStep, WorkflowStepEdge, WorkflowStepTransition};

/// States of a step that others that depend on it wait for.
pub(super) const COMPLETED: [StepState; 2] = [StepState::Complete, StepState::ResolvedManually];

/// Attempts of a step whose row does not say how many it may have.
const ATTEMPTS_ALLOWED: i32 = 3;

/// A sub-select of `1` from the transitions of the step.
fn transitions(step: &'static str, alias: &'static str) -> SelectStatement {
    let mut select = Query::select();
    select.expr(Expr::cust("1")).from_as(("public", WorkflowStepTransition::TABLE), alias);
    select.and_where(Expr::col((alias, "workflow_step_id")).equals((step, "workflow_step_id")));
    select
}

/// The same from its most recent transition, `current`.
pub(in crate::models) fn current(step: &'static str) -> SelectStatement {
    let mut select = transitions(step, "current");
    select.and_where(Expr::cust("\"current\".\"most_recent\""));
    select
}

/// The same where that leads to one of these states.
pub(in crate::models) fn current_in(step: &'static str, states: &[StepState]) -> SelectStatement {
    let mut select = current(step);
    let words = states.iter().map(|state| statement::word(state.as_str()));
    select.and_where(match states {
        [state] => Expr::col(("current", "to_state")).eq(statement::word(state.as_str())),
        _ => Expr::col(("current", "to_state")).is_in(words),
    });
    select
}

/// The step is in error and nothing tries it again: its attempts are used up, or it must not be tried again.
pub(in crate::models) fn dead(step: &'static str) -> Expr {
    Expr::exists(current_in(step, &[StepState::Error])).and(may_be_tried(step).not())
}

/// The step is in error, may be tried again, and the wait until then lasts beyond this instant (UTC).
pub(in crate::models) fn waiting_for_retry(step: &'static str, at: Option<NaiveDateTime>) -> Expr {
    let mut failed = current_in(step, &[StepState::Error]);
    failed.and_where(still_waits(step, at));
    Expr::exists(failed).and(may_be_tried(step))
}

/// Something can still become of the step by itself: it runs, it may be tried now, or it waits for an instant.
pub(in crate::models) fn alive(step: &'static str) -> Expr {
    let column = |name| Expr::col((step, name));
    let running = column("in_process").or(Expr::exists(current_in(step, &[StepState::InProgress])));
    let open = Expr::not_exists(current(step))
        .or(Expr::exists(current_in(step, &[StepState::Pending, StepState::Error])))
        .and(may_be_tried(step))
        .and(Expr::not_exists(unfinished_parent(step)));
    running.or(open)
}

/// What the step's own row says about another attempt.
fn may_be_tried(step: &'static str) -> Expr {
    let column = |name| Expr::col((step, name));
    let attempts = Func::coalesce([column("attempts"), Expr::cust("0")]);
    let allowed = Func::coalesce([column("retry_limit"), Expr::cust(ATTEMPTS_ALLOWED.to_string())]);
    column("retryable")
        .and(column("processed").not())
        .and(column("in_process").not())
        .and(Expr::from(attempts).lt(Expr::from(allowed)))
}

/// Either of the ends that the readiness function computes is still to come: the one that was asked for, and the one
/// that doubles with each attempt up to 30 seconds after the failure. An exponent of more than five makes no difference.
fn still_waits(step: &'static str, at: Option<NaiveDateTime>) -> Expr {
    let now = || at.map_or_else(instant, |at| crate::models::column::Field::to_value(&at).into());
    let column = |name| Expr::col((step, name));
    let asked =
        column("last_attempted_at").add(column("backoff_request_seconds").mul(Expr::cust("interval '1 second'")));
    let attempts = Func::coalesce([column("attempts"), Expr::cust("1")]);
    let exponent = Func::least([Expr::from(attempts), Expr::cust("5")]);
    let power = Func::cust("pg_catalog.power").arg(Expr::cust("2::double precision")).arg(exponent);
    let wait = Func::least([Expr::from(power), Expr::cust("30::double precision")]);
    let doubled = Expr::col(("current", "created_at")).add(Expr::from(wait).mul(Expr::cust("interval '1 second'")));
    asked.gt(now()).or(doubled.gt(now()))
}

/// A sub-select of `1` from the steps that the step waits for.
fn unfinished_parent(step: &'static str) -> SelectStatement {
    let mut finished = Query::select();
    finished.expr(Expr::cust("1")).from_as(("public", WorkflowStepTransition::TABLE), "ended");
    finished.and_where(Expr::col(("ended", "workflow_step_id")).equals(("edge", "from_step_id")));
    finished.and_where(Expr::cust("\"ended\".\"most_recent\""));
    finished.and_where(
        Expr::col(("ended", "to_state")).is_in(COMPLETED.iter().map(|state| statement::word(state.as_str()))),
    );
    let mut edges = Query::select();
    edges.expr(Expr::cust("1")).from_as(("public", WorkflowStepEdge::TABLE), "edge");
    edges.and_where(Expr::col(("edge", "to_step_id")).equals((step, "workflow_step_id")));
    edges.and_where(Expr::not_exists(finished));
    edges
}

/// A sub-select of `1` from the task's steps, as `step`; of this name where one is given.
pub(in crate::models) fn steps_of(task: &'static str, name: Option<&str>) -> SelectStatement {
    let mut select = Query::select();
    select.expr(Expr::cust("1")).from_as(("public", WorkflowStep::TABLE), "step");
    select.and_where(Expr::col(("step", "task_id")).equals((task, "task_id")));
    if let Some(name) = name {
        let on = Expr::col(("kind", "named_step_id")).equals(("step", "named_step_id"));
        select.join_as(JoinType::InnerJoin, ("public", NamedStep::TABLE), "kind", on);
        select.and_where(Expr::col(("kind", "name")).eq(Expr::val(name)));
    }
    select
}
