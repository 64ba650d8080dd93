//! Configuration: the project's own environment variables, those of functions and of the tool, in one
//! place.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `ACTIVITIES_TABLE` | name of the table of entries | required |
//! | `DIRECTORY_TABLE` | name of the table of names and slugs | required |
//! | `LEDGER_TABLE` | name of the table of heads, blocks and nodes | required |
//! | `JWT_SECRET` | shared secret of HS256 tokens, at least 32 bytes | required, unless `JWT_JWKS_URL` is set |
//! | `JWT_SECRET_PREVIOUS` | the secret before it, whose tokens are still good, during a rotation | none |
//! | `JWT_JWKS_URL` | location of the JWKS of a token provider, whose tokens are signed by RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA | required, unless `JWT_SECRET` is set |
//! | `JWT_USER_ID_CLAIM` | the claim that holds the user id: a name, or a path of names (`app.user_id`) | `sub` |
//! | `JWT_ISSUER` | what `iss` must be: one of these, with commas between them | required with `JWT_JWKS_URL`, else not checked |
//! | `JWT_AUDIENCE` | what `aud`, or `client_id` where there is no `aud`, must be or contain: one of these, with commas between them; `none` if the provider sends neither, so that it is not checked | required with `JWT_JWKS_URL`, else not checked |
//! | `JWT_LEEWAY_SECONDS` | tolerance for `exp` and `nbf`, 0 to 300 | 30 |
//! | `DEAD_LETTER_QUEUE_URL` | where messages go that can never be recorded | they fail, and SQS moves them |
//! | `METRICS_NAMESPACE` | namespace of the metrics in CloudWatch | no metrics |
//! | `PATH_PARAMETERS` | `decoded` as API Gateway hands them over, `encoded` as `cargo lambda watch` does | `decoded` |
//!
//! `function.rs` reads those of a function's log, which are Lambda's. Region, credentials and endpoint are
//! the AWS SDK's own variables. One of them is read here, too: [`LOCAL_JWT_SECRET`] counts only where
//! `AWS_ENDPOINT_URL_DYNAMODB` leads to this machine.

#[cfg(feature = "api")]
mod api;

#[cfg(feature = "api")]
pub use api::{PathParameters, path_parameters, token_rules, verifier};

use crate::store::Tables;
use crate::telemetry::Telemetry;

/// The shared secret of `activities dev`, which everybody knows.
///
/// Whoever has a secret can be any user. So a function refuses this one, unless its DynamoDB is on the
/// same machine: then there is nothing in it but what was put there for development. A function on AWS
/// is never in that case.
pub const LOCAL_JWT_SECRET: &str = "local-development-only-not-a-secret";

/// A variable that keeps the process from starting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is not set, or empty.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// It has an invalid value.
    #[error("environment variable {name} {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with its value, without the value.
        reason: &'static str,
    },
}

/// What finds the value of a variable by its name: [`environment`], or a test's.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Looks a variable up in the process's environment.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The tables that the environment names.
///
/// ```
/// use activity_log::config::tables;
///
/// let variable = |name: &str| Some(format!("audit-{}", name.to_lowercase()));
/// assert_eq!(tables(&variable)?.ledger, "audit-ledger_table");
/// # Ok::<_, activity_log::config::ConfigError>(())
/// ```
///
/// # Errors
/// [`ConfigError`] with the first variable that is missing.
pub fn tables(variables: Variables<'_>) -> Result<Tables, ConfigError> {
    Ok(Tables {
        activities: required(variables, "ACTIVITIES_TABLE")?,
        directory: required(variables, "DIRECTORY_TABLE")?,
        ledger: required(variables, "LEDGER_TABLE")?,
    })
}

/// Where requests and batches are logged, as the environment says.
#[must_use]
pub fn telemetry(variables: Variables<'_>) -> Telemetry {
    Telemetry::new(optional(variables, "METRICS_NAMESPACE"))
}

/// The URL of the queue for messages that can never be recorded, if the environment names one.
#[must_use]
pub fn dead_letter_queue(variables: Variables<'_>) -> Option<String> {
    optional(variables, "DEAD_LETTER_QUEUE_URL")
}

fn optional(variables: Variables<'_>, name: &str) -> Option<String> {
    variables(name).filter(|value| !value.is_empty())
}

fn required(variables: Variables<'_>, name: &'static str) -> Result<String, ConfigError> {
    optional(variables, name).ok_or(ConfigError::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn with<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_missing_variable_is_named() {
        let set = [("ACTIVITIES_TABLE", "a"), ("DIRECTORY_TABLE", "d"), ("LEDGER_TABLE", "")];
        assert_eq!(tables(&with(&set)), Err(ConfigError::Missing("LEDGER_TABLE")));
    }
}
