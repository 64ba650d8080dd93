//! The function that answers `GET /api/activities/{id}`.

use activity_log::api::{lambda, routes};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::run(&routes::GET_ACTIVITY).await
}
