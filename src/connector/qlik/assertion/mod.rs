//! Authenticates a client by a signed assertion instead of a secret (`private_key_jwt`).
//!
//! Qlik accepts assertions that are signed with RS256, RS512 or ES384, name the token endpoint they
//! are for, live for at most five minutes, and are used once. So each request gets its own.

use std::fmt;

use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;

use crate::jws::{Algorithm, PrivateKey};
use crate::model::Timestamp;
use crate::secret::Secret;

/// The name for this kind of assertion in a token request.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion is valid, in seconds. It is sent at once, and Qlik accepts at most five
/// minutes; the rest allows for clocks that differ.
const LIFETIME: i64 = 120;

/// A key that signs assertions, and the id under which Qlik knows its public half.
#[derive(Clone)]
pub struct SigningKey {
    key: PrivateKey,
    key_id: String,
}

/// Why a text is not a key that Qlik accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found {found}; a private key is needed: RSA of 2048 to 4096 bits, or EC on the curve P-384, \
     in PEM, without a passphrase"
)]
pub struct InvalidKey {
    found: String,
}

impl InvalidKey {
    /// Returns what to do about it.
    pub fn remedy(&self) -> &'static str {
        "make one with `openssl ecparam -genkey -name secp384r1 -noout` and register its public \
         half with the client as a JSON Web Key"
    }

    pub(super) fn of(found: impl Into<String>) -> Self {
        let found = found.into();
        Self { found }
    }
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

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm())
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Reads a key in PEM: PKCS#8 as OpenSSL writes it today, or PKCS#1 and SEC1 as it did.
    pub fn parse(pem: &Secret, key_id: &str) -> Result<Self, InvalidKey> {
        let key = PrivateKey::parse(pem).map_err(|unusable| InvalidKey::of(unusable.found))?;
        match key.algorithm() {
            Algorithm::Rs256 | Algorithm::Es384 => Ok(Self {
                key,
                key_id: key_id.to_owned(),
            }),
            Algorithm::EdDsa => Err(InvalidKey::of("an Ed25519 key")),
        }
    }

    /// Returns the algorithm's name in a JWT's header.
    pub fn algorithm(&self) -> &'static str {
        self.key.algorithm().name()
    }

    /// Makes an assertion for one request: who we are, who it is for, and the time.
    ///
    /// It fails only if the system provides no random numbers.
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
        let token = self.key.token("JWT", &self.key_id, &claims)?;
        Ok(Secret::new(&token))
    }
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
