//! Signs a delivery as Standard Webhooks 1.0.0 says: schemes v1 (HMAC) and v1a (ed25519).

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, Mac};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::Sha256;

use crate::model::Timestamp;
use crate::secret::Secret;

/// What the text of a symmetric secret starts with.
pub(super) const SYMMETRIC: &str = "whsec_";

/// What the text of a private key starts with.
pub(in crate::deliver) const PRIVATE: &str = "whsk_";

/// What the text of a public key starts with.
const PUBLIC: &str = "whpk_";

/// The prefix of a signature in its header.
const VERSIONS: [&str; 2] = ["v1,", "v1a,"];

/// How many bytes a symmetric secret may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// The bytes of an ed25519 seed, and of a public key. A private key consists of both.
pub(super) const HALF: usize = 32;

/// Base64 as people paste it, with or without padding, so that we can tell what is missing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What deliveries are signed with. It is never shown.
#[derive(Clone)]
pub struct SigningSecret(Scheme);

#[derive(Clone)]
enum Scheme {
    /// v1: HMAC with a secret that the receiver shares with us, as a keyed state ready to be
    /// cloned.
    Hmac(Box<Hmac<Sha256>>),
    /// v1a: ed25519 with a key whose public half the receiver has.
    Ed25519(Arc<Ed25519KeyPair>),
}

/// The text is not a signing secret. Contains nothing of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// Another kind of text altogether.
    #[error("a signing secret starts with `whsec_`, or with `whsk_` if it is an ed25519 key")]
    NoPrefix,
    /// The public half of a key, which cannot sign.
    #[error(
        "`whpk_` starts a public key, which is for the receiver; the signing secret is the private one, `whsk_`"
    )]
    Public,
    /// The secret is preceded by the version that belongs before a signature.
    #[error("`v1,` names the version of a signature and is not part of the secret")]
    Version,
    /// Truncated base64, which the libraries of receivers do not read.
    #[error("the `=` that base64 of this length ends with is missing")]
    Unpadded,
    /// A secret that was encoded twice.
    #[error("this is a signing secret that was encoded in base64 once too often")]
    EncodedTwice,
    /// Not base64 after the prefix.
    #[error("a signing secret is base64 after its prefix; this one is not")]
    NotBase64,
    /// Too short to be safe or longer than the standard allows.
    #[error("a signing secret has 24 to 64 random bytes; this one has {n_bytes}")]
    Length {
        /// How many bytes it has.
        n_bytes: usize,
    },
    /// Not a seed and a public key.
    #[error("an ed25519 key has 64 bytes (private and public half); this one has {n_bytes}")]
    KeyLength {
        /// How many bytes it has.
        n_bytes: usize,
    },
    /// A seed with another key's public half: no receiver would accept its signatures.
    #[error("the two halves of the ed25519 key do not belong together")]
    Halves,
}

impl InvalidSecret {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        "deliver.invalid-secret"
    }

    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoPrefix | Self::NotBase64 | Self::Length { .. } => {
                "make one with `echo whsec_$(openssl rand -base64 32)` and give it to the receiver as well"
            }
            Self::Version => "take `v1,` off: a signing secret starts with `whsec_`",
            Self::Unpadded => {
                "copy it again, to its end; if it was cut off where it was made, write `=` (or `==`) \
                 at its end, here and at the receiver: the key stays the same"
            }
            Self::EncodedTwice => {
                "decode it once (`base64 -d`); in a Kubernetes Secret write it under `stringData`, or \
                 encode it once for `data`"
            }
            Self::Public | Self::KeyLength { .. } | Self::Halves => {
                "make a new key as docs/formats.md shows, and give its public half to the receiver"
            }
        }
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[signing secret]")
    }
}

impl SigningSecret {
    /// Reads padded base64: `whsec_` and 24 to 64 bytes, or `whsk_` and the two halves
    /// of an ed25519 key.
    pub fn parse(text: &Secret) -> Result<Self, InvalidSecret> {
        let text = text.expose();
        if text.starts_with(PUBLIC) {
            return Err(InvalidSecret::Public);
        }
        if VERSIONS.iter().any(|version| text.starts_with(version)) {
            return Err(InvalidSecret::Version);
        }
        if let Some(encoded) = text.strip_prefix(PRIVATE) {
            return Self::private(&decode(encoded)?);
        }
        let Some(encoded) = text.strip_prefix(SYMMETRIC) else {
            return Err(match LENIENT.decode(text) {
                Ok(inner) if is_a_secret(&inner) => InvalidSecret::EncodedTwice,
                Ok(_) | Err(_) => InvalidSecret::NoPrefix,
            });
        };
        let bytes = decode(encoded)?;
        if is_a_secret(&bytes) {
            return Err(InvalidSecret::EncodedTwice);
        }
        if !LENGTHS.contains(&bytes.len()) {
            return Err(InvalidSecret::Length {
                n_bytes: bytes.len(),
            });
        }
        let mac = Hmac::new_from_slice(&bytes).expect("HMAC takes keys of any length");
        Ok(Self(Scheme::Hmac(Box::new(mac))))
    }

    fn private(bytes: &[u8]) -> Result<Self, InvalidSecret> {
        let wrong_length = InvalidSecret::KeyLength {
            n_bytes: bytes.len(),
        };
        let Some((seed, public)) = bytes.split_at_checked(HALF) else {
            return Err(wrong_length);
        };
        if public.len() != HALF {
            return Err(wrong_length);
        }
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public)
            .map_err(|_rejected| InvalidSecret::Halves)?;
        Ok(Self(Scheme::Ed25519(Arc::new(pair))))
    }

    /// Returns the half that the receiver verifies with, `whpk_…`; `None` for a shared secret.
    pub fn public(&self) -> Option<String> {
        match &self.0 {
            Scheme::Hmac(_) => None,
            Scheme::Ed25519(pair) => {
                let public = STANDARD.encode(pair.public_key());
                Some(format!("{PUBLIC}{public}"))
            }
        }
    }

    fn sign(&self, head: &[u8], body: &[u8]) -> String {
        match &self.0 {
            Scheme::Hmac(mac) => {
                let mac = Hmac::clone(mac).chain_update(head).chain_update(body);
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            }
            Scheme::Ed25519(pair) => {
                let signature = pair.sign(&[head, body].concat());
                format!("v1a,{}", STANDARD.encode(signature.as_ref()))
            }
        }
    }
}

fn decode(encoded: &str) -> Result<Vec<u8>, InvalidSecret> {
    let bytes = LENIENT.decode(encoded).or(Err(InvalidSecret::NotBase64))?;
    // We could sign with it, but the libraries that receivers verify with refuse it.
    match encoded.len().is_multiple_of(4) {
        true => Ok(bytes),
        false => Err(InvalidSecret::Unpadded),
    }
}

/// Returns whether the decoded bytes are themselves the text of a secret: with its prefix, or with
/// base64 padding, which no random key ends with.
fn is_a_secret(decoded: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(decoded) else {
        return false;
    };
    let text = text.trim_end();
    text.starts_with(SYMMETRIC)
        || text.starts_with(PRIVATE)
        || text.ends_with('=') && STANDARD.decode(text).is_ok()
}

/// Returns the value of `webhook-signature`: one signature for each secret, in their order.
///
/// There is one space between two and none at the end: a widely used library fails on more. `id`
/// must not contain a full stop, since full stops join the parts of the signed text.
pub fn signatures(secrets: &[SigningSecret], id: &str, at: Timestamp, body: &[u8]) -> String {
    debug_assert!(!id.contains('.'), "a full stop would blur what is signed");
    let head = format!("{id}.{}.", at.seconds());
    let signed: Vec<_> = secrets
        .iter()
        .map(|secret| secret.sign(head.as_bytes(), body))
        .collect();
    signed.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderMap;

    use super::*;
    use crate::clock::Clock;

    const PUBLISHED: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    /// The key of the vector that Svix publishes for v1a, and its public half.
    const PRIVATE_KEY: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    const PUBLIC_KEY: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::parse(&Secret::new(text)).unwrap()
    }

    fn text_of(key: &[u8]) -> String {
        format!("{SYMMETRIC}{}", STANDARD.encode(key))
    }

    #[test]
    fn the_published_vector_is_reproduced() {
        let signature = signatures(
            &[secret(PUBLISHED)],
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            Timestamp::from_millis(1_649_367_553_999),
            br#"{"email":"test@example.com","username":"test_user"}"#,
        );

        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn the_published_vector_of_ed25519_is_reproduced() {
        let key = secret(PRIVATE_KEY);

        let signature = signatures(
            std::slice::from_ref(&key),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Timestamp::from_millis(1_614_265_330_000),
            br#"{"test": 2432232314}"#,
        );

        assert_eq!(
            signature,
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
        );
        assert_eq!(key.public().as_deref(), Some(PUBLIC_KEY));
        assert_eq!(secret(PUBLISHED).public(), None);
    }

    #[test]
    fn two_secrets_of_any_kind_sign_side_by_side() {
        let at = Timestamp::from_millis(1_614_265_330_000);
        let (shared, private) = (secret(PUBLISHED), secret(PRIVATE_KEY));
        let alone =
            |secret: &SigningSecret| signatures(std::slice::from_ref(secret), "evt_1", at, b"{}");
        for (new, old) in [
            (&shared, &private),
            (&private, &shared),
            (&private, &private),
            (&shared, &shared),
        ] {
            let both = signatures(&[new.clone(), old.clone()], "evt_1", at, b"{}");

            assert_eq!(both, format!("{} {}", alone(new), alone(old)));
        }
    }

    #[test]
    fn a_secret_is_read_or_refused_with_a_reason() {
        let of_length = |n| text_of(&vec![7; n]);
        let key = |bytes: &[u8]| format!("{PRIVATE}{}", STANDARD.encode(bytes));
        let halves = STANDARD.decode(&PRIVATE_KEY[PRIVATE.len()..]).unwrap();
        let mut mixed = halves.clone();
        mixed[63] ^= 1;
        for (text, expected) in [
            (PUBLISHED.to_owned(), Ok(())),
            (format!("{PUBLISHED}\n"), Ok(())),
            (of_length(24), Ok(())),
            (of_length(25), Ok(())),
            (
                of_length(25).trim_end_matches('=').to_owned(),
                Err(InvalidSecret::Unpadded),
            ),
            (format!("v1,{PUBLISHED}"), Err(InvalidSecret::Version)),
            (
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=".to_owned(),
                Err(InvalidSecret::Version),
            ),
            (STANDARD.encode(PUBLISHED), Err(InvalidSecret::EncodedTwice)),
            (
                text_of(format!("{PUBLISHED}\n").as_bytes()),
                Err(InvalidSecret::EncodedTwice),
            ),
            (
                text_of(STANDARD.encode([7; 32]).as_bytes()),
                Err(InvalidSecret::EncodedTwice),
            ),
            (
                STANDARD.encode(format!("{PRIVATE_KEY}\n")),
                Err(InvalidSecret::EncodedTwice),
            ),
            // Words and hexadecimal digits are keys like others.
            (text_of(b"correct horse battery staple"), Ok(())),
            (text_of(&[b'a'; 64]), Ok(())),
            (of_length(64), Ok(())),
            (of_length(23), Err(InvalidSecret::Length { n_bytes: 23 })),
            (of_length(65), Err(InvalidSecret::Length { n_bytes: 65 })),
            (
                "whsec_".to_owned(),
                Err(InvalidSecret::Length { n_bytes: 0 }),
            ),
            ("hunter2".to_owned(), Err(InvalidSecret::NoPrefix)),
            (PRIVATE_KEY.to_owned(), Ok(())),
            (
                PRIVATE_KEY.trim_end_matches('=').to_owned(),
                Err(InvalidSecret::Unpadded),
            ),
            (key(&mixed), Err(InvalidSecret::Halves)),
            (
                key(&halves[..32]),
                Err(InvalidSecret::KeyLength { n_bytes: 32 }),
            ),
            (
                key(&halves[..31]),
                Err(InvalidSecret::KeyLength { n_bytes: 31 }),
            ),
            (
                key(&[&halves[..], &[0]].concat()),
                Err(InvalidSecret::KeyLength { n_bytes: 65 }),
            ),
            ("whsk_a!b".to_owned(), Err(InvalidSecret::NotBase64)),
            (PUBLIC_KEY.to_owned(), Err(InvalidSecret::Public)),
            ("whsec_a!b".to_owned(), Err(InvalidSecret::NotBase64)),
            ("whsec_YWJj-_==".to_owned(), Err(InvalidSecret::NotBase64)),
        ] {
            let read = SigningSecret::parse(&Secret::new(&text)).map(|_secret| ());

            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_show_in_debug() {
        for text in [PUBLISHED, PRIVATE_KEY] {
            assert_eq!(format!("{:?}", secret(text)), "[signing secret]");
        }
    }

    proptest! {
        #[test]
        fn the_reference_library_accepts_what_we_sign(
            body in ".{0,200}",
            old in prop::collection::vec(any::<u8>(), 24..=64),
            new in prop::collection::vec(any::<u8>(), 24..=64),
        ) {
            let now = Clock::system().now();
            let (old, new) = (text_of(&old), text_of(&new));
            let value = signatures(&[secret(&new), secret(&old)], "evt_1", now, body.as_bytes());

            let mut headers = HeaderMap::new();
            headers.insert("webhook-id", "evt_1".parse().unwrap());
            headers.insert("webhook-timestamp", now.seconds().to_string().parse().unwrap());
            headers.insert("webhook-signature", value.parse().unwrap());

            prop_assert_eq!(value.split(' ').count(), 2);
            for key in [old, new] {
                let receiver = standardwebhooks::Webhook::new(&key).unwrap();
                prop_assert!(receiver.verify(body.as_bytes(), &headers).is_ok());
                let other = format!("{body}.");
                prop_assert!(receiver.verify(other.as_bytes(), &headers).is_err());
            }
        }
    }
}
