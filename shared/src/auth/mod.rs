//! Bearer tokens: who is calling.
//!
//! A token is a JWT (RFC 7519), signed either with a shared secret (HS256) or by a provider that
//! publishes its keys (RS256, ES256, EdDSA). Which of the two, and so which algorithms, is
//! configured; what a token says of its own algorithm only ever makes it fail (RFC 8725, section
//! 3.1).

mod jwks;

use std::time::Instant;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value};

pub use jwks::JwksError;
use jwks::KeySet;

use crate::id::UserId;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN_LENGTH: usize = 8 * 1_024;

/// The shortest shared secret, in bytes: the length of the hash (RFC 7518, section 3.2).
const MIN_SECRET_LENGTH: usize = 32;

/// What a token must say besides being signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// The claim that holds the user id, an integer or its decimal text.
    pub user_id_claim: String,
    /// What `iss` must be, if it is checked.
    pub issuer: Option<String>,
    /// What `aud` must be or contain, if it is checked.
    pub audience: Option<String>,
    /// Tolerance for `exp` and `nbf`, in seconds.
    pub leeway_seconds: u64,
}

impl TokenRules {
    /// What must be true of a token of `algorithm`.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.leeway_seconds;
        validation.validate_nbf = true;
        validation.validate_aud = self.audience.is_some();
        let mut required = vec!["exp"];
        if let Some(issuer) = &self.issuer {
            required.push("iss");
            validation.set_issuer(&[issuer]);
        }
        if let Some(audience) = &self.audience {
            required.push("aud");
            validation.set_audience(&[audience]);
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

/// Who is calling: known only from a token that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
}

/// Why a request has no caller. The text is for the caller, so a bad signature and a malformed
/// token are not told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No `Authorization` header, or not of the Bearer scheme.
    #[error("no bearer token")]
    Absent,
    /// Not a JWT, of another algorithm, or not signed by our key.
    #[error("the token is not valid")]
    Invalid,
    /// Past its `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before its `nbf`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Without a claim that is required, or with a value of it that is not accepted.
    #[error("a claim of the token is missing or not accepted")]
    Claims,
    /// Without a user id.
    #[error("the token does not name a user")]
    User,
}

impl TokenError {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Absent, Self::Invalid, Self::Expired, Self::NotYetValid, Self::Claims, Self::User];

    /// What it is called in logs and metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Claims => "claims",
            Self::User => "user",
        }
    }
}

/// Why it is not known who is calling.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It is the caller's fault.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It is not: there are no keys yet to verify any token with.
    #[error("the keys of the token provider cannot be had")]
    Keys(#[from] JwksError),
}

/// Verifies tokens. Make one per process.
#[derive(Debug)]
pub struct Verifier {
    keys: Keys,
    /// What must be true of a token, by its algorithm; of those that are here, and no others.
    validations: Vec<(Algorithm, Validation)>,
    user_id_claim: String,
}

/// What signatures are verified with.
#[derive(Debug)]
enum Keys {
    /// A secret that the token provider has, too.
    Shared(DecodingKey),
    /// Public keys of the token provider.
    Published(KeySet),
}

impl Verifier {
    /// Verifies tokens signed by HS256 with `secret`.
    ///
    /// # Errors
    /// A reason if the secret is shorter than the hash.
    pub fn shared_secret(secret: &str, rules: TokenRules) -> Result<Self, &'static str> {
        if secret.len() < MIN_SECRET_LENGTH {
            return Err("must be at least 32 bytes");
        }
        let key = DecodingKey::from_secret(secret.as_bytes());
        Ok(Self::new(Keys::Shared(key), &[Algorithm::HS256], rules))
    }

    /// Verifies tokens signed by RS256, ES256 or EdDSA with a key of the set (RFC 7517) at `url`.
    ///
    /// # Errors
    /// A reason if the URL is not `https:`, or `http:` to this machine.
    pub fn published_keys(url: &str, rules: TokenRules) -> Result<Self, &'static str> {
        let keys = Keys::Published(KeySet::new(url)?);
        Ok(Self::new(keys, &jwks::ALGORITHMS, rules))
    }

    fn new(keys: Keys, algorithms: &[Algorithm], rules: TokenRules) -> Self {
        let validation = |algorithm: &Algorithm| (*algorithm, rules.validation(*algorithm));
        let validations = algorithms.iter().map(validation).collect();
        Self { keys, validations, user_id_claim: rules.user_id_claim }
    }

    /// Fetches the published keys, if it is those that count, so that no request has to wait for
    /// them. For a function's initialisation.
    ///
    /// # Errors
    /// [`JwksError`] if they cannot be had; a request will try again.
    pub async fn warm_up(&self) -> Result<(), JwksError> {
        match &self.keys {
            Keys::Shared(_) => Ok(()),
            Keys::Published(keys) => keys.fetch(Instant::now()).await,
        }
    }

    /// The caller that an `Authorization` header (RFC 6750, section 2.1) names.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn caller(&self, authorization: Option<&[u8]>) -> Result<Caller, AuthError> {
        let header = authorization.ok_or(TokenError::Absent)?;
        let header = std::str::from_utf8(header).map_err(|_| TokenError::Invalid)?;
        let (scheme, token) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(TokenError::Absent.into());
        }
        self.verify(token.trim_start()).await
    }

    async fn verify(&self, token: &str) -> Result<Caller, AuthError> {
        if token.is_empty() {
            return Err(TokenError::Absent.into());
        }
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::Invalid.into());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // An extension that must be understood (RFC 7515, section 4.1.11); we understand none.
        if header.crit.is_some() {
            return Err(TokenError::Invalid.into());
        }
        let accepted = self.validations.iter().find(|(algorithm, _)| *algorithm == header.alg);
        let (algorithm, validation) = accepted.ok_or(TokenError::Invalid)?;
        match &self.keys {
            Keys::Shared(key) => Ok(self.verify_with(key, validation, token)?),
            Keys::Published(keys) => {
                let key = keys.find(header.kid.as_deref(), *algorithm, Instant::now()).await?;
                let key = key.ok_or(TokenError::Invalid)?;
                Ok(self.verify_with(key.key(), validation, token)?)
            }
        }
    }

    fn verify_with(
        &self,
        key: &DecodingKey,
        validation: &Validation,
        token: &str,
    ) -> Result<Caller, TokenError> {
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, key, validation);
        let claims = decoded.map_err(|error| reason(error.kind()))?.claims;
        let user_id = match claims.get(&self.user_id_claim) {
            Some(Value::Number(number)) => number.as_u64().and_then(|id| id.try_into().ok()),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        Ok(Caller { user_id: user_id.ok_or(TokenError::User)? })
    }
}

fn reason(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::NotYetValid,
        ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::InvalidIssuer
        | ErrorKind::InvalidAudience => TokenError::Claims,
        _ => TokenError::Invalid,
    }
}

/// Makes a token for `user` that expires at `expires_at`, in seconds since 1970. For local
/// development and tests; the platform issues the real ones.
///
/// # Errors
/// If the token cannot be signed.
pub fn issue(
    secret: &str,
    user_id_claim: &str,
    user: UserId,
    expires_at: u64,
) -> Result<String, jsonwebtoken::errors::Error> {
    let claims = Map::from_iter([
        (user_id_claim.to_owned(), Value::from(user.get())),
        ("exp".to_owned(), Value::from(expires_at)),
    ]);
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn rules() -> TokenRules {
        TokenRules { user_id_claim: "sub".into(), issuer: None, audience: None, leeway_seconds: 30 }
    }

    fn now() -> u64 {
        jsonwebtoken::get_current_timestamp()
    }

    #[test]
    fn an_extension_that_must_be_understood_is_not() {
        let claims = json!({"sub": 3, "exp": now() + 60});
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let mut header = Header::new(Algorithm::HS256);
        assert!(check(rules(), &jsonwebtoken::encode(&header, &claims, &key).unwrap()).is_ok());
        header.crit = Some(vec!["exp".into()]);
        let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        assert_eq!(check(rules(), &token), Err(TokenError::Invalid));
    }

    fn sign(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    }

    /// Who `verifier` says it is. A shared secret keeps no one waiting.
    fn caller(verifier: &Verifier, header: Option<&[u8]>) -> Result<u64, TokenError> {
        let caller = futures_util::FutureExt::now_or_never(verifier.caller(header)).unwrap();
        match caller {
            Ok(caller) => Ok(caller.user_id.get()),
            Err(AuthError::Token(error)) => Err(error),
            Err(AuthError::Keys(error)) => panic!("{error}"),
        }
    }

    fn check(rules: TokenRules, token: &str) -> Result<u64, TokenError> {
        let verifier = Verifier::shared_secret(SECRET, rules).unwrap();
        caller(&verifier, Some(format!("Bearer {token}").as_bytes()))
    }

    fn check_claims(claims: &Value) -> Result<u64, TokenError> {
        check(rules(), &sign(Algorithm::HS256, SECRET, claims))
    }

    #[test]
    fn a_token_names_its_user_by_an_integer_or_its_decimal_text() {
        let exp = now() + 60;
        assert_eq!(check_claims(&json!({"sub": 3, "exp": exp})), Ok(3));
        assert_eq!(check_claims(&json!({"sub": "3", "exp": exp})), Ok(3));
        for sub in [
            json!(0),
            json!(-3),
            json!(3.0),
            json!(9_007_199_254_740_992_u64),
            json!("03"),
            json!("+3"),
            json!(" 3"),
            json!("three"),
            json!(""),
            json!(null),
        ] {
            assert_eq!(
                check_claims(&json!({"sub": sub, "exp": exp})),
                Err(TokenError::User),
                "{sub}"
            );
        }
        assert_eq!(check_claims(&json!({"exp": exp})), Err(TokenError::User));
        assert_eq!(check_claims(&json!({"sub": [3], "exp": exp})), Err(TokenError::Invalid));
    }

    #[test]
    fn expiry_is_required_and_kept_with_the_leeway() {
        assert_eq!(check_claims(&json!({"sub": 3})), Err(TokenError::Claims));
        assert_eq!(check_claims(&json!({"sub": 3, "exp": now() - 10})), Ok(3));
        assert_eq!(check_claims(&json!({"sub": 3, "exp": now() - 60})), Err(TokenError::Expired));
        let early = json!({"sub": 3, "exp": now() + 600, "nbf": now() + 60});
        assert_eq!(check_claims(&early), Err(TokenError::NotYetValid));
    }

    #[test]
    fn issuer_and_audience_are_required_when_configured() {
        let rules = || TokenRules {
            issuer: Some("https://id.example".into()),
            audience: Some("activities".into()),
            ..rules()
        };
        let exp = now() + 60;
        let check = |claims: Value| check(rules(), &sign(Algorithm::HS256, SECRET, &claims));
        let good =
            json!({"sub": 3, "exp": exp, "iss": "https://id.example", "aud": ["activities"]});
        assert_eq!(check(good), Ok(3));
        for bad in [
            json!({"sub": 3, "exp": exp}),
            json!({"sub": 3, "exp": exp, "iss": "https://id.example"}),
            json!({"sub": 3, "exp": exp, "aud": "activities"}),
            json!({"sub": 3, "exp": exp, "iss": "https://id.example", "aud": "other"}),
            json!({"sub": 3, "exp": exp, "iss": "https://evil.example", "aud": "activities"}),
        ] {
            assert_eq!(check(bad.clone()), Err(TokenError::Claims), "{bad}");
        }
    }

    #[test]
    fn only_our_algorithm_and_our_key_count() {
        let claims = json!({"sub": 3, "exp": now() + 60});
        let good = sign(Algorithm::HS256, SECRET, &claims);
        let (header, rest) = good.split_once('.').unwrap();
        let (payload, signature) = rest.split_once('.').unwrap();
        // {"alg":"none"} and {"sub":4,"exp":9999999999}
        let none = format!("eyJhbGciOiJub25lIn0.{payload}.");
        let changed = format!("{header}.eyJzdWIiOjQsImV4cCI6OTk5OTk5OTk5OX0.{signature}");
        for token in [
            sign(Algorithm::HS256, "another secret of thirty-two bytes!!", &claims),
            sign(Algorithm::HS512, SECRET, &claims),
            none,
            changed,
            format!("{header}.{payload}"),
            "x".repeat(100_000),
            "a.b.c".into(),
            "é".into(),
        ] {
            assert_eq!(check(rules(), &token), Err(TokenError::Invalid), "{token:.80}");
        }
    }

    #[test]
    fn the_header_is_of_the_bearer_scheme_in_any_case() {
        let verifier = Verifier::shared_secret(SECRET, rules()).unwrap();
        let token = issue(SECRET, "sub", 3.try_into().unwrap(), now() + 60).unwrap();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let header = format!("{scheme} {token}");
            assert_eq!(caller(&verifier, Some(header.as_bytes())), Ok(3), "{scheme}");
        }
        let absent = [None, Some("Basic eDp5".to_owned()), Some("Bearer".into()), Some(token)];
        for header in absent {
            let caller = caller(&verifier, header.as_deref().map(str::as_bytes));
            assert_eq!(caller, Err(TokenError::Absent), "{header:?}");
        }
        assert_eq!(caller(&verifier, Some(b"Bearer \xff")), Err(TokenError::Invalid));
    }

    proptest::proptest! {
        #[test]
        fn no_change_of_a_token_makes_it_panic_or_pass(
            at: proptest::sample::Index,
            letter in "[A-Za-z0-9_.=-]|\\PC",
        ) {
            let token = issue(SECRET, "sub", 3.try_into().unwrap(), 4_102_358_565).unwrap();
            let at = at.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(at..=at, &letter);
            let outcome = check(rules(), &changed);
            proptest::prop_assert_eq!(outcome.is_ok(), changed == token, "{}", changed);
        }

        #[test]
        fn no_header_makes_it_panic_or_pass(header in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let verifier = Verifier::shared_secret(SECRET, rules()).unwrap();
            proptest::prop_assert!(caller(&verifier, Some(&header)).is_err());
        }
    }
}
