//! Says who a client is by a signed assertion, instead of by a secret (`private_key_jwt`).
//!
//! Qlik takes assertions signed with RS256, RS512 or ES384, that name the token endpoint they
//! are for, live five minutes at the most and are used once. So one is made for each request.

mod key;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;

use crate::model::Timestamp;
use crate::secret::Secret;

pub use key::{InvalidKey, SigningKey};

/// What a request for a token calls an assertion of this kind.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion is good for, in seconds: it is sent at once, and five minutes are the
/// most that Qlik takes. What is left is for clocks that differ.
const LIFETIME: i64 = 120;

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: i64,
    exp: i64,
}

impl SigningKey {
    /// Makes an assertion for one request: who we are, to whom, and that it is now.
    ///
    /// It fails only where the system has no random numbers.
    pub(super) fn assert(
        &self,
        client_id: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<Secret, Unspecified> {
        let random = SystemRandom::new();
        let issued_at = now.seconds();
        let claims = Claims {
            iss: client_id,
            sub: client_id,
            aud: audience,
            jti: uuid(&random)?,
            iat: issued_at,
            exp: issued_at + LIFETIME,
        };
        let header = Header {
            alg: self.algorithm(),
            kid: self.key_id(),
            typ: "JWT",
        };
        let (header, claims) = (part(&header)?, part(&claims)?);
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes(), &random)?);
        Ok(Secret::new(&format!("{signed}.{signature}")))
    }
}

/// Structs of texts and numbers always have a JSON; the error is for the type's sake.
fn part(value: &impl Serialize) -> Result<String, Unspecified> {
    let json = serde_json::to_vec(value).or(Err(Unspecified))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// Makes a UUID of version 4.
fn uuid(random: &SystemRandom) -> Result<String, Unspecified> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    let number = u128::from_be_bytes(bytes);
    let number = (number & !(0xf << 76) | (0x4 << 76)) & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let mut uuid = String::with_capacity(36);
    for (place, digit) in hex.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            uuid.push('-');
        }
        uuid.push(digit);
    }
    Ok(uuid)
}

#[cfg(test)]
mod tests;
