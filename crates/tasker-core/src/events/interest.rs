//! Which events somebody wants to be told of.

use std::fmt;

use tasker_domain::event::Event;

use super::moment::{Moment, Moments};

/// Namespaces in which only the catalogue has names.
const OF_THE_ENGINE: [&str; 5] = ["task", "step", "workflow", "observability", "test"];

/// Events by name: single ones (`task.completed`), all that begin alike (`step.*`), or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    All,
    /// What begins with this, the dot included.
    Under(String),
    Name(String),
}

impl Interest {
    /// Every event.
    pub fn all() -> Self {
        Self { patterns: vec![Pattern::All] }
    }

    /// The events of these names. `*` stands for all, `step.*` for all whose names begin with `step.`. Names of one's own
    /// ([`Events::publish`](super::Events::publish)) have a dot and a namespace that is not the engine's.
    ///
    /// # Errors
    /// [`UnknownEvent`] for a name in a namespace of the engine that the catalogue does not have.
    pub fn in_events(names: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, UnknownEvent> {
        let patterns = names.into_iter().map(|name| Pattern::parse(name.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    /// Whether it is about the event of this name.
    pub fn is_in(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| match pattern {
            Pattern::All => true,
            Pattern::Under(beginning) => name.starts_with(beginning.as_str()),
            Pattern::Name(wanted) => wanted == name,
        })
    }

    /// What of it the engine publishes by itself.
    pub(crate) fn moments(&self) -> Moments {
        let wanted = Moment::ALL.into_iter().filter(|moment| self.is_in(moment.name()));
        wanted.fold(Moments::default(), Moments::with)
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, UnknownEvent> {
        if text == "*" {
            return Ok(Pattern::All);
        }
        match text.strip_suffix(".*") {
            Some(beginning) => {
                let beginning = format!("{beginning}.");
                let known = Event::all().any(|event| event.name.starts_with(&beginning)) || is_ones_own(&beginning);
                known.then_some(Pattern::Under(beginning)).ok_or_else(|| UnknownEvent::named(text))
            }
            None => check_name(text).map(|()| Pattern::Name(text.to_owned())),
        }
    }
}

/// Whether there can be an event of this name.
pub(super) fn check_name(name: &str) -> Result<(), UnknownEvent> {
    let known = Event::named(name).is_some() || is_ones_own(name) && !name.ends_with('.');
    known.then_some(()).ok_or_else(|| UnknownEvent::named(name))
}

fn is_ones_own(name: &str) -> bool {
    let Some((namespace, _)) = name.split_once('.') else { return false };
    !namespace.is_empty() && !OF_THE_ENGINE.iter().any(|reserved| reserved.eq_ignore_ascii_case(namespace))
}

/// A name that is no event's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEvent {
    /// The name.
    pub name: String,
    /// Events of the catalogue that are named nearly so, nearest first.
    pub nearest: Vec<&'static str>,
}

impl UnknownEvent {
    fn named(name: &str) -> Self {
        let mut near: Vec<(f64, &'static str)> = Event::all()
            .map(|event| (strsim::jaro_winkler(name, event.name), event.name))
            .filter(|(likeness, _)| *likeness > 0.93)
            .collect();
        near.sort_by(|left, right| right.0.total_cmp(&left.0));
        Self { name: name.to_owned(), nearest: near.into_iter().take(3).map(|(_, name)| name).collect() }
    }
}

impl fmt::Display for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no event `{}`", self.name)?;
        if !self.nearest.is_empty() {
            let names: Vec<String> = self.nearest.iter().map(|name| format!("`{name}`")).collect();
            return write!(f, "; did you mean {}?", names.join(" or "));
        }
        write!(f, ": take one of the catalogue (docs/events.md), or a namespace of your own and a dot before the name")
    }
}

impl std::error::Error for UnknownEvent {}
