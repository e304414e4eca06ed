//! Reading a handler's settings: every problem at once, each with its key and what to write instead.

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use tasker_domain::json::Json;

/// The longest time limit that may be written: ten years.
const LONGEST_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;

/// Something wrong in the `handler_config` of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where: keys below `handler_config`, such as `command[0]`; empty for the settings as a whole.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl ConfigProblem {
    pub(crate) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("handler_config")?;
        if !self.key.is_empty() {
            write!(f, ".{}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ConfigProblem {}

/// One line for several problems.
pub(crate) fn in_one_line(problems: &[ConfigProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The keys of a `handler_config` and the problems found in them so far.
pub(crate) struct Settings<'a> {
    members: &'a IndexMap<String, Json>,
    pub(crate) problems: Vec<ConfigProblem>,
}

impl<'a> Settings<'a> {
    /// The settings, or the problem that they are no object.
    pub(crate) fn of(config: &'a Json) -> Result<Self, Vec<ConfigProblem>> {
        match config {
            Json::Object(members) => Ok(Self { members, problems: Vec::new() }),
            other => Err(vec![ConfigProblem::new("", format!("must be a map of settings, not {}", other.kind()))]),
        }
    }

    /// The value of a key; `null` counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Json> {
        self.members.get(key).filter(|value| !matches!(value, Json::Null))
    }

    pub(crate) fn problem(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.problems.push(ConfigProblem::new(key, message));
    }

    /// A text, or nothing where the key is absent or no text.
    pub(crate) fn text(&mut self, key: &str) -> Option<&'a str> {
        match self.get(key)? {
            Json::String(text) => Some(text),
            other => {
                self.problem(key, format!("must be a text, not {}", other.kind()));
                None
            }
        }
    }

    /// A boolean, or the default where the key is absent or no boolean.
    pub(crate) fn boolean(&mut self, key: &str, default: bool) -> bool {
        match self.get(key) {
            None => default,
            Some(Json::Bool(value)) => *value,
            Some(other) => {
                self.problem(key, format!("must be true or false, not {}", other.kind()));
                default
            }
        }
    }

    /// A number of seconds above zero, to the millisecond.
    pub(crate) fn seconds(&mut self, key: &str) -> Option<Duration> {
        let value = self.get(key)?;
        let Json::Number(text) = value else {
            self.problem(key, format!("must be a number of seconds, not {}", value.kind()));
            return None;
        };
        let seconds = text.parse::<f64>().unwrap_or(f64::INFINITY);
        if !(0.001..=LONGEST_SECONDS).contains(&seconds) {
            self.problem(key, format!("must be a number of seconds above 0 and at most ten years, not {text}"));
            return None;
        }
        // In range, so the conversion neither cuts off nor loses the sign.
        Some(Duration::from_millis((seconds * 1000.0).round() as u64))
    }

    /// A problem for every key that is not in the list, with the nearest that is.
    pub(crate) fn unknown_keys(&self, known: &[&str]) -> Vec<ConfigProblem> {
        self.members
            .keys()
            .filter(|key| !known.contains(&key.as_str()))
            .map(|key| {
                let message = match nearest(key, known) {
                    Some(near) => format!("unknown key, did you mean `{near}`?"),
                    None => format!("unknown key; the keys are {}", known.join(", ")),
                };
                ConfigProblem::new(key.clone(), message)
            })
            .collect()
    }
}

fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase();
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.chars().count() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
