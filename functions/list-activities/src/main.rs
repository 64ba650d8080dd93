//! Starts the function: configuration and connections first, then requests.

use activity_log::api::{Api, serve};
use lambda_http::{Error, tracing};
use list_activities::handler;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let api = Api::from_env().await?;
    serve(api.path_parameters, |request| handler(&api, request)).await
}
