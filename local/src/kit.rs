//! The test kit: a log of its own for every test, and the shorthands that tests write.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![expect(clippy::missing_panics_doc, reason = "each panics when its test fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use activity_log::directory::{Entity, Environment, Project, User};
use activity_log::id::{IdSource, UserId};
use activity_log::store::{
    Order, Page, PageRequest, Start, Store, TimeRange, Verification, Verified, VerifyError,
};
use activity_log::time::{Clock, Timestamp};
use activity_log::view::{Facet, Filter, Scope, View};
use activity_log::{Activity, ActivityLogger, Metadata, NewActivity};
use aws_sdk_dynamodb::Client;
use futures_util::TryStreamExt;

use crate::engine::Engine;

/// The template of the deployment, from which every log has its tables.
pub const TEMPLATE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"));

/// 2026-01-01T00:00:00Z, in milliseconds since 1970.
pub const START: i64 = 1_767_225_600_000;

/// A log on an engine of its own.
pub struct Log {
    /// The engine, which stops with the log.
    pub engine: Engine,
    /// A client of the engine.
    pub client: Client,
    /// The log.
    pub store: Store,
    /// What writes to it.
    pub logger: ActivityLogger,
    now: Arc<AtomicI64>,
}

impl Log {
    /// A log by a clock that stands at [`START`] until it is moved.
    pub async fn new() -> Self {
        let engine = Engine::in_memory(TEMPLATE).await.unwrap();
        let client = crate::client(&engine.endpoint());
        let store = Store::new(&client, crate::tables());
        let now = Arc::new(AtomicI64::new(START));
        let logger = logger_by(&now, store.clone());
        Self { engine, client, store, logger, now }
    }

    /// Another logger by the same clock, which writes to `store`.
    #[must_use]
    pub fn logger_of(&self, store: Store) -> ActivityLogger {
        logger_by(&self.now, store)
    }

    /// A log by the system's clock.
    pub async fn of_today() -> Self {
        let log = Self::new().await;
        let logger = ActivityLogger::new(log.store.clone());
        Self { logger, ..log }
    }

    /// What the clock says.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        millis(self.now.load(Ordering::SeqCst))
    }

    /// Moves the clock, backwards if `by` is negative.
    pub fn advance(&self, by: i64) {
        self.now.fetch_add(by, Ordering::SeqCst);
    }

    /// A page, newest first.
    pub async fn page(&self, view: View, offset: u64, limit: usize) -> Page {
        self.store.page(&request(view, Start::Offset(offset), limit)).await.unwrap()
    }

    /// The whole log of a user, oldest first.
    pub async fn entries(&self, id: u64) -> Vec<Activity> {
        entries(&self.store, id).await
    }

    /// Proves the log of a user.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn try_verify(&self, id: u64) -> Result<Verified, VerifyError> {
        // Its indexes are never late.
        let lag = Duration::ZERO;
        self.store.verify(user(id), &Verification { lag, ..Verification::default() }).await
    }

    /// Proves the log of a user.
    pub async fn verify(&self, id: u64) -> Verified {
        self.try_verify(id).await.unwrap()
    }
}

fn logger_by(now: &Arc<AtomicI64>, store: Store) -> ActivityLogger {
    let now = Arc::clone(now);
    ActivityLogger::new(store)
        .with_clock(Clock::new(move || millis(now.load(Ordering::SeqCst))))
        .with_ids(IdSource::new(fastrand::Rng::with_seed(7)))
}

/// The whole log of a user in `store`, oldest first.
pub async fn entries(store: &Store, id: u64) -> Vec<Activity> {
    let entries = store.entries(whole(id), TimeRange::default(), Order::OldestFirst);
    entries.try_collect().await.unwrap()
}

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

/// An activity in all three scopes, about 400 bytes when it is stored.
#[must_use]
pub fn full(number: u64) -> NewActivity {
    let types = ["function", "database"];
    let actions = ["create", "invoke"];
    let metadata = format!(r#"{{"runtime":"nodejs20.x","handler":"index.handler","n":{number}}}"#);
    NewActivity::new(actions[usize::from(number.is_multiple_of(10))])
        .resource(types[usize::from(number.is_multiple_of(2))], 5.try_into().unwrap())
        .environment(4.try_into().unwrap(), 9.try_into().unwrap())
        .description(format!("Did number {number} of the things that are done to functions"))
        .client("203.0.113.9".parse().unwrap(), "Mozilla/5.0 (X11; Linux x86_64)")
        .metadata(Metadata::from_text(metadata).unwrap())
}

/// A stream of activities like those of a platform, the same each time.
pub struct Workload {
    number: u64,
    make: Box<dyn FnMut(u64) -> NewActivity + Send>,
}

impl Workload {
    /// The activities that `make` makes of 0, 1, 2, …
    #[must_use]
    pub fn from_fn(make: impl FnMut(u64) -> NewActivity + Send + 'static) -> Self {
        Self { number: 0, make: Box::new(make) }
    }

    /// One project with one environment; two resource types and two actions.
    #[must_use]
    pub fn w1() -> Self {
        Self::of(1, 1, 2, 2)
    }

    /// Twenty projects with three environments each; seven resource types and seven actions.
    #[must_use]
    pub fn w3() -> Self {
        Self::of(20, 3, 7, 7)
    }

    fn of(projects: u64, environments: u64, types: usize, actions: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(1);
        Self::from_fn(move |_| {
            let project = 4 + random.u64(..projects);
            let environment =
                if projects == 1 { 4 } else { project * 100 + random.u64(..environments) };
            let (kind, action) = (TYPES[random.usize(..types)], ACTIONS[random.usize(..actions)]);
            Self::activity(kind, action, project, environment)
        })
    }

    /// An activity in all three scopes, about 420 bytes when it is stored.
    #[must_use]
    pub fn activity(kind: &str, action: &str, project: u64, environment: u64) -> NewActivity {
        const METADATA: &str = r#"{"runtime":"nodejs20.x","architecture":"arm64","handler":"index.handler","region":"us-east-1","memory":256}"#;
        NewActivity::new(action)
            .resource(kind, 5.try_into().unwrap())
            .environment(project.try_into().unwrap(), environment.try_into().unwrap())
            .description("Created function \"my-lambda-function\"")
            .metadata(Metadata::from_text(METADATA.to_owned()).unwrap())
            .client(
                "203.0.113.10".parse().unwrap(),
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            )
    }

    /// The next activity.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> NewActivity {
        let activity = (self.make)(self.number);
        self.number += 1;
        activity
    }
}

/// The resource types of the reference.
const TYPES: [&str; 7] = [
    "function",
    "instance",
    "database",
    "storage_bucket",
    "static_website",
    "firewall",
    "cache_server",
];

/// The actions of the reference.
const ACTIONS: [&str; 7] =
    ["create", "update", "delete", "invoke", "sync", "connect", "disconnect"];
