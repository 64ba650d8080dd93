//! Why a request has no caller: by the fault of its token, or by ours.

use super::claim::Claim;
use super::jwks_source::JwksError;

/// Why a request has no caller. The text is for the caller, so a bad signature and a malformed
/// token are not told apart, and a claim is not named.
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
    /// Without this claim, which is required, or with a value of it that is not accepted.
    #[error("a claim of the token is missing or not accepted")]
    Claims(Claim),
    /// Without a user id.
    #[error("the token does not name a user")]
    User,
}

impl TokenError {
    /// One of each that has a name of its own in logs and metrics.
    pub const ALL: [Self; 6] = [
        Self::Absent,
        Self::Invalid,
        Self::Expired,
        Self::NotYetValid,
        Self::Claims(Claim::Expiry),
        Self::User,
    ];

    /// What it is called in logs and metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Claims(_) => "claims",
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
    #[error("the JWKS of the token provider is unavailable")]
    Keys(#[from] JwksError),
}
