//! A receiver that answers as it likes, and notes all that it sees.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What a receiver saw, in order.
#[derive(Debug, Clone)]
pub enum Note {
    /// A message.
    Came { message: usize, events: Vec<Came> },
    /// The sender heard what came of it.
    Answered { message: usize, status: u16 },
    /// Another process sends from here on.
    Process,
}

/// An event that came.
#[derive(Debug, Clone)]
pub struct Came {
    pub id: String,
    /// The record that it is about.
    pub record: String,
    /// Its place in the journal; of a snapshot, the backfill's mark.
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

pub struct Receiver(Mutex<Mood>);

struct Mood {
    random: fastrand::Rng,
    is_calm: bool,
    notes: Vec<Note>,
    came: usize,
    process: usize,
}

impl Receiver {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Mood {
            random: fastrand::Rng::with_seed(seed),
            is_calm: false,
            notes: Vec::new(),
            came: 0,
            process: 0,
        }))
    }

    pub async fn serve(self: &Arc<Self>) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/", post(take))
            .with_state(Arc::clone(self));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        (address, server)
    }

    pub fn calm(&self) {
        self.0.lock().unwrap().is_calm = true;
    }

    /// Messages that came.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().came
    }

    /// Notes that another process sends from here on.
    pub fn note_process(&self) {
        let mut mood = self.0.lock().unwrap();
        mood.process += 1;
        mood.notes.push(Note::Process);
    }

    pub fn notes(&self) -> Vec<Note> {
        self.0.lock().unwrap().notes.clone()
    }
}

async fn take(
    State(receiver): State<Arc<Receiver>>,
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
    let (message, status, delay, process) = {
        let mut mood = receiver.0.lock().unwrap();
        let message = mood.came;
        mood.notes.push(Note::Came { message, events });
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
        (message, status, delay, mood.process)
    };
    tokio::time::sleep(Duration::from_millis(delay)).await;
    let mut mood = receiver.0.lock().unwrap();
    // The answer to a process that is gone reaches nobody.
    if mood.process == process {
        mood.notes.push(Note::Answered { message, status });
    }
    StatusCode::from_u16(status).unwrap()
}
