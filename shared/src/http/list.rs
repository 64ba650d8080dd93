//! What the two list routes have in common: parameters, filters, and the page they lead to.

use super::query::{QueryString, invalid};
use super::render::render_page;
use super::{Api, ApiError};
use crate::directory::Directory;
use crate::id::MAX_ID;
use crate::store::{Order, Page, PageRequest, Start, TimeRange};
use crate::token::Caller;
use crate::view::{Facets, Scope, View};

/// How many entries a page has unless the caller says otherwise.
const DEFAULT_LIMIT: usize = 100;

/// How many entries a page has at the most.
const MAX_LIMIT: usize = 1_000;

/// Parameters of both list routes.
#[derive(Debug, PartialEq, Eq)]
pub struct ListParameters {
    /// Only entries with these facets.
    pub facets: Facets,
    /// At most this many entries: 0 to 1,000.
    pub limit: usize,
    /// After this many entries.
    pub offset: u64,
}

/// A project, and perhaps one of its environments, by slug.
#[derive(Debug, PartialEq, Eq)]
pub struct SlugFilter {
    /// The project's slug.
    pub project: String,
    /// The environment's slug.
    pub environment: Option<String>,
}

/// Which part of the caller's log is listed.
#[derive(Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of it.
    Everything,
    /// A project or environment; an unknown one is a filter that nothing matches.
    Matching(SlugFilter),
    /// A project or environment that must exist.
    Existing(SlugFilter),
}

impl ListParameters {
    /// The names of the parameters that both list routes have.
    pub const NAMES: [&'static str; 4] = ["limit", "offset", "resourceType", "action"];

    /// Reads them from a query string.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] naming the one at fault.
    pub fn read(query: &QueryString) -> Result<Self, ApiError> {
        let limit = query.number("limit", u64::MAX)?;
        let limit = limit.map_or(DEFAULT_LIMIT, |limit| {
            usize::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT)
        });
        Ok(Self {
            facets: Facets {
                resource_type: query.get("resourceType").map(str::to_owned),
                action: query.get("action").map(str::to_owned),
            },
            limit,
            offset: query.number("offset", MAX_ID)?.unwrap_or(0),
        })
    }
}

impl Filter {
    /// The names of the parameters that [`Self::read`] knows.
    pub const NAMES: [&'static str; 2] = ["projectSlug", "environmentSlug"];

    /// Reads it from a query string.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] for an environment without a project.
    pub fn read(query: &QueryString) -> Result<Self, ApiError> {
        let environment = query.get("environmentSlug").map(str::to_owned);
        match (query.get("projectSlug"), environment) {
            (None, None) => Ok(Self::Everything),
            (None, Some(_)) => Err(invalid("environmentSlug", "requires projectSlug")),
            (Some(project), environment) => {
                Ok(Self::Matching(SlugFilter { project: project.to_owned(), environment }))
            }
        }
    }
}

impl SlugFilter {
    /// The scope it names among what the caller may see.
    fn resolve(&self, caller: Caller, directory: &Directory) -> Option<Scope> {
        let project = directory.project_by_slug(&self.project)?;
        match &self.environment {
            None => Some(Scope::Project(caller.user_id, project.id)),
            Some(slug) => {
                let environment = directory.environment_by_slug(project.id, slug)?;
                Some(Scope::Environment(caller.user_id, environment.id))
            }
        }
    }
}

/// The document of the page that the caller asked for.
///
/// # Errors
/// [`ApiError::ScopeNotFound`] for a project or environment that must exist and does not;
/// [`ApiError::Internal`] if the log cannot be read.
pub async fn list(
    api: &Api,
    caller: Caller,
    filter: &Filter,
    parameters: ListParameters,
) -> Result<String, ApiError> {
    let limit = parameters.limit;
    let (page, directory) = match filter {
        Filter::Everything => {
            let request = parameters.request(Scope::User(caller.user_id));
            let directory = async { Ok(api.store.directory(caller.user_id).await?) };
            let page = async { Ok::<_, ApiError>(api.store.page(&request).await?) };
            tokio::try_join!(page, directory)?
        }
        Filter::Matching(slugs) | Filter::Existing(slugs) => {
            let directory = api.store.directory(caller.user_id).await?;
            let page = match (slugs.resolve(caller, &directory), filter) {
                (Some(scope), _) => api.store.page(&parameters.request(scope)).await?,
                (None, Filter::Existing(_)) => return Err(ApiError::ScopeNotFound),
                (None, Filter::Matching(_) | Filter::Everything) => Page::empty(parameters.offset),
            };
            (page, directory)
        }
    };
    render_page(&page, limit, &directory)
}

impl ListParameters {
    fn request(self, scope: Scope) -> PageRequest {
        PageRequest {
            view: View { scope, facets: self.facets },
            range: TimeRange::default(),
            order: Order::NewestFirst,
            start: Start::Offset(self.offset),
            limit: self.limit,
        }
    }
}
