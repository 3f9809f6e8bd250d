//! Receivers and proxies that are reached only by IPv6.

use std::net::Ipv6Addr;

use super::proxy::Tunnels;
use super::*;

/// A name that has an IPv6 address and no other.
struct OnlyIpv6;

impl Resolve for OnlyIpv6 {
    fn resolve(&self, _name: Name) -> Resolving {
        let found = [SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
        Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}

#[tokio::test]
async fn a_name_that_has_ipv6_alone_is_looked_up_judged_and_reached() {
    let authority = Authority::new();
    let serving = authority.serving("hr.example.com", None);
    let receiver = Receiver::by_tls_at("[::1]:0", serving).await;
    let url = format!("https://hr.example.com:{}/hook", receiver.address.port());
    for (networks, expected) in [
        (&["::1/128"][..], Ok(204)),
        (&["127.0.0.0/8"], Err("deliver.refused-address".to_owned())),
    ] {
        let mut options = named(&url, networks);
        options.egress.authorities = Some(authority.authorities());
        let endpoint = Endpoint::new(options).unwrap();
        let client = Client::over(&endpoint, Arc::new(OnlyIpv6)).unwrap();

        assert_eq!(post(&client).await, expected, "{networks:?}");
    }
}

#[tokio::test]
async fn an_ipv6_address_in_the_url_is_reached_by_tls() {
    let authority = Authority::new();
    let receiver = Receiver::by_tls_at("[::1]:0", authority.serving("::1", None)).await;
    let mut options = named(&format!("https://{}/hook", receiver.address), &["::1/128"]);
    options.egress.authorities = Some(authority.authorities());

    assert_eq!(post_once(options).await, Ok(204));
}

#[tokio::test]
async fn a_proxy_may_have_an_ipv6_address() {
    let authority = Authority::new();
    let serving = authority.serving("hr.invalid", None);
    let receiver = Receiver::by_tls_at("[::1]:0", serving).await;
    let proxy = Tunnels::start_at("[::1]:0", 200, receiver.address).await;
    let options = Options {
        egress: proxy.egress("", None, &authority),
        ..named("https://hr.invalid/hook", &[])
    };

    assert_eq!(post_once(options).await, Ok(204));
}

#[tokio::test]
async fn an_ipv6_address_by_https_through_a_proxy_is_refused_before_anything_is_sent() {
    let authority = Authority::new();
    let receiver = Receiver::by_tls_at("[::1]:0", authority.serving("::1", None)).await;
    let proxy = Tunnels::start(200, receiver.address).await;
    for (url, allow_http, expected) in [
        (
            "https://[2606:4700::1111]/hook",
            false,
            Some("deliver.invalid-url"),
        ),
        ("https://1.1.1.1/hook", false, None),
        // Plain http needs no tunnel and no name for a certificate.
        ("http://[fd00::7]/hook", true, None),
    ] {
        let options = named(url, &["fd00::/8"]);
        let options = Options {
            egress: Egress {
                allow_http,
                allow_private: options.egress.allow_private.clone(),
                ..proxy.egress("", None, &authority)
            },
            ..options
        };

        let refused = Endpoint::new(options).map_err(|error| error.code()).err();

        assert_eq!(refused, expected, "{url}");
    }
}
