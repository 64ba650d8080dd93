//! The keys that a token provider publishes: a JWK set (RFC 7517) behind a URL.
//!
//! The keys are fetched before the first request and kept. They are fetched again when a token
//! names a key that is not among them, and when they are an hour old; at most once a minute,
//! whatever callers send. A fetch that fails changes nothing: the keys there were are kept. Only
//! while there are none at all, and so no token is good, is it tried every five seconds.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http_body_util::{BodyExt, Limited};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use lambda_http::http::Uri;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::Report;

/// The algorithms of published keys that count. Each key has one of them, by what kind of key it
/// is, and verifies nothing else.
pub(super) const ALGORITHMS: [Algorithm; 3] =
    [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// How long a fetch may take as a whole.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long after a fetch the next one may be made.
const INTERVAL: Duration = Duration::from_mins(1);

/// The same as long as there are no keys at all, and so no token can be verified.
const INTERVAL_WITHOUT_KEYS: Duration = Duration::from_secs(5);

/// How old keys may become before they are fetched again: how long a key that the provider has
/// withdrawn is still good.
const MAX_AGE: Duration = Duration::from_hours(1);

/// What a fetch says of itself; some providers refuse one that says nothing.
const USER_AGENT: &str = concat!("activity-log/", env!("CARGO_PKG_VERSION"));

/// The longest set that is read, in bytes.
const MAX_LENGTH: usize = 256 * 1_024;

/// Keys that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The provider does not answer in time.
    #[error("no answer within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    /// The provider cannot be reached, or breaks off.
    #[error("the connection failed")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The provider does not answer with 200. Redirects are not followed.
    #[error("the answer has status {0}")]
    Status(u16),
    /// The answer is no JWK set.
    #[error("the answer is not a JWK set")]
    Malformed(#[source] serde_json::Error),
    /// The set has no key of an algorithm that counts.
    #[error("the set has no key for RS256, ES256 or EdDSA")]
    NoKey,
    /// There are no keys yet, and the last fetch was too short a time ago for another.
    #[error("the last fetch failed")]
    Waiting,
}

/// A public key and what it is for.
pub(super) struct PublicKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl PublicKey {
    pub(super) fn key(&self) -> &DecodingKey {
        &self.key
    }

    /// The key that `jwk` describes, if it is one that verifies signatures of an algorithm that
    /// counts.
    fn read(jwk: &Jwk) -> Option<Self> {
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            _ => return None,
        };
        let common = &jwk.common;
        let verifies = common.key_algorithm.is_none_or(|stated| stated == algorithm.into())
            && common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
            && common
                .key_operations
                .as_ref()
                .is_none_or(|all| all.contains(&KeyOperations::Verify));
        let key = DecodingKey::from_jwk(jwk).ok()?;
        verifies.then(|| Self { id: common.key_id.clone(), algorithm, key })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.algorithm, self.id)
    }
}

/// Published keys, as they were when they were last fetched.
#[derive(Debug)]
pub(super) struct KeySet {
    url: String,
    connector: Connector,
    kept: RwLock<Arc<Kept>>,
    /// When the last fetch began. Locked while one is under way, so that there is only one.
    last_fetch: Mutex<Option<Instant>>,
}

/// The keys of the last fetch that succeeded.
#[derive(Debug, Default)]
struct Kept {
    keys: Vec<Arc<PublicKey>>,
    fetched: Option<Instant>,
}

impl Kept {
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<PublicKey>> {
        let mut candidates = self.keys.iter().filter(|key| {
            key.algorithm == algorithm && id.is_none_or(|id| key.id.as_deref() == Some(id))
        });
        let found = candidates.next()?;
        (id.is_some() || candidates.next().is_none()).then(|| Arc::clone(found))
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.fetched.is_some_and(|fetched| now.saturating_duration_since(fetched) < MAX_AGE)
    }
}

impl KeySet {
    /// The set at `url`, not fetched yet.
    pub(super) fn new(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "must be a URL")?;
        let local = matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if local => {}
            _ => return Err("must be an https: URL"),
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("must not hold a user name or password");
        }
        // The client that the AWS SDK uses, too. A function may sleep for minutes between two
        // fetches; no connection is kept for that.
        let connector = Connector::builder()
            .pool_max_idle_per_host(0)
            .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
            .build();
        let (kept, last_fetch) = (RwLock::default(), Mutex::default());
        Ok(Self { url: url.to_owned(), connector, kept, last_fetch })
    }

    /// The key of this id and algorithm; without an id, the only key of the algorithm.
    ///
    /// # Errors
    /// [`JwksError`] if there are no keys at all.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Instant,
    ) -> Result<Option<Arc<PublicKey>>, JwksError> {
        let kept = self.kept();
        let found = kept.find(id, algorithm);
        if found.is_none() {
            let mut last_fetch = self.last_fetch.lock().await;
            // Whoever had the lock before may have fetched it.
            if let Some(found) = self.kept().find(id, algorithm) {
                return Ok(Some(found));
            }
            self.fetch_if_due(&mut last_fetch, now).await?;
        } else if kept.is_fresh(now) {
            return Ok(found);
        } else if let Ok(mut last_fetch) = self.last_fetch.try_lock() {
            self.fetch_if_due(&mut last_fetch, now).await?;
        }
        Ok(self.kept().find(id, algorithm))
    }

    /// Fetches the keys now.
    ///
    /// # Errors
    /// [`JwksError`]; the keys there were are kept.
    pub(super) async fn fetch(&self, now: Instant) -> Result<(), JwksError> {
        self.fetch_holding(&mut *self.last_fetch.lock().await, now).await
    }

    /// Fetches the keys unless it is too early for that.
    ///
    /// # Errors
    /// [`JwksError`] if there are no keys after that, neither new nor old ones.
    async fn fetch_if_due(
        &self,
        last_fetch: &mut Option<Instant>,
        now: Instant,
    ) -> Result<(), JwksError> {
        let without_keys = self.kept().keys.is_empty();
        let interval = if without_keys { INTERVAL_WITHOUT_KEYS } else { INTERVAL };
        let due = last_fetch.is_none_or(|last| now.saturating_duration_since(last) >= interval);
        let outcome =
            if due { self.fetch_holding(last_fetch, now).await } else { Err(JwksError::Waiting) };
        match outcome {
            Err(error) if without_keys => Err(error),
            Err(error) if due => {
                tracing::warn!(error = %Report(&error), "the published keys are kept as they were");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn fetch_holding(
        &self,
        last_fetch: &mut Option<Instant>,
        now: Instant,
    ) -> Result<(), JwksError> {
        *last_fetch = Some(now);
        let keys = self.download().await?;
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(Kept { keys, fetched: Some(now) });
        Ok(())
    }

    fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn download(&self) -> Result<Vec<Arc<PublicKey>>, JwksError> {
        let connection = |error| JwksError::Connection(error);
        let exchange = async {
            let mut request =
                HttpRequest::get(&self.url).map_err(|error| connection(error.into()))?;
            request.headers_mut().insert("accept", "application/jwk-set+json, application/json");
            request.headers_mut().insert("user-agent", USER_AGENT);
            let response =
                self.connector.call(request).await.map_err(|error| connection(error.into()))?;
            let status = response.status().as_u16();
            if status != 200 {
                return Err(JwksError::Status(status));
            }
            let body = Limited::new(response.into_body(), MAX_LENGTH).collect().await;
            Ok(body.map_err(connection)?.to_bytes())
        };
        let body =
            tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| JwksError::Timeout)??;
        read(&body)
    }
}

/// The keys of a JWK set that count. Others are left out, also those of kinds that are not known
/// (RFC 7517, section 5).
fn read(set: &[u8]) -> Result<Vec<Arc<PublicKey>>, JwksError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(set).map_err(JwksError::Malformed)?;
    let keys: Vec<_> = set
        .keys
        .into_iter()
        .filter_map(|key| serde_json::from_value(key).ok())
        .filter_map(|jwk| PublicKey::read(&jwk).map(Arc::new))
        .collect();
    if keys.is_empty() { Err(JwksError::NoKey) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use activity_log_local::provider::{Behaviour, Provider, SigningKey, jwks};
    use serde_json::json;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn eddsa(id: &str) -> SigningKey {
        SigningKey::eddsa(id).unwrap()
    }

    async fn provider(keys: &[&SigningKey]) -> (Provider, KeySet) {
        let provider = Provider::start(Behaviour::Publish(jwks(keys))).await.unwrap();
        let set = KeySet::new(&provider.url()).unwrap();
        (provider, set)
    }

    async fn has(set: &KeySet, id: &str, now: Instant) -> bool {
        set.find(Some(id), Algorithm::EdDSA, now).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn keys_are_fetched_once_and_kept() {
        let start = Instant::now();
        let (provider, set) = provider(&[&eddsa("a"), &eddsa("b")]).await;
        set.fetch(start).await.unwrap();
        for second in 0..1_000 {
            assert!(has(&set, "a", start + second * 3 * SECOND).await);
        }
        assert_eq!(provider.requests(), 1);
    }

    #[tokio::test]
    async fn an_unknown_key_is_looked_for_at_most_once_a_minute() {
        let start = Instant::now();
        let (provider, set) = provider(&[&eddsa("a")]).await;
        set.fetch(start).await.unwrap();
        for second in 0..60 {
            for id in ["x", "y", "z"] {
                assert!(!has(&set, id, start + second * SECOND).await);
            }
        }
        assert_eq!(provider.requests(), 1);
        for second in 60..180 {
            assert!(!has(&set, &format!("{second}"), start + second * SECOND).await);
        }
        assert_eq!(provider.requests(), 3);
    }

    #[tokio::test]
    async fn a_new_key_is_found_and_a_withdrawn_one_is_good_for_an_hour_at_most() {
        let start = Instant::now();
        let (old, new) = (eddsa("old"), eddsa("new"));
        let (provider, set) = provider(&[&old]).await;
        set.fetch(start).await.unwrap();
        provider.behave(Behaviour::Publish(jwks(&[&new])));
        assert!(has(&set, "old", start + 59 * 60 * SECOND).await);
        let hour = start + MAX_AGE;
        assert!(!has(&set, "old", hour).await);
        assert!(has(&set, "new", hour).await);
        assert_eq!(provider.requests(), 2);

        provider.behave(Behaviour::Publish(jwks(&[&old, &new])));
        assert!(!has(&set, "old", hour + 59 * SECOND).await);
        assert!(has(&set, "old", hour + 60 * SECOND).await);
    }

    #[tokio::test]
    async fn keys_are_kept_whatever_becomes_of_the_provider() {
        let start = Instant::now();
        let (provider, set) = provider(&[&eddsa("a")]).await;
        set.fetch(start).await.unwrap();
        let publish = |text: &str| Behaviour::Publish(text.to_owned());
        let failures = [
            Behaviour::Status(500),
            Behaviour::Status(404),
            Behaviour::Status(302),
            publish("no JSON"),
            publish("[]"),
            publish("{}"),
            publish(r#"{"keys":{}}"#),
            publish(r#"{"keys":[]}"#),
            publish(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a","alg":"HS256"}]}"#),
            publish(&" ".repeat(MAX_LENGTH + 1)),
            Behaviour::Endless,
            Behaviour::Close,
            Behaviour::Hang,
        ];
        let mut now = start + MAX_AGE;
        for (number, failure) in failures.into_iter().enumerate() {
            provider.behave(failure.clone());
            assert!(has(&set, "a", now).await, "{failure:?}");
            assert!(!has(&set, "b", now).await, "{failure:?}");
            assert_eq!(provider.requests(), number + 2, "{failure:?}");
            now += INTERVAL;
        }
        provider.die().await;
        assert!(has(&set, "a", now).await);
    }

    #[tokio::test]
    async fn without_any_keys_it_says_so_and_finds_them_when_they_are_there() {
        let start = Instant::now();
        let (provider, set) = provider(&[&eddsa("a")]).await;
        provider.behave(Behaviour::Status(503));
        assert!(matches!(set.fetch(start).await, Err(JwksError::Status(503))));
        let find = |now| set.find(Some("a"), Algorithm::EdDSA, now);
        assert!(matches!(find(start + SECOND).await, Err(JwksError::Waiting)));
        assert!(matches!(find(start + 5 * SECOND).await, Err(JwksError::Status(503))));
        assert_eq!(provider.requests(), 2);
        provider.behave(Behaviour::Publish(jwks(&[&eddsa("a")])));
        assert!(find(start + 10 * SECOND).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_provider_that_hangs_holds_up_no_one_whose_key_is_known() {
        let start = Instant::now();
        let (provider, set) = provider(&[&eddsa("a")]).await;
        set.fetch(start).await.unwrap();
        provider.behave(Behaviour::Hang);
        let later = start + MAX_AGE;
        let unknown = has(&set, "x", later);
        let known = async {
            while provider.requests() < 2 {
                tokio::task::yield_now().await;
            }
            tokio::time::timeout(SECOND, has(&set, "a", later)).await
        };
        let (unknown, known) = tokio::join!(unknown, known);
        assert_eq!((unknown, known), (false, Ok(true)));
        assert_eq!(provider.requests(), 2);
    }

    #[test]
    fn only_keys_that_verify_signatures_of_our_algorithms_count() {
        let ec = SigningKey::es256("ec").unwrap();
        let changed = |name: &str, value: serde_json::Value| {
            let mut jwk = ec.jwk();
            jwk[name] = value;
            jwk
        };
        let without = |name: &str| {
            let mut jwk = ec.jwk();
            jwk.as_object_mut().unwrap().remove(name);
            jwk
        };
        let count = |jwk: serde_json::Value| read(json!({"keys": [jwk]}).to_string().as_bytes());
        for good in [
            ec.jwk(),
            without("alg"),
            without("use"),
            without("kid"),
            changed("key_ops", json!(["verify"])),
            changed("x5t", json!("something")),
            eddsa("ed").jwk(),
            SigningKey::rs256("rsa").unwrap().jwk(),
        ] {
            assert_eq!(count(good.clone()).map(|keys| keys.len()).ok(), Some(1), "{good}");
        }
        for bad in [
            changed("use", json!("enc")),
            changed("key_ops", json!(["sign"])),
            changed("alg", json!("ES384")),
            changed("alg", json!("HS256")),
            changed("alg", json!("RS256")),
            changed("crv", json!("P-384")),
            changed("crv", json!("secp256k1")),
            changed("kty", json!("oct")),
            changed("kty", json!("new")),
            changed("x", json!("not base64!")),
            without("y"),
            json!(5),
        ] {
            assert!(matches!(count(bad.clone()), Err(JwksError::NoKey)), "{bad}");
        }
        // One that is not known does not keep the others from counting.
        let set = json!({"keys": [{"kty": "new"}, ec.jwk(), null]}).to_string();
        assert_eq!(read(set.as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn a_token_without_a_key_id_is_of_the_only_key_of_its_algorithm() {
        let keys = |keys: &[&SigningKey]| Kept {
            keys: read(jwks(keys).as_bytes()).unwrap(),
            fetched: None,
        };
        let (a, b, ec) = (eddsa("a"), eddsa("b"), SigningKey::es256("c").unwrap());
        assert!(keys(&[&a, &ec]).find(None, Algorithm::EdDSA).is_some());
        assert!(keys(&[&a, &b]).find(None, Algorithm::EdDSA).is_none());
        assert!(keys(&[&a]).find(None, Algorithm::RS256).is_none());
        assert!(keys(&[&a]).find(Some("a"), Algorithm::ES256).is_none());
    }
}
