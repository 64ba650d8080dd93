//! A log of its own for every test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use activity_log::id::IdSource;
use activity_log::store::{
    Order, Page, Start, Store, TimeRange, Verification, Verified, VerifyError,
};
use activity_log::time::{Clock, Timestamp};
use activity_log::view::View;
use activity_log::{Activity, ActivityLogger};
use aws_sdk_dynamodb::Client;
use futures_util::TryStreamExt;

use super::build::{START, millis, request, user, whole};
use super::deployment::TEMPLATE;
use super::items::Table;
use crate::engine::Engine;
use crate::faults::{Fault, Faults, Injection};

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

    /// A log, and another logger of it by the same clock, whose connection can be made to fail.
    pub async fn faulty() -> (Self, ActivityLogger, Faults) {
        let log = Self::new().await;
        let faults = Faults::new(1);
        let logger = log.logger_of(faults.store(&log.engine.endpoint()));
        (log, logger, faults)
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

    /// The table of the entries, past the store.
    #[must_use]
    pub fn activities(&self) -> Table {
        Table::at(&self.engine.endpoint(), &crate::tables().activities)
    }

    /// The table of heads, blocks, nodes and idempotency keys, past the store.
    #[must_use]
    pub fn ledger(&self) -> Table {
        Table::at(&self.engine.endpoint(), &crate::tables().ledger)
    }

    /// The table of names, past the store.
    #[must_use]
    pub fn directory(&self) -> Table {
        Table::at(&self.engine.endpoint(), &crate::tables().directory)
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

/// The log in a DynamoDB that takes every request and never responds, for clients as patient as the
/// functions.
#[must_use]
pub fn silent_store() -> Store {
    let faults = Faults::new(1);
    faults.inject(Some(Injection::always(Fault::Stalled)));
    let config = crate::client_config("http://127.0.0.1:1").http_client(faults);
    Store::new(&Client::from_conf(config.build()), crate::tables())
}
