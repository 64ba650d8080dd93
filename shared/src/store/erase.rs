//! Erasing a user: everything that the three tables hold of them.

use std::collections::BTreeSet;

use super::attributes::{Item, Reader, number, string};
use super::partition::Partition;
use super::{Store, StoreError, keys};
use crate::id::UserId;
use crate::view::Scope;

/// What is read of an entry to find its scopes, and to name it.
const ENTRY: [&str; 4] = ["id", "userId", "projectId", "environmentId"];

/// The key of the Ledger.
const LEDGER_KEY: [&str; 2] = ["scope", "entry"];

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Entries of the log.
    pub entries: u64,
    /// Heads, milestones and idempotency keys.
    pub ledger: u64,
    /// Names: of the user, of projects, of environments.
    pub names: u64,
}

impl Store {
    /// Erases what there is of `user`: entries, ledger and names. After a failure, calling it again
    /// goes on where it stopped. Nothing may be recorded for the user meanwhile, nor just before:
    /// entries are found by their index, which shows them a moment late.
    ///
    /// # Errors
    /// [`StoreError`] if something could not be read or deleted; the rest may be erased.
    pub async fn erase(&self, user: UserId) -> Result<Erased, StoreError> {
        let entries = |attributes| Partition {
            table: &self.tables.activities,
            index: Some("user"),
            key: ("userId", number(user)),
            attributes,
        };
        let mut erased = Erased::default();

        // Only the entries know the scopes, so they go after what is found through them; and the
        // user's head, which says that there is something to erase, goes after the entries.
        let mut scopes = BTreeSet::new();
        let mut start = None;
        loop {
            let (items, next) = self.read(&entries(&ENTRY), start).await?;
            erased.entries += items.len() as u64;
            for item in items {
                let reader = Reader::new(&item, "Activities", ["id", "userId"]);
                let project = reader.optional_number("projectId")?;
                let environment = reader.optional_number("environmentId")?;
                scopes.extend(project.map(|project| Scope::Project(user, project)));
                scopes.extend(environment.map(|one| Scope::Environment(user, one)));
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
        for scope in scopes {
            erased.ledger += self.delete(&self.ledger_of(scope, &LEDGER_KEY), |_| true).await?;
        }
        let of_user = self.ledger_of(Scope::User(user), &LEDGER_KEY);
        let is_head = |item: &Item| item.get("entry") == Some(&string(keys::HEAD));
        erased.ledger += self.delete(&of_user, |item| !is_head(item)).await?;

        self.delete(&entries(&["id"]), |_| true).await?;
        erased.ledger += self.delete(&of_user, is_head).await?;
        let names = Partition {
            table: &self.tables.directory,
            index: None,
            key: ("userId", number(user)),
            attributes: &["userId", "entity"],
        };
        erased.names = self.delete(&names, |_| true).await?;
        Ok(erased)
    }

    /// Deletes the items of a partition that `which` means; the attributes read must be the key of
    /// the table. Returns how many there were.
    async fn delete(
        &self,
        partition: &Partition<'_>,
        which: impl Fn(&Item) -> bool,
    ) -> Result<u64, StoreError> {
        let mut deleted = 0;
        let mut start = None;
        loop {
            let (mut keys, next) = self.read(partition, start).await?;
            keys.retain(&which);
            deleted += keys.len() as u64;
            self.delete_items(partition.table, keys.into_iter()).await?;
            start = next;
            if start.is_none() {
                return Ok(deleted);
            }
        }
    }
}
