//! The second round trip of an append: writes what was planned in one transaction.

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::plan::{HeadChange, PartChange, Plan};
use super::transaction::{Cancellation, WRITE, codes};
use crate::id::ActivityId;
use crate::store::call::{CAPACITY, unbuildable};
use crate::store::error::{IN_PROGRESS, is_throttling, is_transient};
use crate::store::item::attribute::number;
use crate::store::item::key::{self, DATA};
use crate::store::item::{entry, head, idempotency};
use crate::store::{Store, StoreError};

/// Why a transaction was not seen to succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    /// Another writer was first, or is at it now. Nothing was written; plan again.
    #[error("another append to the same log was first")]
    Race,
    /// DynamoDB has too much to do. Nothing was written; try again later.
    #[error("DynamoDB throttled the append")]
    Throttled,
    /// This id is taken, and another writer was not first. Nothing was written.
    #[error("activity id {0} is taken")]
    IdTaken(ActivityId),
    /// No response, or none that says whether the plan was written: it may be, now or a little later.
    #[error("the response to the append was lost")]
    Lost(#[source] StoreError),
    /// It cannot be written.
    #[error(transparent)]
    Failed(StoreError),
}

impl Store {
    /// Writes `plan` in one transaction: all of it or nothing.
    ///
    /// It is sent once. The SDK would repeat it with the same `ClientRequestToken`, which DynamoDB
    /// remembers for ten minutes (AWS: "`TransactWriteItems`"); after that, a transaction that was
    /// carried out is refused like one that came second, and nobody could tell the two apart.
    pub(crate) async fn commit(&self, plan: &Plan) -> Result<(), CommitError> {
        let mut request = self.client.transact_write_items().return_consumed_capacity(CAPACITY);
        for put in self.puts(plan) {
            let put = put.build().map_err(unbuildable(WRITE)).map_err(CommitError::Failed)?;
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        let once = Config::builder().retry_config(RetryConfig::disabled());
        match request.customize().config_override(once).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(classify(plan, error)),
        }
    }

    /// Whether a plan whose response was lost is written: whether its first entry is the one stored
    /// under that id, positions and all.
    pub(crate) async fn is_committed(&self, plan: &Plan) -> Result<bool, StoreError> {
        let Some(planned) = plan.entries.first() else { return Ok(true) };
        let stored = self.entry(planned.activity.id, true).await?;
        Ok(stored.as_ref() == Some(planned))
    }

    /// The actions of the transaction. [`Cancellation::of`] relies on their order.
    fn puts(&self, plan: &Plan) -> Vec<PutBuilder> {
        let heads = plan.heads.iter().map(|change| self.put_head(change));
        let entries = plan.entries.iter().map(|entry| {
            Put::builder()
                .table_name(&self.tables.activities)
                .set_item(Some(entry::encode(entry).into()))
                .condition_expression("attribute_not_exists(id)")
        });
        let keys = plan.keys.iter().map(|(key, subscript)| {
            let id = plan.entries[*subscript].activity.id;
            self.put_idempotency_key(plan, key, id)
        });
        let parts = plan.parts.iter().map(|part| self.put_part(part));
        heads.chain(entries).chain(keys).chain(parts).collect()
    }

    /// Puts a head on condition that it is still the one that was read. The id of the last entry
    /// tells that: no other entry ever had it.
    fn put_head(&self, change: &HeadChange) -> PutBuilder {
        let put = Put::builder()
            .table_name(&self.tables.ledger)
            .set_item(Some(head::encode(&change.head, change.last).into()));
        match change.read {
            None => put.condition_expression("attribute_not_exists(id)"),
            Some(read) => put
                .condition_expression("id = :read")
                .expression_attribute_values(":read", number(read.id)),
        }
    }

    fn put_idempotency_key(&self, plan: &Plan, key: &str, id: ActivityId) -> PutBuilder {
        let item = idempotency::encode(plan.user, key, id, plan.now);
        let now = idempotency::epoch_seconds(plan.now);
        Put::builder()
            .table_name(&self.tables.ledger)
            .set_item(Some(item.into()))
            .condition_expression("attribute_not_exists(id) OR expiresAt <= :now")
            .expression_attribute_values(":now", number(now))
    }

    /// Puts a block or node. One that is new must not be there; one that grows is safe under the
    /// condition of its head.
    fn put_part(&self, part: &PartChange) -> PutBuilder {
        let put = Put::builder()
            .table_name(&self.tables.ledger)
            .set_item(Some(key::part(part.scope, &part.key, part.data.clone()).into()));
        if part.is_new {
            put.condition_expression("attribute_not_exists(#data)")
                .expression_attribute_names("#data", DATA)
        } else {
            put
        }
    }
}

/// What a failed transaction means.
fn classify(plan: &Plan, error: SdkError<TransactWriteItemsError>) -> CommitError {
    let failed = |error| CommitError::Failed(StoreError::call(WRITE)(error));
    let lost = |error| CommitError::Lost(StoreError::call(WRITE)(error));
    let SdkError::ServiceError(service) = &error else {
        return if is_transient(&error) { lost(error) } else { failed(error) };
    };
    let TransactWriteItemsError::TransactionCanceledException(canceled) = service.err() else {
        return match service.err().code() {
            Some(code) if is_throttling(code) => CommitError::Throttled,
            Some(IN_PROGRESS) => lost(error),
            _ if service.raw().status().is_server_error() => lost(error),
            _ => failed(error),
        };
    };
    let (heads, entries, keys) = (plan.heads.len(), plan.entries.len(), plan.keys.len());
    match Cancellation::of(heads, entries, keys, &codes(canceled)) {
        Some(Cancellation::Race) => CommitError::Race,
        Some(Cancellation::Throttled) => CommitError::Throttled,
        Some(Cancellation::IdTaken(entry)) => CommitError::IdTaken(plan.entries[entry].activity.id),
        None => failed(error),
    }
}
