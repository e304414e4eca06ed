//! From JSON text to a script, all problems at once.

use std::collections::HashSet;
use std::time::Duration;

use indexmap::IndexMap;

use crate::json::Json;
use crate::problem::{nearest, or_list, quoted};
use crate::template::Template;

use super::{FailureClass, OutcomeScript, ScriptProblem, ScriptProblems, Written, WrittenEnd};

const WORDS: &[&str] = &["ok", "fail", "retryable", "fatal", "later:N", "sleep:N"];
/// Longest time that a script may name, in seconds: ten years.
const LONGEST: f64 = 315_360_000.0;

impl OutcomeScript {
    /// Reads a script for a template.
    ///
    /// # Errors
    /// The place where it is no JSON, or every step and word that means nothing.
    pub fn parse(text: &str, template: &Template) -> Result<Self, ScriptProblems> {
        let script = Json::parse(text).map_err(ScriptProblems::NotJson)?;
        let Some(entries) = script.as_object() else {
            let message = format!("a script is an object of steps, found {}", script.kind());
            return Err(ScriptProblems::Wrong(vec![ScriptProblem { step: None, attempt: None, message }]));
        };
        let names: HashSet<&str> = template.steps.iter().map(|step| step.name.as_str()).collect();
        let mut problems = Vec::new();
        let mut steps = std::collections::HashMap::with_capacity(entries.len());
        for (step, entry) in entries {
            let mut report =
                |attempt, message| problems.push(ScriptProblem { step: Some(step.clone()), attempt, message });
            if !names.contains(step.as_str()) {
                report(None, unknown_step(step, template));
            }
            let Some(attempts) = entry.as_array() else {
                report(None, format!("expected a list with an entry for each attempt, found {}", entry.kind()));
                continue;
            };
            let mut behaviours = Vec::with_capacity(attempts.len());
            for (index, attempt) in attempts.iter().enumerate() {
                match behaviour(attempt) {
                    Ok(written) => behaviours.push(written),
                    Err(messages) => messages.into_iter().for_each(|message| report(Some(index + 1), message)),
                }
            }
            steps.insert(step.clone(), behaviours);
        }
        if problems.is_empty() { Ok(OutcomeScript { steps }) } else { Err(ScriptProblems::Wrong(problems)) }
    }
}

fn unknown_step(step: &str, template: &Template) -> String {
    let near: Vec<String> =
        nearest(step, template.steps.iter().map(|known| known.name.as_str())).into_iter().map(quoted).collect();
    let template_name = quoted(&template.name);
    if near.is_empty() {
        return format!("{template_name} has no such step");
    }
    format!("{template_name} has no such step; did you mean {}?", or_list(&near))
}

type Messages = Vec<String>;

fn behaviour(entry: &Json) -> Result<Written, Messages> {
    match entry {
        Json::String(word) => from_word(word).map_err(|message| vec![message]),
        Json::Object(members) => from_object(members),
        other => Err(vec![format!("expected a word or an object, found {}", other.kind())]),
    }
}

fn from_word(word: &str) -> Result<Written, String> {
    let fail = |class, retry_after| WrittenEnd::Fail { class: Some(class), retry_after, status: None };
    let at_once = |end| Ok(Written { sleep: None, end });
    match word.split_once(':') {
        None if word == "ok" => at_once(WrittenEnd::Succeed(None)),
        None if word == "fail" => at_once(fail(FailureClass::Ordinary, None)),
        None if word == "retryable" => at_once(fail(FailureClass::Retryable, None)),
        None if word == "fatal" => at_once(fail(FailureClass::Permanent, None)),
        Some(("later", number)) => at_once(fail(FailureClass::Retryable, Some(seconds_in_word(word, number)?))),
        Some(("sleep", number)) => {
            Ok(Written { sleep: Some(seconds_in_word(word, number)?), end: WrittenEnd::Succeed(None) })
        }
        _ => Err(format!("the word {} is unknown; known are {}", quoted(word), or_list(&words()))),
    }
}

fn words() -> Vec<String> {
    WORDS.iter().map(|word| quoted(word)).collect()
}

fn seconds_in_word(word: &str, number: &str) -> Result<Duration, String> {
    Json::number(number)
        .as_ref()
        .and_then(seconds)
        .ok_or_else(|| format!("{} must end in a number of seconds, 0 or more, such as 2 or 0.5", quoted(word)))
}

fn seconds(number: &Json) -> Option<Duration> {
    number
        .as_f64()
        .filter(|value| (0.0..=LONGEST).contains(value))
        .and_then(|value| Duration::try_from_secs_f64(value).ok())
}

fn from_object(members: &IndexMap<String, Json>) -> Result<Written, Messages> {
    let mut messages = Vec::new();
    unknown_keys(members, &["result", "error", "sleep"], &mut messages);
    let sleep = read_seconds(members, "sleep", &mut messages);
    let (end, inner_sleep) = match (members.get("result"), members.get("error")) {
        (Some(_), Some(_)) => {
            messages.push("an attempt has either a `result` or an `error`, not both".to_owned());
            return Err(messages);
        }
        (Some(result), None) => (WrittenEnd::Succeed(Some(result.clone())), None),
        (None, Some(error)) => from_error(error, &mut messages),
        (None, None) if members.contains_key("sleep") => (WrittenEnd::Succeed(None), None),
        (None, None) => {
            messages.push("an attempt given as an object needs a `result` or an `error`".to_owned());
            return Err(messages);
        }
    };
    if sleep.is_some() && inner_sleep.is_some() {
        messages.push("`sleep` stands both beside and inside `error`; write it once".to_owned());
    }
    if messages.is_empty() { Ok(Written { sleep: sleep.or(inner_sleep), end }) } else { Err(messages) }
}

fn from_error(error: &Json, messages: &mut Messages) -> (WrittenEnd, Option<Duration>) {
    let nothing = WrittenEnd::Fail { class: None, retry_after: None, status: None };
    let Some(members) = error.as_object() else {
        messages.push(format!("`error` must be an object, found {}", error.kind()));
        return (nothing, None);
    };
    unknown_keys(members, &["class", "retry_after", "status", "sleep"], messages);
    let class = members.get("class").and_then(|class| match class.as_str() {
        Some("fail") => Some(FailureClass::Ordinary),
        Some("retryable") => Some(FailureClass::Retryable),
        Some("fatal") => Some(FailureClass::Permanent),
        _ => {
            messages
                .push(format!("`class` must be `fail`, `retryable` or `fatal`, found {}", quoted(&class.to_string())));
            None
        }
    });
    let status = members.get("status").and_then(|status| {
        let code = status.as_u64().and_then(|code| u16::try_from(code).ok()).filter(|code| (100..=599).contains(code));
        if code.is_none() {
            let found = quoted(&status.to_string());
            messages.push(format!("`status` must be an HTTP status from 100 to 599, found {found}"));
        }
        code
    });
    let retry_after = read_seconds(members, "retry_after", messages);
    let sleep = read_seconds(members, "sleep", messages);
    // Without class and status there is nothing to judge by: it fails as an ordinary error does.
    let judged = if members.contains_key("status") { class } else { class.or(Some(FailureClass::Ordinary)) };
    (WrittenEnd::Fail { class: judged, retry_after, status }, sleep)
}

fn read_seconds(members: &IndexMap<String, Json>, key: &str, messages: &mut Messages) -> Option<Duration> {
    let written = members.get(key)?;
    let found = seconds(written);
    if found.is_none() {
        messages
            .push(format!("`{key}` must be a number of seconds, 0 or more, found {}", quoted(&written.to_string())));
    }
    found
}

fn unknown_keys(members: &IndexMap<String, Json>, known: &[&str], messages: &mut Messages) {
    let list: Vec<String> = known.iter().map(|key| quoted(key)).collect();
    for key in members.keys().filter(|key| !known.contains(&key.as_str())) {
        messages.push(format!("the key {} is unknown; known are {}", quoted(key), or_list(&list)));
    }
}
