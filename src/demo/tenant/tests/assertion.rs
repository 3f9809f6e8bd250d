//! Clients that authenticate with a key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use super::*;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn sign(header: &Value, claims: &Value) -> String {
    let pem = include_bytes!("../../../../tests/keys/ec.pem");
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem).unwrap();
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.secret_pkcs8_der(), &random).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = pair.sign(&random, signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn world() -> World {
    let jwk = include_str!("../../../../tests/keys/ec.jwk.json");
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        client_key: Some(jwk.to_owned()),
        ..TenantOptions::default()
    };
    World {
        tenant: EmulatedTenant::start(options, clock.clone()).await.unwrap(),
        http: client(),
        token: String::new(),
        clock,
    }
}

#[tokio::test]
async fn every_claim_of_an_assertion_is_checked() {
    let world = world().await;
    let (now, id) = (world.clock.now().seconds(), world.tenant.client_id());
    let audience = format!("{}/oauth/token", world.tenant.url());
    let good = json!({
        "iss": id, "sub": id, "aud": audience, "jti": "1", "iat": now, "exp": now + 300,
    });
    for (member, value, wrong) in [
        ("iss", json!("other"), "iss and sub must be the client's id"),
        ("sub", json!("other"), "iss and sub must be the client's id"),
        (
            "aud",
            json!(format!("{audience}/")),
            "aud must be the token endpoint",
        ),
        (
            "iat",
            json!(now + 1),
            "the assertion is not valid at this time",
        ),
        ("exp", json!(now), "the assertion is not valid at this time"),
        (
            "exp",
            json!(now + 301),
            "the assertion is valid for more than five minutes",
        ),
        ("jti", json!(""), "jti was used before"),
        ("jti", json!(null), "client_assertion is malformed"),
        ("alg", json!("RS256"), "the signature is not valid"),
        ("kid", json!("ec-2"), "kid is not that of a registered key"),
        ("none", json!(""), ""),
        ("none", json!(""), "jti was used before"),
    ] {
        let mut header = json!({"alg": "ES384", "kid": "ec-1", "typ": "JWT"});
        let mut claims = good.clone();
        if header.get(member).is_some() {
            header[member] = value;
        } else {
            claims[member] = value;
        }
        let assertion = sign(&header, &claims);
        let asked = json!({"client_assertion_type": TYPE, "client_assertion": assertion});

        let answer = world.ask_token(asked).await;

        let expected = if wrong.is_empty() { 200 } else { 401 };
        assert_eq!(answer.status().as_u16(), expected, "{member}: {wrong}");
        let body: Value = answer.json().await.unwrap();
        let told = body["errors"][0]["detail"].as_str().unwrap_or_default();
        assert_eq!(told, wrong, "{member}");
    }
}

#[tokio::test]
async fn a_client_with_a_key_has_no_secret_and_nobody_signs_for_it() {
    let world = world().await;
    let answer = world.ask_token(json!({"client_secret": "x"})).await;
    assert_eq!(answer.status().as_u16(), 401);

    let (now, id) = (world.clock.now().seconds(), world.tenant.client_id());
    let audience = format!("{}/oauth/token", world.tenant.url());
    let claims = json!({
        "iss": id, "sub": id, "aud": audience, "jti": "1", "iat": now, "exp": now + 60,
    });
    let signed = sign(&json!({"alg": "ES384", "kid": "ec-1"}), &claims);
    let (head, signature) = signed.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}{}", &signature[4..], &signature[..4]);
    let asked = json!({"client_assertion_type": TYPE, "client_assertion": forged});
    assert_eq!(world.ask_token(asked).await.status().as_u16(), 401);
}
