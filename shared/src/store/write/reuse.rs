//! Idempotency keys that come again with something else.
//!
//! A key says that an activity is the one it named before. If what comes says something else, a
//! producer has used the key twice, and to take the second activity for the first would lose it
//! without a word. So it is recorded too, under a key that is made of its own key and content: sent
//! again, it is still recorded once, as long as the first key counts.

use std::collections::BTreeMap;

use crate::activity::{Activity, Details, NewActivity};
use crate::model::digest;

/// Whether `activity` is what `recorded` was recorded from, as far as its content says.
pub(super) fn is_same(activity: &NewActivity, recorded: &Activity) -> bool {
    let recorded = content(&recorded.details);
    content(&activity.details) == recorded
        || content(&activity.details.clone().as_other()) == recorded
}

/// The key under which an activity is recorded whose own key stands for something else.
pub(super) fn other_key(key: &str, activity: &NewActivity) -> String {
    digest(&serde_json::json!([key, content(&activity.details)]).to_string())
}

/// What tells activities apart: all but when, from where and by what they were sent, which can differ
/// from one try to the next. What was altered in it counts as it came: two that differ only in what was
/// left out are two.
fn content(details: &Details) -> serde_json::Value {
    const FIELDS: [&str; 7] = [
        "action",
        "description",
        "environmentId",
        "metadata",
        "projectId",
        "resourceId",
        "resourceType",
    ];
    let Details { project_id, environment_id, resource_type, resource_id, action, .. } = details;
    let metadata = details.metadata.as_ref().map(crate::Metadata::as_text);
    let altered: BTreeMap<_, _> =
        details.altered.iter().filter(|(field, _)| FIELDS.contains(&field.as_str())).collect();
    serde_json::json!([
        project_id,
        environment_id,
        resource_type,
        resource_id,
        action,
        details.description,
        metadata,
        altered,
    ])
}
