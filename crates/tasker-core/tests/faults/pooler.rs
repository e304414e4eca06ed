//! PgBouncer in transaction mode: different statements of many clients, and a whole load.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use nix::unistd::chown;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};
use tasker_core::orchestration::Pulse;
use tasker_core::postgres::connection::{connect, is_pooled, parse_url};
use tasker_core::queue::{Consumer, DEFAULT_QUEUE, Due, Enqueued, Job, PostgresQueue, Queue};
use tasker_testing::TestDatabase;
use tempfile::TempDir;

use crate::server::{folder, owner, program};
use crate::support::{Here, LONG, Logged, judge, make_log, pause, seed, submit_random, tasker, until_all_ended};

/// A pooler before the tests' server, with two sessions for all clients together.
struct Bouncer {
    folder: TempDir,
    runs: Child,
    url: String,
}

impl Bouncer {
    async fn start(database: &TestDatabase) -> Self {
        let folder = folder();
        let server = database.options();
        let host = match server.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => server.get_host().to_owned(),
        };
        let user = server.get_username();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            if let Some(owner) = owner() {
                chown(&path, Some(owner.uid), Some(owner.gid)).unwrap();
            }
            path
        };
        let users = write("users", format!("\"{user}\" \"\"\n"));
        let settings = write(
            "pgbouncer.ini",
            format!(
                "[databases]\n* = host={host} port={}\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {}\n\
                 auth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 200\nlogfile = {}\n",
                server.get_port(),
                folder.path().display(),
                users.display(),
                folder.path().join("log").display(),
            ),
        );
        let runs = program(&installed()).arg(settings).spawn().unwrap();
        let url = format!(
            "postgres://{user}@localhost/{}?host={}&port=6432&pooler=transaction",
            database.name(),
            folder.path().display()
        );
        let bouncer = Self { folder, runs, url };
        let ready = async {
            while PgConnection::connect_with(&bouncer.raw()).await.is_err() {
                pause(20).await;
            }
        };
        tokio::time::timeout(LONG, ready).await.expect("pgbouncer starts");
        bouncer
    }

    /// The pooler as a driver sees it that knows nothing of poolers.
    fn raw(&self) -> PgConnectOptions {
        let url = self.url.replace("&pooler=transaction", "");
        url.parse::<PgConnectOptions>().unwrap().extra_float_digits(None)
    }

    fn options(&self) -> PgConnectOptions {
        parse_url(&self.url).unwrap()
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ended_before = self.runs.kill().is_err();
        let _reaped = self.runs.wait().is_ok();
        tracing::debug!(folder = %self.folder.path().display(), "the pooler is gone");
    }
}

fn installed() -> PathBuf {
    ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"]
        .iter()
        .map(Path::new)
        .find(|path| path.exists())
        .expect("pgbouncer is installed: `apt-get install pgbouncer`")
        .to_owned()
}

/// Wrong answers of eight clients, each with statements of its own.
async fn wrong_answers(options: &PgConnectOptions, persistent: bool) -> usize {
    const CLIENTS: i64 = 8;
    const ROUNDS: i64 = 150;
    let clients = (0..CLIENTS).map(|client| {
        let options = options.clone();
        tokio::spawn(async move {
            let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
            let mut wrong = 0;
            for round in 0..ROUNDS {
                let kinds = round % 3;
                let text =
                    format!("select $1::bigint * 8 + {client} as answer, repeat('x', {kinds}) as rest /* {kinds} */");
                let asked = sqlx::query(AssertSqlSafe(text)).bind(round).persistent(persistent);
                let is_right = match asked.fetch_one(&pool).await {
                    Ok(row) => {
                        row.try_get::<i64, _>("answer").is_ok_and(|answer| answer == round * 8 + client)
                            && row.try_get::<String, _>("rest").is_ok_and(|rest| rest.len() as i64 == kinds)
                    }
                    Err(_) => false,
                };
                wrong += usize::from(!is_right);
            }
            pool.close().await;
            wrong
        })
    });
    let mut wrong = 0;
    for client in clients.collect::<Vec<_>>() {
        wrong += tokio::time::timeout(LONG, client).await.unwrap().unwrap();
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_clients_with_different_statements_get_their_own_answers() {
    let database = TestDatabase::with_schema().await;
    let bouncer = Bouncer::start(&database).await;
    assert!(is_pooled(&bouncer.options()) && !is_pooled(&bouncer.raw()) && !is_pooled(&database.options()));
    assert_eq!(wrong_answers(&bouncer.options(), true).await, 0);
    assert_eq!(wrong_answers(&bouncer.options(), false).await, 0);
    // That this test can fail: the driver alone gets others' answers, or none.
    let wrong = wrong_answers(&bouncer.raw(), false).await;
    println!("count: {wrong} of 1200 answers are wrong without the interpreter");
    assert!(wrong > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_transactions_and_large_messages_pass_through() {
    let database = TestDatabase::with_schema().await;
    let bouncer = Bouncer::start(&database).await;
    let pool: PgPool = connect(bouncer.options(), 4).await.unwrap();
    for round in 0..20_i32 {
        let refused = sqlx::query("select 1 / $1").bind(0_i32).fetch_one(&pool).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "22012");
        let refused =
            sqlx::query("select nothing from nowhere where 1 = $1").bind(1_i32).fetch_one(&pool).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42P01");
        let mut transaction = pool.begin().await.unwrap();
        sqlx::query("create temporary table here (n integer) on commit drop").execute(&mut *transaction).await.unwrap();
        for n in 0..3_i32 {
            sqlx::query("insert into here values ($1)").bind(n).execute(&mut *transaction).await.unwrap();
        }
        let sum: i64 = sqlx::query_scalar("select sum(n) from here").fetch_one(&mut *transaction).await.unwrap();
        assert_eq!(sum, 3);
        transaction.rollback().await.unwrap();
        let large = "y".repeat(300_000 + round as usize);
        let back: String = sqlx::query_scalar("select $1 || 'z'").bind(&large).fetch_one(&pool).await.unwrap();
        assert_eq!(back, format!("{large}z"));
    }
    pool.close().await;
}

/// The queue in the database does without everything that a pooler does not carry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_go_through_a_transaction_pooler() {
    let database = TestDatabase::with_schema().await;
    let bouncer = Bouncer::start(&database).await;
    let pool: PgPool = connect(bouncer.options(), 4).await.unwrap();
    let queue = PostgresQueue::new(pool.clone());
    let jobs = (0..500).map(|task_id| (Job::of_task(task_id), Due::Now)).collect();
    assert_eq!(queue.enqueue_all(jobs).await.unwrap(), [Enqueued::New; 500]);
    assert_eq!(queue.enqueue(Job::of_task(7), Due::Now).await.unwrap(), Enqueued::Waits);
    let consumers = (0..8).map(|_| {
        let queue = queue.clone();
        tokio::spawn(async move {
            let (queues, mut mine) = ([DEFAULT_QUEUE.to_owned()], Vec::new());
            loop {
                let taken = queue.take(&queues, 5).await.unwrap();
                if taken.is_empty() && queue.counts().await.unwrap().iter().all(|count| count.due == 0) {
                    return mine;
                }
                queue.renew(&taken).await.unwrap();
                for delivery in taken {
                    if delivery.time == 1 && delivery.job.task_id % 5 == 0 {
                        assert!(queue.put_back(&delivery, Due::Now).await.unwrap());
                    } else {
                        assert!(queue.acknowledge(&delivery).await.unwrap());
                        mine.push(delivery.job.task_id);
                    }
                }
            }
        })
    });
    let mut done = Vec::new();
    for consumer in consumers.collect::<Vec<_>>() {
        done.extend(tokio::time::timeout(LONG, consumer).await.unwrap().unwrap());
    }
    done.sort_unstable();
    assert_eq!(done, (0..500).collect::<Vec<i64>>());
    let bells: i64 =
        sqlx::query_scalar("select count(*) from tasker_engine.job_bell").fetch_one(database.pool()).await.unwrap();
    assert_eq!(bells, 0, "nobody asked to be notified");
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_load_goes_through_a_transaction_pooler() {
    let seed = seed();
    let database = TestDatabase::with_schema().await;
    make_log(database.pool()).await;
    let bouncer = Bouncer::start(&database).await;
    let pulse = Pulse { every: Duration::from_millis(300), lease: Duration::from_secs(20) };
    let mut workers = Vec::new();
    for _ in 0..3 {
        let pool = connect(bouncer.options(), 4).await.unwrap();
        let tasker = tasker(&pool, Logged::new(database.options(), seed, 10)).with_pulse(pulse);
        submit_random(&tasker, seed, 4, 20).await;
        workers.push(Here::start(tasker));
    }
    until_all_ended(database.pool(), LONG).await;
    for worker in workers {
        worker.end().await;
    }
    judge(database.pool()).await;
}

#[test]
fn what_a_url_says_of_a_pooler_is_read_and_refused() {
    let refused = |url: &str| parse_url(url).unwrap_err().to_string();
    assert!(refused("postgres://a@b/c?pooler=statement").contains("`transaction`"));
    assert!(refused("postgres://a@b/c?pooler=transaction&sslmode=require").contains("without TLS"));
    assert!(!is_pooled(&parse_url("postgres://a@b/c?pooler=session").unwrap()));
    let options = parse_url("postgres://a:secret@b:6432/c?pgbouncer=true").unwrap();
    assert!(is_pooled(&options));
    assert_eq!((options.get_username(), options.get_database()), ("a", Some("c")));
}
