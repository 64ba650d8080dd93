//! The two round trips of an append: read the state consistently, write one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::plan::{Draft, HeadChange, LogState, PartChange, Plan};
use super::reuse;
use crate::activity::Activity;
use crate::id::{ActivityId, UserId};
use crate::store::call::{CAPACITY, unbuildable};
use crate::store::error::{IN_PROGRESS, is_throttling, is_transient};
use crate::store::item::attribute::{Item, Reader, number};
use crate::store::item::entry;
use crate::store::item::head::{self, Head};
use crate::store::item::key::{self, DATA, LEDGER, LedgerKey};
use crate::store::item::node::Node;
use crate::store::{Store, StoreError};
use crate::time::Timestamp;
use crate::view::Scope;

/// What writes, in errors.
pub(super) const WRITE: &str = "TransactWriteItems";

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

impl Store {
    /// Reads, consistently, what a plan for `drafts` must know: the heads of their scopes but for
    /// those that are `kept`, and what their idempotency keys were recorded as. One round trip, and
    /// one more for entries that were recorded before, and for nodes that the drafts may extend; and
    /// up to two more for keys that come again with something else.
    ///
    /// The items are not read as of one moment. A plan stays right all the same, because its
    /// transaction is conditional on each head.
    pub(crate) async fn append_state(
        &self,
        user: UserId,
        drafts: &[&Draft],
        kept: BTreeMap<Scope, Head>,
        now: Timestamp,
    ) -> Result<LogState, StoreError> {
        let mut more: BTreeMap<Scope, u64> = BTreeMap::new();
        for scope in drafts.iter().flat_map(|draft| draft.scopes(user)) {
            *more.entry(scope).or_default() += 1;
        }
        let unknown = more.keys().filter(|scope| !kept.contains_key(scope));
        let mut wanted: Vec<_> = unknown.map(|scope| key::item(*scope, &LedgerKey::Head)).collect();
        let keys = drafts.iter().filter_map(|draft| draft.activity.idempotency_key.clone());
        let keys: BTreeSet<String> = keys.collect();
        wanted.extend(keys.iter().map(|key| idempotency_item(user, key)));

        let mut state = LogState { heads: kept, ..LogState::default() };
        let mut recorded: HashMap<String, ActivityId> = HashMap::new();
        for item in self.batch_get(&self.tables.ledger, wanted, true).await? {
            let reader = Reader::new(&item, LEDGER);
            if key::ledger_key(&reader)? == LedgerKey::Head {
                let head = head::decode(&item)?;
                state.heads.insert(head.scope, head);
            } else {
                recorded.extend(recorded_as(&reader, now)?);
            }
        }
        let nodes = more.iter().flat_map(|(scope, more)| {
            let keys = state.extended(*scope, *more);
            keys.map(|node| key::item(*scope, &LedgerKey::Node(node)))
        });
        let nodes = self.batch_get(&self.tables.ledger, nodes.collect(), true);
        state.known = keys.into_iter().map(|key| (key, None)).collect();
        let (nodes, known) = tokio::try_join!(nodes, self.recorded(user, recorded))?;
        state.known.extend(known);
        self.read_other_keys(user, drafts, &mut state, now).await?;
        for item in nodes {
            let reader = Reader::new(&item, LEDGER);
            let scope = key::scope(&reader)?;
            let LedgerKey::Node(key) = key::ledger_key(&reader)? else { continue };
            let mut node = Node::unpack(reader.bytes(DATA)?, key)
                .map_err(|unreadable| reader.corrupt(format!("{DATA}: {unreadable}")))?;
            // Another writer may have come between; the heads will refuse the plan then.
            let blocks = state.heads.get(&scope).map_or(0, Head::blocks);
            node.keep_children_of(key, blocks);
            state.nodes.insert((scope, key), node);
        }
        Ok(state)
    }

    /// Reads what the keys were recorded as of drafts whose own keys stand for something else.
    async fn read_other_keys(
        &self,
        user: UserId,
        drafts: &[&Draft],
        state: &mut LogState,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let other = drafts.iter().filter_map(|Draft { activity, .. }| {
            let own = activity.idempotency_key.as_ref()?;
            let recorded = state.known.get(own)?.as_ref()?;
            (!reuse::is_same(activity, recorded)).then(|| reuse::other_key(own, activity))
        });
        let keys: BTreeSet<String> = other.collect();
        let items = keys.iter().map(|key| idempotency_item(user, key)).collect();
        let mut recorded = HashMap::new();
        for item in self.batch_get(&self.tables.ledger, items, true).await? {
            recorded.extend(recorded_as(&Reader::new(&item, LEDGER), now)?);
        }
        state.known.extend(keys.into_iter().map(|key| (key, None)));
        state.known.extend(self.recorded(user, recorded).await?);
        Ok(())
    }

    /// The activities that keys were recorded as.
    async fn recorded(
        &self,
        user: UserId,
        recorded: HashMap<String, ActivityId>,
    ) -> Result<impl Iterator<Item = (String, Option<Activity>)> + use<>, StoreError> {
        let (keys, ids): (Vec<String>, Vec<ActivityId>) = recorded.into_iter().unzip();
        let activities = self.activities(user, &ids).await?;
        Ok(keys.into_iter().zip(activities.into_iter().map(Some)))
    }

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

    /// Whether a plan whose answer was lost is written: whether its first entry is the one stored
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
        let expires_at = epoch_seconds(plan.now) + IDEMPOTENCY_KEY_SECONDS;
        Put::builder()
            .table_name(&self.tables.ledger)
            .set_item(Some(idempotency_item(plan.user, key).into()))
            .item("id", number(id))
            .item("expiresAt", number(expires_at))
            .condition_expression("attribute_not_exists(id) OR expiresAt <= :now")
            .expression_attribute_values(":now", number(epoch_seconds(plan.now)))
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

/// The key of the item of a user's idempotency key.
fn idempotency_item(user: UserId, key: &str) -> Item {
    key::item(Scope::User(user), &LedgerKey::Idempotency(key.to_owned()))
}

/// An idempotency key, and what it was recorded as. DynamoDB deletes expired items late; until then
/// they count as deleted.
fn recorded_as(
    reader: &Reader<'_>,
    now: Timestamp,
) -> Result<Option<(String, ActivityId)>, StoreError> {
    let LedgerKey::Idempotency(key) = key::ledger_key(reader)? else {
        return Err(reader.corrupt("it is no idempotency key"));
    };
    let is_valid = reader.number::<u64>("expiresAt")? > epoch_seconds(now);
    if is_valid { Ok(Some((key, reader.number("id")?))) } else { Ok(None) }
}

fn epoch_seconds(time: Timestamp) -> u64 {
    time.as_millis().unsigned_abs() / 1_000
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

/// Why DynamoDB cancelled a transaction, if trying again makes sense.
#[derive(Debug, PartialEq, Eq)]
enum Cancellation {
    /// Another writer was first, or is at it now.
    Race,
    /// DynamoDB has too much to do.
    Throttled,
    /// The id of the entry with this subscript is taken, and another writer was not first.
    IdTaken(usize),
}

/// What DynamoDB says of an action that did not fail.
const NO_REASON: &str = "None";

/// What it says of one whose condition does not hold.
const CONDITION: &str = "ConditionalCheckFailed";

/// What it says of one on an item that another transaction is at.
const CONFLICT: &str = "TransactionConflict";

/// Whether a transaction that was cancelled for this reason may succeed once it is planned anew.
fn is_passing(code: &str) -> bool {
    [NO_REASON, CONDITION, CONFLICT].contains(&code) || is_throttling(code)
}

/// What DynamoDB says of each action of a transaction that it cancelled.
fn codes(canceled: &TransactionCanceledException) -> Vec<&str> {
    let reasons = canceled.cancellation_reasons().iter();
    reasons.map(|reason| reason.code().unwrap_or(NO_REASON)).collect()
}

/// Whether a failed transaction was not carried out, and may be once it is planned anew: another
/// writer was first or is at it now, or DynamoDB has too much to do.
pub(super) fn was_refused_for_now(error: &SdkError<TransactWriteItemsError>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            codes(canceled).into_iter().all(is_passing)
        }
        _ => false,
    }
}

impl Cancellation {
    /// What the reasons mean that DynamoDB gives for each action in turn: heads, entries,
    /// idempotency keys, then blocks and nodes.
    ///
    /// A head that is not as it was read explains every other failed condition. Without one, an
    /// entry's condition says that its id is taken; a key's, that it was read from before another
    /// writer's transaction and the head from after it. A block or node alone should not be there:
    /// nobody writes one without its head.
    fn of(heads: usize, entries: usize, keys: usize, codes: &[&str]) -> Option<Self> {
        if !codes.iter().all(|code| is_passing(code)) {
            return None;
        }
        if codes.iter().any(|code| is_throttling(code)) {
            return Some(Self::Throttled);
        }
        let first = codes.iter().position(|code| *code != NO_REASON)?;
        match first.checked_sub(heads) {
            None => Some(Self::Race),
            Some(_) if codes.contains(&CONFLICT) => Some(Self::Race),
            Some(entry) if entry < entries => Some(Self::IdTaken(entry)),
            Some(key) if key < entries + keys => Some(Self::Race),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failed_action_says_what_a_cancellation_means() {
        const OK: &str = NO_REASON;
        let of = |codes: &[&str]| Cancellation::of(2, 2, 1, codes);
        for (codes, meaning) in [
            ([CONDITION, OK, OK, OK, OK, OK], Some(Cancellation::Race)),
            ([OK, CONDITION, CONDITION, CONDITION, CONDITION, CONDITION], Some(Cancellation::Race)),
            ([OK, OK, CONDITION, OK, OK, OK], Some(Cancellation::IdTaken(0))),
            ([OK, OK, OK, CONDITION, CONDITION, OK], Some(Cancellation::IdTaken(1))),
            ([OK, OK, OK, OK, CONDITION, OK], Some(Cancellation::Race)),
            ([OK, CONFLICT, OK, OK, OK, OK], Some(Cancellation::Race)),
            ([OK, OK, OK, OK, OK, CONFLICT], Some(Cancellation::Race)),
            ([OK, OK, CONDITION, CONFLICT, OK, OK], Some(Cancellation::Race)),
            ([CONDITION, OK, OK, OK, OK, "ThrottlingError"], Some(Cancellation::Throttled)),
            ([OK, OK, "ProvisionedThroughputExceeded", OK, OK, OK], Some(Cancellation::Throttled)),
            ([OK, OK, OK, OK, OK, CONDITION], None),
            ([CONDITION, OK, "ValidationError", OK, OK, OK], None),
            ([OK, OK, OK, OK, OK, "ItemCollectionSizeLimitExceeded"], None),
            ([OK; 6], None),
        ] {
            assert_eq!(of(&codes), meaning, "{codes:?}");
        }
        assert_eq!(of(&[]), None);
    }
}
