//! What an append must know of the log, and the first of its two round trips, which reads it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::draft::Draft;
use super::reuse;
use crate::activity::Activity;
use crate::id::{ActivityId, UserId};
use crate::store::item::FANOUT;
use crate::store::item::head::{self, Head};
use crate::store::item::idempotency;
use crate::store::item::key::{self, DATA, LEDGER, LedgerKey};
use crate::store::item::node::{Node, NodeKey, children};
use crate::store::item::reader::Reader;
use crate::store::{Store, StoreError};
use crate::time::Timestamp;
use crate::view::Scope;

/// What the planner knows of the log, all read consistently.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    /// The heads of the scopes of the drafts; absent before a scope's first entry.
    pub(crate) heads: BTreeMap<Scope, Head>,
    /// The nodes that the drafts may extend.
    pub(crate) nodes: BTreeMap<(Scope, NodeKey), Node>,
    /// What the idempotency keys among the drafts were first recorded as; nothing, if they are free.
    pub(crate) known: HashMap<String, Option<Activity>>,
}

impl LogState {
    /// The nodes that are there and that so many more entries of a scope extend.
    pub(super) fn extended(
        &self,
        scope: Scope,
        more: u64,
    ) -> impl Iterator<Item = NodeKey> + use<> {
        let total = self.heads.get(&scope).map_or(0, Head::total);
        let (blocks, then) = (total / FANOUT, (total + more) / FANOUT);
        (1..)
            .map(move |level| (level, children(level, blocks), children(level, then)))
            .take_while(|(_, now, then)| then > now)
            .filter(|(_, now, _)| now % FANOUT > 0)
            .map(|(level, now, _)| NodeKey { level, index: now / FANOUT })
    }
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
        wanted.extend(keys.iter().map(|key| idempotency::item_key(user, key)));

        let mut state = LogState { heads: kept, ..LogState::default() };
        let mut recorded: HashMap<String, ActivityId> = HashMap::new();
        for item in self.batch_get(&self.tables.ledger, wanted, true).await? {
            let reader = Reader::new(&item, LEDGER);
            if key::ledger_key(&reader)? == LedgerKey::Head {
                let head = head::decode(&item)?;
                state.heads.insert(head.scope, head);
            } else {
                recorded.extend(idempotency::decode(&item, now)?);
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
            let mut node = reader.unpacked(DATA, |bytes| Node::unpack(bytes, key))?;
            // Another writer may have come between; the heads will refuse the plan then.
            let blocks = state.heads.get(&scope).map_or(0, Head::blocks);
            node.keep_children_of(key, blocks);
            state.nodes.insert((scope, key), node);
        }
        Ok(state)
    }

    /// For each draft whose own key stands for something else, reads what its other key
    /// ([`reuse::other_key`]) was recorded as.
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
        let items = keys.iter().map(|key| idempotency::item_key(user, key)).collect();
        let mut recorded = HashMap::new();
        for item in self.batch_get(&self.tables.ledger, items, true).await? {
            recorded.extend(idempotency::decode(&item, now)?);
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
}
