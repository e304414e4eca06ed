//! The worker's side: gathers what an exchange made true, and hands it over in the order of the commits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tasker_domain::correlation::CorrelationId;
use tasker_postgres::ledger::{Claim, Ended, Reply, Settlement};

use super::{Commit, Events, Fact, Group, How, LINE_BYTES, SettledStep, TakenSteps, Then, ToldStep};
use crate::orchestration::{Definition, Finished};
use crate::step_handler::Output;

/// What one worker tells.
#[derive(Debug)]
pub(crate) struct Telling {
    events: Events,
    correlation_id: CorrelationId,
    /// Commits that may have come after one whose answer is still on its way, by their instants.
    waiting: VecDeque<Waiting>,
    /// About how many bytes these hold.
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    commit: Commit,
    /// The calls that were on their way when its answer came: each may have been committed before it.
    after: Vec<i32>,
}

/// What an answer made true, as long as it is taken in.
#[derive(Debug)]
pub(crate) struct Told(Commit);

impl Telling {
    pub(crate) fn new(events: Events, correlation_id: CorrelationId) -> Self {
        Self { events, correlation_id, waiting: VecDeque::new(), bytes: 0 }
    }

    /// Begins to gather, if anybody wants to be told anything.
    pub(crate) fn begin(&self, reply: &Reply) -> Option<Told> {
        if self.events.wanted().is_empty() {
            return None;
        }
        let correlation_id = Some(self.correlation_id.clone());
        Some(Told(Commit { instant: reply.instant, correlation_id, facts: Vec::new(), bytes: 0 }))
    }

    /// Takes what was gathered. `unanswered` are the calls that are on their way.
    pub(crate) fn add(&mut self, told: Option<Told>, unanswered: &[i32]) {
        let Some(Told(commit)) = told else { return };
        if commit.facts.is_empty() {
            return;
        }
        self.bytes += commit.bytes;
        let place = self.waiting.partition_point(|earlier| earlier.commit.instant <= commit.instant);
        self.waiting.insert(place, Waiting { commit, after: unanswered.to_vec() });
    }

    /// Hands over what no call can have gone before that is still on its way. A call that gets no answer for long is not
    /// waited for: what would pile up goes before it.
    pub(crate) fn hand_over(&mut self, unanswered: &[i32]) {
        while let Some(first) = self.waiting.front()
            && (self.bytes > LINE_BYTES || !first.after.iter().any(|call| unanswered.contains(call)))
            && let Some(first) = self.waiting.pop_front()
        {
            self.bytes -= first.commit.bytes;
            self.events.hand_over(first.commit);
        }
    }

    /// Hands over everything: no answer is waited for any more.
    pub(crate) fn hand_over_all(&mut self) {
        self.hand_over(&[]);
    }
}

/// About what a fact takes beside its documents.
const FACT: usize = 200;

impl Told {
    fn push(&mut self, fact: Fact, bytes: usize) {
        self.0.bytes += FACT + bytes;
        self.0.facts.push(fact);
    }

    pub(crate) fn created(&mut self, task_id: i64) {
        self.push(Fact::Created { task_id }, 0);
    }

    /// An outcome that stands in the record now.
    pub(crate) fn settled(&mut self, finished: &Finished, halted: bool) {
        let Finished { task_id, place, attempt, attempts_allowed, begun, settled, definition, group, .. } = finished;
        let how = match &settled.settlement {
            Settlement::Success { results } => How::Succeeded { results: results.clone() },
            Settlement::Retry { error, wait, asked_seconds, .. } => {
                let asked = asked_seconds.is_some();
                let retry = Then::Retry { seconds: wait.as_secs_f64(), asked };
                How::Failed { error: error.clone(), then: if halted { Then::Nothing } else { retry } }
            }
            Settlement::Exhausted { error, .. } => How::Failed { error: error.clone(), then: Then::Exhausted },
            Settlement::Permanent { error } => How::Failed { error: error.clone(), then: Then::Nothing },
            Settlement::HandBack { note } => How::HandedBack { note },
        };
        let step = ToldStep {
            task_id: *task_id,
            step_id: settled.step_id,
            place: *place,
            attempt: *attempt,
            attempts_allowed: *attempts_allowed,
            definition: definition.clone(),
        };
        self.push(Fact::Settled(SettledStep { step, begun: *begun, how }), finished.bytes());
        self.ended_in_its_group(group.as_ref(), matches!(settled.settlement, Settlement::Success { .. }));
    }

    /// Counts an attempt as ended among those that began with it.
    pub(crate) fn ended_in_its_group(&mut self, group: Option<&Arc<Group>>, succeeded: bool) {
        if let Some(group) = group
            && group.end_one(succeeded)
        {
            self.push(Fact::GroupEnded { group: group.clone() }, 0);
        }
    }

    pub(crate) fn ended(&mut self, task_id: i64, ended: Ended) {
        self.push(Fact::Ended { task_id, ended }, 0);
    }

    pub(crate) fn parked(&mut self, task_id: i64) {
        self.push(Fact::Parked { task_id }, 0);
    }

    /// Steps that were claimed, of tasks by id. Gives the attempts of each task what they have in common.
    pub(crate) fn taken(
        &mut self,
        claims: &[Claim],
        tasks: &HashMap<i64, (Arc<Definition>, Arc<Output>)>,
        had: impl Fn(i64) -> bool,
    ) -> HashMap<i64, Arc<Group>> {
        let mut groups = HashMap::new();
        let mut order: Vec<i64> = Vec::new();
        let mut of_task: HashMap<i64, Vec<ToldStep>> = HashMap::new();
        for claim in claims {
            // A task or place that is missing ends the worker where the attempt is to be started.
            let Some((definition, _)) = tasks.get(&claim.task_id) else { continue };
            if claim.place >= definition.template.steps.len() {
                continue;
            }
            let steps = of_task.entry(claim.task_id).or_insert_with(|| {
                order.push(claim.task_id);
                Vec::new()
            });
            steps.push(ToldStep {
                task_id: claim.task_id,
                step_id: claim.step_id,
                place: claim.place,
                attempt: claim.attempt,
                attempts_allowed: claim.attempts_allowed,
                definition: definition.clone(),
            });
        }
        for task_id in order {
            let (Some((definition, context)), Some(steps)) = (tasks.get(&task_id), of_task.remove(&task_id)) else {
                continue;
            };
            groups.insert(task_id, Group::new(task_id, definition.template.name.clone(), steps.len()));
            let bytes = context.get().len() + FACT * steps.len();
            let begins = !had(task_id);
            self.push(Fact::Taken(TakenSteps { task_id, begins, context: context.clone(), steps }), bytes);
        }
        groups
    }
}
