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

use tokio::sync::Mutex;

use super::jwks_source::{JwksError, JwksSource, JwksUrl};
use super::public_key::PublicKey;
use super::token::SignedToken;
use crate::Report;

/// How many keys are tried with a token.
const MAX_TRIED: usize = 8;

/// How long after a fetch the next one may be made.
const INTERVAL: Duration = Duration::from_mins(1);

/// The same as long as there are no keys at all, and so no token can be verified.
const INTERVAL_WITHOUT_KEYS: Duration = Duration::from_secs(5);

/// How old keys may become before they are fetched again. A key that the provider has withdrawn is good
/// until the next fetch that succeeds.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The keys of a JWKS, as they were when they were last fetched.
#[derive(Debug)]
pub(super) struct KeySet {
    source: JwksSource,
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
        let source = JwksSource::new(url);
        Self { source, kept: RwLock::default(), last_fetch: Mutex::default() }
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
            let has_changed = !Arc::ptr_eq(&kept, &self.kept());
            if !(has_changed && self.kept().verify(token)) {
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
        let keys = self.source.fetch().await?;
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(Kept { keys, fetched: Some(now) });
        Ok(())
    }

    fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use activity_log_local::provider::{Behaviour, Provider, SigningKey, jwks};
    use serde_json::json;

    use super::*;
    use crate::auth::jwks_source::{FetchedSet, MAX_LENGTH};

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
