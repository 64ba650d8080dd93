//! The two trips of an append: read the state consistently, write one transaction.

use std::collections::{BTreeMap, HashMap};

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use tokio::time::error::Elapsed;

use super::attributes::{Item, Reader, number, string};
use super::entry::{self, encode_sort_key};
use super::error::{is_throttling, is_transient};
use super::plan::{Draft, HeadChange, LogState, Milestone, Plan, draft_scopes};
use super::{CAPACITY, Store, StoreError, head, keys};
use crate::id::{ActivityId, UserId};
use crate::time::Timestamp;
use crate::view::Scope;

/// How long an idempotency key is kept, in seconds: the longest a queue keeps a message (AWS:
/// "Amazon SQS message quotas").
pub const IDEMPOTENCY_KEY_SECONDS: u64 = 14 * 24 * 60 * 60;

/// Why a transaction was not seen to succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    /// Another writer was first, or is at it now. Nothing was written; plan again.
    #[error("another append to the same log was first")]
    Race,
    /// DynamoDB has too much to do. Nothing was written; try again later.
    #[error("DynamoDB throttled the append")]
    Throttled,
    /// These ids are taken, and another writer was not first. Nothing was written.
    #[error("activity id {0} is taken")]
    IdTaken(ActivityId),
    /// No answer, or none that tells: it may be written, now or a little later.
    #[error("the answer to the append was lost")]
    Lost(#[source] StoreError),
    /// It cannot be written.
    #[error(transparent)]
    Failed(StoreError),
}

impl CommitError {
    /// The time was up before the answer was there.
    pub(crate) fn late(elapsed: Elapsed) -> Self {
        Self::Lost(StoreError::Call {
            operation: "TransactWriteItems",
            transient: true,
            source: elapsed.into(),
        })
    }
}

impl Store {
    /// Reads, consistently, the heads of the drafts' scopes and what their idempotency keys were
    /// recorded as: one trip, and one more if any were.
    ///
    /// The items are not read as of one moment. A plan stays right all the same, because its
    /// transaction is conditional on each of them.
    pub(crate) async fn append_state(
        &self,
        user: UserId,
        drafts: &[Draft],
        now: Timestamp,
    ) -> Result<LogState, StoreError> {
        let user_scope = keys::ledger_scope(Scope::User(user));
        let mut wanted: Vec<(String, String)> = Vec::new();
        for draft in drafts {
            for scope in draft_scopes(user, &draft.activity) {
                wanted.push((keys::ledger_scope(scope), keys::HEAD.to_owned()));
            }
            if let Some(key) = &draft.activity.idempotency_key {
                wanted.push((user_scope.clone(), keys::idempotency(key)));
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        let wanted = wanted
            .into_iter()
            .map(|(scope, entry)| {
                Item::from([
                    ("scope".to_owned(), string(scope)),
                    ("entry".to_owned(), string(entry)),
                ])
            })
            .collect();

        let mut heads = BTreeMap::new();
        let mut recorded: HashMap<String, ActivityId> = HashMap::new();
        for item in self.batch_get(&self.tables.ledger, wanted, true).await? {
            let reader = Reader::new(&item, "Ledger", ["scope", "entry"]);
            let Some(key) = reader.string("entry")?.strip_prefix(keys::IDEMPOTENCY) else {
                let head = head::decode(&item)?;
                heads.insert(head.scope, head);
                continue;
            };
            // DynamoDB deletes expired items late; until then they count as deleted.
            if reader.number::<u64>("expiresAt")? > epoch_seconds(now) {
                recorded.insert(key.to_owned(), reader.number("id")?);
            }
        }
        let ids: Vec<ActivityId> = recorded.values().copied().collect();
        let entries = self.entries(user, &ids).await?;
        let activities: HashMap<ActivityId, _> =
            entries.into_iter().map(|entry| (entry.activity.id, entry.activity)).collect();
        let known = recorded
            .into_iter()
            .map(|(key, id)| match activities.get(&id) {
                Some(activity) => Ok((key, activity.clone())),
                None => Err(StoreError::Missing { id }),
            })
            .collect::<Result<_, _>>()?;
        Ok(LogState { heads, known })
    }

    /// Writes `plan` in one transaction: all of it or nothing.
    ///
    /// It is sent once. The SDK would repeat it with the same `ClientRequestToken`, which DynamoDB
    /// remembers for ten minutes (AWS: "`TransactWriteItems`"); after that, a transaction that was
    /// carried out is refused like one that came second, and nobody could tell the two apart.
    pub(crate) async fn commit(&self, plan: &Plan) -> Result<(), CommitError> {
        let mut request = self.client.transact_write_items().return_consumed_capacity(CAPACITY);
        for put in self.puts(plan) {
            let put = put.build().map_err(|error| {
                CommitError::Failed(StoreError::Call {
                    operation: "TransactWriteItems",
                    transient: false,
                    source: Box::new(error),
                })
            })?;
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        let once = Config::builder().retry_config(RetryConfig::disabled());
        match request.customize().config_override(once).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(classify(plan, error)),
        }
    }

    /// Whether a plan whose answer was lost is written: whether its first entry is the one stored
    /// under that id, positions and all.
    pub(crate) async fn is_committed(&self, plan: &Plan) -> Result<bool, StoreError> {
        let Some(planned) = plan.entries.first() else { return Ok(true) };
        let stored = self.entry(planned.activity.id, true).await?;
        Ok(stored.as_ref() == Some(planned))
    }

    /// The actions of the transaction. [`classify`] relies on their order.
    fn puts(&self, plan: &Plan) -> Vec<PutBuilder> {
        let heads = plan.heads.iter().map(|change| self.put_head(change));
        let entries = plan.entries.iter().map(|entry| {
            Put::builder()
                .table_name(&self.tables.activities)
                .set_item(Some(entry::encode(entry)))
                .condition_expression("attribute_not_exists(id)")
        });
        let keys = plan.keys.iter().map(|(key, subscript)| {
            let id = plan.entries[*subscript].activity.id;
            self.put_idempotency_key(plan, key, id)
        });
        let milestones = plan.milestones.iter().map(|milestone| self.put_milestone(milestone));
        heads.chain(entries).chain(keys).chain(milestones).collect()
    }

    /// Puts a head on condition that it is still the one that was read. The id of the last entry
    /// tells that: no other entry ever had it.
    fn put_head(&self, change: &HeadChange) -> PutBuilder {
        let put = Put::builder()
            .table_name(&self.tables.ledger)
            .set_item(Some(head::encode(&change.head, change.last)));
        match change.read {
            None => put.condition_expression("attribute_not_exists(entry)"),
            Some(read) => put
                .condition_expression("id = :read")
                .expression_attribute_values(":read", number(read.id)),
        }
    }

    fn put_idempotency_key(&self, plan: &Plan, key: &str, id: ActivityId) -> PutBuilder {
        let scope = keys::ledger_scope(Scope::User(plan.user));
        let expires_at = epoch_seconds(plan.now) + IDEMPOTENCY_KEY_SECONDS;
        Put::builder()
            .table_name(&self.tables.ledger)
            .item("scope", string(scope))
            .item("entry", string(keys::idempotency(key)))
            .item("id", number(id))
            .item("expiresAt", number(expires_at))
            .condition_expression("attribute_not_exists(entry) OR expiresAt <= :now")
            .expression_attribute_values(":now", number(epoch_seconds(plan.now)))
    }

    fn put_milestone(&self, milestone: &Milestone) -> PutBuilder {
        let mut item = Item::from([
            ("scope".to_owned(), string(keys::ledger_scope(milestone.view.scope))),
            (
                "entry".to_owned(),
                string(keys::milestone(&milestone.view.facets, milestone.position)),
            ),
        ]);
        encode_sort_key(&mut item, milestone.at);
        Put::builder().table_name(&self.tables.ledger).set_item(Some(item))
    }
}

fn epoch_seconds(time: Timestamp) -> u64 {
    time.as_millis().unsigned_abs() / 1_000
}

/// What a failed transaction means. Cancellation reasons come in the order of the actions.
fn classify(plan: &Plan, error: SdkError<TransactWriteItemsError>) -> CommitError {
    let failed = |error| CommitError::Failed(StoreError::call("TransactWriteItems")(error));
    let lost = |error| CommitError::Lost(StoreError::call("TransactWriteItems")(error));
    let SdkError::ServiceError(service) = &error else {
        return if is_transient(&error) { lost(error) } else { failed(error) };
    };
    let TransactWriteItemsError::TransactionCanceledException(canceled) = service.err() else {
        return match service.err().code() {
            Some(code) if is_throttling(code) => CommitError::Throttled,
            Some("TransactionInProgressException") => lost(error),
            _ if service.raw().status().is_server_error() => lost(error),
            _ => failed(error),
        };
    };
    let codes: Vec<&str> = canceled
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code().unwrap_or("None"))
        .collect();
    let Some(first) = codes.iter().position(|code| *code != "None") else { return failed(error) };
    if codes.iter().any(|code| *code != "None" && !is_retryable_reason(code)) {
        return failed(error);
    }
    if codes.iter().any(|code| is_throttling(code)) {
        return CommitError::Throttled;
    }
    let entries = plan.heads.len()..plan.heads.len() + plan.entries.len();
    if codes[first] == "ConditionalCheckFailed" && entries.contains(&first) {
        return CommitError::IdTaken(plan.entries[first - entries.start].activity.id);
    }
    CommitError::Race
}

fn is_retryable_reason(code: &str) -> bool {
    matches!(code, "ConditionalCheckFailed" | "TransactionConflict") || is_throttling(code)
}
