//! A service that logs the creation of a function.
//!
//! With `make run` in another terminal:
//!
//! ```sh
//! AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000 AWS_REGION=us-east-1 \
//! AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local ACTIVITIES_TABLE=ActivitiesTable \
//! DIRECTORY_TABLE=DirectoryTable LEDGER_TABLE=LedgerTable \
//! cargo run --package activity-log --example log_creation
//! ```

use activity_log::activity::{action, resource_type};
use activity_log::{ActivityLogger, NewActivity};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let logger = ActivityLogger::from_env().await?;
    let activity = NewActivity::new(action::CREATE)
        .resource(resource_type::FUNCTION, 5.try_into()?)
        .environment(4.try_into()?, 4.try_into()?)
        .description("Created function \"my-lambda-function\"")
        .idempotency_key("deployment-7f3c");
    let recorded = logger.append(3.try_into()?, activity).await?;
    println!("recorded as {} at {}", recorded.activity.id, recorded.activity.created_at);
    Ok(())
}
