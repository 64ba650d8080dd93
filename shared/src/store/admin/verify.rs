//! Verification: proves that the tables say what the appends of the log's entries would have
//! written.
//!
//! This reads everything, so it is for operators. No route of the API comes here, and none of the
//! functions has the permission to scan. It walks the log once, from the oldest entry on, beside its
//! copies in the three indexes, and computes anew what the ledger must have; so it holds no more in
//! memory than some entries, and the open ends of each scope.
//!
//! It reads tables and indexes itself, and not as a list of the API does ([`Store::entries`]): such a
//! list finds its entries by the ledger, and the ledger is what is to be proven.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::task::JoinSet;

use super::diagnose::Break;
use super::error::{VerifyError, inconsistent};
use super::expected::{Expected, ExpectedPart, ExpectedScope};
use crate::id::{ActivityId, UserId};
use crate::store::call::Query;
use crate::store::item::FANOUT;
use crate::store::item::attribute::{Item, Reader, string};
use crate::store::item::entry::{self, SortKey, decode_position};
use crate::store::item::hash::EntryHash;
use crate::store::item::head::{self, Head};
use crate::store::item::key::{self, ACTIVITIES, LEDGER, LedgerKey};
use crate::store::item::node::{NodeKey, children};
use crate::store::{Store, StoreError};
use crate::view::Scope;

/// How many entries are read at a time.
const CHUNK: usize = 1_000;

/// How many scopes' copies are read side by side.
const SIDE_BY_SIDE: usize = 8;

/// How often a log that is being written to is read again.
const TRIES: u32 = 5;

/// How a log is verified.
pub struct Verification<'a> {
    /// Scopes to look at even if no entry is in them.
    pub also: &'a BTreeSet<Scope>,
    /// Is told how many entries were read since it was told last.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// How long an index may take to show what was written.
    pub lag: Duration,
}

impl Default for Verification<'_> {
    /// Of one user's entries alone, told to nobody, with indexes that are at most a second late.
    fn default() -> Self {
        static NONE: BTreeSet<Scope> = BTreeSet::new();
        Self { also: &NONE, progress: &|_| (), lag: Duration::from_secs(1) }
    }
}

/// What was found to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Entries of the log.
    pub entries: u64,
    /// Scopes that have entries.
    pub scopes: u64,
    /// Blocks of those scopes.
    pub blocks: u64,
    /// The hash of the newest entry: whoever keeps it can tell later that the log up to there is
    /// still the same.
    pub hash: Option<EntryHash>,
}

/// The next entries of a log, as its index and as the table has them.
type Chunk = (Vec<Item>, Vec<Item>);

/// Entries that are read ahead, in a task that ends with whoever waits for it.
#[derive(Default)]
struct Ahead(JoinSet<Result<Chunk, StoreError>>);

impl Ahead {
    /// Begins to read the entries after one.
    fn start(&mut self, store: &Store, user: UserId, after: Option<SortKey>) {
        let store = store.clone();
        self.0.spawn(async move {
            let copies = store.chunk(user, after).await?;
            let ids = copies.iter().map(|copy| Reader::new(copy, ACTIVITIES).number("id"));
            let items = store.items(&ids.collect::<Result<Vec<ActivityId>, _>>()?).await?;
            Ok((copies, items))
        });
    }

    /// What was read; nothing if nothing was begun.
    async fn finish(&mut self) -> Result<Chunk, StoreError> {
        match self.0.join_next().await {
            Some(Ok(read)) => read,
            // Nobody stops the task, so it has panicked.
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => Ok(Chunk::default()),
        }
    }
}

impl Store {
    /// Every user that has an entry or a head, with the scopes that the ledger knows of. Scans.
    ///
    /// # Errors
    /// [`StoreError`] if a table cannot be read or a key not decoded.
    pub async fn users(&self) -> Result<BTreeMap<UserId, BTreeSet<Scope>>, StoreError> {
        let mut users: BTreeMap<UserId, BTreeSet<Scope>> = BTreeMap::new();
        self.scan(&self.tables.activities, "userId", |item| {
            users.entry(Reader::new(&item, ACTIVITIES).number("userId")?).or_default();
            Ok(())
        })
        .await?;
        self.scan(&self.tables.ledger, "scope", |item| {
            let scope = key::scope(&Reader::new(&item, LEDGER))?;
            users.entry(scope.user_id()).or_default().insert(scope);
            Ok(())
        })
        .await?;
        Ok(users)
    }

    /// Proves the log of `user`: that its chain of hashes is unbroken from the first entry to the
    /// head, that every entry is the same in the table and in its indexes, that positions are dense
    /// and in order in every scope, and that heads, blocks, nodes and idempotency keys are those of
    /// the entries.
    ///
    /// An index may be late, and somebody may write meanwhile. So an inconsistency counts only if it
    /// is found twice in a row, with the head unmoved and [`Verification::lag`] between.
    ///
    /// # Errors
    /// [`VerifyError::Inconsistent`] with the first one found; [`VerifyError::Busy`];
    /// [`VerifyError::Store`].
    pub async fn verify(
        &self,
        user: UserId,
        verification: &Verification<'_>,
    ) -> Result<Verified, VerifyError> {
        let whole = Scope::User(user);
        let told = AtomicU64::new(0);
        // Not again what was read in an earlier try.
        let progress = |entries: u64| {
            let before = told.fetch_max(entries, Ordering::Relaxed);
            (verification.progress)(entries.saturating_sub(before));
        };
        let mut before = self.head(whole).await?;
        let mut suspect = None;
        for _ in 0..TRIES {
            let outcome = self.verify_once(user, verification.also, &progress).await;
            let Err(VerifyError::Inconsistent(found)) = outcome else { return outcome };
            let after = self.head(whole).await?;
            let is_quiet = after == before;
            if is_quiet && suspect.as_ref() == Some(&found) {
                return Err(VerifyError::Inconsistent(found));
            }
            suspect = is_quiet.then_some(found);
            before = after;
            tokio::time::sleep(verification.lag).await;
        }
        // What differs each time, though nobody writes, is no lag.
        suspect.map_or(Err(VerifyError::Busy), |found| Err(VerifyError::Inconsistent(found)))
    }

    async fn verify_once(
        &self,
        user: UserId,
        also: &BTreeSet<Scope>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Verified, VerifyError> {
        let mut expected =
            Expected { user, scopes: BTreeMap::new(), hash: EntryHash::NONE, last: None };
        let mut ahead = Ahead::default();
        ahead.start(self, user, None);
        loop {
            let (copies, items) = ahead.finish().await?;
            let Some(newest) = copies.last() else { break };
            // The next entries are read while these are verified.
            ahead.start(self, user, Some(entry::sort_key(newest)?));
            self.verify_chunk(&mut expected, &copies, &items).await?;
            progress(expected.total());
        }
        self.verify_end(user, &expected).await?;
        for scope in also {
            expected.scopes.entry(*scope).or_insert_with(|| ExpectedScope::new(*scope));
        }
        let whole = Scope::User(user);
        expected.scopes.entry(whole).or_insert_with(|| ExpectedScope::new(whole));
        let scopes = expected.scopes.values().map(|scope| self.verify_scope(scope));
        stream::iter(scopes).buffered(SIDE_BY_SIDE).try_collect::<()>().await?;
        let heads = || expected.scopes.values().map(|scope| scope.ledger.head());
        Ok(Verified {
            entries: expected.total(),
            scopes: heads().filter(|head| head.last.is_some()).count() as u64,
            blocks: heads().map(Head::blocks).sum(),
            hash: expected.last.map(|_| expected.hash),
        })
    }

    /// The next entries of a log as its index has them, oldest first.
    pub(super) async fn chunk(
        &self,
        user: UserId,
        after: Option<SortKey>,
    ) -> Result<Vec<Item>, StoreError> {
        self.copies(Scope::User(user), after, None, CHUNK).await
    }

    /// Verifies the next entries of a log, their copies, and what they complete in the ledger.
    async fn verify_chunk(
        &self,
        expected: &mut Expected,
        copies: &[Item],
        items: &[Item],
    ) -> Result<(), VerifyError> {
        let mut parts: BTreeMap<Scope, Vec<ExpectedPart>> = BTreeMap::new();
        let mut of_scopes: BTreeMap<Scope, Vec<&Item>> = BTreeMap::new();
        for (item, copy) in items.iter().zip(copies) {
            let entry = entry::decode(item)?;
            if EntryHash::of(expected.hash, item) != entry.hash {
                let broken = Break {
                    user: expected.user,
                    number: expected.total() + 1,
                    previous: expected.hash,
                    hash: entry.hash,
                    id: entry.activity.id,
                    item: item.clone(),
                };
                return Err(VerifyError::Inconsistent(self.diagnose(&broken).await?));
            }
            expected.push(&entry, &mut parts)?;
            for scope in entry.scopes() {
                of_scopes.entry(scope).or_default().push(item);
            }
            if item != copy {
                return Err(differs(Scope::User(expected.user), entry.activity.id));
            }
        }
        let end = expected.last;
        let scopes = of_scopes.iter().filter(|(scope, _)| !matches!(scope, Scope::User(_)));
        let copies = scopes.map(|(scope, items)| {
            let after = expected.scopes.get(scope).and_then(|scope| scope.last);
            self.verify_copies(*scope, after, end, items)
        });
        let copies = stream::iter(copies.collect::<Vec<_>>()).buffer_unordered(SIDE_BY_SIDE);
        let parts = parts.iter().map(|(scope, parts)| self.verify_parts(*scope, parts));
        let parts = stream::iter(parts.collect::<Vec<_>>()).buffer_unordered(SIDE_BY_SIDE);
        tokio::try_join!(copies.try_collect::<()>(), parts.try_collect::<()>())?;
        for (scope, items) in of_scopes {
            if let (Some(scope), Some(last)) = (expected.scopes.get_mut(&scope), items.last()) {
                scope.last = Some(entry::sort_key(last)?);
            }
        }
        Ok(())
    }

    /// Compares the copies that the index of a scope has after one entry, up to another, with the
    /// items of the table.
    async fn verify_copies(
        &self,
        scope: Scope,
        after: Option<SortKey>,
        end: Option<SortKey>,
        items: &[&Item],
    ) -> Result<(), VerifyError> {
        let copies = self.copies(scope, after, end, items.len() + 1).await?;
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

    /// The entries that the index of a scope has after one, up to another or its end, oldest first;
    /// at most `limit` of them.
    async fn copies(
        &self,
        scope: Scope,
        after: Option<SortKey>,
        end: Option<SortKey>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let copies = self.after(scope, after, end.map(|end| end.created_at), limit);
        let mut copies = copies.await?;
        while let (Some(end), Some(last)) = (end, copies.last()) {
            if entry::sort_key(last)? <= end {
                break;
            }
            copies.pop();
        }
        Ok(copies)
    }

    /// Compares blocks and nodes with what they must be.
    async fn verify_parts(
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

    /// Compares the end of the log with what the user's head says it is.
    async fn verify_end(&self, user: UserId, expected: &Expected) -> Result<(), VerifyError> {
        let scope = Scope::User(user);
        let head = self.head(scope).await?;
        let (found, counted) = (expected.total(), head.total());
        let Some(newest) = head.last else { return Ok(()) };
        if counted > found {
            let subject = format!("activity {} of user {user}", newest.id);
            let fault = format!(
                "it was removed: it was the newest of {counted} entries, and {found} are left"
            );
            return Err(inconsistent(subject, fault));
        }
        if counted < found {
            let after = self.copies(scope, Some(newest), None, 1).await?;
            let first = after.first().map(entry::sort_key).transpose()?.unwrap_or(newest);
            let subject = format!("activity {} of user {user}", first.id);
            let fault = format!(
                "it was inserted: the head counts {counted} entries, up to activity {}",
                newest.id
            );
            return Err(inconsistent(subject, fault));
        }
        Ok(())
    }

    /// Compares what the ledger and the index have of a scope, now that all of its entries are
    /// known, with what they must have.
    async fn verify_scope(&self, expected: &ExpectedScope) -> Result<(), VerifyError> {
        let scope = expected.ledger.head().scope;
        if let Some(copy) = self.copies(scope, expected.last, None, 1).await?.first() {
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

fn differs(scope: Scope, id: ActivityId) -> VerifyError {
    inconsistent(format!("activity {id} in {scope}"), "the index and the table differ")
}

fn surplus(scope: Scope, copy: &Item) -> Result<VerifyError, StoreError> {
    let id = entry::sort_key(copy)?.id;
    Ok(inconsistent(scope, format!("its index has activity {id} where nothing must stand")))
}
