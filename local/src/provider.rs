//! A token provider on this machine, for tests: keys that sign, a server that publishes them, and
//! the ways in which that server can fail.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A private key that signs tokens, made anew for each test.
pub struct SigningKey {
    id: String,
    pair: Pair,
}

enum Pair {
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl SigningKey {
    /// A key for RS256, called `id`.
    ///
    /// # Errors
    /// If none can be made.
    pub fn rs256(id: &str) -> Result<Self, Unspecified> {
        Ok(Self { id: id.to_owned(), pair: Pair::Rs256(RsaKeyPair::generate(KeySize::Rsa2048)?) })
    }

    /// A key for ES256, called `id`.
    ///
    /// # Errors
    /// If none can be made.
    pub fn es256(id: &str) -> Result<Self, Unspecified> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        Ok(Self { id: id.to_owned(), pair: Pair::Es256(pair) })
    }

    /// A key for EdDSA, called `id`.
    ///
    /// # Errors
    /// If none can be made.
    pub fn eddsa(id: &str) -> Result<Self, Unspecified> {
        Ok(Self { id: id.to_owned(), pair: Pair::EdDsa(Ed25519KeyPair::generate()?) })
    }

    /// The name of its algorithm in a token.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rs256(_) => "RS256",
            Pair::Es256(_) => "ES256",
            Pair::EdDsa(_) => "EdDSA",
        }
    }

    /// The public key as a JWK (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rs256(pair) => {
                let key = pair.public_key();
                json!({
                    "kty": "RSA",
                    "n": encode(key.modulus().big_endian_without_leading_zero()),
                    "e": encode(key.exponent().big_endian_without_leading_zero()),
                })
            }
            Pair::Es256(pair) => {
                // An uncompressed point: a byte that says so, and two halves.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
            }
            Pair::EdDsa(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
            }
        };
        jwk["kid"] = self.id.as_str().into();
        jwk["alg"] = self.algorithm().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// The public key in its usual binary form, as an attacker would take it for a secret.
    ///
    /// # Errors
    /// If it has none.
    pub fn public_bytes(&self) -> Result<Vec<u8>, Unspecified> {
        Ok(match &self.pair {
            Pair::Rs256(pair) => pair.public_key().as_der()?.as_ref().to_vec(),
            Pair::Es256(pair) => pair.public_key().as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.public_key().as_ref().to_vec(),
        })
    }

    /// A token with `claims`, and a header that says what this key is.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn token(&self, claims: &Value) -> Result<String, Unspecified> {
        let header = json!({"typ": "JWT", "alg": self.algorithm(), "kid": self.id});
        self.token_with_header(&header, claims)
    }

    /// A token with `claims` and any `header` at all.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn token_with_header(&self, header: &Value, claims: &Value) -> Result<String, Unspecified> {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)?;
                signature
            }
            Pair::Es256(pair) => pair.sign(&random, signed.as_bytes())?.as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        Ok(format!("{signed}.{}", encode(signature)))
    }
}

/// Base64 as in tokens (RFC 7515, section 2).
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The JWK set of `keys`.
#[must_use]
pub fn jwks(keys: &[&SigningKey]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
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
    /// If no port is to be had.
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
