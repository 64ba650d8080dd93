//! Heads and milestones, one at a time.

use super::attributes::{Item, string};
use super::entry::{self, SortKey};
use super::head::{self, Head};
use super::{CAPACITY, Store, StoreError, keys};
use crate::view::{Scope, View};

impl Store {
    /// Where the milestone at `position` of a view stands, or `None` if there is none.
    pub(crate) async fn milestone(
        &self,
        view: &View,
        position: u64,
        consistent: bool,
    ) -> Result<Option<SortKey>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.ledger)
            .key("scope", string(keys::ledger_scope(view.scope)))
            .key("entry", string(keys::milestone(&view.facets, position)))
            .consistent_read(consistent)
            .return_consumed_capacity(CAPACITY)
            .send()
            .await
            .map_err(StoreError::call("GetItem"))?;
        output.item.as_ref().map(entry::decode_sort_key).transpose()
    }

    /// How far a scope has been numbered, read consistently.
    ///
    /// # Errors
    /// [`StoreError`] if the head cannot be read.
    pub async fn head(&self, scope: Scope) -> Result<Head, StoreError> {
        let key = Item::from([
            ("scope".to_owned(), string(keys::ledger_scope(scope))),
            ("entry".to_owned(), string(keys::HEAD)),
        ]);
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.ledger)
            .set_key(Some(key))
            .consistent_read(true)
            .return_consumed_capacity(CAPACITY)
            .send()
            .await
            .map_err(StoreError::call("GetItem"))?;
        output.item.as_ref().map_or_else(|| Ok(Head::empty(scope)), head::decode)
    }
}
