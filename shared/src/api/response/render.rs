//! Activities as text. As JSON, they have the reference's form: every field always there, `null`
//! where there is nothing.

use std::net::IpAddr;

use csv::{Terminator, WriterBuilder};
use serde::Serialize;

use crate::activity::{Activity, Altered, Metadata};
use crate::api::ApiError;
use crate::api::request::accept::Format;
use crate::api::request::query::QueryString;
use crate::directory::{Directory, User};
use crate::id::{ActivityId, EnvironmentId, ProjectId, ResourceId, UserId};
use crate::store::Page;
use crate::time::Timestamp;

/// The most bytes of a page, as a string of the JSON in which Lambda hands it over. Lambda refuses
/// to answer with more than 6 MB (AWS: "Lambda quotas").
const MAX_PAYLOAD: usize = 5_500_000;

/// The columns of a page as CSV.
const COLUMNS: [&str; 17] = [
    "id",
    "userId",
    "projectId",
    "environmentId",
    "user.id",
    "user.name",
    "user.profileImage",
    "project.slug",
    "project.name",
    "environment.slug",
    "environment.name",
    "resourceType",
    "resourceId",
    "action",
    "description",
    "metadata",
    "createdAt",
];

/// The columns that [`Include::client`] adds.
const CLIENT_COLUMNS: [&str; 4] = ["ipAddress", "userAgent", "occurredAt", "altered"];

/// What is shown of an activity besides what is always shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Include {
    /// Where the request came from and what sent it; when the action happened, where that is not
    /// when it was entered in the log; and what was altered on the way into the log.
    pub client: bool,
}

impl Include {
    /// The name of the parameter that [`Self::read`] knows.
    pub const NAME: &'static str = "include";

    /// Reads it from a query string.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] if it is not `client`.
    pub fn read(query: &QueryString) -> Result<Self, ApiError> {
        Ok(Self { client: query.choice(Self::NAME, &[("client", true)])?.unwrap_or(false) })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActivityDocument<'a> {
    id: ActivityId,
    user_id: UserId,
    project_id: Option<ProjectId>,
    environment_id: Option<EnvironmentId>,
    user: Option<&'a User>,
    project: Option<Named<'a>>,
    environment: Option<Named<'a>>,
    resource_type: Option<&'a str>,
    resource_id: Option<ResourceId>,
    action: &'a str,
    description: Option<&'a str>,
    metadata: Option<&'a Metadata>,
    created_at: Timestamp,
    #[serde(flatten)]
    client: Option<ClientDocument<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientDocument<'a> {
    ip_address: Option<IpAddr>,
    user_agent: Option<&'a str>,
    occurred_at: Option<Timestamp>,
    altered: Option<&'a Altered>,
}

#[derive(Serialize)]
struct Named<'a> {
    slug: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Envelope<'a> {
    message: &'static str,
    data: ActivityDocument<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    total: u64,
    limit: usize,
    offset: u64,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl<'a> ActivityDocument<'a> {
    fn new(activity: &'a Activity, directory: &'a Directory, include: Include) -> Self {
        let Activity { id, user_id, created_at, details } = activity;
        let project = details.project_id.and_then(|id| directory.projects.get(&id));
        let environment = details.environment_id.and_then(|id| directory.environments.get(&id));
        Self {
            id: *id,
            user_id: *user_id,
            project_id: details.project_id,
            environment_id: details.environment_id,
            user: directory.user.as_ref(),
            project: project.map(|found| Named { slug: &found.slug, name: &found.name }),
            environment: environment.map(|found| Named { slug: &found.slug, name: &found.name }),
            resource_type: details.resource_type.as_deref(),
            resource_id: details.resource_id,
            action: &details.action,
            description: details.description.as_deref(),
            metadata: details.metadata.as_ref(),
            created_at: *created_at,
            client: include.client.then_some(ClientDocument {
                ip_address: details.ip_address,
                user_agent: details.user_agent.as_deref(),
                occurred_at: details.occurred_at,
                altered: Some(&details.altered).filter(|altered| !altered.is_empty()),
            }),
        }
    }

    /// The cells of its line as CSV, in the order of [`COLUMNS`].
    fn cells(&self) -> Vec<String> {
        fn number(value: Option<impl ToString>) -> String {
            value.map(|value| value.to_string()).unwrap_or_default()
        }
        let user = self.user;
        let mut cells = vec![
            self.id.to_string(),
            self.user_id.to_string(),
            number(self.project_id),
            number(self.environment_id),
            number(user.map(|user| user.id)),
            text(user.map(|user| user.name.as_str())),
            text(user.and_then(|user| user.profile_image.as_deref())),
            text(self.project.as_ref().map(|project| project.slug)),
            text(self.project.as_ref().map(|project| project.name)),
            text(self.environment.as_ref().map(|environment| environment.slug)),
            text(self.environment.as_ref().map(|environment| environment.name)),
            text(self.resource_type),
            number(self.resource_id),
            text(Some(self.action)),
            text(self.description),
            text(self.metadata.map(Metadata::as_text)),
            self.created_at.to_string(),
        ];
        if let Some(client) = &self.client {
            let altered = client.altered.map(|altered| serde_json::json!(altered));
            cells.extend([
                number(client.ip_address),
                text(client.user_agent),
                number(client.occurred_at),
                number(altered),
            ]);
        }
        cells
    }
}

/// A text as a cell. One that a spreadsheet would take for a formula gets an apostrophe before it
/// (OWASP: "CSV Injection").
fn text(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

/// A line of CSV (RFC 4180).
fn csv_line<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = T>) -> Result<String, ApiError> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .buffer_capacity(1_024)
        .from_writer(Vec::new());
    writer.write_record(cells).map_err(unwritable)?;
    let line = writer.into_inner().map_err(|error| unwritable(error.into_error()))?;
    String::from_utf8(line).map_err(unwritable)
}

/// The JSON of one activity.
///
/// # Errors
/// [`ApiError::Internal`] if it cannot be written.
pub fn render_activity(
    activity: &Activity,
    directory: &Directory,
    include: Include,
) -> Result<String, ApiError> {
    let data = ActivityDocument::new(activity, directory, include);
    serde_json::to_string(&Envelope { message: "Activity retrieved successfully", data })
        .map_err(unwritable)
}

/// The text of a page. One that would become too long is cut before an entry; the `limit` it
/// states is then how many there are. `cursor` is asked for the text of the cursor that leads on.
pub(in crate::api) fn render_page(
    page: &mut Page,
    limit: usize,
    directory: &Directory,
    include: Include,
    format: Format,
    cursor: impl FnOnce(&Page) -> Option<String>,
) -> Result<String, ApiError> {
    let mut body = match format {
        Format::Json => r#"{"message":"Activities retrieved successfully","data":["#.to_owned(),
        Format::Ndjson => String::new(),
        Format::Csv if include.client => csv_line(COLUMNS.iter().chain(&CLIENT_COLUMNS))?,
        Format::Csv => csv_line(COLUMNS)?,
    };
    let mut payload = 0;
    let mut count = 0;
    for activity in &page.activities {
        let document = ActivityDocument::new(activity, directory, include);
        let entry = match format {
            Format::Json => serde_json::to_string(&document).map_err(unwritable)?,
            Format::Ndjson => one_line(serde_json::to_string(&document).map_err(unwritable)?),
            Format::Csv => csv_line(document.cells())?,
        };
        payload += payload_length(&entry);
        if payload > MAX_PAYLOAD {
            break;
        }
        if format == Format::Json && count > 0 {
            body.push(',');
        }
        body.push_str(&entry);
        if format == Format::Ndjson {
            body.push('\n');
        }
        count += 1;
    }
    let limit = if count < page.activities.len() { count } else { limit };
    page.cut(count);
    if format == Format::Json {
        let Page { total, offset, has_more, .. } = *page;
        let next_cursor = cursor(page);
        let pagination = Pagination { total, limit, offset, has_more, next_cursor };
        body.push_str(r#"],"pagination":"#);
        body.push_str(&serde_json::to_string(&pagination).map_err(unwritable)?);
        body.push('}');
    }
    Ok(body)
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
fn payload_length(text: &str) -> usize {
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> ApiError {
    ApiError::Internal(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Details;

    fn activity(id: u64, description: &str) -> Activity {
        Activity {
            id: id.try_into().unwrap(),
            user_id: 3.try_into().unwrap(),
            created_at: "2024-01-15T10:30:00Z".parse().unwrap(),
            details: Details {
                project_id: 4.try_into().ok(),
                action: "create".into(),
                description: Some(description.to_owned()),
                metadata: Metadata::from_text(r#"{"b":1.0,"a":"\u00e9"}"#.into()).ok(),
                ip_address: "203.0.113.9".parse().ok(),
                user_agent: Some("curl".into()),
                ..Details::default()
            },
        }
    }

    fn page(activities: Vec<Activity>) -> Page {
        let total = activities.len() as u64;
        Page { activities, total, positions: (1..=total).rev().collect(), ..Page::empty(0) }
    }

    fn render(page: &mut Page, format: Format, client: bool) -> String {
        let next = |_: &Page| None;
        render_page(page, 100, &Directory::default(), Include { client }, format, next).unwrap()
    }

    #[test]
    fn every_field_is_there_and_metadata_is_passed_on_byte_for_byte() {
        let activity = activity(1, "d");
        let directory = Directory::default();
        let document = render_activity(&activity, &directory, Include::default()).unwrap();
        let entry = concat!(
            r#"{"id":1,"userId":3,"projectId":4,"environmentId":null,"user":null,"project":null,"#,
            r#""environment":null,"resourceType":null,"resourceId":null,"action":"create","#,
            r#""description":"d","metadata":{"b":1.0,"a":"\u00e9"},"#,
            r#""createdAt":"2024-01-15T10:30:00.000Z""#
        );
        let message = r#"{"message":"Activity retrieved successfully","data":"#;
        assert_eq!(document, format!("{message}{entry}}}}}"));
        let document = render_activity(&activity, &directory, Include { client: true }).unwrap();
        let client =
            r#","ipAddress":"203.0.113.9","userAgent":"curl","occurredAt":null,"altered":null"#;
        assert_eq!(document, format!("{message}{entry}{client}}}}}"));
        let mut altered = activity;
        altered.details.occurred_at = "2024-01-15T10:29:00Z".parse().ok();
        altered.details.altered = [("action".to_owned(), Some("Create".to_owned()))].into();
        let document = render_activity(&altered, &directory, Include { client: true }).unwrap();
        let expected = r#","occurredAt":"2024-01-15T10:29:00.000Z","altered":{"action":"Create"}"#;
        assert!(document.ends_with(&format!("{expected}}}}}")), "{document}");
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
        assert_eq!(payload_length(&all) + 2, serde_json::to_string(&all).unwrap().len());
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
            assert_eq!(header, [&COLUMNS[..], &CLIENT_COLUMNS].concat().join(","));
            let metadata = r#""{""b"":1.0,""a"":""\u00e9""}""#;
            let expected = format!(
                "1,3,4,,,,,,,,,,,create,{cell},{metadata},2024-01-15T10:30:00.000Z,203.0.113.9,curl,,\r\n"
            );
            assert_eq!(line, expected);
        }
        assert_eq!(render(&mut page(vec![]), Format::Csv, false), COLUMNS.join(",") + "\r\n");
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
