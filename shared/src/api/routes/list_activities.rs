//! `GET /api/activities`: the caller's log, newest first, or the part of it that a filter matches.

use super::list::{List, list};
use super::{Call, Route};
use crate::api::ApiError;
use crate::api::request::scope::ScopeFilter;
use crate::api::response::document::Document;

/// Lists the caller's activities.
pub static LIST_ACTIVITIES: Route = Route {
    function: "list-activities",
    path: "/api/activities",
    failure: "Failed to retrieve activities",
    calls: 6,
    respond: |call| Box::pin(respond(call)),
};

async fn respond(call: Call<'_>) -> Result<Document, ApiError> {
    list(call, List::read(call, ScopeFilter::read)?).await
}
