//! A secret that the functions and the issuer of tokens share, and its rotation.
//!
//! A secret cannot be replaced everywhere in the same instant. So for as long as tokens of the
//! previous secret live, both are good: no token is refused because of the rotation.

use jsonwebtoken::{Algorithm, DecodingKey};

use super::token::SignedToken;

/// The shortest secret, in bytes: the length of the hash (RFC 7518, section 3.2).
const MIN_LENGTH: usize = 32;

/// A secret for HS256.
#[derive(Debug)]
pub struct Secret(DecodingKey);

impl Secret {
    /// The secret of these bytes, at least 32.
    ///
    /// # Errors
    /// A reason, without the secret, if it is shorter than the hash.
    pub fn new(secret: &str) -> Result<Self, &'static str> {
        if secret.len() < MIN_LENGTH {
            return Err("must be at least 32 bytes");
        }
        Ok(Self(DecodingKey::from_secret(secret.as_bytes())))
    }
}

/// The secrets whose tokens are good.
#[derive(Debug)]
pub(super) struct Secrets {
    pub(super) current: Secret,
    /// The one before, during a rotation.
    pub(super) previous: Option<Secret>,
}

impl Secrets {
    /// Whether `token` is signed with one of them.
    pub(super) fn verify(&self, token: &SignedToken<'_>) -> bool {
        let mut secrets = std::iter::once(&self.current).chain(&self.previous);
        token.algorithm() == Algorithm::HS256 && secrets.any(|Secret(key)| token.is_signed_by(key))
    }
}
