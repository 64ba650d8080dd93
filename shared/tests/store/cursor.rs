//! Cursors: where they lead, where a list goes on later, and what becomes of a cursor when the log is
//! no longer the one that it was made of.

use activity_log::store::{
    Anchor, Cursor, Draft, HashPrefix, Order, Page, PageError, PageRequest, SortKey, Start,
    TimeRange,
};
use activity_log::view::{Facet, Filter, Scope, View};
use activity_log::{Activity, NewActivity};
use activity_log_local::kit::{
    Log, START, as_recorded, filtered, full, millis, request, user, whole,
};

use crate::model::is_in;

const ORDERS: [Order; 2] = [Order::NewestFirst, Order::OldestFirst];

/// The scopes of user 3 that [`Log`]s here have.
fn scopes() -> [Scope; 3] {
    let (project, environment) = (4.try_into().unwrap(), 9.try_into().unwrap());
    let user = user(3);
    [Scope::User(user), Scope::Project(user, project), Scope::Environment(user, environment)]
}

/// Each scope as a whole, and what a filter selects of it.
fn views() -> impl Iterator<Item = View> {
    let function = |scope| filtered(scope, Some("function"), None);
    scopes().into_iter().flat_map(move |scope| [View::of(scope), function(scope)])
}

/// Activities in all three scopes, each third in no project, a millisecond apart.
fn activities(count: u64) -> Vec<NewActivity> {
    let one = |number: u64| match number % 3 {
        0 => NewActivity::new("sync"),
        _ => full(number),
    };
    let at = |number| millis(START + i64::try_from(number).unwrap());
    (0..count).map(|number| one(number).occurred_at(at(number))).collect()
}

/// A log of `count` such activities, recorded in batches of 50.
async fn log_of(count: u64) -> Log {
    let log = Log::new().await;
    log.advance(1_000_000);
    for batch in activities(count).chunks(50) {
        log.logger.append_batch(user(3), batch.to_vec()).await.unwrap();
    }
    log
}

async fn page(log: &Log, request: &PageRequest) -> Page {
    log.store.page(request).await.unwrap()
}

async fn is_rewritten(log: &Log, request: &PageRequest) -> bool {
    match log.store.page(request).await {
        Err(PageError::Rewritten) => true,
        Err(PageError::Store(error)) => panic!("{request:?}: {error}"),
        Ok(_) => false,
        Err(error) => panic!("{request:?}: {error}"),
    }
}

/// The cursor at the entry with this position in a scope.
async fn cursor_at(log: &Log, scope: Scope, position: u64) -> Cursor {
    let before = Start::Offset(position - 1);
    let request = PageRequest { order: Order::OldestFirst, ..request(View::of(scope), before, 1) };
    let cursor = page(log, &request).await.resume().unwrap();
    assert_eq!(cursor.position(), position);
    cursor
}

#[tokio::test]
async fn a_cursor_whose_entry_does_not_stand_there_is_of_another_log() {
    let log = log_of(210).await;
    log.logger.append(user(8), full(1)).await.unwrap();
    let theirs = log.page(whole(8), 0, 1).await.activities.remove(0);
    let theirs = SortKey { created_at: theirs.created_at, id: theirs.id };
    for (view, order) in views().flat_map(|view| ORDERS.map(|order| (view.clone(), order))) {
        let at = |start| PageRequest { order, ..request(view.clone(), start, 10) };
        let first = page(&log, &at(Start::Offset(0))).await;
        let good = first.next().unwrap();
        let second = page(&log, &at(Start::After(good))).await;
        assert_eq!((second.offset, second.total), (10, first.total));

        let Cursor::Entry(good) = good else { panic!("{good:?}") };
        let elsewhere = |position| Anchor { position, ..good };
        let moved = |by: i64| {
            let created_at = millis(good.at.created_at.as_millis() + by);
            Anchor { at: SortKey { created_at, ..good.at }, ..good }
        };
        let bit = |byte: usize| {
            let mut hash = good.hash.0;
            hash[byte] ^= 1;
            Anchor { hash: HashPrefix(hash), ..good }
        };
        let next = SortKey { id: (good.at.id.get() + 1).try_into().unwrap(), ..good.at };
        for anchor in [
            elsewhere(0),
            elsewhere(1),
            elsewhere(good.position + 1),
            elsewhere(good.position - 1),
            elsewhere(210),
            elsewhere(211),
            elsewhere(activity_log::id::MAX_ID),
            elsewhere(u64::MAX),
            moved(-1_000),
            moved(1),
            bit(0),
            bit(7),
            Anchor { at: next, ..good },
            Anchor { position: 1, at: theirs, hash: good.hash },
        ] {
            for limit in [0, 10] {
                let request = PageRequest { limit, ..at(Start::After(Cursor::Entry(anchor))) };
                assert!(is_rewritten(&log, &request).await, "{request:?}");
            }
        }
    }
    // One scope's is none of another, nor of another user: entries have those positions there, too.
    let batch = |project: u64| {
        let (project, environment) = (project.try_into().unwrap(), 50.try_into().unwrap());
        vec![NewActivity::new("sync").environment(project, environment); 10]
    };
    log.logger.append_batch(user(3), batch(5)).await.unwrap();
    log.logger.append_batch(user(8), batch(4)).await.unwrap();
    let [whole_log, project, environment] = scopes();
    let of_project = Start::After(cursor_at(&log, project, 7).await);
    for (scope, is_other) in [
        (whole_log, true),
        // Whatever is in project 4 is in environment 9.
        (environment, false),
        (Scope::Project(user(3), 5.try_into().unwrap()), true),
        (Scope::Environment(user(3), 50.try_into().unwrap()), true),
        (Scope::Project(user(8), 4.try_into().unwrap()), true),
        (Scope::User(user(8)), true),
    ] {
        let request = request(View::of(scope), of_project, 10);
        assert_eq!(is_rewritten(&log, &request).await, is_other, "{scope}");
    }
}

#[tokio::test]
async fn a_cursor_of_any_entry_leads_on_in_every_list_of_its_scope() {
    let log = log_of(210).await;
    let (since, until) = (Some(millis(START + 31)), Some(millis(START + 172)));
    for scope in scopes() {
        let entries = page(&log, &request(View::of(scope), Start::Offset(0), 300)).await;
        let mut entries: Vec<Activity> = entries.activities;
        entries.reverse();
        let filter = Filter {
            action: Facet { except: [Some("invoke".to_owned())].into(), ..Facet::default() },
            ..Filter::default()
        };
        for position in [0, 1, 2, 63, 64, 65, 66, 127, 128, 129, entries.len()] {
            let cursor = match u64::try_from(position).unwrap() {
                0 => Cursor::Beginning,
                position => cursor_at(&log, scope, position).await,
            };
            for (order, filter, range) in ORDERS.into_iter().flat_map(|order| {
                let range = TimeRange { since, until };
                [
                    (order, Filter::default(), TimeRange::default()),
                    (order, Filter::default(), range),
                    (order, filter.clone(), TimeRange::default()),
                    (order, filter.clone(), range),
                ]
            }) {
                let is_listed = |entry: &&Activity| {
                    is_in(range, entry.created_at)
                        && (filter == Filter::default() || entry.details.action != "invoke")
                };
                let total = entries.iter().filter(is_listed).count();
                let mut expected: Vec<&Activity> = match order {
                    Order::OldestFirst => entries[position..].iter().filter(is_listed).collect(),
                    Order::NewestFirst => {
                        let older = &entries[..position.saturating_sub(1)];
                        older.iter().rev().filter(is_listed).collect()
                    }
                };
                let offset = total - expected.len();
                expected.truncate(20);
                let view = View { scope, filter: filter.clone() };
                let request =
                    PageRequest { range, order, ..request(view, Start::After(cursor), 20) };
                let page = page(&log, &request).await;
                let ids = page.activities.iter().map(|activity| activity.id);
                assert!(ids.eq(expected.iter().map(|activity| activity.id)), "{request:?}");
                assert_eq!((page.total, page.offset), (total as u64, offset as u64), "{request:?}");
                assert_eq!(page.has_more, offset + expected.len() < total, "{request:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_cut_page_leads_on_to_the_entry_after_the_cut() {
    let log = Log::new().await;
    log.logger.append_batch(user(3), (0..30).map(full)).await.unwrap();
    for order in ORDERS {
        let at = |start, limit| PageRequest { order, ..request(whole(3), start, limit) };
        let whole = page(&log, &at(Start::Offset(0), 30)).await;
        for count in 0..30 {
            let mut cut = whole.clone();
            cut.cut(count);
            assert!(cut.has_more);
            let next = cut.next().unwrap();
            assert_eq!(cut.resume(), (order == Order::OldestFirst).then_some(next));
            let rest = page(&log, &at(Start::After(next), 30)).await;
            assert_eq!(rest.activities, whole.activities[count.max(1)..], "{order:?} {count}");
        }
        let mut uncut = whole.clone();
        uncut.cut(30);
        assert_eq!(uncut, whole);
    }
}

#[tokio::test]
async fn a_list_goes_on_later_after_all_that_was_looked_at() {
    let log = log_of(100).await;
    for view in views() {
        let oldest = |start, limit| {
            let view = view.clone();
            PageRequest { order: Order::OldestFirst, ..request(view, start, limit) }
        };
        let newest = request(view.clone(), Start::Offset(0), 10);
        assert_eq!(page(&log, &newest).await.resume(), None);
        let all = page(&log, &oldest(Start::Offset(0), 1_000)).await;
        let scope = view.scope;
        let end = log.store.head(scope).await.unwrap().total();
        let last = cursor_at(&log, scope, end).await;
        let third = page(&log, &oldest(Start::Offset(0), 3)).await.next();
        for (start, limit, expected) in [
            (Start::Offset(0), 1_000, last),
            (Start::Offset(0), 3, third.unwrap()),
            (Start::Offset(3), 0, third.unwrap()),
            (Start::Offset(0), 0, Cursor::Beginning),
            (Start::Offset(1_000), 0, last),
            (Start::Offset(1_000), 10, last),
            (Start::After(third.unwrap()), 0, third.unwrap()),
            (Start::After(Cursor::Beginning), 0, Cursor::Beginning),
            (Start::After(last), 0, last),
            (Start::After(last), 10, last),
        ] {
            let request = oldest(start, limit);
            let resumed = page(&log, &request).await.resume();
            assert_eq!(resumed, Some(expected), "{request:?}");
        }
        // Nothing of the list is in these, and all of the scope was looked at.
        let nothing = filtered(scope, Some("nothing"), None);
        let nothing =
            PageRequest { order: Order::OldestFirst, ..request(nothing, Start::Offset(0), 5) };
        assert_eq!(page(&log, &nothing).await.resume(), Some(last));
        let until = Some(millis(START + 20));
        let range = TimeRange { since: None, until };
        let early = PageRequest { range, ..oldest(Start::Offset(0), 1_000) };
        assert_eq!(page(&log, &early).await.resume(), Some(last));
        let later = PageRequest { start: Start::After(last), ..early };
        let later = page(&log, &later).await;
        assert_eq!(
            (later.activities.len(), later.has_more, later.resume()),
            (0, false, Some(last))
        );
        assert_eq!(later.offset, later.total);
        assert_eq!(all.total, all.activities.len() as u64);
    }
    for scope in [Scope::User(user(5)), Scope::Project(user(3), 5.try_into().unwrap())] {
        let empty = PageRequest {
            order: Order::OldestFirst,
            ..request(View::of(scope), Start::Offset(0), 5)
        };
        let first = page(&log, &empty).await;
        assert_eq!(first.resume(), Some(Cursor::Beginning));
        let again = PageRequest { start: Start::After(Cursor::Beginning), ..empty };
        assert_eq!(page(&log, &again).await, first);
    }
}

/// What is put into a log to be as it was.
fn drafts(entries: &[Activity]) -> Vec<Draft> {
    entries.iter().map(as_recorded).collect()
}

#[tokio::test]
async fn a_log_that_was_rewritten_before_a_cursor_refuses_it_and_one_put_back_goes_on() {
    let log = log_of(200).await;
    let entries = log.entries(3).await;
    // At an entry in the middle, in a block, and at the newest, in the tail.
    let mut requests = Vec::new();
    for view in views() {
        let end = log.store.head(view.scope).await.unwrap().total();
        for position in [70, end] {
            let cursor = cursor_at(&log, view.scope, position).await;
            for order in ORDERS {
                let start = Start::After(cursor);
                requests.push(PageRequest { order, ..request(view.clone(), start, 10) });
            }
        }
    }
    let mut pages = Vec::new();
    for request in &requests {
        pages.push(page(&log, request).await);
    }
    // An entry in no project: no position of another scope tells of it.
    let other = entries.iter().position(|entry| entry.details.project_id.is_none()).unwrap();
    let changed = |at: usize| {
        let mut entries = entries.clone();
        entries[at].details.description = Some("Did something else".to_owned());
        entries
    };
    let mut without = entries.clone();
    without.remove(other);
    // The newest entry is in all three scopes, and the one at position 70 of each is among the first 150.
    for (name, put_back, middle, newest) in [
        ("erased", &[][..], false, false),
        ("restored to an earlier time", &entries[..150], true, false),
        ("without an entry", &without, false, false),
        ("with another entry before", &changed(other), false, false),
        ("with another entry after", &changed(199), true, false),
        ("put back as it was", &entries, true, true),
    ] {
        log.store.erase(user(3)).await.unwrap();
        log.logger.append_drafts(user(3), drafts(put_back)).await.unwrap();
        for (number, (request, before)) in requests.iter().zip(&pages).enumerate() {
            let is_middle = number % 4 < 2;
            let goes_on = if is_middle { middle } else { newest };
            assert_eq!(!is_rewritten(&log, request).await, goes_on, "{name} {request:?}");
            if name == "put back as it was" {
                assert_eq!(page(&log, request).await, *before, "{request:?}");
            }
        }
        let whole = PageRequest {
            order: Order::OldestFirst,
            is_whole: true,
            ..request(whole(3), Start::After(Cursor::Beginning), 1_000)
        };
        assert_eq!(page(&log, &whole).await.activities, put_back, "{name}");
    }
    // And goes on with what is recorded from now on.
    log.logger.append(user(3), full(7)).await.unwrap();
    for request in requests.iter().filter(|request| request.order == Order::OldestFirst) {
        let all = PageRequest { limit: 1_000, ..request.clone() };
        let shown = page(&log, &all).await.activities;
        let last = shown.last().and_then(|last| last.details.description.as_deref());
        assert!(last.is_some_and(|text| text.contains("number 7 ")), "{request:?}");
    }
}
