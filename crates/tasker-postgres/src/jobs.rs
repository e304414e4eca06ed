//! Jobs in PostgreSQL: rows that say which task is to be worked from when on. They lead to the record and are no part of
//! it; [`Jobs::due_steps`] finds in the record what a lost job stood for.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use sqlx::{PgPool, Row};

use crate::ledger::LedgerError;

/// The channel that is notified when a job joins a line at which somebody sleeps.
pub const JOBS_CHANNEL: &str = "tasker_engine_jobs";

/// The jobs behind a connection pool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Jobs {
    pool: PgPool,
}

/// From when on a job may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobTime {
    /// From this instant (UTC) on, by the database's clock.
    At(NaiveDateTime),
    /// After this time.
    In(Duration),
}

/// A job that is to wait.
#[derive(Debug, Clone)]
pub struct NewJob<'a> {
    /// The queue.
    pub queue: &'a str,
    /// The task.
    pub task_id: i64,
    /// Each point is worth a minute in the line.
    pub priority: i32,
    /// At most one job of a key waits in a queue.
    pub unique_key: Option<&'a str>,
    /// From when on.
    pub time: JobTime,
}

/// What became of a job that was to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    /// It waits.
    New,
    /// One of its key waited already and was brought forward.
    BroughtForward,
    /// One of its key waited already, for no later.
    Waits,
    /// Its key waits for another task: nothing was done.
    KeyOfAnotherTask,
}

/// A job that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenJob {
    /// Its number.
    pub job_id: i64,
    /// The queue it was taken from.
    pub queue: String,
    /// The task.
    pub task_id: i64,
    /// Its priority.
    pub priority: i32,
    /// Its key.
    pub unique_key: Option<String>,
    /// Which time it was taken, from 1.
    pub delivery: i32,
}

/// What came of an attempt to take jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakenJobs {
    /// What was taken.
    pub jobs: Vec<TakenJob>,
    /// After which time something happens by itself: a job is due, or somebody's time with one is over.
    pub next: Option<Duration>,
}

/// How many jobs a queue holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCount {
    /// The queue.
    pub queue: String,
    /// Jobs that are due.
    pub due: i64,
    /// Jobs that wait for an instant.
    pub later: i64,
    /// Jobs that somebody has.
    pub taken: i64,
}

/// A step that may be carried out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueStep {
    /// Its task; nothing when the step was carried out in the moment of the look.
    pub task_id: Option<i64>,
    /// The task's priority.
    pub priority: i32,
    /// Whether the task is one of those that are looked for, and nothing has been written for it lately.
    pub idle: bool,
}

/// How far a look at all steps that may be carried out now has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueCursor {
    line: bool,
    lane: i64,
    rank: DateTime<Utc>,
    step_id: i64,
}

impl Default for DueCursor {
    fn default() -> Self {
        Self { line: true, lane: 0, rank: DateTime::UNIX_EPOCH, step_id: 0 }
    }
}

impl Jobs {
    /// The jobs of a database whose schema stands.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool behind it.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Lets jobs wait, in one transaction; the outcomes stand in the order of the jobs. `now` is the instant to go by, the
    /// database's clock where none is given; so it is with all the others.
    pub async fn enqueue(
        &self,
        jobs: &[NewJob<'_>],
        now: Option<NaiveDateTime>,
    ) -> Result<Vec<JobOutcome>, LedgerError> {
        let times = jobs.iter().map(|job| parts(job.time));
        let (ats, waits): (Vec<Option<DateTime<Utc>>>, Vec<Option<f64>>) = times.unzip();
        let rows = sqlx::query(include_str!("../sql/jobs/enqueue.sql"))
            .bind(jobs.iter().map(|job| job.queue.to_owned()).collect::<Vec<String>>())
            .bind(jobs.iter().map(|job| job.task_id).collect::<Vec<i64>>())
            .bind(jobs.iter().map(|job| job.priority).collect::<Vec<i32>>())
            .bind(jobs.iter().map(|job| job.unique_key.map(str::to_owned)).collect::<Vec<Option<String>>>())
            .bind(ats)
            .bind(waits)
            .bind(utc(now))
            .fetch_all(&self.pool)
            .await?;
        if rows.len() != jobs.len() {
            return Err(LedgerError::Inconsistent(format!("{} of {} jobs were answered", rows.len(), jobs.len())));
        }
        rows.iter()
            .map(|row| {
                let _in_order: i32 = row.try_get("place")?;
                match row.try_get::<&str, _>("outcome")? {
                    "n" => Ok(JobOutcome::New),
                    "e" => Ok(JobOutcome::BroughtForward),
                    "w" => Ok(JobOutcome::Waits),
                    "x" => Ok(JobOutcome::KeyOfAnotherTask),
                    other => Err(LedgerError::Inconsistent(format!("unknown outcome {other} of a job"))),
                }
            })
            .collect()
    }

    /// Takes at most `most` jobs that are due from these queues, for as long as `lease` says. With `sleep`, who finds
    /// nothing is notified ([`JOBS_CHANNEL`]) of the next job that joins the line of one of them.
    pub async fn take(
        &self,
        queues: &[String],
        most: i32,
        lease: Duration,
        sleep: bool,
        now: Option<NaiveDateTime>,
    ) -> Result<TakenJobs, LedgerError> {
        let rows = sqlx::query(include_str!("../sql/jobs/take.sql"))
            .bind(queues)
            .bind(most)
            .bind(lease.as_secs_f64())
            .bind(sleep)
            .bind(utc(now))
            .fetch_all(&self.pool)
            .await?;
        let mut taken = TakenJobs::default();
        for row in &rows {
            let now: DateTime<Utc> = row.try_get("now")?;
            match row.try_get::<&str, _>("kind")? {
                "j" => taken.jobs.push(TakenJob {
                    job_id: row.try_get("job_id")?,
                    queue: row.try_get("queue")?,
                    task_id: row.try_get("task_id")?,
                    priority: row.try_get("priority")?,
                    unique_key: row.try_get("unique_key")?,
                    delivery: row.try_get("deliveries")?,
                }),
                "w" => {
                    let at: Option<DateTime<Utc>> = row.try_get("at")?;
                    taken.next = at.map(|at| (at - now).to_std().unwrap_or(Duration::ZERO));
                }
                other => return Err(LedgerError::Inconsistent(format!("unknown kind {other} of a taken job"))),
            }
        }
        Ok(taken)
    }

    /// Strikes a job off that was taken; false where somebody else has taken it meanwhile, or it was struck off.
    pub async fn acknowledge(&self, job_id: i64, delivery: i32) -> Result<bool, LedgerError> {
        let row = sqlx::query(include_str!("../sql/jobs/acknowledge.sql"))
            .bind(job_id)
            .bind(delivery)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// Lets a job wait again that was taken; false where somebody else has taken it meanwhile, or it was struck off.
    pub async fn put_back(
        &self,
        job_id: i64,
        delivery: i32,
        time: JobTime,
        now: Option<NaiveDateTime>,
    ) -> Result<bool, LedgerError> {
        let (at, wait) = parts(time);
        let row = sqlx::query(include_str!("../sql/jobs/put_back.sql"))
            .bind(job_id)
            .bind(delivery)
            .bind(at)
            .bind(wait)
            .bind(utc(now))
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get("done")?)
    }

    /// Keeps jobs (number and delivery) that were taken for another `lease` from now on. Returns the numbers of those
    /// that are still the caller's.
    pub async fn renew(
        &self,
        held: &[(i64, i32)],
        lease: Duration,
        now: Option<NaiveDateTime>,
    ) -> Result<Vec<i64>, LedgerError> {
        let (ids, deliveries): (Vec<i64>, Vec<i32>) = held.iter().copied().unzip();
        let kept = sqlx::query_scalar(include_str!("../sql/jobs/renew.sql"))
            .bind(ids)
            .bind(deliveries)
            .bind(lease.as_secs_f64())
            .bind(utc(now))
            .fetch_all(&self.pool)
            .await?;
        Ok(kept)
    }

    /// How many jobs each queue holds. Reads all of them.
    pub async fn counts(&self) -> Result<Vec<JobCount>, LedgerError> {
        let rows = sqlx::query(include_str!("../sql/jobs/counts.sql")).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(JobCount {
                    queue: row.try_get("queue")?,
                    due: row.try_get("due")?,
                    later: row.try_get("later")?,
                    taken: row.try_get("taken")?,
                })
            })
            .collect()
    }

    /// The next page of the steps that may be carried out now, of tasks that are not left to who names them. A step is
    /// idle when nothing has been written for its task for this time and it stands in one of these queues, if any are
    /// given. The cursor moves behind the page; nothing is left of it when this was the last.
    pub async fn due_steps(
        &self,
        cursor: &mut Option<DueCursor>,
        most: i32,
        idle_for: Duration,
        queues: Option<&[String]>,
        now: Option<NaiveDateTime>,
    ) -> Result<Vec<DueStep>, LedgerError> {
        let Some(from) = *cursor else {
            return Ok(Vec::new());
        };
        let rows = sqlx::query(include_str!("../sql/jobs/due_steps.sql"))
            .bind(from.line)
            .bind(from.lane)
            .bind(from.rank)
            .bind(from.step_id)
            .bind(most)
            .bind(idle_for.as_secs_f64())
            .bind(queues)
            .bind(utc(now))
            .fetch_all(&self.pool)
            .await?;
        *cursor = match rows.last() {
            Some(last) => Some(DueCursor {
                line: from.line,
                lane: last.try_get("lane")?,
                rank: last.try_get("rank")?,
                step_id: last.try_get("step_id")?,
            }),
            // What stands in the line is followed by what waited for an instant.
            None => from.line.then(|| DueCursor { line: false, ..DueCursor::default() }),
        };
        rows.iter()
            .map(|row| {
                Ok(DueStep {
                    task_id: row.try_get("task_id")?,
                    priority: row.try_get::<Option<i32>, _>("priority")?.unwrap_or(0),
                    idle: row.try_get("idle")?,
                })
            })
            .collect()
    }
}

fn parts(time: JobTime) -> (Option<DateTime<Utc>>, Option<f64>) {
    match time {
        JobTime::At(at) => (Some(at.and_utc()), None),
        JobTime::In(wait) => (None, Some(wait.as_secs_f64())),
    }
}

fn utc(now: Option<NaiveDateTime>) -> Option<DateTime<Utc>> {
    now.map(|instant| instant.and_utc())
}
