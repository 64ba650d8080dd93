//! Faults between the SDK and DynamoDB, for tests: an HTTP client that refuses calls, loses them,
//! loses or delays their responses, hides recent entries from the indexes or changes them there, and
//! reads tables as they were a while ago.
//!
//! Faults happen at random, or at a certain call. All randomness comes from one seed.

mod connector;
mod damage;
mod fault;
mod lag;
mod stale;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use activity_log::store::Store;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

pub use fault::{Fault, Injection, WRITE};

use damage::Damage;
use state::State;

/// A source of faults; a clone makes the same ones. Without any until told otherwise.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: SharedHttpClient,
    state: Arc<Mutex<State>>,
}

impl Faults {
    /// No faults; those to come depend on `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let inner = aws_smithy_http_client::Builder::new().build_http();
        Self { inner, state: Arc::new(Mutex::new(State::new(seed))) }
    }

    /// A client for a DynamoDB at `endpoint` on this machine that meets these faults. It waits long, so
    /// that a call that a busy machine holds up is not taken for one that is lost; a fault in which
    /// nothing comes back ends by itself, and soon, so that tests are short.
    #[must_use]
    pub fn client(&self, endpoint: &str) -> Client {
        let timeouts =
            TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(10)).build();
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(Duration::from_millis(5));
        let config = crate::client_config(endpoint)
            .http_client(self.clone())
            .timeout_config(timeouts)
            .retry_config(retries);
        Client::from_conf(config.build())
    }

    /// The log behind [`Self::client`].
    #[must_use]
    pub fn store(&self, endpoint: &str) -> Store {
        Store::new(&self.client(endpoint), crate::tables())
    }

    /// From now on a call goes wrong with this probability.
    pub fn at_random(&self, chance: f64) {
        self.state().chance = chance;
    }

    /// Makes one fault happen, counted from the next call; `None` takes it back.
    pub fn inject(&self, injection: Option<Injection>) {
        self.state().injection = injection;
    }

    /// Entries that are written from now on, through these clients, are hidden by the indexes with
    /// this probability: by each copy of each index for a time of its own.
    pub fn lag_at_random(&self, chance: f64, at_most: Duration) {
        self.state().lag.at_random(chance, at_most);
    }

    /// From now on an eventually consistent read of a table finds each item, with this probability,
    /// as some write of its own left it, of all those through these clients, or as it was before
    /// the first.
    pub fn stale_at_random(&self, chance: f64) {
        self.state().history.serve(chance);
    }

    /// Hides entries from the next `queries` of any index.
    pub fn hide(&self, ids: impl IntoIterator<Item = u64>, queries: u32) {
        self.state().lag.hide(ids.into_iter().collect(), queries, 0);
    }

    /// Hides an entry from the next `batches` of reads by key.
    pub fn hide_body(&self, id: u64, batches: u32) {
        self.state().lag.hide([id].into(), 0, batches);
    }

    /// From now on an index has this text as an attribute of an entry.
    pub fn damage(&self, index: &'static str, id: u64, attribute: &'static str, text: &str) {
        let value = serde_json::json!({ "S": text });
        self.state().damage = Some(Damage { index, id, attribute, value });
    }

    /// How often each fault has happened so far.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Fault, u64> {
        self.state().counts.clone()
    }

    /// How many calls there were so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// What was asked for so far, as IAM calls it, each with the table, or the table and index.
    #[must_use]
    pub fn actions(&self) -> BTreeSet<(String, String)> {
        self.state().actions.clone()
    }

    /// Waits until no call is left that will be carried out late.
    pub async fn wait_for_late(&self) {
        while self.state().late > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
