//! Keys and values in the order written.

use std::collections::HashMap;
use std::ops::Range;

use super::{Node, Text};

/// Up to this many keys looking at each is faster than hashing.
const FEW: usize = 16;

/// Keys in the order written, each with its place and its value. A key is the text that was written, so `1:` is the
/// key `1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping<'t> {
    entries: Vec<Entry<'t>>,
    /// Where each key stands, if there are more than a few.
    index: Option<HashMap<String, usize>>,
}

/// One key with its place and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'t> {
    /// The key.
    pub key: Text<'t>,
    /// Place of the key.
    pub key_span: Range<usize>,
    /// The value.
    pub node: Node<'t>,
}

impl<'t> Mapping<'t> {
    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry<'t>> {
        self.place(key).map(|place| &self.entries[place])
    }

    /// Whether there is such a key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    /// The entries in the order written.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry<'t>> {
        self.entries.iter()
    }

    /// Puts an entry at the end, or in the place of the one that has its key.
    pub(crate) fn put(&mut self, entry: Entry<'t>) {
        if let Some(place) = self.place(&entry.key) {
            self.entries[place] = entry;
            return;
        }
        match &mut self.index {
            Some(index) => {
                index.insert(entry.key.to_string(), self.entries.len());
            }
            None if self.entries.len() == FEW => {
                let keys = self.entries.iter().chain([&entry]).map(|entry| entry.key.to_string());
                self.index = Some(keys.zip(0..).collect());
            }
            None => {}
        }
        self.entries.push(entry);
    }

    /// Sets the value of a key that is there; nothing happens if it is not.
    pub(crate) fn set_value(&mut self, key: &str, node: Node<'t>) {
        if let Some(place) = self.place(key) {
            self.entries[place].node = node;
        }
    }

    /// The same without a key.
    pub(crate) fn without(&self, key: &str) -> Self {
        let mut rest = Mapping::default();
        for entry in self.iter().filter(|entry| *entry.key != *key) {
            rest.put(entry.clone());
        }
        rest
    }

    fn place(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.entries.iter().position(|entry| *entry.key == *key),
        }
    }
}

impl<'m, 't> IntoIterator for &'m Mapping<'t> {
    type Item = &'m Entry<'t>;
    type IntoIter = std::slice::Iter<'m, Entry<'t>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
