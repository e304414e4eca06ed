//! Ends that have to be forced. The scripts hold a named pipe open: its end is the proof that all of them are gone.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tasker_core::step_handler::command::CommandHandler;
use tasker_core::step_handler::{ErrorKind, StepHandler};
use tasker_domain::template::Seconds;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio_util::sync::CancellationToken;

use super::manual_clock::ManualClock;
use super::scripts::{Scripts, handler, run_script, search_path, ship, template};

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
