//! Who has a log at all: a scan of the tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::UserId;
use crate::store::call::CAPACITY;
use crate::store::item::attribute::Item;
use crate::store::item::key::{self, ACTIVITIES, LEDGER};
use crate::store::item::reader::Reader;
use crate::store::{Store, StoreError};
use crate::view::Scope;

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

    /// Hands every item of a table to `visit`, with no attribute but this one.
    async fn scan(
        &self,
        table: &str,
        attribute: &str,
        mut visit: impl FnMut(Item) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut start = None;
        loop {
            let output = self
                .client
                .scan()
                .table_name(table)
                .projection_expression("#attribute")
                .expression_attribute_names("#attribute", attribute)
                .set_exclusive_start_key(start)
                .return_consumed_capacity(CAPACITY)
                .send()
                .await
                .map_err(StoreError::call("Scan"))?;
            let items = output.items.unwrap_or_default().into_iter();
            items.map(Item::from_iter).try_for_each(&mut visit)?;
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}
