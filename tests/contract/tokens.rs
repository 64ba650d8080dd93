//! Tokens whose keys a provider publishes, and attempts to get in without.

use activity_log::api::Api;
use activity_log::api::routes::LIST_ACTIVITIES;
use activity_log::auth::{TokenRules, Verifier};
use activity_log_local::provider::{Behaviour, Provider, SigningKey, encode, jwks};
use lambda_http::http::HeaderMap;
use serde_json::{Value, json};

use crate::support::{Answer, Fixture, GET, LIST, PROJECT, now, rules};

/// An API that takes tokens of a provider with three keys.
struct Published {
    fixture: Fixture,
    provider: Provider,
    keys: [SigningKey; 3],
}

impl Published {
    async fn new(rules: TokenRules) -> Self {
        let keys = [
            SigningKey::rs256("rsa").unwrap(),
            SigningKey::es256("ec").unwrap(),
            SigningKey::eddsa("ed").unwrap(),
        ];
        let published = jwks(&keys.each_ref());
        let provider = Provider::start(Behaviour::Publish(published)).await.unwrap();
        let mut fixture = Fixture::new().await;
        fixture.api.verifier = Verifier::published_keys(&provider.url(), rules).unwrap();
        fixture.api.verifier.warm_up().await.unwrap();
        Self { fixture, provider, keys }
    }

    async fn ask(&self, token: &str) -> Answer {
        self.fixture.list_with("", &[("authorization", &format!("Bearer {token}"))]).await
    }
}

fn claims() -> Value {
    json!({"sub": 3, "exp": now() + 600})
}

#[tokio::test]
async fn a_token_of_each_algorithm_is_good_on_every_route() {
    let published = Published::new(rules()).await;
    for key in &published.keys {
        let token = format!("Bearer {}", key.token(&claims()).unwrap());
        for event in [LIST, PROJECT, GET] {
            let answer = published
                .fixture
                .send(event, |event| event["headers"]["authorization"] = token.clone().into())
                .await;
            assert_eq!(answer.status, 200, "{} {answer:?}", key.algorithm());
        }
    }
    assert_eq!(published.provider.requests(), 1, "fetched before the first request, and kept");
}

#[tokio::test]
async fn no_attack_gets_in() {
    let published = Published::new(rules()).await;
    let [rsa, ec, ed] = &published.keys;
    let header = |algorithm: &str, id: &str| json!({"typ": "JWT", "alg": algorithm, "kid": id});
    let good = ed.token(&claims()).unwrap();
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let other = encode(json!({"sub": 8, "exp": now() + 600}).to_string());
    let stranger = |id: &str| SigningKey::eddsa(id).unwrap().token(&claims()).unwrap();

    let mut attacks = vec![
        // A token without a signature.
        format!("{}.{payload}.", encode(r#"{"alg":"none"}"#)),
        format!("{}.{payload}.{signature}", encode(r#"{"alg":"none","kid":"ed"}"#)),
        format!("{}.{payload}.{signature}", encode(r#"{"alg":"None","kid":"ed"}"#)),
        format!("{head}.{payload}."),
        format!("{head}.{payload}"),
        // Another payload, header or signature.
        format!("{head}.{other}.{signature}"),
        format!("{}.{payload}.{signature}", encode(header("EdDSA", "ec").to_string())),
        format!("{head}.{payload}.{}", encode([0; 64])),
        format!("{head}.{payload}.{signature}.{signature}"),
        // A key that is not published, under its own name, that of another, and none.
        stranger("stranger"),
        stranger("ed"),
        stranger(""),
        // A key of one algorithm used for another.
        rsa.token_with_header(&header("RS512", "rsa"), &claims()).unwrap(),
        rsa.token_with_header(&header("PS256", "rsa"), &claims()).unwrap(),
        ec.token_with_header(&header("ES384", "ec"), &claims()).unwrap(),
        ed.token_with_header(&header("ES256", "ed"), &claims()).unwrap(),
        ed.token_with_header(&header("EdDSA", "rsa"), &claims()).unwrap(),
        // A key or its place that the token brings along.
        SigningKey::eddsa("x")
            .and_then(|key| {
                let header = json!({"alg": "EdDSA", "kid": "x", "jwk": key.jwk()});
                key.token_with_header(&header, &claims())
            })
            .unwrap(),
        // An extension that must be understood.
        ed.token_with_header(&json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"]}), &claims())
            .unwrap(),
        // No token at all.
        "é".to_owned(),
        "a.b.c".to_owned(),
        "..".to_owned(),
        "x".repeat(100_000),
        format!("{good} {good}"),
    ];
    // HS256 with what everyone knows as the secret.
    for key in &published.keys {
        for secret in [key.public_bytes().unwrap(), key.jwk().to_string().into_bytes()] {
            for id in ["rsa", "ec", "ed"] {
                let header = jsonwebtoken::Header {
                    kid: Some(id.to_owned()),
                    ..jsonwebtoken::Header::default()
                };
                let secret = jsonwebtoken::EncodingKey::from_secret(&secret);
                attacks.push(jsonwebtoken::encode(&header, &claims(), &secret).unwrap());
            }
        }
    }
    for token in attacks {
        let answer = published.ask(&token).await;
        assert_eq!(answer.problem().0, 401, "{token:.200}");
        assert_eq!(answer.body["detail"], "The token is not valid.", "{token:.200}");
    }
    assert_eq!(published.ask(&good).await.status, 200);
    assert!(published.provider.requests() <= 2, "{}", published.provider.requests());
}

#[tokio::test]
async fn times_issuer_and_audience_must_be_right() {
    let rules = TokenRules {
        issuer: Some("https://id.example".into()),
        audience: Some("activities".into()),
        user_id_claim: "uid".into(),
        leeway_seconds: 5,
    };
    let published = Published::new(rules).await;
    let good = json!({
        "uid": 3, "exp": now() + 600, "nbf": now(), "iss": "https://id.example",
        "aud": ["activities", "billing"],
    });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        published.keys[1].token(&claims).unwrap()
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        published.keys[1].token(&claims).unwrap()
    };
    for token in [
        with("uid", "3".into()),
        with("exp", (now() - 2).into()),
        with("nbf", (now() + 2).into()),
        with("aud", "activities".into()),
        without("nbf"),
    ] {
        assert_eq!(published.ask(&token).await.status, 200);
    }
    for (token, detail) in [
        (with("exp", (now() - 10).into()), "The token has expired."),
        (with("nbf", (now() + 30).into()), "The token is not valid yet."),
        (without("exp"), "A claim of the token is missing or not accepted."),
        (with("exp", "soon".into()), "A claim of the token is missing or not accepted."),
        (without("iss"), "A claim of the token is missing or not accepted."),
        (
            with("iss", "https://evil.example".into()),
            "A claim of the token is missing or not accepted.",
        ),
        (without("aud"), "A claim of the token is missing or not accepted."),
        (with("aud", json!([])), "A claim of the token is missing or not accepted."),
        (with("aud", "Activities".into()), "A claim of the token is missing or not accepted."),
    ] {
        let answer = published.ask(&token).await;
        assert_eq!(answer.problem().0, 401, "{detail}");
        assert_eq!(answer.body["detail"], detail);
    }
    for uid in [
        json!(0),
        json!(-3),
        json!(3.5),
        json!(9_007_199_254_740_992_u64),
        json!("+3"),
        json!(" 3"),
        json!("3 "),
        json!("03"),
        json!(""),
        json!(null),
        json!(true),
        json!([3]),
        json!({"id": 3}),
    ] {
        let answer = published.ask(&with("uid", uid.clone())).await;
        assert_eq!(answer.problem().0, 401, "{uid}");
        assert_eq!(answer.body["detail"], "The token does not name a user.", "{uid}");
    }
    assert_eq!(
        published.ask(&without("uid")).await.body["detail"],
        "The token does not name a user."
    );
}

#[tokio::test]
async fn without_keys_it_is_our_fault_and_bad_tokens_stay_the_callers() {
    let Published { fixture, provider, keys } = Published::new(rules()).await;
    provider.behave(Behaviour::Status(503));
    let verifier = Verifier::published_keys(&provider.url(), rules()).unwrap();
    assert!(verifier.warm_up().await.is_err());
    let before = provider.requests();
    let api = Api { verifier, ..fixture.api };
    let fixture = Fixture { api, ..fixture };
    let good = format!("Bearer {}", keys[0].token(&claims()).unwrap());
    for _ in 0..20 {
        let answer = fixture.list_with("", &[("authorization", &good)]).await;
        assert_eq!(answer.problem(), (503, "unavailable", "Failed to retrieve activities"));
        assert_eq!(fixture.list_with("", &[("authorization", "Bearer x")]).await.status, 401);
    }
    assert_eq!(provider.requests(), before, "not asked again at once");
}

#[tokio::test]
async fn two_authorization_headers_are_none() {
    let Published { fixture, keys, .. } = Published::new(rules()).await;
    let good = format!("Bearer {}", keys[0].token(&claims()).unwrap());
    let mut headers = HeaderMap::new();
    headers.append("authorization", good.parse().unwrap());
    let ask = |headers: &HeaderMap| {
        let mut request = lambda_http::Request::default();
        *request.headers_mut() = headers.clone();
        let api = &fixture.api;
        async move { LIST_ACTIVITIES.answer(api, &request).await.status().as_u16() }
    };
    assert_eq!(ask(&headers).await, 200);
    headers.append("authorization", good.parse().unwrap());
    assert_eq!(ask(&headers).await, 401);
    // As API Gateway hands them over: as one.
    let joined = format!("{good},{good}");
    assert_eq!(fixture.list_with("", &[("authorization", &joined)]).await.status, 401);
}
