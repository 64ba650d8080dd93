//! The function that answers `GET /viewer` and `GET /viewer/{file}`.

use activity_log::api::lambda;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::run_viewer(viewer::FILES).await
}
