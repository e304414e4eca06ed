//! A handler that does what a case's script says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tasker_core::{Output, StepContext, StepError, StepHandler};

use crate::case::Case;

pub(crate) const HANDLER: &str = "Peer::Step";

/// How an attempt ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Failure(StepFailure),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepFailure {
    pub(crate) class: String,
    pub(crate) text: String,
    pub(crate) permanent: bool,
    pub(crate) retryable_class: bool,
    /// The wait that it asks for, in seconds.
    pub(crate) asked: Option<u32>,
}

/// What every attempt of a case comes to.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    words: BTreeMap<String, Vec<Outcome>>,
}

impl Script {
    /// Class and text of a failure are those that the recording shows after this attempt, where it shows them.
    pub(crate) fn of(case: &Case) -> Result<Self, String> {
        let shown = shown_errors(case);
        let words = case
            .script
            .iter()
            .map(|(step, words)| {
                let outcomes = words
                    .iter()
                    .zip(1..)
                    .map(|(word, attempt)| outcome(word, shown.get(&(step.clone(), attempt))))
                    .collect::<Result<_, _>>()?;
                Ok((step.clone(), outcomes))
            })
            .collect::<Result<_, String>>()?;
        Ok(Self { words })
    }

    /// What attempt number `attempt` (from 1) of a step comes to; past the end of its script it succeeds.
    pub(crate) fn outcome(&self, step: &str, attempt: u32) -> Outcome {
        let place = attempt as usize - 1;
        self.words.get(step).and_then(|words| words.get(place)).cloned().unwrap_or(Outcome::Success)
    }

    /// What a success leaves: with the attempt where the step has a script.
    pub(crate) fn results(&self, step: &str, attempt: u32) -> Value {
        if self.words.contains_key(step) { json!({ "ok": true, "attempt": attempt }) } else { json!({ "ok": true }) }
    }
}

fn outcome(word: &str, shown: Option<&(String, String)>) -> Result<Outcome, String> {
    let failure = |class: &str, text: &str| StepFailure {
        class: class.to_owned(),
        text: text.to_owned(),
        permanent: class == "Tasker::PermanentError",
        retryable_class: class == "Tasker::RetryableError",
        asked: None,
    };
    let mut failure = match word.split_once(':') {
        None if word == "ok" => return Ok(Outcome::Success),
        None if word == "fail" => failure("RuntimeError", "scripted failure"),
        None if word == "retryable" => failure("Tasker::RetryableError", "scripted retryable failure"),
        None if word == "fatal" => failure("Tasker::PermanentError", "scripted permanent failure"),
        Some(("later", seconds)) => StepFailure {
            asked: Some(seconds.trim().parse().map_err(|_| format!("`{word}` is no number of seconds"))?),
            ..failure("Tasker::RetryableError", "scripted failure with requested backoff")
        },
        _ => return Err(format!("the script's word `{word}` is not known")),
    };
    if let Some((class, text)) = shown {
        failure.class.clone_from(class);
        failure.text.clone_from(text);
    }
    Ok(Outcome::Failure(failure))
}

/// Class and text of the errors that stand in steps whose last attempt failed, by step and attempt.
fn shown_errors(case: &Case) -> BTreeMap<(String, u64), (String, String)> {
    let mut shown = BTreeMap::new();
    for step in case
        .phases
        .iter()
        .filter_map(|phase| phase.rows.as_ref()?["steps"].as_array())
        .flatten()
        .filter(|step| step["processed"] == false)
    {
        let results = &step["results"];
        if let (Some(name), Some(attempt), Some(class), Some(text)) = (
            step["name"].as_str(),
            step["attempts"].as_u64(),
            results["error_class"].as_str(),
            results["error"].as_str(),
        ) {
            shown.insert((name.to_owned(), attempt), (class.to_owned(), text.to_owned()));
        }
    }
    shown
}

impl StepHandler for Script {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        match self.outcome(step.step_name(), step.attempt()) {
            Outcome::Success => Ok(Output::from(self.results(step.step_name(), step.attempt()))),
            Outcome::Failure(failure) => Err(failure.error()),
        }
    }
}

impl StepFailure {
    fn error(&self) -> StepError {
        let error = if self.permanent {
            StepError::permanent(&self.text)
        } else if self.retryable_class {
            StepError::retryable(&self.text)
        } else {
            StepError::failure(&self.text)
        };
        let error = error.with_class(&self.class);
        match self.asked {
            Some(seconds) => error.retry_after(Duration::from_secs(seconds.into())),
            None => error,
        }
    }
}
