//! What the benches share: the functions as processes, the machine, and the log that is measured on.
//! It is of one user with one project and one environment, and its activities have bodies that are all
//! of about the same size.

pub mod cold_start;
pub mod dynamodb;
pub mod emulator;
pub mod function;
pub mod machine;
pub mod markdown;
pub mod memory;
pub mod prices;
pub mod results;
pub mod short_log;
pub mod sizes;

use std::error::Error;

use activity_log::NewActivity;
use activity_log::directory::{Entity, Environment, Project, User};
use activity_log::id::UserId;
use activity_log::message::Message;
use peers::Name;
use serde_json::{Value, json};

/// What a bench ends with when it fails.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Resource types and actions: every pair of them is as frequent as any other.
const TYPES: [&str; 2] = ["function", "database"];
const ACTIONS: [&str; 2] = ["create", "invoke"];

/// 2026-01-01T00:00:00Z, in milliseconds since 1970.
pub const START: i64 = 1_767_225_600_000;

/// The user whose log it is: the one of the tokens in `events/`.
///
/// # Errors
/// None.
pub fn user() -> Result<UserId, Failure> {
    Ok(3.try_into()?)
}

/// The names of the user, the project and the environment.
///
/// # Errors
/// None.
pub fn names() -> Result<[Entity; 3], Failure> {
    let user_id = user()?;
    let project_id = 4.try_into()?;
    Ok([
        Entity::User(User {
            id: user_id,
            name: "John Doe".to_owned(),
            profile_image: Some("https://example.com/profile.jpg".to_owned()),
        }),
        Entity::Project(Project {
            id: project_id,
            user_id,
            slug: "my-project".to_owned(),
            name: "My Project".to_owned(),
        }),
        Entity::Environment(Environment {
            id: 4.try_into()?,
            user_id,
            project_id,
            slug: "production".to_owned(),
            name: "Production".to_owned(),
        }),
    ])
}

/// The same names, as the peers write them.
///
/// # Errors
/// None.
pub fn peer_names() -> Result<[Name; 3], Failure> {
    Ok(names()?.map(|entity| match entity {
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
    }))
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

/// A count as a number to calculate with: exact up to 2^53.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "no count here comes near")]
pub const fn real(count: u64) -> f64 {
    count as f64
}
