//! Judges what comes as one of Qlik's own webhooks: whether it does, and which event it tells.
//!
//! Nothing else of it is read. There is no time in the signature, so that whoever has seen a
//! webhook can send it again: the event's id tells.

use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use xxhash_rust::xxh3::xxh3_128;

use super::wire::Loose;
use crate::model::NewsId;
use crate::secret::Secret;

/// What a webhook turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Not signed with the secret.
    Forged,
    /// Signed, but which event it tells cannot be read from the body.
    Unreadable,
    /// Signed; the event that it tells.
    Event(NewsId),
}

/// The members that name the event, in `CloudEvents`' form and in the one before, and those of
/// which an event has one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Payload {
    id: Loose,
    event_id: Loose,
    #[serde(rename = "type")]
    kind: Loose,
    event_type: Loose,
    #[serde(rename = "specversion")]
    version: Loose,
    cloud_events_version: Loose,
}

impl Payload {
    /// Returns the event's id. In the binary form of `CloudEvents` the body is the event's data
    /// alone, and the id in it is that of whomever it is about: taken for the event's, a second
    /// event about one user would look like the first once more.
    fn event(self) -> Option<String> {
        let is_event = [
            &self.event_id,
            &self.kind,
            &self.event_type,
            &self.version,
            &self.cloud_events_version,
        ];
        let is_event = is_event.iter().any(|member| member.0.is_some());
        self.id.0.filter(|_| is_event).or(self.event_id.0)
    }
}

impl Hook {
    /// Judges a body by the text of its signature header: the HMAC-SHA256 of the body as it
    /// came, in hexadecimal digits.
    pub fn judge(secret: &Secret, signature: &str, body: &[u8]) -> Self {
        let Some(signature) = bytes(signature.trim()) else {
            return Self::Forged;
        };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
            return Self::Forged;
        };
        mac.update(body);
        // Compares in constant time, lengths included.
        if mac.verify_slice(&signature).is_err() {
            return Self::Forged;
        }
        let payload: Payload = match body.first() {
            Some(b'{') => serde_json::from_slice(body).unwrap_or_default(),
            Some(_) | None => Payload::default(),
        };
        match payload.event() {
            Some(id) => Self::Event(NewsId(xxh3_128(id.as_bytes()).to_be_bytes())),
            None => Self::Unreadable,
        }
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = pairs.iter().map(|[high, low]| {
        let byte = digit(*high)? * 16 + digit(*low)?;
        u8::try_from(byte).ok()
    });
    pairs.collect::<Option<_>>().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn the_signature_is_that_of_the_rfc() {
        let secret = Secret::new("Jefe");
        let body = b"what do ya want for nothing?";
        let right = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

        assert_eq!(Hook::judge(&secret, right, body), Hook::Unreadable);
        for wrong in [
            "",
            "5b",
            &right[..62],
            &right.replace('5', "6"),
            &format!("sha256={right}"),
            &format!("{right}0"),
            "zz",
        ] {
            assert_eq!(Hook::judge(&secret, wrong, body), Hook::Forged, "{wrong}");
        }
        assert_eq!(Hook::judge(&Secret::new("jefe"), right, body), Hook::Forged);
        assert_eq!(Hook::judge(&secret, right, b"what"), Hook::Forged);
    }

    #[test]
    fn both_generations_of_payloads_name_one_event() {
        let secret = Secret::new("a secret of thirty-two characters");
        let judge = |body: &str| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).unwrap();
            mac.update(body.as_bytes());
            let digits = mac.finalize().into_bytes();
            Hook::judge(&secret, &hex::encode(digits), body.as_bytes())
        };
        let event = judge(r#"{"id":"A234","type":"com.qlik.v1.user.created","data":{}}"#);

        assert!(matches!(event, Hook::Event(_)));
        assert_eq!(
            judge(r#"{"eventId":"A234","eventType":"com.qlik.v1.user.created"}"#),
            event
        );
        assert_eq!(
            judge(r#"{"eventId":"B","cloudEventsVersion":"0.1","id":"A234"}"#),
            event
        );
        assert_ne!(judge(r#"{"id":"A235","type":"t"}"#), event);
        // The last is the data of an event in the binary form: who it is about has an id.
        let data = r#"{"id":"60d5ca1b2f8a4c0000000001","name":"Zoe","status":"active"}"#;
        for odd in [
            "",
            "[]",
            "{",
            r#"{"id":7}"#,
            r#"{"data":{"id":"A234"}}"#,
            data,
        ] {
            assert_eq!(judge(odd), Hook::Unreadable, "{odd}");
        }
    }
}
