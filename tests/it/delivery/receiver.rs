//! A receiver that answers at random, and notes everything that it sees.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use qlik_roster::model::EndpointName;
use qlik_roster::store::{Item, Store};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What a receiver saw, in order.
#[derive(Debug, Clone)]
pub enum Note {
    /// A message. One from a process that has ended may arrive after the next process has begun.
    Came {
        message: usize,
        /// The process that sent it.
        process: usize,
        events: Vec<Came>,
        /// Positions of the entries that were given up by then, including those that are to be sent
        /// again.
        given_up: BTreeSet<u64>,
    },
    /// The sender, which still runs, gets its answer.
    Answered { message: usize, status: u16 },
    /// Another process sends from here on.
    Process,
    /// An operator has ordered to go back in the journal.
    Rewound,
}

/// An event that was received.
#[derive(Debug, Clone)]
pub struct Came {
    pub id: String,
    /// The record that it is about.
    pub record: String,
    /// Its position in the journal; for a snapshot, the backfill's mark.
    pub seq: u64,
    pub is_snapshot: bool,
    pub body: Value,
}

impl Came {
    /// Reads an event of the standard format or a `CloudEvent`.
    fn of(body: Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let sequence = &body["sequence"];
        Self {
            id: text(&body["id"]),
            record: text(&body["data"]["record"]["remote_id"]),
            seq: sequence
                .as_u64()
                .unwrap_or_else(|| text(sequence).parse().unwrap()),
            is_snapshot: text(&body["type"]).ends_with(".snapshot"),
            body,
        }
    }
}

impl Came {
    /// Returns whether every attempt at this event is refused. Random refusals alone would never
    /// last until an event is given up.
    fn is_unwanted(&self) -> bool {
        !self.is_snapshot && self.seq % 9 == 4
    }
}

pub struct Receiver {
    mood: Mutex<Mood>,
    store: Store,
    endpoint: EndpointName,
}

struct Mood {
    random: fastrand::Rng,
    is_calm: bool,
    notes: Vec<Note>,
    came: usize,
    process: usize,
}

impl Receiver {
    /// The receiver of this endpoint; looks into the sender's store at each message.
    pub fn new(seed: u64, store: Store, endpoint: EndpointName) -> Self {
        let mood = Mood {
            random: fastrand::Rng::with_seed(seed),
            is_calm: false,
            notes: Vec::new(),
            came: 0,
            process: 0,
        };
        Self {
            mood: Mutex::new(mood),
            store,
            endpoint,
        }
    }

    /// Returns which entries were given up. It looks twice: an entry that its replay parks again in
    /// between may be missing from the first look.
    fn given_up(&self) -> BTreeSet<u64> {
        let parked = || {
            let parked = self.store.parked(&self.endpoint, None, usize::MAX);
            parked.unwrap().into_iter().map(|parked| parked.item)
        };
        let mut items: Vec<Item> = parked().collect();
        let replays = self.store.replays(&self.endpoint, None, usize::MAX);
        items.extend(replays.unwrap());
        items.extend(parked());
        let seqs = items.into_iter().filter_map(|item| match item {
            Item::Entry(seq) => Some(seq.0),
            Item::Snapshot { .. } | Item::Member { .. } => None,
        });
        seqs.collect()
    }

    pub async fn serve(self: &Arc<Self>) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/{process}", post(take))
            .with_state(Arc::clone(self));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        (address, server)
    }

    pub fn calm(&self) {
        self.mood.lock().unwrap().is_calm = true;
    }

    /// Returns how many messages came.
    pub fn len(&self) -> usize {
        self.mood.lock().unwrap().came
    }

    /// Returns the number of the process that sends now.
    pub fn process(&self) -> usize {
        self.mood.lock().unwrap().process
    }

    /// Notes that another process sends from here on.
    pub fn note_process(&self) {
        let mut mood = self.mood.lock().unwrap();
        mood.process += 1;
        mood.notes.push(Note::Process);
    }

    /// Notes that an operator orders to go back.
    pub fn note_rewound(&self) {
        self.mood.lock().unwrap().notes.push(Note::Rewound);
    }

    pub fn notes(&self) -> Vec<Note> {
        self.mood.lock().unwrap().notes.clone()
    }
}

async fn take(
    State(receiver): State<Arc<Receiver>>,
    Path(process): Path<usize>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let events: Vec<Came> = match serde_json::from_slice(&body).unwrap() {
        Value::Array(events) => events.into_iter().map(Came::of).collect(),
        event => {
            let event = Came::of(event);
            assert_eq!(headers["webhook-id"].to_str().unwrap(), event.id);
            vec![event]
        }
    };
    let given_up = receiver.given_up();
    let (message, status, delay) = {
        let mut mood = receiver.mood.lock().unwrap();
        let message = mood.came;
        let is_refused = events.iter().any(Came::is_unwanted);
        mood.notes.push(Note::Came {
            message,
            process,
            events,
            given_up,
        });
        mood.came += 1;
        let status = match mood.random.u8(..20) {
            _ if is_refused => 400,
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
        (message, status, delay)
    };
    tokio::time::sleep(Duration::from_millis(delay)).await;
    let mut mood = receiver.mood.lock().unwrap();
    // Nobody receives the answer to a process that has ended.
    if mood.process == process {
        mood.notes.push(Note::Answered { message, status });
    }
    StatusCode::from_u16(status).unwrap()
}
