//! What the two list routes have in common: parameters, filters, and the page they lead to.

use std::collections::BTreeSet;

use lambda_http::Request;
use lambda_http::http::HeaderValue;
use lambda_http::http::header::LINK;

use crate::api::request::accept::Format;
use crate::api::request::cursor::{self, ListHash};
use crate::api::request::query::{QueryString, invalid};
use crate::api::response::document::{Document, TOTAL_COUNT};
use crate::api::response::link::next_link;
use crate::api::response::render::{Include, render_page};
use crate::api::{Api, ApiError};
use crate::auth::Caller;
use crate::directory::{Directory, WantedNames};
use crate::id::MAX_ID;
use crate::store::{Order, Page, PageError, PageRequest, Start, TimeRange};
use crate::time::Timestamp;
use crate::view::{Facet, Filter, Scope, View};

/// How many entries a page has unless the caller says otherwise.
const DEFAULT_LIMIT: usize = 100;

/// How many entries a page has at the most.
const MAX_LIMIT: usize = 1_000;

/// Parameters of both list routes.
#[derive(Debug, PartialEq, Eq)]
pub struct ListParameters {
    /// Only entries that this selects.
    filter: Filter,
    /// Only entries of this time.
    range: TimeRange,
    /// Newest or oldest first.
    order: Order,
    /// At most this many entries: 0 to 1,000.
    limit: usize,
    /// From where.
    start: RequestedStart,
    /// What an entry shows.
    include: Include,
}

/// Where a page starts, as it is asked for.
#[derive(Debug, PartialEq, Eq)]
enum RequestedStart {
    /// After this many entries.
    Offset(u64),
    /// After another page, whose `nextCursor` this is.
    Cursor(String),
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
pub enum ScopeFilter {
    /// All of it.
    Everything,
    /// A project or environment; an unknown one is a filter that nothing matches.
    Matching(SlugFilter),
    /// A project or environment that must exist.
    Existing(SlugFilter),
}

impl ListParameters {
    /// The names of the parameters that both list routes have.
    pub const NAMES: [&'static str; 11] = [
        "limit",
        "offset",
        "cursor",
        "resourceType",
        "excludeResourceType",
        "action",
        "excludeAction",
        "since",
        "until",
        "order",
        Include::NAME,
    ];

    /// Reads them from a query string.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] naming the one at fault.
    pub fn read(query: &QueryString) -> Result<Self, ApiError> {
        let limit = query.number("limit", u64::MAX)?;
        let limit = limit.map_or(DEFAULT_LIMIT, |limit| {
            usize::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT)
        });
        let offset = query.number("offset", MAX_ID)?;
        let start = match (query.get("cursor"), offset) {
            (Some(_), Some(_)) => {
                return Err(invalid("cursor", "cannot be given together with offset"));
            }
            (Some(cursor), None) => RequestedStart::Cursor(cursor.to_owned()),
            (None, offset) => RequestedStart::Offset(offset.unwrap_or(0)),
        };
        let orders = [("asc", Order::OldestFirst), ("desc", Order::NewestFirst)];
        Ok(Self {
            filter: Filter {
                resource_type: facet(query, "resourceType", "excludeResourceType", Some(NO_TYPE)),
                action: facet(query, "action", "excludeAction", None),
            },
            range: TimeRange { since: query.time("since")?, until: query.time("until")? },
            order: query.choice("order", &orders)?.unwrap_or_default(),
            limit,
            start,
            include: Include::read(query)?,
        })
    }

    /// What tells this list of the caller's from all others. The project and environment are in it
    /// as they were asked for, so that it can be checked before they are looked up.
    fn hash(&self, caller: Caller, scope: &ScopeFilter) -> ListHash {
        let slugs = scope.slugs();
        let bound = |time: Option<Timestamp>| time.map(Timestamp::as_millis);
        let facet = |facet: &Facet| serde_json::json!([facet.only, facet.except]);
        let description = serde_json::json!([
            caller.user_id,
            slugs.map(|slugs| &slugs.project),
            slugs.and_then(|slugs| slugs.environment.as_ref()),
            facet(&self.filter.resource_type),
            facet(&self.filter.action),
            bound(self.range.since),
            bound(self.range.until),
            self.order == Order::OldestFirst,
        ]);
        ListHash::new(description.to_string().as_bytes())
    }
}

/// Stands for entries without a resource type. No resource type is called this.
const NO_TYPE: &str = "~";

/// Which values of a facet the parameters `only` and `except` select, each one value or several
/// with commas. Empty values are left out, so that nothing but those is as if it was not given.
/// `nothing` stands for entries without a value.
fn facet(query: &QueryString, only: &str, except: &str, nothing: Option<&str>) -> Facet {
    let values = |name| {
        let values = query.get(name).unwrap_or_default().split(',').filter(|one| !one.is_empty());
        let values = values.map(|one| (Some(one) != nothing).then(|| one.to_owned()));
        values.collect::<BTreeSet<_>>()
    };
    Facet { only: Some(values(only)).filter(|only| !only.is_empty()), except: values(except) }
}

impl ScopeFilter {
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

    const fn slugs(&self) -> Option<&SlugFilter> {
        match self {
            Self::Everything => None,
            Self::Matching(slugs) | Self::Existing(slugs) => Some(slugs),
        }
    }
}

impl SlugFilter {
    /// The scope that it names among what the caller has, and the names that every entry of the
    /// scope shows as long as nothing is moved; `None` if there is no such scope. A round trip for
    /// each slug.
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

/// The page that the caller asked for with `request`, whose query string is `query`.
///
/// # Errors
/// [`ApiError::InvalidParameter`] for a cursor that is not of this list;
/// [`ApiError::NotAcceptable`]; [`ApiError::ScopeNotFound`] for a project or environment that must
/// exist and does not; [`ApiError::Unavailable`] or
/// [`ApiError::Internal`] if the log cannot be read.
pub async fn list(
    api: &Api,
    caller: Caller,
    request: &Request,
    query: &QueryString,
    parameters: ListParameters,
    scope: &ScopeFilter,
) -> Result<Document, ApiError> {
    let hash = parameters.hash(caller, scope);
    let start = match &parameters.start {
        RequestedStart::Offset(offset) => Start::Offset(*offset),
        RequestedStart::Cursor(text) => {
            Start::After(cursor::decode(text, hash).ok_or_else(foreign_cursor)?)
        }
    };
    let format = Format::negotiate(request.headers(), Format::OF_LISTS)?;

    let ListParameters { filter, range, order, limit, include, .. } = parameters;
    let user = caller.user_id;
    let resolved = match scope {
        ScopeFilter::Everything => Some((Scope::User(user), WantedNames::of_user())),
        ScopeFilter::Matching(slugs) | ScopeFilter::Existing(slugs) => {
            slugs.resolve(api, caller).await?
        }
    };
    let (mut page, directory) = match (resolved, scope) {
        (Some((scope, shown)), _) => {
            let view = View { scope, filter };
            let wanted = PageRequest { view, range, order, start, limit, is_whole: include.client };
            let shown = if limit == 0 { WantedNames::default() } else { shown };
            let page = async { Ok::<_, ApiError>(api.store.page(&wanted).await?) };
            let names = async { Ok(api.store.names(user, &shown).await?) };
            let (page, names) = tokio::try_join!(page, names)?;
            let others = WantedNames::of(&page.activities).without(&shown);
            (page, names.with(api.store.names(user, &others).await?))
        }
        (None, ScopeFilter::Existing(_)) => return Err(ApiError::ScopeNotFound),
        (None, ScopeFilter::Matching(_) | ScopeFilter::Everything) => {
            let offset = match start {
                Start::Offset(offset) => offset,
                Start::After(_) => 0,
            };
            (Page::empty(offset), Directory::default())
        }
    };
    let next = |page: &Page| page.next().map(|next| cursor::encode(next, hash));
    let body = render_page(&mut page, limit, &directory, include, format, next)?;
    let mut document = Document::new(format, body, page.activities.len());
    document.headers.insert(TOTAL_COUNT, HeaderValue::from(page.total));
    if let Some(cursor) = next(&page) {
        document.headers.insert(LINK, next_link(query, &cursor)?);
    }
    Ok(document)
}

fn foreign_cursor() -> ApiError {
    invalid("cursor", "is not of this list")
}

impl From<PageError> for ApiError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::ForeignCursor => foreign_cursor(),
            PageError::Store(error) => error.into(),
        }
    }
}
