//! The headers that go with every request, and what is shown of them.

use super::*;

#[tokio::test]
async fn every_request_carries_the_extra_headers_and_the_origin_once() {
    let star = [("webhook-allowed-origin", "*")];
    let receiver = Receiver::consenting(200, &star).await;
    let mut headers = ExtraHeaders::default();
    headers
        .add("Authorization", &Secret::new("Bearer t0ken"))
        .unwrap();
    let options = options(receiver.address);
    let endpoint = Endpoint::new(Options {
        egress: Egress {
            headers,
            handshake: Some(Origin::parse("roster.example.com").unwrap()),
            ..options.egress
        },
        ..options
    })
    .unwrap();

    let verdict = crate::deliver::test(&endpoint, &crate::clock::Clock::system()).await;

    assert!(verdict.unwrap().failure().is_none());
    let [asked, sent] = receiver.received().try_into().unwrap();
    assert_eq!(
        (asked.method, sent.method.clone()),
        (Method::OPTIONS, Method::POST)
    );
    for request in [&asked.headers, &sent.headers] {
        for (name, expected) in [
            ("authorization", "Bearer t0ken"),
            ("webhook-request-origin", "roster.example.com"),
        ] {
            let values: Vec<_> = request.get_all(name).iter().collect();
            assert_eq!(values, [expected], "{name}");
        }
    }
    assert_eq!(sent.header("content-type"), "application/json");
}

#[tokio::test]
async fn nothing_is_sent_to_who_does_not_consent() {
    let receiver = Receiver::consenting(200, &[]).await;
    let options = options(receiver.address);
    let endpoint = Endpoint::new(Options {
        egress: Egress {
            handshake: Some(Origin::parse("roster.example.com").unwrap()),
            ..options.egress
        },
        ..options
    })
    .unwrap();

    let verdict = crate::deliver::test(&endpoint, &crate::clock::Clock::system()).await;

    let code = verdict.unwrap().failure().map(Failure::code);
    assert_eq!(code, Some("deliver.no-consent"));
    let methods: Vec<_> = receiver
        .received()
        .into_iter()
        .map(|it| it.method)
        .collect();
    assert_eq!(methods, [Method::OPTIONS]);
}

#[tokio::test]
async fn a_client_shows_none_of_its_secrets() {
    let authority = Authority::new();
    let mut headers = ExtraHeaders::default();
    headers.add("x-api-key", &Secret::new("t0ken")).unwrap();
    let url = "http://roster@proxy.example.com:3128";
    let egress = Egress {
        headers,
        client_certificate: Some(authority.client()),
        proxy: Some(ForwardProxy::parse(url, Some(Secret::new("t0ken"))).unwrap()),
        ..Egress::default()
    };
    let options = Options {
        egress,
        ..named("https://hr.example.com/t0ken", &[])
    };

    let endpoint = Endpoint::new(options).unwrap();

    let shown = format!("{endpoint:?} {:?}", endpoint.egress().headers);
    let shown = format!(
        "{shown} {:?} {:?}",
        endpoint.egress().proxy,
        authority.client()
    );
    assert!(
        !shown.contains("t0ken") && !shown.contains("PRIVATE"),
        "{shown}"
    );
    assert!(Client::new(&endpoint).is_ok());
}
