//! `GET /api/activities`: the caller's log, newest first, or the part of it that a filter matches.

use activity_log::api::{
    Api, ApiError, Document, ListParameters, Operation, QueryString, ScopeFilter, answer, list,
};
use activity_log::auth::Caller;
use lambda_http::{Body, Request, Response};

/// Answers a request of this route.
pub async fn handler(api: &Api, request: Request) -> Response<Body> {
    answer(api, Operation::ListActivities, &request, |caller| respond(api, &request, caller)).await
}

async fn respond(api: &Api, request: &Request, caller: Caller) -> Result<Document, ApiError> {
    let known = [&ListParameters::NAMES[..], &ScopeFilter::NAMES[..]].concat();
    let query = QueryString::parse(request.uri().query(), &known)?;
    let parameters = ListParameters::read(&query)?;
    let scope = ScopeFilter::read(&query)?;
    list(api, caller, request, &query, parameters, &scope).await
}
