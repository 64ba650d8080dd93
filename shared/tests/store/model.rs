//! Random logs, random pages, and a plain `Vec` that says what each must show.

use std::collections::BTreeSet;
use std::time::Duration;

use activity_log::logger::ActivityLogger;
use activity_log::store::{Order, Page, PageError, PageRequest, Start, Store, TimeRange};
use activity_log::view::{Facet, Filter, Scope, View};
use activity_log::{Activity, Details, NewActivity};
use activity_log_local::faults::Faults;
use activity_log_local::kit::{Log, START, filtered, millis, user, whole};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Some activities of one user, recorded together after the clock has moved.
#[derive(Clone, Debug)]
struct Batch {
    user: u64,
    clock: i64,
    activities: Vec<NewActivity>,
}

/// A page to ask for; ids and times are drawn near those that occur.
#[derive(Clone, Debug)]
struct Question {
    view: View,
    range: TimeRange,
    order: Order,
    offset: u64,
    limit: usize,
    walk: bool,
    is_whole: bool,
}

/// What DynamoDB does while it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// What was written can be read.
    Fair,
    /// Indexes show some entries late.
    Lag,
    /// Tables are read as they were, and indexes show some entries late.
    Stale,
    /// All that, and calls fail.
    Storm,
}

const TYPES: [&str; 3] = ["function", "database", "bucket"];
const ACTIONS: [&str; 4] = ["create", "invoke", "delete", "sync"];

fn activity() -> impl Strategy<Value = NewActivity> {
    let place = (0_u64..4, prop::option::weighted(0.7, 1_u64..3));
    let kind = (prop::option::weighted(0.8, 0_usize..2), 0_usize..3);
    (place, kind, prop::option::weighted(0.3, -20_i64..20)).prop_map(
        |((project, environment), (resource_type, action), occurred)| {
            let details = Details {
                project_id: project.try_into().ok(),
                // An environment's id is unique among all projects.
                environment_id: environment
                    .filter(|_| project > 0)
                    .and_then(|environment| (project * 10 + environment).try_into().ok()),
                resource_type: resource_type.map(|kind| TYPES[kind].to_owned()),
                occurred_at: occurred.map(|by| millis(START + by)),
                ..NewActivity::new(ACTIONS[action]).details
            };
            NewActivity { details, idempotency_key: None }
        },
    )
}

fn batch() -> impl Strategy<Value = Batch> {
    let activities = prop::collection::vec(activity(), 1..110);
    // One user has most of the log, so that pages pass several blocks.
    (prop_oneof![5 => Just(1_u64), 1 => 2_u64..4], -1_i64..6, activities)
        .prop_map(|(user, clock, activities)| Batch { user, clock, activities })
}

fn facet(names: &'static [&'static str], nothing: bool) -> impl Strategy<Value = Facet> {
    let name = move || {
        let name = prop::sample::select(names).prop_map(|name| Some(name.to_owned()));
        if nothing { prop_oneof![4 => name, 1 => Just(None)].boxed() } else { name.boxed() }
    };
    let values = move || prop::collection::btree_set(name(), 0..3);
    let only = prop::option::weighted(0.5, values());
    let except = prop_oneof![2 => Just(BTreeSet::new()), 1 => values()];
    (only, except)
        .prop_map(|(only, except)| Facet { only: only.filter(|only| !only.is_empty()), except })
}

fn view() -> impl Strategy<Value = View> {
    let scope = (prop_oneof![6 => Just(1_u64), 1 => 2_u64..5], 0_u64..3, 1_u64..4, 1_u64..3)
        .prop_map(|(id, kind, project, environment)| match kind {
            0 => Scope::User(user(id)),
            1 => Scope::Project(user(id), project.try_into().unwrap()),
            _ => Scope::Environment(user(id), (project * 10 + environment).try_into().unwrap()),
        });
    let filter = prop_oneof![
        1 => Just(Filter::default()),
        3 => (facet(&TYPES, true), facet(&ACTIONS, false))
            .prop_map(|(resource_type, action)| Filter { resource_type, action }),
    ];
    (scope, filter).prop_map(|(scope, filter)| View { scope, filter })
}

fn question() -> impl Strategy<Value = Question> {
    let time = || prop::option::weighted(0.3, (-5_i64..40).prop_map(|by| millis(START + by)));
    let order = prop_oneof![Just(Order::NewestFirst), Just(Order::OldestFirst)];
    // Many of them next to the edge of a block.
    let near_edge = (1_u64..8, 0_u64..3).prop_map(|(number, by)| number * 64 + by - 1);
    let offset = prop_oneof![2 => Just(0), 3 => 0_u64..30, 3 => 0_u64..500, 3 => near_edge];
    let limit = prop_oneof![6 => 0_usize..45, 1 => 45_usize..300];
    (view(), time(), time(), order, offset, limit, any::<bool>(), any::<bool>()).prop_map(
        |(view, since, until, order, offset, limit, walk, is_whole)| Question {
            view,
            range: TimeRange { since, until },
            order,
            offset,
            limit,
            walk,
            is_whole,
        },
    )
}

fn weather() -> impl Strategy<Value = Weather> {
    prop::sample::select(&[Weather::Fair, Weather::Lag, Weather::Stale, Weather::Storm])
}

/// What of the model is in a view and range, oldest first.
fn select(log: &[Activity], question: &Question) -> Vec<Activity> {
    let View { scope, filter } = &question.view;
    let is_in_scope = |activity: &Activity| match *scope {
        Scope::User(_) => true,
        Scope::Project(_, project) => activity.details.project_id == Some(project),
        Scope::Environment(_, environment) => activity.details.environment_id == Some(environment),
    };
    let is = |facet: &Facet, value: Option<&str>| {
        let value = value.map(str::to_owned);
        facet.only.as_ref().is_none_or(|only| only.contains(&value))
            && !facet.except.contains(&value)
    };
    log.iter()
        .filter(|activity| activity.user_id == scope.user_id() && is_in_scope(activity))
        .filter(|activity| {
            is(&filter.resource_type, activity.details.resource_type.as_deref())
                && is(&filter.action, Some(&activity.details.action))
        })
        .filter(|activity| question.range.contains(activity.created_at))
        .map(|activity| listed(activity, question))
        .collect()
}

/// What of an entry the page must have.
fn listed(activity: &Activity, question: &Question) -> Activity {
    let mut listed = activity.clone();
    if !question.is_whole {
        listed.details.ip_address = None;
        listed.details.user_agent = None;
        listed.details.occurred_at = None;
        listed.details.altered.clear();
    }
    listed
}

/// Asks until there is an answer: what fails may succeed when it is asked again.
async fn page(store: &Store, request: &PageRequest, weather: Weather) -> Page {
    for _ in 0..60 {
        match store.page(request).await {
            Ok(page) => return page,
            Err(PageError::Store(error)) if weather == Weather::Storm && error.is_transient() => {}
            Err(error) => panic!("{request:?}: {error:?}"),
        }
    }
    panic!("{request:?}: no answer");
}

async fn ask(
    store: &Store,
    model: &[Activity],
    question: &Question,
    weather: Weather,
) -> Result<(), TestCaseError> {
    let all = select(model, question);
    let mut start = Start::Offset(question.offset);
    let mut walked: Vec<Activity> = Vec::new();
    loop {
        let request = PageRequest {
            view: question.view.clone(),
            range: question.range,
            order: question.order,
            start,
            limit: question.limit,
            is_whole: question.is_whole,
        };
        let mut page = page(store, &request, weather).await;
        for activity in &mut page.activities {
            *activity = listed(activity, question);
        }
        let total = usize::try_from(page.total).unwrap();
        // A stale head is an older log: whole, up to some entry.
        match weather {
            Weather::Fair | Weather::Lag => prop_assert_eq!(total, all.len(), "{:?}", &request),
            Weather::Stale | Weather::Storm => {
                prop_assert!(total <= all.len(), "{request:?} {total}");
            }
        }
        let mut expected = all[..total].to_vec();
        if question.order == Order::NewestFirst {
            expected.reverse();
        }
        let from = match start {
            Start::Offset(offset) => usize::try_from(offset).unwrap(),
            Start::After(_) => {
                let last = walked.last();
                expected.iter().position(|one| Some(one) == last).unwrap() + 1
            }
        };
        let shown = expected.iter().skip(from).take(question.limit);
        prop_assert!(page.activities.iter().eq(shown), "{request:?}\n{page:?}\n{expected:?}");
        prop_assert_eq!(page.offset, from as u64, "{:?}", &request);
        let end = from + page.activities.len();
        prop_assert_eq!(page.has_more, end < total, "{:?}", &request);
        let Some(next) = page.next() else {
            prop_assert!(!page.has_more || page.activities.is_empty());
            return Ok(());
        };
        let last = page.activities.last().unwrap();
        prop_assert_eq!((next.at.created_at, next.at.id), (last.created_at, last.id));
        prop_assert!(page.has_more);
        if !question.walk {
            return Ok(());
        }
        walked.extend(page.activities);
        start = Start::After(next);
    }
}

async fn check(
    weather: Weather,
    batches: Vec<Batch>,
    questions: Vec<Question>,
) -> Result<(), TestCaseError> {
    const LONG: Duration = Duration::from_mins(10);
    let log = Log::new().await;
    let faults = Faults::new(questions.len() as u64);
    let store = faults.store(&log.engine.endpoint());
    let logger = log.logger_of(store.clone());
    if weather != Weather::Fair {
        faults.lag_at_random(0.3, LONG);
    }
    let model = record(&log, &logger, batches).await?;
    if matches!(weather, Weather::Stale | Weather::Storm) {
        faults.stale_at_random(0.3);
    }
    if weather == Weather::Storm {
        faults.at_random(0.05);
    }
    for question in &questions {
        ask(&store, &model, question, weather).await?;
    }
    for id in 1..4 {
        log.verify(id).await;
    }
    Ok(())
}

/// Records batches; returns all that is recorded, in order.
async fn record(
    log: &Log,
    logger: &ActivityLogger,
    batches: Vec<Batch>,
) -> Result<Vec<Activity>, TestCaseError> {
    let mut model: Vec<Activity> = Vec::new();
    for Batch { user: id, clock, activities } in batches {
        log.advance(clock);
        let recorded = logger.append_batch(user(id), activities.clone()).await.unwrap();
        prop_assert_eq!(recorded.len(), activities.len());
        for (given, recorded) in activities.iter().zip(recorded) {
            let activity = recorded.activity;
            prop_assert_eq!(&given.details.action, &activity.details.action);
            prop_assert_eq!(given.details.environment_id, activity.details.environment_id);
            let is_later = given.details.occurred_at > Some(log.now());
            let occurred_at = given.details.occurred_at.map(|time| time.min(log.now()));
            let kept = activity.details.occurred_at.unwrap_or(activity.created_at);
            prop_assert_eq!(occurred_at.unwrap_or(activity.created_at), kept);
            prop_assert_eq!(activity.details.altered.contains_key("occurredAt"), is_later);
            let newest = model.iter().rev().find(|earlier| earlier.user_id == activity.user_id);
            if let Some(newest) = newest {
                let after = (newest.created_at, newest.id) < (activity.created_at, activity.id);
                prop_assert!(after, "{newest:?} {activity:?}");
            }
            model.push(activity);
        }
    }
    Ok(model)
}

#[test]
fn every_page_of_every_view_is_what_a_plain_list_would_show_whatever_the_weather() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cases = std::env::var("PROPTEST_CASES").map_or(24, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(Config { cases, ..Config::default() });
    let strategy = (
        weather(),
        prop::collection::vec(batch(), 1..14),
        prop::collection::vec(question(), 60..=60),
    );
    runner
        .run(&strategy, |(weather, batches, questions)| {
            runtime.block_on(check(weather, batches, questions))
        })
        .unwrap();
}

#[tokio::test]
async fn every_offset_of_a_log_with_blocks_leads_to_its_place() {
    let log = Log::new().await;
    let function = NewActivity::new("invoke").resource("function", 5.try_into().unwrap());
    let batch = (0..300).map(|number| match number % 3 {
        0 => NewActivity::new("sync"),
        _ => function.clone(),
    });
    let recorded = log.logger.append_batch(user(1), batch).await.unwrap();
    let mut model: Vec<Activity> = recorded.into_iter().map(|one| one.activity).collect();
    let views = [whole(1), filtered(Scope::User(user(1)), Some("function"), None)];
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for view in &views {
            let is_shown = |activity: &&Activity| {
                view.filter.resource_type == Facet::default()
                    || activity.details.resource_type.is_some()
            };
            let all: Vec<_> = model.iter().filter(is_shown).cloned().collect();
            for offset in 0..=all.len() {
                let request = PageRequest {
                    order,
                    start: Start::Offset(offset as u64),
                    ..PageRequest::newest(view.clone(), 2)
                };
                let page = log.store.page(&request).await.unwrap();
                assert_eq!(
                    page.activities,
                    all[offset..(offset + 2).min(all.len())],
                    "{request:?}"
                );
            }
        }
        model.reverse();
    }
}
