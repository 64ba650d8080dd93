//! Reads the copies that an index has of entries, in their order.

use crate::id::UserId;
use crate::store::item::attribute::Item;
use crate::store::item::entry::{self, SortKey};
use crate::store::{Store, StoreError};
use crate::view::Scope;

/// How many entries are read at a time.
pub(super) const CHUNK: usize = 1_000;

impl Store {
    /// The next entries of a log as its index has them, oldest first.
    pub(super) async fn read_chunk(
        &self,
        user: UserId,
        after: Option<SortKey>,
    ) -> Result<Vec<Item>, StoreError> {
        self.read_copies(Scope::User(user), after, None, CHUNK).await
    }

    /// The entries that the index of a scope has after one, up to another or its end, oldest first;
    /// at most `limit` of them.
    pub(super) async fn read_copies(
        &self,
        scope: Scope,
        after: Option<SortKey>,
        end: Option<SortKey>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let copies = self.read_after(scope, after, end.map(|end| end.created_at), limit);
        let mut copies = copies.await?;
        while let (Some(end), Some(last)) = (end, copies.last()) {
            if entry::sort_key(last)? <= end {
                break;
            }
            copies.pop();
        }
        Ok(copies)
    }
}
