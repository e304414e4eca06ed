//! Missing values filled in from the schema's `default` keywords.

use std::collections::HashSet;

use indexmap::IndexMap;

use crate::json::Json;

use super::draft::Draft;
use super::references;

/// Most values that are filled into one context.
const MOST_FILLED: usize = 10_000;

/// A schema, read for its defaults.
#[derive(Debug)]
pub(super) struct Defaults {
    schema: Json,
    draft: Draft,
    has_any: bool,
}

/// The defaults of a schema that refers to itself went on and on.
#[derive(Debug, thiserror::Error)]
#[error("the schema's defaults would fill in more than {MOST_FILLED} values: one of them seems to contain itself")]
pub(super) struct Endless;

impl Defaults {
    pub(super) fn new(schema: Json, draft: Draft) -> Self {
        let mut has_any = false;
        super::subschemas::walk(&schema, &mut String::new(), &mut |_, place| has_any |= place.get("default").is_some());
        Defaults { schema, draft, has_any }
    }

    pub(super) fn fill(&self, context: &mut Json) -> Result<(), Endless> {
        if !self.has_any {
            return Ok(());
        }
        Filling { defaults: self, filled: 0, inside: Vec::new() }.fill(context, &[&self.schema])
    }

    /// The schemas that judge the same value as these do: those referred to, and those under `allOf`. Each once.
    fn that_apply<'s>(&'s self, schemas: &[&'s Json]) -> Vec<&'s Json> {
        let mut seen: HashSet<*const Json> = HashSet::new();
        let mut waiting: Vec<&Json> = schemas.iter().rev().copied().collect();
        let mut applying = Vec::new();
        while let Some(schema) = waiting.pop() {
            if !seen.insert(std::ptr::from_ref(schema)) {
                continue;
            }
            let reference = schema.get("$ref").and_then(Json::as_str);
            if reference.is_none() || self.draft.reads_beside_reference() {
                applying.push(schema);
                waiting.extend(schema.get("allOf").and_then(Json::as_array).unwrap_or_default().iter().rev());
            }
            waiting.extend(reference.and_then(|target| self.resolve(target)));
        }
        applying
    }

    fn resolve(&self, target: &str) -> Option<&Json> {
        references::resolve(&self.schema, target.strip_prefix('#')?)
    }
}

struct Filling<'s> {
    defaults: &'s Defaults,
    filled: usize,
    /// The schemas whose defaults are being filled in turn: none is used within its own.
    inside: Vec<*const Json>,
}

impl<'s> Filling<'s> {
    fn fill(&mut self, value: &mut Json, schemas: &[&'s Json]) -> Result<(), Endless> {
        match value {
            Json::Object(members) => {
                let applying = self.defaults.that_apply(schemas);
                self.fill_object(members, &applying)
            }
            Json::Array(elements) => {
                let applying = self.defaults.that_apply(schemas);
                elements.iter_mut().enumerate().try_for_each(|(index, element)| {
                    let own: Vec<&Json> =
                        applying.iter().filter_map(|schema| schema_of_element(schema, index)).collect();
                    if own.is_empty() { Ok(()) } else { self.fill(element, &own) }
                })
            }
            _ => Ok(()),
        }
    }

    fn fill_object(&mut self, members: &mut IndexMap<String, Json>, applying: &[&'s Json]) -> Result<(), Endless> {
        let mut by_name: IndexMap<&str, Vec<&'s Json>> = IndexMap::new();
        for schema in applying {
            let properties = schema.get("properties").and_then(Json::as_object);
            for (name, property) in properties.into_iter().flatten() {
                by_name.entry(name).or_default().push(property);
            }
            // Which of the other keys `patternProperties` takes is not asked here, so beside it none is touched.
            let Some(others) = schema.get("additionalProperties").filter(|_| schema.get("patternProperties").is_none())
            else {
                continue;
            };
            let unlisted = |name: &str| properties.is_none_or(|listed| !listed.contains_key(name));
            for (_, member) in members.iter_mut().filter(|(name, _)| unlisted(name)) {
                self.fill(member, &[others])?;
            }
        }
        for (name, schemas) in by_name {
            match members.get_mut(name) {
                Some(member) => self.fill(member, &schemas)?,
                None => self.insert(members, name, &schemas)?,
            }
        }
        Ok(())
    }

    fn insert(
        &mut self,
        members: &mut IndexMap<String, Json>,
        name: &str,
        schemas: &[&'s Json],
    ) -> Result<(), Endless> {
        let Some((source, default)) = self
            .defaults
            .that_apply(schemas)
            .into_iter()
            .find_map(|schema| schema.get("default").map(|default| (std::ptr::from_ref(schema), default)))
        else {
            return Ok(());
        };
        if self.inside.contains(&source) {
            return Ok(());
        }
        self.filled += 1;
        if self.filled > MOST_FILLED {
            return Err(Endless);
        }
        let mut value = default.clone();
        self.inside.push(source);
        self.fill(&mut value, schemas)?;
        self.inside.pop();
        members.insert(name.to_owned(), value);
        Ok(())
    }
}

/// The schema of a list's element by its index.
fn schema_of_element(schema: &Json, index: usize) -> Option<&Json> {
    let prefix = schema.get("prefixItems").and_then(Json::as_array).unwrap_or_default();
    if let Some(own) = prefix.get(index) {
        return Some(own);
    }
    match schema.get("items")? {
        Json::Array(positions) => positions.get(index).or_else(|| schema.get("additionalItems")),
        every => Some(every),
    }
}
