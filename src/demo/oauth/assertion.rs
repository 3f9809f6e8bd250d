//! Checks a signed assertion as Qlik documents it: with the registered public key, and claim by
//! claim.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Asked;
use crate::model::Timestamp;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Seconds from `iat` to `exp`, at the most.
const LONGEST: i64 = 300;

/// A public key as it is registered with a client.
#[derive(Debug, Deserialize)]
pub struct Jwk {
    kid: String,
    kty: String,
    alg: String,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    jti: String,
    iat: i64,
    exp: i64,
}

/// Checks the assertion of a request, or returns what is wrong with it.
pub fn check(
    key: &Jwk,
    client_id: &str,
    asked: &Asked,
    now: Timestamp,
    used: &mut Vec<(String, i64)>,
) -> Result<(), &'static str> {
    if asked.client_assertion_type.as_deref() != Some(TYPE) {
        return Err("client_assertion_type is not supported");
    }
    let token = asked.client_assertion.as_deref().unwrap_or_default();
    let malformed = "client_assertion is malformed";
    let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(malformed)?;
    let header: Header = json(header).ok_or(malformed)?;
    let claims: Claims = json(claims).ok_or(malformed)?;
    let signature = bytes(signature).ok_or(malformed)?;
    if header.kid != key.kid {
        return Err("kid is not that of a registered key");
    }
    if header.alg != key.alg || !verifies(key, signed.as_bytes(), &signature).unwrap_or_default() {
        return Err("the signature is not valid");
    }
    if claims.iss != client_id || claims.sub != client_id {
        return Err("iss and sub must be the client's id");
    }
    if claims.aud != asked.endpoint {
        return Err("aud must be the token endpoint");
    }
    let now = now.seconds();
    if claims.iat > now || claims.exp <= now {
        return Err("the assertion is not valid at this time");
    }
    if claims.exp - claims.iat > LONGEST {
        return Err("the assertion is valid for more than five minutes");
    }
    used.retain(|(_, ends)| *ends > now);
    if claims.jti.is_empty() || used.iter().any(|(jti, _)| *jti == claims.jti) {
        return Err("jti was used before");
    }
    used.push((claims.jti, claims.exp));
    Ok(())
}

/// `None` if the key is not one that Qlik accepts.
fn verifies(key: &Jwk, message: &[u8], signature: &[u8]) -> Option<bool> {
    let part = |text: &Option<String>| bytes(text.as_deref()?);
    let parameters = match (key.kty.as_str(), key.alg.as_str()) {
        ("EC", "ES384") if key.crv.as_deref() == Some("P-384") => {
            let point = [vec![4], part(&key.x)?, part(&key.y)?].concat();
            let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point);
            return Some(key.verify(message, signature).is_ok());
        }
        ("RSA", "RS256") => &RSA_PKCS1_2048_8192_SHA256,
        ("RSA", "RS512") => &RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    };
    let (n, e) = (part(&key.n)?, part(&key.e)?);
    let key = RsaPublicKeyComponents { n, e };
    Some(key.verify(parameters, message, signature).is_ok())
}

fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&bytes(part)?).ok()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
