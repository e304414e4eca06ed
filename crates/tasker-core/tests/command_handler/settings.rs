//! What is found before anything runs.

use std::fs;

use serde_json::json;
use tasker_core::step_handler::StepHandler;
use tasker_core::step_handler::command::{CommandHandler, StepProblem};

use super::scripts::{Scripts, problems, search_path, ship, step_template, template};

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
