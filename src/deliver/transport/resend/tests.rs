//! Connections that end before an answer begins, by HTTP/1.1 and by HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::server::SendResponse;
use reqwest::Method;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::deliver::tests::{Authority, options};
use crate::deliver::transport::client::Client;
use crate::deliver::{Egress, Endpoint, Options};

const BODY: &str = "{\"n\":1}";

/// A receiver's end of each connection, and how many requests came.
struct Wire {
    options: Options,
    requests: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl Wire {
    /// Serves HTTP/1.1: `answers` says how many requests of the n-th connection are answered before
    /// the next one is read and the connection ends.
    async fn http1(answers: fn(usize) -> usize, end: fn(TcpStream)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = options(listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, mut server) = (Arc::clone(&requests), JoinSet::new());
        server.spawn(async move {
            for n in 0.. {
                let (mut stream, _peer) = listener.accept().await.unwrap();
                for _ in 0..answers(n) {
                    read_request(&mut stream).await;
                    counted.fetch_add(1, Ordering::SeqCst);
                    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                }
                read_request(&mut stream).await;
                counted.fetch_add(1, Ordering::SeqCst);
                end(stream);
            }
        });
        Self {
            options,
            requests,
            _server: server,
        }
    }

    /// Serves HTTP/2: `answer` deals with the n-th request of all. After `per_connection` of them
    /// the receiver says that it accepts no more over that connection.
    async fn http2(per_connection: usize, answer: fn(usize, SendResponse<Bytes>)) -> Self {
        let authority = Authority::new();
        let mut config: ServerConfig = authority.serving("localhost", None);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = options(([127, 0, 0, 1], port).into());
        let options = Options {
            url: format!("https://localhost:{port}/hook").parse().unwrap(),
            egress: Egress {
                authorities: Some(authority.authorities()),
                ..options.egress
            },
            ..options
        };
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, mut server) = (Arc::clone(&requests), JoinSet::new());
        server.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _peer) = listener.accept().await.unwrap();
                let (acceptor, counted) = (acceptor.clone(), Arc::clone(&counted));
                connections.spawn(async move {
                    let stream = acceptor.accept(stream).await.unwrap();
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    let mut n_here = 0;
                    while let Some(Ok((_request, reply))) = connection.accept().await {
                        answer(counted.fetch_add(1, Ordering::SeqCst), reply);
                        n_here += 1;
                        if n_here == per_connection {
                            connection.graceful_shutdown();
                        }
                    }
                });
            }
        });
        Self {
            options,
            requests,
            _server: server,
        }
    }

    fn client(&self) -> Client {
        Client::new(&Endpoint::new(self.options.clone()).unwrap()).unwrap()
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn read_request(stream: &mut TcpStream) {
    let mut read = Vec::new();
    while !read.ends_with(BODY.as_bytes()) {
        read.push(stream.read_u8().await.unwrap());
    }
}

/// Ends a connection in order.
fn close(stream: TcpStream) {
    drop(stream);
}

/// Resets a connection.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

fn accept(reply: &mut SendResponse<Bytes>, status: u16) {
    let response = axum::http::Response::builder().status(status).body(());
    reply.send_response(response.unwrap(), true).unwrap();
}

async fn post(client: &Client) -> Result<u16, &'static str> {
    let request = client
        .request(Method::POST)
        .body(Bytes::from_static(BODY.as_bytes()));
    match client.send(request).await {
        Ok(answer) => Ok(answer.status().as_u16()),
        Err(failure) => Err(failure.code()),
    }
}

#[tokio::test]
async fn a_connection_that_the_receiver_closed_costs_no_attempt() {
    for end in [close, reset] {
        let wire = Wire::http1(|_| 1, end).await;
        let client = wire.client();

        for _ in 0..5 {
            assert_eq!(post(&client).await, Ok(204));
        }

        // The first request of each connection is answered; the second is not, and comes again.
        assert_eq!(wire.requests(), 9);
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_asked_three_times_for_an_attempt() {
    let wire = Wire::http1(|_| 0, close).await;

    assert_eq!(post(&wire.client()).await, Err("deliver.broken"));

    assert_eq!(wire.requests(), 3);
}

#[tokio::test]
async fn a_stream_that_was_refused_is_opened_again() {
    let wire = Wire::http2(usize::MAX, |n, mut reply| match n % 3 {
        2 => accept(&mut reply, 204),
        _ => reply.send_reset(Reason::REFUSED_STREAM),
    })
    .await;
    let client = wire.client();

    for _ in 0..4 {
        assert_eq!(post(&client).await, Ok(204));
    }

    assert_eq!(wire.requests(), 12);
}

#[tokio::test]
async fn connections_that_take_so_many_requests_fail_none() {
    let wire = Wire::http2(10, |_, mut reply| accept(&mut reply, 204)).await;
    let client = Arc::new(wire.client());

    let mut posts = JoinSet::new();
    for _ in 0..8 {
        let client = Arc::clone(&client);
        posts.spawn(async move {
            for _ in 0..50 {
                assert_eq!(post(&client).await, Ok(204));
            }
        });
    }

    while let Some(done) = posts.join_next().await {
        done.unwrap();
    }
    assert!(wire.requests() >= 400);
}

#[tokio::test]
async fn a_receiver_that_wants_calm_has_throttled_us() {
    let wire = Wire::http2(usize::MAX, |_, mut reply| {
        reply.send_reset(Reason::ENHANCE_YOUR_CALM);
    })
    .await;

    assert_eq!(post(&wire.client()).await, Err("deliver.throttled"));

    assert_eq!(wire.requests(), 1);
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_tried_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (counted, mut server) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    let connections = Arc::clone(&counted);
    server.spawn(async move {
        loop {
            let (mut stream, _peer) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            // In the middle of the handshake.
            stream.read_u8().await.unwrap();
            reset(stream);
        }
    });
    let options = Options {
        url: format!("https://localhost:{port}/hook").parse().unwrap(),
        ..options(([127, 0, 0, 1], port).into())
    };
    let client = Client::new(&Endpoint::new(options).unwrap()).unwrap();

    assert!(post(&client).await.is_err());

    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
