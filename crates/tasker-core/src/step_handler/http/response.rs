//! An answer, what its status means, and what is kept of it.

use std::time::Duration;

use chrono::NaiveDateTime;
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;
use serde_json::value::RawValue;
use tasker_domain::retry::AskedWait;
use tasker_domain::retry::http_status::{self, Meaning};
use tasker_domain::retry_after;
use url::Url;

use super::request::{shown, without_user};
use crate::step_handler::excerpt;
use crate::step_handler::{Output, StepError};

/// How much of a body stands in an error's details and in its message.
const DETAIL_BYTES: usize = 1024;
const MESSAGE_BYTES: usize = 200;

/// What a 429 or 503 without a `Retry-After` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backoff {
    /// The growing waits of the original's table for API steps.
    #[default]
    Table,
    /// Nothing beside the wait that every retry keeps.
    Off,
}

/// An answer. Needs no network: a test or a stub makes one of a status, headers and a body.
#[derive(Clone)]
pub struct ApiResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    url: Option<Url>,
}

impl ApiResponse {
    /// An answer with this status, no headers, an empty body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), url: None }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the address that answered.
    #[must_use]
    pub fn with_url(mut self, url: Url) -> Self {
        self.url = Some(url);
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Whether the status means success: 200 to 226.
    pub fn is_success(&self) -> bool {
        is_success(self.status)
    }

    /// Reads the body as JSON into a type.
    ///
    /// # Errors
    /// A failure that says where the body does not fit: another answer may.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, StepError> {
        serde_json::from_str(&self.body).map_err(|error| {
            StepError::failure(format!("the answer is not the JSON this step needs: {error}"))
                .with_class("InvalidResponse")
                .with_details(self.details(None))
        })
    }

    /// What is stored of the answer: `status`, `url`, `response_headers`, `body` as text and, where the answer says that
    /// it is JSON and is, `json` with every number as it was spelled.
    ///
    /// # Errors
    /// It is larger than `max_bytes`: the setting `execution.max_result_bytes`.
    pub fn output(&self, max_bytes: usize) -> Result<Output, StepError> {
        let output = Output::json(&Stored(self))?;
        let length = output.get().len();
        if length > max_bytes {
            let message = format!(
                "the answer takes {length} bytes as a result, more than the {max_bytes} that execution.max_result_bytes \
                 allows; ask for less, or raise the setting"
            );
            return Err(StepError::failure(message).with_class("ResultTooLarge").with_details(self.details(None)));
        }
        Ok(output)
    }

    fn json_body(&self) -> Option<&RawValue> {
        let essence = self.header("content-type")?.split(';').next()?.trim().to_ascii_lowercase();
        let says_json = matches!(essence.as_str(), "application/json" | "text/json") || essence.ends_with("+json");
        // A body that is not what it says it is stays text.
        if says_json { serde_json::from_str(&self.body).ok() } else { None }
    }

    fn details(&self, retry_after: Option<Duration>) -> serde_json::Value {
        let mut details = json!({
            "response_status": self.status,
            "response_body": excerpt::head(self.body.as_bytes(), DETAIL_BYTES),
        });
        if let Some(url) = &self.url {
            details["url"] = json!(shown(url));
        }
        if let Some(wait) = retry_after {
            details["retry_after"] = json!(wait.as_secs());
        }
        details
    }
}

impl std::fmt::Debug for ApiResponse {
    // Headers and body are where secrets stand.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiResponse")
            .field("status", &self.status)
            .field("url", &self.url.as_ref().map(shown))
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

pub(super) fn is_success(status: u16) -> bool {
    Meaning::of(Some(status)) == Meaning::Success
}

/// What an answer means for the step.
///
/// | status | outcome |
/// |---|---|
/// | 200–226 | success |
/// | 429, 503 | retryable; waits as `Retry-After` says, else as `backoff` says |
/// | 400, 401, 403, 404, 422 | permanent, code `HTTP_404` and so on |
/// | anything else | retryable, without a wait of its own |
///
/// Redirects are not followed, so they fall under the last line, as in the original. `now` (UTC) is what a date in
/// `Retry-After` counts from.
///
/// # Errors
/// Every outcome but success; the details carry status, the beginning of the body, and the address without its query.
pub fn classify(response: &ApiResponse, backoff: Backoff, now: NaiveDateTime) -> Result<(), StepError> {
    let status = response.status;
    let said = || excerpt::head(response.body.as_bytes(), MESSAGE_BYTES);
    match Meaning::of(Some(status)) {
        Meaning::Success => Ok(()),
        busy @ Meaning::Busy => {
            let requested = response.header("retry-after").and_then(|value| retry_after::parse(value, now));
            let error = StepError::retryable(format!("API call failed with retryable status {status}"))
                .with_details(response.details(requested));
            Err(match busy.asks(requested, backoff == Backoff::Table) {
                AskedWait::AtLeast(wait) => error.retry_after(wait),
                AskedWait::Table => error.with_table_wait(),
                AskedWait::Nothing => error,
            })
        }
        Meaning::Refused => {
            Err(StepError::permanent(format!("API call failed with permanent status {status}: {}", said()))
                .with_code(http_status::code(status))
                .with_details(response.details(None)))
        }
        Meaning::Trouble if (300..=399).contains(&status) => {
            let message = format!("API call failed with server error {status}: redirects are not followed");
            Err(StepError::retryable(message).with_details(response.details(None)))
        }
        Meaning::Trouble => {
            Err(StepError::retryable(format!("API call failed with server error {status}: {}", said()))
                .with_details(response.details(None)))
        }
    }
}

/// The stored form, written without a copy of the body's JSON.
struct Stored<'a>(&'a ApiResponse);

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let response = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", &response.status)?;
        if let Some(url) = &response.url {
            map.serialize_entry("url", without_user(url).as_str())?;
        }
        map.serialize_entry("response_headers", &joined(&response.headers))?;
        map.serialize_entry("body", &response.body)?;
        if let Some(value) = response.json_body() {
            map.serialize_entry("json", value)?;
        }
        map.end()
    }
}

/// Headers by name; several of one name joined by commas, as HTTP has it.
fn joined(headers: &[(String, String)]) -> indexmap::IndexMap<&str, String> {
    let mut by_name = indexmap::IndexMap::new();
    for (name, value) in headers {
        by_name
            .entry(name.as_str())
            .and_modify(|present: &mut String| {
                present.push_str(", ");
                present.push_str(value);
            })
            .or_insert_with(|| value.clone());
    }
    by_name
}
