//! Where things are: the keys of the Directory and Ledger tables, built here and nowhere else.

use crate::id::{EnvironmentId, ProjectId};
use crate::view::{Facets, Scope};

/// Sort key of a scope's head in the Ledger.
pub(crate) const HEAD: &str = "head";

/// Start of the sort keys of milestones in the Ledger.
pub(crate) const MILESTONE: &str = "milestone#";

/// Start of the sort keys of idempotency keys in the Ledger.
pub(crate) const IDEMPOTENCY: &str = "idempotency#";

/// Sort key of the user in the Directory.
pub(crate) const USER: &str = "user";

/// Start of the sort keys of projects in the Directory.
pub(crate) const PROJECT: &str = "project#";

/// Start of the sort keys of environments in the Directory.
pub(crate) const ENVIRONMENT: &str = "environment#";

/// Partition key of a scope in the Ledger: `user#3`, `user#3/project#4`, `user#3/environment#9`.
pub(crate) fn ledger_scope(scope: Scope) -> String {
    match scope {
        Scope::User(user) => format!("user#{user}"),
        Scope::Project(user, project) => format!("user#{user}/project#{project}"),
        Scope::Environment(user, environment) => format!("user#{user}/environment#{environment}"),
    }
}

/// The scope of a partition key of the Ledger, or `None` if it is not one.
pub(crate) fn parse_ledger_scope(key: &str) -> Option<Scope> {
    let rest = key.strip_prefix("user#")?;
    let Some((user, part)) = rest.split_once('/') else {
        return Some(Scope::User(rest.parse().ok()?));
    };
    let user = user.parse().ok()?;
    if let Some(project) = part.strip_prefix(PROJECT) {
        return Some(Scope::Project(user, project.parse().ok()?));
    }
    let environment = part.strip_prefix(ENVIRONMENT)?;
    Some(Scope::Environment(user, environment.parse().ok()?))
}

/// Sort key of a milestone in the Ledger: `milestone#function#create#200`, with nothing between
/// the signs where a facet is not set. Names cannot contain the sign.
pub(crate) fn milestone(facets: &Facets, position: u64) -> String {
    let resource_type = facets.resource_type.as_deref().unwrap_or_default();
    let action = facets.action.as_deref().unwrap_or_default();
    format!("{MILESTONE}{resource_type}#{action}#{position}")
}

/// The facets and position of a milestone's sort key, or `None` if it is not one.
pub(crate) fn parse_milestone(key: &str) -> Option<(Facets, u64)> {
    let mut parts = key.strip_prefix(MILESTONE)?.splitn(3, '#');
    let mut facet = || parts.next().map(|name| (!name.is_empty()).then(|| name.to_owned()));
    let facets = Facets { resource_type: facet()?, action: facet()? };
    Some((facets, parts.next()?.parse().ok()?))
}

/// Sort key of an idempotency key in the Ledger, under the user's scope.
pub(crate) fn idempotency(key: &str) -> String {
    format!("{IDEMPOTENCY}{key}")
}

/// Sort key of a project in the Directory.
pub(crate) fn directory_project(project: ProjectId) -> String {
    format!("{PROJECT}{project}")
}

/// Sort key of an environment in the Directory.
pub(crate) fn directory_environment(environment: EnvironmentId) -> String {
    format!("{ENVIRONMENT}{environment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_as_what_they_were_made_of() {
        let user = 3.try_into().unwrap();
        for scope in [
            Scope::User(user),
            Scope::Project(user, 4.try_into().unwrap()),
            Scope::Environment(user, 9.try_into().unwrap()),
        ] {
            assert_eq!(parse_ledger_scope(&ledger_scope(scope)), Some(scope));
        }
        for facets in [
            Facets::default(),
            Facets { resource_type: Some("a".into()), action: None },
            Facets { resource_type: None, action: Some("b".into()) },
            Facets { resource_type: Some("a".into()), action: Some("b".into()) },
        ] {
            let key = milestone(&facets, 200);
            assert_eq!(parse_milestone(&key), Some((facets, 200)), "{key}");
        }
        assert_eq!(parse_ledger_scope("user#03"), None);
        assert_eq!(parse_milestone("milestone#a#1"), None);
    }
}
