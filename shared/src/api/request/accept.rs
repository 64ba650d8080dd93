//! What the caller can take: media types (RFC 9110, section 12.5.1) and content codings (12.5.3).

use lambda_http::http::HeaderMap;
use lambda_http::http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

use crate::api::{ApiError, Format};

/// Which of the `available` formats the caller likes best; the first of those liked the same.
///
/// # Errors
/// [`ApiError::NotAcceptable`] if there is none.
pub(crate) fn negotiate(
    headers: &HeaderMap,
    available: &'static [Format],
) -> Result<Format, ApiError> {
    let Some(accepted) = preferences(headers, &ACCEPT) else { return Ok(available[0]) };
    let liking = |format: &Format| {
        let (kind, _) = format.media_type().split_once('/').unwrap_or_default();
        let any_of_kind = format!("{kind}/*");
        // Java's HttpURLConnection names `*` for every type.
        let any = [any_of_kind.as_str(), "*/*", "*"];
        let names = [format.media_type()].into_iter().chain(format.other_names().iter().copied());
        weight(&accepted, names.chain(any))
    };
    // Of equals, `max_by_key` takes the last.
    let best = available.iter().rev().max_by_key(|format| liking(format));
    best.copied().filter(|best| liking(best) > 0).ok_or(ApiError::NotAcceptable { available })
}

/// Whether the caller takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    preferences(headers, &ACCEPT_ENCODING)
        .is_some_and(|accepted| weight(&accepted, ["gzip", "*"]) > 0)
}

/// What a header names, in lower case, and how much the caller likes it: 0 (not at all) to 1,000. A
/// weight that cannot be read counts as none, which is 1,000. `None` if there is no such header or
/// nothing in it.
fn preferences(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<(String, u32)>> {
    let named = |element: &str| {
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
        let weight = parts
            .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .and_then(thousandths);
        Some((name, weight.unwrap_or(1_000)))
    };
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let accepted: Vec<_> = values.flat_map(|value| value.split(',')).filter_map(named).collect();
    (!accepted.is_empty()).then_some(accepted)
}

/// A weight (RFC 9110, section 12.4.2) in thousandths: `0` to `1` with up to three decimals.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u32 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1_000),
        _ => None,
    }
}

/// How much the caller likes what all of `ranges` match; the first that is named counts.
fn weight<'a>(accepted: &[(String, u32)], ranges: impl IntoIterator<Item = &'a str>) -> u32 {
    let named = |range| accepted.iter().find(|(name, _)| name == range);
    ranges.into_iter().find_map(named).map_or(0, |(_, weight)| *weight)
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn list(values: &[&str]) -> Option<Format> {
        negotiate(&headers(&ACCEPT, values), Format::OF_LISTS).ok()
    }

    #[test]
    fn the_format_liked_best_is_given_and_json_among_equals() {
        for (accept, format) in [
            (&[][..], Some(Format::Json)),
            (&["*/*"], Some(Format::Json)),
            (&["application/*"], Some(Format::Json)),
            (&["application/json, text/csv"], Some(Format::Json)),
            (&["text/csv, application/json"], Some(Format::Json)),
            (&["text/csv"], Some(Format::Csv)),
            (&["TEXT/CSV; header=present"], Some(Format::Csv)),
            (&["text/*"], Some(Format::Csv)),
            (&["application/x-ndjson"], Some(Format::Ndjson)),
            (&["application/json;q=0.5, text/csv;q=0.501"], Some(Format::Csv)),
            (&["*/*;q=0.1", "application/x-ndjson"], Some(Format::Ndjson)),
            (&["*/*, application/json;q=0"], Some(Format::Ndjson)),
            (&["text/html, */*;q=0.01"], Some(Format::Json)),
            (&["text/html"], None),
            (&["application/problem+json"], None),
            (&["*/*;q=0"], None),
            (&["application/json;q=0.000"], None),
            (&["application/json;q=2"], Some(Format::Json)),
            (&["text/csv;q=0.0001, application/json;q=0"], Some(Format::Csv)),
            (&["text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"], Some(Format::Json)),
            (&["*"], Some(Format::Json)),
            (&["application/ndjson"], Some(Format::Ndjson)),
            (&["application/jsonl;q=0.5, text/csv;q=0.4"], Some(Format::Ndjson)),
            (&["application/x-ndjson;q=0, application/*"], Some(Format::Json)),
            (&["application/"], None),
            (&[""], Some(Format::Json)),
            (&[", ;"], Some(Format::Json)),
        ] {
            assert_eq!(list(accept), format, "{accept:?}");
        }
        let csv = headers(&ACCEPT, &["text/csv"]);
        assert!(negotiate(&csv, Format::OF_OBJECTS).is_err());
    }

    #[test]
    fn gzip_is_given_to_those_who_ask_for_it() {
        for (accept, takes) in [
            (&[][..], false),
            (&["gzip"], true),
            (&["br, GZIP;q=0.1"], true),
            (&["*"], true),
            (&["identity"], false),
            (&["gzip;q=0"], false),
            (&["gzip;q=0, *"], false),
        ] {
            assert_eq!(takes_gzip(&headers(&ACCEPT_ENCODING, accept)), takes, "{accept:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_it_panic(value in "[a-z*/;=q.0-9, ]{0,60}") {
            let _ = list(&[&value]);
        }
    }
}
