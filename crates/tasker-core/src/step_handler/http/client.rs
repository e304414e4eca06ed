//! Sending requests: one pool of connections, bounded time, bounded answers.

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::json;

use super::config::ApiConfig;
use super::request::{ApiRequest, shown};
use super::response::{ApiResponse, classify, is_success};
use crate::step_handler::{StepContext, StepError};

/// How long a connection may take to come about; the rest of the request's time is for the answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much is read of an answer that is a failure: its status has said what counts.
const FAILURE_BODY_BYTES: usize = 16 * 1024;

/// The largest answer unless set otherwise, counted after it is unpacked.
pub(super) const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// Calls APIs for steps; for handlers of the user's own as well. Cheap to clone, the connections are shared.
///
/// Neither proxies nor redirects are followed. TLS is checked against the machine's certificates.
#[derive(Debug, Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    no_certificates: bool,
    max_response_bytes: usize,
}

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ApiClientError {
    /// TLS could not be set up.
    #[error("TLS for API calls could not be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client could not be set up.
    #[error("the client for API calls could not be set up: {0}")]
    Http(#[from] reqwest::Error),
}

impl ApiClient {
    /// A client with the certificates of the machine, which are read from disk here.
    ///
    /// # Errors
    /// The TLS or HTTP library refuses its settings. A machine without certificates is no error: only `https` fails there,
    /// when it is used.
    pub fn new() -> Result<Self, ApiClientError> {
        let mut roots = rustls::RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a certificate of the machine could not be read");
        }
        roots.add_parsable_certificates(found.certs);
        let no_certificates = roots.is_empty();
        // The provider is handed over: one that is installed for the process is the embedding program's to choose.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("tasker/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, no_certificates, max_response_bytes: MAX_RESPONSE_BYTES })
    }

    /// Sets the largest answer in bytes, 1 MiB unless set.
    #[must_use]
    pub fn with_max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// Makes the step's request, sends it and judges the answer.
    ///
    /// # Errors
    /// What [`ApiConfig::request`], [`send`](Self::send) and [`classify`] give.
    pub async fn call(&self, step: &StepContext, config: &ApiConfig) -> Result<ApiResponse, StepError> {
        let response = self.send(step, config.request(step)?).await?;
        classify(&response, config.backoff(), step.clock().wall_time())?;
        Ok(response)
    }

    /// Sends a request and returns the answer, whatever its status.
    ///
    /// # Errors
    /// A retryable error if nobody answers, the answer breaks off or takes too long; a failure if it is too large or the
    /// attempt was cancelled; a permanent error if the request itself cannot be sent.
    pub async fn send(&self, step: &StepContext, request: ApiRequest) -> Result<ApiResponse, StepError> {
        let call = Call { url: request.url.clone(), timeout: request.timeout, client: self };
        let stopped = async {
            tokio::select! {
                () = step.clock().sleep(call.timeout) => call.timed_out(),
                () = step.cancelled().cancelled() => call.cancelled(),
            }
        };
        tokio::pin!(stopped);

        let mut sent = self.http.request(request.method, request.url).headers(request.headers);
        if let Some(body) = request.body {
            sent = sent.body(body);
        }
        let mut answer = tokio::select! {
            answer = sent.send() => answer.map_err(|error| call.not_answered(error))?,
            error = &mut stopped => return Err(error),
        };

        let status = answer.status().as_u16();
        let success = is_success(status);
        let limit = if success { self.max_response_bytes } else { FAILURE_BODY_BYTES };
        let mut body = Vec::new();
        let read_to_end = tokio::select! {
            outcome = read(&mut answer, &mut body, limit, &call) => outcome,
            error = &mut stopped => Err(error),
        };
        match read_to_end {
            // What the status says counts, even where the explanation does not arrive whole.
            Err(_) if !success => body.truncate(limit),
            outcome => outcome?,
        }
        Ok(received(status, answer.headers(), &body, call.url.clone()))
    }
}

/// Reads the body piece by piece, each unpacked, up to the limit.
async fn read(
    answer: &mut reqwest::Response,
    body: &mut Vec<u8>,
    limit: usize,
    call: &Call<'_>,
) -> Result<(), StepError> {
    while let Some(piece) = answer.chunk().await.map_err(|error| call.broken_off(error, body.len()))? {
        body.extend_from_slice(&piece);
        if body.len() > limit {
            return Err(call.too_large(limit));
        }
    }
    Ok(())
}

fn received(status: u16, headers: &HeaderMap, body: &[u8], url: Url) -> ApiResponse {
    let mut response = ApiResponse::new(status).with_url(url);
    for (name, value) in headers {
        response = response.with_header(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
    }
    let content_type = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase());
    response.with_body(decoded(body, content_type.as_deref().unwrap_or_default()))
}

/// The body as text: Latin-1 where it says so, else UTF-8, with `U+FFFD` for what is neither.
fn decoded(body: &[u8], content_type: &str) -> String {
    let charset = content_type.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("charset="));
    match charset.map(|name| name.trim_matches('"')) {
        Some("iso-8859-1" | "latin1") => body.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

/// The call that errors speak of.
struct Call<'a> {
    url: Url,
    timeout: Duration,
    client: &'a ApiClient,
}

impl Call<'_> {
    fn error(&self, error: StepError, class: &str) -> StepError {
        error.with_class(class).with_details(json!({ "url": shown(&self.url) }))
    }

    fn timed_out(&self) -> StepError {
        let message = format!("{} gave no whole answer within {} s", shown(&self.url), self.timeout.as_secs_f64());
        self.error(StepError::retryable(message), "RequestTimeout")
    }

    fn cancelled(&self) -> StepError {
        let message = format!("the call of {} was ended because the attempt was cancelled", shown(&self.url));
        self.error(StepError::failure(message), "Tasker::Cancelled")
    }

    fn too_large(&self, limit: usize) -> StepError {
        let message = format!(
            "{} answered with more than the {limit} bytes that execution.max_result_bytes allows; ask for less, or raise \
             the setting",
            shown(&self.url)
        );
        self.error(StepError::failure(message), "ResultTooLarge")
    }

    fn not_answered(&self, error: reqwest::Error) -> StepError {
        if error.is_builder() {
            let message = format!("the request to {} cannot be sent: {}", shown(&self.url), causes(error));
            return self.error(StepError::permanent(message), "InvalidRequest");
        }
        let mut message = format!("{} did not answer: {}", shown(&self.url), causes(error));
        if self.client.no_certificates && self.url.scheme() == "https" {
            message.push_str("; this machine has no certificates to check it by (package ca-certificates)");
        }
        self.error(StepError::retryable(message), "ConnectionFailed")
    }

    fn broken_off(&self, error: reqwest::Error, received: usize) -> StepError {
        let message = format!("the answer of {} broke off after {received} bytes: {}", shown(&self.url), causes(error));
        self.error(StepError::retryable(message), "ConnectionFailed")
    }
}

/// An error and what lies under it, without the URL, whose query may hold a secret.
fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a `String` cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
