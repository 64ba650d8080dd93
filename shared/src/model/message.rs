//! The message of the queue: what a service sends to have an activity recorded.
//!
//! It is a JSON object with the members of a [`NewActivity`], in camel case, `userId`, and `version`,
//! which is 1. Only `userId` and `action` are required; `null` counts as absent; an unknown member is
//! an error.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::activity::{Altered, Details, InvalidActivity, NewActivity};
use crate::id::UserId;

/// An activity to record, and whose log it belongs in.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who did it.
    pub user_id: UserId,
    /// What was done; within all limits.
    pub activity: NewActivity,
}

/// A message that can never be recorded. The text names what is at fault and shows nothing of the
/// message's values, so that it can be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// It is not a JSON object, or a member of it is given twice.
    #[error("the message is not a JSON object whose members are each given once")]
    NotAnObject,
    /// It has a member that is unknown.
    #[error("{0} is not a field of a message")]
    UnknownField(String),
    /// A field is missing, is not what it must be, or breaks a limit.
    #[error(transparent)]
    Field(#[from] InvalidActivity),
}

/// The version of messages that this code reads, and what one without a version is.
const VERSION: u64 = 1;
const VERSION_FIELD: &str = "version";
const ONE_VERSION: &str = "must be 1";

const AN_ID: &str = "must be an integer from 1 to 2^53 - 1";
const A_STRING: &str = "must be a string";

impl Message {
    /// Reads the body of a message and checks every limit.
    ///
    /// # Errors
    /// [`InvalidMessage`] with the first fault found.
    pub fn parse(body: &str) -> Result<Self, InvalidMessage> {
        let mut fields = Members::parse(body)?;
        if !matches!(fields.take::<u64>(VERSION_FIELD, ONE_VERSION)?, None | Some(VERSION)) {
            let reason = ONE_VERSION.to_owned();
            return Err(InvalidActivity { field: VERSION_FIELD, reason }.into());
        }
        let missing = |field| InvalidActivity { field, reason: "is required".to_owned() };
        let message = Self {
            user_id: fields.take("userId", AN_ID)?.ok_or_else(|| missing("userId"))?,
            activity: NewActivity {
                details: Details {
                    project_id: fields.take("projectId", AN_ID)?,
                    environment_id: fields.take("environmentId", AN_ID)?,
                    resource_type: fields.take("resourceType", A_STRING)?,
                    resource_id: fields.take("resourceId", AN_ID)?,
                    action: fields.take("action", A_STRING)?.ok_or_else(|| missing("action"))?,
                    description: fields.take("description", A_STRING)?,
                    metadata: fields.take("metadata", "must be a JSON object")?,
                    ip_address: fields.take("ipAddress", "must be an IPv4 or IPv6 address")?,
                    user_agent: fields.take("userAgent", A_STRING)?,
                    occurred_at: fields
                        .take("occurredAt", "must be an RFC 3339 time from 1970 on")?,
                    altered: Altered::new(),
                },
                idempotency_key: fields.take("idempotencyKey", A_STRING)?,
            },
        };
        if let Some(name) = fields.0.keys().next() {
            return Err(InvalidMessage::UnknownField(shown(name).to_owned()));
        }
        message.activity.validate()?;
        Ok(message)
    }
}

/// The members of a JSON object that were not read yet.
struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    fn parse(body: &'a str) -> Result<Self, InvalidMessage> {
        serde_json::from_str(body).map_err(|_| InvalidMessage::NotAnObject)
    }

    /// Reads the member `name`, which must be what `reason` says.
    fn take<T: Deserialize<'a>>(
        &mut self,
        name: &'static str,
        reason: &str,
    ) -> Result<Option<T>, InvalidActivity> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        serde_json::from_str(value.get())
            .map_err(|_| InvalidActivity { field: name, reason: reason.to_owned() })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;

        impl<'de> Visitor<'de> for Once {
            type Value = BTreeMap<String, &'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is given twice"));
                    }
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Once).map(Self)
    }
}

/// A name as it may be shown: anything that is not plainly a name may be part of a value.
fn shown(name: &str) -> &str {
    let plain = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    if plain { name } else { "a name that is not shown" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_read() {
        let body = r#"{"userId":3,"projectId":4,"environmentId":4,"resourceType":"function",
            "resourceId":5,"action":"create","description":"d","metadata":{"a": 1.0},
            "ipAddress":"2001:db8::1","userAgent":"curl","occurredAt":"2024-01-15T10:30:00Z",
            "idempotencyKey":"k"}"#;
        let Message { user_id, activity } = Message::parse(body).unwrap();
        assert_eq!(user_id.get(), 3);
        let expected = NewActivity::new("create")
            .resource("function", 5.try_into().unwrap())
            .environment(4.try_into().unwrap(), 4.try_into().unwrap())
            .description("d")
            .metadata(crate::Metadata::from_text(r#"{"a": 1.0}"#.to_owned()).unwrap())
            .client("2001:db8::1".parse().unwrap(), "curl")
            .occurred_at("2024-01-15T10:30:00Z".parse().unwrap())
            .idempotency_key("k");
        assert_eq!(activity, expected);
    }

    #[test]
    fn what_is_null_is_absent() {
        for body in [
            r#"{"userId":3,"action":"sync","metadata":null}"#,
            r#"{"userId":3,"action":"sync","version":null}"#,
            r#"{"version":1,"userId":3,"action":"sync"}"#,
        ] {
            assert_eq!(Message::parse(body).unwrap().activity, NewActivity::new("sync"), "{body}");
        }
    }

    #[test]
    fn a_message_that_cannot_be_recorded_says_which_field_and_shows_no_value() {
        let long = format!(r#"{{"userId":3,"action":"a","description":"{}"}}"#, "s".repeat(1_025));
        for (body, expected) in [
            (r#"{"userId":3,"action":"sync","version":2}"#, "version must be 1"),
            (r#"{"userId":3,"action":"sync","version":"1"}"#, "version must be 1"),
            (r#"{"action":"sync"}"#, "userId is required"),
            (r#"{"userId":3}"#, "action is required"),
            (r#"{"userId":3,"action":null}"#, "action is required"),
            (r#"{"userId":"secret","action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":0,"action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":3.0,"action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":9007199254740992,"action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":3,"action":"My Secret"}"#, "action must be 1 to 64 characters"),
            (r#"{"userId":3,"action":["secret"]}"#, "action must be a string"),
            (r#"{"userId":3,"action":"a","environmentId":4}"#, "environmentId needs projectId"),
            (
                r#"{"userId":3,"action":"a","metadata":["secret"]}"#,
                "metadata must be a JSON object",
            ),
            (r#"{"userId":3,"action":"a","ipAddress":"secret"}"#, "ipAddress must be an IPv4 or"),
            (
                r#"{"userId":3,"action":"a","occurredAt":"secret"}"#,
                "occurredAt must be an RFC 3339",
            ),
            (r#"{"userId":3,"action":"a","idempotencyKey":""}"#, "idempotencyKey must not be"),
            (r#"{"userId":3,"action":"a","resource":"secret"}"#, "resource is not a field"),
            (r#"{"userId":3,"action":"a","secret 1":1}"#, "a name that is not shown is not"),
            (&long, "description must be at most 1024 bytes, not 1025"),
            (r#"{"userId":3,"userId":4,"action":"secret"}"#, "the message is not a JSON object"),
            (r#"[{"userId":3,"action":"secret"}]"#, "the message is not a JSON object"),
            (r#"{"userId":3,"action":"secret""#, "the message is not a JSON object"),
            (r#"{"userId":3,"action":"a"} secret"#, "the message is not a JSON object"),
            ("", "the message is not a JSON object"),
        ] {
            let error = Message::parse(body).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{body}: {error}");
            assert!(!error.to_lowercase().contains("secret"), "{body}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "[{}\\[\\]\":,a-zA-Z0-9\\\\ ]{0,80}|\\PC{0,80}") {
            let _ = Message::parse(&body);
        }
    }
}
