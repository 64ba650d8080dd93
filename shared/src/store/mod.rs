//! The log in DynamoDB: three tables, twelve indexes, no scan and no filter on any path of the API.
//!
//! [`Store`] has the verbs; the modules below have one each. Keys are built in `keys`, items in
//! `entry` and `head`; nothing outside of this folder knows what an attribute is called.

mod append;
mod attributes;
mod audit;
mod batch;
mod directory;
mod entry;
mod erase;
mod error;
mod get;
mod hash;
mod head;
mod keys;
mod ledger;
mod meter;
mod page;
mod partition;
mod plan;
mod query;
mod tamper;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;

use crate::id::UserId;

pub(crate) use append::CommitError;
pub use append::IDEMPOTENCY_KEY_SECONDS;
pub use audit::{Contradiction, Verified, VerifyError};
pub use directory::Entity;
pub use entry::{Entry, SortKey};
pub use erase::Erased;
pub use error::StoreError;
pub use hash::EntryHash;
pub use head::Head;
pub(crate) use meter::retried;
pub use meter::{Usage, measure};
pub use page::{Cursor, Order, Page, PageError, PageRequest, Start, TimeRange};
pub use plan::{Draft, Placement, Refusal};
pub(crate) use plan::{LogState, Outcome, Plan, plan, reach};

/// The names of the three tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// The entries; key `id`.
    pub activities: String,
    /// Users, projects and environments; key `userId`, `entity`.
    pub directory: String,
    /// Heads, milestones and idempotency keys; key `scope`, `entry`.
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

    /// Makes the first call, which pays for name resolution, TLS and credentials, so that no
    /// request has to. For a function's initialisation.
    ///
    /// # Errors
    /// [`StoreError::Call`] if DynamoDB does not answer.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        self.client
            .query()
            .table_name(&self.tables.directory)
            .key_condition_expression("userId = :user")
            .expression_attribute_values(":user", attributes::number(UserId::MAX))
            .limit(1)
            .return_consumed_capacity(CAPACITY)
            .send()
            .await
            .map_err(StoreError::call("Query"))?;
        Ok(())
    }
}

/// Every call asks what it consumed, so that whoever listens on the client can add it up.
const CAPACITY: ReturnConsumedCapacity = ReturnConsumedCapacity::Total;

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
