//! Scripts in a folder of their own, and the steps that run them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use tasker_core::step_handler::command::{CommandConfig, CommandHandler, Environment};
use tasker_core::step_handler::{Output, StepContext, StepContextBuilder, StepError, StepHandler};
use tasker_domain::json::Json;
use tasker_domain::template::{StepTemplate, Template, Version};
use tempfile::TempDir;

/// A folder with a template's scripts.
pub(crate) struct Scripts {
    folder: TempDir,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// Writes an executable script for the plain shell.
    pub(crate) fn with(self, name: &str, body: &str) -> Self {
        let path = self.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    pub(crate) fn with_file(self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        path
    }
}

pub(crate) fn to_json(value: &Value) -> Json {
    Json::parse(&value.to_string()).unwrap()
}

pub(crate) fn search_path() -> Environment {
    [("PATH", std::env::var_os("PATH").unwrap())].into_iter().collect()
}

pub(crate) fn step_template(name: &str, handler_class: &str, parents: &[usize], config: Option<Json>) -> StepTemplate {
    StepTemplate {
        name: name.to_owned(),
        description: name.to_owned(),
        dependent_system: "unknown".to_owned(),
        handler_class: handler_class.to_owned(),
        parents: parents.to_vec(),
        retryable: true,
        retry_limit: 3,
        skippable: false,
        handler_config: config,
        jitter: true,
        queue: "shop".to_owned(),
        priority: 0,
        timeout_seconds: None,
        deadline_seconds: None,
        custom_events: Vec::new(),
    }
}

/// pack → ship; ship is the command.
pub(crate) fn template(config: &Value) -> Template {
    Template {
        name: "order".to_owned(),
        namespace: "shop".to_owned(),
        version: Version { major: 1, minor: 0, patch: 0 },
        description: None,
        task_handler_class: "Order".to_owned(),
        context_schema: None,
        strict: false,
        fail_fast: false,
        custom_events: Vec::new(),
        steps: vec![
            step_template("pack", "Pack", &[], None),
            step_template("ship", CommandHandler::NAME, &[0], Some(to_json(config))),
        ],
    }
}

pub(crate) fn handler(scripts: &Scripts, config: &Value) -> CommandHandler {
    handler_within(search_path(), scripts, config)
}

pub(crate) fn handler_within(environment: Environment, scripts: &Scripts, config: &Value) -> CommandHandler {
    let mut handler = CommandHandler::within(environment);
    handler.add_template(&template(config), scripts.path()).unwrap();
    handler
}

pub(crate) fn ship() -> StepContextBuilder {
    StepContext::builder("ship").task((7, "shop", "order", "1.0.0")).step_id(9)
}

pub(crate) fn raw(text: &str) -> Output {
    Output::raw(serde_json::value::RawValue::from_string(text.to_owned()).unwrap())
}

pub(crate) async fn run(scripts: &Scripts, config: Value) -> Result<Output, StepError> {
    handler(scripts, &config).process(ship().build()).await
}

pub(crate) async fn run_script(body: &str) -> Result<Output, StepError> {
    run(&Scripts::new().with("ship.sh", body), json!({ "command": "./ship.sh" })).await
}

pub(crate) fn problems(scripts: &Scripts, config: Value) -> Vec<String> {
    let found = CommandConfig::read_within(&to_json(&config), scripts.path(), &search_path()).unwrap_err();
    let folder = scripts.path().to_str().unwrap();
    found.into_iter().map(|problem| problem.to_string().replace(folder, "FOLDER")).collect()
}
