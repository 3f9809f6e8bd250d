//! TLS: which authorities an endpoint trusts, and the certificate that we show to it.

use super::*;

#[tokio::test]
async fn a_receiver_is_trusted_by_the_authorities_that_its_endpoint_names() {
    let (ours, others) = (Authority::new(), Authority::new());
    let receiver = Receiver::by_tls(ours.serving("localhost", None)).await;
    let both = Authorities::parse(&format!("{}{}", others.pem(), ours.pem())).unwrap();
    for (authorities, expected) in [
        (Some(ours.authorities()), Ok(204)),
        (Some(both), Ok(204)),
        (Some(others.authorities()), Err("deliver.tls")),
        (None, Err("deliver.tls")),
    ] {
        let egress = Egress {
            authorities,
            ..Egress::default()
        };

        let found = post_once(by_tls(&receiver, egress)).await;

        assert_eq!(found, expected.map_err(str::to_owned));
    }
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_also_from_a_trusted_authority() {
    let authority = Authority::new();
    let receiver = Receiver::by_tls(authority.serving("hr.example.com", None)).await;
    let egress = Egress {
        authorities: Some(authority.authorities()),
        ..Egress::default()
    };

    let found = post_once(by_tls(&receiver, egress)).await;

    assert_eq!(found, Err("deliver.tls".into()));
}

#[tokio::test]
async fn a_receiver_that_asks_who_we_are_is_shown_a_certificate() {
    let (authority, others) = (Authority::new(), Authority::new());
    let receiver = Receiver::by_tls(authority.serving("localhost", Some(&authority))).await;
    for (client_certificate, expected) in [
        (Some(authority.client()), Ok(204)),
        (None, Err("deliver.tls")),
        (Some(others.client()), Err("deliver.tls")),
    ] {
        let egress = Egress {
            authorities: Some(authority.authorities()),
            client_certificate,
            ..Egress::default()
        };

        let found = post_once(by_tls(&receiver, egress)).await;

        assert_eq!(found, expected.map_err(str::to_owned));
    }
    assert_eq!(receiver.received().len(), 1);
}
