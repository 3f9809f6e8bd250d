//! Signs a delivery as Standard Webhooks 1.0.0 says, scheme v1.

use std::fmt;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::model::Timestamp;
use crate::secret::Secret;

/// What a secret's text starts with.
const PREFIX: &str = "whsec_";

/// How many bytes a secret may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// Base64 as people paste it: with its padding or without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A symmetric secret that a receiver shares with us. It never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Box<[u8]>);

/// A text that is no signing secret. Holds nothing of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// Another kind of text altogether.
    #[error("a signing secret starts with `whsec_`")]
    NoPrefix,
    /// Not base64 after the prefix.
    #[error("a signing secret is base64 after `whsec_`, and this is not")]
    NotBase64,
    /// Too short to be safe or longer than the standard allows.
    #[error("a signing secret is of 24 to 64 random bytes, and this is of {n_bytes}")]
    Length {
        /// How many bytes it has.
        n_bytes: usize,
    },
}

impl InvalidSecret {
    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(&self) -> &'static str {
        "deliver.invalid-secret"
    }

    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        "make one with `echo whsec_$(openssl rand -base64 32)` and give it to the receiver as well"
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[signing secret]")
    }
}

impl SigningSecret {
    /// Reads `whsec_` and base64, padded or not, of 24 to 64 bytes.
    pub fn parse(text: &Secret) -> Result<Self, InvalidSecret> {
        let encoded = text
            .expose()
            .strip_prefix(PREFIX)
            .ok_or(InvalidSecret::NoPrefix)?;
        let bytes = LENIENT.decode(encoded).or(Err(InvalidSecret::NotBase64))?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(InvalidSecret::Length {
                n_bytes: bytes.len(),
            });
        }
        Ok(Self(bytes.into()))
    }

    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Returns the value of `webhook-signature`: one signature for each secret, in their order.
///
/// One space stands between two and none at the end: a widely used library fails on more.
/// `id` must hold no full stop, since the signed text is joined with them.
pub fn signatures(secrets: &[SigningSecret], id: &str, at: Timestamp, body: &[u8]) -> String {
    debug_assert!(!id.contains('.'), "a full stop would blur what is signed");
    let signed: Vec<_> = secrets
        .iter()
        .map(|secret| secret.sign(id, at.seconds(), body))
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

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::parse(&Secret::new(text)).unwrap()
    }

    fn text_of(key: &[u8]) -> String {
        format!("{PREFIX}{}", STANDARD.encode(key))
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
    fn a_secret_is_read_or_refused_with_a_reason() {
        let of_length = |n| text_of(&vec![7; n]);
        for (text, expected) in [
            (PUBLISHED.to_owned(), Ok(())),
            (format!("{PUBLISHED}\n"), Ok(())),
            (of_length(24), Ok(())),
            (of_length(25), Ok(())),
            (of_length(25).trim_end_matches('=').to_owned(), Ok(())),
            (of_length(64), Ok(())),
            (of_length(23), Err(InvalidSecret::Length { n_bytes: 23 })),
            (of_length(65), Err(InvalidSecret::Length { n_bytes: 65 })),
            (
                "whsec_".to_owned(),
                Err(InvalidSecret::Length { n_bytes: 0 }),
            ),
            ("hunter2".to_owned(), Err(InvalidSecret::NoPrefix)),
            ("whsk_AAAA".to_owned(), Err(InvalidSecret::NoPrefix)),
            ("whsec_a!b".to_owned(), Err(InvalidSecret::NotBase64)),
            ("whsec_YWJj-_==".to_owned(), Err(InvalidSecret::NotBase64)),
        ] {
            let read = SigningSecret::parse(&Secret::new(&text)).map(|_secret| ());

            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_show_in_debug() {
        assert_eq!(format!("{:?}", secret(PUBLISHED)), "[signing secret]");
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
