//! The log in DynamoDB: three tables, three indexes, no scan and no filter on any path of the API.
//!
//! [`Store`] has the verbs. From the inside out: `item` is what is stored; `call` is how DynamoDB is
//! called; `write`, `read` and `admin` are the appends, the pages and what an operator does.

mod admin;
mod call;
mod error;
mod item;
mod meter;
mod read;
mod response;
mod write;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::Client;

use crate::directory::WantedNames;
use crate::id::UserId;

pub use admin::{Erased, Inconsistency, Verification, Verified, VerifyError};
pub use error::StoreError;
pub use item::entry::SortKey;
pub use item::hash::{EntryHash, HashPrefix};
pub use item::head::Head;
pub use meter::{Usage, measure};
pub(crate) use meter::{absorb, retried, trips};
pub use read::{
    Anchor, Buckets, Cursor, FacetCount, Facets, Histogram, InvalidBuckets, Order, Page, PageError,
    PageRequest, Start, TimeRange,
};
pub(crate) use write::{
    CommitError, Ids, LogState, MAX_ACTIONS, Outcome, Plan, Planned, plan, reach,
};
pub use write::{Draft, IDEMPOTENCY_KEY_SECONDS, NamesError, Placement, Refusal};

/// The names of the three tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// The entries; key `id`.
    pub activities: String,
    /// Users, projects and environments, and their slugs; key `userId`, `entity`.
    pub directory: String,
    /// Heads, blocks, nodes and idempotency keys; key `scope`, `item`.
    pub ledger: String,
}

/// The log in DynamoDB. Cheap to clone; make one per process.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    tables: Tables,
}

impl Store {
    /// The store that `client` reaches in `tables`. What it does can be counted by [`measure`].
    #[must_use]
    pub fn new(client: &Client, tables: Tables) -> Self {
        let metered = client.config().to_builder().interceptor(meter::Meter).build();
        Self { client: Client::from_conf(metered), tables }
    }

    /// The store that the process's AWS environment leads to: region, credentials and, if it is
    /// set, `AWS_ENDPOINT_URL_DYNAMODB`.
    pub async fn connect(tables: Tables) -> Self {
        Self::new(&Client::new(&sdk_config().await), tables)
    }

    /// Makes so many calls side by side, which pay for name resolution, TLS and credentials, so that no
    /// request has to. DynamoDB speaks HTTP/1.1, so calls side by side need a connection each. For the
    /// initialisation of a function that reads: each of them reads names.
    ///
    /// # Errors
    /// [`StoreError::Call`] if DynamoDB does not answer.
    pub async fn warm_up(&self, calls: usize) -> Result<(), StoreError> {
        let wanted = WantedNames::of_user();
        let calls = (0..calls).map(|_| self.names(UserId::MAX, &wanted));
        futures_util::future::try_join_all(calls).await?;
        Ok(())
    }
}

/// The SDK configuration of every client: from the environment, with a limit on every wait.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts())
        .retry_config(retries())
        .load()
        .await
}

/// How long one call to DynamoDB may take.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build()
}

/// How often the SDK repeats a read that failed. Writes are repeated by the logger, which looks
/// first whether they were carried out.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_secs(1))
}
