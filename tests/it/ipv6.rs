//! A machine that only has IPv6: where it listens, and how tenants and endpoints are reached.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::egress::by_tls;
use crate::proxies::{Authority, address_of};
use crate::support::World;

/// Puts TLS on an IPv6 address before a server.
async fn before(server: SocketAddr, authority: &Authority) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("[::1]:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = by_tls(listener, server, authority.serving("::1"));
    (address, tasks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_a_receiver_and_the_daemon_itself_are_reached_by_ipv6_addresses() {
    let world = World::new().await;
    let authority = Authority::new(&world);
    let (tenant, receiver) = (world.tenant.url(), world.receiver.url());
    let (tenant_by_tls, _first) = before(address_of(&tenant), &authority).await;
    let (receiver_by_tls, _second) = before(address_of(&receiver), &authority).await;
    let config = world
        .standard_config()
        .replace(&tenant, &format!("https://{tenant_by_tls}"))
        .replace(&receiver, &format!("https://{receiver_by_tls}/hooks"))
        .replace("[\"127.0.0.0/8\"]\nallow_http = true", "[\"::1/128\"]")
        .replace("\"127.0.0.1:0\"", "\"[::1]:0\"");
    assert_eq!(config.matches("[::1]").count(), 3, "{config}");
    world.write_config(&config);
    let trusting = world.path("ca.pem").display().to_string();
    let trusting = [("SSL_CERT_FILE", trusting.as_str())];

    let (code, out, err) = world
        .command_with(&trusting, &["check", "--endpoints"])
        .await;

    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(world.receiver.count_accepted(), 1);

    // This process does not trust the authority, which does not matter here.
    let running = world.launch().await;
    let url = running.url("/livez");
    assert!(url.starts_with("http://[::1]:"), "{url}");
    assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
    running.stop().await;
}
