//! Contexts judged by their schema, missing values filled in from its defaults.
//!
//! The schema is standard JSON Schema: drafts 4, 6, 7, 2019-09 and 2020-12 by their `$schema`, draft 6 without one. Formats are
//! checked. References lead only to places within the schema. Defaults reach through `properties`, `items`, `allOf`,
//! `additionalProperties` and local `$ref`; not through `anyOf`, `oneOf` or `if`, where it is open which branch is meant.
//! Numbers beyond 64 bits are judged by their nearest float; what comes back has them exactly.

mod defaults;
mod draft;
mod references;
mod strict;
mod subschemas;
mod words;

use std::fmt;

use jsonschema::{PatternOptions, Validator};

use crate::json::Json;
use crate::template::Template;
use defaults::Defaults;
use draft::Draft;

/// Violations that are listed one by one.
const MOST_LISTED: usize = 100;

/// The check of a template's contexts, made once and used for every task.
#[derive(Debug)]
pub struct ContextCheck {
    compiled: Option<Compiled>,
    strict: bool,
}

#[derive(Debug)]
struct Compiled {
    validator: Validator,
    defaults: Defaults,
}

/// A place in a schema where something is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaProblem {
    /// JSON pointer into the schema; empty for the whole.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

/// Everything wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaProblems {
    /// The problems; never empty.
    pub list: Vec<SchemaProblem>,
}

impl fmt::Display for SchemaProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the context schema cannot be used")?;
        self.list.iter().try_for_each(|problem| write!(f, "\n  {}: {}", place(&problem.pointer), problem.message))
    }
}

impl std::error::Error for SchemaProblems {}

/// A place in a context that its schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer into the context, defaults filled in; empty for the whole.
    pub pointer: String,
    /// What was expected and what was found.
    pub message: String,
}

/// Everything wrong with a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextProblems {
    /// The violations, at most 100; never empty.
    pub list: Vec<Violation>,
    /// How many more there are.
    pub left_out: usize,
}

impl ContextProblems {
    fn single(pointer: &str, message: impl Into<String>) -> Self {
        let violation = Violation { pointer: pointer.to_owned(), message: message.into() };
        ContextProblems { list: vec![violation], left_out: 0 }
    }
}

impl fmt::Display for ContextProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the context is refused")?;
        for violation in &self.list {
            write!(f, "\n  {}: {}", place(&violation.pointer), violation.message)?;
        }
        if self.left_out > 0 {
            write!(f, "\n  … and {} more", self.left_out)?;
        }
        Ok(())
    }
}

impl std::error::Error for ContextProblems {}

fn place(pointer: &str) -> String {
    if pointer.is_empty() { "at the top level".to_owned() } else { format!("at {}", crate::problem::quoted(pointer)) }
}

impl ContextCheck {
    /// The check that a template asks for.
    ///
    /// # Errors
    /// If its schema cannot be used; that of a template that was parsed always can.
    pub fn new(template: &Template) -> Result<Self, SchemaProblems> {
        Self::compile(template.context_schema.as_ref(), template.strict)
    }

    /// The check by a schema, or by none, strict or not.
    ///
    /// Strict means what the original does: at every level with `properties` each of them is required, others are refused
    /// unless that level has `additionalProperties`, and an empty context is refused.
    ///
    /// # Errors
    /// Everything that keeps the schema from being used.
    pub fn compile(schema: Option<&Json>, strict: bool) -> Result<Self, SchemaProblems> {
        let Some(schema) = schema else { return Ok(ContextCheck { compiled: None, strict }) };
        let refused = |list| SchemaProblems { list };
        let draft = Draft::of(schema).map_err(|problem| refused(vec![problem]))?;
        let mut problems = draft.against_meta_schema(schema);
        problems.extend(references::check(schema));
        if !problems.is_empty() {
            return Err(refused(problems));
        }
        let effective = if strict { strict::tighten(schema) } else { schema.clone() };
        let validator = draft
            .options()
            .offline()
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex())
            .build(&effective.to_value())
            .map_err(|error| refused(vec![words::of_build_error(&error)]))?;
        Ok(ContextCheck { compiled: Some(Compiled { validator, defaults: Defaults::new(effective, draft) }), strict })
    }

    /// Fills in defaults and judges the result, which is what the task stores.
    ///
    /// Without a schema every object passes.
    ///
    /// # Errors
    /// Every violation at once.
    pub fn check(&self, context: &Json) -> Result<Json, ContextProblems> {
        let Some(members) = context.as_object() else {
            return Err(ContextProblems::single("", format!("must be an object, found {}", words::describe(context))));
        };
        if self.strict && members.is_empty() {
            return Err(ContextProblems::single("", "must not be empty, because the template is strict"));
        }
        let mut filled = context.clone();
        if let Some(compiled) = &self.compiled {
            compiled.defaults.fill(&mut filled).map_err(|endless| ContextProblems::single("", endless.to_string()))?;
        }
        filled.check_storable().map_err(|error| ContextProblems::single("", error.to_string()))?;
        match &self.compiled {
            Some(compiled) => compiled.judge(filled),
            None => Ok(filled),
        }
    }
}

impl Compiled {
    fn judge(&self, filled: Json) -> Result<Json, ContextProblems> {
        let instance = filled.to_value();
        let mut list: Vec<Violation> = Vec::new();
        let mut left_out = 0;
        for error in self.validator.iter_errors(&instance) {
            if list.len() >= MOST_LISTED {
                left_out += 1;
                continue;
            }
            let pointer = error.instance_path().as_str().to_owned();
            let message = words::of_violation(&error, filled.pointer(&pointer));
            let violation = Violation { pointer, message };
            if !list.contains(&violation) {
                list.push(violation);
            }
        }
        if list.is_empty() { Ok(filled) } else { Err(ContextProblems { list, left_out }) }
    }
}
