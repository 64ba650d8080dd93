//! A token provider on this machine, for tests: keys that sign, a server that publishes them, and
//! the ways in which that server can fail.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
pub use aws_lc_rs::rsa::KeySize as RsaSize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A private key that signs tokens, made anew for each test.
pub struct SigningKey {
    id: Option<String>,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    fn new(id: &str, pair: Pair) -> Self {
        Self { id: Some(id.to_owned()), pair }
    }

    /// An RSA key of 2,048 bits for RS256, called `id`.
    ///
    /// # Errors
    /// If none can be made.
    pub fn rs256(id: &str) -> Result<Self, Unspecified> {
        Self::rsa(id, RsaSize::Rsa2048)
    }

    /// An RSA key of this size for RS256, called `id`.
    ///
    /// # Errors
    /// If none can be made.
    pub fn rsa(id: &str, size: RsaSize) -> Result<Self, Unspecified> {
        Ok(Self::new(id, Pair::Rsa(RsaKeyPair::generate(size)?)))
    }

    /// A key for ES256, called `id`.
    ///
    /// # Errors
    /// If none can be made.
    pub fn es256(id: &str) -> Result<Self, Unspecified> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        Ok(Self::new(id, Pair::P256(pair)))
    }

    /// A key for ES384, called `id`.
    ///
    /// # Errors
    /// If none can be made.
    pub fn es384(id: &str) -> Result<Self, Unspecified> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)?;
        Ok(Self::new(id, Pair::P384(pair)))
    }

    /// A key for `EdDSA`, called `id`.
    ///
    /// # Errors
    /// If none can be made.
    pub fn eddsa(id: &str) -> Result<Self, Unspecified> {
        Ok(Self::new(id, Pair::Ed25519(Ed25519KeyPair::generate()?)))
    }

    /// The same key without a name: neither its JWK nor its tokens have a `kid`.
    #[must_use]
    pub fn without_id(self) -> Self {
        Self { id: None, ..self }
    }

    /// The names of the algorithms that it can sign by, first the one that its JWK has.
    #[must_use]
    pub const fn algorithms(&self) -> &'static [&'static str] {
        match self.pair {
            Pair::Rsa(_) => &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
            Pair::P256(_) => &["ES256"],
            Pair::P384(_) => &["ES384"],
            Pair::Ed25519(_) => &["EdDSA", "Ed25519"],
        }
    }

    /// The name of the algorithm that its JWK has.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        self.algorithms()[0]
    }

    /// The public key as a JWK (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                json!({
                    "kty": "RSA",
                    "n": encode(key.modulus().big_endian_without_leading_zero()),
                    "e": encode(key.exponent().big_endian_without_leading_zero()),
                })
            }
            Pair::P256(pair) => point("P-256", pair),
            Pair::P384(pair) => point("P-384", pair),
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
            }
        };
        if let Some(id) = &self.id {
            jwk["kid"] = id.as_str().into();
        }
        jwk["alg"] = self.algorithm().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// The public key in its usual binary format, as an attacker would take it for a secret.
    ///
    /// # Errors
    /// If it has none.
    pub fn public_bytes(&self) -> Result<Vec<u8>, Unspecified> {
        Ok(match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der()?.as_ref().to_vec(),
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        })
    }

    /// A token with `claims`, and a header that says what this key is.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn token(&self, claims: &Value) -> Result<String, Unspecified> {
        self.token_as(self.algorithm(), claims)
    }

    /// The same, signed by `algorithm`, one of those that this key can sign by.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn token_as(&self, algorithm: &str, claims: &Value) -> Result<String, Unspecified> {
        let mut header = json!({"typ": "JWT", "alg": algorithm});
        if let Some(id) = &self.id {
            header["kid"] = id.as_str().into();
        }
        self.token_with_header(&header, claims)
    }

    /// A token with `claims` and any `header` at all. It is signed by the algorithm of the header if
    /// this key can, and else by its own.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn token_with_header(&self, header: &Value, claims: &Value) -> Result<String, Unspecified> {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let encoding: &dyn RsaEncoding = match header["alg"].as_str() {
                    Some("RS384") => &RSA_PKCS1_SHA384,
                    Some("RS512") => &RSA_PKCS1_SHA512,
                    Some("PS256") => &RSA_PSS_SHA256,
                    Some("PS384") => &RSA_PSS_SHA384,
                    Some("PS512") => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, signed.as_bytes(), &mut signature)?;
                signature
            }
            Pair::P256(pair) | Pair::P384(pair) => {
                pair.sign(&random, signed.as_bytes())?.as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        Ok(format!("{signed}.{}", encode(signature)))
    }
}

/// The members of a JWK that are about a curve. The public key is an uncompressed point: a byte that
/// says so, and two coordinates.
fn point(curve: &str, pair: &EcdsaKeyPair) -> Value {
    let coordinates = &pair.public_key().as_ref()[1..];
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
}

/// Base64 as in tokens (RFC 7515, section 2).
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The JWKS of `keys`.
#[must_use]
pub fn jwks(keys: &[&SigningKey]) -> String {
    jwks_of(keys.iter().map(|key| key.jwk()))
}

/// The JWKS that consists of these JWKs.
pub fn jwks_of(keys: impl IntoIterator<Item = Value>) -> String {
    json!({"keys": keys.into_iter().collect::<Value>()}).to_string()
}

/// How the server answers.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// With 200 and this body.
    Publish(String),
    /// With this status, a `Location`, and nothing else.
    Status(u16),
    /// Not at all, while the connection stays open.
    Hang,
    /// With a body that never ends.
    Endless,
    /// By closing the connection.
    Close,
}

/// A server that publishes keys.
#[derive(Debug)]
pub struct Provider {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    requests: usize,
}

impl Provider {
    /// Starts one that behaves like this.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(behaviour: Behaviour) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State { behaviour, requests: 0 }));
        let server = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(exchange(stream, Arc::clone(&state)));
                }
            }
        });
        Ok(Self { address, state, server })
    }

    /// Where the keys are.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    /// Behaves like this from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).behaviour = behaviour;
    }

    /// How many requests there were.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).requests
    }

    /// Goes away: from now on nothing listens there.
    pub async fn die(mut self) {
        self.server.abort();
        // It was told to end; how it ended does not matter.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Reads a request, whatever it is, and answers it. A connection that breaks ends it.
async fn exchange(mut stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let behaviour = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests += 1;
        state.behaviour.clone()
    };
    let head = |status: u16| {
        format!("HTTP/1.1 {status} Status\r\nconnection: close\r\nlocation: /elsewhere\r\n")
    };
    match behaviour {
        Behaviour::Publish(body) => {
            let head = format!("{}content-length: {}\r\n\r\n", head(200), body.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await
        }
        Behaviour::Status(status) => {
            let head = format!("{}content-length: 0\r\n\r\n", head(status));
            stream.write_all(head.as_bytes()).await
        }
        Behaviour::Hang => {
            tokio::time::sleep(Duration::from_hours(1)).await;
            Ok(())
        }
        Behaviour::Endless => {
            stream.write_all(format!("{}\r\n", head(200)).as_bytes()).await?;
            loop {
                stream.write_all(&[b' '; 4_096]).await?;
            }
        }
        Behaviour::Close => Ok(()),
    }
}
