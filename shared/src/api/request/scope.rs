//! Which part of the caller's log a list is of, by slug.

use super::query::{Query, invalid};
use crate::api::{Api, ApiError};
use crate::auth::Caller;
use crate::directory::WantedNames;
use crate::view::Scope;

/// A project, and perhaps one of its environments, by slug.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SlugFilter {
    /// The project's slug.
    pub(crate) project: String,
    /// The environment's slug.
    pub(crate) environment: Option<String>,
}

/// Which part of the caller's log is listed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ScopeFilter {
    /// All of it.
    Everything,
    /// A project or environment; an unknown one is a filter that nothing matches.
    Matching(SlugFilter),
    /// A project or environment that must exist.
    Existing(SlugFilter),
}

impl ScopeFilter {
    /// Reads it from a query string, where it is a filter.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] for an environment without a project.
    pub(crate) fn read(query: &mut Query) -> Result<Self, ApiError> {
        let project = query.text("projectSlug");
        let environment = query.text("environmentSlug");
        match (project, environment) {
            (None, None) => Ok(Self::Everything),
            (None, Some(_)) => Err(invalid("environmentSlug", "requires projectSlug")),
            (Some(project), environment) => Ok(Self::Matching(SlugFilter { project, environment })),
        }
    }

    pub(crate) const fn slugs(&self) -> Option<&SlugFilter> {
        match self {
            Self::Everything => None,
            Self::Matching(slugs) | Self::Existing(slugs) => Some(slugs),
        }
    }

    /// The scope that it names among what the caller has, and the names that every entry of the
    /// scope shows as long as nothing is moved; `None` if nothing matches it. A round trip for each
    /// slug.
    ///
    /// # Errors
    /// [`ApiError::ScopeNotFound`] if the scope must exist and does not; [`ApiError::Unavailable`] or
    /// [`ApiError::Internal`] if the names cannot be read.
    pub(crate) async fn resolve(
        &self,
        api: &Api,
        caller: Caller,
    ) -> Result<Option<(Scope, WantedNames)>, ApiError> {
        let (slugs, must_exist) = match self {
            Self::Everything => {
                return Ok(Some((Scope::User(caller.user_id), WantedNames::of_user())));
            }
            Self::Matching(slugs) => (slugs, false),
            Self::Existing(slugs) => (slugs, true),
        };
        match slugs.resolve(api, caller).await? {
            None if must_exist => Err(ApiError::ScopeNotFound),
            found => Ok(found),
        }
    }
}

impl SlugFilter {
    async fn resolve(
        &self,
        api: &Api,
        caller: Caller,
    ) -> Result<Option<(Scope, WantedNames)>, ApiError> {
        let user = caller.user_id;
        let Some(project) = api.store.project_by_slug(user, &self.project).await? else {
            return Ok(None);
        };
        let mut shown = WantedNames { projects: [project].into(), ..WantedNames::of_user() };
        let Some(slug) = &self.environment else {
            return Ok(Some((Scope::Project(user, project), shown)));
        };
        let environment = api.store.environment_by_slug(user, project, slug).await?;
        shown.environments.extend(environment);
        Ok(environment.map(|environment| (Scope::Environment(user, environment), shown)))
    }
}
