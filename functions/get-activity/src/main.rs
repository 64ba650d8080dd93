//! Starts the function: configuration and connections first, then requests.

use activity_log::http::Api;
use get_activity::handler;
use lambda_http::{Error, run, service_fn, tracing};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let api = Api::from_env().await?;
    run(service_fn(|request| async { Ok::<_, Error>(handler(&api, request).await) })).await
}
