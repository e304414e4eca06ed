//! Which tasks a change is about: those named, or those that fit conditions.

use clap::Args;
use tasker_core::ops::{Filter, select};
use tasker_domain::code::Code;
use tasker_postgres::ledger::Ledger;

use super::{count, failed};
use crate::confirmation::confirmed;
use crate::failure::{ExitStatus, Failure};
use crate::printing::{to_stderr, visible};

/// Conditions that tasks have to fit.
#[derive(Debug, Clone, Args)]
pub struct Conditions {
    /// Tasks that fit all of these: state=error, type=NAMESPACE/NAME, version=1.0.0, older-than=2h, younger-than=30m,
    /// tag=WORD, step=NAME (not ended, with a dead step of this name)
    #[arg(long = "where", num_args = 1.., value_name = "KEY=VALUE")]
    pub conditions: Vec<String>,
}

impl Conditions {
    pub(super) fn filter(&self) -> Result<Filter, Failure> {
        let mut filter = Filter::default();
        for condition in &self.conditions {
            filter.add(condition).map_err(|problem| Failure::new(ExitStatus::Usage, problem))?;
        }
        Ok(filter)
    }
}

/// Which tasks to change.
#[derive(Debug, Clone, Args)]
pub struct Choice {
    /// Ids of the tasks
    #[arg(value_name = "TASK", conflicts_with = "conditions", required_unless_present = "conditions")]
    pub tasks: Vec<i64>,
    /// Conditions instead of ids.
    #[command(flatten)]
    pub conditions: Conditions,
    /// Change at most this many tasks, the oldest first
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "conditions")]
    pub limit: u32,
    /// Do not ask before changing what fits the conditions
    #[arg(long, requires = "conditions")]
    pub yes: bool,
}

impl Choice {
    /// The ids; asks before it gives back those that fit conditions, unless nothing will be changed.
    pub(super) async fn task_ids(&self, ledger: &Ledger, word: &str, dry_run: bool) -> Result<Vec<i64>, Failure> {
        if self.conditions.conditions.is_empty() {
            return Ok(self.tasks.clone());
        }
        let filter = self.conditions.filter()?;
        let selected = select(ledger, &filter, self.limit as usize, false).await.map_err(failed)?;
        let number = selected.task_ids.len();
        let fit = self.conditions.conditions.join(" ");
        let more = if selected.more { format!("; there are more than --limit {}", self.limit) } else { String::new() };
        to_stderr(format_args!("{}", visible(&format!("{} with {fit}{more}", count(number, "task")))));
        if number == 0 || dry_run || self.yes {
            return Ok(selected.task_ids);
        }
        let question = format!("{word} {}? [y/N] ", if number == 1 { "it" } else { "them" });
        let agreed = confirmed(&question)
            .map_err(|error| Failure::new(ExitStatus::Unavailable, format!("the answer cannot be read: {error}")))?;
        if agreed {
            return Ok(selected.task_ids);
        }
        Err(Failure::of(ExitStatus::Failed, Code::NOT_CONFIRMED, "nothing was changed")
            .advise("add --yes to do it without being asked, or --dry-run to see what would happen"))
    }
}
