//! Many writers of one log.

use std::collections::HashSet;
use std::sync::Arc;

use activity_log::logger::ActivityLogger;
use activity_log::store::{Order, PageRequest, Start};
use activity_log_local::kit::{Log, full, request, user, whole};

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_of_one_user_lose_nothing_and_double_nothing() {
    const WRITERS: u64 = 8;
    const APPENDS: u64 = 500;
    let log = Arc::new(Log::new().await);
    let logger = Arc::new(
        ActivityLogger::new(log.store.clone()).with_deadline(std::time::Duration::from_mins(1)),
    );
    let writers = (0..WRITERS).map(|writer| {
        let logger = Arc::clone(&logger);
        tokio::spawn(async move {
            let mut recorded = Vec::new();
            for number in (0..APPENDS).filter(|number| number % WRITERS == writer) {
                let mut activity = full(number);
                if number % 3 == 0 {
                    activity.idempotency_key = Some(format!("k{number}"));
                }
                recorded.push(logger.append(user(3), activity).await.unwrap().activity);
            }
            recorded
        })
    });
    let mut acknowledged = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        acknowledged.extend(writer.await.unwrap());
    }
    let verified = log.verify(3).await;
    assert_eq!(verified.entries, APPENDS);
    let ids: HashSet<_> = acknowledged.iter().map(|activity| activity.id).collect();
    assert_eq!(ids.len() as u64, APPENDS);
    let request = PageRequest {
        order: Order::OldestFirst,
        is_whole: true,
        ..request(whole(3), Start::Offset(0), 1_000)
    };
    let page = log.store.page(&request).await.unwrap();
    acknowledged.sort_by_key(|activity| (activity.created_at, activity.id));
    assert_eq!(page.activities, acknowledged);
}
