//! The log in DynamoDB: three tables, three indexes, no scan and no filter on any path of the API.
//!
//! [`Store`] has the verbs. From the inside out:
//!
//! | module | job |
//! |---|---|
//! | `error` | what can go wrong, and whether to try again makes sense |
//! | `item` | what is stored, byte by byte; no I/O |
//! | `client`, `meter` | how a client waits and retries, and what its calls cost |
//! | `deserialize` | from DynamoDB's JSON to items, in place of the SDK |
//! | `call` | the calls that go on until they are complete |
//! | `read`, `write` | pages, entries and names; appends and names |
//! | `admin` | what an operator does: verify and erase |

mod admin;
mod call;
mod client;
mod deserialize;
mod error;
mod item;
mod meter;
mod read;
mod write;

use aws_sdk_dynamodb::Client;

pub use admin::{Erased, Inconsistency, Verification, Verified, VerifyError};
pub use client::{retries, timeouts};
pub use error::StoreError;
pub use item::entry::SortKey;
pub use item::hash::{EntryHash, HashPrefix};
pub use item::head::Head;
pub use item::idempotency::IDEMPOTENCY_KEY_SECONDS;
pub use item::index::{INDEXES, Index, SORT_KEY};
pub use meter::{Usage, measure};
pub(crate) use meter::{absorb, retried, round_trips};
pub use read::{
    Anchor, Buckets, Cursor, FacetCount, Facets, Histogram, InvalidBuckets, Order, Page, PageError,
    PageRequest, Start, TimeRange,
};
pub(crate) use write::{
    CommitError, Ids, LogState, MAX_ACTIONS, Outcome, Plan, Planned, count_fitting, plan,
};
pub use write::{Draft, NamesError, Placement, Refusal};

use crate::directory::WantedNames;
use crate::id::UserId;

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
///
/// A service that reads its log makes one from its AWS environment:
///
/// ```no_run
/// use activity_log::config::{environment, tables};
/// use activity_log::store::Store;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::connect(tables(&environment)?).await;
/// if let Some(activity) = store.activity(150.try_into()?).await? {
///     println!("{} at {}", activity.details.action, activity.created_at);
/// }
/// # Ok(())
/// # }
/// ```
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
        Self::new(&Client::new(&client::sdk_config().await), tables)
    }

    /// Makes so many calls side by side, which pay for name resolution, TLS and credentials, so that no
    /// request has to. DynamoDB speaks HTTP/1.1, so calls side by side need a connection each. For the
    /// initialisation of a function that reads: each of them reads names.
    ///
    /// # Errors
    /// [`StoreError::Call`] if DynamoDB does not respond.
    pub async fn warm_up(&self, calls: usize) -> Result<(), StoreError> {
        let wanted = WantedNames::of_user();
        let calls = (0..calls).map(|_| self.names(UserId::MAX, &wanted));
        futures_util::future::try_join_all(calls).await?;
        Ok(())
    }
}
