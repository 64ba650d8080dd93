//! Idempotency keys that come again with something else.
//!
//! A key says that an activity is the one it named before. If what comes says something else, a
//! producer has used the key twice, and to take the second activity for the first would lose it
//! without a word. So it is recorded too, under a key that is made of its own key and content: sent
//! again, it is still recorded once, as long as the first key counts.

use std::collections::BTreeMap;

use crate::activity::{Activity, Details, FIELDS, NewActivity, Value};
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
/// from one try to the next. What was altered in it counts as far as the entry says what came: two that
/// differ only past the end of what is kept of a text are one.
fn content(details: &Details) -> serde_json::Value {
    let telling = || FIELDS.iter().filter(|field| !field.is_of_client);
    let is_telling = |name: &str| telling().any(|field| field.name == name);
    let values = telling().map(|field| match field.of(details) {
        // As the text that it is, and not as what JSON makes of that.
        Some(Value::Metadata(metadata)) => Some(Value::Text(metadata.as_text())),
        value => value,
    });
    let values: Vec<_> = values.collect();
    let altered: BTreeMap<_, _> =
        details.altered.iter().filter(|(name, _)| is_telling(name)).collect();
    serde_json::json!([values, altered])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metadata;

    /// An activity, and others that differ from it in one thing each, which is none of the client.
    fn others() -> (NewActivity, Vec<NewActivity>) {
        let id = |number: u64| number.try_into().unwrap();
        let one = NewActivity::new("create").resource("function", id(5)).description("a");
        let other = |change: &dyn Fn(&mut Details)| {
            let mut other = one.clone();
            change(&mut other.details);
            other
        };
        let others = vec![
            other(&|details| details.project_id = Some(4.try_into().unwrap())),
            other(&|details| details.environment_id = Some(4.try_into().unwrap())),
            other(&|details| details.resource_type = Some("database".into())),
            other(&|details| details.resource_id = Some(6.try_into().unwrap())),
            other(&|details| details.action = "delete".into()),
            other(&|details| details.description = None),
            other(&|details| {
                details.metadata = Some(Metadata::from_text("{}".to_owned()).unwrap());
            }),
            other(&|details| {
                details.altered.insert("action".into(), Some("Create".into()));
            }),
        ];
        (one, others)
    }

    #[test]
    fn activities_of_a_key_that_differ_in_any_field_that_lists_show_are_two() {
        let (one, others) = others();
        let keys: std::collections::BTreeSet<String> =
            others.iter().chain([&one]).map(|activity| other_key("k", activity)).collect();
        assert_eq!(keys.len(), others.len() + 1);
        for other in &others {
            assert_ne!(content(&other.details), content(&one.details), "{other:?}");
        }
    }

    #[test]
    fn when_from_where_and_by_what_an_activity_was_sent_does_not_make_it_another() {
        let (one, _) = others();
        let mut again = one.clone();
        again.details.ip_address = "203.0.113.9".parse().ok();
        again.details.user_agent = Some("curl".into());
        again.details.occurred_at = "2024-01-15T10:30:00Z".parse().ok();
        again.details.altered.insert("userAgent".into(), None);
        assert_eq!(content(&again.details), content(&one.details));
        assert_eq!(other_key("k", &again), other_key("k", &one));
    }
}
