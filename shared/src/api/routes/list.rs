//! What both list routes do: the page that was asked for, of the scope that was named.

use lambda_http::http::HeaderValue;
use lambda_http::http::header::LINK;

use super::Call;
use crate::api::request::accept::negotiate;
use crate::api::request::cursor::{self, ListHash};
use crate::api::request::include::Include;
use crate::api::request::list_parameters::{ListParameters, RequestedStart};
use crate::api::request::query::{Query, invalid};
use crate::api::request::scope::ScopeFilter;
use crate::api::response::document::{Document, RESUME_CURSOR, TOTAL_COUNT};
use crate::api::response::link::next_link;
use crate::api::response::page::{Cursors, render_page};
use crate::api::{ApiError, Format};
use crate::directory::{Directory, WantedNames};
use crate::store::{Cursor, Facets, Histogram, Page, PageRequest, Start};
use crate::view::View;

/// What a list route is asked for with.
pub(super) struct List {
    parameters: ListParameters,
    scope: ScopeFilter,
    /// What tells the list from all others.
    hash: ListHash,
    start: Start,
    format: Format,
    query: Query,
}

impl List {
    /// Reads a request whose scope `scope` reads, from the query or from elsewhere.
    ///
    /// # Errors
    /// [`ApiError::QueryTooLong`]; [`ApiError::InvalidParameter`], also for a cursor that is not of this
    /// list; [`ApiError::NotAcceptable`]; what `scope` fails with.
    pub(super) fn read(
        call: Call<'_>,
        scope: impl FnOnce(&mut Query) -> Result<ScopeFilter, ApiError>,
    ) -> Result<Self, ApiError> {
        let mut query = call.query()?;
        let parameters = ListParameters::read(&mut query)?;
        let scope = scope(&mut query)?;
        query.finish()?;
        let hash = parameters.hash(call.caller, &scope);
        let start = match &parameters.start {
            RequestedStart::Offset(offset) => Start::Offset(*offset),
            RequestedStart::Cursor(text) => {
                Start::After(cursor::decode(text, hash).ok_or_else(foreign_cursor)?)
            }
        };
        let formats =
            if parameters.include.is_of_page() { Format::OF_OBJECTS } else { Format::OF_LISTS };
        let format = negotiate(call.headers(), formats)?;
        Ok(Self { parameters, scope, hash, start, format, query })
    }
}

/// The page that `list` is.
///
/// # Errors
/// [`ApiError::ScopeNotFound`] for a project or environment that must exist and does not;
/// [`ApiError::LogRewritten`] if the log is no longer the one that a cursor was made of, or its slugs lead
/// nowhere any more;
/// [`ApiError::Unavailable`] or [`ApiError::Internal`] if the log cannot be read.
pub(super) async fn list(call: Call<'_>, list: List) -> Result<Document, ApiError> {
    let (store, user) = (&call.api.store, call.caller.user_id);
    let List { parameters, scope, hash, start, format, query } = list;
    let ListParameters { filter, range, order, limit, include, .. } = parameters;
    let found = scope.resolve(call.api, call.caller).await?;
    let (mut page, directory) = if let Some((scope, shown)) = found {
        let view = View { scope, filter };
        let Include { client: is_whole, facets, histogram } = include;
        let wanted = PageRequest { view, range, order, start, limit, is_whole, facets, histogram };
        let shown = if limit == 0 { WantedNames::default() } else { shown };
        let page = async { Ok::<_, ApiError>(store.page(&wanted).await?) };
        let names = async { Ok(store.names(user, &shown).await?) };
        let (page, names) = tokio::try_join!(page, names)?;
        let others = WantedNames::of(&page.activities).without(&shown);
        (page, names.with(store.names(user, &others).await?))
    } else if let Start::After(Cursor::Entry(_)) = start {
        // The cursor is of a project or environment that the caller had under this slug.
        return Err(ApiError::LogRewritten);
    } else {
        let facets = include.facets.then(Facets::default);
        let histogram = include.histogram.map(|_| Histogram::default());
        (Page { facets, histogram, ..Page::empty(order, start) }, Directory::default())
    };
    let text = |cursor| cursor::encode(cursor, hash);
    let cursors =
        |page: &Page| Cursors { next: page.next().map(text), resume: page.resume().map(text) };
    let (body, cursors) = render_page(&mut page, limit, &directory, include, format, cursors)?;
    let mut document = Document::new(format, body, page.activities.len());
    document.headers.insert(TOTAL_COUNT, HeaderValue::from(page.total));
    if let Some(cursor) = cursors.next {
        document.headers.insert(LINK, next_link(&query, &cursor)?);
    }
    if let Some(cursor) = cursors.resume {
        let value = HeaderValue::try_from(cursor).map_err(ApiError::internal)?;
        document.headers.insert(RESUME_CURSOR, value);
    }
    Ok(document)
}

fn foreign_cursor() -> ApiError {
    invalid("cursor", "is not of this list")
}
