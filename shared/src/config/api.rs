//! What only a read function is configured with: who may call it, and how its path comes.

use lambda_http::http::Uri;

use super::{ConfigError, LOCAL_JWT_SECRET, Variables, optional, required};
use crate::auth::{ClaimPath, JwksUrl, Secret, TokenRules, TokenVerifier, is_loopback};

/// How path parameters are handed over to a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathParameters {
    /// Percent-decoded once, as an HTTP API of API Gateway does.
    Decoded,
    /// As they stand in the path, as `cargo lambda watch` does.
    Encoded,
}

/// The audience that says that the token provider sends none.
const NO_AUDIENCE: &str = "none";

/// The largest tolerance for `exp` and `nbf`, in seconds.
const MAX_LEEWAY_SECONDS: u64 = 300;

/// What verifies tokens, as the environment says. An audience of `none` beside a JWKS is logged as a
/// warning: every token of the provider is then good, whatever application it was made for.
///
/// With a JWKS, issuer and audience are required (RFC 8725, sections 3.8 and 3.9): a provider signs
/// tokens for others with the same keys. A shared secret is shared for this API alone.
///
/// # Errors
/// [`ConfigError`] with the first variable that is missing or invalid.
pub fn verifier(variables: Variables<'_>) -> Result<TokenVerifier, ConfigError> {
    let rules = token_rules(variables)?;
    let [secret, previous, url] =
        ["JWT_SECRET", "JWT_SECRET_PREVIOUS", "JWT_JWKS_URL"].map(|name| optional(variables, name));
    let verifier = match (secret, previous, url) {
        (Some(_), _, Some(_)) => {
            return Err(invalid("JWT_JWKS_URL")("cannot be set beside JWT_SECRET"));
        }
        (None, Some(_), _) => {
            return Err(invalid("JWT_SECRET_PREVIOUS")("cannot be set without JWT_SECRET"));
        }
        (Some(current), previous, None) => {
            let current = secret_of(variables, "JWT_SECRET", &current)?;
            let previous = previous
                .map(|previous| secret_of(variables, "JWT_SECRET_PREVIOUS", &previous))
                .transpose()?;
            TokenVerifier::shared_secret(current, previous, rules)
        }
        (None, None, Some(url)) => {
            required(variables, "JWT_ISSUER")?;
            required(variables, "JWT_AUDIENCE")?;
            let url = JwksUrl::new(&url).map_err(invalid("JWT_JWKS_URL"))?;
            if rules.audiences.is_empty() {
                tracing::warn!(
                    "JWT_AUDIENCE is none: a token of the issuer is good whatever application it is for"
                );
            }
            TokenVerifier::jwks(url, rules)
        }
        (None, None, None) => return Err(ConfigError::Missing("JWT_SECRET or JWT_JWKS_URL")),
    };
    Ok(verifier)
}

/// What a token must say besides being signed, as the environment says.
///
/// # Errors
/// [`ConfigError`] with the first variable that is invalid.
pub fn token_rules(variables: Variables<'_>) -> Result<TokenRules, ConfigError> {
    let mut rules = TokenRules::default();
    if let Some(path) = optional(variables, "JWT_USER_ID_CLAIM") {
        rules.user_id_claim = ClaimPath::new(&path).map_err(invalid("JWT_USER_ID_CLAIM"))?;
    }
    if let Some(issuers) = optional(variables, "JWT_ISSUER") {
        rules.issuers = list(&issuers).map_err(invalid("JWT_ISSUER"))?;
    }
    if let Some(audiences) = optional(variables, "JWT_AUDIENCE") {
        let audiences = list(&audiences).map_err(invalid("JWT_AUDIENCE"))?;
        rules.audiences = match audiences.iter().any(|audience| audience == NO_AUDIENCE) {
            true if audiences.len() == 1 => Vec::new(),
            true => return Err(invalid("JWT_AUDIENCE")("must be none, or a list without none")),
            false => audiences,
        };
    }
    if let Some(seconds) = optional(variables, "JWT_LEEWAY_SECONDS") {
        let seconds = seconds.parse().ok().filter(|seconds| *seconds <= MAX_LEEWAY_SECONDS);
        let reason = "must be a number of seconds from 0 to 300";
        rules.leeway_seconds = seconds.ok_or(reason).map_err(invalid("JWT_LEEWAY_SECONDS"))?;
    }
    Ok(rules)
}

const fn invalid(name: &'static str) -> impl Fn(&'static str) -> ConfigError {
    move |reason| ConfigError::Invalid { name, reason }
}

/// The secret in the variable `name`. That of `activities dev` counts only where DynamoDB is on this
/// machine, too.
fn secret_of(
    variables: Variables<'_>,
    name: &'static str,
    secret: &str,
) -> Result<Secret, ConfigError> {
    if secret == LOCAL_JWT_SECRET {
        let endpoint = optional(variables, "AWS_ENDPOINT_URL_DYNAMODB");
        let is_local = endpoint
            .and_then(|endpoint| endpoint.parse::<Uri>().ok())
            .is_some_and(|endpoint| is_loopback(&endpoint));
        if !is_local {
            let reason = "is the secret of `activities dev`, which everybody knows";
            return Err(invalid(name)(reason));
        }
    }
    Secret::new(secret).map_err(invalid(name))
}

/// Values with commas between them.
fn list(text: &str) -> Result<Vec<String>, &'static str> {
    let values: Vec<_> = text.split(',').map(|value| value.trim().to_owned()).collect();
    if values.iter().any(String::is_empty) {
        return Err("must be a value, or values with a comma between each two");
    }
    Ok(values)
}

/// How path parameters are handed over, as the environment says.
///
/// # Errors
/// [`ConfigError`] if the variable has another value than those two.
pub fn path_parameters(variables: Variables<'_>) -> Result<PathParameters, ConfigError> {
    match optional(variables, "PATH_PARAMETERS").as_deref() {
        None | Some("decoded") => Ok(PathParameters::Decoded),
        Some("encoded") => Ok(PathParameters::Encoded),
        Some(_) => Err(invalid("PATH_PARAMETERS")("must be decoded or encoded")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::with;
    use super::*;

    const SECRET: (&str, &str) = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");
    const URL: (&str, &str) = ("JWT_JWKS_URL", "https://id.example/.well-known/jwks.json");
    const ISSUER: (&str, &str) = ("JWT_ISSUER", "https://id.example/");
    const AUDIENCE: (&str, &str) = ("JWT_AUDIENCE", "activities");

    fn check(set: &[(&str, &str)]) -> Result<(), ConfigError> {
        verifier(&with(set)).map(|_| ())
    }

    fn rules(set: &[(&str, &str)]) -> Result<TokenRules, ConfigError> {
        token_rules(&with(set))
    }

    /// The variable that an invalid value is found in.
    fn culprit<T>(outcome: Result<T, ConfigError>) -> &'static str {
        match outcome.map(|_| ()) {
            Err(ConfigError::Invalid { name, .. }) => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_come_from_one_place_that_can_be_trusted() {
        let missing = ConfigError::Missing("JWT_SECRET or JWT_JWKS_URL");
        assert_eq!(check(&[]), Err(missing));
        let url = |url| check(&[("JWT_JWKS_URL", url), ISSUER, AUDIENCE]);
        assert_eq!(url(URL.1), Ok(()));
        assert_eq!(url("http://127.0.0.1:9100/jwks"), Ok(()));
        assert_eq!(culprit(check(&[SECRET, URL, ISSUER, AUDIENCE])), "JWT_JWKS_URL");
        for bad in
            ["http://id.example/jwks", "ftp://id.example", "jwks.json", "https://u:p@id.example/"]
        {
            let error = url(bad).unwrap_err().to_string();
            assert!(error.contains("JWT_JWKS_URL") && !error.contains("u:p"), "{error}");
        }
    }

    #[test]
    fn with_a_jwks_issuer_and_audience_are_required() {
        assert_eq!(check(&[URL, ISSUER, AUDIENCE]), Ok(()));
        assert_eq!(check(&[URL, AUDIENCE]), Err(ConfigError::Missing("JWT_ISSUER")));
        assert_eq!(check(&[URL, ISSUER]), Err(ConfigError::Missing("JWT_AUDIENCE")));
        let empty = ("JWT_AUDIENCE", "");
        assert_eq!(check(&[URL, ISSUER, empty]), Err(ConfigError::Missing("JWT_AUDIENCE")));
        assert_eq!(check(&[URL, ISSUER, ("JWT_AUDIENCE", "none")]), Ok(()));
        // A secret is shared for this API alone.
        assert_eq!(check(&[SECRET]), Ok(()));
        assert_eq!(check(&[SECRET, ISSUER, AUDIENCE]), Ok(()));
    }

    #[test]
    fn issuer_and_audience_are_lists() {
        let one = |name, text| rules(&[(name, text)]);
        let found = one("JWT_ISSUER", "https://a, https://b/").unwrap().issuers;
        assert_eq!(found, ["https://a", "https://b/"]);
        assert_eq!(one("JWT_AUDIENCE", " a ,b c").unwrap().audiences, ["a", "b c"]);
        for none in ["none", " none "] {
            assert_eq!(one("JWT_AUDIENCE", none).unwrap(), TokenRules::default());
        }
        assert_eq!(one("JWT_ISSUER", "none").unwrap().issuers, ["none"]);
        for bad in [",", "a,", ",a", "a,,b", " "] {
            assert_eq!(culprit(one("JWT_ISSUER", bad)), "JWT_ISSUER", "{bad:?}");
            assert_eq!(culprit(one("JWT_AUDIENCE", bad)), "JWT_AUDIENCE", "{bad:?}");
        }
        assert_eq!(culprit(one("JWT_AUDIENCE", "a,none")), "JWT_AUDIENCE");
    }

    #[test]
    fn the_claim_of_the_user_id_is_a_name_or_a_path() {
        let claim = |text| rules(&[("JWT_USER_ID_CLAIM", text)]);
        for good in ["sub", "app.user_id", "https://id.example/user_id"] {
            assert_eq!(claim(good).unwrap().user_id_claim.as_str(), good);
        }
        assert_eq!(claim("").unwrap().user_id_claim.as_str(), "sub");
        for bad in ["app..user_id", "exp", "nbf", "iat"] {
            assert_eq!(culprit(claim(bad)), "JWT_USER_ID_CLAIM", "{bad}");
        }
    }

    #[test]
    fn a_short_secret_is_refused_without_being_shown() {
        for (name, set) in [
            ("JWT_SECRET", &[("JWT_SECRET", "hunter2")][..]),
            ("JWT_SECRET_PREVIOUS", &[SECRET, ("JWT_SECRET_PREVIOUS", "hunter2")]),
        ] {
            let error = check(set).unwrap_err().to_string();
            assert!(error.contains(&format!("{name} ")) && error.contains("32"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_previous_secret_stands_beside_a_secret_and_nothing_else() {
        let previous = ("JWT_SECRET_PREVIOUS", "fedcba9876543210fedcba9876543210");
        assert_eq!(check(&[SECRET, previous]), Ok(()));
        assert_eq!(culprit(check(&[previous])), "JWT_SECRET_PREVIOUS");
        assert_eq!(culprit(check(&[previous, URL, ISSUER, AUDIENCE])), "JWT_SECRET_PREVIOUS");
    }

    #[test]
    fn the_secret_of_local_development_counts_only_beside_a_local_database() {
        let local = ("JWT_SECRET", LOCAL_JWT_SECRET);
        let previous = ("JWT_SECRET_PREVIOUS", LOCAL_JWT_SECRET);
        let endpoint = |url| ("AWS_ENDPOINT_URL_DYNAMODB", url);
        for here in ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"] {
            assert_eq!(check(&[local, endpoint(here)]), Ok(()));
            assert_eq!(check(&[SECRET, previous, endpoint(here)]), Ok(()));
        }
        for elsewhere in [
            "",
            "https://dynamodb.us-east-1.amazonaws.com",
            "http://127.0.0.1.example.com:8000",
            "no URL",
        ] {
            let refused = check(&[local, endpoint(elsewhere)]);
            assert_eq!(culprit(refused), "JWT_SECRET", "{elsewhere}");
            let refused = check(&[SECRET, previous, endpoint(elsewhere)]);
            assert_eq!(culprit(refused), "JWT_SECRET_PREVIOUS", "{elsewhere}");
        }
        // As on AWS, and whatever cargo-lambda sets there, too.
        let on_aws = ("AWS_LAMBDA_FUNCTION_NAME", "list-activities");
        assert_eq!(culprit(check(&[local, on_aws])), "JWT_SECRET");
    }

    #[test]
    fn leeway_is_bounded() {
        for (leeway, good) in
            [("0", true), ("300", true), ("301", false), ("-1", false), ("x", false)]
        {
            let set = [SECRET, ("JWT_LEEWAY_SECONDS", leeway)];
            assert_eq!(check(&set).is_ok(), good, "{leeway}");
        }
        assert_eq!(rules(&[("JWT_LEEWAY_SECONDS", "5")]).unwrap().leeway_seconds, 5);
        assert_eq!(rules(&[]).unwrap().leeway_seconds, 30);
    }
}
