//! What the Directory has of an entity: its name, and its slug beside it.
//!
//! A slug is an attribute of its entity, and has an item of its own, whose key leads from the slug to
//! the entity. That one has nothing but its key, so it is read and written in [`key`].

use super::attribute::{Item, number, string};
use super::key::{self, DIRECTORY, Slug};
use super::reader::Reader;
use crate::directory::{Entity, EntityKey, Environment, Project, User};
use crate::store::StoreError;

/// What the item of an entity has besides its key.
pub(crate) const ATTRIBUTES: [&str; 4] = ["name", "slug", "projectId", "profileImage"];

/// The item of an entity.
pub(crate) fn encode(entity: &Entity) -> Item {
    let mut item = key::entity(entity.key());
    let mut put = |name: &'static str, value| item.insert(name, value);
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

/// The entity that an item is of.
pub(crate) fn decode(item: &Item) -> Result<Entity, StoreError> {
    let reader = Reader::new(item, DIRECTORY);
    let key = key::parse_entity(reader.number("userId")?, reader.string("entity")?);
    let name = reader.string("name")?.to_owned();
    let slug = || reader.string("slug").map(str::to_owned);
    Ok(match key {
        Some(EntityKey::User(id)) => {
            let profile_image = reader.optional_string("profileImage")?.map(str::to_owned);
            Entity::User(User { id, name, profile_image })
        }
        Some(EntityKey::Project(user_id, id)) => {
            Entity::Project(Project { id, user_id, slug: slug()?, name })
        }
        Some(EntityKey::Environment(user_id, id)) => {
            let project_id = reader.number("projectId")?;
            Entity::Environment(Environment { id, user_id, project_id, slug: slug()?, name })
        }
        None => return Err(reader.corrupt("entity is not a user, project or environment")),
    })
}

/// The key of the item that leads from the slug of an entity to it; users have none.
pub(crate) fn slug_item(entity: &Entity) -> Option<Item> {
    match entity {
        Entity::User(_) => None,
        Entity::Project(Project { id, user_id, slug, .. }) => {
            Some(Slug::Project(*user_id, slug).item(id.get()))
        }
        Entity::Environment(Environment { id, user_id, project_id, slug, .. }) => {
            Some(Slug::Environment(*user_id, *project_id, slug).item(id.get()))
        }
    }
}
