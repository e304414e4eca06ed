//! Steps carried out by a program: it reads the step as JSON on stdin and answers JSON on stdout.
//!
//! What the program reads:
//!
//! ```json
//! {"task": {"id": 7, "namespace": "shop", "name": "order", "version": "1.0.0", "context": {}},
//!  "step": {"id": 9, "name": "ship", "attempt": 1, "retry_limit": 3, "config": {}},
//!  "results": {"pack": {}}}
//! ```
//!
//! `results` has the parents of the step, `config` is there if the template gives one. What its end means:
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | success; stdout is the result, nothing on it means `{}` |
//! | 75 | fails for now; a last line `Retry-After: N` on stderr (seconds or an HTTP date) asks for a wait |
//! | 65 | fails for good: no further attempt |
//! | any other, or a signal | an ordinary failure |
//!
//! The end of stderr is the failure's message. Nothing that the program started in its process group outlives it.
//!
//! Programs run only for steps of templates that the worker was given as files ([`CommandHandler::add_template`]), never
//! by what stands in the database.

mod config;
mod document;
mod environment;
mod process;
mod program;
mod streams;
mod verdict;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use tasker_domain::json::Json;
use tasker_domain::template::{StepTemplate, Template};
use tokio::process::Command;

pub use config::CommandConfig;
pub use environment::Environment;

use self::process::Limits;
use super::settings::ConfigProblem;
use super::{Output, StepContext, StepError, StepHandler};

/// What stdout may hold beyond the largest result: white space around it, which is not stored.
const STDOUT_SLACK: usize = 64 * 1024;

/// The largest result unless the settings say otherwise (R-20).
const MAX_RESULT_BYTES: usize = 1024 * 1024;

/// Carries out the steps whose `handler_class` is `command`; see the [module](self) for what a program is given.
#[derive(Debug, Clone)]
pub struct CommandHandler {
    steps: HashMap<StepKey, CommandStep>,
    environment: Environment,
    max_result_bytes: usize,
}

/// A step of one version of a task type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct StepKey {
    namespace: String,
    task: String,
    version: String,
    step: String,
}

#[derive(Debug, Clone)]
struct CommandStep {
    config: CommandConfig,
    parents: Vec<String>,
    timeout: Option<Duration>,
}

/// A problem with the program of one step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step `{step}`: {problem}")]
pub struct StepProblem {
    /// Name of the step.
    pub step: String,
    /// What is wrong with its settings.
    pub problem: ConfigProblem,
}

impl Default for CommandHandler {
    fn default() -> Self {
        Self::new()
    }
}

impl CommandHandler {
    /// The `handler_class` by which templates name this handler.
    pub const NAME: &'static str = "command";

    /// A handler without steps, with the environment of this process.
    pub fn new() -> Self {
        Self::within(Environment::of_this_process())
    }

    /// A handler without steps that passes variables on from this environment.
    pub fn within(environment: Environment) -> Self {
        Self { steps: HashMap::new(), environment, max_result_bytes: MAX_RESULT_BYTES }
    }

    /// Sets the largest result in bytes: the setting `execution.max_result_bytes`, 1 MiB unless set.
    #[must_use]
    pub fn with_max_result_bytes(mut self, bytes: usize) -> Self {
        self.max_result_bytes = bytes;
        self
    }

    /// Lets the command steps of a template run, after checking all their programs. Paths count from the folder of the
    /// template's file. A step's own time limit counts where its settings give none.
    ///
    /// # Errors
    /// Every problem of every step; then none of them has been added.
    pub fn add_template(&mut self, template: &Template, folder: &Path) -> Result<(), Vec<StepProblem>> {
        let mut added = Vec::new();
        let mut problems = Vec::new();
        for step in template.steps.iter().filter(|step| step.handler_class == Self::NAME) {
            let settings = step.handler_config.as_ref().unwrap_or(&Json::Null);
            match CommandConfig::read_within(settings, folder, &self.environment) {
                Ok(config) => added.push((StepKey::of(template, step), CommandStep::of(template, step, config))),
                Err(found) => {
                    problems.extend(found.into_iter().map(|problem| StepProblem { step: step.name.clone(), problem }))
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        self.steps.extend(added);
        Ok(())
    }

    async fn run(&self, step: &StepContext) -> Result<Output, StepError> {
        let command_step = self.steps.get(&StepKey::named_by(step)).ok_or_else(|| {
            StepError::failure(format!(
                "step `{}` of {}/{} {} runs a program, and programs run only from template files that the worker is \
                 given; start the worker with that file",
                step.step_name(),
                step.namespace(),
                step.task_name(),
                step.version()
            ))
            .with_class("CommandNotAllowed")
        })?;
        let config = &command_step.config;
        let document = document::write(step, &command_step.parents, config.config.as_ref()).await?;
        let limits = Limits {
            timeout: command_step.timeout,
            stdout_bytes: self.max_result_bytes.saturating_add(STDOUT_SLACK),
            cancelled: step.cancelled(),
            clock: step.clock().as_ref(),
        };
        let run = process::run(self.command(config, step), &document, limits).await.map_err(|error| {
            StepError::failure(format!("{} could not be started: {error}", config.program.display()))
                .with_class("CommandNotStarted")
        })?;
        verdict::of(run, &config.name, self.max_result_bytes, limits.clock)
    }

    fn command(&self, config: &CommandConfig, step: &StepContext) -> Command {
        let mut command = Command::new(&config.program);
        command.args(&config.arguments).current_dir(&config.folder).env_clear();
        let declared = config.variables.iter().map(String::as_str);
        for name in config::ALWAYS_PASSED.into_iter().chain(declared) {
            if let Some(value) = self.environment.get(name) {
                command.env(name, value);
            }
        }
        let own_values = [step.task_id().to_string(), step.step_name().to_owned(), step.attempt().to_string()];
        command.envs(config::SET_BY_US.into_iter().zip(own_values));
        command
    }
}

impl StepHandler for CommandHandler {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        self.run(&step).await
    }
}

impl StepKey {
    fn of(template: &Template, step: &StepTemplate) -> Self {
        Self {
            namespace: template.namespace.clone(),
            task: template.name.clone(),
            version: template.version.to_string(),
            step: step.name.clone(),
        }
    }

    fn named_by(step: &StepContext) -> Self {
        Self {
            namespace: step.namespace().to_owned(),
            task: step.task_name().to_owned(),
            version: step.version().to_owned(),
            step: step.step_name().to_owned(),
        }
    }
}

impl CommandStep {
    fn of(template: &Template, step: &StepTemplate, config: CommandConfig) -> Self {
        let parents = step
            .parents
            .iter()
            .filter_map(|place| template.steps.get(*place))
            .map(|parent| parent.name.clone())
            .collect();
        let own_limit = step.timeout_seconds.map(|seconds| Duration::from_millis(seconds.milliseconds));
        let timeout = config.timeout.or(own_limit);
        Self { config, parents, timeout }
    }
}
