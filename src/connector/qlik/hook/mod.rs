//! Judges a request that claims to be one of Qlik's own webhooks: whether it is, and which event it
//! carries.
//!
//! Nothing else in the request is read. The signature contains no time, so anybody who has seen a
//! webhook can send it again; the event's source and id reveal a repetition. In the binary mode of
//! `CloudEvents` these are headers ([`attributes`]), which are not signed. An attacker could use
//! that only to wake a poll, which happens at most once a second.

mod attributes;

use hmac::{Hmac, Mac};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use sha2::Sha256;
use xxhash_rust::xxh3::Xxh3;

use self::attributes::{Binary, Identity};
use super::wire::Loose;
use crate::model::AuditEventId;
use crate::secret::Secret;

/// What a webhook turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Not signed with the secret.
    Forged,
    /// Signed, but the event that it carries cannot be identified.
    Unreadable,
    /// Signed, and carrying this event.
    Event(AuditEventId),
}

/// The members that identify the event, in `CloudEvents` form and in the older one, and members of
/// which every event has at least one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Payload {
    id: Loose,
    event_id: Loose,
    source: Loose,
    #[serde(rename = "type")]
    kind: Loose,
    event_type: Loose,
    #[serde(rename = "specversion")]
    version: Loose,
    cloud_events_version: Loose,
}

impl Payload {
    fn read(body: &[u8]) -> Self {
        match body.first() {
            Some(b'{') => serde_json::from_slice(body).unwrap_or_default(),
            Some(_) | None => Self::default(),
        }
    }

    /// Returns whether the body says that it is an event.
    fn is_marked(&self) -> bool {
        let marks = [&self.event_id, &self.version, &self.cloud_events_version];
        marks.iter().any(|member| member.0.is_some())
    }

    /// Returns the event's identity. A body may be only the data of an event, and its id that of
    /// the user the event is about. If that were taken for the event's id, a second event about the
    /// same user would look like a repeat of the first.
    fn event(self) -> Option<Identity> {
        let types = [&self.kind, &self.event_type];
        let is_event = self.is_marked() || types.iter().any(|member| member.0.is_some());
        let id = self.id.0.filter(|_| is_event).or(self.event_id.0)?;
        let source = self.source.0.unwrap_or_default();
        Some(Identity { source, id })
    }
}

impl Identity {
    fn to_audit_event(&self) -> AuditEventId {
        let mut hash = Xxh3::new();
        hash.update(self.source.as_bytes());
        hash.update(&[0]);
        hash.update(self.id.as_bytes());
        AuditEventId(hash.digest128().to_be_bytes())
    }
}

impl Hook {
    /// Judges a body by its headers and its signature: the HMAC-SHA256 of the body as received, in
    /// hexadecimal digits.
    pub fn judge(secret: &Secret, signature: &str, headers: &HeaderMap, body: &[u8]) -> Self {
        let Ok(signature) = hex::decode(signature.trim()) else {
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
        let payload = Payload::read(body);
        // The body is signed and the headers are not, so a body that is clearly an event counts.
        let told = match payload.is_marked() {
            true => Binary::No,
            false => Binary::read(headers),
        };
        let event = match told {
            Binary::No => payload.event(),
            Binary::Unreadable => None,
            Binary::Event(identity) => Some(identity),
        };
        event.map_or(Self::Unreadable, |event| {
            Self::Event(event.to_audit_event())
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::connector::qlik::any_json::any_answer;

    const SECRET: &str = "a secret of thirty-two characters";

    fn judge(secret: &Secret, signature: &str, body: &[u8]) -> Hook {
        Hook::judge(secret, signature, &HeaderMap::new(), body)
    }

    /// Judges a correctly signed body.
    fn signed(headers: &[(&'static str, &'static str)], body: &str) -> Hook {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let digits = hex::encode(mac.finalize().into_bytes());
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        Hook::judge(
            &Secret::new(SECRET),
            &digits,
            &headers.collect(),
            body.as_bytes(),
        )
    }

    /// RFC 4231, test case 2.
    #[test]
    fn the_signature_is_that_of_the_rfc() {
        let secret = Secret::new("Jefe");
        let body = b"what do ya want for nothing?";
        let right = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

        assert_eq!(judge(&secret, right, body), Hook::Unreadable);
        for wrong in [
            "",
            "5b",
            &right[..62],
            &right.replace('5', "6"),
            &format!("sha256={right}"),
            &format!("{right}0"),
            "zz",
        ] {
            assert_eq!(judge(&secret, wrong, body), Hook::Forged, "{wrong}");
        }
        assert_eq!(judge(&Secret::new("jefe"), right, body), Hook::Forged);
        assert_eq!(judge(&secret, right, b"what"), Hook::Forged);
    }

    #[test]
    fn both_generations_of_payloads_name_one_event() {
        let judge = |body: &str| signed(&[], body);
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
        // The last is the data of an event in binary mode: the user it is about has an id.
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

    #[test]
    fn in_the_binary_form_headers_name_the_event() {
        let data = r#"{"id":"60d5ca1b2f8a4c0000000001","type":"user","name":"Zoe"}"#;
        let headers = |id: &'static str, source: &'static str| {
            [("ce-id", id), ("ce-source", source), ("ce-type", "t")]
        };
        let event = signed(&headers("A1", "com.qlik/users"), data);

        assert!(matches!(event, Hook::Event(_)));
        assert_eq!(signed(&headers("A1", "com.qlik/users"), data), event);
        assert_eq!(signed(&headers("%41%31", "com.qlik%2Fusers"), data), event);
        assert_eq!(
            signed(
                &[],
                r#"{"specversion":"1.0","id":"A1","source":"com.qlik/users"}"#
            ),
            event
        );
        for (id, source) in [("A2", "com.qlik/users"), ("A1", "com.qlik/groups")] {
            let other = signed(&headers(id, source), data);
            assert!(
                matches!(other, Hook::Event(_)) && other != event,
                "{id} {source}"
            );
        }
        assert_eq!(signed(&[("ce-id", "A1")], data), Hook::Unreadable);
    }

    #[test]
    fn headers_make_no_other_event_of_one_that_is_signed() {
        for body in [
            r#"{"specversion":"1.0","id":"A1","source":"s","type":"t"}"#,
            r#"{"cloudEventsVersion":"0.1","eventId":"A1","source":"s","eventType":"t"}"#,
        ] {
            let other = [("ce-id", "A2"), ("ce-source", "s"), ("ce-type", "t")];

            assert_eq!(signed(&other, body), signed(&[], body), "{body}");
        }
    }

    fn example() -> serde_json::Value {
        serde_json::json!({
            "id": "e1",
            "eventId": "e1",
            "source": "com.qlik/users",
            "type": "com.qlik.user.updated",
            "eventType": "com.qlik.user.updated",
            "specversion": "1.0",
            "cloudEventsVersion": "0.1",
            "data": {},
        })
    }

    proptest! {
        /// If two webhooks had the same identity, the second would count as a repetition.
        #[test]
        fn any_body_has_an_id_or_is_unreadable(body in any_answer(&example())) {
            let json: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
            let has_id = ["id", "eventId"].iter().any(|member| json[member].is_string());
            match signed(&[], &body) {
                Hook::Event(_) => prop_assert!(has_id),
                Hook::Unreadable => {}
                Hook::Forged => prop_assert!(false, "it was signed"),
            }
        }
    }
}
