//! The jobs of an [`InProcessQueue`](super::InProcessQueue): those in the line, those that wait for their time, those that somebody has. No clock and
//! no waiting: every instant is handed in.

use std::collections::{BTreeSet, HashMap};

use super::error::QueueError;
use super::job::{Delivery, Enqueued, Job};

/// Nanoseconds since the clock was made; before that where a job's instant had passed by then.
pub(super) type Moment = i128;

const MINUTE: Moment = 60_000_000_000;

/// A job and what room it takes; the room is given back when this is dropped.
#[derive(Debug)]
struct Entry<R> {
    job: Job,
    due: Moment,
    /// How often it was taken.
    times: i32,
    place: Place,
    _room: R,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Line,
    Later,
    Taken { until: Moment },
}

/// All jobs.
#[derive(Debug)]
pub(super) struct Line<R> {
    entries: HashMap<i64, Entry<R>>,
    /// By queue: rank and number of what is due.
    due: HashMap<String, BTreeSet<(Moment, i64)>>,
    /// Instant and number of what waits for its time.
    later: BTreeSet<(Moment, i64)>,
    /// End of lease and number of what somebody has.
    leases: BTreeSet<(Moment, i64)>,
    /// Number of the job that waits under a key of a queue.
    keys: HashMap<(String, String), i64>,
    newest: i64,
}

impl<R> Default for Line<R> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            due: HashMap::new(),
            later: BTreeSet::new(),
            leases: BTreeSet::new(),
            keys: HashMap::new(),
            newest: 0,
        }
    }
}

impl<R> Line<R> {
    /// Brings the job forward that waits under the key of this one, if there is one.
    pub(super) fn merge(&mut self, job: &Job, due: Moment, now: Moment) -> Result<Option<Enqueued>, QueueError> {
        let Some(key) = &job.unique_key else {
            return Ok(None);
        };
        let Some(&number) = self.keys.get(&(job.queue.clone(), key.clone())) else {
            return Ok(None);
        };
        let Some(waiting) = self.entries.get(&number) else {
            return Ok(None);
        };
        if waiting.job.task_id != job.task_id {
            let (queue, key, task_id) = (job.queue.clone(), key.clone(), job.task_id);
            return Err(QueueError::KeyOfAnotherTask { queue, key, task_id });
        }
        if due >= waiting.due && job.priority <= waiting.job.priority {
            return Ok(Some(Enqueued::Waits));
        }
        let (earlier, higher) = (due.min(waiting.due), job.priority.max(waiting.job.priority));
        if let Some(mut entry) = self.take_out(number) {
            entry.job.priority = higher;
            self.put(number, entry, earlier, now);
        }
        Ok(Some(Enqueued::BroughtForward))
    }

    /// Lets a job wait.
    pub(super) fn add(&mut self, job: Job, due: Moment, now: Moment, room: R) {
        self.newest += 1;
        self.put(self.newest, Entry { job, due, times: 0, place: Place::Line, _room: room }, due, now);
    }

    /// Lets everything join the line whose time has come.
    pub(super) fn wake(&mut self, now: Moment) {
        while let Some(&(until, number)) = self.leases.first()
            && until <= now
        {
            if let Some(entry) = self.take_out(number) {
                let due = entry.due.min(now);
                self.put_again(number, entry, due, now);
            }
        }
        while let Some(&(due, number)) = self.later.first()
            && due <= now
        {
            if let Some(entry) = self.take_out(number) {
                self.put(number, entry, due, now);
            }
        }
    }

    /// Takes what stands first in the lines of these queues.
    pub(super) fn take(&mut self, queues: &[String], most: usize, until: Moment) -> Vec<Delivery> {
        let mut taken = Vec::new();
        while taken.len() < most {
            let heads = queues.iter().filter_map(|queue| self.due.get(queue)?.first().copied());
            let Some((_, number)) = heads.min() else { break };
            let Some(mut entry) = self.take_out(number) else { break };
            entry.times = entry.times.wrapping_add(1);
            entry.place = Place::Taken { until };
            taken.push(Delivery { job: entry.job.clone(), number, time: entry.times });
            self.leases.insert((until, number));
            self.entries.insert(number, entry);
        }
        taken
    }

    /// Strikes off a job that was taken.
    pub(super) fn acknowledge(&mut self, delivery: &Delivery) -> bool {
        self.holds(delivery) && self.take_out(delivery.number).is_some()
    }

    /// Lets a job wait again that was taken.
    pub(super) fn put_back(&mut self, delivery: &Delivery, due: Moment, now: Moment) -> bool {
        if !self.holds(delivery) {
            return false;
        }
        let Some(entry) = self.take_out(delivery.number) else {
            return false;
        };
        self.put_again(delivery.number, entry, due, now);
        true
    }

    /// Lets the leases of these jobs begin anew.
    pub(super) fn renew(&mut self, deliveries: &[Delivery], until: Moment) {
        for delivery in deliveries.iter().filter(|delivery| self.holds(delivery)).collect::<Vec<_>>() {
            if let Some(Entry { place: Place::Taken { until: end }, .. }) = self.entries.get_mut(&delivery.number) {
                self.leases.remove(&(*end, delivery.number));
                *end = until.max(*end);
                self.leases.insert((*end, delivery.number));
            }
        }
    }

    /// Whether something stands in the line of one of these queues.
    pub(super) fn has_due(&self, queues: &[String]) -> bool {
        queues.iter().any(|queue| self.due.contains_key(queue))
    }

    /// When something happens by itself.
    pub(super) fn next(&self) -> Option<Moment> {
        let first = |set: &BTreeSet<(Moment, i64)>| set.first().map(|(moment, _)| *moment);
        [first(&self.later), first(&self.leases)].into_iter().flatten().min()
    }

    /// How many jobs there are, also those that somebody has.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All jobs, also those that somebody has, in the order of their instants.
    pub(super) fn empty(&mut self) -> Vec<(Job, Moment)> {
        let old = std::mem::take(self);
        // A number is never given twice, so that nothing from before can be acknowledged.
        self.newest = old.newest;
        let mut jobs: Vec<(Moment, i64, Job)> =
            old.entries.into_iter().map(|(number, entry)| (entry.due, number, entry.job)).collect();
        jobs.sort_unstable_by_key(|(due, number, _)| (*due, *number));
        jobs.into_iter().map(|(due, _, job)| (job, due)).collect()
    }

    fn holds(&self, delivery: &Delivery) -> bool {
        self.entries
            .get(&delivery.number)
            .is_some_and(|entry| entry.times == delivery.time && matches!(entry.place, Place::Taken { .. }))
    }

    /// Takes a job out of wherever it stands.
    fn take_out(&mut self, number: i64) -> Option<Entry<R>> {
        let entry = self.entries.remove(&number)?;
        match entry.place {
            Place::Line => {
                if let Some(line) = self.due.get_mut(&entry.job.queue) {
                    line.remove(&(rank(&entry.job, entry.due), number));
                    if line.is_empty() {
                        self.due.remove(&entry.job.queue);
                    }
                }
            }
            Place::Later => {
                self.later.remove(&(entry.due, number));
            }
            Place::Taken { until } => {
                self.leases.remove(&(until, number));
            }
        }
        if let Some(key) = &entry.job.unique_key
            && !matches!(entry.place, Place::Taken { .. })
        {
            self.keys.remove(&(entry.job.queue.clone(), key.clone()));
        }
        Some(entry)
    }

    /// Lets a job wait whose key is free.
    fn put(&mut self, number: i64, mut entry: Entry<R>, due: Moment, now: Moment) {
        entry.due = due;
        if due <= now {
            entry.place = Place::Line;
            self.due.entry(entry.job.queue.clone()).or_default().insert((rank(&entry.job, due), number));
        } else {
            entry.place = Place::Later;
            self.later.insert((due, number));
        }
        if let Some(key) = &entry.job.unique_key {
            self.keys.insert((entry.job.queue.clone(), key.clone()), number);
        }
        self.entries.insert(number, entry);
    }

    /// Lets a job wait again whose key another may have taken meanwhile.
    fn put_again(&mut self, number: i64, mut entry: Entry<R>, due: Moment, now: Moment) {
        match self.merge(&entry.job, due, now) {
            Ok(None) => self.put(number, entry, due, now),
            // One of the two remains.
            Ok(Some(_)) => {}
            // The key is another task's now: both remain.
            Err(_) => {
                entry.job.unique_key = None;
                self.put(number, entry, due, now);
            }
        }
    }
}

/// Place in the line: the instant, earlier by a minute for each point of priority.
fn rank(job: &Job, due: Moment) -> Moment {
    due - Moment::from(job.priority) * MINUTE
}
