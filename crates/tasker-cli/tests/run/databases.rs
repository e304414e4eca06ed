//! Databases that refuse, vanish, cannot be written or belong to somebody else.

use std::fs;
use std::process::Command;

use super::support::{Database, Ended, Folder, Running, WAIT_FOR_GO, chain, tasker, template, wait_until};

const UNAVAILABLE: i32 = 69;

fn run(folder: &Folder, url: &str, more: &[&str]) -> Command {
    let mut command = tasker(&["run", "chain.yaml", "--outcomes", "script.json", "--database-url", url]);
    command.args(more).current_dir(folder.path());
    command
}

fn chain_of_two() -> Folder {
    Folder::new().with("chain.yaml", chain(&["a", "b"])).with("script.json", "{}")
}

#[tokio::test]
async fn a_database_that_refuses_says_why_at_once() {
    let database = Database::new().await;
    let folder = chain_of_two();
    for (url, words) in [
        (
            "postgres://someone:s3cret@127.0.0.1:1/orders".to_owned(),
            &["cannot be reached", "Connection refused", "host and port"][..],
        ),
        ("postgres://someone:s3cret@no-such-host.invalid/orders".to_owned(), &["cannot be reached", "host and port"]),
        ("postgres:///orders?host=/tmp/no-such-folder&password=s3cret".to_owned(), &["cannot be reached"]),
        (
            database.url_with(|url| url.set_path("no_such_database")),
            &["refuses", "database \"no_such_database\" does not exist"],
        ),
        (
            database.url_with(|url| url.set_username("no_such_role").unwrap()),
            &["refuses", "role \"no_such_role\" does not exist"],
        ),
    ] {
        let ended = Ended::of(run(&folder, &url, &[])).expect(UNAVAILABLE, words);
        assert!(!ended.stderr.contains("s3cret"), "{ended}");
        // The place in the server's own source says nothing to a user.
        assert!(!ended.stderr.contains("at line"), "{ended}");
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_wrong_password_is_refused_and_not_repeated() {
    let cluster = super::private_cluster::Place::new();
    let url = Ended::of(cluster.command(&["postgres", "start"])).expect(0, &[]).stdout;
    let question = ["postgres", "psql", "--", "-AtXc", "show hba_file"];
    let rules = Ended::of(cluster.command(&question)).expect(0, &[]).stdout;
    fs::write(rules.trim(), "local all all scram-sha-256\n").unwrap();
    let reload =
        ["postgres", "psql", "--", "-AtXc", "alter role current_user password 'right'; select pg_reload_conf()"];
    Ended::of(cluster.command(&reload)).expect(0, &[]);
    let with_password = |password: &str| format!("{}&password={password}", url.trim());
    let words = ["the database refuses the connection (password authentication failed", "check user, password"];
    let ended = Ended::of(run(&chain_of_two(), &with_password("s3cret"), &[])).expect(UNAVAILABLE, &words);
    assert!(!ended.stderr.contains("s3cret"), "{ended}");
    Ended::of(run(&chain_of_two(), &with_password("right"), &[])).expect(0, &[]);
}

#[test]
fn a_url_that_is_none_is_not_repeated() {
    let folder = chain_of_two();
    for url in [
        "nonsense",
        "postgres://u:s3cret@[:1/x",
        "postgres://u:s3cret@localhost:99999/x",
        "mysql://u:s3cret@localhost/x",
        "",
    ] {
        let ended = Ended::of(run(&folder, url, &[]))
            .expect(UNAVAILABLE, &["the database URL cannot be read", "postgres://user:password@host"]);
        assert!(!ended.stderr.contains("s3cret"), "{ended}");
    }
}

#[tokio::test]
async fn a_database_that_ends_our_connections_midway_ends_the_run_with_the_way_on() {
    let database = Database::new().await;
    let steps = "
  - {name: a, handler_class: command, handler_config: {command: ./wait.sh}}
  - {name: b, handler_class: command, depends_on_step: a, handler_config: {command: [\"true\"]}}
";
    let folder = Folder::new().with("steps.yaml", template(steps)).script("wait.sh", WAIT_FOR_GO);
    let mut command = tasker(&["run", "steps.yaml", "--database-url", &database.url()]);
    command.current_dir(folder.path());
    let mut running = Running::start(command);
    running.wait_for(&["a", "attempt 1 started"]);
    database.close_doors().await;
    folder.write("go", "");
    let lost = running.end().expect(
        UNAVAILABLE,
        &["stopped: the database was lost", "task 1 is in the database as far as it got; to go on:"],
    );
    database.open_doors().await;

    let mut again = Command::new("sh");
    again.arg("-c").arg(lost.resume_command()).current_dir(folder.path()).env_remove("DATABASE_URL");
    let words = ["held the task last; waiting", "a", "attempt 2 started", "task 1 complete"];
    Ended::of(again).expect(0, &words);
}

#[tokio::test]
async fn with_a_document_the_loss_is_told_on_standard_error_only() {
    let database = Database::new().await;
    let folder = chain_of_two().with("script.json", r#"{"a": ["sleep:1"]}"#);
    let running = Running::start(run(&folder, &database.url(), &["--json"]));
    wait_until_running(&database).await;
    database.close_doors().await;
    let lost = running.end().expect(UNAVAILABLE, &["--resume 1"]);
    assert_eq!(lost.stdout, "");
}

async fn wait_until_running(database: &Database) {
    for _ in 0..2_000 {
        if database.count("tasker_workflow_step_transitions").await == 1 {
            return;
        }
    }
    panic!("no step began");
}

#[tokio::test]
async fn a_password_is_not_part_of_the_command_to_go_on() {
    let database = Database::new().await;
    let folder = chain_of_two().with("script.json", r#"{"a": ["sleep:600"]}"#);
    let url = database.url_with(|url| url.set_password(Some("s3cret")).unwrap());
    let stopped = Ended::of(run(&folder, &url, &["--timeout", "300ms"])).expect(75, &[]);
    assert!(!stopped.to_string().contains("s3cret"), "{stopped}");
    assert!(stopped.resume_command().ends_with("--database-url …"), "{stopped}");

    let mut by_environment = tasker(&["run", "chain.yaml", "--outcomes", "script.json", "--timeout", "300ms"]);
    by_environment.env("DATABASE_URL", &url).current_dir(folder.path());
    let stopped = Ended::of(by_environment).expect(75, &[]);
    assert!(stopped.resume_command().ends_with("--resume 2 --outcomes script.json"), "{stopped}");
}

#[tokio::test]
async fn a_read_only_database_is_told_before_anything_is_tried() {
    for database in [Database::new().await, Database::empty().await] {
        database.execute(&format!("alter database {} set default_transaction_read_only = on", database.name())).await;
        let words = ["read-only", "default_transaction_read_only"];
        let ended = Ended::of(run(&chain_of_two(), &database.url(), &[])).expect(UNAVAILABLE, &words);
        assert_eq!(ended.stdout, "");
        assert_eq!(
            database.count("pg_tables where tablename = 'tasker_tasks'").await,
            database.count("pg_namespace where nspname = 'tasker_engine'").await
        );
    }
}

#[tokio::test]
async fn a_database_that_becomes_read_only_midway() {
    let database = Database::new().await;
    let folder = chain_of_two().with("script.json", r#"{"a": ["sleep:1"]}"#);
    let running = Running::start(run(&folder, &database.url(), &[]));
    wait_until_running(&database).await;
    database.execute(&format!("alter database {} set default_transaction_read_only = on", database.name())).await;
    // Sessions that stand keep their setting: new ones have the other.
    database.cut_connections().await;
    running.end().expect(UNAVAILABLE, &["--resume 1"]);
    assert_eq!(database.count("tasker_workflow_step_transitions").await, 1, "nothing half written");
}

#[tokio::test]
async fn half_a_schema_is_refused_with_what_is_missing() {
    let database = Database::new().await;
    database.execute("drop table tasker_workflow_step_transitions cascade").await;
    let ended = Ended::of(run(&chain_of_two(), &database.url(), &[])).expect(
        UNAVAILABLE,
        &[
            "only a part of Tasker's schema",
            "restore what is listed or use an empty database",
            "tasker_workflow_step_transitions",
        ],
    );
    assert!(ended.stderr.lines().count() < 80, "{ended}");
    database.execute("drop schema tasker_engine cascade").await;
    Ended::of(run(&chain_of_two(), &database.url(), &[])).expect(UNAVAILABLE, &["only a part of Tasker's schema"]);
}

#[tokio::test]
async fn an_applications_database_is_left_alone() {
    let database = Database::empty().await;
    database.execute("create table customers (id int)").await;
    let words = ["tables of another application (such as public.customers)", "`tasker db create`"];
    Ended::of(run(&chain_of_two(), &database.url(), &[])).expect(UNAVAILABLE, &words);
    assert_eq!(database.count("pg_tables where schemaname not in ('pg_catalog', 'information_schema')").await, 1);

    let db = |verb: &str| Ended::of(tasker(&["db", verb, "--database-url", &database.url()]));
    db("check").expect(UNAVAILABLE, &["`tasker db create`"]);
    assert!(db("create").expect(0, &[]).stdout.contains("made Tasker's tables"));
    Ended::of(run(&chain_of_two(), &database.url(), &[])).expect(0, &["task 1 complete"]);
    assert!(db("check").expect(0, &[]).stdout.contains("equal to the original"));
}

#[tokio::test]
async fn tables_of_another_program_are_adopted_only_when_asked() {
    let database = Database::new().await;
    database.execute("drop schema tasker_engine cascade").await;
    Ended::of(run(&chain_of_two(), &database.url(), &[]))
        .expect(UNAVAILABLE, &["made by another program", "`tasker db adopt`"]);
    assert_eq!(database.count("pg_namespace where nspname = 'tasker_engine'").await, 0);
    Ended::of(tasker(&["db", "adopt", "--database-url", &database.url()])).expect(0, &[]);
    Ended::of(run(&chain_of_two(), &database.url(), &[])).expect(0, &["task 1 complete"]);
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_it_lacks() {
    let database = Database::new().await;
    let role = format!("role_{}", database.name());
    database.execute(&format!("create role {role} login password 'x'")).await;
    let url = database.url_with(|url| {
        url.set_username(&role).unwrap();
        url.set_password(Some("x")).unwrap();
    });
    let ended = Ended::of(run(&chain_of_two(), &url, &[]));
    database.execute(&format!("drop role {role}")).await;
    ended.expect(UNAVAILABLE, &["permission denied", "grant"]);
}

#[tokio::test]
async fn a_changed_template_under_a_used_version_is_refused_unless_allowed() {
    let database = Database::new().await;
    let folder = chain_of_two();
    Ended::of(run(&folder, &database.url(), &[])).expect(0, &[]);
    folder.write("chain.yaml", chain(&["a", "b", "c"]));
    let words = ["version 1.2.3 of tests/trial is already in use with another content", "--allow-redefine"];
    Ended::of(run(&folder, &database.url(), &[])).expect(65, &words);
    assert_eq!((database.count("tasker_tasks").await, database.count("tasker_engine.definition").await), (1, 1));
    Ended::of(run(&folder, &database.url(), &["--allow-redefine"]))
        .expect(0, &["version 1.2.3 of tests/trial has a new content", "3 steps"]);
    assert_eq!(database.count("tasker_tasks where complete").await, 2);
    // The first task is still known by its own content.
    folder.write("chain.yaml", chain(&["a", "b"]));
    Ended::of(run(&folder, &database.url(), &["--resume", "1"])).expect(0, &[]);
}

#[test]
fn a_server_that_is_stopped_midway_ends_the_run_with_the_way_on() {
    let folder = Folder::new()
        .with("steps.yaml", template("  - {name: a, handler_class: command, handler_config: {command: ./wait.sh}}\n"))
        .script("wait.sh", WAIT_FOR_GO);
    let cluster = super::private_cluster::Place::new();
    let run = |more: &[&str]| {
        let mut command = cluster.command(&["run", "steps.yaml"]);
        command.args(more).current_dir(folder.path());
        command
    };
    let mut running = Running::start(run(&[]));
    running.wait_for(&["a", "attempt 1 started"]);
    Ended::of(cluster.command(&["postgres", "stop", "--force"])).expect(0, &[]);
    folder.write("go", "");
    let lost = running.end().expect(UNAVAILABLE, &["stopped: the database was lost", "to go on:"]);
    assert!(lost.resume_command().ends_with("run steps.yaml --resume 1"), "{lost}");
    Ended::of(run(&["--resume", "1"])).expect(0, &["attempt 2 started", "task 1 complete"]);
    wait_until("the cluster is left", || cluster.users().is_empty());
}
