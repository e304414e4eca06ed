//! The settings of an API step and the request they describe.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use tasker_domain::json::Json;
use url::Url;

use super::pattern::{ContextValues, Pattern, invalid, percent_encode};
use super::request::{ApiRequest, shown};
use super::response::Backoff;
use crate::step_handler::settings::{ConfigProblem, Settings};
use crate::step_handler::{StepContext, StepError};

const KEYS: [&str; 12] = [
    "type",
    "url",
    "method",
    "params",
    "headers",
    "body",
    "timeout",
    "timeout_seconds",
    "enable_exponential_backoff",
    "retry_delay",
    "jitter_factor",
    "ssl",
];

/// How long a request may take unless the settings say otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What to ask for: the checked form of the `handler_config` of an API step.
///
/// | key | meaning |
/// |---|---|
/// | `type` | `api`, or absent |
/// | `url` | `http://` or `https://`, a host, anything after it |
/// | `method` | `GET` unless given; `POST` where a `body` is given |
/// | `params` | the query: key → text, number, boolean or a list of them (sent as `key[]`); they win over the URL's own. Keys are sent in sorted order; `null` leaves one out |
/// | `headers` | added to `Content-Type` and `Accept: application/json`, or put in their place; `null` takes one away |
/// | `body` | `context` (the task's context), `none`, or a map or list sent as it stands; `context` for POST, PUT and PATCH unless given |
/// | `timeout_seconds`, or `timeout` | time limit of the whole request; 30 s unless given |
/// | `enable_exponential_backoff` | whether a 429 or 503 without `Retry-After` keeps the growing wait of API steps; true unless given |
/// | `retry_delay`, `jitter_factor` | known to the original and without effect, there as here |
///
/// `{name}` in `url` (after the host) and in values of `params` is replaced by that key of the task's context, a text, a
/// number or a boolean. `${name}` is text.
#[derive(Clone)]
pub struct ApiConfig {
    url: Pattern,
    method: Method,
    params: Vec<(String, Vec<Pattern>)>,
    headers: HeaderMap,
    body: Body,
    timeout: Duration,
    backoff: Backoff,
    warnings: Vec<ConfigProblem>,
}

#[derive(Clone)]
enum Body {
    None,
    Context,
    Literal(String),
}

impl ApiConfig {
    /// Reads and checks the settings. Keys that are not known are no problem, as a handler of the user's own may read
    /// them: see [`warnings`](Self::warnings).
    ///
    /// # Errors
    /// Every problem, with its key.
    pub fn read(config: &Json) -> Result<Self, Vec<ConfigProblem>> {
        let mut settings = Settings::of(config)?;
        check_type(&mut settings);
        let url = read_url(&mut settings);
        let body = read_body(&mut settings);
        let method = read_method(&mut settings, body.is_some());
        let params = read_params(&mut settings);
        let headers = read_headers(&mut settings);
        let timeout = read_timeout(&mut settings);
        let backoff = if settings.boolean("enable_exponential_backoff", true) { Backoff::Table } else { Backoff::Off };
        if settings.get("ssl").is_some() {
            settings.problem("ssl", "is not there yet; certificates are checked against those of the machine");
        }
        match url {
            Some(url) if settings.problems.is_empty() => {
                let sends_context = matches!(method, Method::POST | Method::PUT | Method::PATCH);
                let body = body.unwrap_or(if sends_context { Body::Context } else { Body::None });
                let warnings = settings.unknown_keys(&KEYS);
                Ok(Self { url, method, params, headers, body, timeout, backoff, warnings })
            }
            _ => Err(settings.problems),
        }
    }

    /// Keys that mean nothing here, each with the nearest that does.
    pub fn warnings(&self) -> &[ConfigProblem] {
        &self.warnings
    }

    /// What a 429 or 503 without `Retry-After` asks for.
    pub fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// The request for one step.
    ///
    /// # Errors
    /// A permanent error if the task's context lacks what the request needs.
    pub fn request(&self, step: &StepContext) -> Result<ApiRequest, StepError> {
        let placed = self.url.keys().next().is_some()
            || self.params.iter().any(|(_, values)| values.iter().any(|value| value.keys().next().is_some()));
        // A context can be megabytes: it is only read for a request that needs it.
        let values = if placed { ContextValues::of(step)? } else { ContextValues::default() };
        let text = |key: &str| values.text(key);

        let mut url = self.filled_url(text)?;
        let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in url.query_pairs() {
            query.entry(key.into_owned()).or_default().push(value.into_owned());
        }
        for (key, patterns) in &self.params {
            let filled: Result<Vec<String>, StepError> =
                patterns.iter().map(|pattern| pattern.fill(|key, _| text(key))).collect();
            query.insert(key.clone(), filled?);
        }
        url.set_query(None);
        for (key, values) in &query {
            for value in values {
                url.query_pairs_mut().append_pair(key, value);
            }
        }

        let body = match &self.body {
            Body::None => None,
            Body::Context => Some(step.raw_context().get().to_owned()),
            Body::Literal(text) => Some(text.clone()),
        };
        let mut headers = self.headers.clone();
        if body.is_none() {
            headers.remove(CONTENT_TYPE);
        }
        Ok(ApiRequest { method: self.method.clone(), url, headers, body, timeout: self.timeout })
    }

    fn filled_url(&self, text: impl Fn(&str) -> Result<String, StepError>) -> Result<Url, StepError> {
        let written = self.url.fill(|key, before| {
            let value = text(key)?;
            // `/users/{id}` with an empty id would be another resource.
            if value.is_empty() && !before.contains('?') {
                return Err(invalid(format!(
                    "`{key}` of the task's context is empty and stands in the path of the URL"
                )));
            }
            Ok(percent_encode(&value))
        })?;
        let sample = sample_url(&self.url).map_err(|error| invalid(format!("the URL cannot be read: {error}")))?;
        let url = Url::parse(&written).map_err(|error| invalid(format!("the filled URL cannot be read: {error}")))?;
        // Values of dots are the one thing that encoding leaves a meaning in a path: they would lead to another resource.
        if url.path().split('/').count() != sample.path().split('/').count() {
            let message = format!("a value of the task's context changes the path of the URL: {}", shown(&url));
            return Err(invalid(message));
        }
        Ok(url)
    }
}

impl std::fmt::Debug for ApiConfig {
    // Headers and parameters are where secrets stand.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiConfig")
            .field("method", &self.method)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The URL with a letter in each place, to be judged before there are values.
fn sample_url(pattern: &Pattern) -> Result<Url, url::ParseError> {
    let filled: Result<String, Infallible> = pattern.fill(|_, _| Ok("x".to_owned()));
    let Ok(filled) = filled;
    Url::parse(&filled)
}

fn check_type(settings: &mut Settings<'_>) {
    if let Some(kind) = settings.text("type")
        && kind != "api"
    {
        settings.problem("type", format!("must be `api`, not `{kind}`"));
    }
}

fn read_url(settings: &mut Settings<'_>) -> Option<Pattern> {
    if settings.get("url").is_none() {
        settings.problem("url", "is missing; give the address to call, such as https://api.example.com/orders");
        return None;
    }
    let written = settings.text("url")?.trim();
    let pattern = Pattern::parse(written);
    let problem = match sample_url(&pattern) {
        Err(error) => Some(format!("is not a URL with a scheme and a host, such as https://api.example.com: {error}")),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Some(format!("must begin with http:// or https://, not {}:", url.scheme()))
        }
        Ok(_) => place_in_host(&pattern).map(|key| {
            format!("`{{{key}}}` stands in the host, which the task's context must not choose; places begin after it")
        }),
    };
    if let Some(problem) = problem {
        settings.problem("url", problem);
        return None;
    }
    Some(pattern)
}

/// The first key that stands before the path, the query and the fragment.
fn place_in_host(pattern: &Pattern) -> Option<String> {
    let outcome: Result<String, String> = pattern.fill(|key, before| {
        let host_ended = before.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?', '#', '\\']));
        if host_ended { Ok("x".to_owned()) } else { Err(key.to_owned()) }
    });
    outcome.err()
}

fn read_body(settings: &mut Settings<'_>) -> Option<Body> {
    match settings.get("body")? {
        Json::String(word) if word == "context" => Some(Body::Context),
        Json::String(word) if word == "none" => Some(Body::None),
        value @ (Json::Object(_) | Json::Array(_)) => Some(Body::Literal(value.to_string())),
        _ => {
            settings.problem("body", "must be `context`, `none`, or a map or list that is sent as it stands");
            None
        }
    }
}

fn read_method(settings: &mut Settings<'_>, body_given: bool) -> Method {
    let default = if body_given { Method::POST } else { Method::GET };
    let Some(written) = settings.text("method") else {
        return default;
    };
    match written.to_ascii_uppercase().as_str() {
        "GET" => Method::GET,
        "HEAD" => Method::HEAD,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        "OPTIONS" => Method::OPTIONS,
        _ => {
            let known = "GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS";
            settings.problem("method", format!("must be {known}, not `{written}`"));
            default
        }
    }
}

fn read_params(settings: &mut Settings<'_>) -> Vec<(String, Vec<Pattern>)> {
    let members = match settings.get("params") {
        None => return Vec::new(),
        Some(Json::Object(members)) => members,
        Some(other) => {
            settings.problem("params", format!("must be a map of keys and values, not {}", other.kind()));
            return Vec::new();
        }
    };
    let mut params = Vec::with_capacity(members.len());
    for (key, value) in members {
        match value {
            Json::Null => {}
            Json::Array(elements) => {
                let patterns: Vec<Pattern> = elements.iter().filter_map(scalar).collect();
                if patterns.len() < elements.len() {
                    settings.problem(format!("params.{key}"), "must be a list of texts, numbers or booleans");
                }
                params.push((format!("{key}[]"), patterns));
            }
            single => match scalar(single) {
                Some(pattern) => params.push((key.clone(), vec![pattern])),
                None => settings.problem(
                    format!("params.{key}"),
                    format!("must be a text, a number, a boolean or a list of them, not {}", single.kind()),
                ),
            },
        }
    }
    params
}

fn scalar(value: &Json) -> Option<Pattern> {
    match value {
        Json::String(text) => Some(Pattern::parse(text)),
        Json::Number(text) => Some(Pattern::parse(text)),
        Json::Bool(value) => Some(Pattern::parse(if *value { "true" } else { "false" })),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn read_headers(settings: &mut Settings<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let members = match settings.get("headers") {
        None => return headers,
        Some(Json::Object(members)) => members,
        Some(other) => {
            settings.problem("headers", format!("must be a map of names and texts, not {}", other.kind()));
            return headers;
        }
    };
    for (name, value) in members {
        let key = format!("headers.{name}");
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            settings.problem(key, "is not the name of a header");
            continue;
        };
        if header == CONTENT_LENGTH || header == TRANSFER_ENCODING {
            settings.problem(key, "is set by the request itself; leave it out");
            continue;
        }
        match value {
            Json::Null => {
                headers.remove(header);
            }
            Json::String(text) | Json::Number(text) => match HeaderValue::from_str(text) {
                Ok(mut content) => {
                    content.set_sensitive(true);
                    headers.insert(header, content);
                }
                // The text itself may be a secret.
                Err(_) => settings.problem(key, "has characters that a header cannot carry"),
            },
            other => settings.problem(key, format!("must be a text, not {}", other.kind())),
        }
    }
    headers
}

fn read_timeout(settings: &mut Settings<'_>) -> Duration {
    let long = settings.seconds("timeout_seconds");
    let short = settings.seconds("timeout");
    if long.is_some() && short.is_some() && long != short {
        settings.problem("timeout", "says something else than `timeout_seconds`; give one of them");
    }
    long.or(short).unwrap_or(DEFAULT_TIMEOUT)
}
