//! The documents of the API: the same members, in the same order, as those of Activity Logs.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Failure;

/// An entry, as it is shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its id.
    pub id: u64,
    /// Whose it is.
    pub user_id: u64,
    /// The project that it was done in.
    pub project_id: Option<u64>,
    /// The environment that it was done in.
    pub environment_id: Option<u64>,
    /// The user's name, if there is one.
    pub user: Option<User>,
    /// The project's name, if there is one.
    pub project: Option<Named>,
    /// The environment's name, if there is one.
    pub environment: Option<Named>,
    /// What kind of thing it was done to.
    pub resource_type: Option<String>,
    /// The thing that it was done to.
    pub resource_id: Option<u64>,
    /// What was done.
    pub action: String,
    /// The same for people.
    pub description: Option<String>,
    /// What else is known.
    pub metadata: Option<Box<RawValue>>,
    /// When it was recorded, as [`time`] writes it.
    pub created_at: String,
}

/// The name of a user.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user's id.
    pub id: u64,
    /// What the user is called.
    pub name: String,
    /// Where the user's picture is.
    pub profile_image: Option<String>,
}

/// The name of a project or environment.
#[derive(Clone, Debug, Serialize)]
pub struct Named {
    /// What it is called in a URL.
    pub slug: String,
    /// What it is called.
    pub name: String,
}

/// A page of a list, and what is known of the list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The entries of the page.
    pub entries: Vec<Entry>,
    /// How many entries the list has.
    pub total: u64,
    /// How many of them come before the page.
    pub offset: u64,
    /// The cursor of the last entry of the page.
    pub last: Option<String>,
    /// The values that the filters can take, if they were asked for.
    pub facets: Option<Facets>,
    /// The counts over time, if they were asked for.
    pub histogram: Option<Histogram>,
}

/// The values that the filters can take.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facets {
    /// The resource types, the most frequent first.
    pub resource_type: Vec<Count>,
    /// The actions, likewise.
    pub action: Vec<Count>,
}

/// How many entries have a value.
#[derive(Clone, Debug, Serialize)]
pub struct Count {
    /// The value, or none.
    pub value: Option<String>,
    /// How many entries have it.
    pub count: u64,
}

/// How many entries there are over time.
#[derive(Clone, Debug, Serialize)]
pub struct Histogram {
    /// Where the first part begins, as [`time`] writes it.
    pub from: Option<String>,
    /// Where the last part ends, likewise.
    pub to: Option<String>,
    /// The counts, oldest part first.
    pub counts: Vec<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    message: &'static str,
    data: &'a [Entry],
    pagination: Pagination<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<&'a Facets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<&'a Histogram>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination<'a> {
    total: u64,
    limit: u64,
    offset: u64,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

/// The document of a page of at most `limit` entries.
///
/// # Errors
/// None that can happen.
pub fn page(page: &Page, limit: u64) -> Result<String, Failure> {
    let Page { entries, total, offset, last, facets, histogram } = page;
    let has_more = offset + (entries.len() as u64) < *total;
    let pagination = Pagination {
        total: *total,
        limit,
        offset: *offset,
        has_more,
        next_cursor: last.as_deref().filter(|_| has_more),
    };
    Ok(serde_json::to_string(&List {
        message: "Activities retrieved successfully",
        data: entries,
        pagination,
        facets: facets.as_ref(),
        histogram: histogram.as_ref(),
    })?)
}

/// The document of one entry.
///
/// # Errors
/// None that can happen.
pub fn entry(entry: &Entry) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Single<'a> {
        message: &'static str,
        data: &'a Entry,
    }
    Ok(serde_json::to_string(&Single { message: "Activity retrieved successfully", data: entry })?)
}

/// A time as documents have it, from milliseconds since 1970: `2024-01-15T10:30:00.000Z`.
///
/// # Errors
/// If it is before the year -9999 or after 9999.
pub fn time(millis: i64) -> Result<String, Failure> {
    Ok(format!("{:.3}", Timestamp::from_millisecond(millis)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_milliseconds_always() {
        assert_eq!(time(1_705_314_600_000).unwrap(), "2024-01-15T10:30:00.000Z");
        assert_eq!(time(1_705_314_600_070).unwrap(), "2024-01-15T10:30:00.070Z");
        assert!(time(i64::MAX).is_err());
    }

    #[test]
    fn there_is_a_next_page_where_entries_are_left_and_a_way_to_it() {
        for (total, offset, last, more) in [
            (5, 0, None, r#""hasMore":true}"#),
            (5, 4, Some("a".to_owned()), r#""hasMore":true,"nextCursor":"a"}"#),
            (5, 5, Some("a".to_owned()), r#""hasMore":false}"#),
            (5, 9, None, r#""hasMore":false}"#),
        ] {
            let text = page(&Page { total, offset, last, ..Page::default() }, 1).unwrap();
            assert!(text.contains(more), "{text}");
        }
    }
}
