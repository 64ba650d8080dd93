//! The verifier: from an `Authorization` header to the caller.
//!
//! First the signature, then the claims: no claim is read before the signature is verified. So why a claim
//! was refused never depends on which key was tried.

use std::time::{Instant, SystemTime};

use super::claim::Claim;
use super::error::{AuthError, TokenError};
use super::jwks::KeySet;
use super::jwks_source::{JwksError, JwksUrl};
use super::public_key::is_asymmetric;
use super::rules::TokenRules;
use super::secret::{Secret, Secrets};
use super::token::SignedToken;
use crate::id::UserId;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN_LENGTH: usize = 8 * 1_024;

/// Who is calling: known only from a token that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
}

/// Verifies tokens. Make one per process.
///
/// ```
/// use activity_log::auth::{AuthError, Secret, TokenError, TokenRules, TokenVerifier, issue};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (secret, rules) = ("a secret of at least 32 bytes, shared", TokenRules::default());
/// let verifier = TokenVerifier::shared_secret(Secret::new(secret)?, None, rules.clone());
///
/// // The platform issues tokens; here is one that is good until the year 2100.
/// let token = issue(secret, &rules, 3.try_into()?, 4_102_444_800)?;
/// let caller = verifier.caller(Some(format!("Bearer {token}").as_bytes())).await?;
/// assert_eq!(caller.user_id.get(), 3);
///
/// let refused = verifier.caller(None).await;
/// assert!(matches!(refused, Err(AuthError::Token(TokenError::Absent))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TokenVerifier {
    keys: Keys,
    rules: TokenRules,
}

/// What signatures are verified with.
#[derive(Debug)]
enum Keys {
    /// Secrets that the token provider has, too.
    Secrets(Secrets),
    /// Public keys of the token provider.
    Jwks(KeySet),
}

impl TokenVerifier {
    /// Verifies tokens signed by HS256 with `current`, or with `previous` during a rotation.
    #[must_use]
    pub const fn shared_secret(
        current: Secret,
        previous: Option<Secret>,
        rules: TokenRules,
    ) -> Self {
        Self { keys: Keys::Secrets(Secrets { current, previous }), rules }
    }

    /// Verifies tokens signed with a key of the JWKS at `url`: by RS256, RS384, RS512, PS256, PS384,
    /// PS512, ES256, ES384 or EdDSA, whichever the key is for.
    ///
    /// Without an issuer and an audience in `rules`, every token of the provider is good, whoever it
    /// was made for. The configuration requires both.
    #[must_use]
    pub fn jwks(url: JwksUrl, rules: TokenRules) -> Self {
        Self { keys: Keys::Jwks(KeySet::new(url)), rules }
    }

    /// Fetches the JWKS, if there is one, so that no request has to wait for it. For a function's
    /// initialisation.
    ///
    /// # Errors
    /// [`JwksError`] if it is unavailable; a request will try again.
    pub async fn warm_up(&self) -> Result<(), JwksError> {
        match &self.keys {
            Keys::Secrets(_) => Ok(()),
            Keys::Jwks(keys) => keys.fetch(Instant::now()).await,
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

    /// The claim by which `error` came about, for the operator; `None` if it is about none.
    #[must_use]
    pub fn claim(&self, error: TokenError) -> Option<&str> {
        match error {
            TokenError::Absent | TokenError::Invalid => None,
            TokenError::Expired => Some(Claim::Expiry.name()),
            TokenError::NotYetValid => Some(Claim::NotBefore.name()),
            TokenError::Claims(claim) => Some(claim.name()),
            TokenError::User => Some(self.rules.user_id_claim.as_str()),
        }
    }

    async fn verify(&self, token: &str) -> Result<Caller, AuthError> {
        if token.is_empty() {
            return Err(TokenError::Absent.into());
        }
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::Invalid.into());
        }
        let token = SignedToken::parse(token).ok_or(TokenError::Invalid)?;
        let is_verified = match &self.keys {
            Keys::Secrets(secrets) => secrets.verify(&token),
            // One that no key can verify is the caller's fault, also while there are no keys.
            Keys::Jwks(keys) => {
                is_asymmetric(token.algorithm()) && keys.verify(&token, Instant::now()).await?
            }
        };
        if !is_verified {
            return Err(TokenError::Invalid.into());
        }
        let claims = token.claims().ok_or(TokenError::Invalid)?;
        // A clock before 1970 makes every token one of the future.
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Ok(Caller { user_id: self.rules.check(&claims, now)? })
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::{ClaimPath, issue};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn rules() -> TokenRules {
        TokenRules::default()
    }

    fn verifier(rules: TokenRules) -> TokenVerifier {
        TokenVerifier::shared_secret(Secret::new(SECRET).unwrap(), None, rules)
    }

    fn now() -> u64 {
        SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
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
    fn caller(verifier: &TokenVerifier, header: Option<&[u8]>) -> Result<u64, TokenError> {
        let caller = futures_util::FutureExt::now_or_never(verifier.caller(header)).unwrap();
        match caller {
            Ok(caller) => Ok(caller.user_id.get()),
            Err(AuthError::Token(error)) => Err(error),
            Err(AuthError::Keys(error)) => panic!("{error}"),
        }
    }

    fn check(rules: TokenRules, token: &str) -> Result<u64, TokenError> {
        caller(&verifier(rules), Some(format!("Bearer {token}").as_bytes()))
    }

    #[test]
    fn a_token_of_the_previous_secret_is_as_good_and_fails_by_its_own_fault() {
        const PREVIOUS: &str = "fedcba9876543210fedcba9876543210";
        let secret = |secret| Secret::new(secret).unwrap();
        let rotating =
            TokenVerifier::shared_secret(secret(SECRET), Some(secret(PREVIOUS)), rules());
        let check = |verifier: &TokenVerifier, signed_with: &str, claims: &Value| {
            let token = sign(Algorithm::HS256, signed_with, claims);
            caller(verifier, Some(format!("Bearer {token}").as_bytes()))
        };
        let good = json!({"sub": 3, "exp": now() + 60});
        let expired = json!({"sub": 3, "exp": now() - 60});
        for signed_with in [SECRET, PREVIOUS] {
            assert_eq!(check(&rotating, signed_with, &good), Ok(3));
            assert_eq!(check(&rotating, signed_with, &expired), Err(TokenError::Expired));
        }
        assert_eq!(check(&verifier(rules()), PREVIOUS, &good), Err(TokenError::Invalid));
        let stranger = "another secret of thirty-two bytes!!";
        assert_eq!(check(&rotating, stranger, &good), Err(TokenError::Invalid));
        let token = sign(Algorithm::HS512, PREVIOUS, &good);
        let header = format!("Bearer {token}");
        assert_eq!(caller(&rotating, Some(header.as_bytes())), Err(TokenError::Invalid));
    }

    #[test]
    fn a_secret_has_at_least_32_bytes() {
        assert!(Secret::new(&"x".repeat(31)).is_err());
        assert!(Secret::new(&"x".repeat(32)).is_ok());
        assert!(Secret::new(&"é".repeat(16)).is_ok());
    }

    #[test]
    fn the_claim_that_failed_is_told_to_the_operator() {
        let user_id_claim = ClaimPath::new("app.user_id").unwrap();
        let verifier = verifier(TokenRules { user_id_claim, ..rules() });
        let claims = TokenError::ALL.map(|error| verifier.claim(error));
        assert_eq!(
            claims,
            [None, None, Some("exp"), Some("nbf"), Some("exp"), Some("app.user_id")]
        );
        assert_eq!(verifier.claim(TokenError::Claims(Claim::Client)), Some("client_id"));
    }

    #[test]
    fn a_token_that_is_issued_names_its_user_in_text() {
        let token = issue(SECRET, &rules(), 3.try_into().unwrap(), now() + 60).unwrap();
        let claims = SignedToken::parse(&token).unwrap().claims().unwrap();
        assert_eq!(claims["sub"], "3");
        assert_eq!(check(rules(), &token), Ok(3));
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
        let verifier = verifier(rules());
        let token = issue(SECRET, &rules(), 3.try_into().unwrap(), now() + 60).unwrap();
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
            let token = issue(SECRET, &rules(), 3.try_into().unwrap(), 4_102_358_565).unwrap();
            let at = at.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(at..=at, &letter);
            let outcome = check(rules(), &changed);
            proptest::prop_assert_eq!(outcome.is_ok(), changed == token, "{}", changed);
        }

        #[test]
        fn no_header_makes_it_panic_or_pass(header in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let verifier = verifier(rules());
            proptest::prop_assert!(caller(&verifier, Some(&header)).is_err());
        }
    }
}
