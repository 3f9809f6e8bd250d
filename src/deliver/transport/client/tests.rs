//! The client of an endpoint, with real sockets. Here: where names and redirects lead.

use std::io;
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

mod headers;
mod ipv6;
mod proxy;
mod secured;
mod untrusted;

/// Posts to an endpoint, and returns the status, or the code of the failure.
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

/// A look-up that answers differently each time; the last answer repeats.
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

/// Starts two receivers on one port: one at an address that the rule allows, one at an address that
/// it refuses.
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

    // One connection takes one look-up: we connect to the address that was checked.
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
    // No other address is tried if the allowed one does not answer.
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
    // The connection is still open: the second request needed no look-up.
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

/// A look-up for which there is no descriptor.
struct NoDescriptor;

impl Resolve for NoDescriptor {
    fn resolve(&self, _name: Name) -> Resolving {
        let refused = io::Error::from(Errno::MFILE);
        Box::pin(async { Err(refused.into()) })
    }
}

#[tokio::test]
async fn a_machine_without_descriptors_is_not_the_receivers_fault() {
    let endpoint = Endpoint::new(named("https://hr.example.com/t0ken", &[])).unwrap();
    let client = Client::over(&endpoint, Arc::new(NoDescriptor)).unwrap();

    assert_eq!(post(&client).await, Err("deliver.no-descriptor".into()));
}
