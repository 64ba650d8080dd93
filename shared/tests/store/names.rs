//! Names: what is written is what is read, and a slug leads to the newest that has it, to nothing else.

use std::collections::BTreeMap;

use activity_log::directory::NameChange::{Delete, Set};
use activity_log::directory::{Entity, EntityKey, Environment, NameChange, Project, WantedNames};
use activity_log::id::{EnvironmentId, ProjectId};
use activity_log::store::{NamesError, Store, measure};
use activity_log_local::faults::{Fault, Faults, Injection, WRITE};
use activity_log_local::kit::{Log, environment, person, project, user};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const USER: u64 = 3;

fn project_id(id: u64) -> ProjectId {
    id.try_into().unwrap()
}

fn environment_id(id: u64) -> EnvironmentId {
    id.try_into().unwrap()
}

/// Project 4, or another, with a slug.
fn project_with(id: u64, slug: &str) -> NameChange {
    Set(project(USER, id, slug, "Name"))
}

/// An environment of a project with a slug.
fn environment_with(project: u64, id: u64, slug: &str) -> NameChange {
    Set(environment(USER, project, id, slug, "Name"))
}

fn delete_project(id: u64) -> NameChange {
    Delete(EntityKey::Project(user(USER), project_id(id)))
}

fn delete_environment(id: u64) -> NameChange {
    Delete(EntityKey::Environment(user(USER), environment_id(id)))
}

async fn write(log: &Log, changes: &[NameChange]) {
    log.store.write_names(changes).await.unwrap();
}

/// The project that a slug leads to.
async fn found(log: &Log, slug: &str) -> Option<u64> {
    log.store.project_by_slug(user(USER), slug).await.unwrap().map(ProjectId::get)
}

/// The environment of a project that a slug leads to.
async fn found_in(log: &Log, project: u64, slug: &str) -> Option<u64> {
    let project = project_id(project);
    let found = log.store.environment_by_slug(user(USER), project, slug).await.unwrap();
    found.map(EnvironmentId::get)
}

/// The sort keys of all items of the Directory.
async fn sort_keys(log: &Log) -> Vec<String> {
    let scan = log.client.scan().table_name("DirectoryTable").into_paginator().items().send();
    let items = scan.collect::<Result<Vec<_>, _>>().await.unwrap();
    let mut keys: Vec<_> =
        items.iter().map(|item| item["entity"].as_s().unwrap().clone()).collect();
    keys.sort_unstable();
    keys
}

/// All names of the user.
async fn all(log: &Log) -> BTreeMap<EntityKey, Entity> {
    let directory = log.store.directory(user(USER)).await.unwrap();
    let entities = directory.user.into_iter().map(Entity::User);
    let entities = entities.chain(directory.projects.into_values().map(Entity::Project));
    let entities = entities.chain(directory.environments.into_values().map(Entity::Environment));
    entities.map(|entity| (entity.key(), entity)).collect()
}

#[tokio::test]
async fn a_rename_takes_the_old_slug_away() {
    let log = Log::new().await;
    write(&log, &[project_with(4, "old"), environment_with(4, 9, "old")]).await;
    assert_eq!((found(&log, "old").await, found_in(&log, 4, "old").await), (Some(4), Some(9)));
    write(&log, &[project_with(4, "new"), environment_with(4, 9, "new")]).await;
    assert_eq!((found(&log, "old").await, found_in(&log, 4, "old").await), (None, None));
    assert_eq!((found(&log, "new").await, found_in(&log, 4, "new").await), (Some(4), Some(9)));
    assert_eq!(
        sort_keys(&log).await,
        [
            "environment#9",
            "project#4",
            "slug#environment#4#new#0000000000000009",
            "slug#project#new#0000000000000004"
        ]
    );
}

#[tokio::test]
async fn what_is_deleted_has_no_name_and_no_slug_and_its_environments_keep_theirs() {
    let log = Log::new().await;
    write(&log, &[Set(person(USER, "Ada")), project_with(4, "p"), environment_with(4, 9, "e")])
        .await;
    write(&log, &[delete_project(4)]).await;
    assert_eq!(found(&log, "p").await, None);
    assert_eq!(found_in(&log, 4, "e").await, Some(9));
    write(&log, &[delete_environment(9), Delete(EntityKey::User(user(USER)))]).await;
    assert_eq!(sort_keys(&log).await, [""; 0]);
    // Once more is no error, and neither is what never was.
    write(&log, &[delete_project(4), delete_environment(9), delete_project(5)]).await;
}

#[tokio::test]
async fn a_slug_used_again_leads_to_the_newest_and_back_when_that_one_is_gone() {
    let log = Log::new().await;
    // Nine is newer than four, whichever is written last; so is ten, though its text sorts first.
    write(&log, &[project_with(9, "p"), environment_with(9, 9, "e")]).await;
    write(&log, &[project_with(4, "p"), environment_with(9, 4, "e")]).await;
    assert_eq!((found(&log, "p").await, found_in(&log, 9, "e").await), (Some(9), Some(9)));
    write(&log, &[project_with(10, "p"), environment_with(9, 10, "e")]).await;
    assert_eq!((found(&log, "p").await, found_in(&log, 9, "e").await), (Some(10), Some(10)));
    write(&log, &[delete_project(10), environment_with(9, 10, "other")]).await;
    assert_eq!((found(&log, "p").await, found_in(&log, 9, "e").await), (Some(9), Some(9)));
    write(&log, &[project_with(9, "other"), delete_environment(9)]).await;
    assert_eq!((found(&log, "p").await, found_in(&log, 9, "e").await), (Some(4), Some(4)));
}

#[tokio::test]
async fn an_environment_that_is_moved_is_found_in_its_new_project_only() {
    let log = Log::new().await;
    write(&log, &[environment_with(4, 9, "e"), environment_with(5, 8, "e")]).await;
    write(&log, &[environment_with(5, 9, "e")]).await;
    assert_eq!((found_in(&log, 4, "e").await, found_in(&log, 5, "e").await), (None, Some(9)));
}

#[tokio::test]
async fn slugs_of_any_letters_are_told_apart_and_belong_to_their_user() {
    let log = Log::new().await;
    let longest = "é%#/".repeat(51);
    let slugs = [
        "a",
        "a#",
        "a#0000000000000004",
        "a%",
        "a%23",
        "A",
        "x/y?z#",
        "#",
        "%",
        "%25",
        "é",
        "e\u{301}",
        "日本",
        " ",
        "\u{0}",
        &longest,
    ];
    let changes = slugs.iter().zip(1..).flat_map(|(slug, id)| {
        [
            project_with(id, slug),
            environment_with(4, id, slug),
            environment_with(44, 100 + id, slug),
        ]
    });
    write(&log, &changes.collect::<Vec<_>>()).await;
    for (slug, id) in slugs.iter().zip(1..) {
        assert_eq!(found(&log, slug).await, Some(id), "{slug}");
        assert_eq!(found_in(&log, 4, slug).await, Some(id), "{slug}");
        assert_eq!(found_in(&log, 44, slug).await, Some(100 + id), "{slug}");
        assert_eq!(log.store.project_by_slug(user(30), slug).await.unwrap(), None, "{slug}");
    }
    // What no name can have is not looked for.
    for slug in ["", &"x".repeat(256), &"#".repeat(8_000)] {
        let (found, usage) = measure(log.store.project_by_slug(user(USER), slug)).await;
        assert_eq!((found.unwrap(), usage.calls), (None, 0));
        let (found, usage) =
            measure(log.store.environment_by_slug(user(USER), project_id(4), slug)).await;
        assert_eq!((found.unwrap(), usage.calls), (None, 0));
    }
}

#[tokio::test]
async fn a_name_that_breaks_a_limit_is_refused_before_anything_is_written() {
    let log = Log::new().await;
    let text = "x".repeat(1_025);
    for (change, message) in [
        (project_with(4, ""), "project 4 of user 3: slug must be 1 to 255 bytes, not 0"),
        (
            environment_with(4, 9, &text[..256]),
            "environment 9 of user 3: slug must be 1 to 255 bytes, not 256",
        ),
        (Set(person(USER, &text)), "user 3: name must be at most 1024 bytes, not 1025"),
    ] {
        let changes = [project_with(5, "good"), change];
        let (refused, usage) = measure(log.store.write_names(&changes)).await;
        assert_eq!(refused.unwrap_err().to_string(), message);
        assert_eq!(usage.calls, 0);
    }
    assert_eq!(sort_keys(&log).await, [""; 0]);
}

#[tokio::test]
async fn the_last_of_several_changes_counts_and_what_is_there_is_not_written_again() {
    let log = Log::new().await;
    let changes = [project_with(4, "a"), delete_project(4), project_with(4, "b")];
    write(&log, &changes).await;
    assert_eq!((found(&log, "a").await, found(&log, "b").await), (None, Some(4)));
    let (written, usage) = measure(log.store.write_names(&changes)).await;
    written.unwrap();
    assert_eq!(usage.calls, 1, "one read");
    let retitled = Set(project(USER, 4, "b", "New"));
    write(&log, &[retitled]).await;
    assert_eq!(found(&log, "b").await, Some(4));
    assert_eq!(measure(log.store.write_names(&[])).await.1.calls, 0);
}

#[tokio::test]
async fn only_what_is_wanted_is_read_in_one_round_trip() {
    let log = Log::new().await;
    let ids = 1..=300;
    let changes = ids.clone().flat_map(|id| {
        let slug = format!("s{id}");
        [project_with(id, &slug), environment_with(id, 1_000 + id, &slug)]
    });
    let changes: Vec<_> = changes.chain([Set(person(USER, "Ada"))]).collect();
    write(&log, &changes).await;
    assert_eq!(all(&log).await.len(), 601);

    let wanted = WantedNames {
        has_user: true,
        projects: (1..=120).map(project_id).collect(),
        // Of which one is not there.
        environments: [1_001, 1_300, 1_301].map(environment_id).into(),
    };
    let (names, usage) = measure(log.store.names(user(USER), &wanted)).await;
    let names = names.unwrap();
    assert!(names.user.is_some() && names.projects.keys().copied().eq((1..=120).map(project_id)));
    assert!(names.environments.keys().copied().eq([1_001, 1_300].map(environment_id)));
    assert_eq!(usage.round_trips, 1, "{usage:?}");

    let nothing = measure(log.store.names(user(USER), &WantedNames::default())).await;
    assert_eq!(nothing.1.calls, 0);
    let (found, usage) = measure(log.store.project_by_slug(user(USER), "s7")).await;
    assert_eq!(found.unwrap(), Some(project_id(7)));
    assert_eq!(usage.round_trips, 1);
}

#[tokio::test]
async fn an_item_that_cannot_be_decoded_is_an_error_that_names_it_and_the_attribute() {
    let log = Log::new().await;
    let put = async |entity: &str, attributes: &[(&str, AttributeValue)]| {
        let mut put = log.client.put_item().table_name("DirectoryTable");
        put = put.item("userId", AttributeValue::N("3".into()));
        put = put.item("entity", AttributeValue::S(entity.into()));
        for (name, value) in attributes {
            put = put.item(*name, value.clone());
        }
        put.send().await.unwrap();
    };
    let text = AttributeValue::S("x".into());
    put("project#4", &[("name", text.clone())]).await;
    put(
        "environment#9",
        &[("name", text.clone()), ("slug", text), ("projectId", AttributeValue::N("0".into()))],
    )
    .await;
    put("slug#project#x#4", &[]).await;
    let projects = WantedNames { projects: [project_id(4)].into(), ..WantedNames::default() };
    let environments =
        WantedNames { environments: [environment_id(9)].into(), ..WantedNames::default() };
    let store = &log.store;
    for (error, item, reason) in [
        (store.names(user(USER), &projects).await.unwrap_err(), "project#4", "slug is missing"),
        (
            store.names(user(USER), &environments).await.unwrap_err(),
            "environment#9",
            "projectId is out of range: 0",
        ),
        (
            store.project_by_slug(user(USER), "x").await.unwrap_err(),
            "slug#project#x#4",
            "it is not what was asked for",
        ),
        (store.directory(user(USER)).await.unwrap_err(), "environment#9", "projectId"),
    ] {
        let start =
            format!("Directory item with userId 3, entity {item} cannot be decoded: {reason}");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
    assert!(store.write_names(&[project_with(4, "y")]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_rename_one_entity_at_once_none_leaves_a_slug_behind() {
    let log = Log::new().await;
    for round in 0..5 {
        let slugs: Vec<_> = (0..8).map(|number| format!("r{round}n{number}")).collect();
        let renames = slugs.iter().map(async |slug| {
            write(&log, &[project_with(4, slug), environment_with(4, 9, slug)]).await;
        });
        join_all(renames).await;
        let (names, keys) = (all(&log).await, sort_keys(&log).await);
        assert_eq!((names.len(), keys.len()), (2, 4), "{keys:?}");
        for slug in slugs {
            let has_slug = names.values().filter(|entity| match entity {
                Entity::Project(Project { slug: its, .. })
                | Entity::Environment(Environment { slug: its, .. }) => *its == slug,
                Entity::User(_) => false,
            });
            let has_slug = has_slug.count();
            let leads = usize::from(found(&log, &slug).await.is_some())
                + usize::from(found_in(&log, 4, &slug).await.is_some());
            assert_eq!(leads, has_slug, "{slug}");
        }
    }
}

/// Writes changes until it is known that they are written, as a platform would.
async fn write_through(store: &Store, faults: &Faults, changes: &[NameChange]) {
    for _ in 0..20 {
        match store.write_names(changes).await {
            Ok(()) => return faults.settle().await,
            Err(NamesError::Store(error)) => assert!(error.is_transient(), "{error:?}"),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it is never written");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_at_whatever_step_a_name_is_written_or_can_be_written_again() {
    let log = Log::new().await;
    let faults = Faults::new(1);
    let store = faults.store(&log.engine.endpoint());
    let mut last = "first".to_owned();
    write(&log, &[project_with(4, &last)]).await;
    for fault in Fault::SURVIVABLE {
        for after in 0..2 {
            for times in [1, 5] {
                let injection = Injection { fault, operation: None, after, times };
                faults.inject(Some(injection));
                let slug = format!("{fault:?}{after}{times}");
                write_through(&store, &faults, &[project_with(4, &slug)]).await;
                faults.inject(None);
                assert_eq!(found(&log, &slug).await, Some(4), "{injection:?}");
                assert_eq!(found(&log, &last).await, None, "{injection:?}");
                assert_eq!(sort_keys(&log).await.len(), 2, "{injection:?}");
                last = slug;
            }
        }
    }
    for fault in Fault::SURVIVABLE {
        assert!(faults.counts().contains_key(&fault), "{fault:?} was never met");
    }
}

#[tokio::test]
async fn a_writer_that_others_always_come_before_gives_up_with_an_error_that_passes() {
    let log = Log::new().await;
    let faults = Faults::new(2);
    let store = faults.store(&log.engine.endpoint());
    let times = u64::MAX;
    faults.inject(Some(Injection {
        fault: Fault::Conflict,
        operation: Some(WRITE),
        after: 0,
        times,
    }));
    let (written, usage) = measure(store.write_names(&[project_with(4, "p")])).await;
    let NamesError::Store(error) = written.unwrap_err() else { panic!("no limit is broken") };
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(usage.calls, 24, "twelve tries, each a read and a write");
    assert_eq!(sort_keys(&log).await, [""; 0]);
}

const SLUGS: [&str; 4] = ["a", "a#", "a%23", "b"];

fn change() -> impl Strategy<Value = NameChange> {
    let slug = (0..SLUGS.len()).prop_map(|index| SLUGS[index]);
    let title = (0_u8..3).prop_map(|title| title.to_string());
    prop_oneof![
        1 => title.clone().prop_map(|title| Set(person(USER, &title))),
        1 => Just(Delete(EntityKey::User(user(USER)))),
        4 => (8_u64..12, slug.clone(), title.clone())
            .prop_map(|(id, slug, title)| Set(project(USER, id, slug, &title))),
        2 => (8_u64..12).prop_map(delete_project),
        4 => (8_u64..10, 8_u64..12, slug, title)
            .prop_map(|(project, id, slug, title)| Set(environment(USER, project, id, slug, &title))),
        2 => (8_u64..12).prop_map(delete_environment),
    ]
}

/// Does the changes to the Directory and to a map, whatever fails, and compares the two.
async fn check(batches: Vec<Vec<NameChange>>, chance: f64) -> Result<(), TestCaseError> {
    let log = Log::new().await;
    let faults = Faults::new(3);
    let store = faults.store(&log.engine.endpoint());
    let mut model: BTreeMap<EntityKey, Entity> = BTreeMap::new();
    for batch in batches {
        faults.at_random(chance);
        write_through(&store, &faults, &batch).await;
        faults.at_random(0.0);
        for change in batch {
            match change {
                Set(entity) => model.insert(entity.key(), entity),
                Delete(key) => model.remove(&key),
            };
        }
        prop_assert_eq!(&all(&log).await, &model);
        let slugs = model.values().filter(|entity| !matches!(entity, Entity::User(_))).count();
        prop_assert_eq!(sort_keys(&log).await.len(), model.len() + slugs);
        for slug in SLUGS {
            let newest = model.values().filter_map(|entity| match entity {
                Entity::Project(project) if project.slug == slug => Some(project.id.get()),
                _ => None,
            });
            prop_assert_eq!(found(&log, slug).await, newest.max(), "{}", slug);
            for project in 8..10 {
                let newest = model.values().filter_map(|entity| match entity {
                    Entity::Environment(one)
                        if one.project_id.get() == project && one.slug == slug =>
                    {
                        Some(one.id.get())
                    }
                    _ => None,
                });
                prop_assert_eq!(found_in(&log, project, slug).await, newest.max(), "{}", slug);
            }
        }
    }
    Ok(())
}

#[test]
fn random_changes_leave_what_a_plain_map_has_and_every_slug_leads_to_its_newest() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cases = std::env::var("PROPTEST_CASES").map_or(16, |cases| cases.parse().unwrap());
    for chance in [0.0, 0.15] {
        let mut runner = TestRunner::new(Config { cases, ..Config::default() });
        let batches = prop::collection::vec(prop::collection::vec(change(), 1..8), 1..12);
        let checked = runner.run(&batches, |batches| runtime.block_on(check(batches, chance)));
        checked.unwrap_or_else(|error| panic!("{error}"));
    }
}
