//! Names and slugs of users, projects and environments, as the platform has them now.
//!
//! An activity stores only ids. What those ids are called is looked up when the activity is read,
//! so a rename shows at once and a deleted entity shows as `null`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{EnvironmentId, ProjectId, UserId};

/// A user of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    /// Names the user.
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// URL of the profile image, if there is one.
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
    /// Its name in URLs, unique among the user's projects.
    pub slug: String,
    /// The display name.
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
    /// Its name in URLs, unique among the project's environments.
    pub slug: String,
    /// The display name.
    pub name: String,
}

/// Everything one user may see by name.
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
    /// The project with exactly this slug. If the platform gave two the same one, the older.
    #[must_use]
    pub fn project_by_slug(&self, slug: &str) -> Option<&Project> {
        self.projects.values().find(|project| project.slug == slug)
    }

    /// The environment of `project` with exactly this slug. If there are two, the older.
    #[must_use]
    pub fn environment_by_slug(&self, project: ProjectId, slug: &str) -> Option<&Environment> {
        self.environments
            .values()
            .find(|environment| environment.project_id == project && environment.slug == slug)
    }
}
