//! How a function starts on Lambda: its log, and its clients of AWS.
//!
//! A function has its region, its credentials and its endpoints in its environment (AWS: "Defined
//! runtime environment variables"). So its binary has neither the SDK's usual search for them, in files,
//! containers and instances, nor the log filter that `lambda_http` would install: no function would use
//! them. A service that records runs anywhere, and has that search: [`Store::connect`].

use std::str::FromStr;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use tracing::level_filters::LevelFilter;

use crate::config::{self, ConfigError};
use crate::store::{Store, retries, timeouts};

/// Writes what is logged to standard output: at the level `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG`, else
/// `INFO`; as JSON if `AWS_LAMBDA_LOG_FORMAT` says so (AWS: "Configuring advanced logging controls").
pub fn init_log() {
    let level = config::environment("AWS_LAMBDA_LOG_LEVEL");
    let level = level.or_else(|| config::environment("RUST_LOG"));
    let level = level_of(level.as_deref().unwrap_or_default());
    let subscriber =
        tracing_subscriber::fmt().with_target(false).without_time().with_max_level(level);
    if config::environment("AWS_LAMBDA_LOG_FORMAT")
        .is_some_and(|it| it.eq_ignore_ascii_case("json"))
    {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
}

/// The level of this name; `INFO` if there is none. Lambda's `FATAL` is above all that there are.
fn level_of(name: &str) -> LevelFilter {
    if name.eq_ignore_ascii_case("FATAL") {
        return LevelFilter::ERROR;
    }
    LevelFilter::from_str(name).ok().filter(|_| !name.is_empty()).unwrap_or(LevelFilter::INFO)
}

/// The store of the tables that the environment names.
///
/// # Errors
/// [`ConfigError`] naming the variable that is missing.
pub fn store() -> Result<Store, ConfigError> {
    let tables = config::tables(&config::environment)?;
    Ok(Store::new(&Client::new(&sdk_config("AWS_ENDPOINT_URL_DYNAMODB")), tables))
}

/// The configuration of an AWS client, with a limit on every wait. `endpoint` is the variable that may
/// name another endpoint than the region's.
#[must_use]
pub fn sdk_config(endpoint: &str) -> SdkConfig {
    let endpoint = config::environment(endpoint);
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(config::environment("AWS_REGION").map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(timeouts())
        .retry_config(retries());
    builder.set_endpoint_url(endpoint.or_else(|| config::environment("AWS_ENDPOINT_URL")));
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_one_of_lambda_or_info() {
        for (name, level) in [
            ("", LevelFilter::INFO),
            ("TRACE", LevelFilter::TRACE),
            ("debug", LevelFilter::DEBUG),
            ("INFO", LevelFilter::INFO),
            ("Warn", LevelFilter::WARN),
            ("ERROR", LevelFilter::ERROR),
            ("FATAL", LevelFilter::ERROR),
            ("fatal", LevelFilter::ERROR),
            ("activity_log=debug", LevelFilter::INFO),
        ] {
            assert_eq!(level_of(name), level, "{name}");
        }
    }
}
