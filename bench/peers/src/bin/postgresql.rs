//! The peer on PostgreSQL as a Lambda function.

use peers::{Failure, api, postgresql};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    api::run(postgresql::Peer::from_env().await?).await
}
