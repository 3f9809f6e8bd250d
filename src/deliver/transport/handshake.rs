//! Asks a receiver for its consent before anything is sent to it.
//!
//! This is the abuse protection of CloudEvents' webhooks (http-webhook.md, 4). A request with the
//! method OPTIONS names who wants to send, and only a header that names the same origin, or `*`, is
//! consent. A status is not: any server may answer 200 to a method that it tolerates.

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};

use super::client::Client;
use super::consent::{Grant, Origin, Refusal};
use super::failure::Failure;

const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// Asks the receiver for its consent. An endpoint that requires no handshake has given it.
pub(in crate::deliver) async fn handshake(client: &Client) -> Result<Grant, Failure> {
    let Some(origin) = client.endpoint().handshake() else {
        return Ok(Grant::default());
    };
    let answer = client.send(client.request(Method::OPTIONS)).await?;
    let status = answer.status().as_u16();
    granted(origin, answer.headers()).map_err(|refusal| Failure::NoConsent { status, refusal })
}

/// Reads an answer's headers. Each may occur once: of two, one might be an intermediary's.
fn granted(origin: &Origin, headers: &HeaderMap) -> Result<Grant, Refusal> {
    let only = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        let first = values
            .next()
            .map(|value| value.to_str().unwrap_or("").trim());
        match values.next() {
            Some(_second) => Some(""),
            None => first,
        }
    };
    match only(&ALLOWED_ORIGIN) {
        None => return Err(Refusal::Silent),
        Some("*") => {}
        Some(name) if name.eq_ignore_ascii_case(origin.as_str()) => {}
        Some(_) => return Err(Refusal::OtherOrigin),
    }
    let per_minute = match only(&ALLOWED_RATE) {
        // Required only if a rate was requested, which we do not do.
        None | Some("*") => None,
        Some(text) => match text.parse() {
            Ok(rate) => Some(rate),
            Err(_no_rate) => return Err(Refusal::UnreadableRate),
        },
    };
    Ok(Grant { per_minute })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::deliver::tests::{Receiver, options};
    use crate::deliver::{Egress, Endpoint, Options};
    use crate::telemetry::chain;

    #[test]
    fn only_the_right_headers_are_consent() {
        const ORIGIN: &str = "webhook-allowed-origin";
        const RATE: &str = "webhook-allowed-rate";
        let origin = Origin::parse("roster.example.com").unwrap();
        let rate = |rate| Ok(NonZeroU32::new(rate));
        for (headers, expected) in [
            (&[][..], Err(Refusal::Silent)),
            (&[("allow", "POST")], Err(Refusal::Silent)),
            (&[(RATE, "*")], Err(Refusal::Silent)),
            (&[(ORIGIN, "*")], rate(0)),
            (&[(ORIGIN, "roster.example.com")], rate(0)),
            (&[(ORIGIN, "ROSTER.example.com")], rate(0)),
            (&[(ORIGIN, "*"), (RATE, "*")], rate(0)),
            (&[(ORIGIN, "*"), (RATE, "120")], rate(120)),
            (&[(ORIGIN, "*"), (RATE, " 120 ")], rate(120)),
            (&[(ORIGIN, "example.com")], Err(Refusal::OtherOrigin)),
            (&[(ORIGIN, "")], Err(Refusal::OtherOrigin)),
            (&[(ORIGIN, "*.example.com")], Err(Refusal::OtherOrigin)),
            (&[(ORIGIN, "*"), (ORIGIN, "*")], Err(Refusal::OtherOrigin)),
            (&[(ORIGIN, "*"), (RATE, "0")], Err(Refusal::UnreadableRate)),
            (&[(ORIGIN, "*"), (RATE, "-1")], Err(Refusal::UnreadableRate)),
            (
                &[(ORIGIN, "*"), (RATE, "fast")],
                Err(Refusal::UnreadableRate),
            ),
            (
                &[(ORIGIN, "*"), (RATE, "1"), (RATE, "9")],
                Err(Refusal::UnreadableRate),
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().unwrap());
            }

            let found = granted(&origin, &map).map(|grant| grant.per_minute);

            assert_eq!(found, expected, "{headers:?}");
        }
    }

    /// Asks a receiver that answers OPTIONS with a status and headers.
    async fn ask(
        status: u16,
        headers: &[(&'static str, &str)],
    ) -> (Result<Grant, Failure>, Receiver) {
        let receiver = Receiver::consenting(status, headers).await;
        let options = options(receiver.address);
        let endpoint = Endpoint::new(Options {
            egress: Egress {
                handshake: Some(Origin::parse("roster.example.com").unwrap()),
                ..options.egress
            },
            ..options
        });
        let client = Client::new(&endpoint.unwrap()).unwrap();
        (handshake(&client).await, receiver)
    }

    #[tokio::test]
    async fn a_receiver_is_asked_at_its_very_address_and_grants_a_rate() {
        let headers = [
            ("webhook-allowed-origin", "roster.example.com"),
            ("webhook-allowed-rate", "120"),
        ];

        let (grant, receiver) = ask(200, &headers).await;

        let per_minute = NonZeroU32::new(120);
        assert_eq!(grant.unwrap(), Grant { per_minute });
        let [request] = receiver.received().try_into().unwrap();
        assert_eq!(request.method, "OPTIONS");
        assert_eq!(
            request.header("webhook-request-origin"),
            "roster.example.com"
        );
        assert_eq!(request.body.len(), 0);
    }

    #[tokio::test]
    async fn a_status_alone_is_neither_consent_nor_refusal() {
        let star = [("webhook-allowed-origin", "*")];

        let (granted, _receiver) = ask(405, &star).await;
        let (refused, _receiver) = ask(200, &[("allow", "OPTIONS, POST")]).await;
        let (unknown, _receiver) = ask(405, &[]).await;

        assert_eq!(granted.unwrap(), Grant::default());
        for (answer, status) in [(refused, 200), (unknown, 405)] {
            let failure = answer.unwrap_err();
            assert_eq!(failure.code(), "deliver.no-consent");
            assert_eq!(failure.status(), Some(status));
            assert_eq!(
                chain(&failure),
                format!(
                    "the receiver does not consent to getting events (status {status}): \
                     it allows nobody to send"
                )
            );
        }
    }

    #[tokio::test]
    async fn who_does_not_ask_has_consent() {
        let receiver = Receiver::accepting().await;
        let endpoint = Endpoint::new(options(receiver.address)).unwrap();

        let grant = handshake(&Client::new(&endpoint).unwrap()).await;

        assert_eq!(grant.unwrap(), Grant::default());
        assert_eq!(receiver.received(), []);
    }
}
