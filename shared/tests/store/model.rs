//! Random logs, random pages, and a plain `Vec` that says what each must show.

use std::collections::BTreeSet;
use std::time::Duration;

use activity_log::logger::ActivityLogger;
use activity_log::store::{
    Cursor, FacetCount, Facets, Histogram, Order, Page, PageError, PageRequest, Start, Store,
    TimeRange,
};
use activity_log::time::Timestamp;
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
    start: Place,
    limit: usize,
    /// Pages are cut to this length.
    cut: usize,
    walk: bool,
    is_whole: bool,
    facets: bool,
    histogram: Option<u64>,
}

/// Where the first page starts.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// After so many entries of the list.
    Offset(u64),
    /// After any entry of the scope, or before the first: so far into it, of a thousand.
    Anywhere(usize),
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
    (only, except).prop_map(|(only, except)| Facet::new(only.unwrap_or_default(), except))
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
    let start = prop_oneof![
        2 => offset.prop_map(Place::Offset),
        1 => (0_usize..=1_000).prop_map(Place::Anywhere),
    ];
    let limit = prop_oneof![1 => Just(0), 6 => 1_usize..45, 1 => 45_usize..300];
    let cut = prop_oneof![3 => Just(1_000), 1 => 1_usize..20];
    // Few parts are looked up in the index, many are counted in all blocks.
    let parts = prop::option::of(prop_oneof![1_u64..6, 1_u64..=100]);
    let more = (any::<bool>(), any::<bool>(), any::<bool>(), parts);
    (view(), time(), time(), order, start, limit, cut, more).prop_map(
        |(view, since, until, order, start, limit, cut, (walk, is_whole, facets, histogram))| {
            Question {
                view,
                range: TimeRange { since, until },
                order,
                start,
                limit,
                cut,
                walk,
                is_whole,
                facets,
                histogram,
            }
        },
    )
}

fn weather() -> impl Strategy<Value = Weather> {
    prop::sample::select(&[Weather::Fair, Weather::Lag, Weather::Stale, Weather::Storm])
}

impl Question {
    fn request(&self, start: Start) -> PageRequest {
        PageRequest {
            view: self.view.clone(),
            range: self.range,
            order: self.order,
            start,
            limit: self.limit,
            is_whole: self.is_whole,
            facets: self.facets,
            histogram: self.histogram.map(|parts| parts.try_into().unwrap()),
        }
    }

    /// Whether the list has an entry of its scope.
    fn selects(&self, activity: &Activity) -> bool {
        self.has_type(activity)
            && self.has_action(activity)
            && is_in(self.range, activity.created_at)
    }

    fn has_type(&self, activity: &Activity) -> bool {
        is(&self.view.filter.resource_type, activity.details.resource_type.as_deref())
    }

    fn has_action(&self, activity: &Activity) -> bool {
        is(&self.view.filter.action, Some(&activity.details.action))
    }

    /// What the page must count of a scope.
    fn counts(&self, scope: &[Activity]) -> Counts {
        (self.facets(scope), self.histogram(scope))
    }

    fn histogram(&self, scope: &[Activity]) -> Option<Histogram> {
        let parts = self.histogram?;
        let (Some(first), Some(last)) = (scope.first(), scope.last()) else {
            return Some(Histogram { from: None, to: None, counts: Vec::new() });
        };
        let from = self.range.since.unwrap_or(first.created_at);
        let to = self.range.until.unwrap_or_else(|| millis(last.created_at.as_millis() + 1));
        let length = to.as_millis() - from.as_millis();
        let begin = |part: u64| {
            let (part, parts) = (i64::try_from(part).unwrap(), i64::try_from(parts).unwrap());
            from.as_millis() + part * length / parts
        };
        let listed = scope.iter().filter(|one| self.selects(one));
        let times: Vec<i64> = listed.map(|one| one.created_at.as_millis()).collect();
        let count = |part| {
            let is_in = |time: &&i64| (begin(part)..begin(part + 1)).contains(*time);
            if length > 0 { times.iter().filter(is_in).count() as u64 } else { 0 }
        };
        let counts = (0..parts).map(count).collect();
        Some(Histogram { from: Some(from), to: Some(to), counts })
    }

    fn facets(&self, scope: &[Activity]) -> Option<Facets> {
        self.facets.then(|| {
            let in_range = || scope.iter().filter(|one| is_in(self.range, one.created_at));
            let types = in_range().filter(|one| self.has_action(one));
            let actions = in_range().filter(|one| self.has_type(one));
            Facets {
                resource_type: counted(types.map(|one| one.details.resource_type.clone())),
                action: counted(actions.map(|one| Some(one.details.action.clone()))),
            }
        })
    }

    /// What of an entry the page must have.
    fn shown(&self, activity: &Activity) -> Activity {
        let mut shown = activity.clone();
        if !self.is_whole {
            shown.details.ip_address = None;
            shown.details.user_agent = None;
            shown.details.occurred_at = None;
            shown.details.altered.clear();
        }
        shown
    }
}

/// What a page counts.
type Counts = (Option<Facets>, Option<Histogram>);

/// What a page has counted.
fn counts_of(page: &Page) -> Counts {
    (page.facets.clone(), page.histogram.clone())
}

/// Whether a facet selects a value.
/// Whether `time` is in `range`, which has its beginning and not its end.
pub(crate) fn is_in(range: TimeRange, time: Timestamp) -> bool {
    range.since.is_none_or(|since| since <= time) && range.until.is_none_or(|until| time < until)
}

fn is(facet: &Facet, value: Option<&str>) -> bool {
    let value = value.map(str::to_owned);
    facet.only.as_ref().is_none_or(|only| only.contains(&value)) && !facet.except.contains(&value)
}

/// How often each value occurs, the most frequent first.
fn counted(values: impl Iterator<Item = Option<String>>) -> Vec<FacetCount> {
    let mut counts: Vec<FacetCount> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|one| one.value == value) {
            Some(one) => one.count += 1,
            None => counts.push(FacetCount { value, count: 1 }),
        }
    }
    // No name is after this one.
    let name = |one: &FacetCount| one.value.clone().unwrap_or_else(|| "~".to_owned());
    counts.sort_by(|one, other| {
        other.count.cmp(&one.count).then_with(|| name(one).cmp(&name(other)))
    });
    counts
}

/// What of the model is in a scope, oldest first: the entry at position 1, at position 2, and so on.
fn scope_of(log: &[Activity], scope: Scope) -> Vec<Activity> {
    let is_in_scope = |activity: &&Activity| match scope {
        Scope::User(_) => true,
        Scope::Project(_, project) => activity.details.project_id == Some(project),
        Scope::Environment(_, environment) => activity.details.environment_id == Some(environment),
    };
    let of_user = log.iter().filter(|activity| activity.user_id == scope.user_id());
    of_user.filter(is_in_scope).cloned().collect()
}

/// What of a scope is in a list, each entry with its position, oldest first.
fn list_of(scope: &[Activity], question: &Question) -> Vec<(u64, Activity)> {
    let numbered = (1..).zip(scope).filter(|(_, activity)| question.selects(activity));
    numbered.map(|(position, activity)| (position, question.shown(activity))).collect()
}

/// A store, what it must have, and what it meets.
struct World {
    store: Store,
    weather: Weather,
    model: Vec<Activity>,
}

impl World {
    /// Asks until there is a response: what fails may succeed when it is asked again.
    async fn page(&self, request: &PageRequest) -> Page {
        for _ in 0..60 {
            match self.store.page(request).await {
                Ok(page) => return page,
                Err(PageError::Store(error))
                    if self.weather == Weather::Storm && error.is_transient() => {}
                Err(error) => panic!("{request:?}: {error:?}"),
            }
        }
        panic!("{request:?}: no response");
    }

    /// Where a question starts.
    async fn start(&self, question: &Question, scope: &[Activity]) -> Start {
        let far = match question.start {
            Place::Offset(offset) => return Start::Offset(offset),
            Place::Anywhere(far) => scope.len() * far / 1_000,
        };
        let Some(before) = far.checked_sub(1) else { return Start::After(Cursor::Beginning) };
        let one = PageRequest {
            order: Order::OldestFirst,
            start: Start::Offset(before as u64),
            ..PageRequest::newest(View::of(question.view.scope), 1)
        };
        let cursor = self.page(&one).await.resume().unwrap();
        assert_eq!(cursor.position(), far as u64);
        Start::After(cursor)
    }

    /// Asks for a page, and for those after it if it is a walk.
    async fn ask(&self, question: &Question) -> Result<(), TestCaseError> {
        let scope = scope_of(&self.model, question.view.scope);
        let all = list_of(&scope, question);
        let mut start = self.start(question, &scope).await;
        loop {
            let request = question.request(start);
            let mut page = self.page(&request).await;
            let total = usize::try_from(page.total).unwrap();
            // A stale head is an older log: whole, up to some entry. Oldest first, it is read
            // consistently.
            let is_stale = question.order == Order::NewestFirst
                && matches!(self.weather, Weather::Stale | Weather::Storm);
            if is_stale {
                prop_assert!(total <= all.len(), "{request:?} {total}");
            } else {
                prop_assert_eq!(total, all.len(), "{:?}", &request);
            }
            let mut expected = all[..total].to_vec();
            if question.order == Order::NewestFirst {
                expected.reverse();
            }
            let is_before = |(position, _): &&(u64, Activity)| match (start, question.order) {
                (Start::After(cursor), Order::OldestFirst) => *position <= cursor.position(),
                (Start::After(cursor), Order::NewestFirst) => *position >= cursor.position(),
                (Start::Offset(_), _) => false,
            };
            let from = match start {
                Start::Offset(offset) => usize::try_from(offset).unwrap(),
                Start::After(_) => expected.iter().filter(is_before).count(),
            };
            check_page(&page, question, &expected, from)?;
            // All is counted of one log: of the whole, or of one that some older head counts.
            let oldest = if is_stale { 0 } else { scope.len() };
            let is_counted = (oldest..=scope.len()).rev().any(|length| {
                let scope = &scope[..length];
                list_of(scope, question).len() == total
                    && counts_of(&page) == question.counts(scope)
            });
            prop_assert!(is_counted, "{request:?}\n{page:?}\n{:?}", question.counts(&scope));
            page.cut(question.cut);
            let Some(next) = page.next() else {
                prop_assert!(!page.has_more || page.activities.is_empty());
                return Ok(());
            };
            prop_assert!(page.has_more);
            let (position, _) = expected[from + page.activities.len() - 1];
            prop_assert_eq!(next.position(), position, "{:?}", &request);
            if !question.walk {
                return Ok(());
            }
            start = Start::After(next);
        }
    }
}

/// Compares a page with the list that it is of, in its order, and with where in it the page starts.
fn check_page(
    page: &Page,
    question: &Question,
    list: &[(u64, Activity)],
    from: usize,
) -> Result<(), TestCaseError> {
    let shown = list.iter().skip(from).take(question.limit).map(|(_, activity)| activity);
    let found: Vec<_> = page.activities.iter().map(|activity| question.shown(activity)).collect();
    prop_assert!(found.iter().eq(shown), "{question:?} {from}\n{page:?}\n{list:?}");
    prop_assert_eq!(page.offset, from as u64, "{:?}", question);
    prop_assert_eq!(page.has_more, from + found.len() < list.len(), "{:?}", question);
    Ok(())
}

/// A list that is read as far as it goes, oldest first, again and again while it grows.
struct Watch {
    question: Question,
    start: Start,
    /// How many entries of the list have been read; not known before the first page.
    read: Option<usize>,
}

impl Watch {
    async fn read_on(&mut self, world: &World) -> Result<(), TestCaseError> {
        let Self { question, start, read } = self;
        let scope = scope_of(&world.model, question.view.scope);
        let all = list_of(&scope, question);
        loop {
            let from = read.unwrap_or_else(|| match *start {
                Start::Offset(offset) => usize::try_from(offset).unwrap(),
                Start::After(cursor) => {
                    all.iter().filter(|(position, _)| *position <= cursor.position()).count()
                }
            });
            let mut page = world.page(&question.request(*start)).await;
            check_page(&page, question, &all, from)?;
            prop_assert_eq!(counts_of(&page), question.counts(&scope), "{:?}", question);
            page.cut(question.cut);
            *start = Start::After(page.resume().unwrap());
            *read = Some(from.min(all.len()) + page.activities.len());
            if !page.has_more || question.limit == 0 {
                return Ok(());
            }
        }
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
    let mut world = World { store, weather, model: Vec::new() };
    let mut watches = Vec::new();
    let mut new = questions.iter().filter(|one| one.order == Order::OldestFirst);
    for batch in batches {
        faults.stale_at_random(0.0);
        faults.at_random(0.0);
        record(&log, &logger, batch, &mut world.model).await?;
        if matches!(weather, Weather::Stale | Weather::Storm) {
            faults.stale_at_random(0.3);
        }
        if weather == Weather::Storm {
            faults.at_random(0.05);
        }
        // Lists are watched from different times on.
        for question in new.by_ref().take(2) {
            let scope = scope_of(&world.model, question.view.scope);
            let start = world.start(question, &scope).await;
            watches.push(Watch { question: question.clone(), start, read: None });
        }
        for watch in &mut watches {
            watch.read_on(&world).await?;
        }
    }
    for question in &questions {
        world.ask(question).await?;
    }
    for id in 1..4 {
        log.verify(id).await;
    }
    Ok(())
}

/// Records a batch, and adds what is recorded to the model.
async fn record(
    log: &Log,
    logger: &ActivityLogger,
    Batch { user: id, clock, activities }: Batch,
    model: &mut Vec<Activity>,
) -> Result<(), TestCaseError> {
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
    Ok(())
}

#[test]
fn every_page_of_every_view_is_what_a_plain_list_would_show_whatever_the_weather() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cases = std::env::var("PROPTEST_CASES").map_or(12, |cases| cases.parse().unwrap());
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
