//! YAML as a tree that knows where each value stands.
//!
//! Scalars stay text until somebody asks: `version: 1.10` is the text `1.10` to whoever wants a text and a number to
//! whoever wants a number, as the core schema of YAML 1.2 says (so `no` and dates are texts). Anchors, aliases and
//! merge keys (`<<`) are allowed; what they copy is counted, so that nested aliases cannot fill the memory. A merge key
//! fills in the keys that its mapping does not write itself; of several merged mappings the first counts.

mod build;
mod content;
mod mapping;
mod plain;
mod scalar;
mod text;
mod to_json;

use std::ops::Range;
use std::rc::Rc;

pub use build::{parse, parse_in_full, parse_plain};
pub use content::Text;
pub use mapping::{Entry, Mapping};
pub(crate) use scalar::resolve_plain;
pub use scalar::{Resolved, Scalar};
pub use text::decode;

/// Largest text that is read, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most values that a text may hold, aliases counted with all they copy.
pub const MAX_NODES: usize = 1_000_000;
/// Most values that aliases may copy.
pub const MAX_COPIED_NODES: usize = 100_000;
/// Most text that aliases may copy, in bytes, keys included.
pub const MAX_COPIED_BYTES: usize = MAX_BYTES;
/// How deep lists and mappings may stand inside one another. Less than [`crate::json::MAX_DEPTH`], so that every tree
/// is a JSON value that can be read back.
pub const MAX_DEPTH: usize = 100;

/// A value and its place. Cloning is cheap: the content is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'t> {
    /// The place in the text, in bytes; an alias has the place of what it copies.
    pub span: Range<usize>,
    /// The content.
    pub value: Value<'t>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'t> {
    /// A single value.
    Scalar(Scalar<'t>),
    /// A list.
    Sequence(Rc<Vec<Node<'t>>>),
    /// Keys and values.
    Mapping(Rc<Mapping<'t>>),
}

impl<'t> Node<'t> {
    /// The scalar, if this is one.
    pub fn as_scalar(&self) -> Option<&Scalar<'t>> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    pub fn as_sequence(&self) -> Option<&[Node<'t>]> {
        match &self.value {
            Value::Sequence(elements) => Some(elements),
            _ => None,
        }
    }

    /// The keys and values, if this is a mapping.
    pub fn as_mapping(&self) -> Option<&Mapping<'t>> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// Whether this is null: nothing, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.resolve() == Resolved::Null)
    }

    /// What this is, in the words that messages use, such as ``the number `5` `` or `a list`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Scalar(scalar) => scalar.describe(),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "a mapping".to_owned(),
        }
    }
}
