//! A case carried out by our engine.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use tasker_core::entropy::Entropy;
use tasker_core::{Handled, Handlers, Request, Tasker};
use tasker_domain::json::Json;
use tasker_domain::operation::TaskOperation;
use tasker_postgres::ledger::{Operated, Operator, StepChange, TaskChange};
use tasker_testing::{ManualClock, TestDatabase};
use tokio_util::sync::CancellationToken;

use crate::case::{Case, Phase};
use crate::courses::Known;
use crate::handler::{HANDLER, Script};
use crate::{rows, templates};

/// What came of a case.
pub(crate) struct Replayed {
    pub(crate) created: Value,
    pub(crate) last: Value,
    pub(crate) known: Known,
    /// Operations of the recording that our engine refused.
    pub(crate) refused: Vec<String>,
}

/// A task under way.
struct Running<'a> {
    case: &'a Case,
    tasker: Tasker,
    clock: ManualClock,
    task_id: i64,
    /// Time until it has to be worked again.
    due: Duration,
    known: Known,
    refused: Vec<String>,
}

/// Does what the phases of a case say.
pub(crate) async fn replay(database: &TestDatabase, case: &Case) -> Result<Replayed, String> {
    let script = Script::of(case)?;
    let template = templates::of(case)?;
    let clock = ManualClock::default();
    let tasker = Tasker::new(database.pool().clone(), Handlers::new().with(HANDLER, script.clone()))
        .map_err(|error| error.to_string())?
        .with_clock(Arc::new(clock.clone()))
        .with_entropy(Entropy::from_system().map_err(|error| error.to_string())?)
        .allowing_redefinition();
    let first = case.phases.iter().find_map(|phase| phase.rows.as_ref()).ok_or("it has no rows")?;
    let created = tasker.submit(&template, request(&first["task"])?).await.map_err(|error| error.to_string())?;
    let mut running = Running {
        case,
        tasker,
        clock,
        task_id: created.task_id,
        due: Duration::ZERO,
        known: Known::new(script),
        refused: Vec::new(),
    };
    let mut at_creation = None;
    for (place, phase) in case.phases.iter().enumerate() {
        running.carry_out(place, phase).await?;
        if at_creation.is_none() && phase.rows.is_some() {
            at_creation = Some(running.rows(database, phase).await?);
        }
    }
    let last = case.phases.iter().rev().find(|phase| phase.rows.is_some()).ok_or("it has no rows")?;
    Ok(Replayed {
        created: at_creation.ok_or("it has no rows")?,
        last: running.rows(database, last).await?,
        known: running.known,
        refused: running.refused,
    })
}

fn request(task: &Value) -> Result<Request, String> {
    let text = |key: &str| task[key].as_str().unwrap_or("unknown");
    let context = Json::parse(&task["context"].to_string()).map_err(|error| error.to_string())?;
    let tags: Vec<String> =
        task["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
    Ok(Request::new(context).asked_by(text("initiator"), text("source_system"), text("reason")).with_tags(tags))
}

impl Running<'_> {
    async fn carry_out(&mut self, place: usize, phase: &Phase) -> Result<(), String> {
        match phase.phase.as_str() {
            "created" => Ok(()),
            "job run" => {
                let once = ["run 0".to_owned()];
                for job in phase.jobs_run.as_deref().unwrap_or(&once) {
                    self.job(job).await?;
                }
                Ok(())
            }
            "backoff elapsed" => {
                self.let_it_fall_due();
                Ok(())
            }
            operator if operator.starts_with("operator:") => self.operate(place, phase).await,
            other => Err(format!("nothing is known of a phase `{other}`")),
        }
    }

    /// One pass of the task's job.
    async fn job(&mut self, job: &str) -> Result<(), String> {
        let (what, seconds) = job.split_once(' ').ok_or_else(|| format!("nothing is known of a job `{job}`"))?;
        let time = Duration::from_secs(seconds.parse().map_err(|_| format!("`{job}` does not say how long"))?);
        match what {
            "run" => self.clock.advance(time),
            "did_not_return" => {
                self.work().await?;
                self.clock.advance(time);
            }
            _ => return Err(format!("nothing is known of a job `{job}`")),
        }
        self.work().await
    }

    async fn work(&mut self) -> Result<(), String> {
        let handled = self.tasker.handle_task(self.task_id, CancellationToken::new()).await;
        self.due = match handled.map_err(|error| error.to_string())? {
            Handled::AtRest { .. } => Duration::ZERO,
            Handled::Again { after, .. } => after,
        };
        Ok(())
    }

    fn let_it_fall_due(&mut self) {
        self.clock.advance(std::mem::take(&mut self.due));
    }

    /// What a person did is told by the rows that this phase added.
    async fn operate(&mut self, place: usize, phase: &Phase) -> Result<(), String> {
        let before = self.case.phases[..place].iter().rev().find_map(|phase| phase.rows.as_ref());
        let (Some(before), Some(after)) = (before, phase.rows.as_ref()) else {
            return Err(format!("`{}` has no rows that tell what was done", phase.phase));
        };
        let mut did_anything = false;
        let steps = after["step_transitions"].as_object().ok_or("it has no histories")?;
        for (step, history) in steps {
            let added = added(&before["step_transitions"][step], history);
            let Some(state) = added.last() else { continue };
            did_anything = true;
            if state == "pending" {
                // Ours tries again by itself, when the time has come.
                self.known.skipped.insert(step.clone());
                self.let_it_fall_due();
                continue;
            }
            let change = match state.as_str() {
                "cancelled" => StepChange::Cancel,
                "resolved_manually" => StepChange::Resolve,
                "complete" => StepChange::Complete { results: results_of(after, step)? },
                other => return Err(format!("no operation leads a step to {other}")),
            };
            self.known.settled_by_hand.insert(step.clone());
            let step_id = rows::step_id(self.tasker.ledger().pool(), self.task_id, step).await?;
            let answer = self.tasker.ledger().change_step(step_id, &change, self.operator(phase)).await;
            self.note(&answer.map_err(|error| error.to_string())?, step);
        }
        if let Some(state) = added(&before["task_transitions"], &after["task_transitions"]).last() {
            did_anything = true;
            let operation = match state.as_str() {
                "cancelled" => TaskOperation::Cancel,
                "resolved_manually" => TaskOperation::Resolve,
                "pending" => TaskOperation::Retry,
                other => return Err(format!("no operation leads a task to {other}")),
            };
            self.known.sent_on |= operation == TaskOperation::Retry;
            let change = TaskChange::Operation(operation);
            let answers = self.tasker.ledger().change_tasks(&[self.task_id], change, self.operator(phase)).await;
            for (_, answer) in answers.map_err(|error| error.to_string())? {
                self.note(&answer, "the task");
            }
        }
        if did_anything { Ok(()) } else { Err(format!("`{}` did nothing that its rows tell", phase.phase)) }
    }

    fn operator<'o>(&self, phase: &'o Phase) -> Operator<'o> {
        use tasker_core::clock::Clock;
        Operator { actor: "operator", reason: &phase.phase, now: Some(self.clock.wall_time()), dry_run: false }
    }

    fn note(&mut self, answer: &Operated, what: &str) {
        match answer {
            Operated::Done { .. } | Operated::AlreadySo => {}
            Operated::Refused(why) => self.refused.push(format!("{what}: {why}")),
            Operated::Unknown => self.refused.push(format!("{what}: there is no such thing")),
        }
    }

    async fn rows(&self, database: &TestDatabase, phase: &Phase) -> Result<Value, String> {
        let recorded = phase.rows.as_ref().ok_or("the phase has no rows")?;
        rows::read(database.pool(), self.task_id, &self.clock, recorded).await
    }
}

/// The states that a history went into after it had been as it was before.
fn added(before: &Value, after: &Value) -> Vec<String> {
    let known = before.as_array().map_or(0, Vec::len);
    let rows = after.as_array().into_iter().flatten().skip(known);
    rows.filter_map(|row| row["to_state"].as_str().map(str::to_owned)).collect()
}

fn results_of(rows: &Value, step: &str) -> Result<Box<RawValue>, String> {
    let row = rows["steps"].as_array().into_iter().flatten().find(|row| row["name"] == step);
    let results = row.map(|row| row["results"].to_string()).ok_or("a step has no row")?;
    RawValue::from_string(results).map_err(|error| error.to_string())
}
