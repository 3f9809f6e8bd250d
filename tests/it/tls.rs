//! TLS on `server.listen`.

use std::fs;

use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, StatusCode};

use crate::support::World;

/// Writes a certificate of its own with its key, in PEM.
fn issue(world: &World) -> Certificate {
    let params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    world.write("server.pem", &certificate.pem());
    world.write("server.key", &key.serialize_pem());
    Certificate::from_pem(certificate.pem().as_bytes()).unwrap()
}

fn with_tls(world: &World) -> String {
    let (cert, key) = (world.path("server.pem"), world.path("server.key"));
    world.standard_config().replace(
        "[sync]",
        &format!("tls = {{ cert_file = {cert:?}, key_file = {key:?} }}\n[sync]"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_served_by_tls_and_nothing_without_it() {
    let world = World::new().await;
    let authority = issue(&world);
    world.write_config(&with_tls(&world));
    let running = world.start().await;
    let url = |path: &str| running.url(path).replace("http://", "https://");
    let client = reqwest::Client::builder()
        .tls_certs_only([authority])
        .build()
        .unwrap();

    for (path, status) in [
        ("/livez", 200),
        ("/readyz", 200),
        ("/metrics", 200),
        ("/events", 401),
        ("/accounts", 401),
    ] {
        let answer = client.get(url(path)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    let hook = client.post(url("/qlik/webhooks/acme")).send().await;
    assert_eq!(hook.unwrap().status(), StatusCode::NOT_FOUND);
    let plain = reqwest::get(running.url("/livez")).await;
    assert!(plain.is_err(), "plain HTTP is not answered");
    let unknown = reqwest::Client::new().get(url("/livez")).send().await;
    assert!(
        unknown.is_err(),
        "the certificate is of nobody that is trusted"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::new().await;
    issue(&world);
    world.write_config(&with_tls(&world));
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(world.path("server.key"), open).unwrap();

    let (exit, _, said) = world.command(&["serve"]).await;

    assert_ne!(exit, 0);
    assert!(said.contains("server.tls.key_file"), "{said}");
    assert!(said.contains("config.secret-exposed"), "{said}");
}
