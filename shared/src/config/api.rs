//! What only a read function is configured with: who may call it, and how its path comes.

use super::{ConfigError, optional};
use crate::auth::{TokenRules, Verifier};

/// How path parameters are handed over to a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathParameters {
    /// Percent-decoded once, as an HTTP API of API Gateway does.
    Decoded,
    /// As they stand in the path, as `cargo lambda watch` does.
    Encoded,
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

#[cfg(test)]
mod tests {
    use super::super::tests::with;
    use super::*;

    #[test]
    fn keys_come_from_one_place_that_can_be_trusted() {
        let missing = ConfigError::Missing("JWT_SECRET or JWT_JWKS_URL");
        assert_eq!(verifier(&with(&[])).unwrap_err(), missing);
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
