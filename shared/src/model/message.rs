//! The message of the queue: what a service sends to have an activity recorded.
//!
//! It is a JSON object with the members of a [`NewActivity`], in camel case, `userId`, and `version`,
//! which is 1. Only `userId` and `action` are required; `null` counts as absent; an unknown member is
//! ignored. A member of another type than it should be, or over a limit, is [repaired](NewActivity::repair).
//!
//! What arrives inside an envelope of SNS or EventBridge is taken out of it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

pub use super::json::well_formed;

use super::activity::{Altered, Details, InvalidActivity, Metadata, NewActivity, Source, limit};
use super::{json, repair};
use crate::id::UserId;
use crate::time::Timestamp;

/// An activity to record, and whose log it belongs in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// Who did it.
    pub user_id: UserId,
    /// What was done; within all limits.
    pub activity: NewActivity,
    /// The names of members that mean nothing to this code, as far as they can be shown; at most 20.
    pub ignored: Vec<String>,
}

/// A message that can never be recorded. The text names what is at fault and shows nothing of the
/// message's values, so that it can be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// It is not a JSON object.
    #[error("the message is not a JSON object")]
    NotAnObject,
    /// What is required is missing, or is not what it must be.
    #[error(transparent)]
    Field(#[from] InvalidActivity),
}

const MISSING: &str = "is required";
const TWO_VALUES: &str = "is given twice, with different values";

/// The version of messages that this code reads, and what one without a version is.
const VERSION: u64 = 1;
const VERSION_FIELD: &str = "version";

/// How many names of unknown members are kept.
const MAX_IGNORED: usize = 20;

/// How many envelopes a message may be in: a rule of EventBridge can send to SNS, and SNS to SQS.
const LAYERS: u32 = 2;

impl Message {
    /// Reads the body of a message, and repairs what can be.
    ///
    /// ```
    /// use activity_log::message::Message;
    ///
    /// let body = r#"{"userId":3,"action":"create","resourceId":"five","colour":"red"}"#;
    /// let message = Message::parse(body)?;
    /// assert_eq!(message.user_id.get(), 3);
    /// assert_eq!(message.ignored, ["colour"]);
    /// let details = message.activity.details;
    /// assert_eq!((details.action.as_str(), details.resource_id), ("create", None));
    /// assert_eq!(details.altered["resourceId"].as_deref(), Some("five"));
    ///
    /// let error = Message::parse(r#"{"userId":3}"#).unwrap_err();
    /// assert_eq!(error.to_string(), "action is required");
    /// # Ok::<_, activity_log::message::InvalidMessage>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidMessage`] if there is no user or no action, or if nobody can tell which.
    pub fn parse(body: &str) -> Result<Self, InvalidMessage> {
        parse(body.trim_start_matches('\u{feff}'), LAYERS, None)
    }
}

/// Reads a message that may be in so many envelopes, of which the one around it has this time.
fn parse(body: &str, layers: u32, time: Option<Timestamp>) -> Result<Message, InvalidMessage> {
    let text = json::well_formed(body);
    let mut members = Members::parse(&text, body)?;
    if let Some(envelope) = members.envelope().filter(|_| layers > 0) {
        return parse(&envelope.content, layers - 1, envelope.time.or(time));
    }
    // What is no number is no version of ours, but a member of that name that means something else.
    let version = members.take(VERSION_FIELD).and_then(|version| version.number());
    if version.is_some_and(|version| version != VERSION) {
        let reason = format!("must be {VERSION}");
        return Err(InvalidActivity { field: VERSION_FIELD, reason }.into());
    }
    let user_id = members.user_id()?;
    let mut details = Details::read(&mut members)?;
    details.occurred_at = details.occurred_at.or(time);
    let mut activity = NewActivity { details, idempotency_key: members.key() };
    activity.details.altered = members.altered;
    activity.repair()?;
    let ignored: BTreeSet<String> =
        members.list.iter().map(|one| shown(&one.name).to_owned()).collect();
    let ignored = ignored.into_iter().take(MAX_IGNORED).collect();
    Ok(Message { user_id, activity, ignored })
}

/// The members of a JSON object that were not read yet, and what had to be altered of those that were.
struct Members<'a> {
    list: Vec<Member<'a>>,
    altered: Altered,
}

/// A member of a JSON object, and its value as JSON text.
struct Member<'a> {
    name: String,
    value: Value<'a>,
}

/// A JSON value as text.
#[derive(Clone, Copy)]
struct Value<'a> {
    /// Without half surrogate pairs.
    text: &'a str,
    /// As it came.
    came: &'a str,
}

/// What is inside an envelope, and when it was put there.
struct Envelope<'a> {
    content: Cow<'a, str>,
    time: Option<Timestamp>,
}

impl<'a> Value<'a> {
    /// The text that it is, if it is one.
    fn string(&self) -> Option<String> {
        serde_json::from_str(self.text).ok()
    }

    /// The number that it is, if it is a whole one from 0 to 2^64 − 1.
    fn number(&self) -> Option<u64> {
        let (whole, fraction) = self.text.split_once('.').unwrap_or((self.text, ""));
        let is_whole = fraction.bytes().all(|digit| digit == b'0');
        if is_whole { whole.parse().ok() } else { None }
    }

    /// What it is in [`Altered`], and where a text must stand: itself if it is a text, else its JSON.
    fn shown(&self) -> Cow<'a, str> {
        match self.string() {
            Some(text) if self.text == self.came => text.into(),
            _ => json::compact(self.came),
        }
    }
}

impl<'a> Members<'a> {
    /// The members of `text`, which is `came` without half surrogate pairs, and as long.
    fn parse(text: &'a str, came: &'a str) -> Result<Self, InvalidMessage> {
        let InOrder(list) = serde_json::from_str(text).map_err(|_| InvalidMessage::NotAnObject)?;
        let list = list.into_iter().map(|(name, value)| {
            let value = value.get();
            let start = value.as_ptr().addr() - text.as_ptr().addr();
            Member { name, value: Value { text: value, came: &came[start..start + value.len()] } }
        });
        Ok(Self { list: list.collect(), altered: Altered::new() })
    }

    fn get(&self, name: &str) -> Option<Value<'a>> {
        self.list.iter().rfind(|member| member.name == name).map(|member| member.value)
    }

    /// All values that a member is given.
    fn take_all(&mut self, name: &str) -> Vec<Value<'a>> {
        let taken = self.list.extract_if(.., |member| member.name == name);
        taken.map(|member| member.value).collect()
    }

    /// The value of a member, unless it is `null`: the last, if there are several.
    fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let mut values = self.take_all(name);
        let last = values.pop()?;
        if let Some(other) = values.iter().find(|value| value.came != last.came) {
            repair::note(&mut self.altered, name, &other.shown());
        }
        (last.text != "null").then_some(last)
    }

    /// What is inside, if these are the members of an envelope and not of a message: of a notification
    /// of SNS (AWS: "Amazon SNS message formats") or an event of EventBridge (AWS: "Event structure").
    fn envelope(&self) -> Option<Envelope<'a>> {
        let is_given = |name| self.get(name).is_some_and(|value| value.text != "null");
        if is_given("userId") || is_given("action") {
            return None;
        }
        let text = |name| self.get(name).and_then(|value| value.string());
        let time = |name| text(name).and_then(|time| time.parse().ok());
        if text("Type").as_deref() == Some("Notification") && text("TopicArn").is_some() {
            return Some(Envelope { content: text("Message")?.into(), time: time("Timestamp") });
        }
        let detail = self.get("detail").filter(|detail| detail.text.starts_with('{'))?;
        let is_event = text("source").is_some() && text("detail-type").is_some();
        is_event.then(|| Envelope { content: detail.came.into(), time: time("time") })
    }

    /// The user, who must be given, and the same each time.
    fn user_id(&mut self) -> Result<UserId, InvalidActivity> {
        let fault = |reason: &str| InvalidActivity { field: "userId", reason: reason.to_owned() };
        let mut found = None;
        for value in self.take_all("userId").into_iter().filter(|value| value.text != "null") {
            let Some(user) = self.read_id("userId", value) else {
                return Err(fault("must be an integer from 1 to 2^53 - 1"));
            };
            if found.is_some_and(|other| other != user) {
                return Err(fault(TWO_VALUES));
            }
            found = Some(user);
        }
        found.ok_or_else(|| fault(MISSING))
    }

    fn key(&mut self) -> Option<String> {
        let value = self.take("idempotencyKey")?;
        let key = self.read_text("idempotencyKey", value);
        if value.text == value.came && key.len() <= limit::IDEMPOTENCY_KEY {
            return Some(key);
        }
        repair::note(&mut self.altered, "idempotencyKey", &key);
        Some(repair::digest(value.came))
    }

    /// Reads an id, as a number or as its decimal digits.
    fn read_id<T: TryFrom<u64> + FromStr>(&mut self, name: &str, value: Value<'_>) -> Option<T> {
        if let Some(number) = value.number().and_then(|number| T::try_from(number).ok()) {
            return Some(number);
        }
        repair::note(&mut self.altered, name, &value.shown());
        value.string().and_then(|digits| digits.parse().ok())
    }

    /// Reads a text. A value of another type is its JSON text.
    fn read_text(&mut self, name: &str, value: Value<'_>) -> String {
        let text = value.string();
        if text.is_none() || value.text != value.came {
            repair::note(&mut self.altered, name, &value.shown());
        }
        text.unwrap_or_else(|| json::compact(value.text).into_owned())
    }
}

/// Whatever is given for an optional field can be read, or left out.
impl Source for Members<'_> {
    type Error = InvalidActivity;

    fn id<T: TryFrom<u64> + FromStr>(&mut self, name: &str) -> Result<Option<T>, InvalidActivity> {
        let Some(value) = self.take(name) else { return Ok(None) };
        Ok(self.read_id(name, value))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, InvalidActivity> {
        let Some(value) = self.take(name) else { return Ok(None) };
        Ok(Some(self.read_text(name, value)))
    }

    /// The action, which must be given, and the same each time.
    fn action(&mut self, name: &'static str) -> Result<String, InvalidActivity> {
        let fault = |reason: &str| InvalidActivity { field: name, reason: reason.to_owned() };
        let mut found: Option<String> = None;
        for value in self.take_all(name).into_iter().filter(|value| value.text != "null") {
            let action = self.read_text(name, value);
            if found.is_some_and(|other| repair::name(&other) != repair::name(&action)) {
                return Err(fault(TWO_VALUES));
            }
            found = Some(action);
        }
        found.ok_or_else(|| fault(MISSING))
    }

    fn metadata(&mut self, name: &str) -> Result<Option<Metadata>, InvalidActivity> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let is_object = value.text.starts_with('{');
        if !is_object || value.text != value.came {
            repair::note(&mut self.altered, name, &json::compact(value.came));
        }
        let text =
            if is_object { value.text.to_owned() } else { format!("{{\"value\":{}}}", value.text) };
        Ok(Metadata::from_text(text).ok())
    }

    fn address(&mut self, name: &str) -> Result<Option<IpAddr>, InvalidActivity> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let text = value.shown();
        let address = repair::address(&text);
        if text.parse().ok() != address || address.is_none() {
            repair::note(&mut self.altered, name, &text);
        }
        Ok(address)
    }

    fn time(&mut self, name: &str) -> Result<Option<Timestamp>, InvalidActivity> {
        let Some(value) = self.take(name) else { return Ok(None) };
        if let Some(time) = value.string().and_then(|text| text.parse().ok()) {
            return Ok(Some(time));
        }
        repair::note(&mut self.altered, name, &value.shown());
        let millis = value.number().and_then(|millis| millis.try_into().ok());
        Ok(millis.and_then(|millis| Timestamp::from_millis(millis).ok()))
    }

    /// No message says what was altered: that is found out as it is read.
    fn altered(&mut self, _: &str) -> Result<Altered, InvalidActivity> {
        Ok(Altered::new())
    }
}

/// The members of a JSON object, in order, with those that are given several times.
struct InOrder<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for InOrder<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Object).map(Self)
    }
}

/// A name as it may be shown: anything that is not plainly a name may be part of a value.
fn shown(name: &str) -> &str {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'-';
    let plain = name.len() <= 40 && name.bytes().all(is_letter);
    if plain { name } else { "a name that is not shown" }
}

#[cfg(test)]
mod tests {
    use super::super::activity::{self, FIELDS, Field, LIMITED_TEXTS, LimitedText, tests::whole};
    use super::*;

    const REQUIRED: &str = r#""userId":3,"action":"sync""#;

    /// The activity of a message with these members besides what is required.
    fn with(members: &str) -> NewActivity {
        Message::parse(&format!("{{{REQUIRED},{members}}}")).unwrap().activity
    }

    /// What came in the place of a field, if it is altered.
    #[expect(clippy::option_option, reason = "as it came, too long to keep, or a text")]
    fn came<'a>(activity: &'a NewActivity, field: &str) -> Option<Option<&'a str>> {
        activity.details.altered.get(field).map(Option::as_deref)
    }

    #[test]
    fn every_field_is_read_as_it_came() {
        let details = Details { altered: Altered::new(), ..whole() };
        let members = serde_json::to_string(&details).unwrap();
        let body = members.replacen('{', r#"{"userId":3,"idempotencyKey":"k","#, 1);
        let body = body.replace(r#","altered":null"#, "");
        let Message { user_id, activity, ignored } = Message::parse(&body).unwrap();
        assert_eq!((user_id.get(), ignored), (3, Vec::new()));
        let idempotency_key = Some("k".to_owned());
        assert_eq!(activity, NewActivity { details, idempotency_key });
    }

    #[test]
    fn a_member_version_that_is_no_number_is_not_the_messages() {
        for version in [r#""1""#, r#""2.4.0""#, r#""0""#, "null", "[2]", "1", "1.0"] {
            assert_eq!(
                with(&format!(r#""version":{version}"#)),
                NewActivity::new("sync"),
                "{version}"
            );
        }
    }

    #[test]
    fn what_is_null_is_absent() {
        for members in
            [r#""metadata":null"#, r#""version":null"#, r#""version":1"#, r#""projectId":null"#]
        {
            assert_eq!(with(members), NewActivity::new("sync"), "{members}");
        }
    }

    #[test]
    fn a_message_that_can_never_be_recorded_says_which_field_and_shows_no_value() {
        for (body, expected) in [
            (r#"{"userId":3,"action":"sync","version":2}"#, "version must be 1"),
            (r#"{"userId":3,"action":"sync","version":0}"#, "version must be 1"),
            (r#"{"action":"sync"}"#, "userId is required"),
            (r#"{"userId":null,"action":"sync"}"#, "userId is required"),
            (r#"{"userId":3}"#, "action is required"),
            (r#"{"userId":3,"action":null}"#, "action is required"),
            (r#"{"userId":3,"action":""}"#, "action must not be empty"),
            (r#"{"userId":"secret","action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":0,"action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":-3,"action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":3.5,"action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":"03","action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":[3],"action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":9007199254740992,"action":"sync"}"#, "userId must be an integer from 1"),
            (r#"{"userId":3,"userId":4,"action":"secret"}"#, "userId is given twice, with"),
            (r#"{"userId":3,"action":"secret","action":"b"}"#, "action is given twice, with"),
            (r#"[{"userId":3,"action":"secret"}]"#, "the message is not a JSON object"),
            (r#"{"userId":3,"action":"secret""#, "the message is not a JSON object"),
            (r#"{"userId":3,"action":"a"} secret"#, "the message is not a JSON object"),
            ("{\"userId\":3,\"action\":\"a\nsecret\"}", "the message is not a JSON object"),
            ("secret", "the message is not a JSON object"),
            ("", "the message is not a JSON object"),
        ] {
            let error = Message::parse(body).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{body}: {error}");
            assert!(!error.to_lowercase().contains("secret"), "{body}: {error}");
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        for LimitedText { name, limit, get, .. } in LIMITED_TEXTS {
            let activity = with(&format!(r#""{name}":"{}""#, "x".repeat(limit)));
            assert_eq!(came(&activity, name), None);
            let activity = with(&format!(r#""{name}":"{}é""#, "x".repeat(limit - 1)));
            assert_eq!(get(&activity.details).map(str::len), Some(limit - 1));
            let is_kept = limit < limit::ALTERED;
            assert_eq!(came(&activity, name).map(|came| came.is_some()), Some(is_kept), "{name}");
        }
        // And no text is without a limit.
        let whole = whole();
        let is_text = |field: &&Field| matches!(field.of(&whole), Some(activity::Value::Text(_)));
        for field in FIELDS.iter().filter(is_text).filter(|field| field.name != "action") {
            let activity = with(&format!(r#""{}":"{}""#, field.name, "x".repeat(9_000)));
            let kept = field.of(&activity.details).unwrap();
            assert!(
                matches!(kept, activity::Value::Text(text) if text.len() <= 1_024),
                "{}",
                field.name
            );
        }
    }

    #[test]
    fn an_address_is_found_in_what_proxies_and_servers_write() {
        for (given, address) in [
            ("1.2.3.4:51008", Some("1.2.3.4")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("203.0.113.9, 10.0.0.1", Some("203.0.113.9")),
            ("192.0.2.1, 203.0.113.9:80, 100.64.0.1, 169.254.1.1, 127.0.0.1", Some("203.0.113.9")),
            ("2001:db8::1, fd00::1, fe80::1%eth0, ::1", Some("2001:db8::1")),
            ("10.0.0.1, 192.168.1.1", Some("192.168.1.1")),
            ("unknown, 203.0.113.9,", Some("203.0.113.9")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("::ffff:203.0.113.9", Some("203.0.113.9")),
            ("[::ffff:203.0.113.9]:80", Some("203.0.113.9")),
            (" 203.0.113.9", Some("203.0.113.9")),
            ("unknown", None),
            ("", None),
            ("300.0.113.9", None),
            ("203.0.113.9:http", None),
        ] {
            let activity = with(&format!(r#""ipAddress":"{given}""#));
            let expected = address.map(|address| address.parse().unwrap());
            assert_eq!(activity.details.ip_address, expected, "{given}");
            assert_eq!(came(&activity, "ipAddress"), Some(Some(given)));
        }
        let list = with(r#""ipAddress":["203.0.113.9", "10.0.0.1"]"#);
        assert_eq!(list.details.ip_address, "203.0.113.9".parse().ok());
        for given in ["203.0.113.9", "2001:DB8::1", "10.0.0.1"] {
            let activity = with(&format!(r#""ipAddress":"{given}""#));
            assert_eq!(activity.details.ip_address, given.parse().ok());
            assert_eq!(came(&activity, "ipAddress"), None);
        }
    }

    #[test]
    fn metadata_that_is_no_object_is_wrapped_and_what_is_over_a_limit_leaves_a_marker() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        // What is left out is told apart by the hash of what came.
        let marker = |start: &str, came: &str| {
            let hash = repair::digest(came).replace(':', "\":\"");
            format!(r#"{{"omitted":"{start},"{hash}"}}"#)
        };
        let deep = |came: &str| marker("nested too deeply\"", came);
        let too_long = |came: &str| marker("too long\",\"bytes\":4097", came);
        let wrapped = |value: &str| format!(r#"{{"value":{value}}}"#);
        let within = |value: &str| format!(r#"{{"a":{value}}}"#);
        let quoted = |length: usize| format!("\"{}\"", "x".repeat(length));
        for (given, kept) in [
            ("[1, 2]".to_owned(), r#"{"value":[1,2]}"#.to_owned()),
            ("\"text\"".to_owned(), r#"{"value":"text"}"#.to_owned()),
            ("5.0".to_owned(), r#"{"value":5.0}"#.to_owned()),
            (
                r#"{"note":"deployed \ud83d"}"#.to_owned(),
                r#"{"note":"deployed \ufffd"}"#.to_owned(),
            ),
            (within(&nested(2_000)), deep(&within(&nested(2_000)))),
            (within(&nested(32)), deep(&within(&nested(32)))),
            (nested(32), deep(&wrapped(&nested(32)))),
            (within(&quoted(4_089)), too_long(&within(&quoted(4_089)))),
            (quoted(4_085), too_long(&wrapped(&quoted(4_085)))),
        ] {
            let activity = with(&format!(r#""metadata":{given}"#));
            assert_eq!(activity.details.metadata.as_ref().unwrap().as_text(), kept);
            let shown = json::compact(&given);
            let shown = &shown[..shown.len().min(limit::ALTERED)];
            assert_eq!(came(&activity, "metadata"), Some(Some(shown)));
        }
        let fits = format!(r#"{{"b": 1e2,{}"a":{}}}"#, " ".repeat(9_000), nested(31));
        let activity = with(&format!(r#""metadata":{fits}"#));
        assert_eq!(activity.details.metadata.as_ref().unwrap().as_text(), json::compact(&fits));
        assert_eq!(came(&activity, "metadata"), None, "white space is nothing that was said");
    }

    #[test]
    fn a_text_that_came_as_something_else_is_its_json() {
        for (given, kept, came_as) in [
            ("5.0", "5.0", "5.0"),
            ("true", "true", "true"),
            (r#"[ "a", {"b" : 1} ]"#, r#"["a",{"b":1}]"#, r#"["a",{"b":1}]"#),
            (r#"["\ude00"]"#, r#"["\ufffd"]"#, r#"["\ude00"]"#),
            (r#""deployed \ud83d""#, "deployed \u{fffd}", r#""deployed \ud83d""#),
        ] {
            let activity = with(&format!(r#""description":{given}"#));
            assert_eq!(activity.details.description.as_deref(), Some(kept));
            assert_eq!(came(&activity, "description"), Some(Some(came_as)));
        }
    }

    #[test]
    fn of_a_member_that_is_given_twice_the_last_counts() {
        let activity = with(r#""description":"a","description":"b","projectId":4,"projectId":4"#);
        assert_eq!(activity.details.description.as_deref(), Some("b"));
        assert_eq!(
            activity.details.altered,
            [("description".to_owned(), Some("a".to_owned()))].into()
        );
        let activity = with(r#""description":"a","description":null"#);
        assert_eq!(activity.details.description, None);
        assert_eq!(came(&activity, "description"), Some(Some("a")));
        let same = r#"{"userId":3,"userId":"3","action":"sync","action":"Sync"}"#;
        assert_eq!(Message::parse(same).unwrap().user_id.get(), 3);
    }

    #[test]
    fn a_name_is_brought_into_its_form() {
        for (given, kept) in [
            ("Create Function", "create_function"),
            ("Größe/2", "gr__e_2"),
            (&"A".repeat(65), &"a".repeat(64)),
        ] {
            let activity = with(&format!(r#""resourceType":"{given}""#));
            assert_eq!(activity.details.resource_type.as_deref(), Some(kept));
            assert_eq!(came(&activity, "resourceType"), Some(Some(given)));
            let body = format!(r#"{{"userId":3,"action":"{given}"}}"#);
            let activity = Message::parse(&body).unwrap().activity;
            assert_eq!(activity.details.action, kept);
            assert_eq!(came(&activity, "action"), Some(Some(given)));
        }
        let activity = with(r#""resourceType":"""#);
        assert_eq!(activity.details.resource_type, None);
        assert_eq!(came(&activity, "resourceType"), Some(Some("")));
    }

    #[test]
    fn an_id_may_be_digits_and_an_impossible_one_is_left_out() {
        let body = r#"{"userId":"3","action":"sync","projectId":"4","environmentId":5.0}"#;
        let Message { user_id, activity, .. } = Message::parse(body).unwrap();
        assert_eq!(user_id.get(), 3);
        assert_eq!(activity.details.project_id, 4.try_into().ok());
        assert_eq!(activity.details.environment_id, 5.try_into().ok());
        assert_eq!(came(&activity, "projectId"), Some(Some("4")));
        assert_eq!(came(&activity, "environmentId"), None);
        for given in ["0", "-1", "1.5", "9007199254740992", r#""i-0abc""#, "[5]", "1e300"] {
            let activity = with(&format!(r#""resourceId":{given}"#));
            assert_eq!(activity.details.resource_id, None, "{given}");
            assert_eq!(came(&activity, "resourceId"), Some(Some(given.trim_matches('"'))));
        }
    }

    #[test]
    fn an_environment_without_its_project_is_dropped() {
        for project in ["null", "0"] {
            let activity = with(&format!(r#""environmentId":9,"projectId":{project}"#));
            assert_eq!(activity.details.environment_id, None);
            assert_eq!(came(&activity, "environmentId"), Some(Some("9")));
        }
    }

    #[test]
    fn a_time_may_be_milliseconds_and_an_unreadable_one_is_absent() {
        let at = |given: &str| with(&format!(r#""occurredAt":{given}"#));
        let time = "2024-01-15T10:30:00Z".parse().ok();
        assert_eq!(at(r#""2024-01-15T12:30:00+02:00""#).details.occurred_at, time);
        let millis = at("1705314600000");
        assert_eq!(millis.details.occurred_at, time);
        assert_eq!(came(&millis, "occurredAt"), Some(Some("1705314600000")));
        for given in
            [r#""yesterday""#, "-1", "1e12", "99999999999999999", "[]", r#""1969-12-31T00:00:00Z""#]
        {
            let activity = at(given);
            assert_eq!(activity.details.occurred_at, None, "{given}");
            assert_eq!(came(&activity, "occurredAt"), Some(Some(given.trim_matches('"'))));
        }
    }

    #[test]
    fn a_key_that_cannot_stand_is_the_hash_of_its_json() {
        let long = "k".repeat(129);
        let quoted = format!("\"{long}\"");
        let half = r#""order \ud83d""#;
        for (given, shown) in [(quoted.as_str(), &long[..128]), (half, half)] {
            let activity = with(&format!(r#""idempotencyKey":{given}"#));
            assert_eq!(activity.idempotency_key, Some(repair::digest(given)));
            assert_eq!(came(&activity, "idempotencyKey"), Some(Some(shown)));
        }
        assert_eq!(
            repair::digest("\"a\""),
            "sha256:ac8d8342bbb2362d13f0a559a3621bb407011368895164b628a54f7fc33fc43c"
        );
        let mut typed = NewActivity::new("sync").idempotency_key(long.as_str());
        typed.repair().unwrap();
        assert_eq!(typed.idempotency_key, Some(repair::digest(&quoted)), "the same from Rust");
        let activity = with(r#""idempotencyKey":"""#);
        assert_eq!(
            (&activity.idempotency_key, came(&activity, "idempotencyKey")),
            (&None, Some(Some("")))
        );
        assert_eq!(with(r#""idempotencyKey":5"#).idempotency_key.as_deref(), Some("5"));
    }

    #[test]
    fn an_unknown_member_is_ignored_and_named() {
        let body = format!(
            r#"{{{REQUIRED},"tenant":7,"resource":{{"a":1}},"secret 1":1,"tenant":8,"user_id":4}}"#
        );
        let Message { activity, ignored, .. } = Message::parse(&body).unwrap();
        assert_eq!(activity, NewActivity::new("sync"));
        assert_eq!(ignored, ["a name that is not shown", "resource", "tenant", "user_id"]);
    }

    #[test]
    fn an_envelope_is_taken_off() {
        let inner = r#"{"userId":3,"action":"sync","description":"\ud83d"}"#;
        let sns = |message: &str| {
            let message = serde_json::json!(message);
            format!(
                r#"{{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":{message},"Timestamp":"2024-01-15T10:30:00.000Z"}}"#
            )
        };
        let event = |detail: &str, time: &str| {
            format!(
                r#"{{"version":"0","source":"platform","detail-type":"activity","time":"{time}","detail":{detail}}}"#
            )
        };
        let early = "2024-01-15T10:00:00Z";
        for (body, time) in [
            (sns(inner), "2024-01-15T10:30:00Z"),
            (event(inner, early), early),
            (sns(&event(inner, early)), early),
            (sns(&event(inner, "yesterday")), "2024-01-15T10:30:00Z"),
        ] {
            let Message { user_id, activity, ignored } = Message::parse(&body).unwrap();
            assert_eq!((user_id.get(), activity.details.action.as_str()), (3, "sync"), "{body}");
            assert_eq!(activity.details.occurred_at, time.parse().ok(), "{body}");
            assert_eq!(activity.details.description.as_deref(), Some("\u{fffd}"), "{body}");
            assert!(ignored.is_empty(), "{body}");
        }
        let own = r#"{"userId":3,"action":"sync","occurredAt":"2023-01-01T00:00:00Z"}"#;
        let parsed = Message::parse(&sns(own)).unwrap();
        assert_eq!(parsed.activity.details.occurred_at, "2023-01-01T00:00:00Z".parse().ok());
        let beside = event(inner, early).replacen('{', r#"{"userId":8,"action":"own","#, 1);
        assert_eq!(Message::parse(&beside).unwrap().user_id.get(), 8, "it is a message itself");
        for poison in [sns("hello"), sns(&sns(&sns(inner))), sns(r#"{"userId":3}"#)] {
            assert!(Message::parse(&poison).is_err(), "{poison}");
        }
    }

    /// JSON as it is never seen, but may be.
    fn any_json() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        let text = prop_oneof![
            "\\PC{0,20}",
            "[a-zA-Z \\u{2028}\\u{85}\\n]{0,700}",
            "[0-9.:,/%\\[\\] f]{0,24}"
        ];
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|flag| flag.to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            any::<f64>()
                .prop_filter("JSON has no others", |number| number.is_finite())
                .prop_map(|number| number.to_string()),
            text.prop_map(|text| serde_json::json!(text).to_string()),
            Just(r#""half \ud83d""#.to_owned()),
            Just(r#""\u0000\ude00\ud83d\ude00""#.to_owned()),
            Just(r#""2124-01-15T10:30:00Z""#.to_owned()),
            (1_usize..100).prop_map(|depth| "[".repeat(depth) + &"]".repeat(depth)),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6)
                    .prop_map(|values| format!("[ {} ]", values.join(" ,\n"))),
                proptest::collection::vec(("[a-z\"\\\\é]{0,8}", inner), 0..6).prop_map(|members| {
                    let member = |(name, value)| format!("{}:{value}", serde_json::json!(name));
                    let members: Vec<String> = members.into_iter().map(member).collect();
                    format!("{{\t{} }}", members.join(", "))
                }),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "[{}\\[\\]\":,a-zA-Z0-9\\\\ ]{0,80}|\\PC{0,80}") {
            let _ = Message::parse(&body);
        }

        #[test]
        fn whatever_stands_in_an_optional_field_a_message_is_recorded_within_the_limits(
            values in proptest::collection::vec((0..=FIELDS.len(), any_json()), 0..8),
        ) {
            let name = |at: usize| FIELDS.get(at).map_or("idempotencyKey", |field| field.name);
            let optional = values.iter().map(|(field, value)| (name(*field), value));
            let optional = optional.filter(|(field, _)| *field != "action");
            let members: String =
                optional.map(|(field, value)| format!(r#","{field}": {value}"#)).collect::<Vec<_>>().concat();
            let body = format!("{{{REQUIRED}{members}}}");
            let activity = Message::parse(&body).unwrap().activity;
            proptest::prop_assert_eq!(activity.validate(), Ok(()));
            let mut repaired = activity.clone();
            proptest::prop_assert_eq!(repaired.repair(), Ok(()));
            proptest::prop_assert_eq!(repaired, activity);
        }
    }
}
