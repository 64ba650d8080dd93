//! The function that answers `GET /api/activities`.

use activity_log::api::{lambda, routes};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::run(&routes::LIST_ACTIVITIES).await
}
