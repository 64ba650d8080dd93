//! Cursors: where they lead, and what becomes of one that leads nowhere.

use activity_log::store::{Cursor, Order, PageError, PageRequest, SortKey, Start};
use activity_log_local::kit::{Log, full, millis, request, user, whole};

#[tokio::test]
async fn a_cursor_that_names_no_place_of_the_list_is_refused() {
    let log = Log::new().await;
    log.logger.append_batch(user(3), (0..30).map(full)).await.unwrap();
    log.logger.append(user(8), full(1)).await.unwrap();
    let theirs = log.page(whole(8), 0, 1).await.activities.remove(0);
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let page = |start| {
            let request = PageRequest { order, ..request(whole(3), start, 10) };
            let store = log.store.clone();
            async move { store.page(&request).await }
        };
        let first = page(Start::Offset(0)).await.unwrap();
        let good = first.next().unwrap();
        let second = page(Start::After(good)).await.unwrap();
        assert_eq!((second.offset, second.total), (10, 30));

        let elsewhere = |position| Cursor { position, ..good };
        let moved = |by: i64| {
            let at = SortKey { created_at: millis(good.at.created_at.as_millis() + by), ..good.at };
            Cursor { at, ..good }
        };
        let foreign =
            Cursor { position: 1, at: SortKey { created_at: theirs.created_at, id: theirs.id } };
        for cursor in [
            elsewhere(1),
            elsewhere(good.position + 1),
            elsewhere(good.position - 1),
            elsewhere(30),
            elsewhere(31),
            elsewhere(activity_log::id::MAX_ID),
            moved(-100_000),
            moved(100_000),
            foreign,
        ] {
            let answer = page(Start::After(cursor)).await;
            assert!(
                matches!(answer, Err(PageError::ForeignCursor)),
                "{order:?} {cursor:?} {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_cut_page_leads_on_to_the_entry_after_the_cut() {
    let log = Log::new().await;
    log.logger.append_batch(user(3), (0..30).map(full)).await.unwrap();
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let at = |start, limit| PageRequest { order, ..request(whole(3), start, limit) };
        let whole = log.store.page(&at(Start::Offset(0), 30)).await.unwrap();
        for count in 1..30 {
            let mut page = whole.clone();
            page.cut(count);
            assert!(page.has_more);
            let rest = at(Start::After(page.next().unwrap()), 30);
            let rest = log.store.page(&rest).await.unwrap();
            assert_eq!(rest.activities, whole.activities[count..], "{order:?} {count}");
        }
        let mut uncut = whole.clone();
        uncut.cut(30);
        assert_eq!(uncut, whole);
    }
}
