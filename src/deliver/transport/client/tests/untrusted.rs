//! TLS handshakes that fail: each cause has a sentence and a remedy of its own.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::*;
use crate::telemetry::chain;

/// A certificate, and the issuer that can issue others with it.
struct Issued {
    der: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
    params: CertificateParams,
}

fn of_authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn of_server(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    // Not `name` itself: an authority of the machine may have the same name.
    let name = format!("server {:016x}", fastrand::u64(..));
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn by_itself(params: CertificateParams) -> Issued {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Issued {
        der: certificate.der().clone(),
        pem: certificate.pem(),
        key,
        params,
    }
}

impl Issued {
    fn issue(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Self {
            der: certificate.der().clone(),
            pem: certificate.pem(),
            key,
            params,
        }
    }

    /// Makes a server that shows this certificate, followed by these others.
    fn serving(&self, behind: &[&Self]) -> ServerConfig {
        let chain = std::iter::once(self).chain(behind.iter().copied());
        let chain = chain.map(|issued| issued.der.clone()).collect();
        let key = PrivateKeyDer::Pkcs8(self.key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap()
    }
}

/// Posts to a receiver at `localhost`, and returns why that failed: reason and remedy, with the
/// port and the present time left out. `None` if it did not fail.
async fn failure(address: SocketAddr, egress: Egress) -> Option<(String, &'static str)> {
    let url = format!("https://localhost:{}/hook?key=t0ken", address.port());
    let options = Options {
        egress: Egress {
            allow_private: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            ..egress
        },
        ..named(&url, &[])
    };
    let client = Client::new(&Endpoint::new(options).unwrap()).unwrap();
    let request = client.request(Method::POST).body("{}");
    let failure = client.send(request).await.err()?;
    assert_eq!(failure.code(), "deliver.tls");
    let text = chain(&failure).replace(&address.port().to_string(), "PORT");
    let look = "; `openssl s_client -connect localhost:PORT -servername localhost -showcerts \
                </dev/null` shows what it sends";
    let told = text
        .strip_prefix("reaching the receiver: localhost:PORT ")
        .and_then(|text| text.strip_suffix(look))
        .unwrap_or_else(|| panic!("{text}"));
    let told = match told.split_once("this machine's clock says ") {
        Some((before, after)) => {
            let (now, rest) = after.split_at_checked(24).unwrap();
            assert!(crate::model::Timestamp::parse(now).is_some(), "{now}");
            format!("{before}this machine's clock says NOW{rest}")
        }
        None => told.to_owned(),
    };
    Some((told, failure.remedy()))
}

async fn refused(server: ServerConfig, ca_file: Option<&Issued>) -> Option<(String, &'static str)> {
    let receiver = Receiver::by_tls(server).await;
    let egress = Egress {
        authorities: ca_file.map(|named| Authorities::parse(&named.pem).unwrap()),
        ..Egress::default()
    };
    failure(receiver.address, egress).await
}

#[tokio::test]
async fn who_vouches_for_a_receiver_and_is_not_trusted_is_named() {
    let root = by_itself(of_authority("Corp Root"));
    let strange = by_itself(of_authority("Strange\u{1b}[2J Root"));
    let renamed = by_itself(of_authority("Corp Root"));
    let middle = root.issue(of_authority("Corp Issuing CA"));
    let server = middle.issue(of_server("localhost"));
    for (server, ca_file, told, way_out) in [
        (
            server.serving(&[&middle]),
            Some(&strange),
            "shows a certificate of the authority `Corp Root`, which `ca_file` does not name",
            "put this authority's certificate into the file that `ca_file` names",
        ),
        (
            server.serving(&[&middle, &root]),
            None,
            "shows a certificate of the authority `Corp Root`, which is not trusted here",
            "name its certificate in `ca_file`",
        ),
        (
            strange.issue(of_server("localhost")).serving(&[&strange]),
            None,
            "shows a certificate of the authority `Strange?[2J Root`, which is not trusted here",
            "name its certificate in `ca_file`",
        ),
        (
            server.serving(&[]),
            Some(&root),
            "shows a certificate that `Corp Issuing CA` issued, but not the certificate of \
             `Corp Issuing CA` itself, which `ca_file` does not name: most likely an intermediate \
             certificate is missing",
            "let the receiver send its whole chain",
        ),
        (
            // The chain is not the server's own.
            server.serving(&[&strange]),
            Some(&root),
            "shows a certificate that `Corp Issuing CA` issued, but not the certificate of \
             `Corp Issuing CA` itself, which `ca_file` does not name: most likely an intermediate \
             certificate is missing",
            "let the receiver send its whole chain",
        ),
        (
            server.serving(&[&middle]),
            Some(&renamed),
            "shows a certificate that names `Corp Root` as its issuer, but is not signed \
             with the key of the `Corp Root` that is trusted",
            "put this authority's certificate into the file that `ca_file` names",
        ),
    ] {
        let (found, remedy) = refused(server, ca_file).await.unwrap();

        assert_eq!(found, told);
        assert!(remedy.contains(way_out), "{told}: {remedy}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_itself_is_told() {
    let root = by_itself(of_authority("Corp Root"));
    let own = by_itself(of_server("localhost"));
    let (mut early, mut late, mut of_itself) = (
        of_server("localhost"),
        of_server("localhost"),
        of_server("localhost"),
    );
    early.not_before = date_time_ymd(2077, 3, 1);
    early.not_after = date_time_ymd(2078, 3, 1);
    late.not_after = date_time_ymd(2020, 3, 1);
    of_itself.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (early, late) = (root.issue(early), root.issue(late));
    let of_itself = by_itself(of_itself);
    let other = root.issue(of_server("hr.example.com"));
    for (server, ca_file, told, way_out) in [
        (
            own.serving(&[]),
            None,
            "shows a certificate that is self-signed, which is not trusted here",
            "name this certificate in `ca_file`",
        ),
        (
            own.serving(&[]),
            Some(&root),
            "shows a certificate that is self-signed, which `ca_file` does not name",
            "put this certificate into the file that `ca_file` names",
        ),
        (
            of_itself.serving(&[]),
            Some(&of_itself),
            "shows a certificate that is marked as an authority's own (CA:TRUE); a server's own \
             must not be",
            "`-addext basicConstraints=critical,CA:FALSE`",
        ),
        (
            of_itself.serving(&[]),
            None,
            "shows a certificate that is marked as an authority's own (CA:TRUE); a server's own \
             must not be",
            "naming it in `ca_file` does not help",
        ),
        (
            early.serving(&[]),
            Some(&root),
            "shows a certificate that is valid from 2077-03-01T00:00:00.000Z on, but this machine's \
             clock says NOW: is the clock right?",
            "set this machine's clock",
        ),
        (
            late.serving(&[]),
            Some(&root),
            "shows a certificate that was valid until 2020-03-01T00:00:00.000Z, and this machine's \
             clock says NOW",
            "have the server's certificate renewed",
        ),
        (
            other.serving(&[]),
            Some(&root),
            "shows a certificate for hr.example.com, not for localhost",
            "write a name into `url` that the certificate is for",
        ),
    ] {
        let (found, remedy) = refused(server, ca_file).await.unwrap();

        assert_eq!(found, told);
        assert!(remedy.contains(way_out), "{told}: {remedy}");
    }
}

#[tokio::test]
async fn the_ways_out_lead_out() {
    let root = by_itself(of_authority("Corp Root"));
    let middle = root.issue(of_authority("Corp Issuing CA"));
    let server = middle.issue(of_server("localhost"));
    let mut not_an_authority = of_server("localhost");
    not_an_authority.is_ca = IsCa::ExplicitNoCa;
    let remade = by_itself(not_an_authority);
    for (server, ca_file) in [
        (server.serving(&[&middle]), &root),
        (server.serving(&[]), &middle),
        (remade.serving(&[]), &remade),
    ] {
        assert_eq!(refused(server, Some(ca_file)).await, None);
    }
}

#[tokio::test]
async fn a_port_that_speaks_no_tls_is_told_from_one_that_hangs_up() {
    for (greeting, told) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"[..],
            "answers, but does not speak TLS",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "answers, but does not speak TLS",
        ),
        (b"", "ended the connection before TLS was agreed on"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((mut stream, _peer)) = listener.accept().await {
                drop(stream.write_all(greeting).await);
                drop(stream.shutdown().await);
                // Read to its end, or the system resets the connection and what was sent is lost.
                drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
            }
        });

        let (found, remedy) = failure(address, Egress::default()).await.unwrap();

        assert_eq!(found, told);
        assert!(remedy.starts_with("check "), "{remedy}");
    }
}

#[tokio::test]
async fn a_receiver_that_wants_another_client_certificate_says_so() {
    let (authority, others) = (Authority::new(), Authority::new());
    let receiver = Receiver::by_tls(authority.serving("localhost", Some(&authority))).await;
    for (client_certificate, told) in [
        (None, "asks for a client certificate"),
        (
            Some(others.client()),
            "does not accept the client certificate",
        ),
    ] {
        let egress = Egress {
            authorities: Some(authority.authorities()),
            client_certificate,
            ..Egress::default()
        };

        let (found, remedy) = failure(receiver.address, egress).await.unwrap();

        assert_eq!(found, told);
        assert!(remedy.contains("`client_cert_file`"), "{remedy}");
    }
}

#[tokio::test]
async fn a_proxys_certificate_is_told_from_the_receivers() {
    let root = by_itself(of_authority("Proxy Root"));
    let server = root.issue(of_server("localhost")).serving(&[&root]);
    let proxy = Receiver::by_tls(server).await;
    let port = proxy.address.port();
    let egress = Egress {
        proxy: Some(ForwardProxy::parse(&format!("https://localhost:{port}"), None).unwrap()),
        ..Egress::default()
    };
    let options = Options {
        egress,
        ..named("https://hr.invalid/hook?key=t0ken", &[])
    };
    let client = Client::new(&Endpoint::new(options).unwrap()).unwrap();

    let failure = client.send(client.request(Method::POST)).await.unwrap_err();

    let expected = format!(
        "reaching the receiver: the proxy localhost:{port} shows a certificate of the authority \
         `Proxy Root`, which is not trusted here; `openssl s_client -connect localhost:{port} \
         -servername localhost -showcerts </dev/null` shows what it sends"
    );
    assert_eq!(chain(&failure), expected);
}
