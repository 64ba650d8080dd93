//! The peer on DynamoDB as a Lambda function.

use peers::{Failure, api, dynamodb};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    api::run(dynamodb::Peer::from_env().await?).await
}
