//! The function that answers `GET /api/activities/{id}`.

use activity_log::api::{lambda, routes};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::run(&routes::GET_ACTIVITY).await
}
