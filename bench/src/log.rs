//! The log that is measured on. It is of one user with one project and one environment, and its activities
//! have bodies that are all of about the same size.

use activity_log::NewActivity;
use activity_log::directory::Entity;
use activity_log::id::UserId;
use activity_log::message::Message;
use activity_log_local::kit;
use peers::Name;
use serde_json::{Value, json};

use crate::failure::Failure;

pub use kit::START;

/// Resource types and actions: every pair of them is as frequent as any other.
const TYPES: [&str; 2] = ["function", "database"];
const ACTIONS: [&str; 2] = ["create", "invoke"];

/// The user whose log it is: the one of the tokens in `events/`.
#[must_use]
pub fn user() -> UserId {
    kit::user(3)
}

/// The names of the user, the project and the environment.
#[must_use]
pub fn names() -> [Entity; 3] {
    [
        kit::person(3, "John Doe"),
        kit::project(3, 4, "my-project", "My Project"),
        kit::environment(3, 4, 4, "production", "Production"),
    ]
}

/// The same names, as the peers write them.
#[must_use]
pub fn peer_names() -> [Name; 3] {
    names().map(|entity| match entity {
        Entity::User(user) => {
            Name::User { id: user.id.get(), name: user.name, profile_image: user.profile_image }
        }
        Entity::Project(project) => Name::Project {
            id: project.id.get(),
            user_id: project.user_id.get(),
            slug: project.slug,
            name: project.name,
        },
        Entity::Environment(environment) => Name::Environment {
            id: environment.id.get(),
            user_id: environment.user_id.get(),
            project_id: environment.project_id.get(),
            slug: environment.slug,
            name: environment.name,
        },
    })
}

/// An activity in all three scopes, about 420 bytes when it is stored; as a message of the queue.
#[must_use]
pub fn body(number: u64) -> Value {
    let pair = usize::try_from(number % 4).unwrap_or_default();
    json!({
        "userId": 3,
        "projectId": 4,
        "environmentId": 4,
        "resourceType": TYPES[pair % 2],
        "resourceId": 5,
        "action": ACTIONS[pair / 2],
        "description": "Created function \"my-lambda-function\"",
        "metadata": {
            "runtime": "nodejs20.x",
            "architecture": "arm64",
            "handler": "index.handler",
            "region": "us-east-1",
            "memory": 256,
        },
        "ipAddress": "203.0.113.10",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    })
}

/// The same activity, as a service hands it to the logger.
///
/// # Errors
/// None.
pub fn activity(number: u64) -> Result<NewActivity, Failure> {
    Ok(Message::parse(&body(number).to_string())?.activity)
}

/// The activities of these numbers.
///
/// # Errors
/// None.
pub fn activities(numbers: std::ops::Range<u64>) -> Result<Vec<NewActivity>, Failure> {
    numbers.map(activity).collect()
}
