//! The catalogue of events: every name of the original, what it stands for here, and what it carries.
//!
//! Names stay. A name that nothing here stands behind is listed as dead, with the reason.

mod export;
mod observability;
mod page;
mod payload;
mod registry;
mod step;
mod task;
mod workflow;

use std::fmt;

pub use page::page;

/// An event that can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The name, such as `task.completed`.
    pub name: &'static str,
    /// What it is about.
    pub category: Category,
    /// What it stands for in this engine.
    pub role: Role,
    /// What the original does with the name.
    pub original: Original,
    /// How much it weighs in a log.
    pub level: Level,
    /// The groups of keys that its payload has; see [`Event::keys`].
    blocks: &'static [&'static [Key]],
    /// Keys of this event alone.
    own_keys: &'static [Key],
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// A task.
    Task,
    /// A step.
    Step,
    /// The work on a task.
    Workflow,
    /// What else can be watched.
    Observability,
    /// What a program registers.
    Registry,
    /// Figures that are given to others.
    Export,
}

/// What an event stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A move of a state machine: it comes with each such move, once, and with nothing else. The text says when.
    Move(&'static str),
    /// Something else that happens. The text says what.
    Moment(&'static str),
    /// Nothing here: the name is known and never comes. The text says why.
    Dead(&'static str),
}

/// What the original does with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Original {
    /// Publishes it in ordinary operation.
    Published,
    /// Publishes it only where the application it runs in asks for it.
    ByHostOnly,
    /// Has a method to publish it, which nobody calls.
    HelperOnly,
    /// Has code that publishes it, which ordinary runs never reach.
    Unreached,
    /// Declares the name and does nothing with it.
    DeclaredOnly,
}

/// How much an event weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Ordinary.
    Info,
    /// Something failed.
    Error,
}

/// A key of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Whether the value may be null.
    pub nullable: bool,
    /// Whether every such event has it.
    pub required: bool,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A duration: seconds, with a fraction.
    Seconds,
    /// An instant: ISO 8601.
    Instant,
    /// A text.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
    /// Anything.
    Any,
}

impl Event {
    /// All events: by category, in the order of the original.
    pub fn all() -> impl Iterator<Item = &'static Event> {
        [task::EVENTS, step::EVENTS, workflow::EVENTS, observability::EVENTS, registry::EVENTS, export::EVENTS]
            .into_iter()
            .flatten()
    }

    /// The event of this name.
    pub fn named(name: &str) -> Option<&'static Event> {
        Event::all().find(|event| event.name == name)
    }

    /// The keys of its payload, each once. Of a dead event those that it would have in the original.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for key in self.blocks.iter().copied().flatten().chain(self.own_keys) {
            if !keys.iter().any(|known| known.name == key.name) {
                keys.push(*key);
            }
        }
        keys
    }

    /// Whether this engine publishes it.
    pub fn is_alive(&self) -> bool {
        !matches!(self.role, Role::Dead(_))
    }
}

impl Category {
    /// All categories, in the order of the catalogue.
    pub const ALL: [Category; 6] = [
        Category::Task,
        Category::Step,
        Category::Workflow,
        Category::Observability,
        Category::Registry,
        Category::Export,
    ];

    /// What stands above its events.
    pub fn title(self) -> &'static str {
        match self {
            Category::Task => "Tasks",
            Category::Step => "Steps",
            Category::Workflow => "Work on a task",
            Category::Observability => "Observability",
            Category::Registry => "Registries",
            Category::Export => "Figures for others",
        }
    }
}

impl Original {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Original::Published => "published",
            Original::ByHostOnly => "by the application only",
            Original::HelperOnly => "method without a caller",
            Original::Unreached => "never reached",
            Original::DeclaredOnly => "declared only",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Boolean => "boolean",
            Kind::Integer => "whole number",
            Kind::Number => "number",
            Kind::Seconds => "seconds",
            Kind::Instant => "instant",
            Kind::Text => "text",
            Kind::List => "list",
            Kind::Object => "object",
            Kind::Any => "any value",
        })
    }
}
