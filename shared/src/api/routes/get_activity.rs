//! `GET /api/activities/{id}`: one entry of the caller's log.

use super::{Call, Route};
use crate::api::request::accept::negotiate;
use crate::api::request::include::Include;
use crate::api::response::activity::render_activity;
use crate::api::response::document::Document;
use crate::api::{ApiError, Format};
use crate::directory::WantedNames;
use crate::id::ActivityId;

/// Gets one activity.
pub static GET_ACTIVITY: Route = Route {
    function: "get-activity",
    path: "/api/activities/{id}",
    failure: "Failed to retrieve activity",
    calls: 2,
    respond: |call| Box::pin(respond(call)),
};

/// What the route is asked for with.
struct Parameters {
    id: ActivityId,
    include: Include,
    format: Format,
}

impl Parameters {
    fn read(call: Call<'_>) -> Result<Self, ApiError> {
        let id = call.path_parameter("id").and_then(|id| id.parse().ok());
        let id = id.ok_or(ApiError::InvalidActivityId)?;
        let mut query = call.query()?;
        let include = Include::of_entry(&mut query)?;
        query.finish()?;
        let format = negotiate(call.headers(), Format::OF_OBJECTS)?;
        Ok(Self { id, include, format })
    }
}

async fn respond(call: Call<'_>) -> Result<Document, ApiError> {
    let Parameters { id, include, format } = Parameters::read(call)?;
    let (store, caller) = (&call.api.store, call.caller);
    let user = WantedNames::of_user();
    let (activity, names) =
        tokio::try_join!(store.activity(id), store.names(caller.user_id, &user))?;
    let activity = activity.ok_or(ApiError::ActivityNotFound)?;
    if activity.user_id != caller.user_id {
        return Err(ApiError::NotTheCallers);
    }
    let others = WantedNames::of([&activity]).without(&user);
    let names = names.with(store.names(caller.user_id, &others).await?);
    Ok(Document::new(format, render_activity(&activity, &names, include)?, 1))
}
