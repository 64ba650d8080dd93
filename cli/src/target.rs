//! Which log a command is about.

use activity_log::config::{self, ConfigError};
use activity_log::store::Store;
use activity_log_local as local;
use clap::Args;

use crate::failure::Failure;

/// The port that `activities dev` serves its embedded DynamoDB at unless told otherwise.
pub(crate) const DYNAMODB_PORT: u16 = 8000;

/// Options of every command that reads or writes a log.
#[derive(Args)]
pub(crate) struct Target {
    /// Use the endpoint, credentials and table names of `activities dev`. A different
    /// port is taken from AWS_ENDPOINT_URL_DYNAMODB
    #[arg(long)]
    local: bool,
}

impl Target {
    /// Connects to the log.
    pub(crate) async fn store(&self) -> Result<Store, Failure> {
        if self.local {
            let endpoint = config::environment("AWS_ENDPOINT_URL_DYNAMODB")
                .unwrap_or_else(|| local::endpoint(DYNAMODB_PORT));
            return Ok(local::store(&endpoint));
        }
        let tables = config::tables(&config::environment).map_err(|error| match error {
            ConfigError::Missing(name) => {
                format!("environment variable {name} is not set (or did you mean --local?)").into()
            }
            _ => Failure::from(error),
        })?;
        Ok(Store::connect(tables).await)
    }
}
