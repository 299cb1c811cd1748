//! People by the tokens of an identity provider: which are taken, and what they open.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use callback_engine::access::Digest;
use callback_http::{KeySource, Oidc, OidcOptions, Options, RateLimits, serve};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::access::{FILE, ask};
use crate::harness::{Answer, Installation, id, memory, pass, start};

const ISSUER: &str = "https://id.example/realm";
/// A key of this test alone; what signs here cannot make keys of this kind.
const RSA: &[u8] = include_bytes!("../vectors/rsa.test.pk8");

enum Signer {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    fn ed() -> Self {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap())
    }

    fn ec() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let made = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(kind, made.as_ref(), &random).unwrap())
    }

    fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::from_pkcs8(RSA).unwrap())
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed(_) => "EdDSA",
            Self::Ec(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Ed(key) => json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "use": "sig",
                "alg": "EdDSA", "x": b64(key.public_key().as_ref())}),
            Self::Ec(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": id, "x": b64(x), "y": b64(y)})
            }
            Self::Rsa(key) => {
                let key = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "kid": id, "use": "sig", "n": b64(&key.n), "e": b64(&key.e)})
            }
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = format!(
            "{}.{}",
            b64(header.to_string().as_bytes()),
            b64(claims.to_string().as_bytes())
        );
        let signature = match self {
            Self::Ed(key) => key.sign(text.as_bytes()).as_ref().to_vec(),
            Self::Ec(key) => {
                key.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec()
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{text}.{}", b64(&signature))
    }

    fn token(&self, id: &str, more: &Value) -> String {
        self.sign(&json!({"alg": self.algorithm(), "kid": id, "typ": "JWT"}), &claims(more))
    }
}

fn now_seconds() -> i64 {
    start().timestamp()
}

fn claims(more: &Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": "callback", "sub": "u-1", "role": "admin",
        "preferred_username": "ann", "exp": now_seconds() + 600});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

type Set = Arc<Mutex<(Value, usize)>>;

/// A provider on a real port; answers where its keys are, and what is answered there.
async fn provider(keys: Value) -> (String, Set) {
    let set: Set = Arc::new(Mutex::new((json!({"keys": keys}), 0)));
    let shown = Arc::clone(&set);
    let router = Router::new().route(
        "/jwks",
        get(move || async move {
            let mut shown = shown.lock().unwrap();
            shown.1 += 1;
            shown.0.to_string()
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, router, std::future::pending()));
    (url, set)
}

async fn installation(url: String) -> Installation {
    let oidc = Oidc::new(OidcOptions {
        issuer: ISSUER.to_owned(),
        audience: "callback".to_owned(),
        keys: KeySource::Url(url),
        role_claim: "role".to_owned(),
        services_claim: Some("callback.services".to_owned()),
        user_claim: Some("user".to_owned()),
    });
    let options = Options {
        oidc: Some(oidc.unwrap()),
        admin_key: Some(Digest::of(FILE.as_bytes())),
        rate_limits: RateLimits { per_address: None, ..RateLimits::default() },
        ..Options::default()
    };
    Installation::on(memory(), options).await
}

async fn list(api: &Installation, token: &str) -> Answer {
    ask(api, token, "GET", "/v1.0/users", &Value::Null).await
}

#[tokio::test]
async fn tokens_of_every_kind_of_key_are_taken_and_act_in_the_ledger() {
    for signer in [Signer::ed(), Signer::ec(), Signer::rsa()] {
        let (url, _) = provider(json!([signer.jwk("k")])).await;
        let api = installation(url).await;
        let token = signer.token("k", &json!({"aud": ["other", "callback"]}));
        list(&api, &token).await.expect(200);
        let body = json!({"Name": "Hotline", "SipUri": "sip:a@dev.local", "DirectionType": "InboundOutbound"});
        let made = ask(&api, &token, "POST", "/v1.0/keys", &json!({"Name": "k", "Role": "Admin"}))
            .await
            .expect(201);
        assert_eq!(made["CreatedBy"], format!("api:ann ({ISSUER})"));
        ask(&api, &token, "POST", "/v1.0/services", &body).await.expect(201);
        list(&api, made["Key"].as_str().unwrap()).await.expect(200);
        list(&api, FILE).await.expect(200);
        assert_eq!(api.get("/v1.0/users").await.status.as_u16(), 401, "nobody comes without");
    }
}

#[tokio::test]
async fn a_token_that_is_wrong_in_anything_is_refused() {
    let (signer, other) = (Signer::ed(), Signer::ed());
    let rsa = Signer::rsa();
    let (url, _) = provider(json!([signer.jwk("k"), rsa.jwk("r")])).await;
    let api = installation(url).await;
    list(&api, &signer.token("k", &json!({}))).await.expect(200);
    let now = now_seconds();
    for more in [
        json!({"iss": "https://id.example"}),
        json!({"iss": null}),
        json!({"iss": [ISSUER]}),
        json!({"aud": "other"}),
        json!({"aud": null}),
        json!({"aud": []}),
        json!({"exp": now - 61}),
        json!({"exp": null}),
        json!({"exp": "never"}),
        json!({"nbf": now + 90}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": "a\nb"}),
    ] {
        let answer = list(&api, &signer.token("k", &more)).await;
        assert_eq!(answer.status.as_u16(), 401, "{more}: {}", answer.body);
    }
    list(&api, &signer.token("k", &json!({"exp": now - 30, "nbf": now + 30}))).await.expect(200);
    let good = claims(&json!({}));
    // The public key as a shared secret is the oldest trick of all.
    let text = |header: &Value| {
        format!("{}.{}", b64(header.to_string().as_bytes()), b64(good.to_string().as_bytes()))
    };
    let secret = ring::hmac::Key::new(
        ring::hmac::HMAC_SHA256,
        rsa.jwk("r")["n"].as_str().unwrap().as_bytes(),
    );
    let shared = text(&json!({"alg": "HS256", "kid": "r"}));
    let tag = b64(ring::hmac::sign(&secret, shared.as_bytes()).as_ref());
    let token = signer.token("k", &json!({}));
    for wrong in [
        format!("{}.", text(&json!({"alg": "none", "kid": "k"}))),
        format!("{}.{}", text(&json!({"alg": "HS256", "kid": "r"})), tag),
        signer.sign(&json!({"alg": "RS256", "kid": "k"}), &good),
        signer.sign(&json!({"alg": "EdDSA", "kid": "r"}), &good),
        signer.sign(&json!({"alg": "EdDSA", "kid": "none", "jwk": signer.jwk("none")}), &good),
        other.token("k", &json!({})),
        token[..token.len() - 4].to_owned(),
        format!("{token}.x"),
        "a.b.c".to_owned(),
        "..".to_owned(),
        "x".repeat(13_000),
    ] {
        list(&api, &wrong).await.refused(401, "Unauthorized");
    }
    list(&api, &signer.sign(&json!({"alg": "EdDSA"}), &good)).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_fetched_and_unknown_ones_do_not_wear_the_provider_out() {
    let (old, new) = (Signer::ed(), Signer::ec());
    let (url, set) = provider(json!([old.jwk("old")])).await;
    let api = installation(url).await;
    list(&api, &old.token("old", &json!({}))).await.expect(200);
    for guess in 0..20 {
        list(&api, &old.token(&guess.to_string(), &json!({}))).await.refused(401, "Unauthorized");
    }
    assert_eq!(set.lock().unwrap().1, 1, "asked once, and not for every guess");
    set.lock().unwrap().0 = json!({"keys": [new.jwk("new"), {"kty": "what"}, 7]});
    pass(Duration::from_secs(11)).await;
    list(&api, &new.token("new", &json!({}))).await.expect(200);
    list(&api, &old.token("old", &json!({}))).await.refused(401, "Unauthorized");
    set.lock().unwrap().0 = json!("out of order");
    pass(Duration::from_secs(11)).await;
    list(&api, &old.token("old", &json!({}))).await.refused(401, "Unauthorized");
    list(&api, &new.token("new", &json!({}))).await.expect(200);
}

#[tokio::test]
async fn a_token_reaches_as_far_as_its_role_services_and_user() {
    let signer = Signer::ed();
    let (url, _) = provider(json!([signer.jwk("k")])).await;
    let api = installation(url).await;
    let mut services = Vec::new();
    for name in ["one", "other"] {
        let body = json!({"Name": name, "SipUri": format!("sip:{name}@dev.local"), "DirectionType": "InboundOutbound"});
        services.push(
            id(&ask(&api, FILE, "POST", "/v1.0/services", &body).await.expect(201)).to_owned(),
        );
    }
    let body = json!({"Name": "Ann", "SipUri": "sip:ann@dev.local", "Services": [services[0]]});
    let ann = id(&ask(&api, FILE, "POST", "/v1.0/users", &body).await.expect(201)).to_owned();
    let read = async |more: Value, path: String| {
        ask(&api, &signer.token("k", &more), "GET", &path, &Value::Null).await
    };
    let service = |index: usize| format!("/v1.0/services/{}", services[index]);
    let supervisor = json!({"role": "Supervisor", "callback": {"services": [services[0]]}});
    read(supervisor.clone(), service(0)).await.expect(200);
    read(supervisor, service(1)).await.refused(404, "ServiceNotFound");
    read(json!({"role": "Supervisor"}), service(0)).await.refused(404, "ServiceNotFound");
    read(json!({"role": "Admin"}), service(1)).await.expect(200);
    read(json!({"role": "boss"}), service(1)).await.refused(403, "Forbidden");
    read(json!({"role": null}), service(1)).await.refused(403, "Forbidden");
    for user in [ann.clone(), "sip:Ann@DEV.local".replace("Ann", "ann")] {
        let agent = json!({"role": ["Agent"], "user": user});
        read(agent.clone(), format!("/v1.0/users/{ann}")).await.expect(200);
        read(agent.clone(), service(1)).await.refused(404, "ServiceNotFound");
        read(agent, "/v1.0/users".to_owned()).await.refused(403, "Forbidden");
    }
    for user in [json!(null), json!("sip:nobody@dev.local"), json!(7)] {
        let agent = json!({"role": "Agent", "user": user});
        read(agent, format!("/v1.0/users/{ann}")).await.refused(403, "Forbidden");
    }
}
