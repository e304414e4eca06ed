//! Steps carried out by calling an API, as the original's API handler does.
//!
//! [`HttpHandler`] does it from the settings alone. A handler of the user's own builds on the same parts:
//!
//! ```
//! use tasker_core::step_handler::http::{ApiClient, ApiConfig};
//! use tasker_core::step_handler::{Output, StepContext, StepError, StepHandler};
//! use tasker_domain::json::Json;
//!
//! struct FetchCart {
//!     client: ApiClient,
//! }
//!
//! impl StepHandler for FetchCart {
//!     async fn process(&self, step: StepContext) -> Result<Output, StepError> {
//!         let settings = step.handler_config().ok_or_else(|| StepError::permanent("the step has no handler_config"))?;
//!         let config = ApiConfig::read(settings).map_err(|problems| StepError::permanent(problems[0].to_string()))?;
//!         let response = self.client.call(&step, &config).await?;
//!         let cart: serde_json::Value = response.json()?;
//!         Ok(serde_json::json!({ "cart": cart }).into())
//!     }
//! }
//! ```
//!
//! What an answer means is decided by [`classify`], which needs no network.

mod client;
mod config;
mod pattern;
mod request;
mod response;

use tokio::sync::OnceCell;

pub use client::{ApiClient, ApiClientError};
pub use config::ApiConfig;
pub use request::ApiRequest;
pub use response::{ApiResponse, Backoff, classify};

use super::settings::in_one_line;
use super::{Output, StepContext, StepError, StepHandler};

/// Carries out the steps whose `handler_class` is `http`: calls what the settings say ([`ApiConfig`]) and stores the answer
/// ([`ApiResponse::output`]).
#[derive(Debug)]
pub struct HttpHandler {
    client: OnceCell<ApiClient>,
    max_result_bytes: usize,
}

impl Default for HttpHandler {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpHandler {
    /// The `handler_class` by which templates name this handler.
    pub const NAME: &'static str = "http";

    /// A handler that makes its client when the first step needs it.
    pub fn new() -> Self {
        Self { client: OnceCell::new(), max_result_bytes: client::MAX_RESPONSE_BYTES }
    }

    /// A handler with this client.
    pub fn with_client(client: ApiClient) -> Self {
        Self { client: OnceCell::new_with(Some(client)), max_result_bytes: client::MAX_RESPONSE_BYTES }
    }

    /// Sets the largest result in bytes: the setting `execution.max_result_bytes`, 1 MiB unless set.
    #[must_use]
    pub fn with_max_result_bytes(mut self, bytes: usize) -> Self {
        self.max_result_bytes = bytes;
        self
    }

    async fn client(&self) -> Result<&ApiClient, StepError> {
        let limit = self.max_result_bytes;
        self.client
            .get_or_try_init(|| async move {
                // Certificates are read from disk.
                let made = tokio::task::spawn_blocking(ApiClient::new).await?;
                Ok(made?.with_max_response_bytes(limit))
            })
            .await
    }
}

impl StepHandler for HttpHandler {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        let invalid = |message: String| StepError::permanent(message).with_class("InvalidConfiguration");
        let Some(settings) = step.handler_config() else {
            return Err(invalid(format!("step `{}` has no handler_config; give at least its url", step.step_name())));
        };
        let config = ApiConfig::read(settings).map_err(|problems| invalid(in_one_line(&problems)))?;
        let response = self.client().await?.call(&step, &config).await?;
        response.output(self.max_result_bytes)
    }
}
