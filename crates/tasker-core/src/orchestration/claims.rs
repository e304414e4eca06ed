//! Starting the attempts of steps that were claimed.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;
use serde_json::value::RawValue;
use tasker_domain::code::Coded;
use tasker_domain::json::Json;
use tasker_postgres::ledger::{Claim, ClaimedTask, DefinitionId, Ledger, LedgerError, Reply, Settled, Settlement};
use tokio_util::sync::CancellationToken;

use super::attempt::{handle, settle};
use super::definitions::Definition;
use super::holding::{Finished, Held};
use super::progress::{Observer, Progress};
use super::worker::{State, Worker};
use crate::clock::{Clock, SystemClock};
use crate::events::{Group, Told};
use crate::step_handler::{AncestorResults, Output, StepContext, StepError};

/// Most bytes of parents' results that a claimed step holds.
const PARENTS_BYTES: usize = 256 * 1024;

/// How long a definition is left alone that could not be read.
const READ_AGAIN: Duration = Duration::from_millis(200);

impl Worker {
    /// Starts everything that a reply brought.
    pub(super) async fn start(
        &mut self,
        state: &mut State,
        reply: Reply,
        told: Option<&mut Told>,
        goes_on_with: &HashSet<i64>,
        known: Known,
        observer: &dyn Observer,
    ) -> Result<(), LedgerError> {
        let begun = reply.instant;
        let Known { mut contexts, mut results } = known;
        for (task_id, ClaimedTask { definition_id, context }) in reply.tasks {
            let definition = self.definition(definition_id).await?;
            contexts.insert(task_id, (definition, Arc::new(Output::raw(context))));
        }
        results.extend(reply.results.into_iter().map(|(parent, results)| (parent, Arc::new(Output::raw(results)))));
        let groups = told.map(|told| {
            let had = |task_id| goes_on_with.contains(&task_id) || self.holding.has_task(task_id);
            told.taken(&reply.claims, &contexts, had)
        });
        for claim in reply.claims {
            let (definition, context) = contexts.get(&claim.task_id).ok_or_else(|| {
                LedgerError::Inconsistent(format!("the task of claimed step {} is missing", claim.step_id))
            })?;
            let group = groups.as_ref().and_then(|groups| groups.get(&claim.task_id).cloned());
            let task = TaskOf { definition, context, results: &results, begun, group };
            self.start_attempt(state, claim, &task, observer)?;
        }
        Ok(())
    }

    /// What was claimed is carried out, even if the database goes away between the claim and the look at its definition.
    async fn definition(&mut self, id: DefinitionId) -> Result<Arc<Definition>, LedgerError> {
        let real = SystemClock::new();
        loop {
            match self.definitions.get(&self.ledger, id).await {
                Err(error) if error.may_pass() && self.outlives_outages => {
                    tracing::warn!(%error, code = %error.code(), definition = id, "a definition could not be read; it is tried again");
                    real.sleep(READ_AGAIN).await;
                }
                read => return read,
            }
        }
    }

    fn start_attempt(
        &self,
        state: &mut State,
        claim: Claim,
        task: &TaskOf<'_>,
        observer: &dyn Observer,
    ) -> Result<(), LedgerError> {
        let template = &task.definition.template;
        let step = template.steps.get(claim.place).ok_or_else(|| {
            LedgerError::Inconsistent(format!("definition has no step {} of step {}", claim.place, claim.step_id))
        })?;
        let cancelled = CancellationToken::new();
        let Claim { step_id, task_id, token, place, attempt, attempts_allowed, previous_results } = claim;
        let parent_results = task.parent_results(task_id, place);
        let context = StepContext::builder(step.name.clone())
            .task((task_id, &template.namespace, &template.name, &template.version.to_string()))
            .context(task.context.clone())
            .step_id(step_id)
            .handler_class(step.handler_class.clone())
            .handler_config(step.handler_config.clone())
            .attempt(attempt)
            .retry_limit(attempts_allowed)
            .previous_results(previous_results.map_or_else(Output::empty, Output::raw))
            .parents(parent_results)
            .ancestors(Some(Arc::new(FromLedger(self.ledger.clone()))))
            .cancelled(cancelled.clone())
            .clock(self.clock.clone())
            .correlation_id(self.correlation_id.clone())
            .build();
        let handler = self.handlers.get(&step.handler_class).cloned();
        let limit = step.timeout_seconds.map(|seconds| Duration::from_millis(seconds.milliseconds));
        let (max_result_bytes, entropy) = (self.max_result_bytes, self.entropy.clone());
        let definition = task.definition.clone();
        let mut held = Held {
            task_id,
            place,
            attempt,
            attempts_allowed,
            definition: definition.clone(),
            context: task.context.clone(),
            token,
            begun: task.begun,
            group: task.group.clone(),
            signal: cancelled,
            carried_out_by: None,
        };
        if attempt == 0 {
            // The next exchange writes its end; there is nothing to wait for.
            let results = Output::from(serde_json::json!({ "bypassed": true })).into_raw();
            state.finished.push(held.finished(step_id, Settlement::Success { results }));
            return Ok(());
        }
        if state.stopping.is_some() || state.draining {
            state.finished.push(held.handed_back(step_id));
            return Ok(());
        }
        state.executions += 1;
        observer.observe(Progress::StepStarted { task_id, place, attempt });
        let (begun, group, of_task) = (held.begun, held.group.clone(), held.context.clone());
        let running = state.running.spawn(async move {
            let step = &definition.template.steps[place];
            let ended = match &handler {
                Some(handler) => handle(handler, context, limit, max_result_bytes).await,
                None => Err(StepError::failure(format!(
                    "no handler `{}` is registered with this worker",
                    step.handler_class
                ))),
            };
            let settlement = settle(ended, step, attempt, attempts_allowed, &entropy);
            let settled = Settled { step_id, token, settlement };
            Finished {
                task_id,
                place,
                attempt,
                attempts_allowed,
                definition,
                context: of_task,
                begun,
                settled,
                group,
                replaced: false,
            }
        });
        held.carried_out_by = Some(running.id());
        self.holding.insert(step_id, held);
        Ok(())
    }
}

/// Definitions and contexts of tasks, by id.
pub(super) type Contexts = HashMap<i64, (Arc<Definition>, Arc<Output>)>;

/// Results of steps, by task and named step.
type Results = HashMap<(i64, i32), Arc<Output>>;

/// What a call need not be told, because it handed it in itself.
#[derive(Default)]
pub(super) struct Known {
    contexts: Contexts,
    results: Results,
}

impl Known {
    /// What is known of these outcomes, those of `refused` steps left out: what stands in the record is somebody else's.
    pub(super) fn of(settled: &[Finished], refused: &[i64]) -> Self {
        let mut known = Known::default();
        for one in settled {
            known.contexts.entry(one.task_id).or_insert_with(|| (one.definition.clone(), one.context.clone()));
            if let Settlement::Success { results } = &one.settled.settlement
                && !refused.contains(&one.settled.step_id)
                && let Some(recorded) = as_recorded(results)
            {
                let named_step = one.definition.named_step(one.place);
                known.results.insert((one.task_id, named_step), Arc::new(Output::raw(recorded)));
            }
        }
        known
    }
}

/// The text in which the record gives these results back: a step reads the same whoever claims it. None where they cannot
/// be read, which an attempt's end refuses already; the record would be asked for them, as for what is too large.
fn as_recorded(results: &RawValue) -> Option<Box<RawValue>> {
    let value = Json::parse(results.get()).ok()?;
    RawValue::from_string(value.jsonb_text()).ok()
}

struct TaskOf<'a> {
    definition: &'a Arc<Definition>,
    context: &'a Arc<Output>,
    results: &'a Results,
    begun: NaiveDateTime,
    group: Option<Arc<Group>>,
}

impl TaskOf<'_> {
    /// The results of a step's parents that are at hand. What makes too much together is fetched when it is asked for, as is
    /// what did not travel along.
    fn parent_results(&self, task_id: i64, place: usize) -> HashMap<String, Arc<Output>> {
        let at_hand = |(name, named_step)| Some((name, self.results.get(&(task_id, named_step))?));
        let mut parents: Vec<(&str, &Arc<Output>)> = self.definition.parents(place).filter_map(at_hand).collect();
        if parents.iter().map(|(_, results)| results.get().len()).sum::<usize>() > PARENTS_BYTES {
            parents.sort_by_key(|(_, results)| results.get().len());
            let mut left = PARENTS_BYTES;
            parents.retain(|(_, results)| left.checked_sub(results.get().len()).inspect(|&rest| left = rest).is_some());
        }
        parents.into_iter().map(|(name, results)| (name.to_owned(), results.clone())).collect()
    }
}

/// Results of further ancestors, from the record.
struct FromLedger(Ledger);

impl AncestorResults for FromLedger {
    fn fetch<'a>(
        &'a self,
        task_id: i64,
        step_name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Output>, StepError>> + Send + 'a>> {
        Box::pin(async move { Ok(self.0.step_results(task_id, step_name).await?.map(Output::raw)) })
    }
}
