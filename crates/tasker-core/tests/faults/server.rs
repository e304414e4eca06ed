//! A PostgreSQL server that is killed under load, and one that is away for a while.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, chown, geteuid};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::postgres::schema::{Shape, bootstrap};
use tempfile::TempDir;

use crate::support::{
    Here, LONG, Logged, Process, duration, judge, make_log, pause, seed, submit_random, tasker, until_all_ended,
};

/// A server of this test's own, with its data on disk as durable as it can be.
struct Server {
    programs: PathBuf,
    folder: TempDir,
    runs: Option<Child>,
}

/// The folder of PostgreSQL's programs: the one that is named, or the newest that Debian's packages made, or that of
/// `pg_config`.
fn programs() -> PathBuf {
    if let Some(named) = std::env::var_os("TASKER_POSTGRES_BIN") {
        return PathBuf::from(named);
    }
    let major = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = installed.filter(|path| path.join("bin/initdb").exists()).max_by_key(major);
    newest.map(|path| path.join("bin")).unwrap_or_else(|| {
        let told = Command::new("pg_config").arg("--bindir").output().expect("PostgreSQL's programs are installed");
        PathBuf::from(String::from_utf8(told.stdout).unwrap().trim())
    })
}

/// The user who may run a server: PostgreSQL refuses root.
pub(crate) fn owner() -> Option<User> {
    geteuid().is_root().then(|| {
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| User::from_name(name).unwrap())
            .expect("there is a user postgres or nobody")
    })
}

/// A folder that the owner of servers can use, with a short path.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("tasker-faults-").tempdir_in("/tmp").unwrap();
    if let Some(owner) = owner() {
        chown(folder.path(), Some(owner.uid), Some(owner.gid)).unwrap();
    }
    folder
}

pub(crate) fn program(path: &Path) -> Command {
    let mut command = Command::new(path);
    if let Some(owner) = owner() {
        command.uid(owner.uid.as_raw()).gid(owner.gid.as_raw());
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Server {
    async fn new() -> Self {
        let mut server = Self { programs: programs(), folder: folder(), runs: None };
        let made = program(&server.programs.join("initdb"))
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--pgdata"])
            .arg(server.folder.path().join("data"))
            .current_dir(server.folder.path())
            .status()
            .unwrap();
        assert!(made.success());
        server.start().await;
        server
    }

    /// Where it writes what it has to say: beside its data, which may lie on a disk that is full.
    fn log(&self) -> File {
        File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap()
    }

    fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .username("postgres")
            .database("postgres")
            .socket(self.folder.path())
            .port(5432)
    }

    async fn start(&mut self) {
        let child = program(&self.programs.join("postgres"))
            .args(["-c", "listen_addresses=", "-c", "max_connections=60", "-k"])
            .arg(self.folder.path())
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .current_dir(self.folder.path())
            .stderr(self.log())
            .spawn()
            .unwrap();
        self.runs = Some(child);
        let ready = async {
            loop {
                match PgConnection::connect_with(&self.options()).await {
                    Ok(connection) => break connection.close().await.unwrap(),
                    Err(_) => pause(50).await,
                }
            }
        };
        tokio::time::timeout(LONG, ready).await.expect("the server starts");
    }

    /// A server whose data lies on a disk of this size, in namespaces of its own; nothing where this process may not make
    /// any. It is started again whenever it ends, as a server is that has a supervisor: one without room for its log ends.
    async fn on_a_small_disk(megabytes: u32) -> Option<Self> {
        let owner = owner()?;
        let mut server = Self { programs: programs(), folder: folder(), runs: None };
        let script = "mount -t tmpfs -o size=$3m,mode=700,uid=$4,gid=$5 none \"$2/data\" || exit 1
            as=\"setpriv --reuid=$4 --regid=$5 --clear-groups\"
            cd \"$2\" && $as \"$1/initdb\" --username=postgres --auth=trust --encoding=UTF8 --no-locale --wal-segsize=1 --pgdata \"$2/data\" || exit 1
            while :; do
                $as \"$1/postgres\" -c listen_addresses= -c max_connections=60 -c max_wal_size=8MB -k \"$2\" -D \"$2/data\"
                sleep 0.2
            done";
        std::fs::create_dir(server.folder.path().join("data")).unwrap();
        let child = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"])
            .args([&server.programs, server.folder.path()])
            .args([megabytes, owner.uid.as_raw(), owner.gid.as_raw()].map(|number| number.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(server.log())
            .spawn()
            .unwrap();
        server.runs = Some(child);
        for _ in 0..600 {
            if let Ok(connection) = PgConnection::connect_with(&server.options()).await {
                connection.close().await.unwrap();
                return Some(server);
            }
            if server.runs.as_mut().unwrap().try_wait().unwrap().is_some() {
                return None;
            }
            pause(50).await;
        }
        panic!("the server on a small disk does not start");
    }

    /// A file of somebody else on its small disk, seen through the namespace in which that is mounted.
    fn filling(&self) -> PathBuf {
        let seen = PathBuf::from(format!("/proc/{}/root", self.runs.as_ref().unwrap().id()));
        seen.join(self.folder.path().strip_prefix("/").unwrap()).join("data/filling")
    }

    /// What it has said.
    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Ends it: at once and with all its processes, as when the machine loses its power, or as one stops a server.
    async fn end(&mut self, signal: Signal) {
        let mut child = self.runs.take().unwrap();
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        let gone = async {
            while child.try_wait().unwrap().is_none() {
                pause(10).await;
            }
            // Its children see that it is gone and leave; a new server refuses to start before they have.
            while PgConnection::connect_with(&self.options()).await.is_ok() {
                pause(10).await;
            }
        };
        tokio::time::timeout(LONG, gone).await.expect("the server ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.said();
            let last: Vec<&str> = said.lines().rev().take(100).collect();
            println!("the last lines of the server's log:");
            last.iter().rev().for_each(|line| println!("{line}"));
        }
        if let Some(mut child) = self.runs.take() {
            let _ended_before = kill(Pid::from_raw(child.id() as i32), Signal::SIGQUIT).is_err();
            let _reaped = child.wait().is_ok();
        }
    }
}

fn pool(server: &Server) -> PgPool {
    PgPoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .connect_lazy_with(server.options())
}

/// What a server has confirmed it keeps; workers wait for it and go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_loses_nothing() {
    let seed = seed();
    let mut server = Server::new().await;
    let first = pool(&server);
    bootstrap(&first, Shape::Lean).await.unwrap();
    make_log(&first).await;
    submit_random(&tasker(&first, Logged::new(server.options(), seed, 20)), seed, 10, 12).await;
    let here = Here::start(tasker(&pool(&server), Logged::new(server.options(), seed, 20)));
    let there = Process::start(&server.options(), &server.options(), &format!("{seed} 20"));
    let mut chance = StdRng::seed_from_u64(seed);
    let clock = SystemClock::new();
    let until = clock.elapsed() + duration(Duration::from_secs(8));
    let mut kills = 0;
    while clock.elapsed() < until || kills < 2 {
        pause(chance.random_range(600..2000)).await;
        server.end(Signal::SIGKILL).await;
        pause(chance.random_range(0..500)).await;
        server.start().await;
        kills += 1;
    }
    println!("count: the server was killed {kills} times");
    first.close().await;
    let last = pool(&server);
    until_all_ended(&last, LONG).await;
    here.end().await;
    there.kill();
    judge(&last).await;
}

/// A full disk ends no worker: it keeps its results and hands them in when there is room again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_waited_for() {
    let seed = seed();
    let Some(server) = Server::on_a_small_disk(110).await else {
        println!("not run: only root can mount a small disk");
        return;
    };
    let first = pool(&server);
    bootstrap(&first, Shape::Lean).await.unwrap();
    make_log(&first).await;
    let submitted = submit_random(&tasker(&first, Logged::new(server.options(), seed, 20)), seed, 10, 30).await;
    let ended = async || -> Result<usize, sqlx::Error> {
        let ended =
            "select count(*) from tasker_task_transitions where most_recent and to_state in ('complete', 'error')";
        let ended: i64 = sqlx::query_scalar(ended).fetch_one(&first).await?;
        Ok(ended as usize)
    };
    let before = Here::start(tasker(&pool(&server), Logged::new(server.options(), seed, 5)));
    while ended().await.unwrap() < 10 {
        pause(20).await;
    }
    let mut filling = File::create(server.filling()).unwrap();
    let mut fill = || {
        for bytes in [1 << 20, 1 << 12] {
            while filling.write_all(&vec![0; bytes]).is_ok() {}
        }
    };
    fill();
    let after = Here::start(tasker(&pool(&server), Logged::new(server.options(), seed, 5)));
    // Whatever the server gives back is gone at once.
    for _ in 0..100 {
        fill();
        pause(20).await;
    }
    let ended = ended().await;
    println!("count: {ended:?} of {} tasks had ended while the disk was full", submitted.len());
    assert!(ended.is_err() || ended.is_ok_and(|ended| ended < submitted.len()));
    assert!(server.said().contains("No space left on device"), "the server noticed nothing");
    std::fs::remove_file(server.filling()).unwrap();
    drop(filling);
    until_all_ended(&first, LONG).await;
    before.end().await;
    after.end().await;
    judge(&first).await;
}
