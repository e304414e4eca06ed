//! `tasker template check`, and the same refusals by `tasker run`.

use std::fmt::Write as _;

use super::support::{Database, Ended, Folder, chain, tasker, template, template_with};

fn check(folder: &Folder, files: &[&str]) -> Ended {
    let mut command = tasker(&["template", "check"]);
    command.args(files).current_dir(folder.path());
    Ended::of(command)
}

/// One bad template: what is said of it.
fn refused(content: impl AsRef<[u8]>) -> String {
    let folder = Folder::new().with("order.yaml", content);
    let ended =
        check(&folder, &["order.yaml"]).expect(65, &["error[TSK-0002]: the template order.yaml cannot be used"]);
    assert_eq!(ended.stdout, "");
    let ran = Ended::of({
        let mut command = tasker(&["run", "order.yaml", "--database-url", "postgres://nobody@127.0.0.1:1/none"]);
        command.current_dir(folder.path());
        command
    });
    assert_eq!(ran.expect(65, &[]).stderr, ended.stderr, "`tasker run` says the same");
    ended.stderr
}

#[test]
fn good_templates_are_named() {
    let folder = Folder::new().with("one.yaml", chain(&["a"])).with("two.yaml", chain(&["a", "b"]));
    let ended = check(&folder, &["one.yaml", "two.yaml"]).expect(0, &[]);
    assert_eq!(ended.stdout, "one.yaml: tests/trial 1.2.3, 1 step: good\ntwo.yaml: tests/trial 1.2.3, 2 steps: good\n");
    assert_eq!(ended.stderr, "");
}

#[test]
fn warnings_are_shown_and_refuse_nothing() {
    let folder = Folder::new().with("one.yaml", template_with("colour: red\n", "  - {name: a, handler_class: S}\n"));
    let ended = check(&folder, &["one.yaml"]).expect(0, &["warning", "colour"]);
    assert!(ended.stdout.ends_with("good\n") && ended.stderr.ends_with('\n'), "{ended}");
}

#[test]
fn of_several_files_each_is_judged() {
    let folder = Folder::new().with("good.yaml", chain(&["a"])).with("bad.yaml", "name: x\n");
    let ended = check(&folder, &["bad.yaml", "good.yaml", "missing.yaml"])
        .expect(65, &["bad.yaml cannot be used", "missing.yaml cannot be read", "2 of 3 templates cannot be used"]);
    assert_eq!(ended.stdout, "good.yaml: tests/trial 1.2.3, 1 step: good\n");
}

#[test]
fn a_cycle_is_shown_with_its_path() {
    let steps = "  - {name: a, handler_class: S, depends_on_step: c}\n  - {name: b, handler_class: S, depends_on_step: a}\n  - {name: c, handler_class: S, depends_on_step: b}\n";
    insta::assert_snapshot!(refused(template(steps)));
}

#[test]
fn a_step_that_is_there_twice() {
    insta::assert_snapshot!(refused(template("  - {name: a, handler_class: S}\n  - {name: a, handler_class: T}\n")));
}

#[test]
fn a_step_that_waits_for_itself() {
    insta::assert_snapshot!(refused(template("  - {name: a, handler_class: S, depends_on_step: a}\n")));
}

#[test]
fn wrong_types_and_unknown_parents_all_at_once() {
    let steps = "  - {name: [a], handler_class: S}\n  - {name: b, handler_class: 5, default_retry_limit: many}\n  - {name: c, handler_class: S, depends_on_steps: [bb, 7]}\n";
    insta::assert_snapshot!(refused(template(steps)));
}

#[test]
fn an_alias_bomb() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (previous, letter) in ('a'..='j').zip('b'..='k') {
        let list = vec![format!("*{previous}"); 9].join(", ");
        writeln!(bomb, "{letter}: &{letter} [{list}]").unwrap();
    }
    insta::assert_snapshot!(refused(bomb + &chain(&["a"])));
}

#[test]
fn nothing_at_all() {
    insta::assert_snapshot!(refused(""));
}

#[test]
fn bytes_that_are_no_text() {
    insta::assert_snapshot!(refused(b"name: caf\xe9\n"));
}

#[test]
fn what_is_no_yaml() {
    insta::assert_snapshot!(refused("name: order\nstep_templates: [\n  {name: a\n"));
}

#[test]
fn ten_megabytes() {
    let folder = Folder::new().with("order.yaml", "# much\n".repeat(10_000_000 / 7 + 1));
    for ended in [check(&folder, &["order.yaml"]), {
        let mut command = tasker(&["run", "order.yaml"]);
        command.current_dir(folder.path());
        Ended::of(command)
    }] {
        let ended =
            ended.expect(65, &["the template order.yaml has 10000004 bytes", "at most", "data does not belong"]);
        assert!(ended.stderr.len() < 500, "{ended}");
    }
}

#[test]
fn what_is_not_there_or_no_file() {
    let folder = Folder::new();
    check(&folder, &["missing.yaml"])
        .expect(65, &["missing.yaml cannot be read: No such file", "the folder you are in"]);
    check(&folder, &["."]).expect(65, &["cannot be read"]);
    check(&folder, &[]).expect(64, &["<FILE>"]);
}

#[test]
fn an_overlay_is_chosen_by_its_environment() {
    let keys = "environments:\n  production:\n    step_templates:\n      - {name: a, handler_config: {command: [\"false\"]}}\n";
    let step = "  - {name: a, handler_class: command, handler_config: {command: [\"true\"]}}\n";
    let folder = Folder::new().with("one.yaml", template_with(keys, step));
    check(&folder, &["one.yaml", "--environment", "production"]).expect(0, &[]);
    check(&folder, &["one.yaml"]).expect(0, &[]);
}

#[tokio::test]
async fn a_refused_template_writes_nothing() {
    let database = Database::new().await;
    let folder = Folder::new().with("order.yaml", template("  - {name: a, handler_class: S, depends_on_step: a}\n"));
    let mut command = tasker(&["run", "order.yaml", "--database-url", &database.url()]);
    command.current_dir(folder.path());
    Ended::of(command).expect(65, &["order.yaml:7:50", "cannot be used"]);
    database.assert_nothing_written().await;
}
