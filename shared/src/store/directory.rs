//! The Directory table: names and slugs, one partition a user.

use std::collections::BTreeMap;

use super::attributes::{Item, Reader, number, string};
use super::{CAPACITY, Store, StoreError, keys};
use crate::directory::{Directory, Environment, Project, User};
use crate::id::UserId;

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
    /// Everything `user` may see by name: one trip, and one more for each further megabyte.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or decoded.
    pub async fn directory(&self, user: UserId) -> Result<Directory, StoreError> {
        let mut directory = Directory::default();
        let mut start = None;
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.tables.directory)
                .key_condition_expression("userId = :user")
                .expression_attribute_values(":user", number(user))
                .set_exclusive_start_key(start)
                .return_consumed_capacity(CAPACITY)
                .send()
                .await
                .map_err(StoreError::call("Query"))?;
            for item in output.items.unwrap_or_default() {
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
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(directory);
            }
        }
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
            Self::User(user) => (user.id, keys::USER.to_owned()),
            Self::Project(project) => (project.user_id, keys::directory_project(project.id)),
            Self::Environment(environment) => {
                (environment.user_id, keys::directory_environment(environment.id))
            }
        }
    }
}

fn encode(entity: &Entity) -> Item {
    let (user_id, key) = entity.key();
    let mut item =
        Item::from([("userId".to_owned(), number(user_id)), ("entity".to_owned(), string(key))]);
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
    let reader = Reader::new(item, "Directory", ["userId", "entity"]);
    let user_id: UserId = reader.number("userId")?;
    let key = reader.string("entity")?;
    let name = reader.string("name")?.to_owned();
    let text = |name| reader.string(name).map(str::to_owned);
    if key == keys::USER {
        let profile_image = reader.optional_string("profileImage")?.map(str::to_owned);
        return Ok(Entity::User(User { id: user_id, name, profile_image }));
    }
    let unknown = || reader.corrupt("entity is not a user, project or environment");
    if let Some(id) = key.strip_prefix(keys::PROJECT) {
        let id = id.parse().map_err(|_| unknown())?;
        return Ok(Entity::Project(Project { id, user_id, slug: text("slug")?, name }));
    }
    let id = key.strip_prefix(keys::ENVIRONMENT).ok_or_else(unknown)?;
    Ok(Entity::Environment(Environment {
        id: id.parse().map_err(|_| unknown())?,
        user_id,
        project_id: reader.number("projectId")?,
        slug: text("slug")?,
        name,
    }))
}
