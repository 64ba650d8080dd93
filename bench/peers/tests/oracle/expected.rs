//! The entries, and what the API says of them, from a plain list.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bench::{START, body};
use peers::document::time;
use peers::{Name, Record};
use serde_json::{Value, json};

/// How many entries there are, of two users.
const ENTRIES: u64 = 1_000;

/// The caller: the one of the tokens in `events/`.
pub(crate) const USER: u64 = 3;

pub(crate) fn names() -> Vec<Name> {
    let project = |id, slug: &str, name: &str| Name::Project {
        id,
        user_id: USER,
        slug: slug.to_owned(),
        name: name.to_owned(),
    };
    let environment = |id, project_id, slug: &str, name: &str| Name::Environment {
        id,
        user_id: USER,
        project_id,
        slug: slug.to_owned(),
        name: name.to_owned(),
    };
    vec![
        Name::User {
            id: USER,
            name: "John Doe".to_owned(),
            profile_image: Some("https://example.com/profile.jpg".to_owned()),
        },
        project(4, "my-project", "My Project"),
        project(5, "other", "Other"),
        environment(4, 4, "production", "Production"),
        environment(6, 4, "staging", "Staging"),
        environment(7, 5, "production", "Production"),
    ]
}

/// Entries of two users, oldest first. Several are of one time, many are without a type, one action is
/// of one entry alone, and some name things that have no name.
pub(crate) fn records() -> Vec<Record> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut ids: Vec<u64> = (1..=ENTRIES).map(|number| number * 9_007_199_254_740).collect();
    random.shuffle(&mut ids);
    let mut created_at = START;
    let record = |(number, id)| {
        created_at += random.i64(0..3) * 500;
        let mut message = body(number);
        message["userId"] = random.choice([USER, USER, USER, 8]).into();
        let scope = random.choice([(4, 4), (4, 6), (5, 7), (9, 9)]).unwrap_or_default();
        (message["projectId"], message["environmentId"]) = (scope.0.into(), scope.1.into());
        message["resourceType"] =
            random.choice([json!("function"), json!("database"), Value::Null]).into();
        message["action"] = random.choice(["create", "update", "invoke", "sync"]).into();
        match number % 5 {
            0 => message["metadata"] = Value::Null,
            1 => {
                message["metadata"] =
                    json!({"text": "é \" \u{1f600}", "list": [1, 2.5, null, {"a": true}]});
            }
            2 => message["description"] = Value::Null,
            3 => message["environmentId"] = Value::Null,
            _ => {}
        }
        if number == 500 {
            message["userId"] = USER.into();
            message["action"] = "delete".into();
        }
        Record::parse(&message.to_string(), id, created_at).unwrap()
    };
    (0..ENTRIES).zip(ids).map(record).collect()
}

/// An entry as the API shows it.
pub(crate) fn shown(record: &Record) -> Value {
    let slug_and_name = |name: Option<Name>| match name {
        Some(Name::Project { slug, name, .. } | Name::Environment { slug, name, .. }) => {
            json!({"slug": slug, "name": name})
        }
        _ => Value::Null,
    };
    let find = |is_wanted: &dyn Fn(&Name) -> bool| names().into_iter().find(|name| is_wanted(name));
    let project =
        find(&|name| matches!(name, Name::Project { id, .. } if Some(*id) == record.project_id));
    let environment = find(
        &|name| matches!(name, Name::Environment { id, .. } if Some(*id) == record.environment_id),
    );
    let user = match find(&|name| matches!(name, Name::User { id, .. } if *id == record.user_id)) {
        Some(Name::User { id, name, profile_image }) => {
            json!({"id": id, "name": name, "profileImage": profile_image})
        }
        _ => Value::Null,
    };
    json!({
        "id": record.id,
        "userId": record.user_id,
        "projectId": record.project_id,
        "environmentId": record.environment_id,
        "user": user,
        "project": slug_and_name(project),
        "environment": slug_and_name(environment),
        "resourceType": record.resource_type,
        "resourceId": record.resource_id,
        "action": record.action,
        "description": record.description,
        "metadata": record.metadata,
        "createdAt": time(record.created_at).unwrap(),
    })
}

/// A list of the caller's entries: those that are wanted, newest first.
pub(crate) fn list(records: &[Record], is_wanted: impl Fn(&Record) -> bool) -> Vec<Record> {
    let is_wanted = |record: &&Record| record.user_id == USER && is_wanted(record);
    let mut list: Vec<_> = records.iter().filter(is_wanted).cloned().collect();
    list.sort_by_key(|record| Reverse((record.created_at, record.id)));
    list
}

/// The document of a page of a list.
pub(crate) fn page(list: &[Record], limit: usize, offset: usize) -> Value {
    let shown: Vec<_> = list.iter().skip(offset).take(limit).map(shown).collect();
    let pagination = json!({
        "total": list.len(),
        "limit": limit,
        "offset": offset,
        "hasMore": offset + shown.len() < list.len(),
    });
    json!({
        "message": "Activities retrieved successfully",
        "data": shown,
        "pagination": pagination,
    })
}

/// The values of a facet of a list, as the API gives them.
pub(crate) fn facet(list: &[Record], value: impl Fn(&Record) -> Option<String>) -> Value {
    let mut counts = BTreeMap::new();
    for record in list {
        *counts.entry(value(record)).or_insert(0) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    counts.into_iter().map(|(value, count)| json!({"value": value, "count": count})).collect()
}
