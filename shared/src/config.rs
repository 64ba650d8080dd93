//! Configuration: every environment variable that a function or tool reads, in one place.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `ACTIVITIES_TABLE` | name of the table of entries | required |
//! | `DIRECTORY_TABLE` | name of the table of names and slugs | required |
//! | `LEDGER_TABLE` | name of the table of heads, blocks and nodes | required |
//! | `JWT_SECRET` | shared secret of HS256 tokens, at least 32 bytes | required, unless the next is set |
//! | `JWT_JWKS_URL` | where the keys of RS256, ES256 and EdDSA tokens are published | required, unless the one above is set |
//! | `JWT_USER_ID_CLAIM` | the claim that holds the user id | `sub` |
//! | `JWT_ISSUER` | what `iss` must be | not checked |
//! | `JWT_AUDIENCE` | what `aud` must be or contain | not checked |
//! | `JWT_LEEWAY_SECONDS` | tolerance for `exp` and `nbf`, 0 to 300 | 30 |
//! | `DEAD_LETTER_QUEUE_URL` | where messages go that can never be recorded | they fail, and SQS moves them |
//! | `METRICS_NAMESPACE` | namespace of the metrics in CloudWatch | no metrics |
//! | `PATH_PARAMETERS` | `decoded` as API Gateway hands them over, `encoded` as `cargo lambda watch` does | `decoded` |
//!
//! Region, credentials and endpoint are the AWS SDK's own variables.

use crate::store::Tables;
use crate::telemetry::Telemetry;
use crate::token::{TokenRules, Verifier};

/// How path parameters are handed over to a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathParameters {
    /// Percent-decoded once, as an HTTP API of API Gateway does.
    Decoded,
    /// As they stand in the path, as `cargo lambda watch` does.
    Encoded,
}

/// A variable that keeps the process from starting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not set, or empty.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// It has a value that cannot be.
    #[error("environment variable {name} {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with its value, without the value.
        reason: &'static str,
    },
}

/// Looks a variable up in the process's environment.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The tables that the environment names.
///
/// # Errors
/// [`ConfigError`] with the first variable that is missing.
pub fn tables(variable: &dyn Fn(&str) -> Option<String>) -> Result<Tables, ConfigError> {
    Ok(Tables {
        activities: required(variable, "ACTIVITIES_TABLE")?,
        directory: required(variable, "DIRECTORY_TABLE")?,
        ledger: required(variable, "LEDGER_TABLE")?,
    })
}

/// What verifies tokens, as the environment says.
///
/// # Errors
/// [`ConfigError`] with the first variable that is missing or invalid.
pub fn verifier(variable: &dyn Fn(&str) -> Option<String>) -> Result<Verifier, ConfigError> {
    let rules = TokenRules {
        user_id_claim: optional(variable, "JWT_USER_ID_CLAIM").unwrap_or_else(|| "sub".to_owned()),
        issuer: optional(variable, "JWT_ISSUER"),
        audience: optional(variable, "JWT_AUDIENCE"),
        leeway_seconds: match optional(variable, "JWT_LEEWAY_SECONDS") {
            None => 30,
            Some(text) => match text.parse() {
                Ok(seconds) if seconds <= 300 => seconds,
                _ => {
                    return Err(ConfigError::Invalid {
                        name: "JWT_LEEWAY_SECONDS",
                        reason: "must be a number of seconds from 0 to 300",
                    });
                }
            },
        },
    };
    let invalid = |name| move |reason| ConfigError::Invalid { name, reason };
    match (optional(variable, "JWT_SECRET"), optional(variable, "JWT_JWKS_URL")) {
        (Some(secret), None) => {
            Verifier::shared_secret(&secret, rules).map_err(invalid("JWT_SECRET"))
        }
        (None, Some(url)) => Verifier::published_keys(&url, rules).map_err(invalid("JWT_JWKS_URL")),
        (None, None) => Err(ConfigError::Missing("JWT_SECRET or JWT_JWKS_URL")),
        (Some(_), Some(_)) => Err(invalid("JWT_JWKS_URL")("cannot be set beside JWT_SECRET")),
    }
}

/// Where requests and batches are told of, as the environment says.
#[must_use]
pub fn telemetry(variable: &dyn Fn(&str) -> Option<String>) -> Telemetry {
    Telemetry::new(optional(variable, "METRICS_NAMESPACE"))
}

/// The URL of the queue for messages that can never be recorded, if the environment names one.
#[must_use]
pub fn dead_letter_queue(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    optional(variable, "DEAD_LETTER_QUEUE_URL")
}

/// How path parameters are handed over, as the environment says.
///
/// # Errors
/// [`ConfigError`] if the variable has another value than those two.
pub fn path_parameters(
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<PathParameters, ConfigError> {
    match optional(variable, "PATH_PARAMETERS").as_deref() {
        None | Some("decoded") => Ok(PathParameters::Decoded),
        Some("encoded") => Ok(PathParameters::Encoded),
        Some(_) => Err(ConfigError::Invalid {
            name: "PATH_PARAMETERS",
            reason: "must be decoded or encoded",
        }),
    }
}

fn optional(variable: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name).filter(|value| !value.is_empty())
}

fn required(
    variable: &dyn Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<String, ConfigError> {
    optional(variable, name).ok_or(ConfigError::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_missing_variable_is_named() {
        let set = [("ACTIVITIES_TABLE", "a"), ("DIRECTORY_TABLE", "d"), ("LEDGER_TABLE", "")];
        assert_eq!(tables(&with(&set)), Err(ConfigError::Missing("LEDGER_TABLE")));
        let missing = ConfigError::Missing("JWT_SECRET or JWT_JWKS_URL");
        assert_eq!(verifier(&with(&[])).unwrap_err(), missing);
    }

    #[test]
    fn keys_come_from_one_place_that_can_be_trusted() {
        let check = |set: &[(&str, &str)]| verifier(&with(set)).map(|_| ());
        let secret = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");
        let url = |url| ("JWT_JWKS_URL", url);
        let good = "https://id.example/.well-known/jwks.json";
        assert_eq!(check(&[url(good)]), Ok(()));
        assert_eq!(check(&[url("http://127.0.0.1:9100/jwks")]), Ok(()));
        assert!(check(&[secret, url(good)]).is_err());
        for bad in
            ["http://id.example/jwks", "ftp://id.example", "jwks.json", "https://u:p@id.example/"]
        {
            let error = check(&[url(bad)]).unwrap_err().to_string();
            assert!(error.contains("JWT_JWKS_URL") && !error.contains("u:p"), "{error}");
        }
    }

    #[test]
    fn a_short_secret_is_refused_without_being_shown() {
        let error = verifier(&with(&[("JWT_SECRET", "hunter2")])).unwrap_err().to_string();
        assert!(error.contains("JWT_SECRET") && error.contains("32"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn leeway_is_bounded() {
        let secret = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");
        for (leeway, good) in
            [("0", true), ("300", true), ("301", false), ("-1", false), ("x", false)]
        {
            let set = [secret, ("JWT_LEEWAY_SECONDS", leeway)];
            assert_eq!(verifier(&with(&set)).is_ok(), good, "{leeway}");
        }
    }
}
