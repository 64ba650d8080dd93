//! `GET /api/activities/{projectSlug}/{environmentSlug}`: what the caller did in one environment,
//! newest first.

use activity_log::http::{
    Api, ApiError, Filter, ListParameters, Operation, QueryString, SlugFilter, answer, list,
};
use lambda_http::{Body, Request, RequestExt, Response};

/// Answers a request of this route.
pub async fn handler(api: &Api, request: Request) -> Response<Body> {
    answer(Operation::List, &request, respond(api, &request)).await
}

async fn respond(api: &Api, request: &Request) -> Result<String, ApiError> {
    let caller = api.caller(request)?;
    let query = QueryString::parse(request.uri().query(), &ListParameters::NAMES)?;
    let parameters = ListParameters::read(&query)?;
    let path = request.path_parameters_ref();
    let slug = |name| path.and_then(|path| path.first(name)).map(str::to_owned);
    let project = slug("projectSlug").ok_or(ApiError::ScopeNotFound)?;
    let environment = Some(slug("environmentSlug").ok_or(ApiError::ScopeNotFound)?);
    list(api, caller, &Filter::Existing(SlugFilter { project, environment }), parameters).await
}
