//! The client of an endpoint, with real sockets: names, TLS, proxies, headers.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolving};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::deliver::tests::{Authority, Receiver, Reply, options};
use crate::deliver::{Egress, ExtraHeaders, Options, Origin};
use crate::forward_proxy::ForwardProxy;
use crate::secret::Secret;
use crate::telemetry::chain;
use crate::tls::Authorities;

/// Posts to an endpoint and tells how that went: the status, or the code of the failure.
async fn post(client: &Client) -> Result<u16, String> {
    let request = client.request(Method::POST).body(Bytes::from_static(b"{}"));
    match client.send(request).await {
        Ok(answer) => {
            let status = answer.status().as_u16();
            // Read to its end, so that the connection is kept.
            answer.bytes().await.unwrap();
            Ok(status)
        }
        Err(failure) => {
            assert!(!chain(&failure).contains("t0ken"), "{}", chain(&failure));
            Err(failure.code().to_owned())
        }
    }
}

async fn post_once(options: Options) -> Result<u16, String> {
    post(&Client::new(&Endpoint::new(options).unwrap()).unwrap()).await
}

/// Options for a receiver by name, within networks of this machine.
fn named(url: &str, networks: &[&str]) -> Options {
    let options = options(([127, 0, 0, 1], 9).into());
    Options {
        url: url.parse().unwrap(),
        egress: Egress {
            allow_private: networks.iter().map(|it| it.parse().unwrap()).collect(),
            ..options.egress
        },
        ..options
    }
}

/// A name that answers otherwise each time; the last answer stays.
struct Fickle {
    answers: Vec<Vec<[u8; 4]>>,
    asked: AtomicUsize,
}

impl Fickle {
    fn new(answers: &[&[[u8; 4]]]) -> Arc<Self> {
        Arc::new(Self {
            answers: answers.iter().map(|it| it.to_vec()).collect(),
            asked: AtomicUsize::new(0),
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Fickle {
    fn resolve(&self, _name: Name) -> Resolving {
        let n = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers[n.min(self.answers.len() - 1)].clone();
        let found = answer.into_iter().map(|ip| SocketAddr::from((ip, 0)));
        Box::pin(async { Ok(Box::new(found) as Addrs) })
    }
}

const HERE: [u8; 4] = [127, 0, 0, 1];
const INSIDE: [u8; 4] = [127, 0, 0, 2];

/// A receiver that the rule allows, and at the same port of another address one that it does
/// not, as the inside of a network is beside the internet.
async fn allowed_and_inside() -> (Receiver, Receiver) {
    let close = |_, _: &_| Reply::With(204, "connection", "close".into());
    loop {
        let allowed = Receiver::start(close).await;
        let beside = SocketAddr::from((INSIDE, allowed.address.port()));
        // The port may be taken there.
        if let Ok(inside) = TcpListener::bind(beside).await {
            return (allowed, Receiver::on(inside, close));
        }
    }
}

#[tokio::test]
async fn a_name_that_answers_differently_the_second_time_leads_nowhere() {
    let (allowed, inside) = allowed_and_inside().await;
    let url = format!("http://rebound.example.com:{}/hook", allowed.address.port());
    let endpoint = Endpoint::new(named(&url, &["127.0.0.1/32"])).unwrap();
    let name = Fickle::new(&[&[HERE], &[INSIDE]]);
    let client = Client::over(&endpoint, name.clone()).unwrap();

    let first = post(&client).await;
    let asked_first = name.asked();
    let second = post(&client).await;

    // One look-up for one connection: what was checked is what was connected to.
    assert_eq!((first, asked_first), (Ok(204), 1));
    assert_eq!(second, Err("deliver.refused-address".into()));
    assert_eq!((allowed.received().len(), inside.received()), (1, vec![]));
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_ones_are_tried() {
    let (allowed, inside) = allowed_and_inside().await;
    let url = format!("http://both.example.com:{}/hook", allowed.address.port());
    let endpoint = Endpoint::new(named(&url, &["127.0.0.1/32"])).unwrap();

    for answer in [&[INSIDE, HERE], &[HERE, INSIDE]] {
        let client = Client::over(&endpoint, Fickle::new(&[answer])).unwrap();

        assert_eq!(post(&client).await, Ok(204));
    }
    assert_eq!((allowed.received().len(), inside.received()), (2, vec![]));
    // Nor is another one tried when the allowed one does not answer.
    drop(allowed);
    let client = Client::over(&endpoint, Fickle::new(&[&[HERE, INSIDE]])).unwrap();
    assert_eq!(post(&client).await, Err("deliver.connect".into()));
    assert_eq!(inside.received(), []);
}

#[tokio::test]
async fn names_of_every_sort_are_judged_by_where_they_lead() {
    let receiver = Receiver::accepting().await;
    let port = receiver.address.port();
    for (host, networks, expected) in [
        ("localhost", &["127.0.0.0/8", "::1/128"][..], Ok(204)),
        ("localhost", &["10.0.0.0/8"], Err("deliver.refused-address")),
        ("LOCALHOST", &["10.0.0.0/8"], Err("deliver.refused-address")),
    ] {
        let url = format!("http://{host}:{port}/hook");

        let found = post_once(named(&url, networks)).await;

        assert_eq!(found, expected.map_err(str::to_owned), "{host}");
    }
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_open_connection_does_not_outlive_the_rule_that_let_it_come_about() {
    let receiver = Receiver::accepting().await;
    let url = format!("http://here.example.com:{}/hook", receiver.address.port());
    let name = Fickle::new(&[&[HERE]]);
    let before = Endpoint::new(named(&url, &["127.0.0.0/8"])).unwrap();
    let before = Client::over(&before, name.clone()).unwrap();
    assert_eq!(post(&before).await, Ok(204));
    assert_eq!(post(&before).await, Ok(204));
    // It is open: the second request needed no look-up.
    assert_eq!(name.asked(), 1);

    let after = Endpoint::new(named(&url, &["10.0.0.0/8"])).unwrap();
    let after = Client::over(&after, name).unwrap();

    assert_eq!(post(&after).await, Err("deliver.refused-address".into()));
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_redirect_inside_is_an_answer_and_not_followed() {
    let (_allowed, inside) = allowed_and_inside().await;
    let target = format!("http://{}/hook", inside.address);
    let receiver = Receiver::start(move |_, _| Reply::With(307, "location", target.clone())).await;

    let found = post_once(options(receiver.address)).await;

    assert_eq!(found, Ok(307));
    assert_eq!(inside.received(), []);
}

/// Options for a receiver at `localhost` with TLS.
fn by_tls(receiver: &Receiver, egress: Egress) -> Options {
    let url = format!(
        "https://localhost:{}/hook?key=t0ken",
        receiver.address.port()
    );
    let options = named(&url, &[]);
    Options {
        egress: Egress {
            allow_private: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            ..egress
        },
        ..options
    }
}

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

/// A forward proxy on this machine that opens tunnels, or does not.
struct Tunnels {
    address: SocketAddr,
    /// The head of each request that came.
    heads: Arc<Mutex<Vec<Vec<String>>>>,
    _server: JoinSet<()>,
}

impl Tunnels {
    /// Starts a proxy that answers CONNECT by a status, and leads every tunnel to one address.
    async fn start(status: u16, target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut tunnels = JoinSet::new();
            while let Ok((stream, _peer)) = listener.accept().await {
                tunnels.spawn(tunnel(stream, status, target, Arc::clone(&seen)));
            }
        });
        Self {
            address,
            heads,
            _server: server,
        }
    }

    fn egress(&self, user: &str, password: Option<&str>, authority: &Authority) -> Egress {
        let url = format!("http://{user}{}", self.address);
        Egress {
            proxy: Some(ForwardProxy::parse(&url, password.map(Secret::new)).unwrap()),
            authorities: Some(authority.authorities()),
            ..Egress::default()
        }
    }

    fn heads(&self) -> Vec<Vec<String>> {
        self.heads.lock().unwrap().clone()
    }
}

async fn tunnel(
    stream: TcpStream,
    status: u16,
    target: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<String>>>>,
) {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_ascii_lowercase()),
        }
    }
    seen.lock().unwrap().push(head);
    let answer = format!("HTTP/1.1 {status} Answer\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
    if status == 200 {
        let mut far = TcpStream::connect(target).await.unwrap();
        drop(copy_bidirectional(&mut stream, &mut far).await);
    }
}

#[tokio::test]
async fn everything_goes_through_the_proxy_and_the_proxy_looks_the_name_up() {
    let authority = Authority::new();
    let receiver = Receiver::by_tls(authority.serving("hr.invalid", None)).await;
    let proxy = Tunnels::start(200, receiver.address).await;
    let mut headers = ExtraHeaders::default();
    headers.add("x-api-key", &Secret::new("t0ken")).unwrap();
    let options = Options {
        // Nobody can look this name up, and the proxy's own address is loopback.
        egress: Egress {
            headers,
            ..proxy.egress("roster@", Some("open sesame"), &authority)
        },
        ..named("https://hr.invalid/hook?key=t0ken", &[])
    };

    assert_eq!(post_once(options).await, Ok(204));

    let [request] = receiver.received().try_into().unwrap();
    assert_eq!(request.header("x-api-key"), "t0ken");
    let [head] = proxy.heads().try_into().unwrap();
    assert_eq!(head[0], "connect hr.invalid:443 http/1.1");
    // roster:open sesame
    let credentials = "proxy-authorization: basic cm9zdgvyom9wzw4gc2vzyw1l";
    assert!(head.iter().any(|line| line == credentials), "{head:?}");
    // What is the receiver's is none of the proxy's business.
    assert!(!head.iter().any(|line| line.contains("t0ken")), "{head:?}");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_does_not_open_the_way_is_told_apart() {
    let authority = Authority::new();
    let receiver = Receiver::by_tls(authority.serving("hr.invalid", None)).await;
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let mut all: Vec<Egress> = vec![];
    let mut proxies = vec![];
    for status in [403, 407, 502] {
        let proxy = Tunnels::start(status, receiver.address).await;
        all.push(proxy.egress("", None, &authority));
        proxies.push(proxy);
    }
    for url in [gone.as_str(), "http://proxy.invalid:3128"] {
        all.push(Egress {
            proxy: Some(ForwardProxy::parse(url, None).unwrap()),
            ..Egress::default()
        });
    }
    for egress in all {
        let shown = format!("{:?}", egress.proxy);
        let options = Options {
            egress,
            ..named("https://hr.invalid/hook?key=t0ken", &[])
        };

        assert_eq!(
            post_once(options).await,
            Err("deliver.proxy".into()),
            "{shown}"
        );
    }
    assert_eq!(receiver.received(), []);
    assert!(proxies.iter().all(|proxy| proxy.heads().len() == 1));
}

#[tokio::test]
async fn a_proxy_does_not_make_a_refused_address_an_allowed_one() {
    let authority = Authority::new();
    let receiver = Receiver::accepting().await;
    let proxy = Tunnels::start(200, receiver.address).await;
    for (url, allow_http, expected) in [
        ("https://169.254.169.254/", false, "deliver.refused-address"),
        (
            "https://[::ffff:10.0.0.1]/",
            false,
            "deliver.refused-address",
        ),
        // Only the proxy would know whether the name leads into 10.0.0.0/8.
        ("http://hr.example.com/", true, "deliver.plain-http"),
    ] {
        let options = Options {
            egress: Egress {
                allow_http,
                allow_private: vec!["10.0.0.0/32".parse().unwrap()],
                ..proxy.egress("", None, &authority)
            },
            ..named(url, &[])
        };

        let code = Endpoint::new(options).map_err(|error| error.code()).err();

        assert_eq!(code, Some(expected), "{url}");
    }
    assert_eq!(proxy.heads(), Vec::<Vec<String>>::new());
}

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
