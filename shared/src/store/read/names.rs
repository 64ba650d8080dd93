//! The Directory table: names and slugs, one partition a user.

use std::collections::BTreeMap;

use crate::directory::{Directory, Environment, Project, User};
use crate::id::UserId;
use crate::store::call::Query;
use crate::store::item::attribute::{Item, Reader, number, string};
use crate::store::item::key;
use crate::store::{Store, StoreError};

/// Something that has a name in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    /// A user.
    User(User),
    /// A project.
    Project(Project),
    /// An environment.
    Environment(Environment),
}

impl Store {
    /// Everything `user` may see by name: one round trip, and one more for each further megabyte.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or decoded.
    pub async fn directory(&self, user: UserId) -> Result<Directory, StoreError> {
        let query = Query::all(&self.tables.directory, vec![("userId", number(user))]);
        let mut directory = Directory::default();
        for item in self.query(query).await? {
            match decode(&item)? {
                Entity::User(user) => directory.user = Some(user),
                Entity::Project(project) => {
                    directory.projects.insert(project.id, project);
                }
                Entity::Environment(environment) => {
                    directory.environments.insert(environment.id, environment);
                }
            }
        }
        Ok(directory)
    }

    /// Writes entities, over what there was of the same id. Of two with the same id the last wins.
    ///
    /// # Errors
    /// [`StoreError`] if one could not be written; others may be.
    pub async fn put_entities(&self, entities: &[Entity]) -> Result<(), StoreError> {
        // One batch cannot have the same key twice.
        let latest: BTreeMap<_, _> = entities.iter().map(|entity| (entity.key(), entity)).collect();
        self.put_items(&self.tables.directory, latest.into_values().map(encode)).await
    }
}

impl Entity {
    /// Its key in the table.
    fn key(&self) -> (UserId, String) {
        match self {
            Self::User(user) => (user.id, key::USER.to_owned()),
            Self::Project(project) => (project.user_id, key::directory_project(project.id)),
            Self::Environment(environment) => {
                (environment.user_id, key::directory_environment(environment.id))
            }
        }
    }
}

fn encode(entity: &Entity) -> Item {
    let (user_id, sort_key) = entity.key();
    let mut item = Item::from([
        ("userId".to_owned(), number(user_id)),
        ("entity".to_owned(), string(sort_key)),
    ]);
    let mut put = |name: &str, value| item.insert(name.to_owned(), value);
    match entity {
        Entity::User(user) => {
            put("name", string(&user.name));
            if let Some(url) = &user.profile_image {
                put("profileImage", string(url));
            }
        }
        Entity::Project(project) => {
            put("slug", string(&project.slug));
            put("name", string(&project.name));
        }
        Entity::Environment(environment) => {
            put("projectId", number(environment.project_id));
            put("slug", string(&environment.slug));
            put("name", string(&environment.name));
        }
    }
    item
}

fn decode(item: &Item) -> Result<Entity, StoreError> {
    let reader = Reader::new(item, key::DIRECTORY);
    let user_id: UserId = reader.number("userId")?;
    let entity = reader.string("entity")?;
    let name = reader.string("name")?.to_owned();
    let text = |name| reader.string(name).map(str::to_owned);
    if entity == key::USER {
        let profile_image = reader.optional_string("profileImage")?.map(str::to_owned);
        return Ok(Entity::User(User { id: user_id, name, profile_image }));
    }
    let unknown = || reader.corrupt("entity is not a user, project or environment");
    if let Some(id) = entity.strip_prefix(key::PROJECT) {
        let id = id.parse().map_err(|_| unknown())?;
        return Ok(Entity::Project(Project { id, user_id, slug: text("slug")?, name }));
    }
    let id = entity.strip_prefix(key::ENVIRONMENT).ok_or_else(unknown)?;
    Ok(Entity::Environment(Environment {
        id: id.parse().map_err(|_| unknown())?,
        user_id,
        project_id: reader.number("projectId")?,
        slug: text("slug")?,
        name,
    }))
}
