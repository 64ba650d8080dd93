//! A log of its own for every test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use activity_log::NewActivity;
use activity_log::id::{IdSource, UserId};
use activity_log::logger::ActivityLogger;
use activity_log::store::{Order, Page, PageRequest, Start, Store, TimeRange};
use activity_log::time::{Clock, Timestamp};
use activity_log::view::{Facets, Scope, View};
use activity_log_local::engine::Engine;
use activity_log_local::tables;
use aws_sdk_dynamodb::Client;

pub(crate) const TEMPLATE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"));

/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600_000;

/// A log with a clock that stands still until it is moved.
pub(crate) struct Log {
    pub(crate) engine: Engine,
    pub(crate) client: Client,
    pub(crate) store: Store,
    pub(crate) logger: ActivityLogger,
    now: Arc<AtomicI64>,
}

impl Log {
    pub(crate) async fn new() -> Self {
        let engine = Engine::in_memory(TEMPLATE).await.unwrap();
        let client = activity_log_local::client(&engine.endpoint());
        let store = Store::new(&client, tables());
        let now = Arc::new(AtomicI64::new(START));
        let clock = {
            let now = Arc::clone(&now);
            Clock::new(move || millis(now.load(Ordering::SeqCst)))
        };
        let logger = ActivityLogger::new(store.clone())
            .with_clock(clock)
            .with_ids(IdSource::new(fastrand::Rng::with_seed(7)));
        Self { engine, client, store, logger, now }
    }

    /// Moves the clock, backwards if `by` is negative.
    pub(crate) fn advance(&self, by: i64) {
        self.now.fetch_add(by, Ordering::SeqCst);
    }

    pub(crate) async fn page(&self, view: View, offset: u64, limit: usize) -> Page {
        self.store.page(&request(view, Start::Offset(offset), limit)).await.unwrap()
    }
}

pub(crate) fn millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

pub(crate) fn user(id: u64) -> UserId {
    id.try_into().unwrap()
}

pub(crate) fn whole(id: u64) -> View {
    View::of(Scope::User(user(id)))
}

pub(crate) fn with_facets(scope: Scope, resource_type: Option<&str>, action: Option<&str>) -> View {
    let facets = Facets {
        resource_type: resource_type.map(str::to_owned),
        action: action.map(str::to_owned),
    };
    View { scope, facets }
}

/// A page, newest first, of all time.
pub(crate) fn request(view: View, start: Start, limit: usize) -> PageRequest {
    PageRequest { view, range: TimeRange::default(), order: Order::NewestFirst, start, limit }
}

/// An activity that is in all twelve views, about 400 bytes when it is stored.
pub(crate) fn full(number: u64) -> NewActivity {
    let types = ["function", "database"];
    let actions = ["create", "invoke"];
    let mut activity = NewActivity::new(actions[usize::from(number.is_multiple_of(10))])
        .resource(types[usize::from(number.is_multiple_of(2))], 5.try_into().unwrap())
        .environment(4.try_into().unwrap(), 9.try_into().unwrap())
        .description(format!("Did number {number} of the things that are done to functions"))
        .client("203.0.113.9".parse().unwrap(), "Mozilla/5.0 (X11; Linux x86_64)");
    let metadata = format!(r#"{{"runtime":"nodejs20.x","handler":"index.handler","n":{number}}}"#);
    activity.metadata = activity_log::Metadata::from_text(metadata).ok();
    activity
}
