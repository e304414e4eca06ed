//! `cargo xtask test`: everything that must be green, the quick and telling steps first, the runner's summary last.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::arguments::TestOptions;
use crate::interrupt::Interrupts;
use crate::licences;
use crate::postgres::Programs;
use crate::selection;
use crate::server::Server;
use crate::steps::{Steps, cargo, in_colour};
use crate::tools::{self, Needs};
use crate::wasm;

/// Names a server to test on; we set it for the tests, and the user may.
const DATABASE_URL: &str = "TASKER_TEST_DATABASE_URL";

/// Names the folder of PostgreSQL's programs to the private cluster, so that its tests run on the version asked for, too.
const POSTGRES_FOLDER: &str = "TASKER_POSTGRES_BIN";

/// Runs the tests; the answer is whether all were green.
///
/// # Errors
/// When a check fails, something is missing, or the tests cannot be run; failed tests are no error but the answer.
pub fn run(options: &TestOptions, interrupts: &Interrupts) -> Result<bool> {
    let steps = Steps::new(interrupts);
    let own_server = std::env::var_os(DATABASE_URL);
    if own_server.is_some() && options.postgres.is_some() {
        bail!("`--postgres` chooses the throw-away server, but {DATABASE_URL} names another; give one of them");
    }
    let runs_everything = options.word.is_none();
    let needs = Needs { lints: runs_everything, server: own_server.is_none(), postgres_major: options.postgres };
    let tools = tools::prepare(&steps, needs)?;

    if runs_everything {
        steps.command("formatting", &mut cargo(&["fmt", "--all", "--", "--check"]))?;
        licences::run(interrupts)?;
        steps.command("clippy", &mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
        let mut documentation = cargo(&["doc", "--workspace", "--no-deps"]);
        documentation.env("RUSTDOCFLAGS", with_word("RUSTDOCFLAGS", "-D warnings"));
        steps.command("documentation", &mut documentation)?;
        wasm::build(&steps)?;
    }
    steps.command("build", &mut nextest("run", &["--no-run"]))?;
    let chosen = options.word.as_deref().map(choose).transpose()?;

    let server = match &tools.postgres {
        Some(programs) => Some(steps.run("PostgreSQL", || {
            let log = log_path()?;
            eprintln!("    {} in {}; log: {}", programs.version, programs.folder.display(), log.display());
            Server::start(programs, &log)
        })?),
        None => None,
    };
    let url = server.as_ref().map(|server| OsString::from(server.url())).or(own_server);
    let url = url.context("there is neither a server of ours nor one that was named")?;
    let environment = environment(options, tools.postgres.as_ref(), url);

    if runs_everything {
        let mut doctests = cargo(&["test", "--workspace", "--doc", "--quiet"]);
        steps.command("documentation's examples", doctests.envs(environment.clone()))?;
    }
    eprintln!("==> tests");
    let mut tests = nextest(
        "run",
        &[
            "--no-fail-fast",
            "--no-tests=fail",
            "--success-output=immediate",
            "--failure-output=immediate",
            "--status-level=pass",
            "--final-status-level=fail",
            "--show-progress=none",
        ],
    );
    tests.arg(if in_colour() { "--color=always" } else { "--color=never" });
    tests.args(chosen.unwrap_or_default());
    let status = steps.filtered(tests.envs(environment))?;
    Ok(status.success())
}

/// The test runner over the whole workspace, always with the same choice of targets: what one call built, the next uses.
fn nextest(task: &str, arguments: &[&str]) -> Command {
    // Benchmarks are commands of their own: asked for a list of tests, they would measure.
    let mut command = cargo(&["nextest", task, "--workspace", "--lib", "--bins", "--tests", "--examples"]);
    command.args(arguments);
    command
}

/// The arguments that choose the tests with a word in their name.
fn choose(word: &str) -> Result<Vec<String>> {
    let output = nextest("list", &["--message-format=json", "--cargo-quiet"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start `cargo nextest list`")?;
    if !output.status.success() {
        bail!("`cargo nextest list` ended with {}", output.status);
    }
    let list =
        serde_json::from_slice(&output.stdout).context("`cargo nextest list` printed something else than JSON")?;
    selection::arguments(&list, word)?
        .with_context(|| format!("no test has `{word}` in its name; `cargo nextest list --workspace` shows all names"))
}

/// What tests are told through the environment.
fn environment(options: &TestOptions, programs: Option<&Programs>, url: OsString) -> Vec<(&'static str, OsString)> {
    let mut variables = vec![(DATABASE_URL, url)];
    if let (Some(_), Some(programs)) = (options.postgres, programs) {
        variables.push((POSTGRES_FOLDER, programs.folder.clone().into_os_string()));
    }
    variables
}

/// The flags that a variable of the environment holds, and one more.
fn with_word(variable: &str, word: &str) -> OsString {
    let mut flags = std::env::var_os(variable).unwrap_or_default();
    if !flags.is_empty() {
        flags.push(" ");
    }
    flags.push(word);
    flags
}

/// Beside this program, in the target folder.
fn log_path() -> Result<PathBuf> {
    let program = std::env::current_exe().context("cannot learn where this program lies")?;
    Ok(program.with_file_name("xtask-postgres.log"))
}
