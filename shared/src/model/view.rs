//! Views: the lists that the log can be read as.
//!
//! A view is a scope (a user's whole log, one project, one environment) and a filter over the facets
//! of its entries (resource type, action). Every scope is a numbered sequence, and has a global
//! secondary index on the Activities table whose partition key is the scope's own ids. A filter
//! needs neither: what it selects is counted in the scope's ledger.

use std::collections::BTreeSet;
use std::fmt;

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

/// How entries of one kind of scope are indexed.
#[derive(Debug, PartialEq, Eq)]
pub struct Index {
    /// The name of the global secondary index.
    pub name: &'static str,
    /// The attributes of the index's partition key, in order.
    pub partition_key: &'static [&'static str],
    /// The attribute that holds an entry's position in the scope; short, because it is stored up to
    /// four times with every entry.
    pub position: &'static str,
    /// What the index holds besides its keys: this, or else whole entries.
    pub holds: Option<&'static [&'static str]>,
}

/// The sort key of every index. Its second part tells apart entries of the same millisecond.
pub const SORT_KEY: [&str; 2] = ["createdAt", "id"];

/// The three indexes: of a user, of a project, of an environment. The last two hold what a list shows
/// by default, the position, the version, and the first bytes of the hash, which a cursor has.
pub const INDEXES: [Index; 3] = [
    Index { name: "user", partition_key: &["userId"], position: "u", holds: None },
    Index {
        name: "project",
        partition_key: &["userId", "projectId"],
        position: "p",
        holds: Some(&[
            "v",
            "p",
            "h",
            "environmentId",
            "resourceType",
            "resourceId",
            "action",
            "description",
            "metadata",
        ]),
    },
    Index {
        name: "environment",
        partition_key: &["userId", "environmentId"],
        position: "e",
        holds: Some(&[
            "v",
            "e",
            "h",
            "projectId",
            "resourceType",
            "resourceId",
            "action",
            "description",
            "metadata",
        ]),
    },
];

impl Index {
    /// Whether it holds whole entries.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.holds.is_none()
    }

    /// Whether it holds this attribute of an entry.
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        let Some(held) = self.holds else { return true };
        let mut all = self.partition_key.iter().chain(&SORT_KEY).chain(held);
        all.any(|name| *name == attribute)
    }
}

impl Scope {
    /// Whose log it is a part of.
    #[must_use]
    pub const fn user_id(self) -> UserId {
        match self {
            Self::User(user) | Self::Project(user, _) | Self::Environment(user, _) => user,
        }
    }

    /// Which kind it is: a subscript of [`INDEXES`].
    #[must_use]
    pub const fn kind(self) -> usize {
        match self {
            Self::User(_) => 0,
            Self::Project(..) => 1,
            Self::Environment(..) => 2,
        }
    }

    /// How its entries are indexed.
    #[must_use]
    pub const fn index(self) -> &'static Index {
        &INDEXES[self.kind()]
    }

    /// The scopes that an entry with these ids is in: one to three.
    pub fn of(
        user: UserId,
        project: Option<ProjectId>,
        environment: Option<EnvironmentId>,
    ) -> impl Iterator<Item = Self> {
        [
            Some(Self::User(user)),
            project.map(|project| Self::Project(user, project)),
            environment.map(|environment| Self::Environment(user, environment)),
        ]
        .into_iter()
        .flatten()
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

/// Which values of one facet a filter selects. `None` stands for entries without a value.
///
/// ```
/// use activity_log::view::Facet;
///
/// let either = Facet { only: Some([Some("function".to_owned()), None].into()), ..Facet::default() };
/// assert!(either.selects(Some("function")) && either.selects(None));
/// assert!(!either.selects(Some("database")));
///
/// let others = Facet { except: [Some("sync".to_owned())].into(), ..Facet::default() };
/// assert!(others.selects(Some("create")) && !others.selects(Some("sync")));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facet {
    /// Only these values; all if absent.
    pub only: Option<BTreeSet<Option<String>>>,
    /// None of these values.
    pub except: BTreeSet<Option<String>>,
}

impl Facet {
    /// Entries with one of the values in `only`, or with any value if that is empty; but none with a value
    /// in `except`.
    #[must_use]
    pub fn new(only: BTreeSet<Option<String>>, except: BTreeSet<Option<String>>) -> Self {
        Self { only: Some(only).filter(|only| !only.is_empty()), except }
    }

    /// Only entries with exactly this value.
    #[must_use]
    pub fn only(value: &str) -> Self {
        Self::new([Some(value.to_owned())].into(), BTreeSet::new())
    }

    /// Whether it selects entries with this value.
    #[must_use]
    pub fn selects(&self, value: Option<&str>) -> bool {
        let is_in = |values: &BTreeSet<Option<String>>| {
            values.iter().any(|listed| listed.as_deref() == value)
        };
        self.only.as_ref().is_none_or(is_in) && !is_in(&self.except)
    }
}

/// What the entries of a view have in common besides its scope: any predicate over each facet.
///
/// ```
/// use activity_log::view::{Facet, Filter};
///
/// let filter = Filter { resource_type: Facet::only("function"), ..Filter::default() };
/// assert!(filter.selects(Some("function"), "create"));
/// assert!(!filter.selects(None, "create"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// By resource type.
    pub resource_type: Facet,
    /// By action.
    pub action: Facet,
}

impl Filter {
    /// Whether it selects entries of this resource type and action.
    #[must_use]
    pub fn selects(&self, resource_type: Option<&str>, action: &str) -> bool {
        self.resource_type.selects(resource_type) && self.action.selects(Some(action))
    }
}

/// A list of entries in the order of their positions in a scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The part of the log.
    pub scope: Scope,
    /// Which of its entries.
    pub filter: Filter,
}

impl View {
    /// The view of a whole scope.
    #[must_use]
    pub fn of(scope: Scope) -> Self {
        Self { scope, filter: Filter::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_in_exactly_the_scopes_whose_ids_it_has() {
        let user = 3.try_into().unwrap();
        let names = |project: Option<u64>, environment: Option<u64>| {
            let project = project.map(|id| id.try_into().unwrap());
            let environment = environment.map(|id| id.try_into().unwrap());
            let scopes = Scope::of(user, project, environment);
            scopes.map(|scope| scope.index().name).collect::<Vec<_>>()
        };
        assert_eq!(names(Some(4), Some(4)), INDEXES.map(|index| index.name));
        assert_eq!(names(Some(4), None), ["user", "project"]);
        assert_eq!(names(None, None), ["user"]);
    }

    #[test]
    fn the_user_leads_every_partition_key() {
        for index in &INDEXES {
            assert_eq!(index.partition_key[0], "userId", "{}", index.name);
        }
    }

    #[test]
    fn a_filter_selects_values_and_excludes_values_and_knows_entries_without_a_value() {
        let values = |values: &[Option<&str>]| -> BTreeSet<Option<String>> {
            values.iter().map(|value| value.map(str::to_owned)).collect()
        };
        let facet = |only: Option<&[Option<&str>]>, except: &[Option<&str>]| Facet {
            only: only.map(values),
            except: values(except),
        };
        for (facet, selected) in [
            (facet(None, &[]), [true, true, true]),
            (facet(Some(&[Some("a")]), &[]), [true, false, false]),
            (facet(Some(&[Some("a"), None]), &[]), [true, false, true]),
            (facet(None, &[Some("a")]), [false, true, true]),
            (facet(None, &[None]), [true, true, false]),
            (facet(Some(&[Some("a"), Some("b")]), &[Some("a")]), [false, true, false]),
            (facet(Some(&[]), &[]), [false, false, false]),
        ] {
            let found = [Some("a"), Some("b"), None].map(|value| facet.selects(value));
            assert_eq!(found, selected, "{facet:?}");
        }
    }
}
