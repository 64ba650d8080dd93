//! Who has a log at all: a scan of the tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::UserId;
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
}
