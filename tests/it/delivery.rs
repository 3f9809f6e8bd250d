//! Deliveries under random events, endpoints, answers, delays and crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use qlik_roster::clock::Clock;
use qlik_roster::deliver::{
    Egress, Endpoint, EventFilter, Flow, Format, Options, Privacy, RunError, Schedule, Selection,
    SigningSecret, Worker,
};
use qlik_roster::model::{
    Account, Change, Coded, EndpointName, Entry, Fact, Fingerprint, Id, Record, RunId, Seq, Tenant,
    TenantId, TenantName, Timestamp, User, UserId, UserStatus,
};
use qlik_roster::secret::Secret;
use qlik_roster::signal::{self, ShutdownTrigger, Wake};
use qlik_roster::store::{Closing, Commit, Item, Known, Store, Write};
use qlik_roster::telemetry::Metrics;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};

/// Histories in an ordinary run; `QLIK_ROSTER_LONG` makes twenty times as many.
const HISTORIES: u32 = 24;

/// The waits of the schedule: three attempts.
const WAITS: [u64; 2] = [1, 2];

/// People that things happen to: few, so that events of one meet.
const PEOPLE: u32 = 5;

/// How long calm may take to settle everything.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
struct Plan {
    endpoints: Vec<Wish>,
    steps: Vec<Step>,
    seed: u64,
}

#[derive(Debug, Clone)]
struct Wish {
    events: &'static str,
    max_in_flight: usize,
}

#[derive(Debug, Clone)]
enum Step {
    /// So many things happen.
    Happen(usize),
    /// So many requests are waited for, or a while.
    Deliver(usize),
    /// Every worker ends without a word, and a new one begins.
    Crash,
    /// Every worker is told to end, and a new one begins.
    Restart,
    /// Time passes, in seconds.
    Pass(u64),
}

fn plans() -> impl Strategy<Value = Plan> {
    let events = prop::sample::select(vec!["*", "user.updated", "*.deleted", "user.*"]);
    let wish = (events, 1_usize..20).prop_map(|(events, max_in_flight)| Wish {
        events,
        max_in_flight,
    });
    let step = prop_oneof![
        4 => (1_usize..30).prop_map(Step::Happen),
        4 => (1_usize..20).prop_map(Step::Deliver),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
        3 => (1_u64..600).prop_map(Step::Pass),
    ];
    let endpoints = prop::collection::vec(wish, 1..4);
    (endpoints, prop::collection::vec(step, 4..30), any::<u64>()).prop_map(
        |(endpoints, steps, seed)| Plan {
            endpoints,
            steps,
            seed,
        },
    )
}

#[test]
fn every_event_arrives_in_order_and_the_same_whatever_happens() {
    let long = std::env::var_os("QLIK_ROSTER_LONG").is_some();
    let cases = if long { 20 * HISTORIES } else { HISTORIES };
    let mut runner = TestRunner::new(Cases {
        cases,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..Cases::default()
    });
    let run = |plan: Plan| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(play(plan));
        Ok(())
    };
    runner.run(&plans(), run).unwrap();
}

async fn play(plan: Plan) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let start = Timestamp::parse("2026-03-01T10:00:00Z").unwrap();
    let clock = Clock::stopped_at(start);
    let mut world = World {
        known: store
            .adopt(&tenant(), &TenantName("acme".into()), start)
            .unwrap(),
        people: BTreeMap::new(),
        random: fastrand::Rng::with_seed(plan.seed),
        store,
        clock,
    };
    let mut sides = Vec::new();
    for (i, wish) in plan.endpoints.iter().enumerate() {
        sides.push(Side::start(i, wish, plan.seed, &world).await);
    }
    for step in &plan.steps {
        match step {
            Step::Happen(n) => {
                world.happen(*n);
                for side in &sides {
                    side.wake.wake();
                }
            }
            Step::Deliver(n) => {
                let came: usize = sides.iter().map(|side| side.receiver.len()).sum();
                let more = || sides.iter().map(|side| side.receiver.len()).sum::<usize>();
                wait(Duration::from_millis(30), || more() >= came + n).await;
            }
            Step::Pass(seconds) => {
                world.pass(*seconds);
                for side in &sides {
                    side.wake.wake();
                }
            }
            Step::Crash => {
                for side in &mut sides {
                    side.crash(&world).await;
                }
            }
            Step::Restart => {
                for side in &mut sides {
                    side.restart(&world).await;
                }
            }
        }
    }
    for side in &sides {
        side.receiver.calm();
    }
    let entries = world.store.entries(Seq::START, usize::MAX).unwrap();
    for side in &mut sides {
        let settled = wait(DEADLINE, || {
            world.pass(60);
            side.wake.wake();
            side.is_settled(&world.store)
        });
        assert!(settled.await, "{} is not settled", side.endpoint.name());
        side.check(&world.store, &entries);
    }
    for side in &mut sides {
        side.end().await;
    }
}

/// Waits until something holds, at the most so long. Returns whether it does.
async fn wait(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let poll = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(limit, poll).await.is_ok()
}

/// The tenant and what becomes of its people.
struct World {
    store: Store,
    clock: Clock,
    known: Known,
    people: BTreeMap<u32, Record>,
    random: fastrand::Rng,
}

impl World {
    fn happen(&mut self, n: usize) {
        let changes: Vec<_> = (0..n).map(|_| self.change()).collect();
        for chunk in changes.chunks(40) {
            let writes = chunk.iter().map(|change| Write::Change {
                fingerprint: Fingerprint([7; 16]),
                raw: "{}".into(),
                change: change.clone(),
            });
            let commit = Commit {
                tenant: self.known.no,
                run: RunId(1),
                at: self.clock.now(),
                account: Account {
                    tenant: TenantId("tenant-1".into()),
                    name: "Acme".into(),
                    region: None,
                },
                writes: writes.collect(),
                closing: Closing::Nothing,
            };
            self.store.commit(commit).unwrap();
        }
    }

    fn change(&mut self) -> Change {
        let number = self.random.u32(1..=PEOPLE);
        let name = format!("Name {}", self.random.u32(..));
        match self.people.remove(&number) {
            None => {
                let after = user(number, &name);
                self.people.insert(number, after.clone());
                Change::Created {
                    after,
                    replaces: None,
                }
            }
            Some(before) if self.random.u8(..4) == 0 => Change::Deleted { before },
            Some(before) => {
                let after = user(number, &name);
                self.people.insert(number, after.clone());
                Change::Updated { before, after }
            }
        }
    }

    fn pass(&self, seconds: u64) {
        let now = self.clock.now();
        self.clock.set(now.plus(Duration::from_secs(seconds)));
    }
}

/// An endpoint, its worker and its receiver.
struct Side {
    endpoint: Endpoint,
    receiver: Arc<Receiver>,
    wake: Wake,
    trigger: ShutdownTrigger,
    process: Option<Runtime>,
    worker: Option<JoinHandle<Result<(), RunError>>>,
    _server: JoinSet<()>,
}

impl Side {
    async fn start(i: usize, wish: &Wish, seed: u64, world: &World) -> Self {
        let receiver = Arc::new(Receiver::new(seed.wrapping_add(i as u64)));
        let (address, server) = receiver.serve().await;
        let endpoint = Endpoint::new(Options {
            name: EndpointName(format!("side-{i}")),
            url: format!("http://{address}/").parse().unwrap(),
            secrets: vec![secret()],
            events: EventFilter::parse(&[wish.events]).unwrap(),
            selection: Selection::default(),
            privacy: Privacy::default(),
            format: Format::default(),
            egress: Egress {
                allow_private: vec!["127.0.0.0/8".parse().unwrap()],
                allow_http: true,
                ..Egress::default()
            },
            timeout: Duration::from_secs(10),
            schedule: Schedule::of(WAITS.map(Duration::from_secs)),
            flow: Flow {
                max_in_flight: NonZeroUsize::new(wish.max_in_flight).unwrap(),
                // Days go by in a moment here.
                disable_after: Duration::ZERO,
                ..Flow::default()
            },
        });
        let (trigger, _shutdown) = signal::shutdown();
        let mut side = Self {
            endpoint: endpoint.unwrap(),
            receiver,
            wake: Wake::default(),
            trigger,
            process: None,
            worker: None,
            _server: server,
        };
        side.begin(world).await;
        side
    }

    async fn begin(&mut self, world: &World) {
        let process = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (store, clock) = (world.store.clone(), world.clock.clone());
        let (endpoint, wake) = (self.endpoint.clone(), self.wake.clone());
        let (trigger, shutdown) = signal::shutdown();
        self.trigger = trigger;
        let (opened, is_open) = tokio::sync::oneshot::channel();
        self.worker = Some(process.spawn(async move {
            let worker = Worker::open(&endpoint, store, clock, Metrics::default()).await?;
            opened.send(()).unwrap();
            worker.run(wake, shutdown).await
        }));
        self.process = Some(process);
        is_open.await.unwrap();
    }

    async fn crash(&mut self, world: &World) {
        self.end().await;
        self.receiver.note(Note::Process);
        self.begin(world).await;
    }

    async fn restart(&mut self, world: &World) {
        self.trigger.trigger();
        self.worker.take().unwrap().await.unwrap().unwrap();
        self.end().await;
        self.receiver.note(Note::Process);
        self.begin(world).await;
    }

    /// Ends a process without a word. What it had handed to the disk comes to its end, as it
    /// does in the kernel.
    async fn end(&mut self) {
        let process = self.process.take().unwrap();
        let ended = tokio::task::spawn_blocking(move || process.shutdown_timeout(DEADLINE));
        ended.await.unwrap();
    }

    fn is_settled(&self, store: &Store) -> bool {
        let name = self.endpoint.name();
        let cursor = store.cursor(name).unwrap().unwrap();
        let is_there = cursor.settled == store.last_seq() && cursor.trouble.is_none();
        is_there && store.deferred(name).unwrap().is_empty()
    }

    /// Holds what the receiver saw against what happened.
    fn check(&self, store: &Store, entries: &[Entry]) {
        let name = self.endpoint.name();
        let parked = store.parked(name, None, usize::MAX).unwrap();
        for parked in &parked {
            assert_eq!(parked.attempts as usize, 1 + WAITS.len(), "{parked:?}");
        }
        let parked: BTreeSet<u64> = parked
            .iter()
            .map(|parked| match parked.item {
                Item::Entry(seq) => seq.0,
                Item::Snapshot { .. } => panic!("nobody asked for a backfill"),
            })
            .collect();
        let mut of_entity: BTreeMap<&Id, Vec<u64>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| self.endpoint.wants(entry)) {
            match &entry.fact {
                Fact::Changed(change) => {
                    of_entity.entry(change.id()).or_default().push(entry.seq.0);
                }
                other => panic!("{other:?}"),
            }
        }
        let notes = self.receiver.notes();
        let (mut accepted, mut begun, mut bodies) =
            (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        let mut under_way: BTreeMap<u64, usize> = BTreeMap::new();
        for note in &notes {
            match note {
                Note::Came { seq, id, body } => {
                    let same = bodies.entry(id.clone()).or_insert_with(|| body.clone());
                    assert_eq!(same, body, "{id} has another body");
                    let (_, events) = of_entity
                        .iter()
                        .find(|(_, events)| events.contains(seq))
                        .unwrap_or_else(|| panic!("{name} did not want {seq}"));
                    if begun.insert(*seq) {
                        let earlier = events.iter().filter(|earlier| *earlier < seq);
                        for earlier in earlier {
                            let is_over = accepted.contains(earlier) || parked.contains(earlier);
                            assert!(is_over, "{name} got {seq} before {earlier}");
                        }
                    }
                    for event in events {
                        // What a killed process had sent may still arrive.
                        let is_late = event == seq || accepted.contains(event);
                        let is_alone = is_late || !under_way.contains_key(event);
                        assert!(is_alone, "{event} and {seq} at once");
                    }
                    under_way.insert(*seq, 1);
                }
                Note::Answered { seq, status } => {
                    under_way.remove(seq);
                    if *status == 200 {
                        accepted.insert(*seq);
                    }
                }
                // What the one before sent may still be under way there.
                Note::Process => under_way.clear(),
            }
        }
        let wanted: BTreeSet<u64> = of_entity.into_values().flatten().collect();
        let over: BTreeSet<u64> = accepted.union(&parked).copied().collect();
        assert_eq!(over, wanted, "{name} did not get everything");
    }
}

/// What a receiver saw, in order.
#[derive(Debug, Clone)]
enum Note {
    Came {
        seq: u64,
        id: String,
        body: Bytes,
    },
    Answered {
        seq: u64,
        status: u16,
    },
    /// Another process sends from here on.
    Process,
}

/// A receiver that answers as it likes.
struct Receiver(Mutex<Mood>);

struct Mood {
    random: fastrand::Rng,
    is_calm: bool,
    notes: Vec<Note>,
    came: usize,
    process: usize,
}

impl Receiver {
    fn new(seed: u64) -> Self {
        Self(Mutex::new(Mood {
            random: fastrand::Rng::with_seed(seed),
            is_calm: false,
            notes: Vec::new(),
            came: 0,
            process: 0,
        }))
    }

    async fn serve(self: &Arc<Self>) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/", post(take))
            .with_state(Arc::clone(self));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        (address, server)
    }

    fn calm(&self) {
        self.0.lock().unwrap().is_calm = true;
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().came
    }

    fn note(&self, note: Note) {
        let mut mood = self.0.lock().unwrap();
        mood.process += 1;
        mood.notes.push(note);
    }

    fn notes(&self) -> Vec<Note> {
        self.0.lock().unwrap().notes.clone()
    }
}

async fn take(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let event: Value = serde_json::from_slice(&body).unwrap();
    let seq = event["sequence"].as_u64().unwrap();
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let (status, delay, process) = {
        let mut mood = receiver.0.lock().unwrap();
        mood.notes.push(Note::Came { seq, id, body });
        mood.came += 1;
        let status = match mood.random.u8(..20) {
            _ if mood.is_calm => 200,
            0 => 500,
            1 => 503,
            2 => 429,
            3 => 400,
            4 => 302,
            _ => 200,
        };
        let delay = if mood.is_calm {
            0
        } else {
            mood.random.u64(..3)
        };
        (status, delay, mood.process)
    };
    tokio::time::sleep(Duration::from_millis(delay)).await;
    let mut mood = receiver.0.lock().unwrap();
    // The answer to a process that is gone reaches nobody.
    if mood.process == process {
        mood.notes.push(Note::Answered { seq, status });
    }
    StatusCode::from_u16(status).unwrap()
}

fn secret() -> SigningSecret {
    SigningSecret::parse(&Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")).unwrap()
}

fn tenant() -> Tenant {
    Tenant {
        id: TenantId("tenant-1".into()),
        name: "Acme".into(),
        hosts: vec!["acme.eu.qlikcloud.com".into()],
        region: None,
        status: None,
    }
}

fn user(number: u32, name: &str) -> Record {
    Record::User(User {
        id: UserId(Id::parse(&format!("{number:024x}")).unwrap()),
        subject: format!("idp|{number}"),
        name: Some(name.to_owned()),
        email: None,
        status: Coded::new(UserStatus::Enabled, "active"),
        is_bot: false,
        client_id: None,
        roles: None,
        groups: None,
        scopes: None,
        created_at: None,
        updated_at: None,
        invite_expires_at: None,
        picture: None,
        locale: None,
        zone_info: None,
        preferred_locale: None,
        preferred_zone_info: None,
    })
}
