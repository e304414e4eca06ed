//! A round of the floor: one connection, one call at a time; what ends meanwhile gathers for the next call.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tasker_postgres::PgPool;
use tasker_postgres::connection::PgConnectOptions;
use tasker_postgres::floor::{self, Answer, Done, PgConnection};
use tokio::task::JoinSet;

use super::arguments::Setting;
use super::driver::{Round, Work};
use super::meter::Meter;
use super::unavailable;
use crate::failure::Failure;

/// Most results of one call and most tasks that it creates, as the engine's.
const MOST: usize = 500;

/// A call gives its connection back.
type Calling = Pin<Box<dyn Future<Output = Result<(PgConnection, Answer, Vec<Duration>), Failure>> + Send>>;

/// Makes the tables and stores the graphs.
pub(super) async fn prepare(setting: &Setting, pool: &PgPool) -> Result<(), Failure> {
    floor::create(pool).await.map_err(unavailable)?;
    for (number, graph) in (0_i32..).zip(setting.graphs.iter()) {
        let count = |parents: usize| i32::try_from(parents).map_err(unavailable);
        let parents = graph.parents.iter().map(|above| count(above.len())).collect::<Result<Vec<_>, _>>()?;
        let edges =
            graph.edges().map(|(from, to)| Ok((count(from)?, count(to)?))).collect::<Result<Vec<_>, Failure>>()?;
        floor::store_template(pool, number, &parents, &edges).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Runs one round and measures it.
pub(super) async fn round(
    setting: &Setting,
    options: &PgConnectOptions,
    work: &Work,
    meter: &Meter<'_>,
) -> Result<Round, Failure> {
    let connection = floor::connect(options).await.map_err(unavailable)?;
    let (connection, _) = Floor::new(setting, work, setting.warm_up())?.drive(connection).await?;
    meter.forget_peak();
    let before = meter.read().await?;
    let (connection, latencies) = Floor::new(setting, work, setting.tasks)?.drive(connection).await?;
    let spent = meter.read().await? - before;
    floor::close(connection).await.map_err(unavailable)?;
    Ok(Round { steps: setting.steps(setting.tasks), elapsed: spent.elapsed, latencies, spent })
}

struct Floor<'a> {
    setting: &'a Setting,
    work: Arc<Work>,
    context: Box<RawValue>,
    /// Tasks that nobody has asked for yet.
    left: usize,
    /// Tasks asked for so far.
    asked: usize,
    /// Since when tasks wait for their creation.
    waiting: Vec<Duration>,
    /// Since when the others have been asked for.
    running: HashMap<i64, Duration>,
    handlers: JoinSet<Done>,
    done: Vec<Done>,
    latencies: Vec<Duration>,
}

impl<'a> Floor<'a> {
    fn new(setting: &'a Setting, work: &Work, tasks: usize) -> Result<Self, Failure> {
        let at_once = setting.in_flight.min(tasks);
        Ok(Self {
            setting,
            work: Arc::new(work.clone()),
            context: RawValue::from_string(setting.context.to_string()).map_err(unavailable)?,
            left: tasks - at_once,
            asked: 0,
            waiting: vec![work.clock.elapsed(); at_once],
            running: HashMap::new(),
            handlers: JoinSet::new(),
            done: Vec::new(),
            latencies: Vec::new(),
        })
    }

    async fn drive(mut self, connection: PgConnection) -> Result<(PgConnection, Vec<Duration>), Failure> {
        let mut calling: Option<Calling> = None;
        let mut connection = Some(connection);
        loop {
            if !(self.done.is_empty() && self.waiting.is_empty())
                && let Some(connection) = connection.take()
            {
                // Others that end in this very moment travel along.
                tokio::task::yield_now().await;
                while let Some(ended) = self.handlers.try_join_next() {
                    self.done.push(ended.map_err(unavailable)?);
                }
                calling = Some(self.call(connection));
            }
            if self.handlers.is_empty()
                && let Some(connection) = connection.take()
            {
                return Ok((connection, self.latencies));
            }
            let answer = async {
                match calling.as_mut() {
                    Some(call) => call.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                answered = answer => {
                    calling = None;
                    let (free, answer, since) = answered?;
                    connection = Some(free);
                    self.take(answer, since);
                }
                Some(ended) = self.handlers.join_next() => self.done.push(ended.map_err(unavailable)?),
            }
        }
    }

    fn call(&mut self, mut connection: PgConnection) -> Calling {
        let done: Vec<Done> = self.done.drain(..self.done.len().min(MOST)).collect();
        let since: Vec<Duration> = self.waiting.drain(..self.waiting.len().min(MOST)).collect();
        let graphs: Vec<usize> = (self.asked..).take(since.len()).map(|number| self.setting.graph(number)).collect();
        self.asked += since.len();
        let context = self.context.clone();
        Box::pin(async move {
            let graphs = graphs.into_iter().map(i32::try_from).collect::<Result<Vec<_>, _>>().map_err(unavailable)?;
            let create: Vec<(i32, &RawValue)> = graphs.into_iter().map(|graph| (graph, &*context)).collect();
            let answer = floor::exchange(&mut connection, &done, &create).await.map_err(unavailable)?;
            Ok((connection, answer, since))
        })
    }

    fn take(&mut self, answer: Answer, since: Vec<Duration>) {
        self.running.extend(answer.created.into_iter().zip(since));
        for step_id in answer.steps {
            let work = self.work.clone();
            self.handlers.spawn(async move { Done { step_id, results: work.carry_out().await } });
        }
        for task_id in answer.complete {
            let now = self.work.clock.elapsed();
            if let Some(asked) = self.running.remove(&task_id) {
                self.latencies.push(now.saturating_sub(asked));
            }
            if self.left > 0 {
                self.left -= 1;
                self.waiting.push(now);
            }
        }
    }
}
