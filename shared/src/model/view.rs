//! Views: the lists that the log can be read as.
//!
//! A view is a scope (a user's whole log, one project, one environment) and a filter over the facets
//! of its entries (resource type, action). Every scope is a numbered sequence, which the store has an
//! index for. No filter has an index: the scope's ledger counts what a filter selects.

use std::collections::BTreeSet;
use std::fmt;

use crate::id::{EnvironmentId, ProjectId, UserId};

/// Which part of a user's log. The user is in every scope, hence in every key.
///
/// ```
/// use activity_log::id::{ProjectId, UserId};
/// use activity_log::view::Scope;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (user, project) = (UserId::try_from(3)?, ProjectId::try_from(4)?);
/// let scopes: Vec<Scope> = Scope::of(user, Some(project), None).collect();
/// assert_eq!(scopes, [Scope::User(user), Scope::Project(user, project)]);
/// # Ok(())
/// # }
/// ```
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
        let (project, environment) = (4.try_into().unwrap(), 4.try_into().unwrap());
        let scopes = |project, environment| Scope::of(user, project, environment);
        let (whole, of_project) = (Scope::User(user), Scope::Project(user, project));
        let of_environment = Scope::Environment(user, environment);
        let all = scopes(Some(project), Some(environment));
        assert!(all.eq([whole, of_project, of_environment]));
        assert!(scopes(Some(project), None).eq([whole, of_project]));
        assert!(scopes(None, None).eq([whole]));
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
