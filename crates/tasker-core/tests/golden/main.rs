//! Recorded runs of the Rails engine, run again by ours, and the rows of both compared field by field.
//!
//! The recordings are those of `tasker-testing` (`golden/rails-runs`, whose README says what a case holds), or every
//! `*.json` of the folder that `TASKER_GOLDEN_RUNS` names. A difference is explained by a rule over the fields and what
//! happened to them, which names a ruling; no rule knows a case by name. What no rule explains fails.
#![allow(clippy::unwrap_used, missing_docs)]

mod case;
mod columns;
mod compare;
mod courses;
mod fields;
mod handler;
mod refusals;
mod rows;
mod run;
mod templates;

use std::collections::BTreeMap;

use tasker_testing::TestDatabase;

use crate::case::{Case, cases, cases_of, committed};
use crate::compare::{Comparison, compare};
use crate::run::{Replayed, replay};

/// Compares what stands in both after the task was created and at the end.
fn comparisons(case: &Case, replayed: &Replayed) -> Vec<(String, Comparison)> {
    let with_rows: Vec<usize> = (0..case.phases.len()).filter(|&place| case.phases[place].rows.is_some()).collect();
    let (first, last) = (with_rows[0], with_rows[with_rows.len() - 1]);
    let at = |place: usize, ours: &serde_json::Value| {
        let phase = &case.phases[place];
        let recorded = phase.rows.as_ref().unwrap();
        (format!("{} ({})", phase.phase, place), compare(recorded, ours, &replayed.known))
    };
    let mut all = vec![at(first, &replayed.created)];
    if last != first {
        all.push(at(last, &replayed.last));
    }
    all
}

/// Runs cases, compares, says what came of it, and fails where a difference has no ruling.
async fn check(cases: impl Iterator<Item = Case>) {
    let database = TestDatabase::with_schema().await;
    let (mut runs, mut equal, mut failures) = (0, 0, Vec::new());
    let mut explained: BTreeMap<&'static str, usize> = BTreeMap::new();
    for case in cases.filter(Case::has_rows) {
        runs += 1;
        let before = failures.len();
        let replayed = match replay(&database, &case).await {
            Ok(replayed) => replayed,
            Err(why) => {
                failures.push(format!("{}: {why}", case.file));
                continue;
            }
        };
        for (phase, comparison) in comparisons(&case, &replayed) {
            equal += comparison.equal;
            for (_, ruling) in &comparison.explained {
                *explained.entry(ruling).or_default() += 1;
            }
            for difference in &comparison.unexplained {
                failures.push(format!("{}, {phase}: {difference}", case.file));
            }
        }
        if failures.len() > before {
            failures.extend(replayed.refused.iter().map(|refused| format!("{}: refused here: {refused}", case.file)));
        }
    }
    let by: Vec<String> = explained.iter().map(|(ruling, count)| format!("{count} by {ruling}")).collect();
    let all: usize = explained.values().sum();
    println!("count: {runs} cases, {equal} fields equal, {all} explained: {}", by.join(", "));
    assert!(failures.is_empty(), "{} differences that no ruling explains:\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn golden_runs_end_in_the_rows_that_rails_wrote() {
    check(cases().into_iter()).await;
}

/// What stands between the phases of the project's recordings is compared, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn golden_runs_stand_as_recorded_after_every_phase() {
    check(cases_of(&committed()).iter().flat_map(Case::cut_short)).await;
}

/// The comparison finds whatever is wrong: each field of what ours wrote is spoilt in turn, and each time the field must
/// come out as unexplained.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn golden_comparison_finds_every_spoilt_field() {
    let database = TestDatabase::with_schema().await;
    let (mut spoilt, mut missed) = (0, Vec::new());
    for case in cases_of(&committed()).into_iter().filter(Case::has_rows) {
        let replayed = replay(&database, &case).await.unwrap();
        let recorded = case.phases.iter().rev().find_map(|phase| phase.rows.as_ref()).unwrap();
        let sound = compare(recorded, &replayed.last, &replayed.known);
        for (path, spoilt_rows) in fields::spoilt(&replayed.last) {
            let comparison = compare(recorded, &spoilt_rows, &replayed.known);
            // Of two truth values the spoilt one may be what the recording has.
            if comparison.equal > sound.equal {
                continue;
            }
            spoilt += 1;
            if comparison.unexplained.is_empty() {
                missed.push(format!("{}: {}", case.file, path));
            }
        }
    }
    println!("count: {spoilt} fields spoilt");
    assert!(spoilt > 0);
    assert!(missed.is_empty(), "{} spoilt fields were not found:\n{}", missed.len(), missed.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn golden_requests_that_rails_refused_are_refused() {
    let database = TestDatabase::with_schema().await;
    let (mut requests, mut failures) = (0, Vec::new());
    for case in cases().into_iter().filter(|case| !case.has_rows()) {
        requests += 1;
        if let Err(why) = refusals::check(&database, &case).await {
            failures.push(format!("{}: {why}", case.file));
        }
    }
    println!("count: {requests} requests");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
