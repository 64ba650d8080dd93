//! What an answer costs: trips in sequence and capacity units, as the store counts it.

use activity_log::store::{Order, PageRequest, Start, TimeRange, measure};

use crate::support::{Log, START, full, millis, request, user, whole, with_facets};

const ENTRIES: u64 = 100_000;

/// A log of `count` entries, one each second.
async fn log_of(count: u64) -> Log {
    let log = Log::new().await;
    let mut number = 0;
    while number < count {
        let end = (number + 1_000).min(count);
        let batch = (number..end).map(|number| {
            let mut activity = full(number);
            activity.occurred_at = Some(millis(START + 1_000 * i64::try_from(number).unwrap()));
            activity
        });
        log.advance(1_000_000);
        log.logger.append_batch(user(3), batch).await.unwrap();
        number = end;
    }
    // Away from the milliseconds whose ids are taken.
    log.advance(1_000_000);
    log
}

// On one thread: with more, a call can be answered before the one beside it is made, and would
// then count as a trip of its own.
#[tokio::test]
async fn a_page_costs_the_same_at_every_depth_of_a_long_log() {
    let log = log_of(ENTRIES).await;
    let faceted = || with_facets(whole(3).scope, Some("function"), Some("create"));
    let matching = ENTRIES / 2;
    // Trips in sequence and capacity units that a page may take.
    let cases = [
        (whole(3), 0, 100, ENTRIES, 1, 9.0),
        (whole(3), 19, 100, ENTRIES, 1, 11.0),
        (whole(3), 20, 100, ENTRIES, 3, 11.0),
        (whole(3), 50_007, 100, ENTRIES, 3, 11.0),
        (whole(3), ENTRIES - 100, 100, ENTRIES, 3, 11.0),
        (whole(3), ENTRIES + 5, 100, ENTRIES, 1, 1.0),
        (whole(3), 0, 0, ENTRIES, 1, 1.0),
        (faceted(), 0, 100, matching, 2, 55.0),
        (faceted(), matching / 2, 100, matching, 4, 58.0),
        (with_facets(whole(3).scope, Some("nothing"), None), 0, 100, 0, 1, 1.0),
    ];
    for (view, offset, limit, total, trips, units) in cases {
        let name = format!("{view}, offset {offset}, limit {limit}");
        let (page, usage) = measure(log.page(view, offset, limit)).await;
        println!("{name}: {usage:?}");
        assert_eq!(page.total, total, "{name}");
        let length = total.saturating_sub(offset).min(limit as u64);
        assert_eq!(page.activities.len() as u64, length, "{name}");
        assert!(usage.trips <= trips, "{name}: {usage:?}");
        assert!(usage.read_units <= units, "{name}: {usage:?}");
    }

    // A time range, counted exactly, and the same far into it.
    let at = |number: i64| Some(millis(START + 1_000 * number));
    let range = TimeRange { since: at(10_000), until: at(90_000) };
    for (order, start, limit, trips, units) in [
        (Order::NewestFirst, Start::Offset(0), 0, 1, 1.5),
        (Order::NewestFirst, Start::Offset(0), 100, 1, 11.0),
        (Order::NewestFirst, Start::Offset(40_000), 100, 3, 12.0),
        (Order::OldestFirst, Start::Offset(40_000), 100, 3, 12.0),
    ] {
        let request = PageRequest { range, order, ..request(whole(3), start, limit) };
        let (page, usage) = measure(log.store.page(&request)).await;
        let page = page.unwrap();
        println!("range, {order:?}, {start:?}, limit {limit}: {usage:?}");
        assert_eq!(page.total, 80_000, "{request:?}");
        assert_eq!(page.activities.len(), limit, "{request:?}");
        assert!(usage.trips <= trips && usage.read_units <= units, "{request:?}: {usage:?}");
    }

    // The next page of a walk, and one entry.
    let page = log.page(whole(3), 50_000, 100).await;
    let after = request(whole(3), Start::After(page.next.unwrap()), 100);
    let (next, usage) = measure(log.store.page(&after)).await;
    assert_eq!(next.unwrap().activities.len(), 100);
    println!("the page after a cursor: {usage:?}");
    assert!(usage.trips == 1 && usage.read_units <= 9.0, "{usage:?}");
    let (entry, usage) = measure(log.store.activity(page.activities[0].id)).await;
    assert_eq!(entry.unwrap().as_ref(), page.activities.first());
    println!("one entry: {usage:?}");
    assert!(usage.trips == 1 && usage.read_units <= 1.0, "{usage:?}");
}

#[tokio::test]
async fn an_append_costs_no_more_than_its_views() {
    let log = log_of(1_000).await;
    let mut written = 0.0;
    for number in 0..100 {
        let (recorded, usage) = measure(log.logger.append(user(3), full(number))).await;
        recorded.unwrap();
        assert_eq!(usage.trips, 2, "read the heads, write the transaction");
        assert_eq!(usage.read_units.to_string(), "3", "three heads");
        written += usage.write_units / 100.0;
    }
    println!("one append: {written} write units");
    assert!(written <= 21.0, "{written} write units for one append");
    let (recorded, usage) = measure(log.logger.append_batch(user(3), (0..25).map(full))).await;
    assert_eq!(recorded.unwrap().len(), 25);
    let written = usage.write_units / 25.0;
    println!("each of a batch of 25: {written} write units");
    assert!(written <= 15.0, "{written} write units for each of a batch of 25");
}

#[tokio::test]
async fn a_facet_that_no_entry_can_have_is_not_looked_up() {
    let log = log_of(10).await;
    // DynamoDB refuses key values longer than 2,048 bytes; no name has a capital letter.
    for name in ["x".repeat(4_000), "Create".to_owned()] {
        let page = log.page(with_facets(whole(3).scope, None, Some(&name)), 5, 10);
        let (page, usage) = measure(page).await;
        assert_eq!((page.total, page.offset, page.has_more), (0, 5, false));
        assert_eq!(usage.calls, 0);
    }
}
