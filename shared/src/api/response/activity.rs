//! Activities as JSON and as CSV. As JSON, they have the reference's format: every field always there,
//! `null` where there is nothing.

use std::collections::BTreeMap;

use csv::{Terminator, WriterBuilder};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::activity::{Activity, Details, FIELDS, Field, Metadata, Value};
use crate::api::ApiError;
use crate::api::request::include::Include;
use crate::directory::Directory;
use crate::id::{ActivityId, EnvironmentId, ProjectId, ResourceId, UserId};
use crate::time::Timestamp;

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

/// An activity as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActivityDocument<'a> {
    id: ActivityId,
    user_id: UserId,
    project_id: Option<ProjectId>,
    environment_id: Option<EnvironmentId>,
    user: Option<&'a RawValue>,
    project: Option<&'a RawValue>,
    environment: Option<&'a RawValue>,
    resource_type: Option<&'a str>,
    resource_id: Option<ResourceId>,
    action: &'a str,
    description: Option<&'a str>,
    metadata: Option<&'a Metadata>,
    created_at: Timestamp,
    #[serde(flatten)]
    client: Option<OfClient<'a>>,
}

/// What [`Include::client`] adds of these details: as JSON, the members of an object.
struct OfClient<'a>(&'a Details);

impl Serialize for OfClient<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(of_client().map(|field| (field.name, field.of(self.0))))
    }
}

/// The fields that [`Include::client`] adds.
fn of_client() -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(|field| field.is_of_client)
}

#[derive(Serialize)]
struct Named<'a> {
    slug: &'a str,
    name: &'a str,
}

/// Names as the JSON that entries show. A page shows the same few on each of its entries.
pub(super) struct Names {
    user: Option<Box<RawValue>>,
    projects: BTreeMap<ProjectId, Box<RawValue>>,
    environments: BTreeMap<EnvironmentId, Box<RawValue>>,
}

impl Names {
    /// The names of `directory`.
    ///
    /// # Errors
    /// [`ApiError::Internal`] if one cannot be written.
    pub(super) fn new(directory: &Directory) -> Result<Self, ApiError> {
        let Directory { user, projects, environments } = directory;
        let named = |slug, name| to_raw_value(&Named { slug, name }).map_err(ApiError::internal);
        let projects = projects.iter().map(|(id, one)| Ok((*id, named(&one.slug, &one.name)?)));
        let environments =
            environments.iter().map(|(id, one)| Ok((*id, named(&one.slug, &one.name)?)));
        Ok(Self {
            user: user.as_ref().map(to_raw_value).transpose().map_err(ApiError::internal)?,
            projects: projects.collect::<Result<_, ApiError>>()?,
            environments: environments.collect::<Result<_, ApiError>>()?,
        })
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    message: &'static str,
    data: ActivityDocument<'a>,
}

impl<'a> ActivityDocument<'a> {
    pub(super) fn new(activity: &'a Activity, names: &'a Names, include: Include) -> Self {
        let Activity { id, user_id, created_at, details } = activity;
        let project = details.project_id.and_then(|id| names.projects.get(&id));
        let environment = details.environment_id.and_then(|id| names.environments.get(&id));
        Self {
            id: *id,
            user_id: *user_id,
            project_id: details.project_id,
            environment_id: details.environment_id,
            user: names.user.as_deref(),
            project: project.map(Box::as_ref),
            environment: environment.map(Box::as_ref),
            resource_type: details.resource_type.as_deref(),
            resource_id: details.resource_id,
            action: &details.action,
            description: details.description.as_deref(),
            metadata: details.metadata.as_ref(),
            created_at: *created_at,
            client: include.client.then_some(OfClient(details)),
        }
    }
}

/// The cells of an activity's line as CSV, in the order of [`COLUMNS`].
pub(super) fn cells(activity: &Activity, directory: &Directory, include: Include) -> Vec<String> {
    fn number(value: Option<impl ToString>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    let Activity { id, user_id, created_at, details } = activity;
    let user = directory.user.as_ref();
    let project = details.project_id.and_then(|id| directory.projects.get(&id));
    let environment = details.environment_id.and_then(|id| directory.environments.get(&id));
    let mut cells = vec![
        id.to_string(),
        user_id.to_string(),
        number(details.project_id),
        number(details.environment_id),
        number(user.map(|user| user.id)),
        text(user.map(|user| user.name.as_str())),
        text(user.and_then(|user| user.profile_image.as_deref())),
        text(project.map(|project| project.slug.as_str())),
        text(project.map(|project| project.name.as_str())),
        text(environment.map(|environment| environment.slug.as_str())),
        text(environment.map(|environment| environment.name.as_str())),
        text(details.resource_type.as_deref()),
        number(details.resource_id),
        text(Some(&details.action)),
        text(details.description.as_deref()),
        text(details.metadata.as_ref().map(Metadata::as_text)),
        created_at.to_string(),
    ];
    if include.client {
        cells.extend(of_client().map(|field| field.of(details).map(cell).unwrap_or_default()));
    }
    cells
}

/// The value of a field as a cell.
fn cell(value: Value<'_>) -> String {
    match value {
        Value::Id(id) => id.to_string(),
        Value::Text(value) => text(Some(value)),
        Value::Metadata(metadata) => text(Some(metadata.as_text())),
        Value::Address(address) => address.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Altered(altered) => serde_json::json!(altered).to_string(),
    }
}

/// A text as a cell. One that a spreadsheet would take for a formula gets an apostrophe before it
/// (OWASP: "CSV Injection").
fn text(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

/// Writes a line of CSV (RFC 4180) to the end of `body`.
pub(super) fn write_csv_line<T: AsRef<[u8]>>(
    body: &mut Vec<u8>,
    cells: impl IntoIterator<Item = T>,
) -> Result<(), ApiError> {
    let mut writer =
        WriterBuilder::new().terminator(Terminator::CRLF).buffer_capacity(1_024).from_writer(body);
    writer.write_record(cells).map_err(ApiError::internal)?;
    writer.flush().map_err(ApiError::internal)
}

/// The first line of a page as CSV, with the names of its columns.
pub(super) fn csv_header(include: Include) -> Result<Vec<u8>, ApiError> {
    let client = of_client().filter(|_| include.client).map(|field| field.name);
    let mut line = Vec::new();
    write_csv_line(&mut line, COLUMNS.into_iter().chain(client))?;
    Ok(line)
}

/// The JSON of one activity.
///
/// # Errors
/// [`ApiError::Internal`] if it cannot be written.
pub(crate) fn render_activity(
    activity: &Activity,
    directory: &Directory,
    include: Include,
) -> Result<String, ApiError> {
    let names = Names::new(directory)?;
    let data = ActivityDocument::new(activity, &names, include);
    serde_json::to_string(&Envelope { message: "Activity retrieved successfully", data })
        .map_err(ApiError::internal)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An activity, for tests of what is made of it.
    pub(in super::super) fn activity(id: u64, description: &str) -> Activity {
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

    #[test]
    fn csv_has_a_column_for_every_field() {
        let header = csv_header(Include { client: true, ..Include::default() }).unwrap();
        let header = String::from_utf8(header).unwrap();
        let columns: Vec<&str> = header.trim_end().split(',').collect();
        for field in &FIELDS {
            assert!(columns.contains(&field.name), "{}", field.name);
        }
        let line = cells(
            &activity(1, "d"),
            &Directory::default(),
            Include { client: true, ..Include::default() },
        );
        assert_eq!(line.len(), columns.len());
        let of = |name: &str| &line[columns.iter().position(|column| *column == name).unwrap()];
        assert_eq!(of("ipAddress"), "203.0.113.9");
        assert_eq!(of("userAgent"), "curl");
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
        let document =
            render_activity(&activity, &directory, Include { client: true, ..Include::default() })
                .unwrap();
        let client = r#","ipAddress":"203.0.113.9","userAgent":"curl","#;
        assert!(document.starts_with(&format!("{message}{entry}{client}")), "{document}");
        assert!(document.ends_with(r#","occurredAt":null,"altered":null}}"#), "{document}");
        let mut altered = activity;
        altered.details.occurred_at = "2024-01-15T10:29:00Z".parse().ok();
        altered.details.altered = [("action".to_owned(), Some("Create".to_owned()))].into();
        let document =
            render_activity(&altered, &directory, Include { client: true, ..Include::default() })
                .unwrap();
        let expected = r#","occurredAt":"2024-01-15T10:29:00.000Z","altered":{"action":"Create"}"#;
        assert!(document.ends_with(&format!("{expected}}}}}")), "{document}");
    }
}
