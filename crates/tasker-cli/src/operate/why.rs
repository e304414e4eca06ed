//! `tasker why`.

use std::fmt::Write as _;

use clap::Args;
use tasker_core::ops::{self, StepName, StepWhy, Why};
use tasker_domain::state::TaskState;

use super::step::not_found;
use super::{count, failed, no_task, open, print, print_json};
use crate::arguments::DatabaseArguments;
use crate::failure::{ExitStatus, Failure};
use crate::printing::{on_one_line, visible};

/// Steps that are told one by one before they are put together by reason.
const ONE_BY_ONE: usize = 20;

/// Arguments of `tasker why`.
#[derive(Debug, Args)]
#[command(after_help = "Each reason has a stable code, which stands in the JSON document and in docs/why.md.\n\n\
Exit status: 0 answered, 64 wrong arguments, 65 no such task or step, 69 no database.")]
pub struct WhyArguments {
    /// A task by its id, or one of its steps as TASK/STEP: 7 or 7/ship
    #[arg(value_name = "TASK|TASK/STEP")]
    pub about: StepName,
    /// Tell every step by itself, however many there are
    #[arg(long)]
    pub all: bool,
    /// Print one JSON document; it always has every step
    #[arg(long)]
    pub json: bool,
}

/// Says why.
pub(crate) async fn why(arguments: WhyArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    if let StepName::Unreadable(text) = &arguments.about {
        let problem = format!("`{text}` is neither a task nor a step: write 7 for a task, 7/ship for a step of it");
        return Err(Failure::new(ExitStatus::Usage, problem));
    }
    let opened = open(database).await?;
    let ledger = &opened.ledger;
    let (task_id, only) = match &arguments.about {
        StepName::Id(task_id) => (*task_id, None),
        step => {
            let (step_id, task_id) = ops::find_step(ledger, step).await.map_err(not_found)?;
            (task_id, Some(step_id))
        }
    };
    let Some(mut why) = ops::why(ledger, task_id).await.map_err(failed)? else {
        return Err(no_task(task_id));
    };
    let Some(step_id) = only else {
        if arguments.json {
            print_json(&why)?;
        } else {
            print(&visible(&text(&why, arguments.all)))?;
        }
        return Ok(ExitStatus::Success);
    };
    why.steps.retain(|step| step.step_id == step_id);
    if arguments.json {
        print_json(&why)?;
        return Ok(ExitStatus::Success);
    }
    let mut text = task_line(&why);
    match why.steps.first() {
        Some(step) => one(&mut text, step, None),
        None => {
            let detail = ledger.step_detail(step_id).await.map_err(failed)?;
            let state = detail.map_or_else(|| "gone".to_owned(), |step| step.state.to_string());
            // Writing to a String cannot fail.
            let about = on_one_line(&arguments.about.to_string());
            let _ = writeln!(text, "  {about}: {state}; it has ended well and holds nothing up");
        }
    }
    print(&visible(&text))?;
    Ok(ExitStatus::Success)
}

fn task_line(why: &Why) -> String {
    let mut text = format!("task {} ({}): {}", why.task_id, on_one_line(&why.template), why.state);
    if let Some(deadline) = why.deadline.filter(|_| !why.at_rest) {
        let deadline = deadline.format("%Y-%m-%d %H:%M:%S");
        let _ = match why.deadline_passed {
            false => write!(text, "; it is cancelled unless it has ended by {deadline} UTC"),
            true => write!(text, "; its deadline passed at {deadline} UTC: the next worker that looks cancels it"),
        };
    }
    match why.state {
        TaskState::Complete | TaskState::Cancelled | TaskState::ResolvedManually => {
            text.push_str("; it has ended and does nothing more");
        }
        TaskState::Error => {
            let _ = write!(
                text,
                "; dead steps hold it\n  → all of them again: `tasker task retry {} --reason WHY`",
                why.task_id
            );
        }
        TaskState::Pending | TaskState::InProgress => {}
    }
    text.push('\n');
    text
}

fn text(why: &Why, all: bool) -> String {
    let mut text = task_line(why);
    if let (Some(reason), Some(remedy)) = (&why.reason, &why.remedy) {
        let _ = writeln!(text, "  none of its steps is open, and yet it has not ended: {reason} [{}]", reason.code());
        let _ = writeln!(text, "  → {remedy}");
    }
    // What a task that has ended well or was called off left open is not waited for.
    if why.at_rest && why.state != TaskState::Error {
        return text;
    }
    if all || why.steps.len() <= ONE_BY_ONE {
        for step in &why.steps {
            one(&mut text, step, None);
        }
        return text;
    }
    let _ =
        writeln!(text, "{} have not ended well, by reason (each by itself: --all):", count(why.steps.len(), "step"));
    for group in why.groups() {
        one(&mut text, group.first, Some(group.steps));
    }
    text
}

fn one(text: &mut String, step: &StepWhy, together: Option<usize>) {
    let StepWhy { step_id, state, .. } = step;
    let (name, reason, remedy) = (on_one_line(&step.step), on_one_line(&step.text), on_one_line(&step.remedy));
    let code = step.reason.code();
    let _ = match together {
        Some(steps) if steps > 1 => {
            writeln!(text, "  {steps} steps [{code}], the first of them {name} (step {step_id}, {state}): {reason}")
        }
        _ => writeln!(text, "  {name} (step {step_id}, {state}): {reason} [{code}]"),
    };
    if let Some(deadline) = step.deadline.filter(|_| together.is_none_or(|steps| steps == 1)) {
        let deadline = deadline.format("%Y-%m-%d %H:%M:%S");
        let _ = match step.deadline_passed {
            false => writeln!(text, "    dead unless done by {deadline} UTC"),
            true => writeln!(text, "    its deadline passed at {deadline} UTC: the next worker that looks ends it"),
        };
    }
    let _ = writeln!(text, "    → {remedy}");
}
