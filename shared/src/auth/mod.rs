//! Bearer tokens: who is calling.
//!
//! A token is a JWT (RFC 7519), signed either with a shared secret (HS256) or by a provider with a
//! JWKS. The configuration says which of the two, and so which algorithms. What a token says of its own
//! algorithm only ever makes the token fail (RFC 8725, section 3.1).
//!
//! | file | rule |
//! |---|---|
//! | `verifier` | what is verified first, and who the caller is |
//! | `token` | what is a token, and which names algorithms have |
//! | `secret` | which secrets count |
//! | `public_key` | which keys of a JWKS count, and for which algorithms |
//! | `jwks` | when the JWKS is fetched, and which of its keys are tried |
//! | `jwks_source` | where a JWKS may be, and how it is fetched and read |
//! | `rules`, `claim` | which claims count, and which one is the user id |
//! | `error` | what the caller and the operator learn of a token that fails |
//! | `issue` | how a token of local development and of tests is made |
//! | `loopback` | which URLs lead to this machine |

mod claim;
mod error;
mod issue;
mod jwks;
mod jwks_source;
mod loopback;
mod public_key;
mod rules;
mod secret;
mod token;
mod verifier;

pub use claim::{Claim, ClaimPath};
pub use error::{AuthError, TokenError};
pub use issue::issue;
pub use jwks_source::{JwksError, JwksUrl};
pub(crate) use loopback::is_loopback;
pub use rules::TokenRules;
pub use secret::Secret;
pub use verifier::{Caller, TokenVerifier};
