//! A service that keeps records, as a REST resource would: post, get, patch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::script::{Refusal, Script, locked};

/// The three operations of a store by the names a script calls them.
#[derive(Debug, Clone, Copy)]
pub struct Operations {
    /// Making a record.
    pub post: &'static str,
    /// Reading a record.
    pub get: &'static str,
    /// Changing a record.
    pub patch: &'static str,
}

/// Records by key. A second record under a key is refused with 409, a missing one with 404.
#[derive(Debug)]
pub struct Store<T> {
    script: Arc<Script>,
    operations: Operations,
    records: Mutex<BTreeMap<String, T>>,
}

impl<T: Clone> Store<T> {
    pub(super) fn new(script: Arc<Script>, operations: Operations) -> Self {
        Self { script, operations, records: Mutex::default() }
    }

    /// Puts a record there before anything runs.
    pub fn seed(&self, key: impl Into<String>, record: T) {
        locked(&self.records).insert(key.into(), record);
    }

    /// Makes a record.
    ///
    /// # Errors
    /// 409 if the key is taken, or what the script says.
    pub fn post(&self, key: &str, record: T) -> Result<T, Refusal> {
        self.script.call(self.operations.post)?;
        let mut records = locked(&self.records);
        if records.contains_key(key) {
            return Err(Refusal::status(409));
        }
        records.insert(key.to_owned(), record.clone());
        Ok(record)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// 404 if there is none, or what the script says.
    pub fn get(&self, key: &str) -> Result<T, Refusal> {
        self.script.call(self.operations.get)?;
        locked(&self.records).get(key).cloned().ok_or(Refusal::status(404))
    }

    /// Changes a record.
    ///
    /// # Errors
    /// 404 if there is none, or what the script says.
    pub fn patch(&self, key: &str, change: impl FnOnce(&mut T)) -> Result<T, Refusal> {
        self.script.call(self.operations.patch)?;
        let mut records = locked(&self.records);
        let record = records.get_mut(key).ok_or(Refusal::status(404))?;
        change(record);
        Ok(record.clone())
    }

    /// All records, in the order of their keys.
    pub fn all(&self) -> Vec<T> {
        locked(&self.records).values().cloned().collect()
    }
}
