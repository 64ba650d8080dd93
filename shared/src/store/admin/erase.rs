//! Erasing a user: everything that the three tables hold of them.

use std::collections::BTreeSet;

use crate::id::UserId;
use crate::store::call::Query;
use crate::store::item::attribute::{Item, number, string};
use crate::store::item::key::{self, ACTIVITIES, LedgerKey};
use crate::store::item::reader::Reader;
use crate::store::{Store, StoreError};
use crate::view::Scope;

/// What is read of an entry to find its scopes, and to name it.
const ENTRY: [&str; 4] = ["id", "userId", "projectId", "environmentId"];

/// The key of the Ledger.
const LEDGER_KEY: [&str; 2] = ["scope", "item"];

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erased {
    /// Entries of the log.
    pub entries: u64,
    /// Heads, blocks, nodes and idempotency keys.
    pub ledger: u64,
    /// Names: of the user, of projects, of environments. The items of their slugs, which are erased
    /// with them, are not counted.
    pub names: u64,
}

impl Store {
    /// Erases what there is of `user`: entries, ledger and names. After a failure, calling it again
    /// goes on where it stopped. Nothing may be recorded for the user meanwhile, nor just before:
    /// entries are found by their index, which shows them a moment late.
    ///
    /// ```
    /// use activity_log::NewActivity;
    /// use activity_log::id::UserId;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let (store, logger) = (log.store.clone(), log.logger.clone());
    /// let user = UserId::try_from(3)?;
    /// logger.append_batch(user, ["create", "delete"].map(NewActivity::new)).await?;
    /// let erased = store.erase(user).await?;
    /// // The ledger of this log was a head alone.
    /// assert_eq!((erased.entries, erased.ledger, erased.names), (2, 1, 0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if something could not be read or deleted; the rest may be erased.
    pub async fn erase(&self, user: UserId) -> Result<Erased, StoreError> {
        let of_user = vec![("userId", number(user))];
        let entries = |attributes| Query {
            index: Some("user"),
            attributes,
            ..Query::all(&self.tables.activities, of_user.clone())
        };
        let ledger = |scope| Query {
            is_consistent: true,
            attributes: &LEDGER_KEY,
            ..Query::all(&self.tables.ledger, vec![("scope", string(key::ledger_scope(scope)))])
        };
        let mut erased = Erased::default();

        // Only the entries know the scopes, so they go after what is found through them; and the
        // user's head, which says that there is something to erase, goes after the entries.
        let mut scopes = BTreeSet::new();
        let mut query = entries(&ENTRY);
        loop {
            let (items, next) = self.query_page(&query).await?;
            erased.entries += items.len() as u64;
            for item in items {
                let reader = Reader::new(&item, ACTIVITIES);
                let project = reader.optional_number("projectId")?;
                let environment = reader.optional_number("environmentId")?;
                scopes.extend(Scope::of(user, project, environment));
            }
            query.start = next;
            if query.start.is_none() {
                break;
            }
        }
        scopes.remove(&Scope::User(user));
        for scope in scopes {
            erased.ledger += self.delete(ledger(scope), |_| true).await?;
        }
        let head = string(LedgerKey::Head.sort_key());
        let is_head = |item: &Item| item.get("item") == Some(&head);
        let whole = ledger(Scope::User(user));
        erased.ledger += self.delete(whole.clone(), |item| !is_head(item)).await?;

        self.delete(entries(&["id"]), |_| true).await?;
        erased.ledger += self.delete(whole, is_head).await?;
        let names = Query {
            is_consistent: true,
            attributes: &["userId", "entity"],
            ..Query::all(&self.tables.directory, of_user.clone())
        };
        let is_slug = |item: &Item| {
            item.get("entity").and_then(|key| key.as_s().ok()).is_some_and(|key| key::is_slug(key))
        };
        self.delete(names.clone(), is_slug).await?;
        erased.names = self.delete(names, |_| true).await?;
        Ok(erased)
    }

    /// Deletes the items of a query that `which` means; the attributes read must be the key of the
    /// table. Returns how many there were.
    async fn delete(
        &self,
        mut query: Query<'_>,
        which: impl Fn(&Item) -> bool,
    ) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let (mut keys, next) = self.query_page(&query).await?;
            keys.retain(&which);
            deleted += keys.len() as u64;
            self.delete_items(query.table, keys.into_iter()).await?;
            query.start = next;
            if query.start.is_none() {
                return Ok(deleted);
            }
        }
    }
}
