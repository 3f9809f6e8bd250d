//! What the tests of delivery share: a journal with events in it and a receiver to be told.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{
    Endpoint, EventFilter, Flow, Format, Options, Privacy, Schedule, Selection, SigningSecret,
};
use crate::model::{
    Account, Change, Coded, EndpointName, Fingerprint, Id, Record, Role, RoleId, RoleType, RunId,
    Tenant, TenantId, TenantName, Timestamp, User, UserId, UserStatus,
};
use crate::secret::Secret;
use crate::store::{Closing, Commit, Store, Write};

pub(super) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// How long a test waits for what has to happen.
const DEADLINE: Duration = Duration::from_secs(20);

pub(super) fn start() -> Timestamp {
    Timestamp::parse("2026-03-01T10:00:00Z").unwrap()
}

pub(super) fn name() -> EndpointName {
    EndpointName("hr".into())
}

/// Options for a receiver at an address of this machine.
pub(super) fn options(address: SocketAddr) -> Options {
    Options {
        name: name(),
        url: format!("http://{address}/hook").parse().unwrap(),
        secrets: vec![SigningSecret::parse(&Secret::new(SECRET)).unwrap()],
        events: EventFilter::all(),
        selection: Selection::default(),
        privacy: Privacy::default(),
        format: Format::default(),
        allow_private: vec!["127.0.0.0/8".parse().unwrap()],
        allow_http: true,
        timeout: DEADLINE,
        schedule: Schedule::standard(),
        flow: Flow::default(),
    }
}

pub(super) fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::new(options(address)).unwrap()
}

pub(super) fn open(path: &Path) -> Store {
    Store::open(path).unwrap().store
}

fn id(n: u32) -> Id {
    Id::parse(&format!("{n:024x}")).unwrap()
}

pub(super) fn user(n: u32) -> Record {
    Record::User(User {
        id: UserId(id(n)),
        subject: format!("idp|{n}"),
        name: Some(format!("Zoë {n}")),
        email: Some(format!("user{n}@example.com")),
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

pub(super) fn role(n: u32) -> Record {
    Record::Role(Role {
        id: RoleId(id(n)),
        name: format!("Role {n}"),
        description: None,
        role_type: Coded::new(RoleType::Admin, "admin"),
        origin: None,
        level: None,
        permissions: None,
        scopes: None,
        created_at: None,
        updated_at: None,
    })
}

/// Writes the creation of each record into the journal.
pub(super) fn create(store: &Store, records: impl IntoIterator<Item = Record>) {
    change(
        store,
        records.into_iter().map(|after| Change::Created {
            after,
            replaces: None,
        }),
    );
}

/// Writes changes into the journal.
pub(super) fn change(store: &Store, changes: impl IntoIterator<Item = Change>) {
    let tenant = Tenant {
        id: TenantId("tenant-1".into()),
        name: "Acme".into(),
        hosts: vec!["acme.eu.qlikcloud.com".into()],
        region: Some("eu".into()),
        status: None,
    };
    let known = store
        .adopt(&tenant, &TenantName("acme".into()), start())
        .unwrap();
    let changes: Vec<_> = changes.into_iter().collect();
    for chunk in changes.chunks(40) {
        let writes = chunk.iter().map(|change| Write::Change {
            change: change.clone(),
            fingerprint: Fingerprint([change.kind() as u8; 16]),
            raw: "{}".into(),
        });
        store
            .commit(Commit {
                tenant: known.no,
                run: RunId(1),
                at: start(),
                account: Account {
                    tenant: tenant.id.clone(),
                    name: tenant.name.clone(),
                    region: tenant.region.clone(),
                },
                writes: writes.collect(),
                closing: Closing::Nothing,
            })
            .unwrap();
    }
}

pub(super) fn create_users(store: &Store, numbers: RangeInclusive<u32>) {
    create(store, numbers.map(user));
}

/// Waits until a condition holds, or fails the test.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let poll = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(DEADLINE, poll)
        .await
        .unwrap_or_else(|_elapsed| panic!("waited in vain until {what}"));
}

/// A request that a receiver took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(super) fn sequence(&self) -> u64 {
        let event: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        event["sequence"].as_u64().unwrap()
    }
}

/// How a receiver answers.
pub(super) enum Reply {
    Status(u16),
    /// A status and one header.
    With(u16, &'static str, String),
    /// No answer at all.
    Silence,
    /// A status, once it is let go.
    Held(tokio::sync::watch::Receiver<bool>, u16),
}

type Script = dyn Fn(usize, &Received) -> Reply + Send + Sync;

/// A webhook receiver on this machine. It ends when dropped.
pub(super) struct Receiver {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    _server: JoinSet<()>,
}

struct Shared {
    received: Arc<Mutex<Vec<Received>>>,
    script: Box<Script>,
}

impl Receiver {
    /// Starts a receiver that answers the n-th request, counted from zero, by a script.
    pub(super) async fn start(
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::default();
        let shared = Arc::new(Shared {
            received: Arc::clone(&received),
            script: Box::new(script),
        });
        let app = axum::Router::new()
            .route("/hook", post(take))
            .with_state(shared);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            received,
            _server: server,
        }
    }

    pub(super) async fn accepting() -> Self {
        Self::start(|_, _| Reply::Status(204)).await
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn sequences(&self) -> Vec<u64> {
        self.received().iter().map(Received::sequence).collect()
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let request = Received { headers, body };
    let reply = {
        let mut received = shared.received.lock().unwrap();
        let reply = (shared.script)(received.len(), &request);
        received.push(request);
        reply
    };
    match reply {
        Reply::Status(status) => respond(status).into_response(),
        Reply::With(status, header, value) => {
            let mut response = respond(status).into_response();
            response
                .headers_mut()
                .insert(header, value.parse().unwrap());
            response
        }
        Reply::Silence => std::future::pending().await,
        Reply::Held(mut released, status) => {
            drop(released.wait_for(|released| *released).await);
            respond(status).into_response()
        }
    }
}

fn respond(status: u16) -> axum::http::StatusCode {
    axum::http::StatusCode::from_u16(status).unwrap()
}
