//! Instants on the command line: as they are, or as a time from now or ago.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use tasker_postgres::ledger::Ledger;

use super::failed;
use super::show::instant;
use crate::arguments::duration;
use crate::failure::{ExitStatus, Failure};

/// An instant, or a time from now or ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// This instant (UTC).
    At(NaiveDateTime),
    /// So far from now.
    Away(Duration),
}

/// Reads `2026-05-17T12:00:00Z` or `30m`.
pub(super) fn when(text: &str) -> Result<When, String> {
    if text.contains('T') || text.contains('-') {
        return instant(text).map(When::At);
    }
    duration(text).map(When::Away)
}

impl When {
    /// The instant, where a time is one from now. It counts by the database's clock.
    pub(super) async fn to_come(self, ledger: &Ledger) -> Result<NaiveDateTime, Failure> {
        self.counted(ledger, NaiveDateTime::checked_add_signed).await
    }

    /// The instant, where a time is one ago. It counts by the database's clock.
    pub(super) async fn ago(self, ledger: &Ledger) -> Result<NaiveDateTime, Failure> {
        self.counted(ledger, NaiveDateTime::checked_sub_signed).await
    }

    async fn counted(
        self,
        ledger: &Ledger,
        count: fn(NaiveDateTime, TimeDelta) -> Option<NaiveDateTime>,
    ) -> Result<NaiveDateTime, Failure> {
        match self {
            When::At(instant) => Ok(instant),
            When::Away(time) => {
                let now = ledger.now().await.map_err(failed)?;
                TimeDelta::from_std(time)
                    .ok()
                    .and_then(|time| count(now, time))
                    .ok_or_else(|| Failure::new(ExitStatus::Usage, "the time is too long"))
            }
        }
    }
}
