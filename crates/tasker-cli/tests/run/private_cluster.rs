//! Runs without a named database: on a private PostgreSQL that the command makes, starts and shares.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::{Ended, Folder, Running, WAIT_FOR_GO, chain, tasker, template, wait_until};

/// A private cluster of one test; it ends and goes with the value.
pub(crate) struct Place(Folder);

impl Place {
    pub(crate) fn new() -> Self {
        Self(Folder::new())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The command, working on this cluster.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tasker(arguments);
        command.env("TASKER_DATA_DIR", self.path());
        command
    }

    fn status(&self) -> String {
        Ended::of(self.command(&["postgres", "status"])).expect(0, &[]).stdout
    }

    /// The processes that use it.
    pub(crate) fn users(&self) -> Vec<String> {
        let status = self.status();
        let used = status.lines().find_map(|line| line.strip_prefix("used by     ")).unwrap_or_default();
        used.split(", ")
            .filter(|word| word.chars().all(|letter| letter.is_ascii_digit()) && !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn is_stopped(&self) -> bool {
        self.status().starts_with("stopped:")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.path().join("use.lock").exists() {
            return;
        }
        match self.command(&["postgres", "stop", "--force"]).output() {
            Ok(output) if output.status.success() => {}
            other => eprintln!("the cluster in {} was not stopped: {other:?}", self.path().display()),
        }
    }
}

fn waiting_steps() -> Folder {
    let steps = "  - {name: a, handler_class: command, handler_config: {command: [./wait.sh]}}\n";
    Folder::new().with("steps.yaml", template(steps)).script("wait.sh", WAIT_FOR_GO)
}

#[test]
fn the_first_run_makes_it_and_later_ones_start_or_join_it() {
    let place = Place::new();
    let folder = Folder::new().with("chain.yaml", chain(&["a", "b"])).with("script.json", "{}");
    let run = |more: &[&str]| {
        let mut command = place.command(&["run", "chain.yaml", "--outcomes", "script.json"]);
        command.args(more).current_dir(folder.path());
        Ended::of(command)
    };
    let first = run(&[]).expect(0, &["made a private PostgreSQL", "task 1 complete"]);
    assert!(first.stdout.contains("Task 1 is complete"), "{first}");
    let document = run(&["--json"]).expect(0, &[]).document();
    assert_eq!(document["task"]["id"], 2);

    // a first hour of editing and running is pleasant.
    folder.write("chain.yaml", chain(&["a", "b", "c"]));
    let edited = run(&[])
        .expect(0, &["version 1.2.3 of tests/trial has a new content; tasks made before keep the old one", "3 steps"]);
    assert_eq!(edited.stderr.matches("new content").count(), 1, "{edited}");
    let again = run(&[]).expect(0, &["task 4 complete"]);
    assert!(!again.stderr.contains("new content"), "it is said once\n{again}");
}

#[test]
fn two_runs_share_it_and_the_first_ends_first() {
    share_it(|first_folder, second_folder| (first_folder, second_folder));
}

#[test]
fn two_runs_share_it_and_the_second_ends_first() {
    share_it(|first_folder, second_folder| (second_folder, first_folder));
}

/// Two runs at the same time on one cluster; which of them is let go first is the caller's.
fn share_it(order: impl Fn(usize, usize) -> (usize, usize)) {
    let place = Place::new();
    let folders = [waiting_steps(), waiting_steps()];
    let mut runs: Vec<Option<Running>> = folders
        .iter()
        .map(|folder| {
            let mut command = place.command(&["run", "steps.yaml"]);
            command.current_dir(folder.path());
            let mut running = Running::start(command);
            running.wait_for(&["a", "attempt 1 started"]);
            Some(running)
        })
        .collect();
    if cfg!(target_os = "linux") {
        assert_eq!(place.users().len(), 2);
    }
    let (first, second) = order(0, 1);
    folders[first].write("go", "");
    runs[first].take().unwrap().end().expect(0, &["complete"]);
    folders[second].write("go", "");
    runs[second].take().unwrap().end().expect(0, &["complete"]);
    wait_until("the server stops some seconds after the last run", || place.is_stopped());
}

#[test]
fn ten_runs_at_once_on_nothing_all_succeed() {
    let place = Place::new();
    let folder = Folder::new().with("chain.yaml", chain(&["a", "b"])).with("script.json", "{}");
    let runs: Vec<Running> = (0..10)
        .map(|_| {
            let mut command = place.command(&["run", "chain.yaml", "--outcomes", "script.json", "--json"]);
            command.current_dir(folder.path());
            Running::start(command)
        })
        .collect();
    let mut ids: Vec<i64> =
        runs.into_iter().map(|run| run.end().expect(0, &[]).document()["task"]["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 10, "each made its own task");
}

#[test]
fn it_needs_no_home() {
    let folder = Folder::new().with("chain.yaml", chain(&["a"])).with("script.json", "{}");
    let place = Place::new();
    for home in [None, Some("/proc"), Some("/no/such/folder")] {
        let mut command = place.command(&["run", "chain.yaml", "--outcomes", "script.json"]);
        match home {
            None => command.env_remove("HOME"),
            Some(home) => command.env("HOME", home),
        };
        command.current_dir(folder.path());
        Ended::of(command).expect(0, &["complete"]);
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = Folder::new().with("chain.yaml", chain(&["a"])).with("script.json", "{}");
    for data_dir in ["/proc/tasker", folder.path().join("chain.yaml").join("x").to_str().unwrap()] {
        let mut command = tasker(&["run", "chain.yaml", "--outcomes", "script.json"]);
        command.env("TASKER_DATA_DIR", data_dir).current_dir(folder.path());
        let ended = Ended::of(command).expect(69, &[data_dir, "TASKER_DATA_DIR"]);
        assert_eq!(ended.stdout, "");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
