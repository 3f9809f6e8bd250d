//! A private key as operators have it, read and told from what cannot sign.

use std::fmt;
use std::sync::Arc;

use ring::error::{KeyRejected, Unspecified};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::secret::Secret;

/// What object identifiers look like in DER, tag and length included.
const OID_RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const OID_RSA_PSS: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
const OID_EC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
const OID_P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const OID_P384: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";
const OID_P521: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x23";
const OID_ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";

/// A key that signs assertions, and the id under which Qlik knows its public half.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Pair>,
    key_id: String,
}

/// The algorithm follows from the key: RS256 for RSA, ES384 for the curve P-384.
enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

/// Why a text is no key that Qlik takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found {found}, where a private key is needed: RSA of 2048 bits or more, or EC on the curve P-384, in PEM, without a passphrase"
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

impl SigningKey {
    /// Reads a key in PEM: PKCS#8 as OpenSSL writes it today, or PKCS#1 and SEC1 as it did.
    pub fn parse(pem: &Secret, key_id: &str) -> Result<Self, InvalidKey> {
        let text = pem.expose();
        if let Some(found) = label(text) {
            return Err(InvalidKey::of(found));
        }
        let der = PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|_no_pem| InvalidKey::of("no private key in PEM"))?;
        let pair = match &der {
            PrivateKeyDer::Pkcs8(key) => pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => rsa(RsaKeyPair::from_der(key.secret_pkcs1_der())),
            PrivateKeyDer::Sec1(key) => sec1(key.secret_sec1_der()),
            // The enum is not ours and open.
            _ => Err(InvalidKey::of("a key of an unknown form")),
        };
        Ok(Self {
            pair: Arc::new(pair?),
            key_id: key_id.to_owned(),
        })
    }

    /// Returns the algorithm's name in a JWT's header.
    pub fn algorithm(&self) -> &'static str {
        match *self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES384",
        }
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    pub(super) fn sign(
        &self,
        message: &[u8],
        random: &SystemRandom,
    ) -> Result<Vec<u8>, Unspecified> {
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, random, message, &mut signature)?;
                Ok(signature)
            }
            Pair::Ec(pair) => Ok(pair.sign(random, message)?.as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm())
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Tells by its first line what a text is that is no private key that we can read.
fn label(text: &str) -> Option<&'static str> {
    let says = |word: &str| text.contains(word);
    if says("-----BEGIN ENCRYPTED PRIVATE KEY-----") || says("Proc-Type: 4,ENCRYPTED") {
        return Some("a key with a passphrase");
    }
    if says("PRIVATE KEY-----") {
        return says("-----BEGIN OPENSSH PRIVATE KEY-----")
            .then_some("a key of OpenSSH's own form");
    }
    [
        ("PUBLIC KEY-----", "a public key"),
        ("-----BEGIN CERTIFICATE-----", "a certificate"),
        ("\"kty\"", "a JSON Web Key"),
    ]
    .into_iter()
    .find_map(|(word, found)| says(word).then_some(found))
}

fn pkcs8(der: &[u8]) -> Result<Pair, InvalidKey> {
    // The algorithm stands at the front; what the key itself holds must not be taken for it.
    let front = der.get(..der.len().min(40)).unwrap_or(der);
    let names = |oid: &[u8]| front.windows(oid.len()).any(|window| window == oid);
    if names(OID_RSA) {
        return rsa(RsaKeyPair::from_pkcs8(der));
    }
    if names(OID_EC) && names(OID_P384) {
        return ec(der);
    }
    Err(InvalidKey::of(if names(OID_EC) {
        curve(front)
    } else if names(OID_ED25519) {
        "an Ed25519 key"
    } else if names(OID_RSA_PSS) {
        "an RSA key for PSS alone"
    } else {
        "a key of another kind"
    }))
}

/// SEC1 names its curve after the key. What PKCS#8 has around it is of fixed form, and ring
/// reads nothing else.
fn sec1(der: &[u8]) -> Result<Pair, InvalidKey> {
    if !der.windows(OID_P384.len()).any(|window| window == OID_P384) {
        return Err(InvalidKey::of(curve(der)));
    }
    let algorithm = tagged(0x30, &[OID_EC, OID_P384].concat());
    let key = tagged(0x04, der);
    let version = b"\x02\x01\x00".to_vec();
    ec(&tagged(0x30, &[version, algorithm, key].concat()))
}

/// Writes one value of DER; none here is longer than its length's two bytes can say.
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

fn rsa(read: Result<RsaKeyPair, KeyRejected>) -> Result<Pair, InvalidKey> {
    read.map(Pair::Rsa).map_err(|why| {
        let why = why.to_string();
        InvalidKey::of(match why.as_str() {
            "TooSmall" => "an RSA key of fewer than 2048 bits".to_owned(),
            why => format!("an RSA key that cannot be used ({why})"),
        })
    })
}

fn ec(der: &[u8]) -> Result<Pair, InvalidKey> {
    let read =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der, &SystemRandom::new());
    read.map(Pair::Ec)
        .map_err(|why| InvalidKey::of(format!("an EC key that cannot be used ({why})")))
}
