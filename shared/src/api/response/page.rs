//! Pages in each format, cut where they would become too long for Lambda.

use serde::Serialize;

use super::activity::{ActivityDocument, Names, cells, csv_header, write_csv_line};
use super::summary::summaries;
use crate::api::request::include::Include;
use crate::api::{ApiError, Format};
use crate::directory::Directory;
use crate::store::Page;

/// The most bytes of a page, as a string of the JSON in which Lambda hands it over. Lambda refuses
/// to answer with more than 6 MB (AWS: "Lambda quotas").
const MAX_PAYLOAD: usize = 5_500_000;

/// The most bytes that a byte of a text becomes in a string of JSON.
const MAX_ESCAPED: usize = 6;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination<'a> {
    total: u64,
    limit: usize,
    offset: u64,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume_cursor: Option<&'a str>,
}

/// Where to go on from a page, as texts for its caller.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    /// The next page, if there is one.
    pub(crate) next: Option<String>,
    /// What comes after all that was read so far, oldest first.
    pub(crate) resume: Option<String>,
}

/// The text of a page, and where to go on from it. One that would become too long is cut before an
/// entry; the `limit` it states is then how many there are. `cursors` is asked once it is cut.
///
/// # Errors
/// [`ApiError::Internal`] if it cannot be written.
pub(crate) fn render_page(
    page: &mut Page,
    limit: usize,
    directory: &Directory,
    include: Include,
    format: Format,
    cursors: impl FnOnce(&Page) -> Cursors,
) -> Result<(String, Cursors), ApiError> {
    let mut body = match format {
        Format::Json => br#"{"message":"Activities retrieved successfully","data":["#.to_vec(),
        Format::Ndjson => Vec::new(),
        Format::Csv => csv_header(include)?,
    };
    let (summaries, names) = (summaries(page)?, Names::new(directory)?);
    // What of the body is counted in the length of the payload.
    let (mut payload, mut counted) = (0, 0);
    let mut count = 0;
    for activity in &page.activities {
        let document = || ActivityDocument::new(activity, &names, include);
        let start = body.len();
        if format == Format::Json && count > 0 {
            body.push(b',');
        }
        match format {
            Format::Json => {
                serde_json::to_writer(&mut body, &document()).map_err(ApiError::internal)?;
            }
            Format::Ndjson => {
                let json = serde_json::to_string(&document()).map_err(ApiError::internal)?;
                body.extend(one_line(json).bytes());
                body.push(b'\n');
            }
            Format::Csv => write_csv_line(&mut body, cells(activity, directory, include))?,
        }
        // Most pages are so short that they need not be counted.
        if MAX_ESCAPED * (body.len() + summaries.len()) > MAX_PAYLOAD {
            payload += payload_length(&body[counted..]);
            counted = body.len();
            if payload + payload_length(summaries.as_bytes()) > MAX_PAYLOAD {
                body.truncate(start);
                break;
            }
        }
        count += 1;
    }
    let limit = if count < page.activities.len() { count } else { limit };
    page.cut(count);
    let cursors = cursors(page);
    if format == Format::Json {
        let Page { total, offset, has_more, .. } = *page;
        let (next_cursor, resume_cursor) = (cursors.next.as_deref(), cursors.resume.as_deref());
        let pagination = Pagination { total, limit, offset, has_more, next_cursor, resume_cursor };
        body.extend(br#"],"pagination":"#);
        serde_json::to_writer(&mut body, &pagination).map_err(ApiError::internal)?;
        body.extend(summaries.as_bytes());
        body.push(b'}');
    }
    Ok((String::from_utf8(body).map_err(ApiError::internal)?, cursors))
}

/// `json` on one line for every reader, also one to which Unicode's line separators end a line (UAX 14,
/// class BK and NL), as they do to Python's `splitlines`. In JSON they stand in strings only.
fn one_line(json: String) -> String {
    const SEPARATORS: [(char, &str); 3] =
        [('\u{85}', "\\u0085"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];
    if !json.contains(SEPARATORS.map(|(separator, _)| separator)) {
        return json;
    }
    SEPARATORS.iter().fold(json, |json, (separator, escaped)| json.replace(*separator, escaped))
}

/// How long `text` is within a string of JSON, in bytes.
fn payload_length(text: &[u8]) -> usize {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => MAX_ESCAPED,
        _ => 1,
    };
    text.iter().map(escaped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Activity;
    use crate::api::response::activity::tests::activity;
    use crate::store::{Anchor, HashPrefix, SortKey};

    fn page(activities: Vec<Activity>) -> Page {
        let total = activities.len() as u64;
        let place = |(activity, position)| Anchor {
            position,
            at: SortKey::of(activity),
            hash: HashPrefix([0; 8]),
        };
        let anchors = activities.iter().zip((1..=total).rev()).map(place).collect();
        Page { activities, total, anchors, ..Page::default() }
    }

    fn render(page: &mut Page, format: Format, client: bool) -> String {
        let include = Include { client, ..Include::default() };
        let cursors = |_: &Page| Cursors::default();
        let (body, _) =
            render_page(page, 100, &Directory::default(), include, format, cursors).unwrap();
        body
    }

    #[test]
    fn a_page_too_long_for_lambda_is_cut_at_an_entry_and_says_so() {
        // Each is about a million bytes long as it is sent.
        for long in ["x".repeat(1_000_000), "\"".repeat(333_000), "\u{1}".repeat(155_000)] {
            for format in [Format::Json, Format::Ndjson, Format::Csv] {
                let mut page = page((1..=8).map(|id| activity(id, &long)).collect());
                let body = render(&mut page, format, true);
                let sent = serde_json::to_string(&body).unwrap().len();
                assert!(sent < 5_600_000, "{format:?} {sent}");
                assert!(page.has_more && page.activities.len() < 8, "{format:?}");
                if format == Format::Json {
                    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
                    assert_eq!(body["data"].as_array().unwrap().len(), page.activities.len());
                    assert_eq!(body["pagination"]["limit"], page.activities.len());
                    assert_eq!(body["pagination"]["hasMore"], true);
                }
            }
        }
    }

    #[test]
    fn the_length_counted_is_the_length_sent() {
        let all: String = ('\0'..='\u{ff}').chain("é\u{2028}😀".chars()).collect();
        assert_eq!(payload_length(all.as_bytes()) + 2, serde_json::to_string(&all).unwrap().len());
    }

    #[test]
    fn csv_is_quoted_and_no_text_in_it_is_a_formula() {
        for (given, cell) in [
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            let body = render(&mut page(vec![activity(1, given)]), Format::Csv, true);
            let (header, line) = body.split_once("\r\n").unwrap();
            assert_eq!(
                (header.to_owned() + "\r\n").into_bytes(),
                csv_header(Include { client: true, ..Include::default() }).unwrap()
            );
            let metadata = r#""{""b"":1.0,""a"":""\u00e9""}""#;
            let expected = format!(
                "1,3,4,,,,,,,,,,,create,{cell},{metadata},2024-01-15T10:30:00.000Z,203.0.113.9,curl,"
            );
            // Then nothing more is known of the client.
            assert_eq!(line.strip_prefix(&expected).unwrap().trim_start_matches(','), "\r\n");
        }
        let header = String::from_utf8(csv_header(Include::default()).unwrap()).unwrap();
        assert_eq!(render(&mut page(vec![]), Format::Csv, false), header);
        assert!(header.starts_with("id,userId,") && header.ends_with(",metadata,createdAt\r\n"));
    }

    #[test]
    fn ndjson_is_an_entry_on_each_line() {
        let body =
            render(&mut page(vec![activity(2, "a\nb"), activity(1, "")]), Format::Ndjson, false);
        let ids: Vec<u64> = body
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap()
            })
            .collect();
        assert_eq!(ids, [2, 1]);
        assert_eq!(render(&mut page(vec![]), Format::Ndjson, false), "");
    }
}
