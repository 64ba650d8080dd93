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

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::task::JoinSet;

use super::compare::differs;
use super::diagnose::Break;
use super::expected::{Expected, ExpectedPart, ExpectedScope};
use super::inconsistency::{VerifyError, inconsistent};
use crate::id::{ActivityId, UserId};
use crate::store::item::attribute::Item;
use crate::store::item::entry::{self, SortKey};
use crate::store::item::hash::EntryHash;
use crate::store::item::head::Head;
use crate::store::item::key::ACTIVITIES;
use crate::store::item::reader::Reader;
use crate::store::{Store, StoreError};
use crate::view::Scope;

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
            let copies = store.read_chunk(user, after).await?;
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
    /// Proves the log of `user`: that its chain of hashes is unbroken from the first entry to the
    /// head, that every entry is the same in the table and in its indexes, that positions are dense
    /// and in order in every scope, and that heads, blocks, nodes and idempotency keys are those of
    /// the entries.
    ///
    /// An index may be late, and somebody may write meanwhile. So an inconsistency counts only if it
    /// is found twice in a row, with the head unmoved and [`Verification::lag`] between.
    ///
    /// ```
    /// use activity_log::NewActivity;
    /// use activity_log::id::UserId;
    /// use activity_log::store::Verification;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let (store, logger) = (log.store.clone(), log.logger.clone());
    /// let user = UserId::try_from(3)?;
    /// logger.append_batch(user, ["create", "delete"].map(NewActivity::new)).await?;
    /// let verified = store.verify(user, &Verification::default()).await?;
    /// assert_eq!((verified.entries, verified.scopes), (2, 1));
    /// # Ok(())
    /// # }
    /// ```
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
            let after = self.read_copies(scope, Some(newest), None, 1).await?;
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
}
