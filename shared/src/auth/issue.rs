//! Tokens of our own, for local development and tests. The platform issues the real ones.

use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::rules::TokenRules;
use crate::id::UserId;

/// Makes a token for `user` that `rules` accept until `expires_at`, in seconds since 1970, signed by
/// HS256 with `secret`. For local development and tests; the platform issues the real ones.
///
/// # Errors
/// If the token cannot be signed.
pub fn issue(
    secret: &str,
    rules: &TokenRules,
    user: UserId,
    expires_at: u64,
) -> Result<String, jsonwebtoken::errors::Error> {
    let key = EncodingKey::from_secret(secret.as_bytes());
    let claims = rules.claims(user, expires_at);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
}
