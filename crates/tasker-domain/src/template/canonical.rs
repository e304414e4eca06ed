//! The form in which a template is stored and compared.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::graph::{Graph, GraphError};

use super::Template;

/// Stored text that is not a template: it was written by another release, or changed by hand.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCanonical {
    /// The text has another form.
    #[error("the stored template cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// A step waits for one that does not exist, or steps wait for each other.
    #[error("the stored template's steps are no graph: {0}")]
    Graph(#[from] GraphError),
    /// There is no step, or two have one name.
    #[error("the stored template has no steps, or two of one name")]
    Steps,
}

impl Template {
    /// The template as compact JSON. Equal templates give equal texts: the keys stand in the order of the struct's
    /// fields, those of handler settings and of the schema in the order of the file, numbers as they were written.
    pub fn canonical(&self) -> String {
        serde_json::to_string(self)
            .expect("a template holds only texts, lists and checked JSON, which always serialize")
    }

    /// SHA-256 of the canonical form, in lower-case hexadecimal.
    pub fn content_hash(&self) -> String {
        Sha256::digest(self.canonical()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a canonical form back.
    ///
    /// # Errors
    /// If the text was not written by [`Template::canonical`], as far as that can be seen.
    pub fn from_canonical(text: &str) -> Result<Template, InvalidCanonical> {
        let template: Template = serde_json::from_str(text)?;
        let names: HashSet<&str> = template.steps.iter().map(|step| step.name.as_str()).collect();
        if template.steps.is_empty() || names.len() < template.steps.len() {
            return Err(InvalidCanonical::Steps);
        }
        Graph::of_template(&template)?;
        Ok(template)
    }

    /// The graph of the steps: nodes are places in [`Template::steps`].
    ///
    /// # Panics
    /// Never for a template that was parsed or read back; only for one put together by hand with wrong parents.
    pub fn graph(&self) -> Graph {
        Graph::of_template(self).expect("the steps of a checked template form a graph without cycles")
    }
}
