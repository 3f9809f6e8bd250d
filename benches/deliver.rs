//! How fast events are delivered, compared with a bare loop that signs and posts the same bodies.
//!
//! `cargo bench --bench deliver -- [--events 20000] [--rounds 3] [--backlog 0]
//! [--only "16 of 100"]`
//!
//! Both use one receiver on loopback that answers 204. The bare loop has the bodies in memory, has
//! no store, and keeps nothing. In each round one is timed after the other, and the result is the
//! median of the ratios of all rounds: a machine that others use too is not equally fast from one
//! second to the next. `--only` leaves out the other rows of the table. `--backlog N` shows the
//! memory of a process with N events to deliver to an endpoint that accepts nothing.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::too_many_lines,
    reason = "a benchmark prints its results, and may stop where it is"
)]

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use futures_util::StreamExt;
use qlik_roster::clock::Clock;
use qlik_roster::deliver::{
    self, Batching, Egress, Endpoint, EventFilter, EventSource, Feed, Flow, Format, Mode, Options,
    Privacy, Schedule, Selection, SigningSecret, Worker,
};
use qlik_roster::model::{
    Change, EndpointName, Fingerprint, Id, Record, RunId, Seq, Tenant, TenantId, TenantName,
    Timestamp, User, UserId,
};
use qlik_roster::secret::Secret;
use qlik_roster::signal::{self, Wake};
use qlik_roster::store::{Closing, Commit, Known, Store, Write};
use qlik_roster::telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::sync::Notify;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Commits whose way to the receiver is timed.
const LATENCIES: u32 = 2_000;

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str, usual: u64| -> Result<u64> {
        let place = args.iter().position(|arg| arg == name);
        match place.and_then(|place| args.get(place + 1)) {
            Some(text) => Ok(text.parse()?),
            None => Ok(usual),
        }
    };
    let n_events = value("--events", 20_000)?;
    let n_rounds = value("--rounds", 3)?;
    let n_backlog = value("--backlog", 0)?;

    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path())?.store;
    let clock = Clock::system();
    let source = Source::new(&store, &clock)?;
    let (address, receiver) = receiver().await?;
    let one = Batching {
        max: 100,
        wait: Duration::from_millis(20),
        ..Batching::default()
    };
    let shapes = [
        ("1", 1, None),
        ("16", 16, None),
        ("64", 64, None),
        ("16 of 100", 16, Some(one)),
    ];
    println!(
        "| in flight | events | ours, events/s | bare, events/s | ours / bare | ours, us | bare, us |"
    );
    println!("|---|---|---|---|---|---|---|");
    let only = args.iter().position(|arg| arg == "--only");
    let only = only.and_then(|place| args.get(place + 1));
    for (label, in_flight, batching) in shapes {
        if only.is_some_and(|only| only != label) {
            continue;
        }
        let (mut ours, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut ours_cpu, mut bare_cpu) = (Vec::new(), Vec::new());
        for round in 0..n_rounds {
            let name = format!("e{in_flight}-{}-{round}", batching.is_some());
            let endpoint = endpoint(&name, address, in_flight, batching)?;
            let feed = Feed::new(store.clone());
            // An endpoint begins at the journal's end: it is opened before its events are made.
            let worker = Worker::open(&endpoint, &feed, clock.clone(), Metrics::default());
            drop(worker.await?);
            let first = store.last_seq();
            source.create(n_events)?;
            let (ours_took, cpu) =
                deliver_all(&endpoint, &store, &clock, &receiver, n_events).await?;
            ours.push(n_events as f64 / ours_took);
            ours_cpu.push(cpu * 1e6 / n_events as f64);
            let (bare_took, cpu) =
                bare_loop(&endpoint, &store, first, address, in_flight, batching).await?;
            bare.push(n_events as f64 / bare_took);
            bare_cpu.push(cpu * 1e6 / n_events as f64);
            ratios.push(bare_took / ours_took);
        }
        println!(
            "| {label} | {n_events} | {:.0} | {:.0} | {:.2} | {:.1} | {:.1} |",
            median(ours),
            median(bare),
            median(ratios),
            median(ours_cpu),
            median(bare_cpu),
        );
    }
    latency(&store, &clock, &source, address, &receiver).await?;
    if n_backlog > 0 {
        backlog(&store, &clock, &source, n_backlog).await?;
    }
    Ok(())
}

/// Delivers everything. Returns the seconds that it took, and those of the processors.
async fn deliver_all(
    endpoint: &Endpoint,
    store: &Store,
    clock: &Clock,
    receiver: &Taken,
    n_events: u64,
) -> Result<(f64, f64)> {
    let feed = Feed::new(store.clone());
    let worker = Worker::open(endpoint, &feed, clock.clone(), Metrics::default()).await?;
    let (_trigger, shutdown) = signal::shutdown();
    let before = receiver.n_messages.load(Ordering::Relaxed);
    let (began, began_cpu) = (Instant::now(), processor_time()?);
    let drained = worker.drain(shutdown).await?;
    let took = (began.elapsed().as_secs_f64(), processor_time()? - began_cpu);
    ensure!(drained.delivered == n_events, "{drained:?}");
    ensure!(
        receiver.n_messages.load(Ordering::Relaxed) > before,
        "nothing came"
    );
    Ok(took)
}

/// Signs and posts the same messages, with nothing around it. Returns the seconds, and those of
/// the processors.
async fn bare_loop(
    endpoint: &Endpoint,
    store: &Store,
    first: Seq,
    address: SocketAddr,
    in_flight: usize,
    batching: Option<Batching>,
) -> Result<(f64, f64)> {
    let entries = store.entries(first, usize::MAX)?;
    let events: Vec<_> = entries
        .iter()
        .filter_map(|entry| deliver::Event::of_entry(store.id(), entry))
        .collect();
    let size = batching.map_or(1, |batching| batching.max);
    let messages: Vec<_> = events
        .chunks(size)
        .map(|events| endpoint.message(events))
        .collect();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://{address}/");
    let keys = [SigningSecret::parse(&Secret::new(SECRET))?];
    let (began, began_cpu) = (Instant::now(), processor_time()?);
    let sent = futures_util::stream::iter(messages).map(|message| {
        let (client, url, keys) = (client.clone(), url.clone(), keys.clone());
        // One task for each message, on all threads of the runtime, as our worker does.
        tokio::spawn(async move {
            let now = Clock::system().now();
            let signature = deliver::signatures(&keys, &message.id, now, &message.body);
            let answer = client
                .post(url)
                .headers(message.headers.into_iter().collect())
                .header("content-type", message.content_type)
                .header("webhook-id", message.id)
                .header("webhook-timestamp", now.seconds().to_string())
                .header("webhook-signature", signature)
                .body(message.body)
                .send()
                .await?;
            answer.error_for_status()?.bytes().await?;
            anyhow::Ok(())
        })
    });
    let mut sent = sent.buffer_unordered(in_flight);
    while let Some(outcome) = sent.next().await {
        outcome??;
    }
    Ok((began.elapsed().as_secs_f64(), processor_time()? - began_cpu))
}

/// Times the way from a commit to the receiver, with nothing else to do.
async fn latency(
    store: &Store,
    clock: &Clock,
    source: &Source,
    address: SocketAddr,
    receiver: &Taken,
) -> Result<()> {
    let endpoint = endpoint("latency", address, 16, None)?;
    let feed = Feed::new(store.clone());
    let worker = Worker::open(&endpoint, &feed, clock.clone(), Metrics::default()).await?;
    let (trigger, shutdown) = signal::shutdown();
    let wake = Wake::default();
    let task = tokio::spawn(worker.run(wake.clone(), shutdown));
    let mut times = Vec::new();
    for _ in 0..LATENCIES {
        let came = receiver.came.notified();
        source.create(1)?;
        let began = Instant::now();
        wake.wake();
        came.await;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    trigger.trigger();
    task.await??;
    times.sort_by(f64::total_cmp);
    println!(
        "\nfrom commit to receiver, {LATENCIES} events one by one: p50 {:.2} ms, p99 {:.2} ms",
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
    Ok(())
}

/// Shows the memory of a worker with a backlog that it cannot deliver.
async fn backlog(store: &Store, clock: &Clock, source: &Source, n: u64) -> Result<()> {
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let endpoint = endpoint("backlog", closed, 16, None)?;
    let feed = Feed::new(store.clone());
    let open = || Worker::open(&endpoint, &feed, clock.clone(), Metrics::default());
    drop(open().await?);
    source.create(n)?;
    let before = resident()?;
    let worker = open().await?;
    let (trigger, shutdown) = signal::shutdown();
    let task = tokio::spawn(worker.run(Wake::default(), shutdown));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let with = resident()?;
    trigger.trigger();
    task.await??;
    println!(
        "\nbacklog of {n} events: resident {before} MiB before its worker, {with} MiB with it"
    );
    Ok(())
}

/// What a receiver took.
#[derive(Default)]
struct Taken {
    n_messages: AtomicU64,
    came: Notify,
}

async fn receiver() -> Result<(SocketAddr, Arc<Taken>)> {
    let taken = Arc::new(Taken::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new()
        .route("/", post(take))
        .with_state(Arc::clone(&taken));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok((address, taken))
}

async fn take(State(taken): State<Arc<Taken>>, _body: axum::body::Bytes) -> StatusCode {
    taken.n_messages.fetch_add(1, Ordering::Relaxed);
    taken.came.notify_waiters();
    StatusCode::NO_CONTENT
}

fn endpoint(
    name: &str,
    address: SocketAddr,
    in_flight: usize,
    batching: Option<Batching>,
) -> Result<Endpoint> {
    let format = match batching {
        None => Format::Standard,
        Some(batching) => Format::CloudEvents {
            mode: Mode::Batch(batching),
            source: EventSource::default(),
        },
    };
    Ok(Endpoint::new(Options {
        name: EndpointName(name.to_owned()),
        url: format!("http://{address}/").parse()?,
        secrets: vec![SigningSecret::parse(&Secret::new(SECRET))?],
        events: EventFilter::all(),
        selection: Selection::default(),
        privacy: Privacy::default(),
        format,
        egress: Egress {
            allow_private: vec!["127.0.0.0/8".parse()?],
            allow_http: true,
            ..Egress::default()
        },
        timeout: Duration::from_secs(15),
        schedule: Schedule::standard(),
        flow: Flow {
            max_in_flight: NonZeroUsize::new(in_flight).context("none in flight")?,
            ..Flow::default()
        },
    })?)
}

/// Writes events.
struct Source {
    store: Store,
    known: Known,
    at: Timestamp,
    next: AtomicU64,
}

impl Source {
    fn new(store: &Store, clock: &Clock) -> Result<Self> {
        let tenant = Tenant {
            id: TenantId("tenant-1".into()),
            name: "Acme".into(),
            hosts: vec!["acme.eu.qlikcloud.com".into()],
            region: Some("eu".into()),
            status: None,
        };
        let at = clock.now();
        Ok(Self {
            known: store.adopt(&tenant, &TenantName("acme".into()), at)?,
            store: store.clone(),
            at,
            next: AtomicU64::new(1),
        })
    }

    fn create(&self, n: u64) -> Result<()> {
        let mut left = n;
        let mut tickets = std::collections::VecDeque::new();
        while left > 0 {
            let size = left.min(40);
            left -= size;
            let first = self.next.fetch_add(size, Ordering::Relaxed);
            let writes = (first..first + size).map(|number| Write::Change {
                change: Change::Created {
                    after: user(number),
                    replaces: None,
                },
                fingerprint: Fingerprint([7; 16]),
                raw: "{}".into(),
                reported: None,
            });
            let commit = Commit {
                tenant: self.known.no,
                run: RunId(1),
                at: self.at,
                account: self.known.tenant.account(),
                writes: writes.collect(),
                closing: Closing::Nothing,
            };
            tickets.push_back(self.store.submit(commit)?);
            if tickets.len() > 16
                && let Some(ticket) = tickets.pop_front()
            {
                ticket.wait()?;
            }
        }
        for ticket in tickets {
            ticket.wait()?;
        }
        Ok(())
    }
}

fn user(number: u64) -> Record {
    let id = Id::parse(&format!("{number:024x}")).expect("hexadecimal digits are an id");
    Record::User(User {
        name: Some(format!("Maria Silva {number}")),
        email: Some(format!("maria.silva.{number}@example.com")),
        locale: Some("en".into()),
        ..User::new(UserId(id), format!("idp|user-{number}"))
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the processor time of this process, in seconds.
fn processor_time() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name, which may contain blanks, ends with the last bracket.
    let (_, fields) = stat.rsplit_once(')').context("no name")?;
    let ticks: Vec<f64> = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// Returns the resident memory of this process, in MiB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().nth(1))
        .context("no VmRSS")?
        .parse()?;
    Ok(kib / 1024)
}
