//! The activity: one immutable entry of a user's log, and the draft it is recorded from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::json;
use crate::id::{ActivityId, EnvironmentId, ProjectId, ResourceId, UserId};
use crate::time::Timestamp;

/// The action names of the reference. The set is open: any valid name is recorded.
pub mod action {
    /// A resource was created.
    pub const CREATE: &str = "create";
    /// Code or configuration was changed.
    pub const UPDATE: &str = "update";
    /// A resource was deleted.
    pub const DELETE: &str = "delete";
    /// A function was invoked.
    pub const INVOKE: &str = "invoke";
    /// A resource was synchronised with the cloud provider.
    pub const SYNC: &str = "sync";
    /// A connection between resources was created.
    pub const CONNECT: &str = "connect";
    /// A connection between resources was deleted.
    pub const DISCONNECT: &str = "disconnect";
}

/// The resource types of the reference. The set is open, like that of the actions.
pub mod resource_type {
    /// Serverless functions.
    pub const FUNCTION: &str = "function";
    /// Virtual machines.
    pub const INSTANCE: &str = "instance";
    /// Managed databases.
    pub const DATABASE: &str = "database";
    /// Object storage.
    pub const STORAGE_BUCKET: &str = "storage_bucket";
    /// Static websites.
    pub const STATIC_WEBSITE: &str = "static_website";
    /// Security groups.
    pub const FIREWALL: &str = "firewall";
    /// Managed caches.
    pub const CACHE_SERVER: &str = "cache_server";
}

/// Length limits of a draft, in bytes.
pub mod limit {
    /// `action` and `resourceType`.
    pub const NAME: usize = 64;
    /// `description`.
    pub const DESCRIPTION: usize = 1_024;
    /// `metadata`, as JSON text.
    pub const METADATA: usize = 4_096;
    /// How many objects and arrays of `metadata` may stand in each other, the whole counted. A reader
    /// that recurses has a limit of its own; this one is below all of those.
    pub const METADATA_DEPTH: usize = 32;
    /// `userAgent`.
    pub const USER_AGENT: usize = 512;
    /// `idempotencyKey`.
    pub const IDEMPOTENCY_KEY: usize = 128;
    /// What came in the place of one field.
    pub const ALTERED: usize = 128;
}

/// A JSON object kept as the text it came as, so that it is passed on byte for byte, but for white
/// space between its tokens.
///
/// ```
/// use activity_log::Metadata;
///
/// let metadata = Metadata::from_text(r#"{ "size": 1.50, "tags": [] }"#.to_owned())?;
/// assert_eq!(metadata.as_text(), r#"{"size":1.50,"tags":[]}"#);
/// assert!(Metadata::from_text("[1, 2]".to_owned()).is_err());
/// # Ok::<_, &str>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Metadata(Box<RawValue>);

impl Metadata {
    /// Takes `text` as it is, without the white space between its tokens: a line break there would
    /// break the line that an entry is in NDJSON.
    ///
    /// # Errors
    /// A reason if `text` is not a JSON object.
    pub fn from_text(text: String) -> Result<Self, &'static str> {
        const REASON: &str = "must be a JSON object";
        let mut raw = RawValue::from_string(text).map_err(|_| REASON)?;
        if let Cow::Owned(compacted) = json::compact(raw.get()) {
            raw = RawValue::from_string(compacted).map_err(|_| REASON)?;
        }
        if raw.get().starts_with('{') { Ok(Self(raw)) } else { Err(REASON) }
    }

    /// The JSON text.
    #[must_use]
    pub fn as_text(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.as_text() == other.as_text()
    }
}

impl std::hash::Hash for Metadata {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_text().hash(state);
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_text(raw.get().to_owned()).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<serde_json::Map<String, serde_json::Value>> for Metadata {
    type Error = &'static str;

    fn try_from(object: serde_json::Map<String, serde_json::Value>) -> Result<Self, Self::Error> {
        Self::from_text(serde_json::Value::Object(object).to_string())
    }
}

/// What was altered before it was recorded: by the JSON name of the field, what came in its place: a text
/// as it is, anything else as its JSON text, at most [`limit::ALTERED`] bytes of it. `None` stands for a
/// `description` or `userAgent` longer than that.
pub type Altered = BTreeMap<String, Option<String>>;

/// What is said of an action, by an entry of the log and by the draft it is recorded from.
///
/// [`FIELDS`] is how its fields are written, and `Details::read` how they are read. The attributes of an
/// entry, the message of the queue and the lines of `activities import` and `export` follow from these,
/// and what `include=client` shows. What every list shows is chosen in `api/response/activity.rs`. As
/// JSON, details are the members of such a line.
#[derive(Clone, Debug, Default, PartialEq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// The project it was done in, if any.
    pub project_id: Option<ProjectId>,
    /// The environment it was done in, if any; needs `project_id`.
    pub environment_id: Option<EnvironmentId>,
    /// What kind of resource it was done to, if any: 1–64 of `[a-z0-9_.:-]`; see [`resource_type`]
    /// for common ones.
    pub resource_type: Option<String>,
    /// Which resource it was done to, if any: the resource's id on the platform.
    pub resource_id: Option<ResourceId>,
    /// What was done: 1–64 of `[a-z0-9_.:-]`; see [`action`] for common ones.
    pub action: String,
    /// The same for a human reader; at most 1,024 bytes.
    pub description: Option<String>,
    /// Whatever else the recording service knows: a JSON object of at most 4,096 bytes.
    pub metadata: Option<Metadata>,
    /// Where the request came from.
    pub ip_address: Option<IpAddr>,
    /// What sent the request; at most 512 bytes.
    pub user_agent: Option<String>,
    /// When it was done. In a draft, the time of recording stands in for an absent one; in an entry,
    /// it is there only where it differs from `created_at`.
    pub occurred_at: Option<Timestamp>,
    /// What was altered on the way into the log. As JSON, `null` if nothing was.
    #[serde(default, serialize_with = "write_altered", deserialize_with = "read_altered")]
    pub altered: Altered,
}

impl Details {
    /// The action of what is recorded where a log has no room for another pair of resource type and
    /// action.
    pub const OTHER: &'static str = "other";

    /// Reads every field from `source`.
    ///
    /// # Errors
    /// The source's.
    pub(crate) fn read<S: Source>(source: &mut S) -> Result<Self, S::Error> {
        Ok(Self {
            project_id: source.id("projectId")?,
            environment_id: source.id("environmentId")?,
            resource_type: source.text("resourceType")?,
            resource_id: source.id("resourceId")?,
            action: source.action("action")?,
            description: source.text("description")?,
            metadata: source.metadata("metadata")?,
            ip_address: source.address("ipAddress")?,
            user_agent: source.text("userAgent")?,
            occurred_at: source.time("occurredAt")?,
            altered: source.altered("altered")?,
        })
    }
}

/// What details are read from, field by field: an item of the table, or a message of the queue.
pub(crate) trait Source {
    /// Why a field cannot be read.
    type Error;

    /// An id.
    fn id<T: TryFrom<u64> + FromStr>(&mut self, name: &str) -> Result<Option<T>, Self::Error>;
    /// A text.
    fn text(&mut self, name: &str) -> Result<Option<String>, Self::Error>;
    /// The action, which alone is required.
    fn action(&mut self, name: &'static str) -> Result<String, Self::Error>;
    /// A JSON object.
    fn metadata(&mut self, name: &str) -> Result<Option<Metadata>, Self::Error>;
    /// An address.
    fn address(&mut self, name: &str) -> Result<Option<IpAddr>, Self::Error>;
    /// A time.
    fn time(&mut self, name: &str) -> Result<Option<Timestamp>, Self::Error>;
    /// What was altered.
    fn altered(&mut self, name: &str) -> Result<Altered, Self::Error>;
}

/// The value of a field. As JSON, it is what an entry shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value<'a> {
    /// An id.
    Id(u64),
    /// A text.
    Text(&'a str),
    /// A JSON object.
    Metadata(&'a Metadata),
    /// An address.
    Address(IpAddr),
    /// A time.
    Time(Timestamp),
    /// What was altered, which is something.
    Altered(&'a Altered),
}

/// A field of [`Details`], as it is written.
#[derive(Debug)]
pub struct Field {
    /// Its name in JSON, as an attribute, and as a column.
    pub name: &'static str,
    /// Whether it is of the client and of the way into the log, which is shown only where it is asked
    /// for.
    pub is_of_client: bool,
    value: fn(&Details) -> Option<Value<'_>>,
}

impl Field {
    /// Its value, if it has one.
    pub(crate) fn of<'a>(&self, details: &'a Details) -> Option<Value<'a>> {
        (self.value)(details)
    }
}

const fn shown(name: &'static str, value: fn(&Details) -> Option<Value<'_>>) -> Field {
    Field { name, is_of_client: false, value }
}

const fn of_client(name: &'static str, value: fn(&Details) -> Option<Value<'_>>) -> Field {
    Field { name, is_of_client: true, value }
}

/// The fields of [`Details`] in the order that they are shown in, those of the client last.
pub static FIELDS: [Field; 11] = [
    shown("projectId", |details| details.project_id.map(|id| Value::Id(id.get()))),
    shown("environmentId", |details| details.environment_id.map(|id| Value::Id(id.get()))),
    shown("resourceType", |details| details.resource_type.as_deref().map(Value::Text)),
    shown("resourceId", |details| details.resource_id.map(|id| Value::Id(id.get()))),
    shown("action", |details| Some(Value::Text(&details.action))),
    shown("description", |details| details.description.as_deref().map(Value::Text)),
    shown("metadata", |details| details.metadata.as_ref().map(Value::Metadata)),
    of_client("ipAddress", |details| details.ip_address.map(Value::Address)),
    of_client("userAgent", |details| details.user_agent.as_deref().map(Value::Text)),
    of_client("occurredAt", |details| details.occurred_at.map(Value::Time)),
    of_client("altered", |details| some(&details.altered).map(Value::Altered)),
];

/// What was altered, if anything was.
fn some(altered: &Altered) -> Option<&Altered> {
    Some(altered).filter(|altered| !altered.is_empty())
}

/// A text that is bounded by a limit and by nothing else.
pub(super) struct LimitedText {
    /// The field, by its JSON name.
    pub(super) name: &'static str,
    /// How many bytes it has at the most.
    pub(super) limit: usize,
    /// The text.
    pub(super) get: fn(&Details) -> Option<&str>,
    /// The text, to be cut.
    pub(super) get_mut: fn(&mut Details) -> &mut Option<String>,
}

/// The texts that are bounded by a limit and by nothing else. Longer ones are cut.
pub(super) const LIMITED_TEXTS: [LimitedText; 2] = [
    LimitedText {
        name: "description",
        limit: limit::DESCRIPTION,
        get: |details| details.description.as_deref(),
        get_mut: |details| &mut details.description,
    },
    LimitedText {
        name: "userAgent",
        limit: limit::USER_AGENT,
        get: |details| details.user_agent.as_deref(),
        get_mut: |details| &mut details.user_agent,
    },
];

/// Whether this is the JSON name of a field that can be altered.
pub(super) fn is_alterable(name: &str) -> bool {
    let mut fields = FIELDS.iter().map(|field| field.name).filter(|field| *field != "altered");
    ["userId", "idempotencyKey"].contains(&name) || fields.any(|field| field == name)
}

fn write_altered<S: Serializer>(altered: &Altered, serializer: S) -> Result<S::Ok, S::Error> {
    some(altered).serialize(serializer)
}

fn read_altered<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Altered, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// One recorded entry. Nothing of it ever changes.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Activity {
    /// Names the entry, among those of all users.
    pub id: ActivityId,
    /// Who did it, and whose log it is in.
    pub user_id: UserId,
    /// When it was done, as far as the order of the log allows.
    pub created_at: Timestamp,
    /// What was done.
    pub details: Details,
}

/// What a service hands over to be recorded: an [`Activity`] before it has its place in the log.
///
/// ```
/// use activity_log::activity::{action, resource_type};
/// use activity_log::{Metadata, NewActivity};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let invoked = NewActivity::new(action::INVOKE)
///     .resource(resource_type::FUNCTION, 5.try_into()?)
///     .environment(4.try_into()?, 9.try_into()?)
///     .description("Invoked function \"resize-images\"")
///     .metadata(Metadata::from_text(r#"{"statusCode":200}"#.to_owned())?)
///     .client("203.0.113.9".parse()?, "Mozilla/5.0")
///     .occurred_at("2026-01-15T10:30:00Z".parse()?)
///     .idempotency_key("invocation-7f3c");
/// invoked.validate()?;
///
/// // In a project, but in none of its environments; to all of its databases, not to one of them.
/// let synchronised =
///     NewActivity::new(action::SYNC).project(4.try_into()?).resource_type(resource_type::DATABASE);
/// synchronised.validate()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NewActivity {
    /// What was done.
    pub details: Details,
    /// Names this activity among the user's, so that sending it again within 14 days records
    /// nothing new; 1–128 bytes.
    pub idempotency_key: Option<String>,
}

/// A draft that breaks a limit. Nothing of it was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
#[non_exhaustive]
pub struct InvalidActivity {
    /// The field at fault, by its JSON name.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl NewActivity {
    /// An activity of the given action, with nothing else said of it yet.
    pub fn new(action: impl Into<String>) -> Self {
        let details = Details { action: action.into(), ..Details::default() };
        Self { details, idempotency_key: None }
    }

    /// Says which resource it was done to.
    #[must_use]
    pub fn resource(mut self, resource_type: impl Into<String>, id: ResourceId) -> Self {
        self.details.resource_type = Some(resource_type.into());
        self.details.resource_id = Some(id);
        self
    }

    /// Says what kind of resource it was done to, where that has no id.
    #[must_use]
    pub fn resource_type(mut self, resource_type: impl Into<String>) -> Self {
        self.details.resource_type = Some(resource_type.into());
        self
    }

    /// Says which project it was done in, where that was in none of its environments.
    #[must_use]
    pub const fn project(mut self, project: ProjectId) -> Self {
        self.details.project_id = Some(project);
        self
    }

    /// Says which environment of which project it was done in.
    #[must_use]
    pub const fn environment(mut self, project: ProjectId, environment: EnvironmentId) -> Self {
        self.details.project_id = Some(project);
        self.details.environment_id = Some(environment);
        self
    }

    /// Says it for a human reader.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.details.description = Some(description.into());
        self
    }

    /// Adds whatever else is known.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.details.metadata = Some(metadata);
        self
    }

    /// Says where the request came from and what sent it.
    #[must_use]
    pub fn client(self, ip_address: IpAddr, user_agent: impl Into<String>) -> Self {
        self.ip_address(ip_address).user_agent(user_agent)
    }

    /// Says where the request came from.
    #[must_use]
    pub const fn ip_address(mut self, ip_address: IpAddr) -> Self {
        self.details.ip_address = Some(ip_address);
        self
    }

    /// Says what sent the request.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.details.user_agent = Some(user_agent.into());
        self
    }

    /// Says when it was done, if that was not just now.
    #[must_use]
    pub const fn occurred_at(mut self, time: Timestamp) -> Self {
        self.details.occurred_at = Some(time);
        self
    }

    /// Makes recording it again within 14 days return the entry first recorded.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Details in which every field has a value, for tests of what is made of them.
    pub(crate) fn whole() -> Details {
        Details {
            project_id: 4.try_into().ok(),
            environment_id: 5.try_into().ok(),
            resource_type: Some("function".into()),
            resource_id: 6.try_into().ok(),
            action: "create".into(),
            description: Some("Created \"f\"".into()),
            metadata: Metadata::from_text(r#"{"b":1.0,"a":null}"#.into()).ok(),
            ip_address: "2001:db8::1".parse().ok(),
            user_agent: Some("curl".into()),
            occurred_at: "2024-01-15T10:29:00Z".parse().ok(),
            altered: [("action".to_owned(), Some("Create".to_owned()))].into(),
        }
    }

    #[test]
    fn every_field_is_listed_once_with_its_own_value_those_of_the_client_last() {
        let whole = whole();
        let listed: Vec<_> = FIELDS.iter().map(|field| (field.name, field.of(&whole))).collect();
        assert!(listed.iter().all(|(_, value)| value.is_some()), "{listed:?}");
        let listed: Vec<String> = listed
            .iter()
            .map(|(name, value)| format!("\"{name}\":{}", serde_json::to_string(value).unwrap()))
            .collect();
        let document = serde_json::to_string(&whole).unwrap();
        assert_eq!(format!("{{{}}}", listed.join(",")), document);
        assert_eq!(serde_json::from_str::<Details>(&document).unwrap(), whole);
        assert!(FIELDS.is_sorted_by_key(|field| field.is_of_client));

        let bare = Details { action: "sync".into(), ..Details::default() };
        let given: Vec<_> = FIELDS.iter().filter(|field| field.of(&bare).is_some()).collect();
        assert_eq!(given.len(), 1, "{given:?}");
        assert_eq!(serde_json::from_str::<Details>(r#"{"action":"sync"}"#).unwrap(), bare);
        let document = serde_json::to_string(&bare).unwrap();
        assert_eq!(serde_json::from_str::<Details>(&document).unwrap(), bare);
        assert!(document.ends_with(r#""altered":null}"#), "{document}");
    }

    #[test]
    fn metadata_is_an_object_kept_byte_for_byte_but_for_white_space() {
        let text = "{\"b\": 1.0,\n \"a\":1e2, \"a\": null}";
        let kept = r#"{"b":1.0,"a":1e2,"a":null}"#;
        assert_eq!(Metadata::from_text(text.to_owned()).unwrap().as_text(), kept);
        for text in ["", "[]", "1", "null", "{", "{} {}", "\"{}\""] {
            assert!(Metadata::from_text(text.to_owned()).is_err(), "{text}");
        }
    }
}
