//! A worker that empties an outbox.
//!
//! A service that must not lose a record, even if it is killed, writes the activity into a table of
//! its own database, in the transaction of what it did. A worker then takes the rows of one user in
//! order, and records them as batches. Whatever happens, it goes on behind what was recorded, and
//! the idempotency keys make it safe to send a row twice: after a crash, or after a response that was
//! lost. This runs by itself, against an embedded DynamoDB that fails for a while:
//!
//! ```sh
//! cargo run --package activity-log --example batch_with_retry
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use activity_log::activity::{action, resource_type};
use activity_log::id::{ResourceId, UserId};
use activity_log::store::PageRequest;
use activity_log::view::{Scope, View};
use activity_log::{ActivityLogger, NewActivity, Report};
use activity_log_local::engine::Engine;
use activity_log_local::faults::{Fault, Faults, Injection, WRITE};
use activity_log_local::kit::TEMPLATE;

/// How long to wait after the first failure, and at most after those that follow it.
const WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(30)];

/// Records all rows of `user` in their order. A row that can never be recorded is returned, with the
/// reason, and the rows behind it are recorded.
async fn empty(
    logger: &ActivityLogger,
    user: UserId,
    outbox: &mut VecDeque<NewActivity>,
) -> Vec<(NewActivity, String)> {
    let mut refused = Vec::new();
    let [mut wait, longest] = WAITS;
    while !outbox.is_empty() {
        let Err(stopped) = logger.append_batch(user, outbox.iter().cloned()).await else {
            outbox.clear();
            break;
        };
        let count = stopped.recorded.len();
        println!("{count} recorded, then: {}", Report(&stopped.error));
        outbox.drain(..count);
        if stopped.error.is_final() {
            let reason = stopped.error.to_string();
            refused.extend(outbox.pop_front().map(|row| (row, reason)));
            continue;
        }
        if count > 0 {
            [wait, _] = WAITS;
        }
        tokio::time::sleep(wait).await;
        wait = longest.min(wait * 2);
    }
    refused
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A service would call ActivityLogger::from_env.
    let engine = Engine::in_memory(TEMPLATE).await?;
    let faults = Faults::new(1);
    let store = faults.store(&engine.endpoint());
    let logger = ActivityLogger::new(store.clone()).with_deadline(Duration::from_secs(1));
    let user = UserId::try_from(3)?;

    let row = |number: u64| {
        let id = ResourceId::try_from(number)?;
        Ok::<_, activity_log::id::InvalidId>(
            NewActivity::new(action::INVOKE)
                .resource(resource_type::FUNCTION, id)
                .idempotency_key(format!("outbox-row-{number}")),
        )
    };
    let mut outbox = (1..=100).map(row).collect::<Result<VecDeque<_>, _>>()?;
    // An activity without an action says nothing that could be recorded.
    outbox.insert(60, NewActivity::new(""));

    // The second transaction meets a DynamoDB that fails for some time.
    let fault = Fault::ServerError;
    faults.inject(Some(Injection { fault, operation: Some(WRITE), after: 1, times: 20 }));
    for (row, reason) in empty(&logger, user, &mut outbox).await {
        println!("never recorded: {row:?}: {reason}");
    }
    let page = store.page(&PageRequest::newest(View::of(Scope::User(user)), 0)).await?;
    println!("{} entries", page.total);
    Ok(())
}
