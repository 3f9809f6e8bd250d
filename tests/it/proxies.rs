//! Tenants and endpoints behind a forward proxy that the environment of the command names.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::egress::before;
use crate::support::World;

/// Nobody can look these names up: whoever reaches them went through the proxy.
const TENANT: &str = "acme.eu.invalid";
const RECEIVER: &str = "hr.invalid";

/// A proxy that opens tunnels to the tenant and to the receiver, by TLS.
struct Site {
    world: World,
    proxy: SocketAddr,
    /// The heads of the requests that came.
    heads: Arc<Mutex<Vec<Vec<String>>>>,
    _tasks: Vec<JoinSet<()>>,
}

impl Site {
    async fn new() -> Self {
        let world = World::new().await;
        let authority = Authority::new(&world);
        let (tenant, receiver) = (world.tenant.url(), world.receiver.url());
        let (tenant, first) = before(address_of(&tenant), authority.serving(TENANT)).await;
        let (receiver, second) = before(address_of(&receiver), authority.serving(RECEIVER)).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let mut third = JoinSet::new();
        let seen = Arc::clone(&heads);
        third.spawn(async move {
            let mut tunnels = JoinSet::new();
            while let Ok((stream, _peer)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                tunnels.spawn(tunnel(stream, tenant, receiver, seen));
            }
        });
        Self {
            world,
            proxy,
            heads,
            _tasks: vec![first, second, third],
        }
    }

    /// Writes a configuration whose tenant and endpoint are behind the proxy.
    fn write_config(&self, endpoint: &str) {
        let config = self.world.standard_config();
        let config = config
            .replace(&self.world.tenant.url(), &format!("https://{TENANT}"))
            .replace(
                &self.world.receiver.url(),
                &format!("https://{RECEIVER}/hooks"),
            )
            .replace("allow_http = true\n", endpoint);
        self.world.write_config(&config);
    }

    async fn check(&self, variables: &[(&str, &str)]) -> (i32, String) {
        let ca = self.world.path("ca.pem").display().to_string();
        let all = [&[("SSL_CERT_FILE", ca.as_str())], variables].concat();
        let args = ["check", "--endpoints", "--wide"];
        let (code, out, err) = self.world.command_with(&all, &args).await;
        (code, out + &err)
    }

    /// Returns to which hosts tunnels were asked for, and by whom.
    fn asked(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        let lines = heads.iter().map(|head| {
            let whom = head[0].trim_end_matches(" HTTP/1.1");
            let who = head.iter().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                (name.eq_ignore_ascii_case("proxy-authorization")).then_some(value)
            });
            format!("{whom} by {}", who.unwrap_or("nobody"))
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        lines.dedup();
        lines
    }
}

/// An authority whose certificate is `ca.pem` of a world.
pub struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    pub fn new(world: &World) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        world.write("ca.pem", &params.self_signed(&key).unwrap().pem());
        Self(Issuer::new(params, key))
    }

    /// Returns the configuration of a server of that name or address.
    pub fn serving(&self, name: &str) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap()
    }
}

/// Returns where a server of this machine listens.
pub fn address_of(url: &str) -> SocketAddr {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

async fn tunnel(
    stream: TcpStream,
    tenant: SocketAddr,
    receiver: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<String>>>>,
) {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let far = match head.first() {
        Some(first) if first.contains(TENANT) => tenant,
        Some(_) | None => receiver,
    };
    seen.lock().unwrap().push(head);
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let mut far = TcpStream::connect(far).await.unwrap();
    drop(copy_bidirectional(&mut stream, &mut far).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_and_its_tokens_are_reached_through_the_environments_proxy() {
    let site = Site::new().await;
    site.write_config("proxy = \"environment\"\n");
    let proxy = format!("http://roster:p%23s%2Fw%2541@{}", site.proxy);

    // Lower case wins, as in curl.
    let (code, out) = site
        .check(&[("https_proxy", &proxy), ("HTTPS_PROXY", "http://gone")])
        .await;

    assert_eq!(code, 0, "{out}");
    let told = format!("http://{}, by https_proxy", site.proxy);
    assert_eq!(out.matches(&told).count(), 2, "{out}");
    assert!(!out.contains("p%23s") && !out.contains("p#s"), "{out}");
    // It is the proxy that looks up the name.
    let steps = ["proxy ok", "connection ok", "TLS ok", "token ok"];
    assert_eq!(first_steps(&out, 4), steps, "{out}");
    // The base64 form of `roster:p#s/w%41`.
    let who = "Basic cm9zdGVyOnAjcy93JTQx";
    assert_eq!(
        site.asked(),
        [
            format!("CONNECT {TENANT}:443 by {who}"),
            format!("CONNECT {RECEIVER}:443 by {who}"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_environment_lists_and_an_endpoint_that_does_not_ask_go_straight() {
    let site = Site::new().await;
    let proxy = format!("http://{}", site.proxy);
    for (endpoint, exempt, tenants, endpoints) in [
        (
            "proxy = \"environment\"\n",
            "*.invalid",
            "none: NO_PROXY has `*.invalid`",
            "none: NO_PROXY has `*.invalid`",
        ),
        (
            "",
            "eu.invalid:443",
            "none: NO_PROXY has `eu.invalid:443`",
            "none: ALL_PROXY is for endpoints with `proxy = \"environment\"`",
        ),
    ] {
        site.write_config(endpoint);

        let (code, out) = site
            .check(&[("ALL_PROXY", &proxy), ("NO_PROXY", exempt)])
            .await;

        assert_eq!(code, 4, "{out}");
        assert!(out.contains(tenants) && out.contains(endpoints), "{out}");
        let lost = ["qlik.host-not-found", "deliver.lookup"];
        assert!(lost.iter().all(|code| out.contains(code)), "{out}");
        assert_eq!(
            first_steps(&out, 9)[..2],
            ["proxy ok", "name failed"],
            "{out}"
        );
        assert_eq!(site.asked(), Vec::<String>::new(), "{exempt}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_does_not_answer_is_what_the_connection_fails_at() {
    let site = Site::new().await;
    site.write_config("");
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxy = format!("http://{}", silent.local_addr().unwrap());
    drop(silent);

    let (code, out) = site.check(&[("HTTPS_PROXY", &proxy)]).await;

    assert_eq!(code, 4, "{out}");
    assert_eq!(
        first_steps(&out, 9),
        ["proxy ok", "connection failed"],
        "{out}"
    );
    assert!(out.contains("qlik.proxy"), "{out}");
}

/// Returns the first steps at the tenant, with the outcome of each.
fn first_steps(out: &str, n: usize) -> Vec<String> {
    let rows = out.lines().filter(|line| line.starts_with("tenant "));
    let steps = rows.filter_map(|row| {
        let mut words = row.split_whitespace().skip(2);
        Some(format!("{} {}", words.next()?, words.next()?))
    });
    let table = steps.filter(|step| step.ends_with(" ok") || step.ends_with(" failed"));
    table.take(n).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_cannot_be_used_is_an_error_at_start_that_names_the_variable() {
    let site = Site::new().await;
    site.write_config("");
    for (variable, value) in [
        ("HTTPS_PROXY", &b"http://roster:hunter2@proxy:port"[..]),
        ("https_proxy", b"http://roster:hunter2@"),
        ("ALL_PROXY", b"socks5://roster:hunter2@proxy:1080"),
        ("HTTPS_PROXY", b"http://roster:hunter2\xff@proxy"),
    ] {
        for command in ["serve", "check"] {
            let mut process = Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
            process
                .arg("--config")
                .arg(site.world.config_path())
                .arg(command)
                .env_clear()
                .env(variable, OsStr::from_bytes(value));
            let ended = tokio::task::spawn_blocking(move || process.output().unwrap());
            let ended = ended.await.unwrap();
            let err = String::from_utf8(ended.stderr).unwrap();

            assert_eq!(ended.status.code(), Some(2), "{variable} {command}: {err}");
            let told = format!("environment variable {variable}: ");
            assert!(err.contains(&told), "{err}");
            assert!(err.contains("[config.bad-proxy]"), "{err}");
            assert!(!err.contains("hunter2"), "{err}");
        }
    }
    assert_eq!(site.world.tenant.requests().total(), 0);
}
