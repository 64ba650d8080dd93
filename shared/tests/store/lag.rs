//! Reads that are late: entries that an index does not show yet, items as a table had them a while
//! ago, and items that are gone.

use activity_log::Activity;
use activity_log::store::{
    Order, PageError, PageRequest, Start, Store, StoreError, TimeRange, measure,
};
use activity_log::view::Scope;
use activity_log_local::faults::Faults;
use activity_log_local::kit::{Log, START, filtered, full, millis, request, user, whole};
use aws_sdk_dynamodb::types::AttributeValue;

/// A log of entries, 200 unless said, a millisecond apart, whose reads can be made late.
struct Late {
    log: Log,
    faults: Faults,
    store: Store,
    /// Oldest first.
    entries: Vec<Activity>,
}

impl Late {
    async fn new() -> Self {
        Self::of(200).await
    }

    async fn of(count: u64) -> Self {
        let log = Log::new().await;
        log.advance(10_000);
        let faults = Faults::new(1);
        let store = faults.store(&log.engine.endpoint());
        let batch = (0..count)
            .map(|number| full(number).occurred_at(millis(START + i64::try_from(number).unwrap())));
        let recorded = log.logger_of(store.clone()).append_batch(user(3), batch).await.unwrap();
        let entries = recorded.into_iter().map(|recorded| recorded.activity).collect();
        Self { log, faults, store, entries }
    }

    /// The position of an entry, from 1.
    fn position(&self, activity: &Activity) -> usize {
        self.entries.iter().position(|entry| entry.id == activity.id).unwrap() + 1
    }

    /// Hides the entries at these positions from all indexes.
    fn hide(&self, positions: &[usize]) {
        let ids = positions.iter().map(|position| self.entries[position - 1].id.get());
        self.faults.hide(ids, u32::MAX);
    }

    /// A page, as its positions and total.
    async fn page(&self, request: &PageRequest) -> Result<(Vec<usize>, u64, bool), StoreError> {
        match self.store.page(request).await {
            Ok(page) => {
                let shown = page.activities.iter().map(|activity| self.position(activity));
                Ok((shown.collect(), page.total, page.has_more))
            }
            Err(PageError::Store(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    /// Deletes an item of the user's ledger.
    async fn delete(&self, item: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let request = self.log.client.delete_item().table_name("LedgerTable");
        request.key("scope", text("user#3")).key("item", text(item)).send().await.unwrap();
    }
}

fn newest(offset: u64, limit: usize) -> PageRequest {
    request(whole(3), Start::Offset(offset), limit)
}

fn oldest(offset: u64, limit: usize) -> PageRequest {
    PageRequest { order: Order::OldestFirst, ..newest(offset, limit) }
}

#[tokio::test]
async fn what_an_index_does_not_show_yet_is_read_from_the_table() {
    let late = Late::new().await;
    late.hide(&[200, 199, 197, 150, 149, 130, 5]);
    let functions = filtered(Scope::User(user(3)), Some("function"), None);
    for (request, shown) in [
        (newest(0, 3), vec![200, 199, 198]),
        (newest(2, 2), vec![198, 197]),
        (newest(50, 2), vec![150, 149]),
        (oldest(0, 6), vec![1, 2, 3, 4, 5, 6]),
        (oldest(195, 10), vec![196, 197, 198, 199, 200]),
    ] {
        let more = shown.last() != Some(&200) && shown.last() != Some(&1);
        assert_eq!(late.page(&request).await.unwrap(), (shown, 200, more), "{request:?}");
    }
    let page = late.page(&PageRequest::newest(functions, 3)).await.unwrap();
    assert_eq!(page, (vec![200, 198, 196], 100, true), "those at even positions");
}

#[tokio::test]
async fn a_walk_never_passes_an_entry_that_an_index_shows_late() {
    let late = Late::new().await;
    let first = late.store.page(&newest(0, 5)).await.unwrap();
    let next = request(whole(3), Start::After(first.next().unwrap()), 5);
    late.hide(&[195, 193]);
    assert_eq!(late.page(&next).await.unwrap(), (vec![195, 194, 193, 192, 191], 200, true));
    let first = late.store.page(&oldest(190, 5)).await.unwrap();
    let next = PageRequest { start: Start::After(first.next().unwrap()), ..oldest(0, 10) };
    late.hide(&[198]);
    assert_eq!(late.page(&next).await.unwrap(), (vec![196, 197, 198, 199, 200], 200, false));
}

#[tokio::test]
async fn a_time_range_is_exact_however_late_its_index_is() {
    let late = Late::new().await;
    let at = |position: i64| Some(millis(START + position - 1));
    for hidden in [&[][..], &[196], &[195], &[190, 191, 192, 193, 194, 195, 196], &[1, 120, 200]] {
        late.hide(hidden);
        for order in [Order::NewestFirst, Order::OldestFirst] {
            for (since, until, range) in [
                (at(196), None, 196..201),
                (at(120), at(196), 120..196),
                (None, at(196), 1..196),
                (at(1), at(2), 1..2),
                (at(196), at(196), 196..196),
                (at(201), None, 201..201),
            ] {
                let range_of_time = TimeRange { since, until };
                let request = PageRequest { range: range_of_time, order, ..newest(0, 300) };
                let mut expected: Vec<usize> = range.collect();
                if order == Order::NewestFirst {
                    expected.reverse();
                }
                let total = expected.len() as u64;
                let page = late.page(&request).await.unwrap();
                assert_eq!(page, (expected, total, false), "{hidden:?} {request:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_histogram_is_exact_however_late_its_index_and_its_blocks_are() {
    let late = Late::of(1_200).await;
    let times: Vec<i64> =
        late.entries.iter().map(|entry| entry.created_at.as_millis() - START).collect();
    let hidden = [&[][..], &[600], &[599, 600, 601], &[601], &[400, 800, 1_200], &[1]];
    let hidden = hidden.map(<[usize]>::to_vec).into_iter().chain([(450..601).collect()]);
    for hidden in hidden {
        late.hide(&hidden);
        let functions = filtered(Scope::User(user(3)), Some("function"), None);
        for (view, nth) in [(whole(3), 1), (functions, 2)] {
            for parts in [1, 2, 3, 5, 100] {
                let total = PageRequest::newest(view.clone(), 0);
                let request = PageRequest { histogram: parts.try_into().ok(), ..total };
                let (page, usage) = measure(late.store.page(&request)).await;
                let histogram = page.unwrap().histogram.unwrap();
                let (first, last) = (times[0], times[1_199] + 1);
                assert_eq!(histogram.from, Some(millis(START + first)));
                assert_eq!(histogram.to, Some(millis(START + last)));
                let parts = i64::try_from(parts).unwrap();
                let begin = |part: i64| first + part * (last - first) / parts;
                let count = |part: i64| {
                    let part = begin(part)..begin(part + 1);
                    // Functions are at even positions.
                    let listed = times.iter().skip(nth - 1).step_by(nth);
                    listed.filter(|time| part.contains(time)).count() as u64
                };
                assert!(histogram.counts.into_iter().eq((0..parts).map(count)), "{hidden:?}");
                // A query whose only row is hidden goes on, with a round trip for each such row.
                let round_trips = 4 + hidden.len();
                assert!(usage.round_trips as usize <= round_trips, "{hidden:?} {parts} {usage:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_found_is_read_again_and_if_it_is_gone_that_is_an_error_with_its_id() {
    let late = Late::new().await;
    let id = late.entries[150].id;
    // Every tenth was invoked: too far apart to be read from an index.
    let view = filtered(Scope::User(user(3)), None, Some("invoke"));
    let request = request(view, Start::Offset(0), 100);
    let whole = late.page(&request).await.unwrap();
    assert!(whole.0.contains(&151), "{whole:?}");
    late.faults.hide_body(id.get(), 1);
    assert_eq!(late.page(&request).await.unwrap(), whole);
    late.faults.hide_body(id.get(), u32::MAX);
    let error = late.page(&request).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { id: missing } if missing == id), "{error:?}");
}

#[tokio::test]
async fn a_part_of_the_ledger_that_is_gone_is_an_error_that_names_it_and_never_a_gap() {
    let late = Late::new().await;
    late.delete("block#0000000001").await;
    let error = late.page(&newest(80, 10)).await.unwrap_err().to_string();
    assert!(error.contains("block#0000000001 of user 3"), "{error}");
    let rare = filtered(Scope::User(user(3)), Some("function"), None);
    let deep = request(rare, Start::Offset(60), 5);
    let error = late.page(&deep).await.unwrap_err().to_string();
    assert!(error.contains("block#0000000001 of user 3"), "{error}");
    late.delete("node#1#0000000000").await;
    let error = late.page(&deep).await.unwrap_err().to_string();
    assert!(error.contains("node#1#0000000000 of user 3"), "{error}");
    assert_eq!(late.page(&newest(0, 3)).await.unwrap().1, 200, "what is not needed is not missed");
}

#[tokio::test]
async fn a_stale_head_is_an_older_log_and_a_cursor_beyond_it_leads_on() {
    let late = Late::new().await;
    let view = || filtered(Scope::User(user(3)), Some("function"), None);
    let request = |start| PageRequest { start, ..PageRequest::newest(view(), 7) };
    let first = late.store.page(&request(Start::Offset(0))).await.unwrap();
    let next = request(Start::After(first.next().unwrap()));
    let expected = late.page(&next).await.unwrap().0;
    // From before there was anything, to three transactions later.
    late.faults.stale_at_random(1.0);
    let mut totals = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let (shown, total, _) = late.page(&request(Start::Offset(0))).await.unwrap();
        let newest = (total > 0).then(|| usize::try_from(total).unwrap() * 2);
        assert_eq!(shown.first().copied(), newest, "{total}");
        totals.insert(total);
        assert_eq!(late.page(&next).await.unwrap().0, expected);
    }
    assert!(totals.len() > 2, "{totals:?}");
}
