//! What must come of a definition's contexts: the form of the `expected.json` files, and the comparison.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tasker_domain::json::Json;
use tasker_domain::template::Template;

use crate::harness::{Ended, Report};

/// An `expected.json`; `S` says how its stubs are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "S: DeserializeOwned")]
pub struct Expected<S> {
    /// What there is in every case.
    pub world: Option<S>,
    pub cases: Vec<Case<S>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "S: DeserializeOwned")]
pub struct Case<S> {
    /// File with the context.
    pub input: String,
    /// Why this comes of it, for the reader.
    #[serde(default)]
    pub because: Option<String>,
    /// What differs from the case in which everything is well.
    #[serde(default)]
    pub stub: Option<S>,
    /// State of the task, or `refused`.
    pub outcome: String,
    /// State and number of attempts of every step.
    #[serde(default)]
    pub steps: IndexMap<String, (String, u32)>,
    /// What a refusal must name, one violation each.
    #[serde(default)]
    pub refused_for: Vec<String>,
    /// Codes of the failures of a step: each of its failed attempts had this one.
    #[serde(default)]
    pub failures: IndexMap<String, String>,
    /// Seconds between the attempts of a step.
    #[serde(default)]
    pub waits: IndexMap<String, Vec<u64>>,
    /// Parts of the results of a step.
    #[serde(default)]
    pub results: IndexMap<String, Json>,
    /// What the other systems must have seen.
    #[serde(default)]
    pub effects: Option<Json>,
}

impl<S> Case<S> {
    /// Everything in which the run differs from what was expected, except effects.
    pub fn differences(&self, template: &Template, ended: &Ended) -> Vec<String> {
        match ended {
            Ended::Refused(violations) if self.outcome == "refused" => self.unnamed(violations),
            Ended::Refused(violations) => vec![format!("the context was refused: {}", violations.join("; "))],
            Ended::Ran(report) => {
                let mut differences = Vec::new();
                if report.state != self.outcome {
                    differences.push(format!("the task ended in {}, not in {}", report.state, self.outcome));
                }
                self.compare_steps(report, &mut differences);
                self.compare_details(report, &mut differences);
                check_order(template, report, &mut differences);
                differences
            }
        }
    }

    fn unnamed(&self, violations: &[String]) -> Vec<String> {
        let missing = self.refused_for.iter().filter(|name| !violations.iter().any(|text| text.contains(*name)));
        missing.map(|name| format!("the refusal does not name `{name}`: {}", violations.join("; "))).collect()
    }

    fn compare_steps(&self, report: &Report, differences: &mut Vec<String>) {
        let ran: Vec<&str> = report.steps.iter().map(|step| step.name.as_str()).collect();
        let mut expected: Vec<&str> = self.steps.keys().map(String::as_str).collect();
        expected.sort_by_key(|name| ran.iter().position(|known| known == name));
        if ran != expected {
            differences.push(format!("the steps are {ran:?}, not {expected:?}"));
            return;
        }
        for step in &report.steps {
            let (state, attempts) = &self.steps[&step.name];
            if (&step.state, &step.attempts) != (state, attempts) {
                differences.push(format!(
                    "{} is in {} after {} attempts, not in {state} after {attempts}",
                    step.name, step.state, step.attempts
                ));
            }
            let calls = report.attempts_of(&step.name).len();
            if calls != *attempts as usize {
                differences.push(format!("the handler of {} was called {calls} times, not {attempts}", step.name));
            }
            let transitions = transitions_of(&step.state, step.attempts);
            if step.transitions != transitions {
                differences.push(format!("{} went through {:?}, not {transitions:?}", step.name, step.transitions));
            }
        }
    }

    fn compare_details(&self, report: &Report, differences: &mut Vec<String>) {
        for (step, code) in &self.failures {
            let failed: Vec<_> =
                report.attempts_of(step).into_iter().filter_map(|attempt| attempt.outcome.as_ref().err()).collect();
            if failed.is_empty() {
                differences.push(format!("{step} did not fail; {code} was expected"));
            }
            for error in failed.iter().filter(|error| error.code() != Some(code)) {
                differences.push(format!("{step} failed with {:?}, not {code}: {error}", error.code()));
            }
        }
        for (step, waits) in &self.waits {
            differences.extend(report.check_waits(step, waits).err());
        }
        for (name, part) in &self.results {
            match &report.step(name).results {
                Some(results) => compare_part(name, part, results, differences),
                None => differences.push(format!("{name} has no results")),
            }
        }
    }
}

/// The to-states of a step that ended in `state` after so many attempts.
pub fn transitions_of(state: &str, attempts: u32) -> Vec<String> {
    let mut transitions = Vec::new();
    for attempt in 1..=attempts {
        if attempt > 1 {
            transitions.extend(["error", "pending"]);
        }
        transitions.push("in_progress");
    }
    if attempts > 0 {
        transitions.push(state);
    }
    transitions.into_iter().map(str::to_owned).collect()
}

/// No step may have begun before the last attempt of each of its parents had ended.
fn check_order(template: &Template, report: &Report, differences: &mut Vec<String>) {
    for step in &template.steps {
        let Some(began) = report.attempts_of(&step.name).iter().map(|attempt| attempt.began).min() else { continue };
        for parent in step.parents.iter().map(|parent| &template.steps[*parent].name) {
            let ended = report.attempts_of(parent).iter().map(|attempt| attempt.ended).max();
            if ended.is_none_or(|ended| ended > began) {
                differences.push(format!("{} began before {parent} had ended", step.name));
            }
        }
    }
}

/// Whether every member of `part` stands in `whole` with the same value; numbers compare as decimals.
pub fn compare_part(path: &str, part: &Json, whole: &Json, differences: &mut Vec<String>) {
    match (part, whole) {
        (Json::Object(members), Json::Object(found)) => {
            for (key, member) in members {
                let path = format!("{path}.{key}");
                match found.get(key) {
                    Some(value) => compare_part(&path, member, value, differences),
                    None => differences.push(format!("{path} is missing in {whole}")),
                }
            }
        }
        (Json::Array(items), Json::Array(found)) if items.len() == found.len() => {
            for (place, (item, value)) in items.iter().zip(found).enumerate() {
                compare_part(&format!("{path}[{place}]"), item, value, differences);
            }
        }
        _ if part.same_value(whole) => {}
        _ => differences.push(format!("{path} is {whole}, not {part}")),
    }
}
