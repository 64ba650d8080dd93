//! A log of some entries, for the benches that measure one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use activity_log::ActivityLogger;
use activity_log::directory::NameChange;
use activity_log::id::IdSource;
use activity_log::store::PageRequest;
use activity_log::time::{Clock, Timestamp};
use activity_log::view::{Scope, View};

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::log::{START, activities, names, user};

const GET: &str = include_str!("../../events/get-activity.json");

/// How many entries are appended at once.
const BATCH: u64 = 20;

/// Writes `entries` activities and the names to the DynamoDB at `endpoint`, a minute between each
/// twenty, and gives the id of the hundredth newest. The ids are the same in every run.
///
/// # Errors
/// If it is not written, or the log has entries already.
pub async fn fill(endpoint: &str, entries: u64) -> Result<u64, Failure> {
    let store = activity_log_local::store(endpoint);
    store.write_names(&names().map(NameChange::Set)).await?;
    let now = Arc::new(AtomicI64::new(START));
    let time = Arc::clone(&now);
    let clock = Clock::new(move || {
        Timestamp::from_millis(time.load(Ordering::SeqCst)).unwrap_or(Timestamp::MIN)
    });
    let ids = IdSource::new(fastrand::Rng::with_seed(1));
    let logger = ActivityLogger::new(store.clone()).with_ids(ids).with_clock(clock);
    for first in (0..entries).step_by(usize::try_from(BATCH)?) {
        now.fetch_add(60_000, Ordering::SeqCst);
        let batch = activities(first..entries.min(first + BATCH))?;
        logger.append_batch(user(), batch).await?;
    }
    let newest = PageRequest::newest(View::of(Scope::User(user())), 100);
    let page = store.page(&newest).await?;
    if page.total != entries {
        return Err(format!("the log has {} entries", page.total).into());
    }
    Ok(page.activities.last().ok_or("the log is empty")?.id.get())
}

/// The event of a request for the entry with this id.
///
/// # Errors
/// None.
pub fn get_event(id: u64) -> Result<Value, Failure> {
    let mut event: Value = serde_json::from_str(GET)?;
    let path = format!("/api/activities/{id}");
    event["rawPath"] = path.clone().into();
    event["requestContext"]["http"]["path"] = path.into();
    event["pathParameters"] = json!({"id": id.to_string()});
    Ok(event)
}
