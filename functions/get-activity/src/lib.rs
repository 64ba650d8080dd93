//! `GET /api/activities/{id}`: one entry of the caller's log.

use activity_log::api::{
    Api, ApiError, Document, Format, Include, Operation, QueryString, answer, render_activity,
};
use activity_log::auth::Caller;
use activity_log::directory::WantedNames;
use activity_log::id::ActivityId;
use lambda_http::{Body, Request, Response};

/// Answers a request of this route.
pub async fn handler(api: &Api, request: Request) -> Response<Body> {
    answer(api, Operation::GetActivity, &request, |caller| respond(api, &request, caller)).await
}

async fn respond(api: &Api, request: &Request, caller: Caller) -> Result<Document, ApiError> {
    let id: ActivityId = api
        .path_parameter(request, "id")
        .and_then(|id| id.parse().ok())
        .ok_or(ApiError::InvalidActivityId)?;
    let query = QueryString::parse(request.uri().query(), &[Include::NAME])?;
    let include = Include::read(&query)?;
    let format = Format::negotiate(request.headers(), Format::OF_ENTRIES)?;
    let user = WantedNames::of_user();
    let (activity, names) =
        tokio::try_join!(api.store.activity(id), api.store.names(caller.user_id, &user))?;
    let activity = activity.ok_or(ApiError::ActivityNotFound)?;
    if activity.user_id != caller.user_id {
        return Err(ApiError::NotTheCallers);
    }
    let others = WantedNames::of([&activity]).without(&user);
    let names = names.with(api.store.names(caller.user_id, &others).await?);
    Ok(Document::new(format, render_activity(&activity, &names, include)?, 1))
}
