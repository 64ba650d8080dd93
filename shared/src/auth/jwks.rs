//! A JWKS, the keys of a token provider (RFC 7517) behind a URL: fetched, kept, and tried.
//!
//! The keys are fetched before the first request and kept. They are fetched again when none of them
//! verifies a token, and when they are an hour old; at most once a minute, whatever callers send. A
//! fetch that fails changes nothing: the keys there were are kept. Only while there are none at all,
//! and so no token is good, is it tried every five seconds.
//!
//! A `kid` is a hint and not a name: providers publish two keys of one `kid`, or keys without any, and
//! sign tokens without any. So every key that a token may be signed by is tried, in the order of the
//! set, those without `kid` after those with the token's. Eight at most, since a caller can make up
//! tokens without `kid`, and each key costs a verification.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http_body_util::{BodyExt, Limited};
use lambda_http::http::Uri;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::key::{KeyError, PublicKey};
use super::loopback::is_loopback;
use super::token::SignedToken;
use crate::Report;

/// How many keys are tried with a token.
const MAX_TRIED: usize = 8;

/// How long a fetch may take as a whole.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long after a fetch the next one may be made.
const INTERVAL: Duration = Duration::from_mins(1);

/// The same as long as there are no keys at all, and so no token can be verified.
const INTERVAL_WITHOUT_KEYS: Duration = Duration::from_secs(5);

/// How old keys may become before they are fetched again. A key that the provider has withdrawn is good
/// until the next fetch that succeeds.
const MAX_AGE: Duration = Duration::from_hours(1);

/// What a fetch says of itself; some providers refuse one that says nothing.
const USER_AGENT: &str = concat!("activity-log/", env!("CARGO_PKG_VERSION"));

/// The longest set that is read, in bytes.
const MAX_LENGTH: usize = 256 * 1_024;

/// Why a JWKS is unavailable.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The provider does not respond in time.
    #[error("no response within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    /// The provider cannot be reached, or breaks off.
    #[error("the connection failed")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The provider does not respond with 200. Redirects are not followed.
    #[error("the response has status {0}")]
    Status(u16),
    /// The response is no JWKS.
    #[error("the response is not a JWKS")]
    Malformed(#[source] serde_json::Error),
    /// The set has no key that verifies signatures of an algorithm that counts.
    #[error("the JWKS has no key that can be used")]
    NoKey,
    /// There are no keys yet, and the last fetch was too short a time ago for another.
    #[error("the last fetch failed")]
    Waiting,
}

/// The location of a JWKS.
#[derive(Clone, Debug)]
pub struct JwksUrl(String);

impl JwksUrl {
    /// The JWKS at `url`.
    ///
    /// # Errors
    /// A reason if the URL is not `https:`, or `http:` to this machine, or has a password in it.
    pub fn new(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "must be a URL")?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(&uri) => {}
            _ => return Err("must be an https: URL"),
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("must not hold a user name or password");
        }
        Ok(Self(url.to_owned()))
    }
}

/// The keys of a JWKS, as they were when they were last fetched.
#[derive(Debug)]
pub(super) struct KeySet {
    url: JwksUrl,
    connector: Connector,
    kept: RwLock<Arc<Kept>>,
    /// When the last fetch began. Locked while one is under way, so that there is only one.
    last_fetch: Mutex<Option<Instant>>,
}

/// The keys of the last fetch that succeeded.
#[derive(Debug, Default)]
struct Kept {
    keys: Vec<PublicKey>,
    fetched: Option<Instant>,
}

impl Kept {
    /// Whether `token` is signed by one of the keys.
    fn verify(&self, token: &SignedToken<'_>) -> bool {
        let allowed = || self.keys.iter().filter(|key| key.allows(token));
        let id = token.key_id();
        let named = allowed().filter(|key| id.is_none() || key.id() == id);
        let nameless = allowed().filter(|key| id.is_some() && key.id().is_none());
        named.chain(nameless).take(MAX_TRIED).any(|key| key.verify(token))
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.fetched.is_some_and(|fetched| now.saturating_duration_since(fetched) < MAX_AGE)
    }
}

impl KeySet {
    /// The set at `url`, not fetched yet.
    pub(super) fn new(url: JwksUrl) -> Self {
        // The client that the AWS SDK uses, too. A function may sleep for minutes between two
        // fetches; no connection is kept for that.
        let connector = Connector::builder()
            .pool_max_idle_per_host(0)
            .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
            .build();
        Self { url, connector, kept: RwLock::default(), last_fetch: Mutex::default() }
    }

    /// Whether `token` is signed by one of the keys.
    ///
    /// # Errors
    /// [`JwksError`] if there are no keys at all.
    pub(super) async fn verify(
        &self,
        token: &SignedToken<'_>,
        now: Instant,
    ) -> Result<bool, JwksError> {
        let kept = self.kept();
        let verified = kept.verify(token);
        if verified && kept.is_fresh(now) {
            return Ok(true);
        }
        if verified {
            // Whoever fetches them already does it for this request, too.
            if let Ok(mut last_fetch) = self.last_fetch.try_lock() {
                self.fetch_if_due(&mut last_fetch, now).await?;
            }
        } else {
            let mut last_fetch = self.last_fetch.lock().await;
            // Whoever had the lock before may have fetched them.
            let has_waited = !Arc::ptr_eq(&kept, &self.kept());
            if !(has_waited && self.kept().verify(token)) {
                self.fetch_if_due(&mut last_fetch, now).await?;
            }
        }
        let current = self.kept();
        Ok(if Arc::ptr_eq(&kept, &current) { verified } else { current.verify(token) })
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
                tracing::warn!(error = %Report(&error), "the JWKS was not fetched; its keys stay");
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

    async fn download(&self) -> Result<Vec<PublicKey>, JwksError> {
        let connection = |error| JwksError::Connection(error);
        let JwksUrl(url) = &self.url;
        let exchange = async {
            let mut request = HttpRequest::get(url).map_err(|error| connection(error.into()))?;
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
        let set = FetchedSet::read(&body)?;
        for (id, error) in &set.unusable {
            tracing::warn!(kid = id, error = %Report(error), "a key of the JWKS cannot be used");
        }
        if set.keys.is_empty() { Err(JwksError::NoKey) } else { Ok(set.keys) }
    }
}

/// A JWKS that was read.
#[derive(Default)]
struct FetchedSet {
    /// The keys that verify signatures, in its order.
    keys: Vec<PublicKey>,
    /// Keys that should and do not, by their ids. They do not keep the others from counting (RFC 7517,
    /// section 5).
    unusable: Vec<(Option<String>, KeyError)>,
}

impl FetchedSet {
    fn read(set: &[u8]) -> Result<Self, JwksError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(set).map_err(JwksError::Malformed)?;
        let mut fetched = Self::default();
        for jwk in &set.keys {
            match PublicKey::read(jwk) {
                Ok(key) => fetched.keys.extend(key),
                Err(error) => {
                    let id = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
                    fetched.unusable.push((id, error));
                }
            }
        }
        Ok(fetched)
    }
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
        let set = KeySet::new(JwksUrl::new(&provider.url()).unwrap());
        (provider, set)
    }

    async fn try_verify(set: &KeySet, key: &SigningKey, now: Instant) -> Result<bool, JwksError> {
        let token = key.token(&json!({})).unwrap();
        set.verify(&SignedToken::parse(&token).unwrap(), now).await
    }

    /// Whether a token of `key` is good.
    async fn has(set: &KeySet, key: &SigningKey, now: Instant) -> bool {
        try_verify(set, key, now).await.unwrap()
    }

    #[tokio::test]
    async fn keys_are_fetched_once_and_kept() {
        let start = Instant::now();
        let (a, b) = (eddsa("a"), eddsa("b"));
        let (provider, set) = provider(&[&a, &b]).await;
        set.fetch(start).await.unwrap();
        for second in 0..1_000 {
            assert!(has(&set, &a, start + second * 3 * SECOND).await);
        }
        assert!(has(&set, &b, start).await);
        assert_eq!(provider.requests(), 1);
    }

    #[tokio::test]
    async fn an_unknown_key_is_looked_for_at_most_once_a_minute() {
        let start = Instant::now();
        let (provider, set) = provider(&[&eddsa("a")]).await;
        set.fetch(start).await.unwrap();
        let unknown = ["x", "y", "z"].map(eddsa);
        for second in 0..60 {
            for key in &unknown {
                assert!(!has(&set, key, start + second * SECOND).await);
            }
        }
        assert_eq!(provider.requests(), 1);
        for second in 60..180 {
            assert!(!has(&set, &eddsa(&format!("{second}")), start + second * SECOND).await);
        }
        assert_eq!(provider.requests(), 3);
    }

    #[tokio::test]
    async fn a_known_kid_that_verifies_nothing_is_looked_for_as_seldom() {
        let start = Instant::now();
        let (old, new, without_kid) = (eddsa("a"), eddsa("a"), eddsa("b").without_id());
        let (provider, set) = provider(&[&old]).await;
        set.fetch(start).await.unwrap();
        for second in 0..60 {
            assert!(!has(&set, &new, start + second * SECOND).await);
            assert!(!has(&set, &without_kid, start + second * SECOND).await);
        }
        assert_eq!(provider.requests(), 1);
        provider.behave(Behaviour::Publish(jwks(&[&new])));
        assert!(has(&set, &new, start + 60 * SECOND).await);
        assert!(!has(&set, &old, start + 61 * SECOND).await);
        assert_eq!(provider.requests(), 2);
    }

    #[tokio::test]
    async fn a_new_key_is_found_and_a_withdrawn_one_is_good_for_an_hour_at_most() {
        let start = Instant::now();
        let (old, new) = (eddsa("old"), eddsa("new"));
        let (provider, set) = provider(&[&old]).await;
        set.fetch(start).await.unwrap();
        provider.behave(Behaviour::Publish(jwks(&[&new])));
        assert!(has(&set, &old, start + 59 * 60 * SECOND).await);
        let hour = start + MAX_AGE;
        assert!(!has(&set, &old, hour).await);
        assert!(has(&set, &new, hour).await);
        assert_eq!(provider.requests(), 2);

        provider.behave(Behaviour::Publish(jwks(&[&old, &new])));
        assert!(!has(&set, &old, hour + 59 * SECOND).await);
        assert!(has(&set, &old, hour + 60 * SECOND).await);
    }

    #[tokio::test]
    async fn keys_are_kept_whatever_becomes_of_the_provider() {
        let start = Instant::now();
        let (a, b) = (eddsa("a"), eddsa("b"));
        let (provider, set) = provider(&[&a]).await;
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
            assert!(has(&set, &a, now).await, "{failure:?}");
            assert!(!has(&set, &b, now).await, "{failure:?}");
            assert_eq!(provider.requests(), number + 2, "{failure:?}");
            now += INTERVAL;
        }
        provider.die().await;
        assert!(has(&set, &a, now).await);
    }

    #[tokio::test]
    async fn without_any_keys_it_says_so_and_finds_them_when_they_are_there() {
        let start = Instant::now();
        let a = eddsa("a");
        let (provider, set) = provider(&[&a]).await;
        provider.behave(Behaviour::Status(503));
        assert!(matches!(set.fetch(start).await, Err(JwksError::Status(503))));
        let verify = |now| try_verify(&set, &a, now);
        assert!(matches!(verify(start + SECOND).await, Err(JwksError::Waiting)));
        assert!(matches!(verify(start + 5 * SECOND).await, Err(JwksError::Status(503))));
        assert_eq!(provider.requests(), 2);
        provider.behave(Behaviour::Publish(jwks(&[&a])));
        assert!(verify(start + 10 * SECOND).await.unwrap());
    }

    #[tokio::test]
    async fn a_provider_that_hangs_holds_up_no_one_whose_key_is_known() {
        let start = Instant::now();
        let (a, x) = (eddsa("a"), eddsa("x"));
        let (provider, set) = provider(&[&a]).await;
        set.fetch(start).await.unwrap();
        provider.behave(Behaviour::Hang);
        let later = start + MAX_AGE;
        let unknown = has(&set, &x, later);
        let known = async {
            while provider.requests() < 2 {
                tokio::task::yield_now().await;
            }
            tokio::time::timeout(SECOND, has(&set, &a, later)).await
        };
        let (unknown, known) = tokio::join!(unknown, known);
        assert_eq!((unknown, known), (false, Ok(true)));
        assert_eq!(provider.requests(), 2);
    }

    #[tokio::test]
    async fn those_who_wait_for_a_fetch_use_what_it_brings() {
        let start = Instant::now();
        let (old, new) = (eddsa("old"), eddsa("new"));
        let (provider, set) = provider(&[&old]).await;
        set.fetch(start).await.unwrap();
        provider.behave(Behaviour::Publish(jwks(&[&old, &new])));
        let later = start + INTERVAL;
        let all = [(); 5].map(|()| has(&set, &new, later));
        assert_eq!(futures_util::future::join_all(all).await, [true; 5]);
        assert_eq!(provider.requests(), 2);
    }

    #[test]
    fn a_key_of_no_use_does_not_keep_the_others_from_counting() {
        let ec = SigningKey::es256("ec").unwrap();
        let mut encryption = eddsa("enc").jwk();
        encryption["use"] = "enc".into();
        let set = json!({"keys": [{"kty": "new", "kid": "a"}, ec.jwk(), null, encryption]});
        let set = FetchedSet::read(set.to_string().as_bytes()).unwrap();
        assert_eq!(set.keys.len(), 1);
        let ids: Vec<_> = set.unusable.into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [Some("a".to_owned()), None]);
    }

    #[test]
    fn a_location_is_encrypted_or_on_this_machine_and_holds_no_password() {
        for good in [
            "https://id.example/.well-known/jwks.json",
            "http://127.0.0.1:9100/jwks",
            "http://localhost/jwks",
            "http://[::1]:9100/jwks",
        ] {
            assert!(JwksUrl::new(good).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example/jwks",
            "http://127.0.0.1.example/jwks",
            "ftp://id.example",
            "jwks.json",
            "",
            "https://u:p@id.example/",
        ] {
            assert!(JwksUrl::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_key_that_a_token_may_be_of_is_tried_and_no_more_than_eight() {
        let keys: Vec<_> = (0..9).map(|_| eddsa("a")).collect();
        let ec = SigningKey::es256("a").unwrap();
        let signed = |key: &SigningKey, published: &[&SigningKey]| {
            let set = FetchedSet::read(jwks(published).as_bytes()).unwrap();
            let token = key.token(&json!({})).unwrap();
            let kept = Kept { keys: set.keys, fetched: None };
            kept.verify(&SignedToken::parse(&token).unwrap())
        };
        let mut published: Vec<_> = keys.iter().collect();
        // A key of another kind does not count among them.
        published.insert(0, &ec);
        for key in &keys[..8] {
            assert!(signed(key, &published));
        }
        assert!(!signed(&keys[8], &published));
        assert!(signed(&ec, &published));
        assert!(!signed(&eddsa("a"), &published));
    }
}
