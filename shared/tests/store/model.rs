//! Random logs, random pages, and a plain `Vec` that says what each must show.

use activity_log::store::{Cursor, Order, PageRequest, Start, TimeRange};
use activity_log::view::{Facets, Scope, View};
use activity_log::{Activity, NewActivity};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::support::{Log, START, millis, user};

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
}

fn activity() -> impl Strategy<Value = NewActivity> {
    let place = (0_u64..4, prop::option::weighted(0.7, 1_u64..3));
    let kind = (prop::option::weighted(0.8, 0_usize..2), 0_usize..3);
    (place, kind, prop::option::weighted(0.3, -20_i64..20)).prop_map(
        |((project, environment), (resource_type, action), occurred)| {
            let mut activity = NewActivity::new(["create", "invoke", "delete"][action]);
            activity.project_id = project.try_into().ok();
            // An environment's id is unique among all projects.
            activity.environment_id = environment
                .filter(|_| project > 0)
                .and_then(|environment| (project * 10 + environment).try_into().ok());
            activity.resource_type =
                resource_type.map(|kind| ["function", "database"][kind].to_owned());
            activity.occurred_at = occurred.map(|by| millis(START + by));
            activity
        },
    )
}

fn batch() -> impl Strategy<Value = Batch> {
    let activities = prop::collection::vec(activity(), 1..60);
    // One user has most of the log, so that pages pass several milestones.
    (prop_oneof![4 => Just(1_u64), 1 => 2_u64..4], -1_i64..6, activities)
        .prop_map(|(user, clock, activities)| Batch { user, clock, activities })
}

fn view() -> impl Strategy<Value = View> {
    let scope = (prop_oneof![6 => Just(1_u64), 1 => 2_u64..5], 0_u64..3, 1_u64..4, 1_u64..3)
        .prop_map(|(id, kind, project, environment)| match kind {
            0 => Scope::User(user(id)),
            1 => Scope::Project(user(id), project.try_into().unwrap()),
            _ => Scope::Environment(user(id), (project * 10 + environment).try_into().unwrap()),
        });
    let name = |names: &'static [&'static str]| {
        prop::option::of(prop::sample::select(names).prop_map(str::to_owned))
    };
    let facets = (name(&["function", "database", "bucket"]), name(&["create", "invoke", "sync"]))
        .prop_map(|(resource_type, action)| Facets { resource_type, action });
    (scope, facets).prop_map(|(scope, facets)| View { scope, facets })
}

fn question() -> impl Strategy<Value = Question> {
    let time = || prop::option::weighted(0.4, (-5_i64..40).prop_map(|by| millis(START + by)));
    let order = prop_oneof![Just(Order::NewestFirst), Just(Order::OldestFirst)];
    // Many of them next to a milestone.
    let near_milestone = (1_u64..16, 0_u64..3).prop_map(|(number, by)| number * 20 + by - 1);
    let offset = prop_oneof![2 => Just(0), 3 => 0_u64..30, 3 => 0_u64..300, 4 => near_milestone];
    (view(), time(), time(), order, offset, 0_usize..45, any::<bool>()).prop_map(
        |(view, since, until, order, offset, limit, walk)| Question {
            view,
            range: TimeRange { since, until },
            order,
            offset,
            limit,
            walk,
        },
    )
}

/// What of the model is in a view and range, in an order.
fn select(log: &[Activity], question: &Question) -> Vec<Activity> {
    let View { scope, facets } = &question.view;
    let in_scope = |activity: &Activity| match *scope {
        Scope::User(_) => true,
        Scope::Project(_, project) => activity.project_id == Some(project),
        Scope::Environment(_, environment) => activity.environment_id == Some(environment),
    };
    let mut selected: Vec<Activity> = log
        .iter()
        .filter(|activity| activity.user_id == scope.user_id() && in_scope(activity))
        .filter(|activity| {
            facets.resource_type.is_none() || facets.resource_type == activity.resource_type
        })
        .filter(|activity| facets.action.as_ref().is_none_or(|action| *action == activity.action))
        .filter(|activity| {
            question.range.since.is_none_or(|since| since <= activity.created_at)
                && question.range.until.is_none_or(|until| activity.created_at < until)
        })
        .cloned()
        .collect();
    if question.order == Order::NewestFirst {
        selected.reverse();
    }
    selected
}

async fn ask(log: &Log, model: &[Activity], question: &Question) -> Result<(), TestCaseError> {
    let expected = select(model, question);
    let mut start = Start::Offset(question.offset);
    let mut from = usize::try_from(question.offset).unwrap();
    loop {
        let request = PageRequest {
            view: question.view.clone(),
            range: question.range,
            order: question.order,
            start,
            limit: question.limit,
        };
        let page = log.store.page(&request).await.unwrap();
        let shown = expected.iter().skip(from).take(question.limit);
        prop_assert!(page.activities.iter().eq(shown), "{request:?}\n{page:?}\n{expected:?}");
        prop_assert_eq!(page.total, expected.len() as u64, "{:?}", &request);
        prop_assert_eq!(page.offset, from as u64, "{:?}", &request);
        let end = from + page.activities.len();
        prop_assert_eq!(page.has_more, end < expected.len(), "{:?}", &request);
        match page.next {
            Some(next) => {
                prop_assert!(page.has_more);
                let last = page.activities.last().unwrap();
                let Cursor { at, .. } = next;
                prop_assert_eq!((at.created_at, at.id), (last.created_at, last.id));
                start = Start::After(next);
                from = end;
            }
            None => prop_assert!(!page.has_more || page.activities.is_empty()),
        }
        if page.next.is_none() || !question.walk {
            return Ok(());
        }
    }
}

async fn check(batches: Vec<Batch>, questions: Vec<Question>) -> Result<(), TestCaseError> {
    let log = Log::new().await;
    let mut model: Vec<Activity> = Vec::new();
    for Batch { user: id, clock, activities } in batches {
        log.advance(clock);
        let recorded = log.logger.append_batch(user(id), activities.clone()).await.unwrap();
        prop_assert_eq!(recorded.len(), activities.len());
        for (given, recorded) in activities.iter().zip(recorded) {
            let activity = recorded.activity;
            prop_assert_eq!(&given.action, &activity.action);
            prop_assert_eq!(given.environment_id, activity.environment_id);
            let newest = model.iter().rev().find(|earlier| earlier.user_id == activity.user_id);
            if let Some(newest) = newest {
                let after = (newest.created_at, newest.id) < (activity.created_at, activity.id);
                prop_assert!(after, "{newest:?} {activity:?}");
            }
            model.push(activity);
        }
    }
    for question in &questions {
        ask(&log, &model, question).await?;
    }
    for id in 1..4 {
        log.store.verify(user(id), &std::collections::BTreeSet::new()).await.unwrap();
    }
    Ok(())
}

#[test]
fn every_page_of_every_view_is_what_a_plain_list_would_show() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cases = std::env::var("PROPTEST_CASES").map_or(24, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(Config { cases, ..Config::default() });
    let strategy =
        (prop::collection::vec(batch(), 1..14), prop::collection::vec(question(), 60..=60));
    runner
        .run(&strategy, |(batches, questions)| runtime.block_on(check(batches, questions)))
        .unwrap();
}

#[tokio::test]
async fn every_offset_of_a_log_with_milestones_leads_to_its_place() {
    let log = Log::new().await;
    let function = NewActivity::new("invoke").resource("function", 5.try_into().unwrap());
    let batch = std::iter::repeat_n(function, 230);
    let mut model: Vec<Activity> = log
        .logger
        .append_batch(user(1), batch)
        .await
        .unwrap()
        .into_iter()
        .map(|r| r.activity)
        .collect();
    let facets = Facets { resource_type: Some("function".to_owned()), action: None };
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for offset in 0..=model.len() {
            for facets in [Facets::default(), facets.clone()] {
                let request = PageRequest {
                    view: View { scope: Scope::User(user(1)), facets },
                    range: TimeRange::default(),
                    order,
                    start: Start::Offset(offset as u64),
                    limit: 2,
                };
                let page = log.store.page(&request).await.unwrap();
                let expected = &model[offset..(offset + 2).min(model.len())];
                assert_eq!(page.activities, expected, "{request:?}");
            }
        }
        model.reverse();
    }
}
