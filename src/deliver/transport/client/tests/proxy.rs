//! Forward proxies: what goes through them, and that nothing bypasses them.

use super::*;
use crate::lock::lock;

/// A forward proxy on this machine that opens or refuses tunnels.
pub(super) struct Tunnels {
    address: SocketAddr,
    /// The head of each request that came.
    heads: Arc<Mutex<Vec<Vec<String>>>>,
    _server: JoinSet<()>,
}

impl Tunnels {
    /// Starts a proxy that answers CONNECT with a status, and leads every tunnel to one address.
    pub(super) async fn start(status: u16, target: SocketAddr) -> Self {
        Self::start_at("127.0.0.1:0", status, target).await
    }

    pub(super) async fn start_at(at: &str, status: u16, target: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
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

    pub(super) fn egress(
        &self,
        user: &str,
        password: Option<&str>,
        authority: &Authority,
    ) -> Egress {
        let url = format!("http://{user}{}", self.address);
        Egress {
            proxy: Some(ForwardProxy::parse(&url, password.map(Secret::new)).unwrap()),
            authorities: Some(authority.authorities()),
            ..Egress::default()
        }
    }

    fn heads(&self) -> Vec<Vec<String>> {
        lock(&self.heads).clone()
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
    lock(&seen).push(head);
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
            ..proxy.egress("roster@", Some("p#s/w%41"), &authority)
        },
        ..named("https://hr.invalid/hook?key=t0ken", &[])
    };

    assert_eq!(post_once(options).await, Ok(204));

    let [request] = receiver.received().try_into().unwrap();
    assert_eq!(request.header("x-api-key"), "t0ken");
    let [head] = proxy.heads().try_into().unwrap();
    assert_eq!(head[0], "connect hr.invalid:443 http/1.1");
    // roster:p#s/w%41
    let credentials = "proxy-authorization: basic cm9zdgvyonajcy93jtqx";
    assert!(head.iter().any(|line| line == credentials), "{head:?}");
    // The proxy does not see the headers that are meant for the receiver.
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
