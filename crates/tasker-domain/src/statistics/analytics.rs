//! `get_analytics_metrics_v01`.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

use super::{Record, StepRecord, TaskRecord, mean_seconds, microseconds};
use crate::decimal::Decimal;
use crate::state::StepState;

/// The window where none is given, and always that of the health score.
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// Figures of all rows and of a window. The window is open at its start: what was created at that very instant is out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalyticsMetrics {
    /// Of all time: tasks with a step whose history ends, but not in `complete`, `error`, `skipped` or
    /// `resolved_manually`. So cancelled steps make a task active, and steps without a history do not.
    pub active_tasks_count: i64,
    /// Of all time: namespaces with a task.
    pub total_namespaces_count: i64,
    /// Of all time: names of task types with a task, whatever namespace and version.
    pub unique_task_types_count: i64,
    /// Of the tasks of the last hour, whatever the window: those with a complete step, as a share of those plus those with
    /// a failed one (a task can be both); three decimals, `1.0` without any.
    pub system_health_score: Decimal,
    /// Tasks created in the window.
    pub task_throughput: i64,
    /// Of those, tasks with a complete step.
    pub completion_count: i64,
    /// Of those, tasks with a failed step.
    pub error_count: i64,
    /// The former in percent of all, two decimals; `0.0` in an empty window.
    pub completion_rate: Decimal,
    /// The latter in percent of all.
    pub error_rate: Decimal,
    /// Mean seconds from the creation of the task to the completion of a step, over all complete steps; three decimals.
    pub avg_task_duration: Decimal,
    /// Mean seconds from the creation of the step to its completion, over the same steps.
    pub avg_step_duration: Decimal,
    /// Steps of tasks in the window.
    pub step_throughput: i64,
    /// Start of the window, UTC.
    pub analysis_period_start: NaiveDateTime,
    /// The instant of the figures, UTC.
    pub calculated_at: NaiveDateTime,
}

/// What became of the steps of a task.
#[derive(Clone, Copy, Default)]
struct Ends {
    has_complete: bool,
    has_failed: bool,
}

#[derive(Default)]
struct EndCounts {
    tasks: i64,
    complete: i64,
    failed: i64,
}

/// The figures at an instant (UTC), with a window from `since` on; from an hour before without it.
pub fn analytics_metrics(record: &Record, since: Option<NaiveDateTime>, now: NaiveDateTime) -> AnalyticsMetrics {
    let start = since.unwrap_or(now - WINDOW);
    let tasks: HashMap<i64, &TaskRecord> = record.tasks.iter().map(|task| (task.task_id, task)).collect();
    let mut ends: HashMap<i64, Ends> = HashMap::with_capacity(tasks.len());
    let mut active: HashSet<i64> = HashSet::new();
    let (mut steps_in_window, mut completions) = (0, 0);
    let (mut since_tasks, mut since_steps) = (0, 0);
    for step in &record.steps {
        let task = tasks.get(&step.task_id).filter(|task| task.created_at > start);
        steps_in_window += i64::from(task.is_some());
        let Some(newest) = &step.facts.newest else { continue };
        if is_active(step) {
            active.insert(step.task_id);
        }
        let known = ends.entry(step.task_id).or_default();
        match newest.state.known() {
            Some(StepState::Complete) => {
                known.has_complete = true;
                if let Some(task) = task {
                    completions += 1;
                    since_tasks += microseconds(newest.at - task.created_at);
                    since_steps += microseconds(newest.at - step.created_at);
                }
            }
            Some(StepState::Error) => known.has_failed = true,
            _ => {}
        }
    }
    let created_after = |instant: NaiveDateTime| {
        let mut counts = EndCounts::default();
        for task in record.tasks.iter().filter(|task| task.created_at > instant) {
            let ends = ends.get(&task.task_id).copied().unwrap_or_default();
            counts.tasks += 1;
            counts.complete += i64::from(ends.has_complete);
            counts.failed += i64::from(ends.has_failed);
        }
        counts
    };
    let (window, last_hour) = (created_after(start), created_after(now - WINDOW));
    let percent = |part: i64| {
        Decimal::quotient(100 * i128::from(part), i128::from(window.tasks), 2).unwrap_or(Decimal::new(0, 1))
    };
    let judged = last_hour.complete + last_hour.failed;
    AnalyticsMetrics {
        active_tasks_count: number(active.len()),
        total_namespaces_count: distinct(record.tasks.iter().map(|task| &*task.namespace)),
        unique_task_types_count: distinct(record.tasks.iter().map(|task| &*task.name)),
        system_health_score: Decimal::quotient(i128::from(last_hour.complete), i128::from(judged), 3)
            .unwrap_or(Decimal::new(10, 1)),
        task_throughput: window.tasks,
        completion_count: window.complete,
        error_count: window.failed,
        completion_rate: percent(window.complete),
        error_rate: percent(window.failed),
        avg_task_duration: mean_seconds(since_tasks, completions),
        avg_step_duration: mean_seconds(since_steps, completions),
        step_throughput: steps_in_window,
        analysis_period_start: start,
        calculated_at: now,
    }
}

/// Whether the step's history ends with a word that is not one of the original's ends: `skipped` is one of them although
/// no machine has it, `cancelled` is not.
fn is_active(step: &StepRecord) -> bool {
    step.facts
        .newest
        .as_ref()
        .is_some_and(|newest| !["complete", "error", "skipped", "resolved_manually"].contains(&newest.state.as_str()))
}

fn distinct<'n>(names: impl Iterator<Item = &'n str>) -> i64 {
    number(names.collect::<HashSet<_>>().len())
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
