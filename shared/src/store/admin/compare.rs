//! Compares what is stored of a scope with what its entries say that it must be: the copies in its index,
//! its head, its blocks and nodes, and its idempotency keys.

use std::collections::HashMap;

use super::copies::CHUNK;
use super::expected::{ExpectedPart, ExpectedScope};
use super::inconsistency::{VerifyError, inconsistent};
use crate::id::ActivityId;
use crate::store::call::Query;
use crate::store::item::FANOUT;
use crate::store::item::attribute::{Item, string};
use crate::store::item::entry::{self, SortKey, decode_position};
use crate::store::item::head::{self, Head};
use crate::store::item::key::{self, ACTIVITIES, LEDGER, LedgerKey};
use crate::store::item::node::{NodeKey, children};
use crate::store::item::reader::Reader;
use crate::store::{Store, StoreError};
use crate::view::Scope;

impl Store {
    /// Compares the copies that the index of a scope has after one entry, up to another, with the
    /// items of the table.
    pub(super) async fn verify_copies(
        &self,
        scope: Scope,
        after: Option<SortKey>,
        end: Option<SortKey>,
        items: &[&Item],
    ) -> Result<(), VerifyError> {
        let copies = self.read_copies(scope, after, end, items.len() + 1).await?;
        let mut copies = copies.iter();
        for item in items {
            let reader = Reader::new(item, ACTIVITIES);
            let id: ActivityId = reader.number("id")?;
            let Some(copy) = copies.next() else {
                let position = decode_position(item, scope.index())?;
                let fault = format!("activity {id} at position {position} is not in its index");
                return Err(inconsistent(scope, fault));
            };
            let other: ActivityId = Reader::new(copy, ACTIVITIES).number("id")?;
            if other != id {
                return Err(inconsistent(
                    scope,
                    format!("its index has activity {other} where activity {id} must stand"),
                ));
            }
            if !entry::is_copy(copy, item, scope.index()) {
                return Err(differs(scope, id));
            }
        }
        match copies.next() {
            Some(copy) => Err(surplus(scope, copy)?),
            None => Ok(()),
        }
    }

    /// Compares blocks and nodes with what they must be.
    pub(super) async fn verify_parts(
        &self,
        scope: Scope,
        expected: &[ExpectedPart],
    ) -> Result<(), VerifyError> {
        let keys = expected.iter().map(|(key, _)| key::item(scope, key)).collect();
        let mut found = HashMap::new();
        for item in self.batch_get(&self.tables.ledger, keys, true).await? {
            found.insert(key::ledger_key(&Reader::new(&item, LEDGER))?, item);
        }
        for (key, data) in expected {
            let name = key.sort_key();
            match found.get(key) {
                Some(stored) if *stored == key::part(scope, key, data.clone()) => {}
                Some(_) => {
                    let fault = format!("{name} is not that of its entries");
                    return Err(inconsistent(scope, fault));
                }
                None => return Err(inconsistent(scope, format!("{name} is missing"))),
            }
        }
        Ok(())
    }

    /// Compares what the ledger and the index have of a scope, now that all of its entries are
    /// known, with what they must have.
    pub(super) async fn verify_scope(&self, expected: &ExpectedScope) -> Result<(), VerifyError> {
        let scope = expected.ledger.head().scope;
        if let Some(copy) = self.read_copies(scope, expected.last, None, 1).await?.first() {
            return Err(surplus(scope, copy)?);
        }
        let head = self.get(&self.tables.ledger, key::item(scope, &LedgerKey::Head), true).await?;
        let must = expected.ledger.head();
        if head != must.last.map(|last| head::encode(must, last)) {
            let found = head.as_ref().map_or(Ok(Head::empty(scope)), head::decode)?;
            let fault = format!(
                "the head says {} entries, its entries make {} (or count otherwise by resource \
                 type, action, last entry or hash)",
                found.total(),
                must.total(),
            );
            return Err(inconsistent(scope, fault));
        }
        let nodes =
            expected.ledger.nodes().iter().map(|(key, node)| (LedgerKey::Node(*key), node.pack()));
        self.verify_parts(scope, &nodes.collect::<Vec<_>>()).await?;
        self.verify_keys(expected).await
    }

    /// Looks for items of the ledger that no entry explains.
    async fn verify_keys(&self, expected: &ExpectedScope) -> Result<(), VerifyError> {
        let head = expected.ledger.head();
        let (scope, blocks) = (head.scope, head.blocks());
        let mut query = Query {
            is_consistent: true,
            attributes: &["scope", "item", "id"],
            ..Query::all(&self.tables.ledger, vec![("scope", string(key::ledger_scope(scope)))])
        };
        loop {
            let (items, next) = self.query_page(&query).await?;
            let mut recorded = Vec::new();
            for item in &items {
                let reader = Reader::new(item, LEDGER);
                let key = key::ledger_key(&reader)?;
                let is_explained = match &key {
                    LedgerKey::Head => head.last.is_some(),
                    LedgerKey::Block(number) => *number < blocks,
                    LedgerKey::Node(NodeKey { level, index }) => {
                        *level > 0 && index.saturating_mul(FANOUT) < children(*level, blocks)
                    }
                    LedgerKey::Idempotency(_) => matches!(scope, Scope::User(_)),
                };
                if !is_explained {
                    let fault = format!("the ledger has {}, of no entry", key.sort_key());
                    return Err(inconsistent(scope, fault));
                }
                if let LedgerKey::Idempotency(_) = key {
                    recorded.push((key, reader.number::<ActivityId>("id")?));
                }
            }
            self.verify_idempotency_keys(scope, recorded).await?;
            query.start = next;
            if query.start.is_none() {
                return Ok(());
            }
        }
    }

    /// Compares what idempotency keys were recorded as with what there is.
    async fn verify_idempotency_keys(
        &self,
        scope: Scope,
        recorded: Vec<(LedgerKey, ActivityId)>,
    ) -> Result<(), VerifyError> {
        let mut ids: Vec<ActivityId> = recorded.iter().map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        for ids in ids.chunks(CHUNK) {
            let missing = match self.activities(scope.user_id(), ids).await {
                Ok(_) => continue,
                Err(StoreError::Missing { id }) => id,
                Err(error) => return Err(error.into()),
            };
            let key = recorded.iter().find(|(_, id)| *id == missing);
            let name = key.map(|(key, _)| key.sort_key()).unwrap_or_default();
            let fault = format!("{name} names activity {missing}, which is not in the log");
            return Err(inconsistent(scope, fault));
        }
        Ok(())
    }
}

/// The error of an entry whose copy in an index is not that of the table.
pub(super) fn differs(scope: Scope, id: ActivityId) -> VerifyError {
    inconsistent(format!("activity {id} in {scope}"), "the index and the table differ")
}

/// The error of a copy in an index that no entry explains.
fn surplus(scope: Scope, copy: &Item) -> Result<VerifyError, StoreError> {
    let id = entry::sort_key(copy)?.id;
    Ok(inconsistent(scope, format!("its index has activity {id} where nothing must stand")))
}
