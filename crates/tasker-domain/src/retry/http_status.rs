//! What the status of an HTTP answer means for a step (B-RTY-047).

use serde::{Deserialize, Serialize};

use super::AskedWait;
use crate::verdict::Failure;

/// What a status means.
///
/// | status | meaning |
/// |---|---|
/// | 200–226 | [`Success`](Self::Success) |
/// | 429, 503 | [`Busy`](Self::Busy) |
/// | 400, 401, 403, 404, 422 | [`Refused`](Self::Refused) |
/// | anything else, redirects included | [`Trouble`](Self::Trouble) |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The request was carried out.
    Success,
    /// The server cannot now: tried again after the wait it asks for, or a growing one.
    Busy,
    /// The request is wrong and stays so: never tried again.
    Refused,
    /// Anything else: tried again, without a wait of its own.
    Trouble,
}

impl Meaning {
    /// What a status means; an answer whose status is no number from 0 to 65,535 is trouble.
    pub fn of(status: Option<u16>) -> Self {
        match status {
            Some(200..=226) => Self::Success,
            Some(429 | 503) => Self::Busy,
            Some(400 | 401 | 403 | 404 | 422) => Self::Refused,
            Some(_) | None => Self::Trouble,
        }
    }

    /// How the attempt failed; none where it did not.
    pub fn failure(self) -> Option<Failure> {
        match self {
            Self::Success => None,
            Self::Busy | Self::Trouble => Some(Failure::MayPass),
            Self::Refused => Some(Failure::Permanent),
        }
    }

    /// What wait the failure asks for. `retry_after` is what the answer's header asks for, `grows` whether a busy server
    /// that asks for nothing is given growing waits.
    pub fn asks(self, retry_after: Option<std::time::Duration>, grows: bool) -> AskedWait {
        match (self, retry_after) {
            (Self::Busy, Some(wait)) => AskedWait::AtLeast(wait),
            (Self::Busy, None) if grows => AskedWait::Table,
            (Self::Busy | Self::Success | Self::Refused | Self::Trouble, _) => AskedWait::Nothing,
        }
    }
}

/// The code of a failure that stays, such as `HTTP_404`.
pub fn code(status: u16) -> String {
    format!("HTTP_{status}")
}
