//! Starts the function: configuration and connections first, then messages.

use activity_log::{ActivityLogger, Chain};
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use record_activities::handler;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let logger = ActivityLogger::from_env().await?;
    // The first batch will try again, and answer for itself.
    if let Err(error) = logger.warm_up().await {
        ::tracing::warn!(error = %Chain(&error), "DynamoDB did not answer");
    }
    run(service_fn(|event: LambdaEvent<_>| handler(&logger, event.payload))).await
}
