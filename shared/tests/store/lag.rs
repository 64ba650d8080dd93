//! Indexes that lag behind their table: entries are hidden from them for a while.

use activity_log::Activity;
use activity_log::store::{Order, PageError, PageRequest, Start, Store, StoreError, TimeRange};
use activity_log_local::faults::Faults;

use crate::support::{Log, START, full, millis, request, user, whole, with_facets};

/// A log of 200 entries, a millisecond apart, whose indexes can be made to lag.
struct Lagging {
    /// Kept, because the log ends with it.
    _log: Log,
    faults: Faults,
    store: Store,
    /// Oldest first.
    entries: Vec<Activity>,
}

impl Lagging {
    async fn new() -> Self {
        let log = Log::new().await;
        log.advance(1_000);
        let batch = (0..200).map(|number| {
            let mut activity = full(number);
            activity.occurred_at = Some(millis(START + i64::try_from(number).unwrap()));
            activity
        });
        let recorded = log.logger.append_batch(user(3), batch).await.unwrap();
        let faults = Faults::new(1);
        let store = faults.store(&log.engine.endpoint());
        let entries = recorded.into_iter().map(|recorded| recorded.activity).collect();
        Self { _log: log, faults, store, entries }
    }

    /// The position of an entry, from 1.
    fn position(&self, activity: &Activity) -> usize {
        self.entries.iter().position(|entry| entry == activity).unwrap() + 1
    }

    /// Hides the entries at these positions.
    fn hide(&self, positions: &[usize], queries: u32) {
        let ids = positions.iter().map(|position| self.entries[position - 1].id.get());
        self.faults.hide(ids, queries);
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
}

const FOR_EVER: u32 = u32::MAX;

fn newest(offset: u64, limit: usize) -> PageRequest {
    request(whole(3), Start::Offset(offset), limit)
}

fn oldest(offset: u64, limit: usize) -> PageRequest {
    PageRequest { order: Order::OldestFirst, ..newest(offset, limit) }
}

#[tokio::test]
async fn a_page_with_a_gap_is_read_again_until_the_index_has_caught_up() {
    let lagging = Lagging::new().await;
    lagging.hide(&[199], 2);
    let page = lagging.page(&newest(0, 3)).await.unwrap();
    assert_eq!(page, (vec![200, 199, 198], 200, true));
}

#[tokio::test]
async fn if_the_gap_stays_the_log_ends_just_before_it() {
    let lagging = Lagging::new().await;
    lagging.hide(&[199, 197], FOR_EVER);
    for (request, page) in [
        (newest(0, 1), (vec![200], 200, true)),
        (newest(0, 2), (vec![196, 195], 196, true)),
        (newest(0, 4), (vec![196, 195, 194, 193], 196, true)),
        (newest(2, 2), (vec![194, 193], 196, true)),
        (oldest(195, 10), (vec![196], 196, false)),
        (oldest(190, 10), (vec![191, 192, 193, 194, 195, 196], 196, false)),
    ] {
        assert_eq!(lagging.page(&request).await.unwrap(), page, "{request:?}");
    }
}

#[tokio::test]
async fn an_entry_that_is_not_in_its_index_yet_is_not_in_the_log_yet() {
    let lagging = Lagging::new().await;
    lagging.hide(&[200, 199], FOR_EVER);
    assert_eq!(lagging.page(&newest(0, 2)).await.unwrap(), (vec![198, 197], 198, true));
    assert_eq!(lagging.page(&newest(0, 0)).await.unwrap(), (vec![], 198, true));
}

#[tokio::test]
async fn a_walk_never_passes_an_entry_that_shows_up_late() {
    let lagging = Lagging::new().await;
    let first = lagging.store.page(&newest(0, 5)).await.unwrap();
    let next = request(whole(3), Start::After(first.next.unwrap()), 5);

    // Just after the cursor: there is nothing true to show but that it is not known yet.
    lagging.hide(&[195], FOR_EVER);
    let error = lagging.page(&next).await.unwrap_err();
    assert!(matches!(error, StoreError::IndexLagging { .. }), "{error}");

    // Further on: the page is short, and the walk goes on from there.
    lagging.hide(&[193], FOR_EVER);
    assert_eq!(lagging.page(&next).await.unwrap(), (vec![195, 194], 200, true));
    lagging.hide(&[], 0);
    assert_eq!(lagging.page(&next).await.unwrap().0, [195, 194, 193, 192, 191]);

    // Forwards, the log ends before the gap, and goes on once the entry is there.
    let first = lagging.store.page(&oldest(190, 5)).await.unwrap();
    let next = PageRequest { start: Start::After(first.next.unwrap()), ..oldest(0, 10) };
    lagging.hide(&[198], FOR_EVER);
    assert_eq!(lagging.page(&next).await.unwrap(), (vec![196, 197], 197, false));
}

#[tokio::test]
async fn a_time_range_that_begins_in_the_gap_is_a_prefix_of_the_log() {
    let lagging = Lagging::new().await;
    let since =
        |position: i64| TimeRange { since: Some(millis(START + position - 1)), until: None };
    // 195 is outside of the range, 196 is in it, and 196 is late.
    lagging.hide(&[196], FOR_EVER);
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let request = PageRequest { range: since(196), order, ..newest(0, 3) };
        let (shown, total, _) = lagging.page(&request).await.unwrap();
        assert_eq!((shown, total), (vec![], 0), "{order:?}");
    }
    // 195 is late: without it the range would seem to begin with it.
    lagging.hide(&[195], FOR_EVER);
    let request = PageRequest { range: since(196), ..newest(0, 0) };
    assert_eq!(lagging.page(&request).await.unwrap().1, 0);
}

#[tokio::test]
async fn pages_from_milestones_and_of_facets_see_gaps_too() {
    let lagging = Lagging::new().await;
    // Position 160 is a milestone; the page starts from it.
    lagging.hide(&[155], FOR_EVER);
    let (shown, total, _) = lagging.page(&newest(41, 20)).await.unwrap();
    assert_eq!((shown[0], total), (154 - 41, 154));
    // Entries of even number are databases; nearly all of them were created.
    let view = with_facets(whole(3).scope, Some("database"), None);
    lagging.hide(&[191], FOR_EVER);
    let (shown, total, _) = lagging.page(&request(view, Start::Offset(0), 6)).await.unwrap();
    assert_eq!((shown, total), (vec![189, 187, 185, 183, 181, 179], 95));
}

#[tokio::test]
async fn a_body_that_is_not_found_is_read_again_and_if_it_is_gone_that_is_an_error_with_its_id() {
    let lagging = Lagging::new().await;
    let id = lagging.entries[150].id;
    let view = with_facets(whole(3).scope, Some("database"), None);
    let request = request(view, Start::Offset(0), 100);
    let whole = lagging.page(&request).await.unwrap();
    lagging.faults.hide_body(id.get(), 1);
    assert_eq!(lagging.page(&request).await.unwrap(), whole);
    lagging.faults.hide_body(id.get(), FOR_EVER);
    let error = lagging.page(&request).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { id: missing } if missing == id), "{error:?}");
}
