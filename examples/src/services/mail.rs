//! Outgoing mail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::script::{Refusal, Script, locked};

/// A mail that went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// Its subject line.
    pub subject: String,
}

/// Sends mail; the same key again sends nothing and answers as before.
#[derive(Debug)]
pub struct Mailer {
    script: Arc<Script>,
    sent: Mutex<BTreeMap<String, Mail>>,
}

impl Mailer {
    pub(super) fn new(script: Arc<Script>) -> Self {
        Self { script, sent: Mutex::default() }
    }

    /// Sends a mail; answers its number.
    ///
    /// # Errors
    /// `Says("invalid_address")`, or what the script says.
    pub fn send(&self, key: &str, to: &str, subject: &str) -> Result<String, Refusal> {
        self.script.call("mailer.send")?;
        if !to.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.')) {
            return Err(Refusal::Says("invalid_address".to_owned()));
        }
        let mut sent = locked(&self.sent);
        sent.entry(key.to_owned()).or_insert_with(|| Mail { to: to.to_owned(), subject: subject.to_owned() });
        Ok(format!("mail-{key}"))
    }

    /// Everything that went out, in the order of its keys.
    pub fn sent(&self) -> Vec<Mail> {
        locked(&self.sent).values().cloned().collect()
    }
}
