//! `tasker task create`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tasker_core::{Handlers, Request, RunError, Tasker};
use tasker_domain::request::places_to_bypass;

use super::when::{When, when};
use super::{failed, few_words, print, print_json, some_words, user};
use crate::arguments::{ContextArguments, DatabaseArguments};
use crate::failure::{ExitStatus, Failure};
use crate::handlers::Loaded;
use crate::printing::{on_one_line, to_stderr, visible};
use crate::worker::templates;

/// Connections: one that asks.
const CONNECTIONS: u32 = 2;

/// Arguments of `tasker task create`.
#[derive(Debug, Args)]
#[command(after_help = "The task is carried out by whatever worker serves its type, or by `tasker task run`.\n\n\
Exit status: 0 created, or there already under this key; 64 wrong arguments, 65 bad template or context, 69 no database.")]
pub struct CreateArguments {
    /// The template, a YAML file
    pub template: PathBuf,
    /// What the task is about.
    #[command(flatten)]
    pub context: ContextArguments,
    /// Its identity: a task that was created under the same key before is answered instead of creating another
    #[arg(long, value_name = "TEXT", value_parser = few_words)]
    pub key: Option<String>,
    /// Start none of its steps before this instant, or after this time: 2026-05-17T12:00:00Z or 30m
    #[arg(long, value_name = "INSTANT|TIME", value_parser = when)]
    pub run_at: Option<When>,
    /// Cancel it if it has not ended by this instant, or after this time: 2026-05-17T12:00:00Z or 2h
    #[arg(long, value_name = "INSTANT|TIME", value_parser = when)]
    pub deadline: Option<When>,
    /// A step to pass over, which the template calls skippable; may be given several times
    #[arg(long = "bypass", value_name = "STEP")]
    pub bypass: Vec<String>,
    /// A word to find it by; may be given several times
    #[arg(long = "tag", value_name = "WORD", value_parser = some_words)]
    pub tags: Vec<String>,
    /// Why it is created; stands in the record
    #[arg(long, value_name = "TEXT", default_value = "tasker task create", value_parser = few_words)]
    pub reason: String,
    /// Environment whose overlay in the template counts
    #[arg(long, value_name = "NAME", env = "TASKER_ENV", hide_env_values = true)]
    pub environment: Option<String>,
    /// Take a changed template under a version that tasks were made from (a private PostgreSQL always does)
    #[arg(long)]
    pub allow_redefine: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Creates a task.
pub(crate) async fn create(arguments: CreateArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    // Everything that can be found wrong without a database is found before one is looked for.
    let template = crate::template::load(&arguments.template, arguments.environment.as_deref())?.template;
    let context = crate::context::read(&arguments.context)?;
    crate::context::check(&template, &context)?;
    places_to_bypass(&arguments.bypass, &template)
        .map_err(|problems| Failure::coded(ExitStatus::Data, &RunError::Bypass(problems)))?;
    let database = crate::database::open(database, CONNECTIONS).await?;
    let mut tasker = Tasker::new(database.pool.clone(), Handlers::new())
        .map_err(|error| Failure::coded(ExitStatus::Unavailable, &error))?;
    if arguments.allow_redefine || database.is_private {
        tasker = tasker.allowing_redefinition();
    }
    let mut request = Request::new(context).asked_by(&user(), "tasker-cli", &arguments.reason);
    if !arguments.tags.is_empty() {
        request = request.with_tags(&arguments.tags);
    }
    if !arguments.bypass.is_empty() {
        request = request.bypassing(&arguments.bypass);
    }
    if let Some(key) = &arguments.key {
        request = request.with_key(key);
    }
    if let Some(when) = arguments.run_at {
        request = request.not_before(when.to_come(tasker.ledger()).await?);
    }
    if let Some(when) = arguments.deadline {
        request = request.until(when.to_come(tasker.ledger()).await?);
    }
    tasker.check_deadlines(std::slice::from_ref(&request)).await.map_err(refused)?;
    let loaded = [Loaded { file: arguments.template.clone(), template }];
    let notice = |text: String| to_stderr(format_args!("{}", visible(&text)));
    templates::register(&tasker, &loaded, notice).await?;
    let [Loaded { template, .. }] = &loaded;
    let created = tasker.submit(template, request).await.map_err(refused)?;
    let (task_id, is_new) = (created.task_id, created.created);
    if arguments.json {
        print_json(&json!({
            "task_id": task_id, "created": is_new, "namespace": template.namespace, "name": template.name,
            "version": template.version.to_string(),
        }))?;
    } else if is_new {
        print(&visible(&format!("task {task_id} of {} was created\n", on_one_line(&loaded[0].name()))))?;
    } else {
        print(&format!("task {task_id} was created under this key before; nothing was created\n"))?;
    }
    Ok(ExitStatus::Success)
}

fn refused(error: RunError) -> Failure {
    match error {
        RunError::Database { error, .. } => failed(error),
        error @ (RunError::DeadlinePassed { .. } | RunError::DeadlineBeforeStart { .. }) => {
            Failure::coded(ExitStatus::Usage, &error)
        }
        error => Failure::coded(ExitStatus::Data, &error),
    }
}
