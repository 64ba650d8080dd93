//! The function that answers `GET /api/activities`.

use activity_log::api::{lambda, routes};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::run(&routes::LIST_ACTIVITIES).await
}
