//! What is measured.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tasker_postgres::schema::Shape;

use super::driver::context;
use super::graph::{Graph, GraphShape};
use crate::arguments::duration;
use crate::failure::Failure;

/// Steps that a round has if nobody says how many tasks.
const STEPS_A_ROUND: u32 = 20_000;

/// Tasks that a round has at most if nobody says how many.
const TASKS_A_ROUND: u32 = 5_000;

/// Tasks of a round in which they go one by one.
const TASKS_ONE_BY_ONE: u32 = 500;

/// Arguments of `tasker bench`.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --database-url a private PostgreSQL is made in a temporary folder, with the settings PostgreSQL \
comes with (it waits for the disk), and deleted afterwards. In a database of yours the tasks stay: name one that may be \
thrown away. Handlers do nothing and run in this process."
)]
pub struct BenchArguments {
    /// Form of a task's graph
    #[arg(long, value_enum, default_value_t = GraphShape::Diamond)]
    pub shape: GraphShape,
    /// Its size: diamonds in a row (1), steps in a row (10), steps between the first and the last (100), steps of a tree (31)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub size: Option<u32>,
    /// Tasks of a round
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub tasks: Option<u32>,
    /// Tasks at the same time: the next is created when one ends; `all` creates all at once
    #[arg(long, value_name = "N|all", default_value = "32")]
    pub in_flight: InFlight,
    /// Workers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,
    /// Steps that a worker holds at the same time
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub concurrency: u32,
    /// Bytes of each task's context
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(40..=1_000_000))]
    pub context_bytes: u32,
    /// How long each handler sleeps: 10ms, 1s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub sleep: Option<Duration>,
    /// Which of the original's indexes there are; in a database of yours, those that it has
    #[arg(long, value_enum)]
    pub layout: Option<Layout>,
    /// Steps of other tasks that wait for a worker meanwhile
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub prefill_waiting: u32,
    /// Finished steps in the tables before
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub prefill_history: u32,
    /// Also run a program that does the least a durable engine must do, and print our share of it
    #[arg(long)]
    pub floor: bool,
    /// Rounds; rates are medians of them
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: u16,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Which indexes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// Every index of the original.
    Full,
    /// No duplicates and none that is always empty.
    Slim,
    /// Keys, unique indexes and those that Tasker uses.
    Lean,
}

impl From<Layout> for Shape {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Full => Self::Full,
            Layout::Slim => Self::Slim,
            Layout::Lean => Self::Lean,
        }
    }
}

/// How many tasks are there at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlight {
    /// This many.
    Some(u32),
    /// All of a round.
    All,
}

impl FromStr for InFlight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            number => match number.parse() {
                Ok(number) if number > 0 => Ok(Self::Some(number)),
                _ => Err("write a number from 1, or all".to_owned()),
            },
        }
    }
}

/// What every round does.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// Tasks are made from them in turn.
    pub(super) graphs: Arc<[Graph]>,
    pub(super) tasks: usize,
    pub(super) in_flight: usize,
    pub(super) workers: usize,
    pub(super) concurrency: usize,
    pub(super) context: Arc<str>,
    pub(super) sleep: Option<Duration>,
}

impl Setting {
    pub(super) fn of(arguments: &BenchArguments) -> Result<Self, Failure> {
        let graphs = arguments.shape.graphs(arguments.size)?;
        let steps: usize = graphs.iter().map(Graph::steps).sum();
        let fitting = (STEPS_A_ROUND as usize * graphs.len() / steps).clamp(1, TASKS_A_ROUND as usize);
        let one_by_one = arguments.in_flight == InFlight::Some(1);
        let usual = if one_by_one { fitting.min(TASKS_ONE_BY_ONE as usize) } else { fitting };
        let tasks = arguments.tasks.map_or(usual, |tasks| tasks as usize);
        let in_flight = match arguments.in_flight {
            InFlight::Some(number) => (number as usize).min(tasks),
            InFlight::All => tasks,
        };
        Ok(Self {
            graphs: graphs.into(),
            tasks,
            in_flight,
            workers: usize::from(arguments.workers),
            concurrency: arguments.concurrency as usize,
            context: context(arguments.context_bytes as usize).into(),
            sleep: arguments.sleep,
        })
    }

    /// The graph of the task of this number.
    pub(super) fn graph(&self, number: usize) -> usize {
        number % self.graphs.len()
    }

    /// Steps of this many tasks.
    pub(super) fn steps(&self, tasks: usize) -> usize {
        (0..tasks).map(|number| self.graphs[self.graph(number)].steps()).sum()
    }

    /// The same with so few tasks that they have about this many steps, but all that are in flight at a time.
    pub(super) fn shortened(&self, steps: usize) -> Arc<Self> {
        let fitting = (steps * self.graphs.len()).div_ceil(self.steps(self.graphs.len()));
        let tasks = fitting.max(self.in_flight).min(self.tasks);
        Arc::new(Self { tasks, ..self.clone() })
    }

    /// Tasks that run before a round is measured, so that connections are there and statements known.
    pub(super) fn warm_up(&self) -> usize {
        self.in_flight.min(32)
    }
}
