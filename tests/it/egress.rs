//! Endpoints with connection settings of their own, from the configuration to the receiver.

use std::net::SocketAddr;
use std::sync::Arc;

use qlik_roster::demo::tenant::NewUser;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::proxies::{Authority, address_of};
use crate::support::World;

/// Puts TLS before a receiver, which asks clients for a certificate of the same authority.
pub async fn before(receiver: SocketAddr, server: ServerConfig) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, by_tls(listener, receiver, server))
}

/// The same for an existing listener.
pub fn by_tls(listener: TcpListener, receiver: SocketAddr, server: ServerConfig) -> JoinSet<()> {
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _peer)) = listener.accept().await {
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                match acceptor.accept(stream).into_fallible().await {
                    Ok(mut secured) => {
                        let mut far = TcpStream::connect(receiver).await.unwrap();
                        drop(copy_bidirectional(&mut secured, &mut far).await);
                    }
                    // If the socket were closed before all that came was read, it would reset the
                    // connection, and the alert that says why might be lost.
                    Err((_refusal, mut stream)) => {
                        drop(stream.shutdown().await);
                        drop(copy(&mut stream, &mut sink()).await);
                    }
                }
            });
        }
    });
    tasks
}

/// Writes an authority, a client's certificate and its key into the world, and returns the
/// configuration of a server of that authority.
fn certificates(world: &World) -> ServerConfig {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let issue = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &issuer).unwrap(), key)
    };
    let (client, client_key) = issue("roster.example.com");
    world.write("ca.pem", &authority.pem());
    world.write("client.pem", &client.pem());
    world.write("client-key.pem", &client_key.serialize_pem());
    let (certificate, key) = issue("localhost");
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap()
}

/// A world whose receiver is reached by TLS, and a configuration that says so and no more.
async fn secured() -> (World, String, JoinSet<()>) {
    let world = World::new().await;
    let receiver = world.receiver.url();
    let plain = receiver.strip_prefix("http://").unwrap();
    let (plain, _path) = plain.split_once('/').unwrap();
    let server = certificates(&world);
    let (address, tasks) = before(plain.parse().unwrap(), server).await;
    let url = format!("https://localhost:{}/hooks", address.port());
    let config = world
        .standard_config()
        .replace(&receiver, &url)
        .replace("allow_http = true\n", "")
        .replace("[\"127.0.0.0/8\"]", "[\"127.0.0.0/8\", \"::1/128\"]");
    (world, config, tasks)
}

const OURS: &str = "client_cert_file = \"client.pem\"\nclient_key_file = \"client-key.pem\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn events_reach_a_receiver_of_a_private_authority_that_asks_who_we_are() {
    let (world, config, _tasks) = secured().await;
    world.write("api-key", "t0ken");
    let without = format!("{config}ca_file = \"ca.pem\"\n");
    let with = format!("{without}{OURS}headers = {{ x-api-key = {{ file = \"api-key\" }} }}\n");

    world.write_config(&without);
    let (code, out, _) = world.command(&["check", "--endpoints"]).await;
    assert_eq!(code, 4);
    assert!(out.contains("deliver.tls"), "{out}");
    world.write_config(&with);
    let (code, out, err) = world.command(&["check", "--endpoints"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains("client certificate") && out.contains("valid until"),
        "{out}"
    );

    let running = world.start().await;
    let n = world.receiver.deliveries().len();
    let joined = NewUser::named("Nia Okafor");
    world.tenant.directory().create_user(joined).unwrap();
    running.sync().await;
    running.settled().await;
    running.stop().await;

    let told = &world.receiver.deliveries()[n..];
    assert_eq!(told.len(), 1);
    assert!(told[0].verified);
    assert_eq!(told[0].headers["x-api-key"], "t0ken");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_of_a_receiver_that_does_not_consent() {
    let world = World::new().await;
    let asking = "handshake = true\nhandshake_origin = \"roster.example.com\"\n";
    world.write_config(&format!("{}{asking}", world.standard_config()));

    let (code, out, _) = world.command(&["check", "--endpoints"]).await;

    assert_eq!(code, 4);
    assert!(out.contains("deliver.no-consent"), "{out}");
    // It was asked, and sent nothing.
    assert_eq!(world.receiver.count(), 1);
    assert_eq!(world.receiver.count_accepted(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoints_authorities_take_the_place_of_those_that_the_machine_trusts() {
    let (world, config, _tasks) = secured().await;
    let other = KeyPair::generate().unwrap();
    let other = CertificateParams::default().self_signed(&other).unwrap();
    world.write("other.pem", &other.pem());
    let machine = world.path("ca.pem").display().to_string();
    let trusting = [("SSL_CERT_FILE", machine.as_str())];

    for (keys, expected) in [("", 0), ("ca_file = \"other.pem\"\n", 4)] {
        world.write_config(&format!("{config}{OURS}{keys}"));

        let (code, out, err) = world
            .command_with(&trusting, &["check", "--endpoints"])
            .await;

        assert_eq!(code, expected, "{out}{err}");
        assert_eq!(out.contains("deliver.tls"), expected == 4, "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_has_no_say_in_which_proxy_is_used() {
    let (world, config, _tasks) = secured().await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let config = format!("{config}{OURS}ca_file = \"ca.pem\"\n");
    let named = format!("{config}proxy = {closed:?}\n");

    for (config, variable, value, expected) in [
        (&config, "HTTPS_PROXY", closed.as_str(), None),
        (&config, "ALL_PROXY", &closed, None),
        (&named, "NO_PROXY", "*", Some("deliver.proxy")),
    ] {
        world.write_config(config);

        let (code, out, err) = world
            .command_with(&[(variable, value)], &["check", "--endpoints"])
            .await;

        assert_eq!(code == 0, expected.is_none(), "{variable}: {out}{err}");
        assert!(expected.is_none_or(|it| out.contains(it)), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_which_file_of_authorities_is_partly_broken_and_what_was_taken() {
    let world = World::new().await;
    let _authority = Authority::new(&world);
    let whole = std::fs::read_to_string(world.path("ca.pem")).unwrap();
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    world.write("mixed.pem", &format!("{whole}{odd}"));
    for (file, is_told) in [("ca.pem", false), ("mixed.pem", true)] {
        let file = world.path(file).display().to_string();
        let trusting = [("SSL_CERT_FILE", file.as_str())];

        let (code, out, err) = world.command_with(&trusting, &["check"]).await;

        assert_eq!(code, 0, "{out}{err}");
        let expected = format!(
            "1 authority is trusted, from {file} (SSL_CERT_FILE); 1 could not be read: 1 is not an \
             authority's certificate [config.broken-authorities]; replace or remove what cannot be read; "
        );
        assert_eq!(out.contains(&expected), is_told, "{out}");
        let line = out.lines().find(|line| line.starts_with("this machine"));
        assert_eq!(
            line.is_some_and(|line| line.contains("warning")),
            is_told,
            "{out}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_certificate_that_is_refused_is_named_with_a_command_to_look() {
    let world = World::new().await;
    let authority = Authority::new(&world);
    let tenant = address_of(&world.tenant.url());
    let (address, _tasks) = before(tenant, authority.serving("localhost")).await;
    let host = format!("localhost:{}", address.port());
    let config = world.standard_config();
    world.write_config(&config.replace(&world.tenant.url(), &format!("https://{host}")));

    let (code, out, _) = world.command(&["check", "--output", "json"]).await;

    assert_eq!(code, 4, "{out}");
    let lines: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let told = lines.iter().map(|line| (&line["step"], &line["result"]));
    let told: Vec<_> = told
        .map(|(step, result)| format!("{} {}", step.as_str().unwrap(), result.as_str().unwrap()))
        .collect();
    assert_eq!(told, ["name ok", "connection ok", "TLS failed"]);
    let tls = &lines[2];
    assert_eq!(tls["error_code"], "qlik.tls");
    let detail = tls["detail"].as_str().unwrap();
    assert!(
        detail.contains(&format!(": {host} shows a certificate")),
        "{detail}"
    );
    let look = format!(
        "; `openssl s_client -connect {host} -servername localhost -showcerts </dev/null` shows \
         what it sends"
    );
    assert!(detail.ends_with(&look), "{detail}");
    // With the authority, the same tenant is read.
    let machine = world.path("ca.pem").display().to_string();
    let trusting = [("SSL_CERT_FILE", machine.as_str())];
    let (code, out, err) = world.command_with(&trusting, &["check"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let step = |name: &str| {
        out.lines()
            .find(|line| line.contains(name))
            .unwrap()
            .to_owned()
    };
    assert!(step(" name ").contains("has an address"), "{out}");
    assert!(
        step(" TLS ").contains("the certificate is trusted"),
        "{out}"
    );
}
