//! One attempt against receivers of every kind.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use reqwest::header::{HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::deliver::tests::{Receiver, Reply, SECRET, endpoint, options, start};
use crate::deliver::{Egress, Options};
use crate::telemetry::chain;

fn message() -> Message {
    Message {
        id: "evt_1".into(),
        content_type: "application/json",
        headers: vec![(
            HeaderName::from_static("ce-id"),
            HeaderValue::from_static("evt_1"),
        )],
        body: Bytes::from_static(b"{\"n\":1}"),
    }
}

async fn attempt(options: Options) -> Result<HttpReply, Failure> {
    let endpoint = Endpoint::new(options).unwrap();
    let sender = Sender::new(&endpoint).unwrap();
    sender.attempt(message(), start()).await
}

#[tokio::test]
async fn a_receiver_finds_what_the_standard_says() {
    let receiver = Receiver::accepting().await;
    let mut options = options(receiver.address);
    options.secrets.push(options.secrets[0].clone());

    attempt(options).await.unwrap();

    let [request] = receiver.received().try_into().unwrap();
    assert_eq!(&request.body[..], b"{\"n\":1}");
    let signature = standardwebhooks::Webhook::new(SECRET)
        .unwrap()
        .sign("evt_1", start().seconds(), &request.body)
        .unwrap();
    for (header, expected) in [
        ("content-type", "application/json".to_owned()),
        ("ce-id", "evt_1".to_owned()),
        ("webhook-id", "evt_1".to_owned()),
        ("webhook-timestamp", start().seconds().to_string()),
        ("webhook-signature", format!("{signature} {signature}")),
    ] {
        assert_eq!(request.header(header), expected, "{header}");
    }
}

#[tokio::test]
async fn a_trial_event_is_signed_and_judged() {
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 0 { 200 } else { 401 })).await;
    let (endpoint, clock) = (endpoint(receiver.address), Clock::system());

    let first = test(&endpoint, &clock).await.unwrap();
    let second = test(&endpoint, &clock).await.unwrap();

    assert!(matches!(first, Verdict::Delivered { status: 200 }));
    let code = second.failure().map(Failure::code);
    assert_eq!(code, Some("deliver.rejected"));
    let webhook = standardwebhooks::Webhook::new(SECRET).unwrap();
    for request in receiver.received() {
        webhook.verify(&request.body, &request.headers).unwrap();
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::accepting().await;
    let target = format!("http://{}/hook", elsewhere.address);
    for status in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let receiver = Receiver::start(move |_, _| Reply::With(status, "location", target.clone()));

        let answer = attempt(options(receiver.await.address)).await.unwrap();

        assert_eq!(answer.status, status);
    }
    assert_eq!(elsewhere.received(), []);
}

#[tokio::test]
async fn silence_ends_with_the_time_out() {
    let receiver = Receiver::start(|_, _| Reply::Silence).await;
    let mut options = options(receiver.address);
    options.timeout = Duration::from_millis(50);

    let failure = attempt(options).await.unwrap_err();

    assert_eq!(failure.code(), "deliver.timeout");
    assert_eq!(failure.to_string(), "no answer came within 50ms");
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let (address, _server) = raw_server(b"HTTP/1.1 200 OK\r\n\r\n", Rest::Endless).await;

    let answer = attempt(options(address)).await.unwrap();

    assert_eq!(answer.status, 200);
    assert_eq!(answer.start, "x".repeat(KEPT_ANSWER));
}

/// A body without end, of chunks of one size, which counts those that are taken.
struct Endless {
    chunk: Bytes,
    taken: Arc<AtomicUsize>,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.taken.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(self.chunk.clone()))))
    }
}

#[tokio::test]
async fn no_more_of_an_answer_is_read_and_kept_than_its_bounds() {
    const CHUNK: usize = 4096;
    for (byte, kept) in [
        (b'x', "x".repeat(KEPT_ANSWER)),
        // No UTF-8: each byte is shown by one character of three.
        (0xff, "\u{fffd}".repeat(KEPT_ANSWER / 3)),
    ] {
        let taken = Arc::<AtomicUsize>::default();
        let body = reqwest::Body::wrap(Endless {
            chunk: vec![byte; CHUNK].into(),
            taken: Arc::clone(&taken),
        });

        let start = read_out(axum::http::Response::new(body).into()).await;

        assert_eq!(start, kept);
        assert_eq!(taken.load(Ordering::SeqCst), MAX_ANSWER / CHUNK + 1);
    }
}

#[tokio::test]
async fn a_status_counts_also_when_the_answer_breaks_off() {
    let head = b"HTTP/1.1 503 Busy\r\nretry-after: 9\r\ncontent-length: 100\r\n\r\nshort";
    let (address, _server) = raw_server(head, Rest::Nothing).await;

    let answer = attempt(options(address)).await.unwrap();

    assert!(answer.sent > 0);
    assert_eq!(
        answer,
        HttpReply {
            status: 503,
            start: "short".to_owned(),
            retry_after: Some("9".into()),
            sent: answer.sent,
        }
    );
}

#[tokio::test]
async fn what_goes_wrong_below_http_is_told_apart() {
    let (garbage, _server) = raw_server(b"220 mail.example.com\r\n", Rest::Nothing).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let home = |url: String| Options {
        url: url.parse().unwrap(),
        ..options(closed)
    };
    let named = |url| Options {
        egress: Egress::default(),
        ..home(url)
    };
    for (options, expected) in [
        (options(garbage), "deliver.broken"),
        (options(closed), "deliver.connect"),
        (home(format!("https://{garbage}/t0ken")), "deliver.tls"),
        (
            named(format!("https://localhost:{}/t0ken", closed.port())),
            "deliver.refused-address",
        ),
        (named("https://hr.invalid/t0ken".into()), "deliver.lookup"),
    ] {
        let failure = attempt(options).await.unwrap_err();

        assert_eq!(failure.code(), expected, "{}", chain(&failure));
        assert!(!chain(&failure).contains("t0ken"), "{}", chain(&failure));
    }
}

/// What a server sends after its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Endless,
}

/// Starts a server that answers every request with the given bytes.
async fn raw_server(head: &'static [u8], rest: Rest) -> (std::net::SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((mut stream, _peer)) = listener.accept().await {
            let mut request = [0; 4096];
            drop(stream.read(&mut request).await);
            drop(stream.write_all(head).await);
            while rest == Rest::Endless && stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        }
    });
    (address, server)
}
