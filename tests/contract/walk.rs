//! Walks by cursor while a writer appends: nothing repeated, nothing skipped.

use std::sync::atomic::{AtomicBool, Ordering};

use activity_log::NewActivity;
use activity_log::logger::ActivityLogger;
use activity_log_local::kit::user;

use crate::support::Fixture;

/// Appends one or a few at a time until it is told to stop; says how often it did.
async fn write(logger: &ActivityLogger, stop: &AtomicBool) -> usize {
    let mut number = 0_usize;
    while !stop.load(Ordering::SeqCst) {
        let batch = (0..=number % 3).map(|part| {
            NewActivity::new(if (number + part).is_multiple_of(2) { "invoke" } else { "update" })
                .resource("function", 5.try_into().unwrap())
                .environment(4.try_into().unwrap(), 4.try_into().unwrap())
        });
        logger.append_batch(user(3), batch).await.unwrap();
        number += 1;
    }
    number
}

/// The ids of a walk, and the most entries that one of its pages said there were.
async fn walk(fixture: &Fixture, query: &str, max: usize) -> (Vec<u64>, u64) {
    let (mut ids, mut total, mut cursor) = (Vec::new(), 0, String::new());
    while ids.len() < max {
        let response = fixture.list(&format!("{query}&cursor={cursor}")).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert!(response.pagination()["total"].as_u64().unwrap() >= total);
        total = response.pagination()["total"].as_u64().unwrap();
        ids.extend(response.ids());
        match response.next() {
            Some(next) => cursor = next,
            None => break,
        }
    }
    (ids, total)
}

async fn walk_beside_a_writer(limit: usize, before: usize) {
    let fixture = Fixture::new().await;
    fixture.record(before).await;
    let views =
        ["", "action=invoke", "projectSlug=my-project&environmentSlug=production&action=update"];
    for view in views {
        for order in ["desc", "asc"] {
            let query = format!("{view}&order={order}&limit={limit}");
            let stop = AtomicBool::new(false);
            // A walk to the end of a log that grows would never end.
            let max = if order == "asc" { before + 10 * limit.min(3) } else { usize::MAX };
            let walked = async {
                let walked = walk(&fixture, &query, max).await;
                stop.store(true, Ordering::SeqCst);
                walked
            };
            let ((ids, total), written) = tokio::join!(walked, write(&fixture.logger, &stop));
            assert!(written > 1, "{query}");
            let (mut log, _) =
                walk(&fixture, &format!("{view}&order=asc&limit=1000"), usize::MAX).await;
            if order == "desc" {
                // From the newest when it began to the oldest.
                let newest = log.iter().position(|id| *id == ids[0]).unwrap();
                log.truncate(newest + 1);
                log.reverse();
            } else {
                log.truncate(ids.len());
            }
            assert_eq!(ids, log, "{query}");
            assert!(total >= ids.len() as u64, "{query}");
        }
    }
}

#[tokio::test]
async fn a_walk_of_single_entries_repeats_and_skips_nothing_while_a_writer_appends() {
    walk_beside_a_writer(1, 60).await;
}

#[tokio::test]
async fn a_walk_of_a_thousand_repeats_and_skips_nothing_while_a_writer_appends() {
    walk_beside_a_writer(1_000, 2_500).await;
}
