//! The HTTP side of the API: parameters in, documents out, one mapping from error to status.

mod error;
mod lambda;
mod request;
mod response;
mod routes;

use std::borrow::Cow;
use std::future::Future;
use std::time::{Duration, Instant};

use lambda_http::http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION};
use lambda_http::http::{HeaderValue, Method, StatusCode};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response};

use percent_encoding::percent_decode_str;

pub use error::{ApiError, Operation};
pub use lambda::{readable, serve};
pub use request::accept::Format;
pub use request::query::QueryString;
pub use response::document::Document;
pub use response::render::{Include, render_activity};
pub use routes::list::{ListParameters, ScopeFilter, SlugFilter, list};

use crate::Report;
use crate::auth::{AuthError, Caller, TokenError, Verifier};
use crate::config::{self, ConfigError, PathParameters};
use crate::store::{Store, measure};
use crate::telemetry::{AnsweredRequest, Telemetry, Work};

/// What a read function needs for every request. Made once, before the first.
#[derive(Debug)]
pub struct Api {
    /// The log.
    pub store: Store,
    /// Who may read it.
    pub verifier: Verifier,
    /// How the path comes.
    pub path_parameters: PathParameters,
    /// Where answers are told of.
    pub telemetry: Telemetry,
}

impl Api {
    /// Reads the configuration from the environment and connects, so that no request waits for it.
    ///
    /// # Errors
    /// [`ConfigError`] with the variable that is missing or invalid.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let verifier = config::verifier(&config::environment)?;
        let path_parameters = config::path_parameters(&config::environment)?;
        let telemetry = config::telemetry(&config::environment);
        let store = Store::connect(config::tables(&config::environment)?).await;
        let (database, keys) = tokio::join!(store.warm_up(), verifier.warm_up());
        // The first request will try again, and answer for itself.
        if let Err(error) = database {
            tracing::warn!(error = %Report(&error), "DynamoDB did not answer");
        }
        if let Err(error) = keys {
            tracing::warn!(error = %Report(&error), "the published keys cannot be had");
        }
        Ok(Self { store, verifier, path_parameters, telemetry })
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
    /// none. [`ApiError::MethodNotAllowed`] if it is no GET or HEAD. [`ApiError::Unavailable`] if no
    /// token can be verified.
    pub async fn admit(&self, request: &Request) -> Result<Caller, ApiError> {
        let mut headers = request.headers().get_all(AUTHORIZATION).iter();
        let header = headers.next().map(HeaderValue::as_bytes);
        let caller = match headers.next() {
            Some(_) => Err(TokenError::Invalid.into()),
            None => self.verifier.caller(header).await,
        };
        let caller = caller.map_err(|error| match error {
            AuthError::Token(error) => ApiError::Unauthenticated(error),
            AuthError::Keys(_) => ApiError::Unavailable(Box::new(error)),
        })?;
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if is_read { Ok(caller) } else { Err(ApiError::MethodNotAllowed) }
    }
}

/// How long a request may take to be answered. API Gateway waits for 30 s (AWS: "Quotas for HTTP
/// APIs"), at a cold start also for the initialisation, in which one call to DynamoDB may take up to
/// 8 s.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Answers `request`: with the document that `handle` comes to for the caller, or with an error.
/// Each answer is told of here, once.
pub async fn answer<H, F>(
    api: &Api,
    operation: Operation,
    request: &Request,
    handle: H,
) -> Response<Body>
where
    H: FnOnce(Caller) -> F,
    F: Future<Output = Result<Document, ApiError>>,
{
    let started = Instant::now();
    let request_id = request_id(request);
    let mut caller = None;
    // On the heap, because it is large, and would be copied into each future around it.
    let work = Box::pin(async {
        if is_preflight(request) {
            return Ok(None);
        }
        let admitted = api.admit(request).await?;
        caller = Some(admitted);
        handle(admitted).await.map(Some)
    });
    let (outcome, usage) = measure(tokio::time::timeout(DEADLINE, work)).await;
    let outcome = outcome.unwrap_or_else(|late| Err(ApiError::Unavailable(late.into())));
    let failure = outcome.as_ref().err();
    let code = failure.map(|error| error.code(operation));
    let reason = failure.and_then(ApiError::refusal);
    let error = failure.and_then(ApiError::cause);
    let mut entries = 0;
    let mut response = match outcome {
        Ok(Some(document)) => {
            entries = document.entries;
            document.response(request.headers())
        }
        Ok(None) => response::document::answer(StatusCode::NO_CONTENT, Body::Empty),
        Err(error) => error.response(operation, &request_id),
    };
    if request.method() == Method::HEAD {
        // Everything but the content (RFC 9110, section 9.3.2).
        *response.body_mut() = Body::Empty;
    }
    api.telemetry.request(&AnsweredRequest {
        function: operation.function(),
        request_id: &request_id,
        method: request.method().as_str(),
        route: operation.route(),
        status: response.status().as_u16(),
        code,
        user_id: caller.map(|caller| caller.user_id),
        reason,
        auth_failures: u32::from(reason.is_some()),
        entries,
        work: Work::new(usage, started),
        error,
    });
    response
}

/// Whether a browser asks if a page may call the API (Fetch Standard, "CORS-preflight request"). It
/// sends no token with that. API Gateway sends it on to the function of a route for every method,
/// and answers by itself which origins, methods and headers there are.
fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
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
