//! All rounds of a bench, the two programs in turn, and one in which messages are counted.

use std::sync::Arc;
use std::time::Duration;

use tasker_core::clock::{Clock, SystemClock};
use tasker_postgres::connection::PgConnectOptions;
use tasker_postgres::cost::{self, DatabaseCounters};

use super::arguments::{BenchArguments, Setting};
use super::driver::{Round, Work};
use super::meter::Meter;
use super::place::Place;
use super::report::{Counted, Measured, Report};
use super::{engine, floor, prefill, unavailable};
use crate::failure::Failure;
use crate::printing::to_stderr;

/// The schemas that each program writes to.
const ENGINE: [&str; 2] = ["public", "tasker_engine"];
const FLOOR: [&str; 1] = ["tasker_floor"];

/// How long sessions that were closed have to report what they did, and how often that is looked at.
const REPORT_WITHIN: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// Tasks of the round in which messages are counted: few, but enough that the steady state outweighs start and end.
const COUNTED_STEPS: usize = 4_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Engine,
    Floor,
}

/// Runs everything.
pub(super) async fn measure(
    arguments: &BenchArguments,
    setting: &Arc<Setting>,
    place: &Place,
) -> Result<Report, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let work = Work::new(clock.clone(), setting.sleep).map_err(unavailable)?;
    prefill::waiting(place, arguments.prefill_waiting).await?;
    prefill::history(place, arguments.prefill_history).await?;
    if arguments.floor {
        floor::prepare(setting, &place.pool).await?;
    }
    if arguments.prefill_waiting > 0 || arguments.prefill_history > 0 {
        cost::settle(&place.pool).await.map_err(unavailable)?;
        // A server of the user's is left to its own time.
        if place.server_pid().is_some() {
            cost::write_back(&place.pool).await.map_err(unavailable)?;
        }
    }
    let bench = Bench { setting, place, work };
    let mut engine = Measured::default();
    let mut floor = Measured::default();
    for number in 1..=arguments.rounds {
        if !arguments.json {
            to_stderr(format_args!("round {number} of {}", arguments.rounds));
        }
        // Who comes first changes, so that neither always finds the machine as the other left it.
        let order = if number % 2 == 1 { [Program::Engine, Program::Floor] } else { [Program::Floor, Program::Engine] };
        for program in order {
            match program {
                Program::Engine => engine.rounds.push(bench.round(program, setting, &place.options, None).await?),
                Program::Floor if arguments.floor => {
                    floor.rounds.push(bench.round(program, setting, &place.options, None).await?)
                }
                Program::Floor => {}
            }
        }
    }
    engine.counted = bench.counted(Program::Engine).await?;
    if arguments.floor {
        floor.counted = bench.counted(Program::Floor).await?;
    }
    Ok(Report::new(arguments, setting, place, engine, arguments.floor.then_some(floor)))
}

struct Bench<'a> {
    setting: &'a Arc<Setting>,
    place: &'a Place,
    work: Work,
}

impl Bench<'_> {
    async fn round(
        &self,
        program: Program,
        setting: &Arc<Setting>,
        options: &PgConnectOptions,
        answers: Option<&(dyn Fn() -> u64 + Send + Sync)>,
    ) -> Result<Round, Failure> {
        let meter =
            Meter { clock: &*self.work.clock, pool: &self.place.pool, server_pid: self.place.server_pid(), answers };
        match program {
            Program::Engine => engine::round(setting, options, &self.work, &meter).await,
            Program::Floor => floor::round(setting, options, &self.work, &meter).await,
        }
    }

    /// A shorter round of which messages, commits and rows are counted.
    async fn counted(&self, program: Program) -> Result<Counted, Failure> {
        let setting = self.setting.shortened(COUNTED_STEPS);
        let schemas: &[&str] = match program {
            Program::Engine => &ENGINE,
            Program::Floor => &FLOOR,
        };
        let before = self.database_counters(schemas).await?;
        let messages = self.messages(program, &setting).await?;
        let after = self.database_counters(schemas).await?;
        let steps = setting.steps(setting.tasks) + setting.steps(setting.warm_up());
        let per_step = |after: i64, before: i64| (after - before) as f64 / steps as f64;
        Ok(Counted {
            messages,
            commits: per_step(after.commits, before.commits),
            rows_written: per_step(after.rows_written, before.rows_written),
            hot_updates: per_step(after.hot_updates, before.hot_updates),
        })
    }

    /// Runs the round through a socket that counts; gives messages a step where there can be such a socket.
    #[cfg(unix)]
    async fn messages(&self, program: Program, setting: &Arc<Setting>) -> Result<Option<f64>, Failure> {
        let wire = super::wire::Wire::to(&self.place.options).map_err(unavailable)?;
        let Some(wire) = wire else {
            self.round(program, setting, &self.place.options, None).await?;
            return Ok(None);
        };
        let answers = || wire.answers();
        let round = self.round(program, setting, &wire.options, Some(&answers)).await?;
        Ok(round.spent.messages.map(|messages| messages as f64 / round.steps as f64))
    }

    #[cfg(not(unix))]
    async fn messages(&self, program: Program, setting: &Arc<Setting>) -> Result<Option<f64>, Failure> {
        self.round(program, setting, &self.place.options, None).await?;
        Ok(None)
    }

    /// The counters, once the sessions of a round have reported.
    async fn database_counters(&self, schemas: &[&str]) -> Result<DatabaseCounters, Failure> {
        let start = self.work.clock.elapsed();
        loop {
            let counters = cost::database_counters(&self.place.pool, schemas).await.map_err(unavailable)?;
            if counters.others == 0 || self.work.clock.elapsed() - start > REPORT_WITHIN {
                return Ok(counters);
            }
            self.work.clock.sleep(LOOK).await;
        }
    }
}
