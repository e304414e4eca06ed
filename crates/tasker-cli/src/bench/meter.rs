//! What work costs: time, processors, memory, and what the server writes.

use std::fs;
use std::ops::Sub;
use std::time::Duration;

use tasker_core::clock::Clock;
use tasker_postgres::PgPool;
use tasker_postgres::cost::{ServerCounters, server_counters};

use super::unavailable;
use crate::failure::Failure;

/// How much processor time one tick of `/proc` is: Linux shows a hundredth of a second to programs on every machine.
const TICK: Duration = Duration::from_millis(10);

/// Reads counters. Processor time and memory are known on Linux only, the server's where it runs on this machine.
pub(super) struct Meter<'a> {
    pub(super) clock: &'a dyn Clock,
    pub(super) pool: &'a PgPool,
    pub(super) server_pid: Option<u32>,
    /// Answers of the server so far, where they are counted.
    pub(super) answers: Option<&'a (dyn Fn() -> u64 + Send + Sync)>,
}

/// Counters at one moment; the difference of two is what was spent between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub(super) elapsed: Duration,
    pub(super) server: ServerCounters,
    pub(super) engine_cpu: Option<Duration>,
    pub(super) server_cpu: Option<Duration>,
    pub(super) messages: Option<u64>,
    /// Largest memory of this process since it was last forgotten, in bytes.
    pub(super) peak_memory: Option<u64>,
}

impl Meter<'_> {
    pub(super) async fn read(&self) -> Result<Spent, Failure> {
        Ok(Spent {
            server: server_counters(self.pool).await.map_err(unavailable)?,
            engine_cpu: processor_time("self").map(|own| own.own),
            server_cpu: self.server_pid.and_then(processor_time_of_server),
            messages: self.answers.map(|answers| answers()),
            peak_memory: peak_memory(),
            elapsed: self.clock.elapsed(),
        })
    }

    /// Lets the peak of memory count from now.
    pub(super) fn forget_peak(&self) {
        // Where it cannot be forgotten the peak is that of the whole program, which is no less true.
        let _best_effort = fs::write("/proc/self/clear_refs", "5");
    }
}

impl Sub for Spent {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            elapsed: self.elapsed.saturating_sub(before.elapsed),
            server: ServerCounters {
                wal_bytes: self.server.wal_bytes - before.server.wal_bytes,
                wal_page_images: self.server.wal_page_images - before.server.wal_page_images,
            },
            engine_cpu: difference(self.engine_cpu, before.engine_cpu),
            server_cpu: difference(self.server_cpu, before.server_cpu),
            messages: self.messages.zip(before.messages).map(|(after, before)| after - before),
            peak_memory: self.peak_memory,
        }
    }
}

fn difference(after: Option<Duration>, before: Option<Duration>) -> Option<Duration> {
    after.zip(before).map(|(after, before)| after.saturating_sub(before))
}

/// Processor time of a process.
struct ProcessorTime {
    parent: u32,
    own: Duration,
    /// Of its children that have ended.
    ended_children: Duration,
}

fn processor_time(process: &str) -> Option<ProcessorTime> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u32>().ok());
    Some(ProcessorTime {
        parent: ticks(1)?,
        own: TICK * (ticks(11)? + ticks(12)?),
        ended_children: TICK * (ticks(13)? + ticks(14)?),
    })
}

/// Of `postgres` and all its processes, those that have ended included.
fn processor_time_of_server(postgres: u32) -> Option<Duration> {
    let main = processor_time(&postgres.to_string())?;
    let names = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let children: Duration = names
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|name| processor_time(&name))
        .filter(|process| process.parent == postgres)
        .map(|process| process.own)
        .sum();
    Some(main.own + main.ended_children + children)
}

fn peak_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
