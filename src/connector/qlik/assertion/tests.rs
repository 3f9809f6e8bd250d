//! Keys in all forms, and assertions as the server reads them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;

use super::*;

macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/keys/", $name))
    };
}

const RSA: &str = key!("rsa.pem");
const EC: &str = key!("ec.pem");

fn read(pem: &str) -> Result<SigningKey, InvalidKey> {
    SigningKey::parse(&Secret::new(pem), "key-1")
}

fn decoded(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

fn jwk(text: &str, member: &str) -> Vec<u8> {
    let jwk: Value = serde_json::from_str(text).unwrap();
    decoded(jwk[member].as_str().unwrap())
}

#[test]
fn keys_are_read_in_every_form_that_openssl_writes() {
    for (pem, algorithm) in [
        (RSA, "RS256"),
        (key!("rsa-pkcs1.pem"), "RS256"),
        (EC, "ES384"),
        (key!("ec-sec1.pem"), "ES384"),
    ] {
        assert_eq!(read(pem).unwrap().algorithm(), algorithm);
    }
}

#[test]
fn what_cannot_sign_is_told_by_name() {
    for (pem, found) in [
        (key!("rsa-1024.pem"), "an RSA key of fewer than 2048 bits"),
        (key!("rsa-4224.pem"), "an RSA key of more than 4096 bits"),
        (key!("ec-p256.pem"), "an EC key on the curve P-256"),
        (key!("ec-p256-sec1.pem"), "an EC key on the curve P-256"),
        (key!("ed25519.pem"), "an Ed25519 key"),
        (key!("encrypted.pem"), "a key with a passphrase"),
        (key!("public.pem"), "a public key"),
        (key!("ec.jwk.json"), "a JSON Web Key"),
        ("s3cret", "no private key in PEM"),
    ] {
        let error = read(pem).unwrap_err();

        assert_eq!(error, InvalidKey::of(found));
        assert!(error.to_string().contains("P-384"), "{error}");
    }
}

#[test]
fn a_broken_key_is_refused_and_not_shown() {
    let lines: Vec<&str> = EC.lines().collect();
    let broken = lines.join("\n").replacen("MIG2", "MIG3", 1);

    let error = read(&broken).unwrap_err();

    assert!(error.to_string().starts_with("found an EC key that cannot"));
    assert!(!error.to_string().contains(lines[1]));
    assert_eq!(
        format!("{:?}", read(EC).unwrap()),
        "SigningKey { algorithm: \"ES384\", key_id: \"key-1\", .. }"
    );
}

#[test]
fn an_assertion_says_what_qlik_asks_for() {
    let now = Timestamp::parse("2026-03-01T10:00:00.900Z").unwrap();
    let key = read(EC).unwrap();
    let audience = "https://acme.eu.qlikcloud.com/oauth/token";
    let one = key.assert("client", audience, now).unwrap();
    let two = key.assert("client", audience, now).unwrap();

    let parts: Vec<&str> = one.expose().split('.').collect();
    let header: Value = serde_json::from_slice(&decoded(parts[0])).unwrap();
    let mut claims: Value = serde_json::from_slice(&decoded(parts[1])).unwrap();
    let jti = claims["jti"].take();

    assert_eq!(
        header,
        serde_json::json!({"alg": "ES384", "kid": "key-1", "typ": "JWT"})
    );
    assert_eq!(
        claims,
        serde_json::json!({
            "iss": "client", "sub": "client", "aud": audience, "jti": null,
            "iat": 1_772_359_200, "exp": 1_772_359_320,
        })
    );
    let jti = jti.as_str().unwrap().to_owned();
    let groups: Vec<usize> = jti.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{jti}");
    assert_eq!(&jti[14..15], "4");
    assert!(matches!(&jti[19..20], "8" | "9" | "a" | "b"), "{jti}");
    let other: Value =
        serde_json::from_slice(&decoded(two.expose().split('.').nth(1).unwrap())).unwrap();
    assert_ne!(other["jti"], jti.as_str(), "each is used once");
}

#[test]
fn the_public_halves_verify_what_was_signed() {
    let now = Timestamp::from_millis(0);
    let signed = |pem| {
        let assertion = read(pem).unwrap().assert("c", "a", now).unwrap();
        let (signed, signature) = assertion.expose().rsplit_once('.').unwrap();
        (signed.as_bytes().to_vec(), decoded(signature))
    };

    let (message, signature) = signed(EC);
    let ec = key!("ec.jwk.json");
    let point = [vec![4], jwk(ec, "x"), jwk(ec, "y")].concat();
    UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
        .verify(&message, &signature)
        .unwrap();

    let (message, signature) = signed(RSA);
    let rsa = key!("rsa.jwk.json");
    let (n, e) = (jwk(rsa, "n"), jwk(rsa, "e"));
    RsaPublicKeyComponents { n, e }
        .verify(&RSA_PKCS1_2048_8192_SHA256, &message, &signature)
        .unwrap();
}
