//! The settings of a command step, checked before anything runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tasker_domain::json::Json;

use super::environment::Environment;
use super::program;
use crate::step_handler::settings::{ConfigProblem, Settings};

const KEYS: [&str; 5] = ["command", "env", "cwd", "timeout_seconds", "config"];

/// Variables that every program gets where the worker has them.
pub(super) const ALWAYS_PASSED: [&str; 3] = ["PATH", "HOME", "LANG"];

/// Variables that we set.
pub(super) const SET_BY_US: [&str; 3] = ["TASKER_TASK", "TASKER_STEP", "TASKER_ATTEMPT"];

/// What to run for a step: the checked form of its `handler_config`.
///
/// | key | meaning |
/// |---|---|
/// | `command` | the program and its arguments as a list; a text is a program without arguments. No shell looks at them. A program with a slash is a path from the template's folder, one without is looked up on `PATH`. |
/// | `env` | names of variables of the worker that the program gets, beside `PATH`, `HOME` and `LANG`; one that is not set stays unset |
/// | `cwd` | working directory, from the template's folder, which it is unless given |
/// | `timeout_seconds` | time limit of one attempt; the step's own unless given |
/// | `config` | any value, handed to the program as `step.config` |
#[derive(Debug, Clone)]
pub struct CommandConfig {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<String>,
    pub(super) folder: PathBuf,
    pub(super) timeout: Option<Duration>,
    pub(super) config: Option<Json>,
}

impl CommandConfig {
    /// Reads and checks the settings, with the `PATH` of this process; paths count from the template's folder.
    ///
    /// # Errors
    /// Every problem: unknown keys, wrong types, a program that does not exist or cannot be executed.
    pub fn read(config: &Json, base_folder: &Path) -> Result<Self, Vec<ConfigProblem>> {
        Self::read_within(config, base_folder, &Environment::of_this_process())
    }

    /// As [`read`](Self::read), with the `PATH` of the environment given.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_within(
        config: &Json,
        base_folder: &Path,
        environment: &Environment,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let mut settings = Settings::of(config)?;
        settings.problems = settings.unknown_keys(&KEYS);
        let base_folder = match std::path::absolute(base_folder) {
            Ok(folder) => folder,
            Err(error) => {
                settings.problem("", format!("the template's folder {} has no path: {error}", base_folder.display()));
                return Err(settings.problems);
            }
        };

        let words = read_command(&mut settings);
        let variables = read_variables(&mut settings);
        let folder = read_folder(&mut settings, &base_folder);
        let timeout = settings.seconds("timeout_seconds");
        let own_config = settings.get("config").cloned();

        let mut words = words.into_iter();
        let Some(name) = words.next() else {
            return Err(settings.problems);
        };
        let arguments = words.collect::<Vec<_>>();
        let program = match program::find(&name, &base_folder, environment.get("PATH")) {
            Ok(program) => program,
            Err(message) if arguments.is_empty() && name.contains(char::is_whitespace) => {
                let advice = "a text names a program without arguments: write a list, such as [./program, argument]";
                settings.problem("command", format!("{message} ({advice})"));
                return Err(settings.problems);
            }
            Err(message) => {
                settings.problem("command", message);
                return Err(settings.problems);
            }
        };
        if !settings.problems.is_empty() {
            return Err(settings.problems);
        }
        Ok(Self { name, program, arguments, variables, folder, timeout, config: own_config })
    }

    /// The program that will be started.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The time limit of one attempt, where the settings give one.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

fn read_command(settings: &mut Settings<'_>) -> Vec<String> {
    let words = match settings.get("command") {
        None => {
            settings.problem("command", "is missing; give the program and its arguments, such as [./deliver.sh, fast]");
            return Vec::new();
        }
        Some(Json::String(program)) => vec![program.clone()],
        Some(Json::Array(words)) => {
            let mut texts = Vec::with_capacity(words.len());
            for (place, word) in words.iter().enumerate() {
                match word {
                    // A number stays as the template spells it.
                    Json::String(text) | Json::Number(text) => texts.push(text.clone()),
                    other => settings.problem(
                        format!("command[{place}]"),
                        format!("must be a text, not {}; quote it", other.kind()),
                    ),
                }
            }
            if texts.len() < words.len() {
                return Vec::new();
            }
            texts
        }
        Some(other) => {
            settings.problem("command", format!("must be a list of texts, not {}", other.kind()));
            return Vec::new();
        }
    };
    if words.first().is_none_or(String::is_empty) {
        settings.problem("command", "names no program; its first entry is the program to run");
        return Vec::new();
    }
    if let Some(place) = words.iter().position(|word| word.contains('\0')) {
        settings.problem(format!("command[{place}]"), "contains a NUL character, which no program can be given");
        return Vec::new();
    }
    words
}

fn read_variables(settings: &mut Settings<'_>) -> Vec<String> {
    let names = match settings.get("env") {
        None => return Vec::new(),
        Some(Json::Array(names)) => names,
        Some(Json::Object(_)) => {
            settings.problem("env", "must be a list of names; values are taken from the worker's environment");
            return Vec::new();
        }
        Some(other) => {
            settings.problem("env", format!("must be a list of names of variables, not {}", other.kind()));
            return Vec::new();
        }
    };
    let mut variables: Vec<String> = Vec::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        let key = format!("env[{place}]");
        match name {
            Json::String(name) if SET_BY_US.contains(&name.as_str()) => {
                settings.problem(key, format!("{name} is set for every program and cannot be passed through"));
            }
            Json::String(name) if name.contains('=') => {
                settings.problem(key, "must be a name only; its value is taken from the worker's environment");
            }
            Json::String(name) if name.is_empty() || name.contains('\0') => {
                settings.problem(key, "is not the name of a variable");
            }
            Json::String(name) => variables.push(name.clone()),
            other => settings.problem(key, format!("must be a text, not {}", other.kind())),
        }
    }
    variables
}

fn read_folder(settings: &mut Settings<'_>, base_folder: &Path) -> PathBuf {
    let Some(written) = settings.text("cwd") else {
        return base_folder.to_owned();
    };
    let folder = base_folder.join(written);
    match std::fs::metadata(&folder) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => settings.problem("cwd", format!("{} is not a folder", folder.display())),
        Err(error) => settings.problem("cwd", format!("{} cannot be used: {error}", folder.display())),
    }
    folder
}
