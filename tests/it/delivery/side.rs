//! An endpoint, the process that delivers to it, and its receiver.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a short way is a place on it"
)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use qlik_roster::deliver::{
    Backfilling, Batching, DeliverError, Egress, Endpoint, EventFilter, EventSource, Feed, Flow,
    Format, Mode, Options, Privacy, Schedule, Selection, SigningSecret, Worker,
};
use qlik_roster::model::{EndpointName, Seq, StoreId};
use qlik_roster::secret::Secret;
use qlik_roster::signal::{self, ShutdownTrigger, Wake};
use qlik_roster::store::{Item, Order, Store};
use qlik_roster::telemetry::Metrics;
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};

use super::receiver::Receiver;
use super::world::World;
use super::{DEADLINE, Shape, WAITS, Wish};

impl Shape {
    fn has_snapshots(&self) -> bool {
        ["*", "user.*"].contains(&self.events)
    }
}

/// An endpoint, its worker and its receiver.
pub struct Side {
    /// The endpoint as the process that sends now knows it.
    pub endpoint: Endpoint,
    options: Options,
    pub receiver: Arc<Receiver>,
    pub wake: Wake,
    pub store_id: StoreId,
    /// The journal's end when it was first seen.
    pub from: Seq,
    /// The last backfill that was asked for.
    pub backfill: Option<Seq>,
    trigger: ShutdownTrigger,
    process: Option<Runtime>,
    worker: Option<JoinHandle<Result<(), DeliverError>>>,
    _server: JoinSet<()>,
}

impl Side {
    pub async fn start(i: usize, shape: &Shape, seed: u64, world: &World) -> Self {
        let name = EndpointName(format!("side-{i}"));
        let seed = seed.wrapping_add(i as u64);
        let receiver = Arc::new(Receiver::new(seed, world.store.clone(), name.clone()));
        let (address, server) = receiver.serve().await;
        let format = match shape.batch {
            None => Format::Standard,
            Some(max) => Format::CloudEvents {
                mode: Mode::Batch(Batching {
                    max,
                    wait: Duration::from_millis(1),
                    ..Batching::default()
                }),
                source: EventSource::default(),
            },
        };
        let tells = shape.is_told_first && shape.has_snapshots();
        let backfill = match tells {
            true => Backfilling::First,
            false => Backfilling::None,
        };
        let options = Options {
            name,
            url: format!("http://{address}/0").parse().unwrap(),
            secrets: vec![secret()],
            events: EventFilter::parse(&[shape.events]).unwrap(),
            selection: Selection::default(),
            privacy: Privacy::default(),
            format,
            egress: Egress {
                allow_private: vec!["127.0.0.0/8".parse().unwrap()],
                allow_http: true,
                ..Egress::default()
            },
            // Long enough that no message is given up while the receiver still has it.
            timeout: DEADLINE,
            schedule: Schedule::of(WAITS.map(Duration::from_secs)),
            flow: Flow {
                max_in_flight: NonZeroUsize::new(shape.max_in_flight).unwrap(),
                // In this test, days pass in a moment.
                disable_after: Duration::ZERO,
                backfill,
                ..Flow::default()
            },
        };
        let (trigger, _shutdown) = signal::shutdown();
        let mut side = Self {
            endpoint: Endpoint::new(options.clone()).unwrap(),
            options,
            receiver,
            wake: Wake::default(),
            store_id: world.store.id(),
            from: world.store.last_seq(),
            backfill: tells.then(|| world.store.last_seq()),
            trigger,
            process: None,
            worker: None,
            _server: server,
        };
        side.begin(world).await;
        side
    }

    async fn begin(&mut self, world: &World) {
        // Says in each message who sent it.
        let number = self.receiver.process().to_string();
        self.options.url.set_path(&number);
        self.endpoint = Endpoint::new(self.options.clone()).unwrap();
        let process = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (feed, clock) = (Feed::new(world.store.clone()), world.clock.clone());
        let (endpoint, wake) = (self.endpoint.clone(), self.wake.clone());
        let (trigger, shutdown) = signal::shutdown();
        self.trigger = trigger;
        let (opened, is_open) = tokio::sync::oneshot::channel();
        self.worker = Some(process.spawn(async move {
            let worker = Worker::open(&endpoint, &feed, clock, Metrics::default()).await?;
            opened.send(()).unwrap();
            worker.run(wake, shutdown).await
        }));
        self.process = Some(process);
        is_open.await.unwrap();
    }

    pub async fn crash(&mut self, world: &World) {
        self.end().await;
        self.receiver.note_process();
        self.begin(world).await;
    }

    pub async fn restart(&mut self, world: &World) {
        self.trigger.trigger();
        self.worker.take().unwrap().await.unwrap().unwrap();
        self.end().await;
        self.receiver.note_process();
        self.begin(world).await;
    }

    /// Kills a process. Writes that it had handed to the kernel still reach the disk, as after a
    /// real kill.
    pub async fn end(&mut self) {
        let process = self.process.take().unwrap();
        let ended = tokio::task::spawn_blocking(move || process.shutdown_timeout(DEADLINE));
        ended.await.unwrap();
    }

    pub fn is_settled(&self, store: &Store) -> bool {
        let name = self.endpoint.name();
        let cursor = store.cursor(name).unwrap().unwrap();
        let is_there = cursor.settled == store.last_seq() && cursor.trouble.is_none();
        is_there
            && cursor.backfill.is_none()
            && store.orders(name).unwrap().is_empty()
            && store.replays(name, None, 1).unwrap().is_empty()
            && store.deferred(name).unwrap().is_empty()
    }

    /// Stores what an operator orders, as the commands do.
    pub fn want(&mut self, wish: Wish, world: &World) {
        let (store, name, now) = (&world.store, self.endpoint.name(), world.clock.now());
        let settled = store.cursor(name).unwrap().unwrap().settled;
        let place = |share: f64| {
            let (from, to) = (self.from.0 as f64, settled.0 as f64);
            Seq((from + (to - from) * share).round() as u64)
        };
        match wish {
            Wish::ReplayParked => {
                let parked = store.parked(name, None, usize::MAX).unwrap();
                let items: Vec<_> = parked.into_iter().map(|parked| parked.item).collect();
                store.replay(name, &items).unwrap();
            }
            Wish::ReplayOne(share) => {
                let entry = store.entry(place(share)).unwrap();
                let wanted = entry.filter(|entry| self.endpoint.wants(entry));
                if let Some(entry) = wanted.filter(|entry| entry.seq > self.from) {
                    store.replay(name, &[Item::Entry(entry.seq)]).unwrap();
                }
            }
            Wish::Rewind(share) => {
                let to = place(share);
                self.receiver.note_rewound();
                store.order(name, &Order::Rewind { to }).unwrap();
            }
            Wish::Backfill if self.endpoint.wants_snapshots() => {
                let mark = store.last_seq();
                store
                    .order(name, &Order::Backfill { at: now, mark })
                    .unwrap();
                self.backfill = Some(mark);
            }
            Wish::Backfill => {}
            Wish::Disable => store.order(name, &Order::Disable { at: now }).unwrap(),
            Wish::Enable => store.order(name, &Order::Enable).unwrap(),
        }
    }
}

fn secret() -> SigningSecret {
    SigningSecret::parse(&Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")).unwrap()
}
