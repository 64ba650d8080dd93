//! Views: the numbered lists that the log can be read as.
//!
//! A view is a scope (a user's whole log, one project, one environment) and its facets (any
//! combination of resource type and action). Each of the twelve kinds has a global secondary index
//! on the Activities table whose partition key is the view's own attributes, and an attribute that
//! holds an entry's position in that view. This table is the only place that names them.

use std::fmt;

use crate::activity::{Activity, is_name};
use crate::id::{EnvironmentId, ProjectId, UserId};

/// Which part of a user's log. The user is in every scope, hence in every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The user's whole log.
    User(UserId),
    /// What the user did in one project.
    Project(UserId, ProjectId),
    /// What the user did in one environment.
    Environment(UserId, EnvironmentId),
}

impl Scope {
    /// Whose log it is a part of.
    #[must_use]
    pub const fn user_id(self) -> UserId {
        match self {
            Self::User(user) | Self::Project(user, _) | Self::Environment(user, _) => user,
        }
    }
}

/// What the entries of a view have in common besides its scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facets {
    /// Only entries of this resource type.
    pub resource_type: Option<String>,
    /// Only entries of this action.
    pub action: Option<String>,
}

impl Facets {
    /// Whether an entry can have them: whether they are names that can be recorded.
    #[must_use]
    pub fn can_occur(&self) -> bool {
        self.resource_type.iter().chain(&self.action).all(|name| is_name(name))
    }
}

/// A numbered list of entries: the oldest has position 1, and there are no gaps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct View {
    /// The part of the log.
    pub scope: Scope,
    /// What its entries have in common.
    pub facets: Facets,
}

/// How one kind of view is stored.
#[derive(Debug, PartialEq, Eq)]
pub struct Index {
    /// The name of the global secondary index.
    pub name: &'static str,
    /// The attributes of the index's partition key, in order.
    pub partition_key: &'static [&'static str],
    /// The attribute that holds an entry's position; short, because it is stored up to five times
    /// with every entry.
    pub position: &'static str,
    /// Whether the index holds whole entries, so that a page needs no second trip for them.
    pub covering: bool,
    /// Every position divisible by this leaves a milestone; a page skips fewer entries than this.
    pub stride: u64,
}

/// Positions of an entry in its views, by [`View::kind`].
pub type Positions = [Option<u64>; KINDS];

/// How many kinds of view there are.
pub const KINDS: usize = 12;

/// The sort key of every index. Its second part tells apart entries of the same millisecond.
pub const SORT_KEY: [&str; 2] = ["createdAt", "id"];

const fn whole(
    name: &'static str,
    position: &'static str,
    partition_key: &'static [&'static str],
) -> Index {
    Index { name, partition_key, position, covering: true, stride: 20 }
}

const fn faceted(
    name: &'static str,
    position: &'static str,
    partition_key: &'static [&'static str],
) -> Index {
    Index { name, partition_key, position, covering: false, stride: 100 }
}

/// The kinds of view. The position attribute is the scope's letter (`u`ser, `p`roject,
/// `e`nvironment) and the facets' (`t`ype, `a`ction).
pub const INDEXES: [Index; KINDS] = [
    whole("user", "u", &["userId"]),
    faceted("user-type", "ut", &["userId", "resourceType"]),
    faceted("user-action", "ua", &["userId", "action"]),
    faceted("user-type-action", "uta", &["userId", "resourceType", "action"]),
    whole("project", "p", &["userId", "projectId"]),
    faceted("project-type", "pt", &["userId", "projectId", "resourceType"]),
    faceted("project-action", "pa", &["userId", "projectId", "action"]),
    faceted("project-type-action", "pta", &["userId", "projectId", "resourceType", "action"]),
    whole("environment", "e", &["userId", "environmentId"]),
    faceted("environment-type", "et", &["userId", "environmentId", "resourceType"]),
    faceted("environment-action", "ea", &["userId", "environmentId", "action"]),
    faceted(
        "environment-type-action",
        "eta",
        &["userId", "environmentId", "resourceType", "action"],
    ),
];

impl View {
    /// The view of a whole scope.
    #[must_use]
    pub fn of(scope: Scope) -> Self {
        Self { scope, facets: Facets::default() }
    }

    /// Which of the twelve kinds it is: a subscript of [`INDEXES`] and [`Positions`].
    #[must_use]
    pub const fn kind(&self) -> usize {
        let scope = match self.scope {
            Scope::User(_) => 0,
            Scope::Project(..) => 1,
            Scope::Environment(..) => 2,
        };
        let resource_type = self.facets.resource_type.is_some() as usize;
        let action = self.facets.action.is_some() as usize;
        scope * 4 + action * 2 + resource_type
    }

    /// How it is stored.
    #[must_use]
    pub const fn index(&self) -> &'static Index {
        &INDEXES[self.kind()]
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user {user}"),
            Self::Project(user, project) => write!(f, "user {user}, project {project}"),
            Self::Environment(user, environment) => {
                write!(f, "user {user}, environment {environment}")
            }
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.scope)?;
        if let Some(resource_type) = &self.facets.resource_type {
            write!(f, ", resourceType {resource_type}")?;
        }
        if let Some(action) = &self.facets.action {
            write!(f, ", action {action}")?;
        }
        Ok(())
    }
}

/// The scopes an entry with these ids is in: one to three.
pub fn scopes(
    user: UserId,
    project: Option<ProjectId>,
    environment: Option<EnvironmentId>,
) -> impl Iterator<Item = Scope> {
    [
        Some(Scope::User(user)),
        project.map(|project| Scope::Project(user, project)),
        environment.map(|environment| Scope::Environment(user, environment)),
    ]
    .into_iter()
    .flatten()
}

/// The facets of an entry within one scope: two without a resource type, four with one.
pub fn facets<'a>(
    resource_type: Option<&'a str>,
    action: &'a str,
) -> impl Iterator<Item = Facets> + use<'a> {
    [(false, false), (true, false), (false, true), (true, true)]
        .into_iter()
        .filter(move |(by_type, _)| resource_type.is_some() || !by_type)
        .map(move |(by_type, by_action)| Facets {
            resource_type: resource_type.filter(|_| by_type).map(str::to_owned),
            action: by_action.then(|| action.to_owned()),
        })
}

/// Every view that `activity` is in: at most twelve.
pub fn views(activity: &Activity) -> impl Iterator<Item = View> {
    scopes(activity.user_id, activity.project_id, activity.environment_id).flat_map(|scope| {
        facets(activity.resource_type.as_deref(), &activity.action)
            .map(move |facets| View { scope, facets })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(project: Option<u64>, environment: Option<u64>, kind: Option<&str>) -> Activity {
        Activity {
            id: 1.try_into().unwrap(),
            user_id: 3.try_into().unwrap(),
            project_id: project.map(|id| id.try_into().unwrap()),
            environment_id: environment.map(|id| id.try_into().unwrap()),
            resource_type: kind.map(str::to_owned),
            resource_id: None,
            action: "create".to_owned(),
            description: None,
            metadata: None,
            ip_address: None,
            user_agent: None,
            created_at: crate::time::Timestamp::MIN,
        }
    }

    #[test]
    fn an_entry_is_in_exactly_the_views_whose_attributes_it_has() {
        let names =
            |activity: &Activity| views(activity).map(|view| view.index().name).collect::<Vec<_>>();
        let all = names(&activity(Some(4), Some(4), Some("function")));
        assert_eq!(all, INDEXES.map(|index| index.name));
        assert_eq!(names(&activity(None, None, None)), ["user", "user-action"]);
        assert_eq!(
            names(&activity(Some(4), None, None)),
            ["user", "user-action", "project", "project-action"]
        );
    }

    #[test]
    fn the_user_leads_every_partition_key_and_no_key_is_too_wide() {
        for index in &INDEXES {
            assert_eq!(index.partition_key[0], "userId", "{}", index.name);
            // DynamoDB: at most four partition key attributes and four sort key attributes.
            assert!(index.partition_key.len() <= 4, "{}", index.name);
        }
    }
}
