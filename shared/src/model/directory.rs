//! Names and slugs of users, projects and environments, as the platform has them now.
//!
//! An activity stores only ids. What those ids are called is looked up when the activity is read,
//! so a rename shows at once and a deleted entity shows as `null`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::activity::Activity;
use crate::id::{EnvironmentId, ProjectId, UserId};

/// Length limits of names, in bytes. Within them, what is stored of an entity is below 4 KB, so that
/// a name costs half a read unit, and the key of a slug is below the 1,024 bytes that a sort key may
/// have (AWS: "Quotas in Amazon DynamoDB").
pub mod limit {
    /// `slug`; at least 1.
    pub const SLUG: usize = 255;
    /// `name`.
    pub const NAME: usize = 1_024;
    /// `profileImage`.
    pub const PROFILE_IMAGE: usize = 2_048;
}

/// A user of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    /// Names the user.
    pub id: UserId,
    /// The display name; at most 1,024 bytes.
    pub name: String,
    /// URL of the profile image, if there is one; at most 2,048 bytes.
    #[serde(default)]
    pub profile_image: Option<String>,
}

/// A project of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Project {
    /// Names the project.
    pub id: ProjectId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its name in URLs, 1 to 255 bytes. Among the user's projects that have the same one, it leads
    /// to the newest: the one with the largest id.
    pub slug: String,
    /// The display name; at most 1,024 bytes.
    pub name: String,
}

/// An environment of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    /// Names the environment.
    pub id: EnvironmentId,
    /// Whose it is.
    pub user_id: UserId,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// Its name in URLs, 1 to 255 bytes. Among the project's environments that have the same one, it
    /// leads to the newest: the one with the largest id.
    pub slug: String,
    /// The display name; at most 1,024 bytes.
    pub name: String,
}

/// Something that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    /// A user.
    User(User),
    /// A project.
    Project(Project),
    /// An environment.
    Environment(Environment),
}

/// Which entity it is, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKey {
    /// A user.
    User(UserId),
    /// A project of a user.
    Project(UserId, ProjectId),
    /// An environment of a user.
    Environment(UserId, EnvironmentId),
}

/// A change that the platform made to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameChange {
    /// An entity was created, renamed, or moved to another project: this is what it is now.
    Set(Entity),
    /// An entity was deleted. What belonged to it is not: the environments of a project keep their
    /// names until they are deleted, too.
    Delete(EntityKey),
}

/// A name that breaks a limit. Nothing of it was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
#[non_exhaustive]
pub struct InvalidName {
    /// The field at fault, by its JSON name.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl Entity {
    /// Which entity it is.
    #[must_use]
    pub const fn key(&self) -> EntityKey {
        match self {
            Self::User(user) => EntityKey::User(user.id),
            Self::Project(project) => EntityKey::Project(project.user_id, project.id),
            Self::Environment(environment) => {
                EntityKey::Environment(environment.user_id, environment.id)
            }
        }
    }

    /// Checks every limit.
    ///
    /// # Errors
    /// [`InvalidName`] naming the first field at fault.
    pub fn validate(&self) -> Result<(), InvalidName> {
        let (slug, name, profile_image) = match self {
            Self::User(User { name, profile_image, .. }) => (None, name, profile_image.as_deref()),
            Self::Project(Project { slug, name, .. })
            | Self::Environment(Environment { slug, name, .. }) => (Some(slug), name, None),
        };
        if let Some(slug) = slug.filter(|slug| !is_slug(slug)) {
            let reason = format!("must be 1 to {} bytes, not {}", limit::SLUG, slug.len());
            return Err(InvalidName { field: "slug", reason });
        }
        check_length("name", name, limit::NAME)?;
        check_length("profileImage", profile_image.unwrap_or_default(), limit::PROFILE_IMAGE)
    }
}

/// Whether an entity can have this slug.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    (1..=limit::SLUG).contains(&text.len())
}

fn check_length(field: &'static str, text: &str, limit: usize) -> Result<(), InvalidName> {
    if text.len() <= limit {
        return Ok(());
    }
    Err(InvalidName { field, reason: format!("must be at most {limit} bytes, not {}", text.len()) })
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user {user}"),
            Self::Project(user, project) => write!(f, "project {project} of user {user}"),
            Self::Environment(user, environment) => {
                write!(f, "environment {environment} of user {user}")
            }
        }
    }
}

impl NameChange {
    /// Which entity it changes.
    #[must_use]
    pub const fn key(&self) -> EntityKey {
        match self {
            Self::Set(entity) => entity.key(),
            Self::Delete(key) => *key,
        }
    }
}

/// Which names of a user are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedNames {
    /// Whether the user's own name is.
    pub has_user: bool,
    /// The projects whose names are.
    pub projects: BTreeSet<ProjectId>,
    /// The environments whose names are.
    pub environments: BTreeSet<EnvironmentId>,
}

impl WantedNames {
    /// The name of the user, and no other.
    #[must_use]
    pub fn of_user() -> Self {
        Self { has_user: true, ..Self::default() }
    }

    /// What the user's `activities` show: the user, their projects, their environments.
    pub fn of<'a>(activities: impl IntoIterator<Item = &'a Activity>) -> Self {
        let mut wanted = Self::default();
        for Activity { details, .. } in activities {
            wanted.has_user = true;
            wanted.projects.extend(details.project_id);
            wanted.environments.extend(details.environment_id);
        }
        wanted
    }

    /// What is wanted here and not there.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self {
            has_user: self.has_user && !other.has_user,
            projects: &self.projects - &other.projects,
            environments: &self.environments - &other.environments,
        }
    }

    /// The entities of `user` that are meant.
    pub fn keys(&self, user: UserId) -> impl Iterator<Item = EntityKey> {
        let projects = self.projects.iter().map(move |id| EntityKey::Project(user, *id));
        let environments =
            self.environments.iter().map(move |id| EntityKey::Environment(user, *id));
        let own = self.has_user.then_some(EntityKey::User(user));
        own.into_iter().chain(projects).chain(environments)
    }
}

/// Names of one user: all that there are, or those that were wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// The user, unless deleted.
    pub user: Option<User>,
    /// The user's projects.
    pub projects: BTreeMap<ProjectId, Project>,
    /// The user's environments.
    pub environments: BTreeMap<EnvironmentId, Environment>,
}

impl Directory {
    /// These names, and those of the same user that `others` has.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.user = others.user.or(self.user);
        self.projects.extend(others.projects);
        self.environments.extend(others.environments);
        self
    }

    /// Adds a name.
    pub fn add(&mut self, entity: Entity) {
        match entity {
            Entity::User(user) => self.user = Some(user),
            Entity::Project(project) => {
                self.projects.insert(project.id, project);
            }
            Entity::Environment(environment) => {
                self.environments.insert(environment.id, environment);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: usize, image: Option<usize>) -> Entity {
        let text = |length| "x".repeat(length);
        Entity::User(User {
            id: 3.try_into().unwrap(),
            name: text(name),
            profile_image: image.map(text),
        })
    }

    fn project(slug: &str, name: usize) -> Entity {
        Entity::Project(Project {
            id: 4.try_into().unwrap(),
            user_id: 3.try_into().unwrap(),
            slug: slug.to_owned(),
            name: "x".repeat(name),
        })
    }

    #[test]
    fn every_limit_names_its_field() {
        for (entity, fault) in [
            (user(0, None), None),
            (user(1_024, Some(2_048)), None),
            (user(1_025, None), Some("name")),
            (user(0, Some(2_049)), Some("profileImage")),
            (project("s", 0), None),
            (project(&"é".repeat(127), 1_024), None),
            (project("", 0), Some("slug")),
            (project(&"é".repeat(128), 0), Some("slug")),
            (project("s", 1_025), Some("name")),
        ] {
            let found = entity.validate().err();
            assert_eq!(found.as_ref().map(|invalid| invalid.field), fault, "{found:?}");
        }
    }
}
