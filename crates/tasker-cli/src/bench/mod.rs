//! `tasker bench`: how fast the engine is here, what a step costs, and how near that is to the least that is possible.

mod arguments;
mod driver;
mod engine;
mod floor;
mod graph;
mod meter;
mod place;
mod prefill;
mod report;
mod rounds;
#[cfg(unix)]
mod wire;

use std::sync::Arc;

pub use arguments::BenchArguments;

use crate::arguments::DatabaseArguments;
use crate::failure::{ExitStatus, Failure};
use crate::printing::to_stdout;
use crate::signals::Requests;
use arguments::Setting;
use place::Place;

pub(crate) async fn run(arguments: BenchArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let setting = Arc::new(Setting::of(&arguments)?);
    let mut requests = Requests::listen()?;
    let measured = tokio::select! {
        measured = measure(&arguments, &setting, database) => Some(measured?),
        // What runs is dropped, and with it the private server and its folder.
        () = requests.next() => None,
    };
    let Some(report) = measured else {
        return Ok(ExitStatus::Interrupted);
    };
    let text = if arguments.json {
        serde_json::to_string(&report.document()).map_err(|error| {
            Failure::new(ExitStatus::Unavailable, format!("the document cannot be written: {error}"))
        })?
    } else {
        report.text()
    };
    to_stdout(format_args!("{text}")).map_err(|error| Failure::new(ExitStatus::Unavailable, error))?;
    Ok(ExitStatus::Success)
}

async fn measure(
    arguments: &BenchArguments,
    setting: &Arc<Setting>,
    database: &DatabaseArguments,
) -> Result<report::Report, Failure> {
    let place = Place::open(database, arguments.layout).await?;
    let measured = rounds::measure(arguments, setting, &place).await;
    // Also after a failure nothing is left behind.
    place.close(arguments.floor).await?;
    measured
}

/// A failure of the database.
fn unavailable(error: impl std::fmt::Display) -> Failure {
    Failure::new(ExitStatus::Unavailable, error)
}
