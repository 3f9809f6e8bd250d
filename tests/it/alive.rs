//! `health` says whether the daemon is alive.

use rcgen::{CertificateParams, KeyPair};

use crate::support::World;

const LISTEN: &str = "QLIK_ROSTER__SERVER__LISTEN";

#[tokio::test(flavor = "multi_thread")]
async fn health_asks_at_the_address_that_the_daemon_listens_on() {
    let world = World::new().await;
    world.write_config(&world.standard_config());
    let running = world.start().await;
    let address = running.url("").trim_start_matches("http://").to_owned();

    let (exit, _, said) = world.command_with(&[(LISTEN, &address)], &["health"]).await;
    assert_eq!((exit, said.as_str()), (0, "The daemon is alive.\n"));

    running.stop().await;
    let (exit, _, said) = world.command_with(&[(LISTEN, &address)], &["health"]).await;
    let expected = format!("error: no daemon answers at http://{address}/livez [cli.unhealthy]\n");
    assert_eq!((exit, said), (1, expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_health_asks_at_the_control_socket() {
    let world = World::new().await;
    let names = vec!["roster.example.com".into()];
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key);
    world.write("server.pem", &certificate.unwrap().pem());
    world.write("server.key", &key.serialize_pem());
    let (cert, key) = (world.path("server.pem"), world.path("server.key"));
    let tls = format!("tls = {{ cert_file = {cert:?}, key_file = {key:?} }}\n[sync]");
    world.write_config(&world.standard_config().replace("[sync]", &tls));
    let running = world.start().await;

    let (exit, _, said) = world.command(&["health"]).await;
    assert_eq!((exit, said.as_str()), (0, "The daemon is alive.\n"));

    running.stop().await;
    let (exit, _, said) = world.command(&["health"]).await;
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("cli.unhealthy"), "{said}");
}
