//! Connections that send no request, send it slowly, or do not read the answer.

use axum::Extension;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

use super::*;
use crate::signal::{self, ShutdownTrigger};

const LIMITS: Limits = Limits {
    connections: 20,
    head: Duration::from_secs(30),
    life: Some(Duration::from_secs(120)),
};

/// Connections within the process, so that time can be moved.
struct Inside(tokio::sync::Mutex<mpsc::Receiver<DuplexStream>>);

impl Listener for Inside {
    type Io = DuplexStream;

    async fn accept(&self) -> io::Result<(DuplexStream, Option<IpAddr>)> {
        let mut coming = self.0.lock().await;
        let io = coming.recv().await;
        io.map(|io| (io, None))
            .ok_or_else(|| io::ErrorKind::Other.into())
    }
}

/// Sends a kilobyte every fifteen seconds, for an hour.
async fn stream(Extension(lifetime): Extension<Lifetime>) -> Body {
    let streaming = lifetime.stream(Duration::from_secs(120), Duration::from_secs(3600));
    let parts = futures_util::stream::unfold(streaming, |streaming| async move {
        streaming.goes_on();
        tokio::select! {
            () = streaming.over() => None,
            () = sleep(Duration::from_secs(15)) => {
                Some((Ok::<_, Infallible>("a".repeat(1_000)), streaming))
            }
        }
    });
    Body::from_stream(parts)
}

struct Served {
    connect: mpsc::Sender<DuplexStream>,
    metrics: Metrics,
    end: ShutdownTrigger,
    tasks: JoinSet<()>,
}

impl Served {
    fn new() -> Self {
        let (connect, coming) = mpsc::channel(1);
        let (end, shutdown) = signal::shutdown();
        let metrics = Metrics::default();
        let router = Router::new()
            .route("/ok", get(async || "ok"))
            .route(
                "/slow",
                get(async || {
                    sleep(Duration::from_secs(600)).await;
                    "slow"
                }),
            )
            .route("/long", get(async || "a".repeat(1_000_000)))
            .route("/stream", get(stream));
        let mut tasks = JoinSet::new();
        let counted = metrics.clone();
        tasks.spawn(async move {
            let listener = Inside(tokio::sync::Mutex::new(coming));
            serve(listener, router, LIMITS, &counted, shutdown).await;
        });
        Self {
            connect,
            metrics,
            end,
            tasks,
        }
    }

    /// Opens a connection and sends something over it.
    async fn send(&self, text: &str) -> DuplexStream {
        let (mut ours, theirs) = duplex(1024);
        self.connect.send(theirs).await.unwrap();
        ours.write_all(text.as_bytes()).await.unwrap();
        ours
    }

    /// Waits until the other side closes, and returns what it said and how long that took.
    async fn read(mut from: DuplexStream) -> (String, Duration) {
        let began = Instant::now();
        let mut said = String::new();
        // A connection that is dropped in the middle of an answer is closed, too.
        drop(from.read_to_string(&mut said).await);
        (said, began.elapsed())
    }
}

fn seconds(time: Duration) -> u64 {
    (time + Duration::from_millis(500)).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_whole_head_ends_in_time() {
    for sent in ["", "GET /ok HTT", "GET /ok HTTP/1.1\r\nhost: a\r\n"] {
        let served = Served::new();
        let connection = served.send(sent).await;

        let (_, took) = Served::read(connection).await;

        assert_eq!(seconds(took), 30, "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_idle_after_an_answer_ends_in_time() {
    let served = Served::new();
    let connection = served.send("GET /ok HTTP/1.1\r\nhost: a\r\n\r\n").await;

    let (said, took) = Served::read(connection).await;

    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    assert_eq!(seconds(took), 30);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_read_the_answer_is_cut_off() {
    let served = Served::new();
    let mut connection = served.send("GET /long HTTP/1.1\r\nhost: a\r\n\r\n").await;

    sleep(LIMITS.life.unwrap() + GRACE + Duration::from_secs(1)).await;

    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() < 10_000, "{}", rest.len());
}

#[tokio::test(start_paused = true)]
async fn a_stream_lives_as_long_as_it_is_read_and_ends_cleanly() {
    let served = Served::new();
    let connection = served.send("GET /stream HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");

    let (said, took) = Served::read(connection.await).await;

    assert_eq!(seconds(took), 3600);
    assert!(
        said.ends_with("\r\n0\r\n\r\n"),
        "the last chunk says that it is the last"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_is_cut_off() {
    let served = Served::new();
    let mut connection = served.send("GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await;

    // hyper takes some kilobytes before it notices that nobody reads.
    sleep(Duration::from_secs(40 * 15 + 120) + GRACE).await;

    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() < 40_000, "{}", rest.len());
}

#[tokio::test(start_paused = true)]
async fn streams_are_not_closed_in_favour_of_others() {
    let served = Served::new();
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(
            served
                .send("GET /stream HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                .await,
        );
    }
    // Each has begun to answer.
    for stream in &mut streams {
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.unwrap();
    }
    sleep(Duration::from_secs(20)).await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(served.send("GET /ok").await);
    }
    sleep(PATIENCE * 2).await;

    assert!(served.metrics.get(Sample::CrowdedOut {}).unwrap_or(0.0) > 80.0);
    let read = streams.into_iter().map(Served::read);
    for (said, _) in futures_util::future::join_all(read).await {
        assert!(said.ends_with("\r\n0\r\n\r\n"), "{}", said.len());
    }
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_for_those_that_ask() {
    let served = Served::new();
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(served.send("GET /ok").await);
    }

    let probe = served.send("GET /ok HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let (said, took) = Served::read(probe.await).await;

    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    sleep(PATIENCE).await;
    let n_closed = served.metrics.get(Sample::CrowdedOut {}).unwrap_or(0.0);
    let n_left = 300.0 - n_closed;
    let most = (LIMITS.connections - SPARE) as f64;
    assert!((most - 1.0..=most).contains(&n_left), "{n_left}");
    // Those that waited longest were closed, the last ones are still open.
    let last = idle.pop().unwrap();
    let (_, took) = Served::read(idle.remove(0)).await;
    assert_eq!(seconds(took), 0);
    let (_, took) = Served::read(last).await;
    assert!(seconds(took) > 20);
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_are_never_crowded_out() {
    let served = Served::new();
    let mut asking = Vec::new();
    for n in 0..LIMITS.connections {
        // Not all at once: each has sent its request when the next ones come.
        if n % 3 == 0 {
            sleep(Duration::from_millis(50)).await;
        }
        asking.push(served.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await);
    }
    sleep(PATIENCE * 2).await;

    assert_eq!(served.metrics.get(Sample::CrowdedOut {}), None);
    // No other connection is served until the time of one of them is over.
    let late = served.send("GET /ok HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let (said, took) = Served::read(late.await).await;
    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    assert!(seconds(took) <= 125, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_a_moment_for_answers_and_not_for_questions() {
    for (sent, expected) in [
        ("GET /ok HTTP/1.1\r\nhost: a\r\n\r\n", Duration::ZERO),
        ("GET /ok", FAREWELL),
        // An answer that takes too long, and one that nobody reads.
        ("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n", FAREWELL),
        ("GET /long HTTP/1.1\r\nhost: a\r\n\r\n", FAREWELL),
    ] {
        let mut served = Served::new();
        let served_one = served.send(sent).await;
        // Everything that can proceed without time passing does.
        sleep(Duration::from_millis(1)).await;
        let began = Instant::now();

        served.end.trigger();
        while served.tasks.join_next().await.is_some() {}

        assert_eq!(seconds(began.elapsed()), expected.as_secs(), "{sent:?}");
        drop(served_one);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_is_bounded_in_bytes_and_in_headers() {
    let long = format!("x: {}\r\n", "a".repeat(MAX_BUFFER));
    let many = "x: a\r\n".repeat(101);
    for headers in [long, many] {
        let served = Served::new();
        let (mut ours, theirs) = duplex(64 * 1024);
        served.connect.send(theirs).await.unwrap();
        let head = format!("GET /ok HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        ours.write_all(head.as_bytes()).await.unwrap();

        let (said, _) = Served::read(ours).await;

        assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
    }
}
