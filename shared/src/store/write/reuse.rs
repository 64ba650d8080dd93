//! Idempotency keys that come again with something else.
//!
//! A key says that an activity is the one it named before. If what comes says something else, a
//! producer has used the key twice, and to take the second activity for the first would lose it
//! without a word. So it is recorded too, under a key that is made of its own key and content: sent
//! again, it is still recorded once.

use crate::activity::{Activity, Details, NewActivity, digest};

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
/// from one try to the next.
fn content(details: &Details) -> serde_json::Value {
    let Details { project_id, environment_id, resource_type, resource_id, action, .. } = details;
    let metadata = details.metadata.as_ref().map(crate::Metadata::as_text);
    serde_json::json!([
        project_id,
        environment_id,
        resource_type,
        resource_id,
        action,
        details.description,
        metadata,
    ])
}
