//! What requests and appends cost: round trips and capacity units, as the store counts them, and
//! bytes stored. The limits hold for logs of any length; `LOG_ENTRIES=1000000` shows them at a
//! million, `LOG_ENTRIES=2000` in a few seconds.

use std::collections::HashMap;

use activity_log::NewActivity;
use activity_log::directory::{NameChange, WantedNames};
use activity_log::id::ProjectId;
use activity_log::store::{Draft, Order, PageRequest, Start, TimeRange, Usage, measure};
use activity_log::view::{Facet, Filter, Scope, View};
use activity_log_local::kit::{
    Log, START, Workload, filtered, kept, millis, project as named, request, user, whole,
};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;

/// How long the long log is.
fn entries() -> u64 {
    std::env::var("LOG_ENTRIES").map_or(20_000, |entries| entries.parse().unwrap())
}

/// A log of `count` entries of a workload, one each minute, as if each was recorded at once.
async fn log_of(count: u64, mut workload: Workload) -> Log {
    let log = Log::new().await;
    let mut random = fastrand::Rng::with_seed(1);
    let drafts: Vec<Draft> = (0..count)
        .map(|number| {
            let created_at = millis(START + 60_000 * i64::try_from(number).unwrap());
            let since_2024 = u64::try_from(created_at.as_millis() - 1_704_067_200_000).unwrap();
            let id = since_2024 << 12 | random.u64(..4_096);
            kept(workload.next(), created_at, Some(id))
        })
        .collect();
    log.logger.append_drafts(user(3), drafts).await.unwrap();
    log.advance(i64::try_from(count).unwrap() * 60_000);
    log
}

#[tokio::test]
async fn a_name_and_a_slug_are_read_for_half_a_unit_and_only_what_differs_is_written() {
    let log = Log::new().await;
    let of = |name| NameChange::Set(named(3, 4, "slug", name));
    let units = async |changes: &[NameChange]| {
        let (written, usage) = measure(log.store.write_names(changes)).await;
        written.unwrap();
        (usage.read_units.to_string(), usage.write_units.to_string())
    };
    let took = |read: &str, write: &str| (read.to_owned(), write.to_owned());
    assert_eq!(units(&[of("Name")]).await, took("1", "4"), "the name and the slug");
    assert_eq!(units(&[of("Name")]).await, took("1", "0"), "it is there");
    assert_eq!(units(&[of("New")]).await, took("1", "2"), "the slug stays");
    let many = (5..=124).map(|id| NameChange::Set(named(3, id, "slug", "Name")));
    units(&many.collect::<Vec<_>>()).await;
    let wanted = WantedNames {
        projects: (4..=124).map(|id| id.try_into().unwrap()).collect(),
        ..WantedNames::of_user()
    };
    let (names, usage) = measure(log.store.names(user(3), &wanted)).await;
    assert_eq!((names.unwrap().projects.len(), usage.round_trips), (121, 1));
    // The user's name is not there, and costs as much.
    assert_eq!(usage.read_units.to_string(), "61");
    let (found, usage) = measure(log.store.project_by_slug(user(3), "slug")).await;
    assert_eq!(found.unwrap().map(ProjectId::get), Some(124));
    assert_eq!((usage.round_trips, usage.read_units.to_string()), (1, "0.5".to_owned()));
}

/// Activities of so many pairs of type and action. Each of twenty types has every twentieth of them,
/// every hundredth is a `restart`, every thousandth a `rename`, every ten thousandth a `revoke`.
fn spread(pairs: u64) -> Workload {
    Workload::from_fn(move |number| {
        let action = match number % 10_000 {
            1_777 => "revoke".to_owned(),
            rest if rest % 1_000 == 500 => "rename".to_owned(),
            rest if rest % 100 == 50 => "restart".to_owned(),
            _ => format!("action{}", number / 20 % (pairs / 20)),
        };
        Workload::activity(&format!("type{}", number % 20), &action, 4, 4)
    })
}

/// A filter for every `nth` of those activities.
fn every(nth: u64) -> Filter {
    let only = |names: Vec<String>| Facet {
        only: Some(names.into_iter().map(Some).collect()),
        ..Facet::default()
    };
    match nth {
        100 => Filter { action: Facet::only("restart"), ..Filter::default() },
        1_000 => Filter { action: Facet::only("rename"), ..Filter::default() },
        10_000 => Filter { action: Facet::only("revoke"), ..Filter::default() },
        _ => {
            let types = (0..20).filter(|kind| kind % nth == 0).map(|kind| format!("type{kind}"));
            Filter { resource_type: only(types.collect()), ..Filter::default() }
        }
    }
}

/// Which of the activities is the first that this filter selects, from 0.
const fn first(nth: u64) -> u64 {
    match nth {
        100 => 50,
        1_000 => 500,
        10_000 => 1_777,
        _ => 0,
    }
}

fn project() -> Scope {
    Scope::Project(user(3), 4.try_into().unwrap())
}

fn environment() -> Scope {
    Scope::Environment(user(3), 4.try_into().unwrap())
}

struct Limit {
    round_trips: u32,
    units: f64,
}

async fn cost(log: &Log, name: &str, request: &PageRequest, limit: Limit) -> (u64, Usage) {
    let (page, usage) = measure(log.store.page(request)).await;
    let page = page.unwrap();
    let length = page.activities.len();
    println!(
        "{name}: {length} of {}, {} read units, {} round trips",
        page.total, usage.read_units, usage.round_trips
    );
    assert!(
        usage.round_trips <= limit.round_trips,
        "{name}: {usage:?}, at most {} round trips",
        limit.round_trips
    );
    assert!(usage.read_units <= limit.units, "{name}: {usage:?}, at most {} units", limit.units);
    assert_eq!(length as u64, page.total.saturating_sub(page.offset).min(request.limit as u64));
    (page.total, usage)
}

// On one thread: with more, a call can be answered before the one beside it is made, and would
// then count as a round trip of its own.
#[tokio::test]
async fn an_unfiltered_page_costs_the_same_at_every_depth_of_a_long_log() {
    for count in [1_000, entries()] {
        let log = log_of(count, Workload::w1()).await;
        println!("{count} entries");
        let at = |offset: u64| Start::Offset(offset);
        for (name, view, near, deep) in [
            ("user", whole(3), 6.5, 7.5),
            ("project", View::of(project()), 4.5, 5.5),
            ("environment", View::of(environment()), 4.5, 5.5),
        ] {
            for (offset, round_trips, units) in [
                (0, 1, near),
                (16, 1, near + 1.0),
                (17, 3, deep),
                (count / 2 + 7, 3, deep),
                (count - 100, 3, deep),
                (count + 5, 1, 1.0),
            ] {
                let name = format!("{name}, offset {offset}");
                for order in [Order::NewestFirst, Order::OldestFirst] {
                    let request = PageRequest { order, ..request(view.clone(), at(offset), 100) };
                    // Past the end, the head of a user has the hash of the newest entry, from which
                    // a list goes on later; that of a project or environment does not.
                    let is_past = offset > count && order == Order::OldestFirst;
                    let limit = if is_past && !name.starts_with("user") {
                        Limit { round_trips: round_trips + 1, units: units + 0.5 }
                    } else {
                        Limit { round_trips, units }
                    };
                    let (total, _) = cost(&log, &name, &request, limit).await;
                    assert_eq!(total, count);
                }
            }
            let total = request(view.clone(), at(0), 0);
            cost(&log, "total", &total, Limit { round_trips: 1, units: 1.0 }).await;
            let facets = PageRequest { facets: true, ..total };
            cost(&log, "facets", &facets, Limit { round_trips: 1, units: 1.0 }).await;
            let page = log.page(view.clone(), count / 2, 100).await;
            let next = request(view, Start::After(page.next().unwrap()), 100);
            cost(&log, "after a cursor", &next, Limit { round_trips: 1, units: near }).await;
            let next = PageRequest { order: Order::OldestFirst, ..next };
            cost(&log, "after a cursor", &next, Limit { round_trips: 1, units: near + 0.5 }).await;
        }
        for scope in [project(), environment()] {
            let whole = PageRequest { is_whole: true, ..PageRequest::newest(View::of(scope), 100) };
            cost(&log, "with the client", &whole, Limit { round_trips: 3, units: 55.0 }).await;
        }
        let page = log.page(whole(3), count / 3, 1).await;
        let (entry, usage) = measure(log.store.activity(page.activities[0].id)).await;
        assert_eq!(entry.unwrap().map(|entry| entry.id), Some(page.activities[0].id));
        println!("one entry: {} read units, {} round trips", usage.read_units, usage.round_trips);
        assert!(usage.round_trips == 1 && usage.read_units <= 1.0, "{usage:?}");
        ranges_cost(&log, count).await;
        cursors_cost(&log, count).await;
    }
}

/// Pages and totals of a time range.
async fn ranges_cost(log: &Log, count: u64) {
    let at = |number: u64| Some(millis(START + 60_000 * i64::try_from(number).unwrap()));
    let range = TimeRange { since: at(count / 10 + 7), until: at(count / 10 * 9 + 7) };
    for view in [whole(3), filtered(project(), Some("function"), Some("create"))] {
        let is_filtered = view.filter != Filter::default();
        for (order, offset, limit, round_trips, units) in [
            (Order::NewestFirst, 0, 0, 2, 4.5),
            (Order::NewestFirst, 0, 100, if is_filtered { 5 } else { 2 }, 30.0),
            (Order::NewestFirst, count / 10, 100, 6, 30.0),
            (Order::OldestFirst, count / 10, 100, 6, 30.0),
        ] {
            // Facets cost what a total does, and the page beside them no more than without them but
            // for the nodes at both ends of the range.
            for facets in [false, true] {
                let units = if facets && limit > 0 { units + 1.0 } else { units };
                let request = request(view.clone(), Start::Offset(offset), limit);
                let request = PageRequest { range, order, facets, ..request };
                let name =
                    format!("range, filter {is_filtered}, {order:?}, {offset}, {limit}, {facets}");
                let (total, _) = cost(log, &name, &request, Limit { round_trips, units }).await;
                assert!(is_filtered || total == count / 10 * 8, "{total}");
            }
        }
    }
}

/// Pages after a cursor outside of the range that they are of, and what names where a list goes on later.
async fn cursors_cost(log: &Log, count: u64) {
    let at = |number: u64| Some(millis(START + 60_000 * i64::try_from(number).unwrap()));
    let range = TimeRange { since: at(count / 10 + 7), until: at(count / 10 * 9 + 7) };
    for (view, units) in [(whole(3), 9.5), (View::of(project()), 7.5)] {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let first = PageRequest { order, ..request(view.clone(), Start::Offset(0), 1) };
            let next = log.store.page(&first).await.unwrap().next().unwrap();
            let page =
                PageRequest { range, order, ..request(view.clone(), Start::After(next), 100) };
            let limit = Limit { round_trips: 2, units };
            cost(log, "after a cursor before the range", &page, limit).await;
        }
    }
    let rare = filtered(project(), Some("function"), Some("create"));
    let oldest = |view: &View, start, limit| PageRequest {
        order: Order::OldestFirst,
        ..request(view.clone(), start, limit)
    };
    let total = log.page(rare.clone(), 0, 0).await.total;
    for (name, view, start, limit, round_trips, units) in [
        ("the last page", View::of(project()), Start::Offset(count - 9), 100, 2, 2.0),
        ("the last page, filtered", rare.clone(), Start::Offset(total - 9), 100, 5, 9.0),
        ("no page", View::of(project()), Start::Offset(0), 0, 1, 1.0),
        ("no page, at the end", View::of(project()), Start::Offset(count), 0, 2, 1.5),
        ("no page, in the middle", View::of(project()), Start::Offset(count / 2), 0, 3, 2.0),
        ("no page, in the middle, filtered", rare, Start::Offset(total / 2), 0, 5, 4.5),
    ] {
        cost(log, name, &oldest(&view, start, limit), Limit { round_trips, units }).await;
    }
}

/// Histograms of all time and of a part of it, of any filter, alone, and with facets beside them.
async fn histograms_cost(log: &Log, count: u64, views: &[View]) {
    let at = |number: u64| Some(millis(START + 60_000 * i64::try_from(number).unwrap()));
    let all = TimeRange::default();
    let most = TimeRange { since: at(count / 10 + 7), until: at(count / 10 * 9 + 7) };
    let few = TimeRange { since: at(count / 2), until: at(count / 2 + count / 1_000) };
    let beyond = TimeRange { since: None, until: at(count * 3) };
    for view in views {
        let is_filtered = view.filter != Filter::default();
        for (name, range) in [("all", all), ("most", most), ("few", few), ("beyond", beyond)] {
            for (parts, facets) in [(1_u32, false), (24, true), (60, false), (100, true)] {
                let units = f64::from(2 * (parts + 1) + 5);
                let histogram = u64::from(parts).try_into().ok();
                let total = PageRequest::newest(view.clone(), 0);
                let request = PageRequest { range, facets, histogram, ..total };
                let name = format!("{parts} parts of {name}, filter {is_filtered}, {facets}");
                let (total, _) = cost(log, &name, &request, Limit { round_trips: 4, units }).await;
                let counts = log.store.page(&request).await.unwrap().histogram.unwrap().counts;
                assert_eq!(counts.iter().sum::<u64>(), total, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_filtered_page_costs_by_how_far_its_matches_are_apart_and_never_more_than_a_bound() {
    let count = entries();
    // A hundred matches so far apart that each is in a node of its own, and more pairs, are at a
    // million only.
    let lengths = if count < 1_000_000 { vec![(25, 0.0)] } else { vec![(25, 150.0), (49, 190.0)] };
    for (pairs, bound) in lengths {
        let log = log_of(count, spread(pairs)).await;
        println!("{count} entries of {pairs} pairs");
        for (nth, units) in [
            (2, 15.0),
            (5, 33.0),
            (10, 53.0),
            (20, 58.0),
            (100, 66.0),
            (1_000, 115.0),
            (10_000, 115.0),
        ] {
            let view = View { scope: project(), filter: every(nth) };
            let limit = || Limit { round_trips: 5, units: f64::max(units, bound) };
            let total = (count + nth - 1 - first(nth)) / nth;
            for offset in [0, 7, total / 2, total / 3, total * 4 / 5] {
                let name = format!("one in {nth}, offset {offset}");
                let request = request(view.clone(), Start::Offset(offset), 100);
                let (counted, _) = cost(&log, &name, &request, limit()).await;
                assert_eq!(counted, total);
            }
            let exact = request(view.clone(), Start::Offset(0), 0);
            cost(&log, "total", &exact, Limit { round_trips: 1, units: 1.0 }).await;
            let facets = PageRequest { facets: true, ..exact };
            cost(&log, "facets", &facets, Limit { round_trips: 1, units: 1.0 }).await;
            let page = log.page(view.clone(), total / 2, 1).await;
            if let Some(next) = page.next() {
                for order in [Order::NewestFirst, Order::OldestFirst] {
                    let next = request(view.clone(), Start::After(next), 100);
                    let next = PageRequest { order, ..next };
                    cost(&log, "after a cursor", &next, limit()).await;
                }
            }
        }
        // What is left when nearly everything is excluded costs as much as what is asked for.
        let except = (0..20).filter(|kind| kind % 10 > 0).map(|kind| Some(format!("type{kind}")));
        let resource_type = Facet { except: except.collect(), ..Facet::default() };
        let filter = Filter { resource_type, ..Filter::default() };
        let request = PageRequest::newest(View { scope: project(), filter }, 100);
        let limit = Limit { round_trips: 5, units: f64::max(53.0, bound) };
        assert_eq!(cost(&log, "exclusions", &request, limit).await.0, count / 10);
        let rare = View { scope: project(), filter: every(1_000) };
        histograms_cost(&log, count, &[View::of(project()), request.view, rare]).await;
    }
}

/// Write units of each of many appends in batches of `size`.
async fn append_units(workload: &mut Workload, log: &Log, size: u32) -> f64 {
    // Many blocks, in time.
    let appends = if size == 1 { 1_920 } else { 6_400.min(u32::try_from(entries()).unwrap()) };
    let mut written = 0.0;
    for _ in 0..appends / size {
        log.advance(60_000);
        let batch: Vec<NewActivity> = (0..size).map(|_| workload.next()).collect();
        let (recorded, usage) = measure(log.logger.append_batch(user(3), batch)).await;
        recorded.unwrap();
        // Once in 64 entries of a scope, the nodes that they extend are read, too.
        assert!(usage.round_trips <= 3, "{usage:?}");
        written += usage.write_units;
    }
    written / f64::from(appends)
}

async fn appends_cost(workload: fn() -> Workload, limits: [f64; 3]) {
    for (size, limit) in [1, 10, 25].into_iter().zip(limits) {
        let log = Log::new().await;
        let units = append_units(&mut workload(), &log, size).await;
        println!("in batches of {size}: {units:.2} write units an append");
        assert!(units <= limit, "{size}: {units}");
    }
}

#[tokio::test]
async fn an_append_costs_its_copies_and_its_heads_and_next_to_nothing_for_the_rest() {
    appends_cost(Workload::w1, [11.5, 6.0, 5.6]).await;
}

#[tokio::test]
async fn an_append_to_one_of_many_projects_costs_hardly_more() {
    appends_cost(Workload::w3, [11.5, 9.1, 8.3]).await;
}

#[tokio::test]
async fn a_key_costs_one_more_item_and_one_read() {
    let log = log_of(100, Workload::w1()).await;
    let mut workload = Workload::w1();
    log.advance(60_000);
    let plain = measure(log.logger.append(user(3), workload.next())).await.1;
    log.advance(60_000);
    let keyed = workload.next().idempotency_key("k");
    let keyed = measure(log.logger.append(user(3), keyed)).await.1;
    assert_eq!(
        (plain.round_trips, keyed.round_trips),
        (2, 2),
        "read the heads, write the transaction"
    );
    assert_eq!(plain.read_units.to_string(), "3", "three heads");
    assert_eq!((keyed.read_units - plain.read_units).to_string(), "1");
    assert_eq!((keyed.write_units - plain.write_units).to_string(), "2");
}

#[tokio::test]
async fn fifty_appends_at_once_share_a_few_transactions() {
    let log = log_of(100, Workload::w1()).await;
    let mut workload = Workload::w1();
    let appends = (0..50).map(|_| log.logger.append(user(3), workload.next()));
    let (recorded, usage) = measure(join_all(appends)).await;
    assert!(recorded.into_iter().all(|one| one.is_ok()));
    println!("50 at once: {usage:?}");
    // A read of the heads before the first; then each transaction goes on from the one before.
    assert!(usage.calls <= 1 + 4, "{usage:?}");
    assert_eq!(log.verify(3).await.entries, 150);
}

/// What DynamoDB counts of an item (AWS: "DynamoDB item sizes and formats").
fn size(item: &HashMap<String, AttributeValue>) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(number) => number.trim_end_matches('0').len().div_ceil(2) + 1,
        other => panic!("{other:?}"),
    };
    item.iter().map(|(name, one)| name.len() + value(one)).sum()
}

#[tokio::test]
async fn an_entry_takes_few_bytes_all_told() {
    const ENTRIES: u64 = 12_800;
    const OVERHEAD: usize = 100;
    let log = log_of(ENTRIES, Workload::w1()).await;
    let mut bytes = 0;
    for (table, index) in [
        ("ActivitiesTable", None),
        ("ActivitiesTable", Some("user")),
        ("ActivitiesTable", Some("project")),
        ("ActivitiesTable", Some("environment")),
        ("LedgerTable", None),
    ] {
        let scan = log.client.scan().table_name(table).set_index_name(index.map(str::to_owned));
        let items = scan.into_paginator().items().send().collect::<Result<Vec<_>, _>>();
        let of_table: usize = items.await.unwrap().iter().map(|item| size(item) + OVERHEAD).sum();
        println!("{table} {index:?}: {} bytes an entry", of_table as u64 / ENTRIES);
        bytes += of_table;
    }
    let each = bytes as u64 / ENTRIES;
    println!("{each} bytes an entry");
    assert!(each <= 1_850, "{each}");
}
