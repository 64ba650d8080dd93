//! A walk over a whole log: how often each action was done, and the last time.
//!
//! The stream reads a page whenever it is asked for more, so a log of any length takes the memory of
//! one page. This runs by itself, against an embedded DynamoDB:
//!
//! ```sh
//! cargo run --package activity-log --example walk
//! ```

use std::collections::BTreeMap;
use std::pin::pin;

use activity_log::activity::{Activity, action};
use activity_log::id::UserId;
use activity_log::store::{Order, PageError, Store, TimeRange};
use activity_log::time::Timestamp;
use activity_log::view::{Scope, View};
use activity_log::{ActivityLogger, NewActivity};
use activity_log_local::engine::Engine;
use futures_util::TryStreamExt;

/// How often each action was done, and when last.
async fn summary(
    store: &Store,
    user: UserId,
) -> Result<BTreeMap<String, (u64, Timestamp)>, PageError> {
    let whole = View::of(Scope::User(user));
    let mut entries = pin!(store.entries(whole, TimeRange::default(), Order::OldestFirst));
    let mut summary: BTreeMap<String, (u64, Timestamp)> = BTreeMap::new();
    while let Some(Activity { created_at, details, .. }) = entries.try_next().await? {
        let (count, last) = summary.entry(details.action).or_insert((0, created_at));
        (*count, *last) = (*count + 1, created_at);
    }
    Ok(summary)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A service would call Store::connect.
    let engine = Engine::in_memory(include_str!("../../template.yaml")).await?;
    let store = activity_log_local::store(&engine.endpoint());
    let user: UserId = 3.try_into()?;
    let actions = [action::CREATE, action::INVOKE, action::INVOKE, action::INVOKE];
    let activities = actions.iter().cycle().take(3_000).map(|action| NewActivity::new(*action));
    ActivityLogger::new(store.clone()).append_batch(user, activities).await?;
    for (action, (count, last)) in summary(&store, user).await? {
        println!("{action}: {count} times, last at {last}");
    }
    engine.stop().await;
    Ok(())
}
