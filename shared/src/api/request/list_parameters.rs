//! The parameters that both list routes have.

use std::collections::BTreeSet;

use super::cursor::ListHash;
use super::include::Include;
use super::query::{Query, invalid};
use super::scope::ScopeFilter;
use crate::api::ApiError;
use crate::auth::Caller;
use crate::id::MAX_ID;
use crate::store::{Order, TimeRange};
use crate::time::Timestamp;
use crate::view::{Facet, Filter};

/// How many entries a page has unless the caller says otherwise.
const DEFAULT_LIMIT: usize = 100;

/// How many entries a page has at the most.
const MAX_LIMIT: usize = 1_000;

/// Stands for entries without a resource type. No resource type is called this.
const NO_TYPE: &str = "~";

/// The parameters of both list routes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListParameters {
    /// Only entries that this selects.
    pub(crate) filter: Filter,
    /// Only entries of this time.
    pub(crate) range: TimeRange,
    /// Newest or oldest first.
    pub(crate) order: Order,
    /// At most this many entries: 0 to 1,000.
    pub(crate) limit: usize,
    /// From where.
    pub(crate) start: RequestedStart,
    /// What an entry shows.
    pub(crate) include: Include,
}

/// Where a page starts, as it is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RequestedStart {
    /// After this many entries.
    Offset(u64),
    /// Where another page has ended, which gave this cursor.
    Cursor(String),
}

impl ListParameters {
    /// Reads them from a query string.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] naming the one at fault.
    pub(crate) fn read(query: &mut Query) -> Result<Self, ApiError> {
        let limit = query.number("limit", 0..=u64::MAX)?;
        let limit = limit.map_or(DEFAULT_LIMIT, |limit| {
            usize::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT)
        });
        let offset = query.number("offset", 0..=MAX_ID)?;
        let start = match (query.text("cursor"), offset) {
            (Some(_), Some(_)) => {
                return Err(invalid("cursor", "cannot be given together with offset"));
            }
            (Some(cursor), None) => RequestedStart::Cursor(cursor),
            (None, offset) => RequestedStart::Offset(offset.unwrap_or(0)),
        };
        let resource_type = Facet::new(
            values(query, "resourceType", Some(NO_TYPE)),
            values(query, "excludeResourceType", Some(NO_TYPE)),
        );
        let action =
            Facet::new(values(query, "action", None), values(query, "excludeAction", None));
        let orders = [("asc", Order::OldestFirst), ("desc", Order::NewestFirst)];
        Ok(Self {
            filter: Filter { resource_type, action },
            range: TimeRange { since: query.time("since")?, until: query.time("until")? },
            order: query.choice("order", &orders)?.unwrap_or_default(),
            limit,
            start,
            include: Include::of_list(query)?,
        })
    }

    /// What tells this list of the caller's from all others. The project and environment are in it
    /// as they were asked for, so that it can be checked before they are looked up.
    pub(crate) fn hash(&self, caller: Caller, scope: &ScopeFilter) -> ListHash {
        let slugs = scope.slugs();
        let bound = |time: Option<Timestamp>| time.map(Timestamp::as_millis);
        // Without `..`: whatever a facet selects by tells its lists apart.
        let facet = |Facet { only, except }: &Facet| serde_json::json!([only, except]);
        let Filter { resource_type, action } = &self.filter;
        let description = serde_json::json!([
            caller.user_id,
            slugs.map(|slugs| &slugs.project),
            slugs.and_then(|slugs| slugs.environment.as_ref()),
            facet(resource_type),
            facet(action),
            bound(self.range.since),
            bound(self.range.until),
            self.order == Order::OldestFirst,
        ]);
        ListHash::new(description.to_string().as_bytes())
    }
}

/// The values of a facet that the parameter `name` has. `nothing` stands for entries without a value.
fn values(
    query: &mut Query,
    name: &'static str,
    nothing: Option<&str>,
) -> BTreeSet<Option<String>> {
    let given = query.values(name).into_iter();
    given.map(|one| Some(one).filter(|one| Some(one.as_str()) != nothing)).collect()
}
