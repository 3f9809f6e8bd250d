//! Signs JSON Web Tokens with private keys in the formats that operators have.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::error::{KeyRejected, Unspecified};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use serde_json::{Value, json};

use crate::secret::Secret;

/// Object identifiers in DER, including tag and length.
const OID_RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const OID_RSA_PSS: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
const OID_EC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
const OID_P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const OID_P384: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";
const OID_P521: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x23";
const OID_ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";

/// A private key that was read and can sign.
#[derive(Clone)]
pub struct PrivateKey(Arc<Pair>);

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// The signature algorithm, which follows from the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA.
    Rs256,
    /// EC on the curve P-384. Each signature differs, even for the same text.
    Es384,
    /// ed25519.
    EdDsa,
}

/// The text is not a key that we can sign with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// What was found instead, as a noun phrase.
    pub found: String,
}

impl Unusable {
    fn of(found: impl Into<String>) -> Self {
        let found = found.into();
        Self { found }
    }
}

impl Algorithm {
    /// Returns its name in a token's header.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl PrivateKey {
    /// Reads a key in PEM: PKCS#8, as OpenSSL writes it today, or PKCS#1 or SEC1, as it used to.
    pub fn parse(pem: &Secret) -> Result<Self, Unusable> {
        let text = pem.expose();
        if let Some(found) = label(text) {
            return Err(Unusable::of(found));
        }
        let der = PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|_no_pem| Unusable::of("no private key in PEM"))?;
        let pair = match &der {
            PrivateKeyDer::Pkcs8(key) => pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => rsa(RsaKeyPair::from_der(key.secret_pkcs1_der())),
            PrivateKeyDer::Sec1(key) => sec1(key.secret_sec1_der()),
            // The enum is foreign and non-exhaustive.
            _ => Err(Unusable::of("a key in an unknown format")),
        };
        Ok(Self(Arc::new(pair?)))
    }

    /// Returns how it signs.
    pub fn algorithm(&self) -> Algorithm {
        match *self.0 {
            Pair::Rsa(_) => Algorithm::Rs256,
            Pair::Ec(_) => Algorithm::Es384,
            Pair::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Returns the public half as a JSON Web Key, with just the members that its thumbprint covers
    /// (RFC 7638).
    pub fn public(&self) -> Value {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &*self.0 {
            Pair::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": encoded(&public.n), "e": encoded(&public.e) })
            }
            Pair::Ec(pair) => {
                // An uncompressed point: a byte 4, then both coordinates.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "kty": "EC", "crv": "P-384", "x": encoded(x), "y": encoded(y) })
            }
            Pair::Ed25519(pair) => {
                let x = encoded(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
            }
        }
    }

    /// Signs claims as a compact token of the given type, such as `JWT`; `kid` is the id of the
    /// key.
    ///
    /// It fails only if the system provides no random numbers.
    pub fn token(
        &self,
        typ: &str,
        kid: &str,
        claims: &impl Serialize,
    ) -> Result<String, Unspecified> {
        let header = Header {
            alg: self.algorithm().name(),
            kid,
            typ,
        };
        let mut token = part(&header)?;
        token.push('.');
        token.push_str(&part(claims)?);
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match &*self.0 {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            Pair::Ec(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// The header of a token (RFC 7515).
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'a str,
}

/// Encodes a part of a token. Structs of texts and numbers always have a JSON form; the error only
/// satisfies the type.
fn part(value: &impl Serialize) -> Result<String, Unspecified> {
    let json = serde_json::to_vec(value).or(Err(Unspecified))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// Returns, by the first line, what a text is if it is not a private key that we can read.
fn label(text: &str) -> Option<&'static str> {
    let says = |word: &str| text.contains(word);
    if says("-----BEGIN ENCRYPTED PRIVATE KEY-----") || says("Proc-Type: 4,ENCRYPTED") {
        return Some("a key with a passphrase");
    }
    if says("PRIVATE KEY-----") {
        return says("-----BEGIN OPENSSH PRIVATE KEY-----")
            .then_some("a key in OpenSSH's own format");
    }
    [
        ("PUBLIC KEY-----", "a public key"),
        ("-----BEGIN CERTIFICATE-----", "a certificate"),
        ("\"kty\"", "a JSON Web Key"),
    ]
    .into_iter()
    .find_map(|(word, found)| says(word).then_some(found))
}

fn pkcs8(der: &[u8]) -> Result<Pair, Unusable> {
    // The algorithm comes first; bytes of the key itself must not be mistaken for it.
    let front = der.get(..der.len().min(40)).unwrap_or(der);
    let names = |oid: &[u8]| front.windows(oid.len()).any(|window| window == oid);
    if names(OID_RSA) {
        return rsa(RsaKeyPair::from_pkcs8(der));
    }
    if names(OID_EC) && names(OID_P384) {
        return ec(der);
    }
    if names(OID_ED25519) {
        return ed25519(der);
    }
    Err(Unusable::of(if names(OID_EC) {
        curve(front)
    } else if names(OID_RSA_PSS) {
        "an RSA key for PSS only"
    } else {
        "a key of another kind"
    }))
}

/// Reads a key in SEC1, which names its curve after the key, by wrapping it in PKCS#8. The wrapping
/// has a fixed form, and ring reads nothing else.
fn sec1(der: &[u8]) -> Result<Pair, Unusable> {
    if !der.windows(OID_P384.len()).any(|window| window == OID_P384) {
        return Err(Unusable::of(curve(der)));
    }
    let algorithm = tagged(0x30, &[OID_EC, OID_P384].concat());
    let key = tagged(0x04, der);
    let version = b"\x02\x01\x00".to_vec();
    ec(&tagged(0x30, &[version, algorithm, key].concat()))
}

/// Writes one DER value. None here is longer than two length bytes can express.
fn tagged(tag: u8, value: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut out = match (high, low) {
        (0, 0..0x80) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        (_, _) => vec![tag, 0x82, high, low],
    };
    out.extend_from_slice(value);
    out
}

fn curve(der: &[u8]) -> &'static str {
    let names = |oid: &[u8]| der.windows(oid.len()).any(|window| window == oid);
    if names(OID_P256) {
        "an EC key on the curve P-256"
    } else if names(OID_P521) {
        "an EC key on the curve P-521"
    } else {
        "an EC key on another curve"
    }
}

fn rsa(read: Result<RsaKeyPair, KeyRejected>) -> Result<Pair, Unusable> {
    read.map(Pair::Rsa).map_err(|why| {
        let why = why.to_string();
        Unusable::of(match why.as_str() {
            "TooSmall" => "an RSA key of fewer than 2048 bits".to_owned(),
            "TooLarge" => "an RSA key of more than 4096 bits".to_owned(),
            why => format!("an RSA key that cannot be used ({why})"),
        })
    })
}

fn ec(der: &[u8]) -> Result<Pair, Unusable> {
    let read =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der, &SystemRandom::new());
    read.map(Pair::Ec)
        .map_err(|why| Unusable::of(format!("an EC key that cannot be used ({why})")))
}

/// Reads an ed25519 key. OpenSSL writes only the private half; the public one is derived from it.
fn ed25519(der: &[u8]) -> Result<Pair, Unusable> {
    let read = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
    read.map(Pair::Ed25519)
        .map_err(|why| Unusable::of(format!("an Ed25519 key that cannot be used ({why})")))
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    macro_rules! key {
        ($name:literal) => {
            include_str!(concat!("../tests/keys/", $name))
        };
    }

    fn read(pem: &str) -> PrivateKey {
        PrivateKey::parse(&Secret::new(pem)).unwrap()
    }

    fn decoded(text: &Value) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
    }

    #[test]
    fn the_algorithm_follows_from_the_key() {
        for (pem, name) in [
            (key!("rsa.pem"), "RS256"),
            (key!("rsa-pkcs1.pem"), "RS256"),
            (key!("ec.pem"), "ES384"),
            (key!("ed25519.pem"), "EdDSA"),
        ] {
            assert_eq!(read(pem).algorithm().name(), name);
        }
    }

    #[test]
    fn the_public_half_is_the_one_that_is_registered() {
        for (pem, jwk) in [
            (key!("rsa.pem"), key!("rsa.jwk.json")),
            (key!("ec.pem"), key!("ec.jwk.json")),
        ] {
            let registered: Value = serde_json::from_str(jwk).unwrap();

            let public = read(pem).public();

            for (member, value) in public.as_object().unwrap() {
                assert_eq!(&registered[member], value, "{member}");
            }
        }
    }

    #[test]
    fn a_token_is_verified_with_the_public_half() {
        for pem in [key!("rsa.pem"), key!("ed25519.pem")] {
            let key = read(pem);

            let token = key.token("JWT", "key-1", &json!({"n": 1})).unwrap();

            assert_eq!(
                token,
                key.token("JWT", "key-1", &json!({"n": 1})).unwrap(),
                "the same in every attempt"
            );
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let signature = decoded(&signature.into());
            let public = key.public();
            let verified = match key.algorithm() {
                Algorithm::Rs256 => RsaPublicKeyComponents {
                    n: decoded(&public["n"]),
                    e: decoded(&public["e"]),
                }
                .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature),
                Algorithm::EdDsa => UnparsedPublicKey::new(&ED25519, decoded(&public["x"]))
                    .verify(signed.as_bytes(), &signature),
                Algorithm::Es384 => unreachable!("not among these"),
            };
            assert_eq!(verified, Ok(()));
        }
    }

    #[test]
    fn a_key_does_not_show_in_debug() {
        assert_eq!(
            format!("{:?}", read(key!("ed25519.pem"))),
            "PrivateKey { algorithm: EdDsa, .. }"
        );
    }
}
