//! The routes: one file each, with its parameters, its handler and its entry in the table.

mod get_activity;
mod list;
mod list_activities;
mod list_project_activities;

use std::fmt;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use lambda_http::http::{HeaderMap, Method, StatusCode};
use lambda_http::{Body, Request, RequestExt, Response};
use percent_encoding::percent_decode_str;

pub use get_activity::GET_ACTIVITY;
pub use list_activities::LIST_ACTIVITIES;
pub use list_project_activities::LIST_PROJECT_ACTIVITIES;

use super::request::admit::admit;
use super::request::context::{is_preflight, request_id};
use super::request::query::Query;
use super::response::document::{Document, private};
use super::{Api, ApiError};
use crate::auth::{Caller, TokenError};
use crate::config::PathParameters;
use crate::store::measure;
use crate::telemetry::{AnsweredRequest, Work};

/// All routes there are.
pub static ROUTES: [&Route; 3] = [&LIST_ACTIVITIES, &LIST_PROJECT_ACTIVITIES, &GET_ACTIVITY];

/// How long a request may take to be answered. API Gateway waits for 30 s (AWS: "Quotas for HTTP
/// APIs"), at a cold start also for the initialisation, in which one call to DynamoDB may take up to
/// 8 s.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A route of the API, which one function answers.
pub struct Route {
    /// The function: the name of its binary, and what telemetry calls it.
    pub function: &'static str,
    /// The path, with the names of its parameters in braces.
    pub path: &'static str,
    /// What the caller is told when the log cannot be read.
    pub(super) failure: &'static str,
    /// How many calls to DynamoDB it makes side by side before anything is known, at the most.
    pub(super) calls: usize,
    /// Comes to the document that an admitted caller asked for.
    respond: for<'a> fn(Call<'a>) -> BoxFuture<'a, Result<Document, ApiError>>,
}

/// A request that was let in, as its route's handler gets it.
#[derive(Clone, Copy)]
struct Call<'a> {
    api: &'a Api,
    request: &'a Request,
    caller: Caller,
}

impl Route {
    /// Answers `request`: with the document that the caller asked for, or with an error. Here alone, a
    /// request is logged.
    pub async fn answer(&self, api: &Api, request: &Request) -> Response<Body> {
        let started = Instant::now();
        let request_id = request_id(request);
        let mut admitted = None;
        // On the heap, because it is large, and would be copied into each future around it.
        let work = Box::pin(async {
            if is_preflight(request) {
                return Ok(None);
            }
            let caller = admit(&api.verifier, request).await?;
            admitted = Some(caller);
            (self.respond)(Call { api, request, caller }).await.map(Some)
        });
        let (outcome, usage) = measure(tokio::time::timeout(DEADLINE, work)).await;
        let outcome = outcome.unwrap_or_else(|late| Err(ApiError::Unavailable(late.into())));
        let failure = outcome.as_ref().err();
        let code = failure.map(ApiError::code);
        let refusal = failure.and_then(ApiError::refusal);
        let error = failure.and_then(ApiError::cause);
        let mut entries = 0;
        let mut response = match outcome {
            Ok(Some(document)) => {
                entries = document.entries;
                document.response(request.headers())
            }
            Ok(None) => private(StatusCode::NO_CONTENT, Body::Empty),
            Err(error) => error.response(self.failure, &request_id),
        };
        if request.method() == Method::HEAD {
            // Everything but the content (RFC 9110, section 9.3.2).
            *response.body_mut() = Body::Empty;
        }
        api.telemetry.request(&AnsweredRequest {
            function: self.function,
            request_id: &request_id,
            method: request.method().as_str(),
            route: self.path,
            status: response.status().as_u16(),
            code,
            user_id: admitted.map(|caller| caller.user_id),
            reason: refusal.map(TokenError::reason),
            claim: refusal.and_then(|refusal| api.verifier.claim(refusal)),
            auth_failures: u32::from(refusal.is_some()),
            entries,
            work: Work::new(usage, started),
            error,
        });
        response
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)
    }
}

impl<'a> Call<'a> {
    /// A parameter of the path, decoded; `None` if it is not there or cannot be decoded.
    fn path_parameter(self, name: &str) -> Option<String> {
        let value = self.request.path_parameters_ref()?.first(name)?;
        match self.api.path_parameters {
            PathParameters::Decoded => Some(value.to_owned()),
            PathParameters::Encoded => {
                percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
            }
        }
    }

    /// The query string.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] if it cannot be decoded, [`ApiError::QueryTooLong`].
    fn query(self) -> Result<Query, ApiError> {
        Query::parse(self.request.uri().query())
    }

    fn headers(self) -> &'a HeaderMap {
        self.request.headers()
    }
}
