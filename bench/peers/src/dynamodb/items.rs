//! Entries and names as items.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::value::RawValue;

use crate::document::{Entry, Named, User, time};
use crate::{Failure, Name, Record};

/// An item.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The sort key of both indexes: the time and the id of an entry.
pub(super) const SORT_KEY: &str = "createdAtId";

/// The sort key of an entry. The id has as many digits as the largest, so that texts sort as
/// numbers do.
pub(super) fn sort_key(created_at: &str, id: u64) -> String {
    format!("{created_at}#{id:016}")
}

/// The id in a sort key.
pub(super) fn id_of(sort_key: &str) -> Option<u64> {
    sort_key.split_once('#')?.1.parse().ok()
}

/// An entry as the table has it. What is not there is no attribute.
pub(super) fn item(record: &Record) -> Result<Item, Failure> {
    let number = |number: u64| AttributeValue::N(number.to_string());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let user = record.user_id;
    let scope = record.project_id.zip(record.environment_id);
    let scope = scope.map(|(project, environment)| format!("{user}#{project}#{environment}"));
    let attributes = [
        ("id", Some(number(record.id))),
        ("userId", Some(number(user))),
        ("projectId", record.project_id.map(number)),
        ("environmentId", record.environment_id.map(number)),
        ("userProjectEnvironment", scope.as_deref().map(text)),
        ("resourceType", record.resource_type.as_deref().map(text)),
        ("resourceId", record.resource_id.map(number)),
        ("action", Some(text(&record.action))),
        ("description", record.description.as_deref().map(text)),
        ("metadata", record.metadata.as_ref().map(|metadata| text(metadata.get()))),
        ("ipAddress", record.ip_address.map(|address| text(&address.to_string()))),
        ("userAgent", record.user_agent.as_deref().map(text)),
        (SORT_KEY, Some(text(&sort_key(&time(record.created_at)?, record.id)))),
    ];
    let present = attributes.into_iter();
    Ok(present.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

/// An item of the table as an entry.
pub(super) fn entry(item: &Item, names: &HashMap<String, Item>) -> Result<Entry, Failure> {
    let id = |name| number(item, name).map(|number| number.parse()).transpose();
    let (user_id, project_id, environment_id) =
        (id("userId")?, id("projectId")?, id("environmentId")?);
    let (id, resource_id) = (id("id")?, id("resourceId")?);
    let find = |kind: &str, id: Option<u64>| names.get(&format!("{kind}#{}", id?));
    let slug_and_name =
        |item: &Item| Some(Named { slug: text(item, "slug")?, name: text(item, "name")? });
    let user = find("user", user_id);
    let user = user.and_then(|item| {
        let (name, profile_image) = (text(item, "name")?, text(item, "profileImage"));
        Some(User { id: user_id?, name, profile_image })
    });
    let sort_key = text(item, SORT_KEY).ok_or("an entry without a time")?;
    let (created_at, _) = sort_key.split_once('#').ok_or("an entry without a time")?;
    Ok(Entry {
        id: id.ok_or("an entry without an id")?,
        user_id: user_id.ok_or("an entry without a user")?,
        project_id,
        environment_id,
        user,
        project: find("project", project_id).and_then(slug_and_name),
        environment: find("environment", environment_id).and_then(slug_and_name),
        resource_type: text(item, "resourceType"),
        resource_id,
        action: text(item, "action").ok_or("an entry without an action")?,
        description: text(item, "description"),
        metadata: text(item, "metadata").map(RawValue::from_string).transpose()?,
        created_at: created_at.to_owned(),
    })
}

pub(super) fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

pub(super) fn number(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_n().ok().cloned()
}

/// The key of what a project's slug leads to.
pub(super) fn project_slug(user: u64, slug: &str) -> String {
    format!("slug#{user}#{slug}")
}

/// The key of what an environment's slug leads to.
pub(super) fn environment_slug(user: u64, project: impl Display, slug: &str) -> String {
    format!("slug#{user}#{project}#{slug}")
}

/// The items of a name: what it is called, and what its slug leads to.
pub(super) fn name_items(name: &Name) -> Vec<Item> {
    let item = |key: String, id: u64, texts: &[(&str, Option<&String>)]| {
        let texts = texts.iter().filter_map(|(name, text)| Some((*name, (*text)?.clone())));
        let mut item: Item =
            texts.map(|(name, text)| (name.to_owned(), AttributeValue::S(text))).collect();
        item.insert("key".to_owned(), AttributeValue::S(key));
        item.insert("id".to_owned(), AttributeValue::N(id.to_string()));
        item
    };
    match name {
        Name::User { id, name, profile_image } => {
            let texts = [("name", Some(name)), ("profileImage", profile_image.as_ref())];
            vec![item(format!("user#{id}"), *id, &texts)]
        }
        Name::Project { id, user_id, slug, name } => vec![
            item(format!("project#{id}"), *id, &[("slug", Some(slug)), ("name", Some(name))]),
            item(project_slug(*user_id, slug), *id, &[]),
        ],
        Name::Environment { id, user_id, project_id, slug, name } => vec![
            item(format!("environment#{id}"), *id, &[("slug", Some(slug)), ("name", Some(name))]),
            item(environment_slug(*user_id, project_id, slug), *id, &[]),
        ],
    }
}
