//! Shorthands for what tests say again and again.

use activity_log::activity::{Activity, NewActivity};
use activity_log::directory::{Entity, Environment, Project, User};
use activity_log::id::UserId;
use activity_log::store::{Draft, PageRequest, Placement, Start};
use activity_log::time::Timestamp;
use activity_log::view::{Facet, Filter, Scope, View};

/// 2026-01-01T00:00:00Z, in milliseconds since 1970.
pub const START: i64 = 1_767_225_600_000;

/// The time so many milliseconds after 1970 began.
#[must_use]
pub fn millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

/// A user.
#[must_use]
pub fn user(id: u64) -> UserId {
    id.try_into().unwrap()
}

/// A user with a name and a picture.
#[must_use]
pub fn person(id: u64, name: &str) -> Entity {
    let profile_image = Some("https://example.com/profile.jpg".to_owned());
    Entity::User(User { id: user(id), name: name.to_owned(), profile_image })
}

/// A project of user `owner`.
#[must_use]
pub fn project(owner: u64, id: u64, slug: &str, name: &str) -> Entity {
    Entity::Project(Project {
        id: id.try_into().unwrap(),
        user_id: user(owner),
        slug: slug.to_owned(),
        name: name.to_owned(),
    })
}

/// An environment of a project of user `owner`.
#[must_use]
pub fn environment(owner: u64, project: u64, id: u64, slug: &str, name: &str) -> Entity {
    Entity::Environment(Environment {
        id: id.try_into().unwrap(),
        user_id: user(owner),
        project_id: project.try_into().unwrap(),
        slug: slug.to_owned(),
        name: name.to_owned(),
    })
}

/// The whole log of a user.
#[must_use]
pub fn whole(id: u64) -> View {
    View::of(Scope::User(user(id)))
}

/// What of a scope is of this resource type and action, if these are given.
#[must_use]
pub fn filtered(scope: Scope, resource_type: Option<&str>, action: Option<&str>) -> View {
    let facet = |value: Option<&str>| value.map(Facet::only).unwrap_or_default();
    let filter = Filter { resource_type: facet(resource_type), action: facet(action) };
    View { scope, filter }
}

/// A page, newest first, of all time.
#[must_use]
pub fn request(view: View, start: Start, limit: usize) -> PageRequest {
    PageRequest { start, ..PageRequest::newest(view, limit) }
}

/// An activity that keeps its time, and its id if there is one.
#[must_use]
pub fn kept(activity: NewActivity, created_at: Timestamp, id: Option<u64>) -> Draft {
    let id = id.map(|id| id.try_into().unwrap());
    Draft { activity, placement: Placement::Kept { created_at, id } }
}

/// What records an entry again as it was.
#[must_use]
pub fn as_recorded(entry: &Activity) -> Draft {
    let activity = NewActivity { details: entry.details.clone(), idempotency_key: None };
    kept(activity, entry.created_at, Some(entry.id.get()))
}
