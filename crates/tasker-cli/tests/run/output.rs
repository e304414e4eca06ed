//! What the terminal, a pipe and a script get to see.

use std::process::{Command, Stdio};

use super::support::{Database, Ended, Folder, TASKER, chain, tasker, template};

fn run(folder: &Folder, database: &Database) -> Command {
    let mut command = tasker(&["run", "chain.yaml", "--outcomes", "script.json", "--database-url", &database.url()]);
    command.current_dir(folder.path());
    command
}

fn chain_that_fails() -> Folder {
    Folder::new().with("chain.yaml", chain(&["a", "b"])).with("script.json", r#"{"b": ["fatal"]}"#)
}

#[tokio::test]
async fn a_pipe_gets_plain_lines() {
    let database = Database::new().await;
    let folder = chain_that_fails();
    let ended = Ended::of(run(&folder, &database)).expect(1, &["attempt 1 started"]);
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(['\u{1b}', '\r', '\u{7}', '\u{8}']), "{ended}");
    }
}

#[tokio::test]
async fn colour_can_be_forced_into_a_pipe_and_forbidden() {
    let database = Database::new().await;
    let folder = chain_that_fails();
    let mut forced = run(&folder, &database);
    forced.env("CLICOLOR_FORCE", "1");
    let ended = Ended::of(forced).expect(1, &["\u{1b}["]);
    assert!(ended.stdout.contains("\u{1b}["), "{ended}");

    let mut forbidden = run(&folder, &database);
    forbidden.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    let ended = Ended::of(forbidden).expect(1, &[]);
    assert!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'), "{ended}");

    let refused = |name: &str| {
        let mut command = tasker(&["run", "missing.yaml"]);
        command.env(name, "1");
        Ended::of(command).expect(65, &["missing.yaml"]).stderr
    };
    assert!(refused("CLICOLOR_FORCE").contains("\u{1b}["));
    assert!(!refused("NO_COLOR").contains('\u{1b}'));
}

#[tokio::test]
async fn without_utf_8_everything_is_ascii() {
    let database = Database::new().await;
    let folder = chain_that_fails();
    let mut command = run(&folder, &database);
    command.env("LC_ALL", "C");
    let ended = Ended::of(command).expect(1, &[]);
    assert!(ended.stdout.is_ascii() && ended.stderr.is_ascii(), "{ended}");
}

/// Names that would clear the screen, ring the bell, go back, and turn the direction of writing.
const HOSTILE: &str = "\\e[2J\\e]0;owned\\a\\b\\b\\u202Eback";

#[tokio::test]
async fn hostile_names_do_not_reach_the_terminal() {
    let database = Database::new().await;
    let steps = format!(
        "  - {{name: \"a{HOSTILE}\", handler_class: command, handler_config: {{command: [sh, -c, 'printf \"\\033[2J\\007bad\" >&2; exit 65']}}}}\n"
    );
    let folder = Folder::new()
        .with("names.yaml", template(&steps))
        .with("handler.yaml", template(&format!("  - {{name: a, handler_class: \"S{HOSTILE}\"}}\n")))
        .with(
            "depends.yaml",
            template(&format!("  - {{name: a, handler_class: S, depends_on_step: \"b{HOSTILE}\"}}\n")),
        )
        .with("script.json", r#"{"a\u001b[2J\u0007": ["ok\u001b[2J"]}"#);
    let url = database.url();
    for arguments in [
        &["run", "names.yaml"][..],
        &["run", "handler.yaml"],
        &["run", "depends.yaml"],
        &["run", "names.yaml", "--outcomes", "script.json"],
        &["run", "names.yaml", "--context", "{\"\u{1b}[2J\": oops}"],
        &["run", "names.yaml", "--context", "@\u{1b}[2J"],
        &["run", "names\u{1b}[2J.yaml"],
        &["template", "check", "names.yaml", "handler.yaml", "depends.yaml"],
        &["run", "names.yaml", "--set", "\u{1b}[2J"],
    ] {
        let mut command = tasker(arguments);
        // Nothing is taken away on the way to a terminal, so nothing may be taken away here.
        command.env("CLICOLOR_FORCE", "1").env("DATABASE_URL", &url).current_dir(folder.path());
        let ended = Ended::of(command);
        assert!(matches!(ended.status.code(), Some(1 | 65)), "{arguments:?} {ended}");
        for text in [&ended.stdout, &ended.stderr] {
            for bad in ["\u{1b}[2J", "\u{1b}]", "\u{7}", "\u{8}", "\u{202e}"] {
                assert!(!text.contains(bad), "{bad:?} of {arguments:?}: {text:?}");
            }
        }
    }
}

/// The helps that say something of their own.
const SHOWN: [&str; 19] = [
    "",
    "run",
    "bench",
    "template check",
    "template graph",
    "db",
    "db create",
    "postgres",
    "worker",
    "task",
    "task create",
    "task retry",
    "task rewind",
    "step",
    "step complete",
    "why",
    "queue",
    "operations",
    "operations prune",
];

#[test]
fn help_is_readable_at_eighty_columns() {
    let commands = [
        "",
        "run",
        "bench",
        "worker",
        "task",
        "task create",
        "task list",
        "task show",
        "task watch",
        "task run",
        "task retry",
        "task rewind",
        "task priority",
        "step",
        "step complete",
        "step retry",
        "why",
        "workers",
        "queue",
        "queue pause",
        "type",
        "operations",
        "operations prune",
        "template",
        "template check",
        "template graph",
        "db",
        "db create",
        "db adopt",
        "db check",
        "postgres",
        "postgres where",
        "postgres start",
        "postgres stop",
        "postgres status",
        "postgres psql",
        "postgres reset",
    ];
    for words in commands {
        let mut command = tasker(&words.split_whitespace().collect::<Vec<_>>());
        command.arg("--help").env("COLUMNS", "80");
        let ended = Ended::of(command).expect(0, &[]);
        assert_eq!(ended.stderr, "");
        let wide: Vec<&str> = ended.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{words}: {wide:#?}");
        if SHOWN.contains(&words) {
            insta::assert_snapshot!(format!("help {words}").trim().replace(' ', "_"), ended.stdout);
        }
    }
}

#[test]
fn wrong_arguments_end_with_64() {
    for (arguments, words) in [
        (&[][..], &["Usage: tasker"][..]),
        (&["runn"], &["unrecognized subcommand 'runn'", "'run'"]),
        (&["run"], &["<TEMPLATE>"]),
        (&["run", "a.yaml", "b.yaml"], &["unexpected argument 'b.yaml'"]),
        (&["run", "a.yaml", "--timeout", "0s"], &["--timeout", "longer than nothing"]),
        (&["run", "a.yaml", "--timeout", "5 weeks"], &["--timeout", "ms, s, m, h or d"]),
        (&["run", "a.yaml", "--timeout", "1e999s"], &["--timeout"]),
        (&["run", "a.yaml", "--concurrency", "0"], &["--concurrency", "1..=10000"]),
        (&["run", "a.yaml", "--frobnicate"], &["--frobnicate"]),
        (&["template"], &["check"]),
        (&["db", "create", "--lean", "--full"], &["cannot be used with"]),
        (&["postgres", "stop", "now"], &["unexpected argument 'now'"]),
    ] {
        let ended = Ended::of(tasker(arguments)).expect(64, words);
        assert_eq!(ended.stdout, "");
    }
    let version = Ended::of(tasker(&["--version"])).expect(0, &[]);
    assert_eq!(version.stdout, format!("tasker {}\n", env!("CARGO_PKG_VERSION")));
}

/// Runs the command with a standard output (or both streams) that nobody reads.
fn into_closed_pipe(command: &Command, both: bool) -> Ended {
    let words: Vec<String> =
        command.get_args().map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', "'\\''"))).collect();
    let also_errors = if both { "2>&1" } else { "" };
    // The reader is gone before the first word is written.
    let line = format!(
        "{{ read -r go; {TASKER} {} {also_errors}; echo $? >&3; }} < fifo | {{ exec <&-; echo > fifo; }}",
        words.join(" ")
    );
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("mkfifo fifo; {{ {line}; }} 3>&1; rm fifo"));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir(command.get_current_dir().unwrap()).stdin(Stdio::null());
    Ended::of(shell)
}

#[tokio::test]
async fn a_closed_pipe_is_no_panic() {
    let database = Database::new().await;
    let folder = chain_that_fails();
    folder.write("good.json", "{}");
    folder.write("bad.yaml", "name: [x]\n");
    let url = database.url();
    let run = |more: &[&str]| {
        let mut command = tasker(&["run", "chain.yaml", "--database-url", &url, "--outcomes"]);
        command.args(more);
        command
    };
    for (mut command, code) in [
        (tasker(&["--help"]), "0"),
        (tasker(&["run", "--help"]), "0"),
        (tasker(&["--version"]), "0"),
        (tasker(&["frob"]), "64"),
        (tasker(&["template", "check", "chain.yaml"]), "0"),
        (tasker(&["template", "check", "bad.yaml"]), "65"),
        (tasker(&["template", "graph", "chain.yaml"]), "0"),
        (tasker(&["template", "graph", "chain.yaml", "--format", "svg"]), "0"),
        (tasker(&["db", "check", "--database-url", &url]), "0"),
        (tasker(&["db", "check", "--json", "--database-url", &url]), "0"),
        (tasker(&["postgres", "status"]), "0"),
        (run(&["good.json"]), "0"),
        (run(&["good.json", "--json"]), "0"),
        (run(&["script.json"]), "1"),
        (run(&["script.json", "--json"]), "1"),
        (run(&["missing.json"]), "65"),
    ] {
        command.current_dir(folder.path());
        for both in [false, true] {
            let ended = into_closed_pipe(&command, both).expect(0, &[]);
            assert_eq!(ended.stdout.trim(), code, "{:?} {both}\n{ended}", command.get_args());
        }
    }
    assert_eq!(database.count("tasker_tasks where not complete").await, 4);
    assert_eq!(database.count("tasker_tasks where complete").await, 4);
}
