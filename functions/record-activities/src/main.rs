//! Starts the function: configuration and connections first, then messages.

use activity_log::{ActivityLogger, Report, config};
use lambda_runtime::{Error, run, service_fn, tracing};
use record_activities::handler;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let telemetry = config::telemetry(&config::environment);
    let logger = ActivityLogger::from_env().await?;
    // The first batch will try again, and answer for itself.
    if let Err(error) = logger.warm_up().await {
        ::tracing::warn!(error = %Report(&error), "DynamoDB did not answer");
    }
    run(service_fn(|event| handler(&logger, &telemetry, event))).await
}
