//! A request that is ready to be sent.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use url::Url;

/// One call: made by [`ApiConfig::request`](super::ApiConfig::request) or by hand, sent by
/// [`ApiClient::send`](super::ApiClient::send).
#[derive(Clone)]
pub struct ApiRequest {
    /// The method.
    pub method: Method,
    /// The whole address; user and password in it become a header.
    pub url: Url,
    /// All headers but those that follow from the request itself.
    pub headers: HeaderMap,
    /// The body, if there is one.
    pub body: Option<String>,
    /// Time limit of the whole call, the answer's body included.
    pub timeout: Duration,
}

impl std::fmt::Debug for ApiRequest {
    // Headers, query and body are where secrets stand.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiRequest")
            .field("method", &self.method)
            .field("url", &shown(&self.url))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A URL as errors show it: without user, password, query and fragment.
pub(super) fn shown(url: &Url) -> String {
    let mut shown = without_user(url);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.into()
}

/// A URL as results keep it: without user and password.
pub(super) fn without_user(url: &Url) -> Url {
    let mut without = url.clone();
    // Both fail only for a URL without a host, which has neither.
    let _ = without.set_username("");
    let _ = without.set_password(None);
    without
}
