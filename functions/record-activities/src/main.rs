//! Starts the function: configuration and connections first, then messages.

use lambda_runtime::{Error, run, service_fn, tracing};
use record_activities::{Recorder, handler};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let recorder = Recorder::from_env().await?;
    run(service_fn(|event| handler(&recorder, event))).await
}
