//! The log on one machine, without an AWS account: an embedded DynamoDB served over loopback HTTP,
//! its tables made from `template.yaml`, the one place that declares them.
//!
//! Used by `activities dev` and by the tests. Nothing here is part of a function.

pub mod engine;
pub mod faults;
pub mod folder;
pub mod http;
pub mod kit;
pub mod provider;
pub mod template;

use activity_log::store::{Store, Tables, retries, timeouts};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region};

/// The shared secret of tokens in local development. It protects nothing.
pub const JWT_SECRET: &str = activity_log::config::LOCAL_JWT_SECRET;

/// The region that the embedded DynamoDB pretends to be in.
pub const REGION: &str = "us-east-1";

/// The access key id, and the secret access key, that the embedded DynamoDB takes.
pub const ACCESS_KEY: &str = "local";

/// The endpoint of the embedded DynamoDB at `port`.
#[must_use]
pub fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The SDK configuration for a DynamoDB at `endpoint` on this machine.
#[must_use]
pub fn client_config(endpoint: &str) -> Builder {
    Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY, ACCESS_KEY, None, None, "local"))
        .endpoint_url(endpoint)
        .timeout_config(timeouts())
        .retry_config(retries())
}

/// A client for a DynamoDB at `endpoint` on this machine.
#[must_use]
pub fn client(endpoint: &str) -> Client {
    Client::from_conf(client_config(endpoint).build())
}

/// What a function is told of the log in a DynamoDB at `endpoint` on this machine, and of the tokens of
/// local development: environment variables.
#[must_use]
pub fn variables(endpoint: &str) -> [(&'static str, String); 8] {
    let Tables { activities, directory, ledger } = tables();
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY.to_owned()),
        ("ACTIVITIES_TABLE", activities),
        ("DIRECTORY_TABLE", directory),
        ("LEDGER_TABLE", ledger),
        ("JWT_SECRET", JWT_SECRET.to_owned()),
    ]
}

/// The tables: called as in `template.yaml`.
#[must_use]
pub fn tables() -> Tables {
    Tables {
        activities: "ActivitiesTable".to_owned(),
        directory: "DirectoryTable".to_owned(),
        ledger: "LedgerTable".to_owned(),
    }
}

/// The log in a DynamoDB at `endpoint` on this machine.
#[must_use]
pub fn store(endpoint: &str) -> Store {
    Store::new(&client(endpoint), tables())
}
