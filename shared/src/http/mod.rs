//! The HTTP side of the API: parameters in, documents out, one mapping from error to status.

mod cursor;
mod error;
mod link;
mod list;
mod negotiation;
mod query;
mod render;
mod response;
mod serve;

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use lambda_http::http::header::AUTHORIZATION;
use lambda_http::http::{HeaderValue, Method};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response};

use percent_encoding::percent_decode_str;

pub use error::{ApiError, Operation};
pub use list::{Filter, ListParameters, SlugFilter, list};
pub use negotiation::Format;
pub use query::QueryString;
pub use render::{Include, render_activity};
pub use response::Document;
pub use serve::{readable, serve};

use crate::Chain;
use crate::config::{self, ConfigError, PathParameters};
use crate::store::Store;
use crate::token::{Caller, TokenError, Verifier, VerifyError};

/// What a read function needs for every request. Made once, before the first.
#[derive(Debug)]
pub struct Api {
    /// The log.
    pub store: Store,
    /// Who may read it.
    pub verifier: Verifier,
    /// How the path comes.
    pub path_parameters: PathParameters,
}

impl Api {
    /// Reads the configuration from the environment and connects, so that no request waits for it.
    ///
    /// # Errors
    /// [`ConfigError`] with the variable that is missing or invalid.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let verifier = config::verifier(&config::environment)?;
        let path_parameters = config::path_parameters(&config::environment)?;
        let store = Store::connect(config::tables(&config::environment)?).await;
        let (database, keys) = tokio::join!(store.warm_up(), verifier.warm_up());
        // The first request will try again, and answer for itself.
        if let Err(error) = database {
            tracing::warn!(error = %Chain(&error), "DynamoDB did not answer");
        }
        if let Err(error) = keys {
            tracing::warn!(error = %Chain(&error), "the published keys cannot be had");
        }
        Ok(Self { store, verifier, path_parameters })
    }

    /// A parameter of the request's path, decoded; `None` if it is not there or cannot be decoded.
    #[must_use]
    pub fn path_parameter(&self, request: &Request, name: &str) -> Option<String> {
        let value = request.path_parameters_ref()?.first(name)?;
        match self.path_parameters {
            PathParameters::Decoded => Some(value.to_owned()),
            PathParameters::Encoded => {
                percent_decode_str(value).decode_utf8().ok().map(Cow::into_owned)
            }
        }
    }

    /// Lets a request in: says who sent it.
    ///
    /// # Errors
    /// [`ApiError::Unauthenticated`] if no valid token says so; two `Authorization` headers are
    /// none. [`ApiError::MethodNotAllowed`] if it is no GET. [`ApiError::Internal`] if no token can
    /// be verified.
    pub async fn admit(&self, request: &Request) -> Result<Caller, ApiError> {
        let mut headers = request.headers().get_all(AUTHORIZATION).iter();
        let header = headers.next().map(HeaderValue::as_bytes);
        let caller = match headers.next() {
            Some(_) => Err(TokenError::Invalid.into()),
            None => self.verifier.caller(header).await,
        };
        let caller = caller.map_err(|error| match error {
            VerifyError::Token(error) => ApiError::Unauthenticated(error),
            VerifyError::Keys(_) => ApiError::Internal(Box::new(error)),
        })?;
        if request.method() == Method::GET { Ok(caller) } else { Err(ApiError::MethodNotAllowed) }
    }
}

/// How long a request may take to be answered. API Gateway waits for 30 s (AWS: "Quotas for HTTP
/// APIs"), at a cold start also for the initialisation, in which one call to DynamoDB may take up to
/// 8 s.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Answers `request`: with the document that `handle` comes to, or with its error. An error that
/// is ours is logged here, once, with the request id.
pub async fn answer<F>(operation: Operation, request: &Request, handle: F) -> Response<Body>
where
    F: Future<Output = Result<Document, ApiError>>,
{
    let request_id = request_id(request);
    let outcome = tokio::time::timeout(DEADLINE, handle).await;
    match outcome.unwrap_or_else(|late| Err(ApiError::Internal(late.into()))) {
        Ok(document) => document.response(request.headers()),
        Err(error) => {
            if let ApiError::Internal(cause) = &error {
                tracing::error!(request_id, error = %Chain(cause.as_ref()), "request failed");
            }
            error.response(operation, &request_id)
        }
    }
}

/// The id that API Gateway gave the request, or an empty text if it did not come from there.
fn request_id(request: &Request) -> String {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.request_id.clone().unwrap_or_default()
        }
        _ => String::new(),
    }
}
