//! One JWK (RFC 7517) made a key that verifies signatures, or the reason why it is none.
//!
//! The library would take any JWK for a key and then refuse every token, without a word, because the
//! modulus is too short or a point is not on its curve. So the members are read and checked here, when
//! the set is fetched, and the operator is told. Only of an Ed25519 key, any 32 bytes are taken.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ParsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::token::{SignedToken, algorithm};

/// The lengths of a modulus that count, in bits. RFC 7518, section 3.3, has the lower bound; above the
/// upper one, which no provider exceeds, a signature takes milliseconds to verify.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;

/// The largest public exponent that the library takes, in bits.
const MAX_EXPONENT_BITS: usize = 33;

/// Why a key of a JWKS verifies nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    #[error("it is not a JWK")]
    Malformed(#[source] serde_json::Error),
    #[error("its kind {0:?} is none that verifies signatures")]
    Kind(String),
    #[error("its use {0} is neither for signatures nor for encryption")]
    Use(String),
    #[error("its curve {0:?} is unknown")]
    Curve(String),
    #[error("its algorithm {0:?} is none of its kind")]
    Algorithm(String),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is not base64url")]
    Encoding(&'static str),
    #[error("{0} has the wrong length")]
    Length(&'static str),
    #[error("its modulus has {0} bits, not 2,048 to 4,096")]
    Modulus(usize),
    #[error("its modulus is even")]
    EvenModulus,
    #[error("its exponent is not an odd number from 3 to 2^33 - 1")]
    Exponent,
    #[error("it is no point of its curve")]
    Point,
}

/// What kind of key it is, which says how it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Rsa, Self::P256, Self::P384, Self::Ed25519];

    /// The algorithms that a key of this kind verifies, unless it says which of them.
    const fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Rsa => &[
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
            Self::P256 => &[Algorithm::ES256],
            Self::P384 => &[Algorithm::ES384],
            Self::Ed25519 => &[Algorithm::EdDSA],
        }
    }
}

/// Whether some kind of public key verifies `algorithm`.
pub(super) fn is_asymmetric(algorithm: Algorithm) -> bool {
    Kind::ALL.iter().any(|kind| kind.algorithms().contains(&algorithm))
}

/// A public key and what it is for.
pub(super) struct PublicKey {
    id: Option<String>,
    kind: Kind,
    /// The only algorithm that it is for, if it says so.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

/// The members of a JWK that count (RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// What a key for encryption says that it is for, among its operations (RFC 7517, section 4.3).
const ENCRYPTION: [&str; 6] =
    ["encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits"];

impl Jwk {
    /// Whether it is for encryption: if it says so, or its curve is for nothing else (RFC 8037,
    /// section 3.2).
    fn is_for_encryption(&self) -> bool {
        let encrypts = |all: &Vec<String>| all.iter().any(|one| ENCRYPTION.contains(&one.as_str()));
        let is_verifying = |all: &Vec<String>| all.iter().any(|one| one == "verify");
        self.r#use.as_deref() == Some("enc")
            || self.key_ops.as_ref().is_some_and(|all| encrypts(all) && !is_verifying(all))
            || matches!(self.crv.as_deref(), Some("X25519" | "X448"))
            || self.alg.as_deref().is_some_and(|name| {
                ["RSA-OAEP", "RSA1_5", "ECDH-ES"].iter().any(|start| name.starts_with(start))
            })
    }

    /// Fails if it is for something else than to verify signatures, as far as it says what it is for.
    fn check_use(&self) -> Result<(), KeyError> {
        match (self.r#use.as_deref(), &self.key_ops) {
            (None | Some("sig"), None) => Ok(()),
            (None | Some("sig"), Some(all)) if all.iter().any(|one| one == "verify") => Ok(()),
            (None | Some("sig"), Some(all)) => Err(KeyError::Use(format!("{all:?}"))),
            (Some(other), _) => Err(KeyError::Use(format!("{other:?}"))),
        }
    }

    fn kind(&self) -> Result<Kind, KeyError> {
        let curve = || self.crv.as_deref().ok_or(KeyError::Missing("crv"));
        match self.kty.as_str() {
            "RSA" => Ok(Kind::Rsa),
            "EC" => match curve()? {
                "P-256" => Ok(Kind::P256),
                "P-384" => Ok(Kind::P384),
                other => Err(KeyError::Curve(other.to_owned())),
            },
            "OKP" => match curve()? {
                "Ed25519" => Ok(Kind::Ed25519),
                other => Err(KeyError::Curve(other.to_owned())),
            },
            other => Err(KeyError::Kind(other.to_owned())),
        }
    }

    fn key(&self, kind: Kind) -> Result<DecodingKey, KeyError> {
        match kind {
            Kind::Rsa => self.rsa(),
            Kind::P256 => self.point(32, &ECDSA_P256_SHA256_FIXED),
            Kind::P384 => self.point(48, &ECDSA_P384_SHA384_FIXED),
            Kind::Ed25519 => Ok(DecodingKey::from_ed_der(&of_length("x", self.x.as_ref(), 32)?)),
        }
    }

    fn rsa(&self) -> Result<DecodingKey, KeyError> {
        let (modulus, exponent) = (bytes("n", self.n.as_ref())?, bytes("e", self.e.as_ref())?);
        let (modulus, exponent) =
            (without_leading_zeros(&modulus), without_leading_zeros(&exponent));
        let length = bits(modulus);
        if !MODULUS_BITS.contains(&length) {
            return Err(KeyError::Modulus(length));
        }
        if modulus.last().is_some_and(|last| last % 2 == 0) {
            return Err(KeyError::EvenModulus);
        }
        let is_odd = exponent.last().is_some_and(|last| last % 2 == 1);
        if !is_odd || !(2..=MAX_EXPONENT_BITS).contains(&bits(exponent)) {
            return Err(KeyError::Exponent);
        }
        Ok(DecodingKey::from_rsa_raw_components(modulus, exponent))
    }

    /// A point of the curve of `algorithm` with coordinates of so many bytes, which they always have
    /// (RFC 7518, section 6.2.1.2), uncompressed: a byte that says so, and the coordinates.
    fn point(
        &self,
        length: usize,
        algorithm: &'static dyn VerificationAlgorithm,
    ) -> Result<DecodingKey, KeyError> {
        let mut point = vec![4];
        point.extend(of_length("x", self.x.as_ref(), length)?);
        point.extend(of_length("y", self.y.as_ref(), length)?);
        ParsedPublicKey::new(algorithm, &point).map_err(|_| KeyError::Point)?;
        Ok(DecodingKey::from_ec_der(&point))
    }
}

fn bytes(name: &'static str, member: Option<&String>) -> Result<Vec<u8>, KeyError> {
    let member = member.ok_or(KeyError::Missing(name))?;
    BASE64_URL_SAFE_NO_PAD.decode(member).map_err(|_| KeyError::Encoding(name))
}

fn of_length(
    name: &'static str,
    member: Option<&String>,
    length: usize,
) -> Result<Vec<u8>, KeyError> {
    let bytes = bytes(name, member)?;
    if bytes.len() == length { Ok(bytes) } else { Err(KeyError::Length(name)) }
}

/// A number without the zero bytes in front, which it should not have (RFC 7518, section 2:
/// `Base64urlUInt`) and which some providers send, from signed integers of theirs.
fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    &number[first..]
}

/// How many bits a number has that does not begin with a zero byte.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |first| first.leading_zeros() as usize);
    number.len() * 8 - unused
}

impl PublicKey {
    /// The key that `jwk` describes; `None` if it is for encryption.
    ///
    /// # Errors
    /// [`KeyError`] if it verifies nothing.
    pub(super) fn read(jwk: &Value) -> Result<Option<Self>, KeyError> {
        let jwk = Jwk::deserialize(jwk).map_err(KeyError::Malformed)?;
        if jwk.is_for_encryption() {
            return Ok(None);
        }
        jwk.check_use()?;
        let kind = jwk.kind()?;
        let stated = match &jwk.alg {
            None => None,
            Some(name) => match algorithm(name).filter(|one| kind.algorithms().contains(one)) {
                Some(stated) => Some(stated),
                None => return Err(KeyError::Algorithm(name.clone())),
            },
        };
        let key = jwk.key(kind)?;
        Ok(Some(Self { id: jwk.kid, kind, algorithm: stated, key }))
    }

    /// Whether the key allows the algorithm of `token`.
    pub(super) fn allows(&self, token: &SignedToken<'_>) -> bool {
        match self.algorithm {
            Some(only) => only == token.algorithm(),
            None => self.kind.algorithms().contains(&token.algorithm()),
        }
    }

    /// Its `kid`, which a JWK need not have (RFC 7517, section 4.5).
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether `token` is signed by this key.
    pub(super) fn verify(&self, token: &SignedToken<'_>) -> bool {
        token.is_signed_by(&self.key)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {:?}", self.kind, self.algorithm, self.id)
    }
}

#[cfg(test)]
mod tests {
    use activity_log_local::provider::{SigningKey, encode};
    use serde_json::json;

    use super::*;

    fn with(key: &SigningKey, name: &str, value: Value) -> Value {
        let mut jwk = key.jwk();
        jwk[name] = value;
        jwk
    }

    fn without(key: &SigningKey, name: &str) -> Value {
        let mut jwk = key.jwk();
        jwk.as_object_mut().unwrap().remove(name);
        jwk
    }

    /// Which of all algorithms the key of `jwk` allows, in tokens that are signed by it.
    fn allowed(jwk: &Value, key: &SigningKey) -> Vec<&'static str> {
        let public = PublicKey::read(jwk).unwrap().unwrap();
        let mut names = key.algorithms().to_vec();
        names.retain(|name| {
            let token = key.token_as(name, &json!({})).unwrap();
            let token = SignedToken::parse(&token).unwrap();
            assert!(public.verify(&token), "{name} with {jwk}");
            public.allows(&token)
        });
        names
    }

    #[test]
    fn a_key_allows_its_algorithm_or_else_all_of_its_kind_and_curve() {
        let rsa = SigningKey::rs256("a").unwrap();
        let all = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
        assert_eq!(allowed(&without(&rsa, "alg"), &rsa), all);
        for one in all {
            assert_eq!(allowed(&with(&rsa, "alg", one.into()), &rsa), [one]);
        }
        let es256 = SigningKey::es256("a").unwrap();
        let es384 = SigningKey::es384("a").unwrap();
        assert_eq!(allowed(&without(&es256, "alg"), &es256), ["ES256"]);
        assert_eq!(allowed(&es384.jwk(), &es384), ["ES384"]);
        let eddsa = SigningKey::eddsa("a").unwrap();
        for jwk in [eddsa.jwk(), without(&eddsa, "alg"), with(&eddsa, "alg", "Ed25519".into())] {
            assert_eq!(allowed(&jwk, &eddsa), ["EdDSA", "Ed25519"], "{jwk}");
        }
    }

    #[test]
    fn no_public_key_is_for_a_secrets_algorithms() {
        for secret in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            assert!(!is_asymmetric(secret), "{secret:?}");
        }
        assert!(is_asymmetric(Algorithm::PS384));
    }

    #[test]
    fn keys_for_encryption_are_left_out() {
        let ec = SigningKey::es256("ec").unwrap();
        for jwk in [
            with(&ec, "use", "enc".into()),
            with(&ec, "key_ops", json!(["wrapKey"])),
            with(&ec, "alg", "ECDH-ES+A128KW".into()),
            json!({"kty": "RSA", "alg": "RSA-OAEP-256", "n": "AQAB", "e": "AQAB"}),
            json!({"kty": "OKP", "crv": "X25519", "x": "AAAA"}),
        ] {
            assert!(matches!(PublicKey::read(&jwk), Ok(None)), "{jwk}");
        }
        for jwk in [
            without(&ec, "use"),
            without(&ec, "kid"),
            with(&ec, "use", json!(null)),
            with(&ec, "key_ops", json!(["sign", "verify"])),
            with(&ec, "x5t", "something".into()),
        ] {
            assert!(matches!(PublicKey::read(&jwk), Ok(Some(_))), "{jwk}");
        }
    }

    /// A JWK with a modulus of so many bits, and zero bytes in front of it.
    fn modulus(bits: usize, zeros: usize) -> Value {
        let mut modulus = vec![0; zeros];
        modulus.push(1 << ((bits - 1) % 8));
        modulus.resize(zeros + bits.div_ceil(8), 0xff);
        json!({"kty": "RSA", "n": encode(modulus), "e": "AQAB"})
    }

    #[test]
    fn a_modulus_has_2048_to_4096_bits_and_zero_bytes_in_front_do_not_count() {
        for bits in [2_048, 2_049, 3_072, 4_096] {
            for zeros in [0, 1, 2] {
                assert!(matches!(PublicKey::read(&modulus(bits, zeros)), Ok(Some(_))), "{bits}");
            }
        }
        for wrong in [8, 1_024, 2_047, 4_097, 8_192] {
            for zeros in [0, 1, 200] {
                let error = PublicKey::read(&modulus(wrong, zeros)).unwrap_err();
                assert!(matches!(error, KeyError::Modulus(found) if found == wrong), "{error}");
            }
        }
        let mut even =
            BASE64_URL_SAFE_NO_PAD.decode(modulus(2_048, 0)["n"].as_str().unwrap()).unwrap();
        *even.last_mut().unwrap() = 0xfe;
        let even = json!({"kty": "RSA", "n": encode(even), "e": "AQAB"});
        assert!(matches!(PublicKey::read(&even), Err(KeyError::EvenModulus)));
        let empty = json!({"kty": "RSA", "n": "", "e": "AQAB"});
        assert!(matches!(PublicKey::read(&empty), Err(KeyError::Modulus(0))));
    }

    #[test]
    fn an_exponent_is_odd_and_neither_1_nor_too_large() {
        let exponent = |bytes: &[u8]| {
            let mut jwk = modulus(2_048, 0);
            jwk["e"] = encode(bytes).into();
            PublicKey::read(&jwk)
        };
        for good in [&[3][..], &[1, 0, 1], &[0, 1, 0, 1], &[1, 0, 0, 0, 1]] {
            assert!(exponent(good).is_ok(), "{good:?}");
        }
        for bad in [&[][..], &[0], &[1], &[0, 1], &[1, 0], &[2, 0, 0, 0, 1], &[255; 256]] {
            assert!(matches!(exponent(bad), Err(KeyError::Exponent)), "{bad:?}");
        }
    }

    #[test]
    fn every_other_key_has_a_reason_why_it_is_of_no_use() {
        let (ec, ed) = (SigningKey::es256("ec").unwrap(), SigningKey::eddsa("ed").unwrap());
        for (jwk, reason) in [
            (with(&ec, "kty", "oct".into()), r#"its kind "oct" is none that verifies signatures"#),
            (with(&ec, "kty", "new".into()), r#"its kind "new" is none that verifies signatures"#),
            (with(&ec, "crv", "secp256k1".into()), r#"its curve "secp256k1" is unknown"#),
            (with(&ec, "crv", "P-521".into()), r#"its curve "P-521" is unknown"#),
            (with(&ed, "crv", "Ed448".into()), r#"its curve "Ed448" is unknown"#),
            (with(&ec, "crv", "P-384".into()), r#"its algorithm "ES256" is none of its kind"#),
            (with(&ec, "alg", "ES384".into()), r#"its algorithm "ES384" is none of its kind"#),
            (with(&ec, "alg", "HS256".into()), r#"its algorithm "HS256" is none of its kind"#),
            (with(&ec, "alg", "ES512".into()), r#"its algorithm "ES512" is none of its kind"#),
            (
                with(&ec, "use", "tls".into()),
                r#"its use "tls" is neither for signatures nor for encryption"#,
            ),
            (
                with(&ec, "use", "SIG".into()),
                r#"its use "SIG" is neither for signatures nor for encryption"#,
            ),
            (
                with(&ec, "key_ops", json!(["sign"])),
                r#"its use ["sign"] is neither for signatures nor for encryption"#,
            ),
            (
                with(&ec, "key_ops", json!([])),
                "its use [] is neither for signatures nor for encryption",
            ),
            (with(&ec, "y", encode([1; 32]).into()), "it is no point of its curve"),
            (with(&ec, "x", "not base64!".into()), "x is not base64url"),
            (with(&ec, "y", encode([1; 31]).into()), "y has the wrong length"),
            (with(&ed, "x", encode([1; 33]).into()), "x has the wrong length"),
            (without(&ec, "y"), "y is missing"),
            (without(&ec, "crv"), "crv is missing"),
            (without(&ec, "kty"), "it is not a JWK"),
            (with(&ec, "kid", json!(5)), "it is not a JWK"),
            (json!(5), "it is not a JWK"),
        ] {
            assert_eq!(PublicKey::read(&jwk).unwrap_err().to_string(), reason, "{jwk}");
        }
    }
}
