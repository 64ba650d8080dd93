//! Where a JWKS comes from: its location, one request for it, and the keys that the response has.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http_body_util::{BodyExt, Limited};
use lambda_http::http::Uri;
use serde::Deserialize;
use serde_json::Value;

use super::loopback::is_loopback;
use super::public_key::{KeyError, PublicKey};
use crate::Report;

/// How long a fetch may take as a whole.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What a fetch says of itself; some providers refuse one that says nothing.
const USER_AGENT: &str = concat!("activity-log/", env!("CARGO_PKG_VERSION"));

/// The longest set that is read, in bytes.
pub(super) const MAX_LENGTH: usize = 256 * 1_024;

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

/// The provider at a location, as it is asked for its JWKS.
#[derive(Debug)]
pub(super) struct JwksSource {
    url: JwksUrl,
    connector: Connector,
}

impl JwksSource {
    /// The provider at `url`, not asked yet.
    pub(super) fn new(url: JwksUrl) -> Self {
        // The client that the AWS SDK uses, too. A function may sleep for minutes between two
        // fetches; no connection is kept for that.
        let connector = Connector::builder()
            .pool_max_idle_per_host(0)
            .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
            .build();
        Self { url, connector }
    }

    /// Fetches the set, and reads its keys that verify signatures, in its order: one at least. Keys that
    /// should and do not are logged.
    ///
    /// # Errors
    /// [`JwksError`], but never [`JwksError::Waiting`].
    pub(super) async fn fetch(&self) -> Result<Vec<PublicKey>, JwksError> {
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
pub(super) struct FetchedSet {
    /// The keys that verify signatures, in its order.
    pub(super) keys: Vec<PublicKey>,
    /// Keys that should and do not, by their ids. They do not keep the others from counting (RFC 7517,
    /// section 5).
    unusable: Vec<(Option<String>, KeyError)>,
}

impl FetchedSet {
    pub(super) fn read(set: &[u8]) -> Result<Self, JwksError> {
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
    use activity_log_local::provider::SigningKey;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_of_no_use_does_not_keep_the_others_from_counting() {
        let ec = SigningKey::es256("ec").unwrap();
        let mut encryption = SigningKey::eddsa("enc").unwrap().jwk();
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
}
