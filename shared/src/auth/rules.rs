//! What the claims of a token must say, once its signature is verified (RFC 7519, section 4.1).
//!
//! A library's checks are not used for this: they know neither `client_id` in place of `aud`, nor a
//! path to the user id, and name what failed in no fixed order. Nothing here does I/O; the time is
//! given.

use std::time::Duration;

use serde_json::{Map, Value};

use super::claim::{Claim, ClaimPath};
use super::error::TokenError;
use crate::id::UserId;

/// What a token must say besides being signed.
///
/// By default `sub` is the user id, an issuer and an audience are not checked, and the tolerance is
/// 30 seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// The claim that holds the user id, an integer or its decimal text.
    pub user_id_claim: ClaimPath,
    /// `iss` must be one of these, unless there are none.
    pub issuers: Vec<String>,
    /// `aud` must be or contain one of these, unless there are none. Where a token has no `aud`, its
    /// `client_id` must be one of these, as in the JWT authorizers of API Gateway (AWS: "Control
    /// access to HTTP APIs with JWT authorizers").
    pub audiences: Vec<String>,
    /// Tolerance for `exp` and `nbf`, in seconds.
    pub leeway_seconds: u64,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self {
            user_id_claim: ClaimPath::sub(),
            issuers: Vec::new(),
            audiences: Vec::new(),
            leeway_seconds: 30,
        }
    }
}

impl TokenRules {
    /// The user whom `claims` name, at `now`, the time since 1970. Of `exp`, `nbf`, `iss` and `aud`, one
    /// that is missing or malformed fails before one with a wrong value; the user id is checked last.
    ///
    /// # Errors
    /// [`TokenError`] with the first rule that the claims break.
    pub(super) fn check(
        &self,
        claims: &Map<String, Value>,
        now: Duration,
    ) -> Result<UserId, TokenError> {
        let expiry = time(claims, Claim::Expiry)?;
        let expiry = expiry.ok_or(TokenError::Claims(Claim::Expiry))?;
        let not_before = time(claims, Claim::NotBefore)?;
        let is_of_issuer = self.is_of_issuer(claims)?;
        let for_whom = self.for_whom(claims)?;

        let (now, leeway) =
            (now.as_secs_f64(), Duration::from_secs(self.leeway_seconds).as_secs_f64());
        if now >= expiry + leeway {
            return Err(TokenError::Expired);
        }
        if not_before.is_some_and(|not_before| now < not_before - leeway) {
            return Err(TokenError::NotYetValid);
        }
        if !is_of_issuer {
            return Err(TokenError::Claims(Claim::Issuer));
        }
        if let Some((claim, false)) = for_whom {
            return Err(TokenError::Claims(claim));
        }
        self.user_id(claims).ok_or(TokenError::User)
    }

    /// Whether the token is of one of the issuers.
    fn is_of_issuer(&self, claims: &Map<String, Value>) -> Result<bool, TokenError> {
        if self.issuers.is_empty() {
            return Ok(true);
        }
        let issuer = Claim::Issuer.of(claims).and_then(Value::as_str);
        let issuer = issuer.ok_or(TokenError::Claims(Claim::Issuer))?;
        Ok(self.issuers.iter().any(|accepted| accepted == issuer))
    }

    /// The claim that says for whom the token is, and whether that is one of the audiences; `None` if
    /// that is not checked.
    fn for_whom(&self, claims: &Map<String, Value>) -> Result<Option<(Claim, bool)>, TokenError> {
        if self.audiences.is_empty() {
            return Ok(None);
        }
        let (claim, stated) = match (Claim::Audience.of(claims), Claim::Client.of(claims)) {
            (Some(stated), _) => (Claim::Audience, stated),
            (None, Some(stated)) => (Claim::Client, stated),
            (None, None) => return Err(TokenError::Claims(Claim::Audience)),
        };
        let stated: Option<Vec<&str>> = match stated {
            Value::String(one) => Some(vec![one]),
            Value::Array(several) if claim == Claim::Audience => {
                several.iter().map(Value::as_str).collect()
            }
            _ => None,
        };
        let stated = stated.ok_or(TokenError::Claims(claim))?;
        let is_ours = |stated: &&str| self.audiences.iter().any(|accepted| accepted == stated);
        Ok(Some((claim, stated.iter().any(is_ours))))
    }

    fn user_id(&self, claims: &Map<String, Value>) -> Option<UserId> {
        match self.user_id_claim.find(claims)? {
            Value::Number(number) => number.as_u64()?.try_into().ok(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Claims that name `user`, and that these rules accept until `expires_at`, in seconds since
    /// 1970.
    pub(super) fn claims(&self, user: UserId, expires_at: u64) -> Map<String, Value> {
        // A text, since `sub` must be one (RFC 7519, section 4.1.2).
        let mut claims = self.user_id_claim.holding(user.to_string().into());
        claims.insert(Claim::Expiry.name().to_owned(), expires_at.into());
        for (claim, accepted) in
            [(Claim::Issuer, &self.issuers), (Claim::Audience, &self.audiences)]
        {
            if let Some(first) = accepted.first() {
                claims.insert(claim.name().to_owned(), first.as_str().into());
            }
        }
        claims
    }
}

/// The time that a claim says, in seconds since 1970, which may have a fraction (RFC 7519, section 2:
/// `NumericDate`).
fn time(claims: &Map<String, Value>, claim: Claim) -> Result<Option<f64>, TokenError> {
    let Some(stated) = claim.of(claims) else { return Ok(None) };
    let seconds = stated.as_f64().filter(|seconds| *seconds >= 0.0);
    seconds.map(Some).ok_or(TokenError::Claims(claim))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// When the tests take place, in seconds since 1970.
    const NOW: u64 = 1_800_000_000;

    fn check_at(rules: &TokenRules, claims: &Value, now: Duration) -> Result<u64, TokenError> {
        rules.check(claims.as_object().unwrap(), now).map(UserId::get)
    }

    fn check(rules: &TokenRules, claims: &Value) -> Result<u64, TokenError> {
        check_at(rules, claims, Duration::from_secs(NOW))
    }

    fn list(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn a_token_is_good_until_its_expiry_and_the_leeway() {
        let rules = TokenRules { leeway_seconds: 5, ..TokenRules::default() };
        let exp = |exp: Value| check(&rules, &json!({"sub": 3, "exp": exp}));
        assert_eq!(exp((NOW + 1).into()), Ok(3));
        assert_eq!(exp((NOW - 4).into()), Ok(3));
        assert_eq!(exp(json!(1_799_999_995.5)), Ok(3));
        // "on or after which the JWT MUST NOT be accepted" (section 4.1.4)
        assert_eq!(exp((NOW - 5).into()), Err(TokenError::Expired));
        assert_eq!(exp(json!(1_799_999_994.5)), Err(TokenError::Expired));
        assert_eq!(exp(0.into()), Err(TokenError::Expired));
        let missing = Err(TokenError::Claims(Claim::Expiry));
        assert_eq!(check(&rules, &json!({"sub": 3})), missing);
        for bad in [json!(null), json!(-1), json!("soon"), json!([NOW]), json!(true)] {
            assert_eq!(exp(bad.clone()), missing, "{bad}");
        }
        let late = Duration::from_millis(NOW * 1_000 + 999);
        let claims = json!({"sub": 3, "exp": NOW - 4});
        assert_eq!(check_at(&rules, &claims, late), Ok(3));
    }

    #[test]
    fn a_token_is_not_good_before_its_time() {
        let rules = TokenRules { leeway_seconds: 5, ..TokenRules::default() };
        let nbf = |nbf: Value| check(&rules, &json!({"sub": 3, "exp": NOW + 60, "nbf": nbf}));
        assert_eq!(nbf((NOW + 5).into()), Ok(3));
        assert_eq!(nbf(json!(null)), Ok(3));
        assert_eq!(nbf((NOW + 6).into()), Err(TokenError::NotYetValid));
        assert_eq!(nbf("now".into()), Err(TokenError::Claims(Claim::NotBefore)));
    }

    #[test]
    fn any_listed_issuer_counts() {
        let rules =
            TokenRules { issuers: list(&["https://a", "https://b/"]), ..Default::default() };
        let iss = |iss: Value| check(&rules, &json!({"sub": 3, "exp": NOW + 60, "iss": iss}));
        assert_eq!(iss("https://a".into()), Ok(3));
        assert_eq!(iss("https://b/".into()), Ok(3));
        for bad in [
            json!("https://b"),
            json!("https://a/"),
            json!("HTTPS://A"),
            json!(""),
            json!(null),
            json!(["https://a"]),
        ] {
            assert_eq!(iss(bad.clone()), Err(TokenError::Claims(Claim::Issuer)), "{bad}");
        }
    }

    #[test]
    fn any_listed_audience_counts_and_client_id_where_there_is_no_aud() {
        let rules = TokenRules { audiences: list(&["a", "b"]), ..Default::default() };
        let with = |members: Value| {
            let mut claims = json!({"sub": 3, "exp": NOW + 60});
            claims.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            check(&rules, &claims)
        };
        for good in [
            json!({"aud": "a"}),
            json!({"aud": ["x", "b"]}),
            json!({"client_id": "b"}),
            json!({"aud": null, "client_id": "a"}),
            json!({"aud": "a", "client_id": "x"}),
        ] {
            assert_eq!(with(good.clone()), Ok(3), "{good}");
        }
        for (bad, claim) in [
            (json!({}), Claim::Audience),
            (json!({"aud": "x"}), Claim::Audience),
            (json!({"aud": "A"}), Claim::Audience),
            (json!({"aud": []}), Claim::Audience),
            (json!({"aud": ["a", 5]}), Claim::Audience),
            (json!({"aud": {"a": 1}}), Claim::Audience),
            (json!({"aud": "x", "client_id": "a"}), Claim::Audience),
            (json!({"aud": [], "client_id": "a"}), Claim::Audience),
            (json!({"client_id": "x"}), Claim::Client),
            (json!({"client_id": ["a"]}), Claim::Client),
        ] {
            assert_eq!(with(bad.clone()), Err(TokenError::Claims(claim)), "{bad}");
        }
    }

    #[test]
    fn the_user_is_an_integer_or_its_decimal_text() {
        let user_id_claim = ClaimPath::new("app.user_id").unwrap();
        let rules = TokenRules { user_id_claim, ..TokenRules::default() };
        let user =
            |id: Value| check(&rules, &json!({"app": {"user_id": id}, "sub": 9, "exp": NOW + 60}));
        assert_eq!(user(3.into()), Ok(3));
        assert_eq!(user("3".into()), Ok(3));
        assert_eq!(user(9_007_199_254_740_991_u64.into()), Ok(9_007_199_254_740_991));
        for bad in [
            json!(0),
            json!(-3),
            json!(3.0),
            json!(9_007_199_254_740_992_u64),
            json!("03"),
            json!("+3"),
            json!(" 3"),
            json!("three"),
            json!(""),
            json!(null),
            json!(true),
            json!([3]),
            json!({"id": 3}),
        ] {
            assert_eq!(user(bad.clone()), Err(TokenError::User), "{bad}");
        }
        assert_eq!(check(&rules, &json!({"sub": 3, "exp": NOW + 60})), Err(TokenError::User));
    }

    #[test]
    fn what_is_missing_is_told_before_what_is_wrong() {
        let rules =
            TokenRules { issuers: list(&["i"]), audiences: list(&["a"]), ..TokenRules::default() };
        let mut claims = json!({"exp": 1, "nbf": NOW + 600, "iss": "x", "aud": "x"});
        let mut expect = |error, member: &str, value: Value| {
            assert_eq!(check(&rules, &claims), Err(error), "{claims}");
            claims[member] = value;
        };
        expect(TokenError::Expired, "exp", json!(null));
        expect(TokenError::Claims(Claim::Expiry), "exp", (NOW + 60).into());
        expect(TokenError::NotYetValid, "nbf", json!(null));
        expect(TokenError::Claims(Claim::Issuer), "aud", json!(null));
        expect(TokenError::Claims(Claim::Audience), "aud", "x".into());
        expect(TokenError::Claims(Claim::Issuer), "iss", "i".into());
        expect(TokenError::Claims(Claim::Audience), "aud", "a".into());
        expect(TokenError::User, "sub", 3.into());
        assert_eq!(check(&rules, &claims), Ok(3));
    }

    #[test]
    fn the_rules_accept_the_claims_that_they_make() {
        let rules = TokenRules {
            user_id_claim: ClaimPath::new("app.user_id").unwrap(),
            issuers: list(&["https://a", "https://b"]),
            audiences: list(&["a", "b"]),
            leeway_seconds: 0,
        };
        let claims = rules.claims(3.try_into().unwrap(), NOW + 60);
        let expected =
            json!({"app": {"user_id": "3"}, "exp": NOW + 60, "iss": "https://a", "aud": "a"});
        assert_eq!(Value::from(claims), expected);
        assert_eq!(check(&rules, &expected), Ok(3));
    }
}
