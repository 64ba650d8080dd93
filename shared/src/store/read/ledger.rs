//! Reading a scope's ledger: its head, and then the blocks and nodes without which a page cannot be
//! found.

use std::collections::HashSet;

use super::read_plan::{Reads, plan_reads};
use super::snapshot::{Missing, Part, Snapshot};
use crate::store::call::{Condition, Query};
use crate::store::item::FANOUT;
use crate::store::item::attribute::{Item, string};
use crate::store::item::block::Block;
use crate::store::item::head::{self, Head};
use crate::store::item::key::{self, DATA, LEDGER, LedgerKey};
use crate::store::item::node::{Node, NodeKey};
use crate::store::item::reader::Reader;
use crate::store::{Store, StoreError};
use crate::view::Scope;

/// About how many bytes a block takes.
const BLOCK_BYTES: u64 = 512;

/// Blocks, or nodes of one level, whose places are next to each other.
pub(super) struct PartRange {
    pub(super) from: Part,
    pub(super) to: Part,
    pub(super) is_ascending: bool,
    /// At most this many.
    pub(super) limit: usize,
}

impl Store {
    /// How far a scope has been numbered, read consistently. One round trip of at least one read unit.
    ///
    /// ```
    /// use activity_log::NewActivity;
    /// use activity_log::id::UserId;
    /// use activity_log::view::Scope;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let (store, logger) = (log.store.clone(), log.logger.clone());
    /// let user = UserId::try_from(3)?;
    /// assert_eq!(store.head(Scope::User(user)).await?.total(), 0);
    ///
    /// logger.append(user, NewActivity::new("create")).await?;
    /// assert_eq!(store.head(Scope::User(user)).await?.total(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if the head cannot be read.
    pub async fn head(&self, scope: Scope) -> Result<Head, StoreError> {
        self.read_head(scope, true).await
    }

    pub(super) async fn read_head(
        &self,
        scope: Scope,
        is_consistent: bool,
    ) -> Result<Head, StoreError> {
        let key = key::item(scope, &LedgerKey::Head);
        let item = self.get(&self.tables.ledger, key, is_consistent).await?;
        item.as_ref().map_or_else(|| Ok(Head::empty(scope)), head::decode)
    }

    /// The newest node of a level, if there is one.
    pub(super) async fn newest_node(
        &self,
        scope: Scope,
        level: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let place = |index| Part::Node(NodeKey { level, index });
        let range =
            PartRange { from: place(0), to: place(Part::MAX_PLACE), is_ascending: false, limit: 1 };
        self.read_range(scope, range).await
    }

    /// The blocks or nodes of a range.
    pub(super) async fn read_range(
        &self,
        scope: Scope,
        range: PartRange,
    ) -> Result<Vec<Item>, StoreError> {
        let bound = |part: Part| string(part.ledger_key().sort_key());
        let partition = vec![("scope", string(key::ledger_scope(scope)))];
        let query = Query {
            condition: Some(("item", Condition::Between(bound(range.from), bound(range.to)))),
            is_ascending: range.is_ascending,
            limit: Some(range.limit),
            ..Query::all(&self.tables.ledger, partition)
        };
        self.query(query).await
    }

    /// Reads parts of the ledger. Those that were asked for before, and were not there or too old,
    /// are read consistently; what is then still missing is corrupt.
    pub(super) async fn read_parts(
        &self,
        snapshot: &mut Snapshot,
        Missing(parts): Missing,
        asked: &mut HashSet<Part>,
    ) -> Result<(), StoreError> {
        let scope = snapshot.head().scope;
        let corrupt = |what: String, reason: &str| StoreError::Corrupt {
            item: what,
            reason: reason.to_owned(),
        };
        if parts.is_empty() {
            return Err(corrupt(format!("the ledger of {scope}"), "its counts are inconsistent"));
        }
        let (again, first): (Vec<Part>, Vec<Part>) =
            parts.iter().partition(|part| asked.contains(part));
        asked.extend(&first);
        let keys = again.iter().map(|part| part.key(scope)).collect();
        let again_items = self.batch_get(&self.tables.ledger, keys, true);
        let (first_items, again_items) =
            tokio::try_join!(self.read_parts_once(snapshot.head(), &first), again_items)?;
        for item in first_items.iter().chain(&again_items) {
            add_part(snapshot, item)?;
        }
        match again.into_iter().find(|part| !snapshot.has(*part)) {
            None => Ok(()),
            Some(part) => {
                let what = format!("{} of {scope}", part.ledger_key().sort_key());
                Err(corrupt(what, "it is missing, or lacks entries that the head counts"))
            }
        }
    }

    /// Reads parts of the ledger, in ranges where they stand close together.
    async fn read_parts_once(&self, head: &Head, parts: &[Part]) -> Result<Vec<Item>, StoreError> {
        let mut keys = Vec::new();
        let mut queries = Vec::new();
        for kind in parts.chunk_by(|one, next| one.kind() == next.kind()) {
            let places: Vec<u64> = kind.iter().map(|part| part.place()).collect();
            let Reads { ranges, single } = plan_reads(&places, kind[0].bytes(head));
            keys.extend(single.iter().map(|subscript| kind[*subscript].key(head.scope)));
            for range in ranges {
                let (first, last) = (kind[range.start], kind[range.end - 1]);
                let limit = usize::try_from(last.place() - first.place() + 1).unwrap_or(usize::MAX);
                let range = PartRange { from: first, to: last, is_ascending: true, limit };
                queries.push(self.read_range(head.scope, range));
            }
        }
        let batch = self.batch_get(&self.tables.ledger, keys, false);
        let (mut items, runs) =
            tokio::try_join!(batch, futures_util::future::try_join_all(queries))?;
        items.extend(runs.into_iter().flatten());
        Ok(items)
    }
}

impl Part {
    /// The largest place of a block or node, as far as their keys have digits.
    pub(super) const MAX_PLACE: u64 = 9_999_999_999;

    fn ledger_key(self) -> LedgerKey {
        match self {
            Self::Node(key) => LedgerKey::Node(key),
            Self::Block(number) => LedgerKey::Block(number),
        }
    }

    /// Its key in the Ledger.
    pub(super) fn key(self, scope: Scope) -> Item {
        key::item(scope, &self.ledger_key())
    }

    /// Its number among those of its kind.
    const fn place(self) -> u64 {
        match self {
            Self::Node(key) => key.index,
            Self::Block(number) => number,
        }
    }

    /// The level it is of; blocks are of level 0.
    const fn kind(self) -> u32 {
        match self {
            Self::Node(key) => key.level,
            Self::Block(_) => 0,
        }
    }

    /// About how many bytes it takes: a byte for each pair that a child of a node can have.
    fn bytes(self, head: &Head) -> u64 {
        let pairs = head.pairs() as u64;
        match self {
            Self::Block(_) => BLOCK_BYTES,
            Self::Node(NodeKey { level: 1, .. }) => FANOUT * (pairs.min(FANOUT) + 1) + 4 * pairs,
            Self::Node(_) => FANOUT * (3 * pairs + 1),
        }
    }
}

/// Adds an item of the ledger to what was read of it.
pub(super) fn add_part(snapshot: &mut Snapshot, item: &Item) -> Result<(), StoreError> {
    let reader = Reader::new(item, LEDGER);
    match key::ledger_key(&reader)? {
        LedgerKey::Block(number) => {
            snapshot.add_block(number, reader.unpacked(DATA, Block::unpack)?);
        }
        LedgerKey::Node(key) => {
            let node = reader.unpacked(DATA, |bytes| Node::unpack(bytes, key))?;
            snapshot.add_node(key, node);
        }
        LedgerKey::Head | LedgerKey::Idempotency(_) => {
            return Err(reader.corrupt("it is neither a block nor a node"));
        }
    }
    Ok(())
}
