//! Names and slugs, of the Directory table.
//!
//! Each name is read by its key, and each slug leads to its entity by one query of one item. So what
//! a request reads depends on what it shows, and not on how much the caller has.

use std::collections::BTreeSet;

use crate::directory::{Directory, EntityKey, WantedNames, is_slug};
use crate::id::{EnvironmentId, ProjectId, UserId};
use crate::store::call::{Condition, Query};
use crate::store::item::attribute::{Item, number};
use crate::store::item::key::{self, DIRECTORY, Slug};
use crate::store::item::name;
use crate::store::item::reader::Reader;
use crate::store::{Store, StoreError};

impl Store {
    /// The names of `user` that are wanted, without those that are not there. One round trip of half
    /// a read unit a name, or none if nothing is wanted.
    ///
    /// ```
    /// use activity_log::directory::{Entity, NameChange, User, WantedNames};
    /// use activity_log::id::UserId;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let store = log.store.clone();
    /// let id = UserId::try_from(3)?;
    /// let user = User { id, name: "John Doe".to_owned(), profile_image: None };
    /// store.write_names(&[NameChange::Set(Entity::User(user.clone()))]).await?;
    ///
    /// let names = store.names(id, &WantedNames::of_user()).await?;
    /// assert_eq!(names.user, Some(user));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read or decoded.
    pub async fn names(&self, user: UserId, wanted: &WantedNames) -> Result<Directory, StoreError> {
        let keys: BTreeSet<EntityKey> = wanted.keys(user).collect();
        let items = keys.iter().map(|key| key::entity(*key)).collect();
        let mut directory = Directory::default();
        for item in self.batch_get(&self.tables.directory, items, false).await? {
            let entity = name::decode(&item)?;
            if !keys.contains(&entity.key()) {
                return Err(unasked(&item));
            }
            directory.add(entity);
        }
        Ok(directory)
    }

    /// The newest project of `user` that has this slug; `None` if none has. One round trip of half a
    /// read unit.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or decoded.
    pub async fn project_by_slug(
        &self,
        user: UserId,
        slug: &str,
    ) -> Result<Option<ProjectId>, StoreError> {
        if !is_slug(slug) {
            return Ok(None);
        }
        self.newest(Slug::Project(user, slug)).await
    }

    /// The newest environment of `user`'s `project` that has this slug; `None` if none has. One round
    /// trip of half a read unit.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or decoded.
    pub async fn environment_by_slug(
        &self,
        user: UserId,
        project: ProjectId,
        slug: &str,
    ) -> Result<Option<EnvironmentId>, StoreError> {
        if !is_slug(slug) {
            return Ok(None);
        }
        self.newest(Slug::Environment(user, project, slug)).await
    }

    /// The largest id that a slug leads to.
    async fn newest<T: TryFrom<u64>>(&self, slug: Slug<'_>) -> Result<Option<T>, StoreError> {
        let [first, last] = slug.range();
        let query = Query {
            condition: Some(("entity", Condition::Between(first, last))),
            is_ascending: false,
            limit: Some(1),
            ..Query::all(&self.tables.directory, vec![("userId", number(slug.user()))])
        };
        let Some(item) = self.query(query).await?.pop() else { return Ok(None) };
        let reader = Reader::new(&item, DIRECTORY);
        let is_of_user = reader.number::<UserId>("userId")? == slug.user();
        let id = slug.id(reader.string("entity")?).filter(|_| is_of_user);
        id.map_or_else(|| Err(unasked(&item)), |id| Ok(Some(id)))
    }

    /// All names of `user`, for an export: one round trip for each megabyte of names and slugs.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read or decoded.
    pub async fn directory(&self, user: UserId) -> Result<Directory, StoreError> {
        let query = Query::all(&self.tables.directory, vec![("userId", number(user))]);
        let mut directory = Directory::default();
        for item in self.query(query).await? {
            if !key::is_slug(Reader::new(&item, DIRECTORY).string("entity")?) {
                directory.add(name::decode(&item)?);
            }
        }
        Ok(directory)
    }
}

/// The error of an item that came and was not asked for.
fn unasked(item: &Item) -> StoreError {
    Reader::new(item, DIRECTORY).corrupt("it is not what was asked for")
}
