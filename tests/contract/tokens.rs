//! Tokens: which let their caller in, and attempts to get in without.

use activity_log::api::Api;
use activity_log::api::routes::LIST_ACTIVITIES;
use activity_log::auth::{ClaimPath, JwksUrl, TokenRules, TokenVerifier};
use activity_log::config::{self, ConfigError};
use activity_log_local::provider::{
    Behaviour, Provider, RsaSize, SigningKey, encode, jwks, jwks_of,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use lambda_http::http::HeaderMap;
use serde_json::{Value, json};

use crate::logged::Logged;
use crate::support::{Fixture, GET, LIST, PROJECT, Response, now};

/// The warnings that were logged since the last time, without those of other crates.
fn warnings(logged: &Logged) -> Vec<String> {
    let text = logged.text();
    let warnings = text.lines().filter_map(|line| line.trim().strip_prefix("WARN activity_log"));
    warnings.map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

/// An API that takes tokens of a provider.
struct Provided {
    fixture: Fixture,
    provider: Provider,
}

impl Provided {
    /// With this JWKS, and rules about tokens.
    async fn new(jwks: String, rules: TokenRules) -> Self {
        let provider = Provider::start(Behaviour::Publish(jwks)).await.unwrap();
        let mut fixture = Fixture::new().await;
        fixture.api.verifier = verifier(&provider, rules);
        fixture.api.verifier.warm_up().await.unwrap();
        Self { fixture, provider }
    }

    async fn ask(&self, token: &str) -> Response {
        ask(&self.fixture, token).await
    }

    /// The statuses of tokens of these keys.
    async fn statuses(&self, keys: &[&SigningKey]) -> Vec<u16> {
        let mut statuses = Vec::new();
        for key in keys {
            statuses.push(self.ask(&key.token(&claims()).unwrap()).await.status);
        }
        statuses
    }
}

fn verifier(provider: &Provider, rules: TokenRules) -> TokenVerifier {
    TokenVerifier::jwks(JwksUrl::new(&provider.url()).unwrap(), rules)
}

async fn ask(fixture: &Fixture, token: &str) -> Response {
    fixture.list_with("", &[("authorization", &format!("Bearer {token}"))]).await
}

/// An API that takes tokens of a provider with a key of each kind.
struct Published {
    provided: Provided,
    keys: [SigningKey; 4],
}

impl Published {
    async fn new(rules: TokenRules) -> Self {
        let keys = [
            SigningKey::rs256("rsa").unwrap(),
            SigningKey::es256("ec").unwrap(),
            SigningKey::eddsa("ed").unwrap(),
            SigningKey::es384("ec384").unwrap(),
        ];
        Self { provided: Provided::new(jwks(&keys.each_ref()), rules).await, keys }
    }

    async fn ask(&self, token: &str) -> Response {
        self.provided.ask(token).await
    }
}

fn claims() -> Value {
    json!({"sub": 3, "exp": now() + 600})
}

/// `claims` with more members, or others.
fn claims_with(members: Value) -> Value {
    let (Value::Object(mut all), Value::Object(members)) = (claims(), members) else {
        panic!("claims are an object")
    };
    all.extend(members);
    Value::Object(all)
}

fn with(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
    jwk[name] = value.into();
    jwk
}

fn without(mut jwk: Value, name: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

/// What verifies tokens with these variables.
fn configured(set: &[(&str, &str)]) -> Result<TokenVerifier, ConfigError> {
    config::verifier(&|name| {
        set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
    })
}

#[tokio::test]
async fn a_token_of_each_algorithm_is_good_on_every_route() {
    let published = Published::new(TokenRules::default()).await;
    for key in &published.keys {
        let token = format!("Bearer {}", key.token(&claims()).unwrap());
        for event in [LIST, PROJECT, GET] {
            let response = published
                .provided
                .fixture
                .send(event, |event| event["headers"]["authorization"] = token.clone().into())
                .await;
            assert_eq!(response.status, 200, "{} {response:?}", key.algorithm());
        }
    }
    assert_eq!(
        published.provided.provider.requests(),
        1,
        "fetched before the first request, and kept"
    );
}

/// A token of `key`, whose `kid` is `ed`, that is so many bytes long.
fn padded(key: &SigningKey, length: usize) -> String {
    let token = |header: usize, payload: usize| {
        let header = json!({"alg": key.algorithm(), "kid": "ed", "x": "x".repeat(header)});
        key.token_with_header(&header, &claims_with(json!({"x": "x".repeat(payload)}))).unwrap()
    };
    // Three bytes are four letters, so the payload alone does not reach every length.
    let about = (length - token(0, 0).len()) / 4 * 3;
    let paddings = (0..3).flat_map(|header| (about - 8..about + 4).map(move |more| (header, more)));
    let mut tokens = paddings.map(|(header, payload)| token(header, payload));
    tokens.find(|token| token.len() == length).unwrap()
}

#[tokio::test]
async fn no_attack_gets_in() {
    let published = Published::new(TokenRules::default()).await;
    let [rsa, ec, ed, ec384] = &published.keys;
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
        rsa.token_as("RS512", &claims()).unwrap(),
        rsa.token_as("PS256", &claims()).unwrap(),
        ec.token_with_header(&header("ES384", "ec"), &claims()).unwrap(),
        ec384.token_with_header(&header("ES256", "ec384"), &claims()).unwrap(),
        ec384.token_with_header(&header("ES384", "ec"), &claims()).unwrap(),
        ed.token_with_header(&header("ed25519", "ed"), &claims()).unwrap(),
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
        format!("{good} {good}"),
        // Signed, and one byte too long.
        padded(ed, 8_193),
    ];
    // HS256 with what everyone knows as the secret.
    for key in &published.keys {
        for secret in [key.public_bytes().unwrap(), key.jwk().to_string().into_bytes()] {
            for id in ["rsa", "ec", "ed", "ec384"] {
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
        let response = published.ask(&token).await;
        assert_eq!(response.problem().0, 401, "{token:.200}");
        assert_eq!(response.body["detail"], "The token is not valid.", "{token:.200}");
    }
    for good in [&good, &padded(ed, 8_192)] {
        assert_eq!(published.ask(good).await.status, 200);
    }
    assert_eq!(published.provided.provider.requests(), 1, "within a minute");
}

#[tokio::test]
async fn times_issuer_and_audience_must_be_right() {
    let rules = TokenRules {
        issuers: vec!["https://id.example".into()],
        audiences: vec!["activities".into()],
        user_id_claim: ClaimPath::new("uid").unwrap(),
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
        let response = published.ask(&token).await;
        assert_eq!(response.problem().0, 401, "{detail}");
        assert_eq!(response.body["detail"], detail);
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
        let response = published.ask(&with("uid", uid.clone())).await;
        assert_eq!(response.problem().0, 401, "{uid}");
        assert_eq!(response.body["detail"], "The token does not name a user.", "{uid}");
    }
    assert_eq!(
        published.ask(&without("uid")).await.body["detail"],
        "The token does not name a user."
    );
}

#[tokio::test]
async fn without_keys_it_is_our_fault_and_bad_tokens_stay_the_callers() {
    let Published { provided, keys } = Published::new(TokenRules::default()).await;
    let Provided { fixture, provider } = provided;
    provider.behave(Behaviour::Status(503));
    let verifier = verifier(&provider, TokenRules::default());
    assert!(verifier.warm_up().await.is_err());
    let before = provider.requests();
    let api = Api { verifier, ..fixture.api };
    let fixture = Fixture { api, ..fixture };
    let good = format!("Bearer {}", keys[0].token(&claims()).unwrap());
    for _ in 0..20 {
        let response = fixture.list_with("", &[("authorization", &good)]).await;
        assert_eq!(response.problem(), (503, "unavailable", "Failed to retrieve activities"));
        let secret = jsonwebtoken::EncodingKey::from_secret(&[7; 32]);
        let hs256 = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims(), &secret);
        for bad in ["x", &hs256.unwrap()] {
            assert_eq!(ask(&fixture, bad).await.status, 401);
        }
    }
    assert_eq!(provider.requests(), before, "not asked again at once");
}

#[tokio::test]
async fn two_authorization_headers_are_none() {
    let Published { provided: Provided { fixture, .. }, keys } =
        Published::new(TokenRules::default()).await;
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

#[tokio::test]
async fn a_key_that_names_no_algorithm_is_good_for_all_of_its_kind_and_one_that_does_for_that_alone()
 {
    let Published { provided, keys } = Published::new(TokenRules::default()).await;
    let unnamed = Provided::new(
        jwks_of(keys.iter().map(|key| without(key.jwk(), "alg"))),
        TokenRules::default(),
    )
    .await;
    for key in &keys {
        for algorithm in key.algorithms() {
            let token = key.token_as(algorithm, &claims()).unwrap();
            assert_eq!(unnamed.ask(&token).await.status, 200, "{algorithm}");
            // `EdDSA` and `Ed25519` are two names of one algorithm.
            let is_named = *algorithm == key.algorithm() || *algorithm == "Ed25519";
            let status = if is_named { 200 } else { 401 };
            assert_eq!(provided.ask(&token).await.status, status, "{algorithm}");
        }
    }
    let ed = &keys[2];
    let renamed = jwks_of([with(ed.jwk(), "alg", "Ed25519")]);
    let renamed = Provided::new(renamed, TokenRules::default()).await;
    for algorithm in ["EdDSA", "Ed25519"] {
        let token = ed.token_as(algorithm, &claims()).unwrap();
        assert_eq!(renamed.ask(&token).await.status, 200, "{algorithm}");
    }
}

#[tokio::test]
async fn an_rsa_key_has_2048_to_4096_bits_and_zero_bytes_in_front_do_not_matter() {
    let keys = [
        SigningKey::rs256("2048").unwrap(),
        SigningKey::rsa("3072", RsaSize::Rsa3072).unwrap(),
        SigningKey::rsa("4096", RsaSize::Rsa4096).unwrap(),
    ];
    let padded = |key: &SigningKey| {
        let jwk = key.jwk();
        let modulus = BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
        with(jwk, "n", encode([vec![0], modulus].concat()))
    };
    let sets = [jwks(&keys.each_ref()), jwks_of(keys.iter().map(padded))];
    for set in sets {
        let provided = Provided::new(set, TokenRules::default()).await;
        assert_eq!(provided.statuses(&keys.each_ref()).await, [200; 3]);
    }
}

#[tokio::test]
async fn a_token_whose_kid_is_of_several_keys_or_that_has_none_is_tried_with_eight_of_its_kind() {
    let other_kind = SigningKey::es256("a").unwrap();
    let [first, second, third] = ["a", "a", "b"].map(|id| SigningKey::eddsa(id).unwrap());
    let set = jwks(&[&other_kind, &first, &second, &third]);
    let provided = Provided::new(set, TokenRules::default()).await;
    let all = [&first, &second, &third, &other_kind];
    assert_eq!(provided.statuses(&all).await, [200; 4]);
    for key in all {
        let header = json!({"alg": key.algorithm()});
        let token = key.token_with_header(&header, &claims()).unwrap();
        assert_eq!(provided.ask(&token).await.status, 200);
        let header = json!({"alg": key.algorithm(), "kid": "c"});
        let token = key.token_with_header(&header, &claims()).unwrap();
        assert_eq!(provided.ask(&token).await.status, 401, "another kid");
    }

    let nine: Vec<_> = (0..9).map(|_| SigningKey::eddsa("").unwrap().without_id()).collect();
    let nine: Vec<_> = nine.iter().collect();
    let provided = Provided::new(jwks(&nine), TokenRules::default()).await;
    let mut statuses = vec![200; 8];
    statuses.push(401);
    assert_eq!(provided.statuses(&nine).await, statuses);

    // A key without `kid` may have signed a token with one.
    let (named, nameless) = (SigningKey::eddsa("a").unwrap(), nine[0]);
    let provided = Provided::new(jwks(&[nameless, &named]), TokenRules::default()).await;
    for key in [nameless, &named] {
        let token = key.token_with_header(&json!({"alg": "EdDSA", "kid": "a"}), &claims()).unwrap();
        assert_eq!(provided.ask(&token).await.status, 200);
    }
}

#[tokio::test]
async fn a_key_of_no_use_is_logged_when_the_jwks_is_fetched_and_the_others_count() {
    let good = SigningKey::es256("good").unwrap();
    let rsa = SigningKey::rs256("rsa").unwrap();
    let short = BASE64_URL_SAFE_NO_PAD.decode(rsa.jwk()["n"].as_str().unwrap()).unwrap();
    let long = [&short[..], &short[..], &short[..]].concat();
    let set = jwks_of([
        with(with(rsa.jwk(), "n", encode(&short[..128])), "kid", "short"),
        with(with(rsa.jwk(), "n", encode(long)), "kid", "long"),
        with(with(good.jwk(), "crv", "secp256k1"), "kid", "curve"),
        with(with(good.jwk(), "x", "!"), "kid", "undecodable"),
        with(with(good.jwk(), "y", encode([1; 32])), "kid", "point"),
        with(with(good.jwk(), "use", "tls"), "kid", "use"),
        // For encryption: nothing is wrong with it.
        with(with(rsa.jwk(), "use", "enc"), "kid", "encryption"),
        good.jwk(),
    ]);
    let (logged, _guard) = Logged::start();
    let provided = Provided::new(set, TokenRules::default()).await;
    let warned = warnings(&logged);
    let expected = [
        ("short", "its modulus has 1024 bits, not 2,048 to 4,096"),
        ("long", "its modulus has 6144 bits, not 2,048 to 4,096"),
        ("curve", r#"its curve "secp256k1" is unknown"#),
        ("undecodable", "x is not base64url"),
        ("point", "it is no point of its curve"),
        ("use", r#"its use "tls" is neither for signatures nor for encryption"#),
    ];
    let expected = expected.map(|(kid, error)| {
        format!("a key of the JWKS cannot be used kid=\"{kid}\" error={error}")
    });
    assert_eq!(warned, expected);
    assert_eq!(provided.statuses(&[&good, &good]).await, [200, 200]);
    for header in [json!({"alg": "RS256", "kid": "encryption"}), json!({"alg": "RS256"})] {
        let token = rsa.token_with_header(&header, &claims()).unwrap();
        assert_eq!(provided.ask(&token).await.status, 401);
    }
    assert_eq!(provided.provider.requests(), 1);
    assert_eq!(warnings(&logged), [""; 0], "once a fetch, not once a request");
}

#[tokio::test]
async fn any_listed_issuer_and_audience_counts_and_client_id_where_there_is_no_aud() {
    let list = |values: [&str; 2]| values.map(str::to_owned).to_vec();
    let published = Published::new(TokenRules {
        issuers: list(["https://id.example", "https://login.example/"]),
        audiences: list(["activities", "console"]),
        ..TokenRules::default()
    })
    .await;
    let ask = async |iss: &str, members: Value| {
        let claims = with(claims_with(members), "iss", iss);
        published.ask(&published.keys[1].token(&claims).unwrap()).await.status
    };
    for iss in ["https://id.example", "https://login.example/"] {
        for members in [
            json!({"aud": "activities"}),
            json!({"aud": ["other", "console"]}),
            // An access token of Cognito.
            json!({"client_id": "console", "token_use": "access"}),
        ] {
            assert_eq!(ask(iss, members.clone()).await, 200, "{iss} {members}");
        }
        for members in [
            json!({}),
            json!({"aud": "other"}),
            json!({"aud": ["other"], "client_id": "console"}),
            json!({"client_id": "other"}),
        ] {
            assert_eq!(ask(iss, members.clone()).await, 401, "{iss} {members}");
        }
    }
    for iss in ["https://id.example/", "https://login.example", "https://evil.example"] {
        assert_eq!(ask(iss, json!({"aud": "activities"})).await, 401, "{iss}");
    }
}

#[tokio::test]
async fn with_a_jwks_an_issuer_and_an_audience_must_be_configured_and_none_is_warned_of() {
    let key = SigningKey::es256("a").unwrap();
    let provider = Provider::start(Behaviour::Publish(jwks(&[&key]))).await.unwrap();
    let url = provider.url();
    let set = |audience: &'static str| {
        [("JWT_JWKS_URL", &*url), ("JWT_ISSUER", "https://id.example"), ("JWT_AUDIENCE", audience)]
    };
    let (logged, _guard) = Logged::start();
    assert_eq!(configured(&set("a")[..2]).unwrap_err(), ConfigError::Missing("JWT_AUDIENCE"));
    let without_issuer = [set("a")[0], set("a")[2]];
    assert_eq!(configured(&without_issuer).unwrap_err(), ConfigError::Missing("JWT_ISSUER"));

    // An ID token that the provider has issued for another application.
    let foreign = json!({"iss": "https://id.example", "aud": "another application"});
    let foreign = key.token(&claims_with(foreign)).unwrap();
    let bare = key.token(&claims_with(json!({"iss": "https://id.example"}))).unwrap();
    let mut fixture = Fixture::new().await;
    fixture.api.verifier = configured(&set("activities")).unwrap();
    assert_eq!(warnings(&logged), [""; 0]);
    for token in [&foreign, &bare] {
        assert_eq!(ask(&fixture, token).await.status, 401);
    }
    fixture.api.verifier = configured(&set("none")).unwrap();
    let warnings = warnings(&logged);
    assert!(warnings.len() == 1 && warnings[0].contains("JWT_AUDIENCE is none"), "{warnings:?}");
    for token in [&foreign, &bare] {
        assert_eq!(ask(&fixture, token).await.status, 200);
    }
    let stranger = key.token(&claims_with(json!({"iss": "https://evil.example"}))).unwrap();
    assert_eq!(ask(&fixture, &stranger).await.status, 401);
}

#[tokio::test]
async fn the_user_id_may_stand_at_a_path_and_a_claim_of_the_whole_name_comes_first() {
    for (path, good, bad) in [
        ("app.user_id", json!({"app": {"user_id": "3"}}), json!({"app": {"id": "3"}})),
        (
            "app.user_id",
            json!({"app.user_id": 3, "app": {"user_id": 8}}),
            json!({"app.user_id": "x", "app": {"user_id": 3}}),
        ),
        (
            "https://example.com/user_id",
            json!({"https://example.com/user_id": 3}),
            json!({"user_id": 3}),
        ),
    ] {
        let user_id_claim = ClaimPath::new(path).unwrap();
        let published = Published::new(TokenRules { user_id_claim, ..Default::default() }).await;
        let token = |members: Value| published.keys[2].token(&claims_with(members)).unwrap();
        let response = published.ask(&token(good)).await;
        assert_eq!(
            (response.status, &response.body["data"][0]["userId"]),
            (200, &json!(3)),
            "{path}"
        );
        let response = published.ask(&token(bad)).await;
        assert_eq!(response.problem().0, 401, "{path}");
        assert_eq!(response.body["detail"], "The token does not name a user.");
    }
}

#[tokio::test]
async fn a_shared_secret_is_rotated_without_one_401() {
    const OLD: &str = "old-0123456789abcdef0123456789abcdef";
    const NEW: &str = "new-0123456789abcdef0123456789abcdef";
    let token = |secret: &str, expiry: u64| {
        let user = activity_log_local::kit::user(3);
        activity_log::auth::issue(secret, &TokenRules::default(), user, expiry).unwrap()
    };
    let (old, new) = (token(OLD, now() + 600), token(NEW, now() + 600));
    let mut fixture = Fixture::new().await;
    // Each deployment of the procedure, and the tokens that there are while it is made: those that
    // the deployment before it must take, too.
    let before = [("JWT_SECRET", OLD)];
    let both = [("JWT_SECRET", NEW), ("JWT_SECRET_PREVIOUS", OLD)];
    let after = [("JWT_SECRET", NEW)];
    for (deployment, tokens) in
        [(&before[..], vec![&old]), (&both, vec![&old, &new]), (&after, vec![&new])]
    {
        fixture.api.verifier = configured(deployment).unwrap();
        for token in tokens {
            assert_eq!(ask(&fixture, token).await.status, 200, "{deployment:?}");
        }
    }
    // Once the last token of the old secret has expired, it is good for nothing.
    assert_eq!(ask(&fixture, &old).await.status, 401);
    fixture.api.verifier = configured(&both).unwrap();
    for secret in [OLD, NEW] {
        let response = ask(&fixture, &token(secret, now() - 600)).await;
        assert_eq!(response.body["detail"], "The token has expired.");
    }
}
