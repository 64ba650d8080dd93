//! The lines that `import` reads and `export` writes.

use std::collections::BTreeMap;
use std::fmt;

use activity_log::activity::{Activity, Altered, Details, FIELDS, NewActivity};
use activity_log::directory::{Entity, EntityKey, Environment, NameChange, Project, User};
use activity_log::id::{ActivityId, EnvironmentId, ProjectId, UserId};
use activity_log::message::{Message, well_formed};
use activity_log::store::{Draft, Placement};
use activity_log::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One line, read.
#[derive(Debug)]
pub(crate) enum Line {
    /// Something to import.
    Record(Record),
    /// The end of an export.
    End(End),
}

/// Something to import.
#[derive(Debug)]
pub(crate) enum Record {
    /// A name, or the end of one.
    Name(NameChange),
    /// An entry.
    Activity(Box<Entry>),
}

/// An entry, and whose.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) user: UserId,
    pub(crate) draft: Draft,
    /// Whether it says something else than the line.
    pub(crate) is_repaired: bool,
    /// Members of the line that mean nothing.
    pub(crate) ignored: Vec<String>,
}

/// What an export ends with: how many lines there were before it. A file without it may be the
/// beginning of an export that broke off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    pub(crate) activities: u64,
    pub(crate) names: u64,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} activities and {} names", self.activities, self.names)
    }
}

/// The last line of an export, as it is written and read.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum EndLine {
    End(End),
}

/// A name, as it is written and read.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum EntityLine {
    User(User),
    Project(Project),
    Environment(Environment),
}

/// The end of a name, as it is read: of the project or the environment that it says, else of the user.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeleteLine {
    #[serde(rename = "type")]
    _type: Kind,
    user_id: UserId,
    #[serde(default)]
    project_id: Option<ProjectId>,
    #[serde(default)]
    environment_id: Option<EnvironmentId>,
}

/// An entry, as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityLine {
    r#type: Kind,
    id: ActivityId,
    user_id: UserId,
    #[serde(flatten)]
    details: Details,
    created_at: Timestamp,
}

/// What the line of an entry has besides the entry's [`Details`]. Only `id` is optional.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Own {
    #[serde(default)]
    id: Option<ActivityId>,
    user_id: UserId,
    created_at: Timestamp,
}

/// The names of all members that a line has besides the entry's [`Details`].
const OWN: [&str; 4] = ["type", "id", "userId", "createdAt"];

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    User,
    Project,
    Environment,
    Delete,
    Activity,
    End,
}

/// Just enough of a line to tell what it is.
#[derive(Deserialize)]
struct Typed {
    r#type: Kind,
}

/// What the line of an entry has besides the members of a message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    #[serde(default)]
    id: Option<ActivityId>,
    #[serde(default)]
    altered: Option<Altered>,
    created_at: Timestamp,
}

/// What is wrong with a JSON array.
const ARRAY: &str = "is a JSON array, and each line must be an object of its own (`jq -c '.[]'` makes \
                     lines of an array)";

/// What is wrong with half of a surrogate pair.
const HALF_PAIR: &str = "has half of a surrogate pair, which --repair replaces in an activity";

impl Line {
    /// Reads a line; that of an entry is repaired if `is_repairing`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str, is_repairing: bool) -> Result<Self, String> {
        if text.starts_with('[') {
            return Err(ARRAY.to_owned());
        }
        if text.ends_with(',') {
            return Err("ends with a comma, and each line must be an object of its own".to_owned());
        }
        let fixed = well_formed(text);
        let Typed { r#type } = serde_json::from_str(&fixed).map_err(reason)?;
        match r#type {
            Kind::Activity if is_repairing => Self::repaired(text),
            _ if fixed != text => Err(HALF_PAIR.to_owned()),
            Kind::Activity => Self::strict(text),
            Kind::User | Kind::Project | Kind::Environment => {
                let entity = match serde_json::from_str(text).map_err(reason)? {
                    EntityLine::User(user) => Entity::User(user),
                    EntityLine::Project(project) => Entity::Project(project),
                    EntityLine::Environment(environment) => Entity::Environment(environment),
                };
                entity.validate().map_err(|error| error.to_string())?;
                Ok(Self::Record(Record::Name(NameChange::Set(entity))))
            }
            Kind::Delete => {
                let line: DeleteLine = serde_json::from_str(text).map_err(reason)?;
                Ok(Self::Record(Record::Name(NameChange::Delete(line.key()?))))
            }
            Kind::End => {
                let EndLine::End(end) = serde_json::from_str(text).map_err(reason)?;
                Ok(Self::End(end))
            }
        }
    }

    /// Reads the line of an entry, which must be within all limits.
    fn strict(text: &str) -> Result<Self, String> {
        let Own { id, user_id: user, created_at } = serde_json::from_str(text).map_err(reason)?;
        let mut details: Details = serde_json::from_str(text).map_err(reason)?;
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(reason)?;
        let is_known =
            |name: &str| OWN.contains(&name) || FIELDS.iter().any(|field| field.name == name);
        if let Some(name) = members.keys().find(|name| !is_known(name)) {
            return Err(format!("unknown field `{name}`"));
        }
        // As an entry has it.
        details.occurred_at = details.occurred_at.filter(|time| *time != created_at);
        let activity = NewActivity { details, idempotency_key: None };
        let draft = Draft { activity, placement: Placement::Kept { created_at, id } };
        draft.activity.validate().map_err(|error| error.to_string())?;
        let now = Timestamp::now();
        for (field, time) in
            [("createdAt", Some(created_at)), ("occurredAt", draft.activity.details.occurred_at)]
        {
            if time > Some(now) {
                return Err(format!("{field} is later than now"));
            }
        }
        let entry = Entry { user, draft, is_repaired: false, ignored: Vec::new() };
        Ok(Self::Record(Record::Activity(Box::new(entry))))
    }

    /// Reads the line of an entry as the queue would a message. Its place in the log must be right.
    fn repaired(text: &str) -> Result<Self, String> {
        let place = serde_json::from_str(&well_formed(text)).map_err(reason)?;
        let Place { id, altered, created_at } = place;
        if created_at > Timestamp::now() {
            return Err("createdAt is later than now".to_owned());
        }
        let message = Message::parse(text).map_err(|error| error.to_string())?;
        let (user, mut activity) = (message.user_id, message.activity);
        activity.idempotency_key = None;
        let details = &mut activity.details;
        details.repair_time(created_at);
        details.occurred_at = details.occurred_at.filter(|time| *time != created_at);
        let is_repaired = !details.altered.is_empty();
        // What came first came before this line was written.
        details.altered.extend(altered.unwrap_or_default());
        activity.repair().map_err(|error| error.to_string())?;
        let draft = Draft { activity, placement: Placement::Kept { created_at, id } };
        let is_own = |name: &String| name == "altered" || OWN.contains(&name.as_str());
        let ignored = message.ignored.into_iter().filter(|name| !is_own(name)).collect();
        let entry = Entry { user, draft, is_repaired, ignored };
        Ok(Self::Record(Record::Activity(Box::new(entry))))
    }
}

impl DeleteLine {
    fn key(&self) -> Result<EntityKey, String> {
        match (self.project_id, self.environment_id) {
            (None, None) => Ok(EntityKey::User(self.user_id)),
            (Some(project), None) => Ok(EntityKey::Project(self.user_id, project)),
            (None, Some(environment)) => Ok(EntityKey::Environment(self.user_id, environment)),
            (Some(_), Some(_)) => {
                Err("projectId and environmentId cannot be given together".to_owned())
            }
        }
    }
}

impl From<Activity> for ActivityLine {
    fn from(Activity { id, user_id, created_at, details }: Activity) -> Self {
        Self { r#type: Kind::Activity, id, user_id, details, created_at }
    }
}

/// A JSON error without its "at line 1": the caller knows the line.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn reason(error: serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line 1 ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_activity_is_read_back_as_it_was_written() {
        let text = concat!(
            r#"{"type":"activity","id":1,"userId":3,"projectId":4,"environmentId":4,"#,
            r#""resourceType":"function","resourceId":5,"action":"create","description":"d","#,
            r#""metadata":{"b":1.0,"a":null},"ipAddress":"203.0.113.9","userAgent":"curl","#,
            r#""occurredAt":"2024-01-15T10:29:00.000Z","altered":{"action":"Create"},"#,
            r#""createdAt":"2024-01-15T10:30:00.000Z"}"#
        );
        let read = |text: &str| {
            let Ok(Line::Record(Record::Activity(entry))) = Line::parse(text, false) else {
                panic!("{text}")
            };
            let Draft { activity, placement } = entry.draft;
            let Placement::Kept { created_at, id: Some(id) } = placement else { panic!("{text}") };
            Activity { id, user_id: entry.user, created_at, details: activity.details }
        };
        let activity = read(text);
        let written = serde_json::to_string(&ActivityLine::from(activity.clone())).unwrap();
        assert_eq!(written, text);
        let bare = r#"{"type":"activity","id":1,"userId":3,"action":"a","createdAt":"2024-01-15T10:30:00Z"}"#;
        let bare = read(bare);
        assert_eq!(bare.details, Details { action: "a".to_owned(), ..Details::default() });
        let written = serde_json::to_string(&ActivityLine::from(bare.clone())).unwrap();
        assert_eq!(read(&written), bare);
    }

    #[test]
    fn a_name_is_deleted_of_what_the_line_says_and_else_of_the_user() {
        let user: UserId = 3.try_into().unwrap();
        for (text, key) in [
            (r#"{"type":"delete","userId":3}"#, EntityKey::User(user)),
            (
                r#"{"type":"delete","userId":3,"projectId":4}"#,
                EntityKey::Project(user, 4.try_into().unwrap()),
            ),
            (
                r#"{"type":"delete","userId":3,"environmentId":9}"#,
                EntityKey::Environment(user, 9.try_into().unwrap()),
            ),
        ] {
            let Ok(Line::Record(Record::Name(change))) = Line::parse(text, false) else {
                panic!("{text}")
            };
            assert_eq!(change, NameChange::Delete(key));
        }
    }

    #[test]
    fn a_bad_line_says_what_is_wrong_with_it() {
        for (text, word) in [
            ("", "EOF"),
            ("{", "EOF"),
            (r#"{"id":1}"#, "type"),
            (r#"{"type":"role"}"#, "role"),
            (r#"{"type":"user","id":3}"#, "name"),
            (r#"{"type":"user","id":3,"name":"n","email":"e"}"#, "email"),
            (r#"{"type":"project","id":0,"userId":3,"slug":"s","name":"n"}"#, "from 1"),
            (r#"{"type":"project","id":4,"userId":3,"slug":"","name":"n"}"#, "slug"),
            (r#"{"type":"delete"}"#, "userId"),
            (r#"{"type":"delete","userId":3,"projectId":4,"environmentId":9}"#, "together"),
            (r#"{"type":"delete","userId":3,"id":4}"#, "unknown field `id`"),
            (r#"{"type":"activity","userId":3,"action":"create"}"#, "createdAt"),
            (
                r#"{"type":"activity","userId":3,"createdAt":"2024-01-15T10:30:00Z"}"#,
                "missing field `action`",
            ),
            (
                r#"{"type":"activity","userId":3,"action":"a","createdAt":"2024-01-15T10:30:00Z","idempotencyKey":"k"}"#,
                "unknown field `idempotencyKey`",
            ),
            (
                r#"{"type":"activity","userId":3,"action":"a","action":"a","createdAt":"2024-01-15T10:30:00Z"}"#,
                "duplicate field `action`",
            ),
            (
                r#"{"type":"activity","userId":3,"action":"A","createdAt":"2024-01-15T10:30:00Z"}"#,
                "action",
            ),
            (r#"{"type":"activity","userId":3,"action":"a","createdAt":"yesterday"}"#, "RFC 3339"),
        ] {
            let reason = Line::parse(text, false).unwrap_err();
            assert!(reason.contains(word), "{text}: {reason}");
        }
    }
}
