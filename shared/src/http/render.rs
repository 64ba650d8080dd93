//! Activities as JSON, in the reference's form: every field always there, `null` where there is
//! nothing.

use serde::Serialize;

use super::ApiError;
use crate::activity::{Activity, Metadata};
use crate::directory::{Directory, User};
use crate::id::{ActivityId, EnvironmentId, ProjectId, ResourceId, UserId};
use crate::store::Page;
use crate::time::Timestamp;

/// The most bytes of a list document. Lambda refuses to answer with more than 6 MB (AWS: "Lambda
/// quotas"), and the text is escaped once more on its way there.
const MAX_DOCUMENT: usize = 5_500_000;

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
}

impl<'a> ActivityDocument<'a> {
    fn new(activity: &'a Activity, directory: &'a Directory) -> Self {
        let project = activity.project_id.and_then(|id| directory.projects.get(&id));
        let environment = activity.environment_id.and_then(|id| directory.environments.get(&id));
        Self {
            id: activity.id,
            user_id: activity.user_id,
            project_id: activity.project_id,
            environment_id: activity.environment_id,
            user: directory.user.as_ref(),
            project: project.map(|found| Named { slug: &found.slug, name: &found.name }),
            environment: environment.map(|found| Named { slug: &found.slug, name: &found.name }),
            resource_type: activity.resource_type.as_deref(),
            resource_id: activity.resource_id,
            action: &activity.action,
            description: activity.description.as_deref(),
            metadata: activity.metadata.as_ref(),
            created_at: activity.created_at,
        }
    }
}

/// The document of one activity.
///
/// # Errors
/// [`ApiError::Internal`] if it cannot be written as JSON.
pub fn render_activity(activity: &Activity, directory: &Directory) -> Result<String, ApiError> {
    let data = ActivityDocument::new(activity, directory);
    serde_json::to_string(&Envelope { message: "Activity retrieved successfully", data })
        .map_err(unwritable)
}

/// The document of a page. One that would become too long is cut before an entry; `limit` then
/// says how many there are.
pub(super) fn render_page(
    page: &Page,
    limit: usize,
    directory: &Directory,
) -> Result<String, ApiError> {
    let mut document = r#"{"message":"Activities retrieved successfully","data":["#.to_owned();
    let mut pagination =
        Pagination { total: page.total, limit, offset: page.offset, has_more: page.has_more };
    for (number, activity) in page.activities.iter().enumerate() {
        let before = document.len();
        if number > 0 {
            document.push(',');
        }
        let activity = serde_json::to_string(&ActivityDocument::new(activity, directory));
        document.push_str(&activity.map_err(unwritable)?);
        if document.len() > MAX_DOCUMENT {
            document.truncate(before);
            pagination = Pagination { limit: number, has_more: true, ..pagination };
            break;
        }
    }
    document.push_str(r#"],"pagination":"#);
    document.push_str(&serde_json::to_string(&pagination).map_err(unwritable)?);
    document.push('}');
    Ok(document)
}

fn unwritable(error: serde_json::Error) -> ApiError {
    ApiError::Internal(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(id: u64, description: &str) -> Activity {
        Activity {
            id: id.try_into().unwrap(),
            user_id: 3.try_into().unwrap(),
            project_id: 4.try_into().ok(),
            environment_id: None,
            resource_type: None,
            resource_id: None,
            action: "create".into(),
            description: Some(description.to_owned()),
            metadata: Metadata::from_text(r#"{"b": 1.0, "a":"\u00e9"}"#.into()).ok(),
            ip_address: "203.0.113.9".parse().ok(),
            user_agent: Some("curl".into()),
            created_at: "2024-01-15T10:30:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn every_field_is_there_and_metadata_is_passed_on_byte_for_byte() {
        let document = render_activity(&activity(1, "d"), &Directory::default()).unwrap();
        assert_eq!(
            document,
            concat!(
                r#"{"message":"Activity retrieved successfully","data":{"id":1,"userId":3,"#,
                r#""projectId":4,"environmentId":null,"user":null,"project":null,"#,
                r#""environment":null,"resourceType":null,"resourceId":null,"action":"create","#,
                r#""description":"d","metadata":{"b": 1.0, "a":"\u00e9"},"#,
                r#""createdAt":"2024-01-15T10:30:00.000Z"}}"#
            )
        );
    }

    #[test]
    fn a_page_too_long_for_lambda_is_cut_at_an_entry_and_says_so() {
        let long = "x".repeat(1_000_000);
        let page = Page {
            activities: (1..=8).map(|id| activity(id, &long)).collect(),
            total: 8,
            offset: 0,
            next: None,
            has_more: false,
        };
        let document = render_page(&page, 100, &Directory::default()).unwrap();
        assert!(document.len() < 5_600_000);
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["data"].as_array().unwrap().len(), 5);
        let pagination = serde_json::json!({"total":8,"limit":5,"offset":0,"hasMore":true});
        assert_eq!(document["pagination"], pagination);
    }
}
