//! Programs as step handlers: what they are given, what their end means, and that none of them can harm the worker.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod manual_clock;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use manual_clock::ManualClock;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use tasker_core::step_handler::command::{CommandConfig, CommandHandler, Environment, StepProblem};
use tasker_core::step_handler::{
    ErrorKind, Output, StepContext, StepContextBuilder, StepError, StepHandler, Wait, handler_fn,
};
use tasker_domain::json::Json;
use tasker_domain::template::{Seconds, StepTemplate, Template, Version};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio_util::sync::CancellationToken;

/// A folder with a template's scripts.
struct Scripts {
    folder: TempDir,
}

impl Scripts {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// Writes an executable script for the plain shell.
    fn with(self, name: &str, body: &str) -> Self {
        let path = self.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn with_file(self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        path
    }
}

fn to_json(value: &Value) -> Json {
    Json::parse(&value.to_string()).unwrap()
}

fn search_path() -> Environment {
    [("PATH", std::env::var_os("PATH").unwrap())].into_iter().collect()
}

fn step_template(name: &str, handler_class: &str, parents: &[usize], config: Option<Json>) -> StepTemplate {
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
    }
}

/// pack → ship; ship is the command.
fn template(config: &Value) -> Template {
    Template {
        name: "order".to_owned(),
        namespace: "shop".to_owned(),
        version: Version { major: 1, minor: 0, patch: 0 },
        description: None,
        task_handler_class: "Order".to_owned(),
        context_schema: None,
        strict: false,
        fail_fast: false,
        steps: vec![
            step_template("pack", "Pack", &[], None),
            step_template("ship", CommandHandler::NAME, &[0], Some(to_json(config))),
        ],
    }
}

fn handler(scripts: &Scripts, config: &Value) -> CommandHandler {
    handler_within(search_path(), scripts, config)
}

fn handler_within(environment: Environment, scripts: &Scripts, config: &Value) -> CommandHandler {
    let mut handler = CommandHandler::within(environment);
    handler.add_template(&template(config), scripts.path()).unwrap();
    handler
}

fn ship() -> StepContextBuilder {
    StepContext::builder("ship").task((7, "shop", "order", "1.0.0")).step_id(9)
}

fn raw(text: &str) -> Output {
    Output::raw(serde_json::value::RawValue::from_string(text.to_owned()).unwrap())
}

async fn run(scripts: &Scripts, config: Value) -> Result<Output, StepError> {
    handler(scripts, &config).process(ship().build()).await
}

async fn run_script(body: &str) -> Result<Output, StepError> {
    run(&Scripts::new().with("ship.sh", body), json!({ "command": "./ship.sh" })).await
}

fn problems(scripts: &Scripts, config: Value) -> Vec<String> {
    let found = CommandConfig::read_within(&to_json(&config), scripts.path(), &search_path()).unwrap_err();
    let folder = scripts.path().to_str().unwrap();
    found.into_iter().map(|problem| problem.to_string().replace(folder, "FOLDER")).collect()
}

// ── What a program is given ──

#[tokio::test]
async fn the_step_arrives_on_stdin_with_its_numbers_exact() {
    let scripts = Scripts::new();
    let config = json!({ "command": "cat", "config": { "carrier": "slow" } });
    let step = ship()
        .context(Arc::new(raw(r#"{"price": 12345678901234567890.123456789012345678, "big": 1e400}"#)))
        .attempt(2)
        .retry_limit(5)
        .parents(HashMap::from([("pack".to_owned(), Arc::new(raw(r#"{"weight": 1.10}"#)))]))
        .build();
    let output = handler(&scripts, &config).process(step).await.unwrap();
    assert_eq!(
        output.get(),
        concat!(
            r#"{"task":{"id":7,"namespace":"shop","name":"order","version":"1.0.0","#,
            r#""context":{"price": 12345678901234567890.123456789012345678, "big": 1e400}},"#,
            r#""step":{"id":9,"name":"ship","attempt":2,"retry_limit":5,"config":{"carrier":"slow"}},"#,
            r#""results":{"pack":{"weight": 1.10}}}"#,
        )
    );
}

#[tokio::test]
async fn a_parent_without_results_is_null_and_no_config_is_no_key() {
    let output = run(&Scripts::new(), json!({ "command": ["cat"] })).await.unwrap();
    let document: Value = output.read().unwrap();
    assert_eq!(document["results"], json!({ "pack": null }));
    assert!(document["step"].get("config").is_none());
}

#[tokio::test]
async fn the_environment_is_exactly_what_is_promised() {
    let environment: Environment = [
        ("PATH", std::env::var("PATH").unwrap().as_str()),
        ("HOME", "/home/worker"),
        ("LANG", "C.UTF-8"),
        ("CARRIER_TOKEN", "s3cret"),
        ("DATABASE_URL", "postgres://never"),
        ("TASKER_TASK", "of the worker"),
    ]
    .into_iter()
    .collect();
    let scripts = Scripts::new().with("ship.sh", "env > variables");
    let config = json!({ "command": "./ship.sh", "env": ["CARRIER_TOKEN", "NOT_SET"] });
    handler_within(environment, &scripts, &config).process(ship().attempt(3).build()).await.unwrap();

    let written = fs::read_to_string(scripts.path().join("variables")).unwrap();
    let mut variables: Vec<&str> = written
        .lines()
        // The shell makes these for itself.
        .filter(|line| !["PWD=", "OLDPWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own)))
        .filter(|line| !line.starts_with("PATH="))
        .collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "CARRIER_TOKEN=s3cret",
            "HOME=/home/worker",
            "LANG=C.UTF-8",
            "TASKER_ATTEMPT=3",
            "TASKER_STEP=ship",
            "TASKER_TASK=7"
        ]
    );
    assert!(written.lines().any(|line| line.starts_with("PATH=")));
}

#[tokio::test]
async fn arguments_are_handed_over_untouched_by_a_shell() {
    let scripts = Scripts::new().with("ship.sh", r#"printf '["%s","%s","%s"]' "$1" "$2" "$3""#);
    let output = run(&scripts, json!({ "command": ["./ship.sh", "$HOME *", "; rm -rf x", 1.50] })).await.unwrap();
    assert_eq!(output.get(), r#"["$HOME *","; rm -rf x","1.5"]"#);
}

#[tokio::test]
async fn it_runs_in_the_templates_folder_or_the_one_named() {
    let scripts = Scripts::new().with("where.sh", r#"printf '"%s"' "$(pwd -P)""#);
    fs::create_dir(scripts.path().join("inner")).unwrap();
    let home = fs::canonicalize(scripts.path()).unwrap();
    let read = |output: Output| output.read::<PathBuf>().unwrap();
    assert_eq!(read(run(&scripts, json!({ "command": "./where.sh" })).await.unwrap()), home);
    let config = json!({ "command": "./where.sh", "cwd": "inner" });
    assert_eq!(read(run(&scripts, config).await.unwrap()), home.join("inner"));
}

// ── What its end means ──

#[tokio::test]
async fn success_takes_the_json_as_it_stands() {
    assert_eq!(run_script(r#"echo ' {"n": 1.10} '"#).await.unwrap().get(), r#"{"n": 1.10}"#);
    assert_eq!(run_script("true").await.unwrap().get(), "{}");
    assert_eq!(run_script("echo; echo warning >&2").await.unwrap().get(), "{}");
    assert_eq!(run_script("echo '[1]'").await.unwrap().get(), "[1]");
}

#[tokio::test]
async fn exit_75_is_retryable_and_may_ask_for_a_wait() {
    let error = run_script("echo the carrier is busy >&2; echo 'Retry-After: 17' >&2; exit 75").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retryable);
    assert_eq!(error.wait(), Wait::Requested(Duration::from_secs(17)));
    assert_eq!(error.message(), "the carrier is busy");
    assert_eq!(error.code(), Some("EXIT_75"));

    let error = run_script("printf 'retry-after:5' >&2; exit 75").await.unwrap_err();
    assert_eq!(error.wait(), Wait::Requested(Duration::from_secs(5)));
    assert_eq!(error.message(), "`./ship.sh` ended with exit code 75 and said nothing on stderr");
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let body = "echo 'Retry-After: Tue, 01 Jul 2025 12:01:40 GMT' >&2; exit 75";
    let scripts = Scripts::new().with("ship.sh", body);
    let step = ship().clock(ManualClock::new()).build();
    let error = handler(&scripts, &json!({ "command": "./ship.sh" })).process(step).await.unwrap_err();
    assert_eq!(error.wait(), Wait::Requested(Duration::from_secs(100)));
}

#[tokio::test]
async fn retry_after_counts_only_as_the_last_line_and_only_when_understood() {
    let error = run_script("echo 'Retry-After: 17' >&2; echo busy >&2; exit 75").await.unwrap_err();
    assert_eq!((error.wait(), error.message()), (Wait::Default, "Retry-After: 17\nbusy"));
    let error = run_script("echo 'Retry-After: soon' >&2; exit 75").await.unwrap_err();
    assert_eq!((error.wait(), error.message()), (Wait::Default, "Retry-After: soon"));
    let error = run_script("echo 'Retry-After: 17' >&2; exit 1").await.unwrap_err();
    assert_eq!((error.wait(), error.message()), (Wait::Default, "Retry-After: 17"));
}

#[tokio::test]
async fn exit_65_is_permanent() {
    let error = run_script("echo no such address >&2; exit 65").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Permanent, "no such address"));
}

#[tokio::test]
async fn any_other_exit_is_an_ordinary_failure() {
    let error = run_script("echo '{}'; echo out of paper >&2; exit 3").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Failure, "out of paper"));
    assert_eq!((error.class(), error.code()), ("CommandFailed", Some("EXIT_3")));
    assert_eq!(error.details(), Some(&json!({ "exit_code": 3 })));
    let error = run_script("exit 1").await.unwrap_err();
    assert_eq!(error.message(), "`./ship.sh` ended with exit code 1 and said nothing on stderr");
}

#[tokio::test]
async fn a_killed_program_names_the_signal() {
    let error = run_script("echo half way >&2; kill -9 $$").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failure);
    assert_eq!(error.message(), "`./ship.sh` was killed by signal 9 (SIGKILL): half way");
    assert_eq!(error.class(), "CommandKilled");
}

#[tokio::test]
async fn no_json_is_a_failure_that_shows_the_beginning() {
    let error = run_script("echo 'Shipped to Ørsted!'").await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Failure, "InvalidResult"));
    assert_eq!(
        error.message(),
        "`./ship.sh` must print one JSON value to stdout, which this is not (expected value at line 1 column 1); it \
         printed: Shipped to Ørsted!"
    );
    let two = run_script("echo '{} {}'").await.unwrap_err();
    assert!(two.message().contains("trailing characters"), "{two}");
    let latin1 = run_script(r"printf '\042\351\042'").await.unwrap_err();
    assert!(latin1.message().contains("not bytes outside UTF-8"), "{latin1}");
    let long = run_script("printf 'x%.0s' $(seq 1000)").await.unwrap_err();
    assert!(long.message().ends_with(&format!("printed: {}…", "x".repeat(200))), "{long}");
}

#[tokio::test]
async fn a_message_is_the_end_of_stderr_without_what_steers_a_terminal() {
    let error = run_script(r"printf '\033[31mred\033[0m\a\r\nnext\377\n' >&2; exit 1").await.unwrap_err();
    assert_eq!(error.message(), "red\nnext\u{fffd}");
}

// ── Limits ──

#[tokio::test]
async fn ten_megabytes_are_stopped_and_the_setting_named() {
    let error = run_script("head -c 10000000 /dev/zero | tr '\\0' '7'").await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Failure, "ResultTooLarge"));
    assert!(error.message().contains("1048576 bytes that execution.max_result_bytes allows"), "{error}");
}

#[tokio::test]
async fn endless_output_is_stopped() {
    let error = run_script("exec yes").await.unwrap_err();
    assert_eq!(error.class(), "ResultTooLarge");
}

#[tokio::test]
async fn the_limit_counts_the_value_and_not_the_space_around_it() {
    let scripts = Scripts::new().with("ship.sh", r#"printf '   "12345678"   '"#);
    let config = json!({ "command": "./ship.sh" });
    let with_limit = |bytes| handler(&scripts, &config).with_max_result_bytes(bytes);
    assert_eq!(with_limit(10).process(ship().build()).await.unwrap().get(), r#""12345678""#);
    assert_eq!(with_limit(9).process(ship().build()).await.unwrap_err().class(), "ResultTooLarge");
}

#[tokio::test]
async fn huge_stderr_keeps_its_end_only() {
    let error =
        run_script("head -c 20000000 /dev/zero | tr '\\0' '.' >&2; echo the end >&2; exit 1").await.unwrap_err();
    assert!(error.message().starts_with("…..."), "{error}");
    assert!(error.message().ends_with("...the end"), "{error}");
    assert!(error.message().len() < 2100, "{}", error.message().len());
}

#[tokio::test]
async fn a_program_that_reads_nothing_gets_five_megabytes_without_harm() {
    let scripts = Scripts::new().with("ship.sh", "echo '{\"ok\":true}'");
    let context = Arc::new(Output::json(&json!({ "blob": "x".repeat(5_000_000) })).unwrap());
    let step = ship().context(context).build();
    let output = handler(&scripts, &json!({ "command": "./ship.sh" })).process(step).await.unwrap();
    assert_eq!(output.get(), r#"{"ok":true}"#);
}

#[tokio::test]
async fn five_megabytes_arrive_whole() {
    let scripts = Scripts::new().with("ship.sh", "wc -c");
    let context = Arc::new(Output::json(&json!({ "blob": "x".repeat(5_000_000) })).unwrap());
    let step = ship().context(context).build();
    let output = handler(&scripts, &json!({ "command": "./ship.sh" })).process(step).await.unwrap();
    assert!(output.read::<usize>().unwrap() > 5_000_000);
}

// ── Ends that have to be forced. The scripts hold a named pipe open: its end is the proof that all of them are gone. ──

struct Held {
    lines: BufReader<tokio::fs::File>,
}

impl Held {
    /// Waits until the script says that it is ready.
    async fn ready(fifo: PathBuf) -> Self {
        let mut held = Self { lines: BufReader::new(tokio::fs::File::open(fifo).await.unwrap()) };
        held.says("ready\n").await;
        held
    }

    /// Waits for the next line.
    async fn says(&mut self, expected: &str) {
        let mut line = String::new();
        self.lines.read_line(&mut line).await.unwrap();
        assert_eq!(line, expected);
    }

    /// Waits until nobody holds the pipe, and returns what was still written to it.
    async fn gone(mut self) -> String {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).await.unwrap();
        rest
    }
}

const LIMIT: Duration = Duration::from_secs(30);
const AFTER_TERM: Duration = Duration::from_secs(2);

fn limited(scripts: &Scripts) -> CommandHandler {
    handler(scripts, &json!({ "command": "./ship.sh", "timeout_seconds": 30 }))
}

#[tokio::test]
async fn a_time_limit_ends_the_whole_group() {
    let scripts =
        Scripts::new().with("ship.sh", "exec 3>held; echo so far >&2; echo ready >&3; sleep 1000 & sleep 1000");
    let fifo = scripts.fifo("held");
    let clock = ManualClock::new();
    let handler = limited(&scripts);
    let running = handler.process(ship().clock(clock.clone()).build());
    let (outcome, rest) = tokio::join!(running, async {
        let held = Held::ready(fifo).await;
        clock.somebody_waits(LIMIT).await;
        clock.advance(LIMIT);
        held.gone().await
    });
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.message(), "`./ship.sh` took longer than 30 s and was ended");
    assert_eq!(error.details(), Some(&json!({ "stderr": "so far" })));
    assert_eq!(rest, "");
}

#[tokio::test]
async fn a_program_may_clean_up_when_it_is_asked_to_end() {
    let body = "exec 3>held; trap 'echo cleaned >&3; exit 0' TERM; echo ready >&3; sleep 1000 & wait";
    let scripts = Scripts::new().with("ship.sh", body);
    let fifo = scripts.fifo("held");
    let clock = ManualClock::new();
    let handler = limited(&scripts);
    let running = handler.process(ship().clock(clock.clone()).build());
    let (outcome, _) = tokio::join!(running, async {
        let mut held = Held::ready(fifo).await;
        clock.somebody_waits(LIMIT).await;
        clock.advance(LIMIT);
        held.says("cleaned\n").await;
        // Its child may have been asked before it was able to hear: then it is killed.
        clock.somebody_waits(AFTER_TERM).await;
        clock.advance(AFTER_TERM);
        held.gone().await
    });
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_program_that_ignores_the_request_is_killed_two_seconds_later() {
    let body = "trap '' TERM; exec 3>held; echo ready >&3; sleep 1000 & while :; do wait; done";
    let scripts = Scripts::new().with("ship.sh", body);
    let fifo = scripts.fifo("held");
    let clock = ManualClock::new();
    let handler = limited(&scripts);
    let running = handler.process(ship().clock(clock.clone()).build());
    let (outcome, _) = tokio::join!(running, async {
        let held = Held::ready(fifo).await;
        clock.somebody_waits(LIMIT).await;
        clock.advance(LIMIT);
        clock.somebody_waits(AFTER_TERM).await;
        clock.advance(AFTER_TERM);
        held.gone().await
    });
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn the_steps_own_limit_counts_where_the_settings_give_none() {
    let scripts = Scripts::new().with("ship.sh", "exec 3>held; echo ready >&3; sleep 1000");
    let fifo = scripts.fifo("held");
    let clock = ManualClock::new();
    let mut own_limit = template(&json!({ "command": "./ship.sh" }));
    own_limit.steps[1].timeout_seconds = Some(Seconds { milliseconds: 1500 });
    let mut handler = CommandHandler::within(search_path());
    handler.add_template(&own_limit, scripts.path()).unwrap();
    let running = handler.process(ship().clock(clock.clone()).build());
    let (outcome, _) = tokio::join!(running, async {
        let held = Held::ready(fifo).await;
        clock.somebody_waits(Duration::from_millis(1500)).await;
        clock.advance(Duration::from_millis(1500));
        held.gone().await
    });
    assert_eq!(outcome.unwrap_err().message(), "`./ship.sh` took longer than 1.5 s and was ended");
}

#[tokio::test]
async fn cancellation_ends_the_group() {
    let scripts = Scripts::new().with("ship.sh", "exec 3>held; echo ready >&3; sleep 1000 & sleep 1000");
    let fifo = scripts.fifo("held");
    let cancelled = CancellationToken::new();
    let handler = handler(&scripts, &json!({ "command": "./ship.sh" }));
    let running = handler.process(ship().cancelled(cancelled.clone()).clock(ManualClock::new()).build());
    let (outcome, _) = tokio::join!(running, async {
        let held = Held::ready(fifo).await;
        cancelled.cancel();
        held.gone().await
    });
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Failure, "Tasker::Cancelled"));
}

#[tokio::test]
async fn dropping_the_attempt_kills_the_group() {
    let scripts = Scripts::new().with("ship.sh", "trap '' TERM; exec 3>held; echo ready >&3; sleep 1000 & sleep 1000");
    let fifo = scripts.fifo("held");
    let handler = handler(&scripts, &json!({ "command": "./ship.sh" }));
    let mut running = Box::pin(handler.process(ship().build()));
    let held = tokio::select! {
        outcome = &mut running => panic!("ended too early: {outcome:?}"),
        held = Held::ready(fifo) => held,
    };
    drop(running);
    held.gone().await;
}

#[tokio::test]
async fn a_grandchild_that_holds_stdout_does_not_hold_us() {
    let scripts = Scripts::new().with("ship.sh", "exec 3>held; sleep 1000 & echo ready >&3; echo '{\"done\":1}'");
    let fifo = scripts.fifo("held");
    let clock = ManualClock::new();
    let handler = handler(&scripts, &json!({ "command": "./ship.sh" }));
    let running = handler.process(ship().clock(clock.clone()).build());
    let (outcome, _) = tokio::join!(running, async {
        let held = Held::ready(fifo).await;
        clock.somebody_waits(Duration::from_secs(1)).await;
        clock.advance(Duration::from_secs(1));
        held.gone().await
    });
    assert_eq!(outcome.unwrap().get(), r#"{"done":1}"#);
}

#[tokio::test]
async fn a_filter_that_outlives_the_program_may_finish_writing() {
    let output = run_script("{ sleep 0.2; echo '{\"late\":1}'; } &").await.unwrap();
    assert_eq!(output.get(), r#"{"late":1}"#);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_descendant_that_left_the_group_does_not_hold_us_either() {
    let body = "exec 3>held; setsid sh -c 'echo ready >&3; exec 3>&-; read line < release' & echo '{}'";
    let scripts = Scripts::new().with("ship.sh", body);
    let (held, release) = (scripts.fifo("held"), scripts.fifo("release"));
    let clock = ManualClock::new();
    let handler = handler(&scripts, &json!({ "command": "./ship.sh" }));
    let running = handler.process(ship().clock(clock.clone()).build());
    let (outcome, ()) = tokio::join!(running, async {
        let _held = Held::ready(held).await;
        clock.somebody_waits(Duration::from_secs(1)).await;
        clock.advance(Duration::from_secs(1));
        clock.somebody_waits(Duration::from_millis(500)).await;
        clock.advance(Duration::from_millis(500));
    });
    assert_eq!(outcome.unwrap().get(), "{}");
    tokio::fs::write(release, "go\n").await.unwrap();
}

// ── What is found before anything runs ──

#[test]
fn a_program_that_cannot_run_is_found_early() {
    let scripts = Scripts::new()
        .with_file("plain.sh", "#!/bin/sh\n", 0o644)
        .with_file("no_mark.sh", "echo '{}'\n", 0o755)
        .with_file("windows.sh", "#!/bin/sh\r\necho '{}'\r\n", 0o755)
        .with_file("lost.sh", "#!/opt/none/python9\n", 0o755)
        .with_file("empty_mark.sh", "#!\n", 0o755);
    fs::create_dir(scripts.path().join("folder")).unwrap();
    let rows = [
        ("./absent.sh", "FOLDER/./absent.sh does not exist; a path with a slash counts from the template's folder"),
        ("./plain.sh", "FOLDER/./plain.sh is not executable; run `chmod +x FOLDER/./plain.sh`"),
        ("./folder", "FOLDER/./folder is a folder, not a program"),
        (
            "./no_mark.sh",
            "FOLDER/./no_mark.sh does not say what runs it; make its first line `#!/bin/sh` or another interpreter's",
        ),
        (
            "./windows.sh",
            "FOLDER/./windows.sh has Windows line ends, which its interpreter's name then contains; save it with LF",
        ),
        (
            "./lost.sh",
            "FOLDER/./lost.sh names the interpreter /opt/none/python9 in its first line, which does not exist",
        ),
        ("./empty_mark.sh", "FOLDER/./empty_mark.sh names no interpreter after `#!` in its first line"),
        (
            "surely-no-such-program",
            "no program `surely-no-such-program` on PATH; install it, or write a path with a slash for a file of your own",
        ),
        ("plain.sh", "no program `plain.sh` on PATH; for the file beside the template write `./plain.sh`"),
    ];
    for (program, message) in rows {
        let message = message.replace("/./", "/");
        let expected = format!("handler_config.command: {message}");
        assert_eq!(problems(&scripts, json!({ "command": [program] })), [expected], "{program}");
    }
}

#[test]
fn a_text_with_arguments_in_it_says_how_to_write_a_list() {
    let found = problems(&Scripts::new(), json!({ "command": "./ship.sh --fast" }));
    assert!(
        found[0].ends_with("(a text names a program without arguments: write a list, such as [./program, argument])")
    );
}

#[test]
fn every_problem_of_the_settings_is_told_at_once() {
    let config = json!({
        "comand": ["x"],
        "whatever": 1,
        "env": ["A=b", "TASKER_STEP", 5],
        "cwd": "nowhere",
        "timeout_seconds": 0,
    });
    assert_eq!(
        problems(&Scripts::new(), config),
        [
            "handler_config.comand: unknown key, did you mean `command`?",
            "handler_config.whatever: unknown key; the keys are command, env, cwd, timeout_seconds, config",
            "handler_config.command: is missing; give the program and its arguments, such as [./deliver.sh, fast]",
            "handler_config.env[0]: must be a name only; its value is taken from the worker's environment",
            "handler_config.env[1]: TASKER_STEP is set for every program and cannot be passed through",
            "handler_config.env[2]: must be a text, not a number",
            "handler_config.cwd: FOLDER/nowhere cannot be used: No such file or directory (os error 2)",
            "handler_config.timeout_seconds: must be a number of seconds above 0 and at most ten years, not 0",
        ]
    );
}

#[test]
fn settings_of_the_wrong_type_are_refused() {
    let rows = [
        (json!({ "command": [] }), "command: names no program; its first entry is the program to run"),
        (json!({ "command": "" }), "command: names no program; its first entry is the program to run"),
        (json!({ "command": true }), "command: must be a list of texts, not a boolean"),
        (json!({ "command": ["cat", null] }), "command[1]: must be a text, not null; quote it"),
        (json!({ "command": ["cat", "\0"] }), "command[1]: contains a NUL character, which no program can be given"),
        (
            json!({ "command": "cat", "env": { "A": "b" } }),
            "env: must be a list of names; values are taken from the worker's environment",
        ),
        (
            json!({ "command": "cat", "timeout_seconds": "30" }),
            "timeout_seconds: must be a number of seconds, not a text",
        ),
        (
            json!({ "command": "cat", "timeout_seconds": -1 }),
            "timeout_seconds: must be a number of seconds above 0 and at most ten years, not -1",
        ),
    ];
    for (config, message) in rows {
        assert_eq!(problems(&Scripts::new(), config), [format!("handler_config.{message}")]);
    }
    assert_eq!(problems(&Scripts::new(), json!("cat")), ["handler_config: must be a map of settings, not a text"]);
}

#[test]
fn a_template_with_a_bad_step_adds_none_of_its_steps() {
    let scripts = Scripts::new();
    let mut both = template(&json!({ "command": "cat" }));
    both.steps.push(step_template("bill", CommandHandler::NAME, &[1], None));
    let mut handler = CommandHandler::within(search_path());
    let found: Vec<StepProblem> = handler.add_template(&both, scripts.path()).unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), "step `bill`: handler_config: must be a map of settings, not null");
    let outcome = futures_util::FutureExt::now_or_never(handler.process(ship().build())).unwrap();
    assert_eq!(outcome.unwrap_err().class(), "CommandNotAllowed");
}

// ── What happens when things change after the check ──

#[tokio::test]
async fn a_step_of_a_template_that_was_not_given_as_a_file_does_not_run() {
    let config = json!({ "command": ["touch", "proof"] });
    let scripts = Scripts::new();
    let other_version =
        StepContext::builder("ship").task((7, "shop", "order", "2.0.0")).handler_config(Some(to_json(&config))).build();
    let error = handler(&scripts, &config).process(other_version).await.unwrap_err();
    assert_eq!(error.class(), "CommandNotAllowed");
    assert_eq!(
        error.message(),
        "step `ship` of shop/order 2.0.0 runs a program, and programs run only from template files that the worker is \
         given; start the worker with that file"
    );
    assert!(!scripts.path().join("proof").exists());
}

#[tokio::test]
async fn a_program_removed_after_the_check_is_a_failure_with_its_path() {
    let scripts = Scripts::new().with("ship.sh", "true");
    let handler = handler(&scripts, &json!({ "command": "./ship.sh" }));
    fs::remove_file(scripts.path().join("ship.sh")).unwrap();
    let error = handler.process(ship().build()).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Failure, "CommandNotStarted"));
    assert!(error.message().contains("ship.sh could not be started: No such file or directory"), "{error}");
}

#[tokio::test]
async fn many_programs_at_once_do_not_disturb_each_other() {
    let scripts = Scripts::new().with("ship.sh", r#"cat > /dev/null; printf '%s' "$TASKER_ATTEMPT""#);
    let handler = Arc::new(handler(&scripts, &json!({ "command": "./ship.sh" })));
    let runs = (1..=40).map(|attempt| {
        let handler = handler.clone();
        tokio::spawn(async move { handler.process(ship().attempt(attempt).build()).await })
    });
    for (attempt, outcome) in (1..=40).zip(futures_util::future::join_all(runs).await) {
        assert_eq!(outcome.unwrap().unwrap().read::<u32>().unwrap(), attempt);
    }
}

#[test]
fn the_handler_is_one_among_others() {
    fn accepts(_: impl StepHandler) {}
    accepts(CommandHandler::new());
    accepts(handler_fn(|_| async { Ok::<_, StepError>(json!({})) }));
}
