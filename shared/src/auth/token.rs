//! A token as it came: the compact serialisation of a JWS (RFC 7515, section 7.1), taken apart.
//!
//! The header is read here and not by the library, which refuses algorithms that it does not know by
//! name, `Ed25519` among them (RFC 9864, section 2.2). The library computes the signatures.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Map, Value};

/// A token whose signature is still to be verified.
pub(super) struct SignedToken<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    /// What is signed: header and claims as they came.
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> SignedToken<'a> {
    /// Takes a token apart; `None` if it is none, or of an unknown algorithm.
    pub(super) fn parse(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        if claims.contains('.') {
            return None;
        }
        let header = object(header)?;
        // An extension that must be understood (RFC 7515, section 4.1.11); we understand none.
        if header.contains_key("crit") {
            return None;
        }
        let key_id = match header.get("kid") {
            None | Some(Value::Null) => None,
            Some(id) => Some(id.as_str()?.to_owned()),
        };
        let algorithm = algorithm(header.get("alg")?.as_str()?)?;
        Some(Self { algorithm, key_id, signed, claims, signature })
    }

    /// The algorithm that it says it is signed by. Whether that counts is for the key to say (RFC
    /// 8725, section 3.1).
    pub(super) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The id of the key that it says it is signed by.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Whether it is signed by `key`.
    pub(super) fn is_signed_by(&self, key: &DecodingKey) -> bool {
        // An error says that signature or key is malformed.
        crypto::verify(self.signature, self.signed.as_bytes(), key, self.algorithm).unwrap_or(false)
    }

    /// What it says; `None` if that is not a JSON object. To be believed once the signature is
    /// verified.
    pub(super) fn claims(&self) -> Option<Map<String, Value>> {
        object(self.claims)
    }
}

fn object(encoded: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

/// The algorithm of this name in a token or a JWK, in just this spelling (RFC 7515, section 4.1.1).
/// `Ed25519` is the one algorithm of that curve that `EdDSA` stands for (RFC 9864, section 2.2).
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "Ed25519" => Some(Algorithm::EdDSA),
        other => other.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(header: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.AAAA", part(header), part(&json!({"sub": 3})))
    }

    #[test]
    fn a_header_says_algorithm_and_key() {
        let both = token(&json!({"alg": "ES384", "kid": "a", "typ": "at+jwt", "x5t": "b"}));
        let both = SignedToken::parse(&both).unwrap();
        assert_eq!((both.algorithm(), both.key_id()), (Algorithm::ES384, Some("a")));
        assert_eq!(both.claims().unwrap()["sub"], 3);
        for header in [json!({"alg": "EdDSA"}), json!({"alg": "Ed25519", "kid": null})] {
            let token = token(&header);
            let token = SignedToken::parse(&token).unwrap();
            assert_eq!((token.algorithm(), token.key_id()), (Algorithm::EdDSA, None));
        }
    }

    #[test]
    fn what_is_no_token_is_not_looked_at() {
        for header in [
            json!({}),
            json!({"alg": null}),
            json!({"alg": 5}),
            json!({"alg": "none"}),
            json!({"alg": "ed25519"}),
            json!({"alg": "Ed448"}),
            json!({"alg": "ES512"}),
            json!({"alg": "ES256", "kid": 5}),
            json!({"alg": "ES256", "crit": ["exp"]}),
            json!({"alg": "ES256", "crit": null}),
            json!(["ES256"]),
            json!("ES256"),
        ] {
            assert!(SignedToken::parse(&token(&header)).is_none(), "{header}");
        }
        let good = token(&json!({"alg": "ES256"}));
        assert!(SignedToken::parse(&good).is_some());
        for bad in [format!("{good}.AAAA"), good.replace('.', ""), format!(" {good}"), "..".into()]
        {
            assert!(SignedToken::parse(&bad).is_none(), "{bad}");
        }
    }
}
