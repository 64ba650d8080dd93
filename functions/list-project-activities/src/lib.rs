//! `GET /api/activities/{projectSlug}/{environmentSlug}`: what the caller did in one environment,
//! newest first.

use activity_log::api::{
    Api, ApiError, Document, ListParameters, Operation, QueryString, ScopeFilter, SlugFilter,
    answer, list,
};
use activity_log::auth::Caller;
use lambda_http::{Body, Request, Response};

/// Answers a request of this route.
pub async fn handler(api: &Api, request: Request) -> Response<Body> {
    answer(api, Operation::ListProjectActivities, &request, |caller| respond(api, &request, caller))
        .await
}

async fn respond(api: &Api, request: &Request, caller: Caller) -> Result<Document, ApiError> {
    let query = QueryString::parse(request.uri().query(), &ListParameters::NAMES)?;
    let parameters = ListParameters::read(&query)?;
    let slug = |name| api.path_parameter(request, name).ok_or(ApiError::ScopeNotFound);
    let slugs =
        SlugFilter { project: slug("projectSlug")?, environment: Some(slug("environmentSlug")?) };
    list(api, caller, request, &query, parameters, &ScopeFilter::Existing(slugs)).await
}
