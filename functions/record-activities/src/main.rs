//! Starts the function: configuration and connections first, then messages.

use activity_log::function;
use lambda_runtime::{Error, run, service_fn};
use mimalloc::MiMalloc;
use record_activities::{Recorder, handler};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::init_log();
    let recorder = Recorder::from_env().await?;
    run(service_fn(|event| handler(&recorder, event))).await
}
