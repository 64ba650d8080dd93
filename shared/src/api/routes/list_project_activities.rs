//! `GET /api/activities/{projectSlug}/{environmentSlug}`: what the caller did in one environment,
//! newest first.

use super::list::{List, list};
use super::{Call, Route};
use crate::api::ApiError;
use crate::api::request::scope::{ScopeFilter, SlugFilter};
use crate::api::response::document::Document;

/// Lists the caller's activities in one environment.
pub static LIST_PROJECT_ACTIVITIES: Route = Route {
    function: "list-project-activities",
    path: "/api/activities/{projectSlug}/{environmentSlug}",
    failure: "Failed to retrieve activities",
    calls: 6,
    respond: |call| Box::pin(respond(call)),
};

async fn respond(call: Call<'_>) -> Result<Document, ApiError> {
    let slug = |name| call.path_parameter(name).ok_or(ApiError::ScopeNotFound);
    let scope = |_: &mut _| {
        let (project, environment) = (slug("projectSlug")?, slug("environmentSlug")?);
        Ok(ScopeFilter::Existing(SlugFilter { project, environment: Some(environment) }))
    };
    list(call, List::read(call, scope)?).await
}
