//! Facets and histograms as JSON, which stand beside a page's pagination.

use serde::Serialize;

use crate::api::ApiError;
use crate::store::{FacetCount, Facets, Histogram, Page};
use crate::time::Timestamp;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FacetsDocument<'a> {
    resource_type: Vec<ValueDocument<'a>>,
    action: Vec<ValueDocument<'a>>,
}

#[derive(Serialize)]
struct ValueDocument<'a> {
    value: Option<&'a str>,
    count: u64,
}

#[derive(Serialize)]
struct HistogramDocument<'a> {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    counts: &'a [u64],
}

/// The members that a page has beside its pagination, each after a comma.
///
/// # Errors
/// [`ApiError::Internal`] if they cannot be written.
pub(super) fn summaries(page: &Page) -> Result<String, ApiError> {
    let mut members = String::new();
    if let Some(Facets { resource_type, action }) = &page.facets {
        let document =
            FacetsDocument { resource_type: values(resource_type), action: values(action) };
        members.push_str(r#","facets":"#);
        members.push_str(&serde_json::to_string(&document).map_err(ApiError::internal)?);
    }
    if let Some(Histogram { from, to, counts }) = &page.histogram {
        let document = HistogramDocument { from: *from, to: *to, counts };
        members.push_str(r#","histogram":"#);
        members.push_str(&serde_json::to_string(&document).map_err(ApiError::internal)?);
    }
    Ok(members)
}

fn values(counts: &[FacetCount]) -> Vec<ValueDocument<'_>> {
    let counts = counts.iter();
    counts.map(|one| ValueDocument { value: one.value.as_deref(), count: one.count }).collect()
}
