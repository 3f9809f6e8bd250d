//! What the tests of delivery share: a journal with events in it, and a receiver.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{
    Egress, Endpoint, EventFilter, Flow, Format, Options, Privacy, Schedule, Selection,
    SigningSecret,
};
use crate::lock::lock;
use crate::model::{
    AccessChange, AccountChange, Change, Coded, EndpointName, Fact, Fingerprint, Group, GroupId,
    GroupType, Holder, Id, Record, Right, RightChange, RightHolders, Role, RoleId, RoleMention,
    RoleType, RunId, Seq, Tenant, TenantId, TenantName, Timestamp, User, UserId,
};
use crate::secret::Secret;
use crate::store::{
    Closing, Commit, Known, Remains, RightsMark, Store, TenantNo, USERS_IN_PART, Write,
};
use crate::tls::{Authorities, ClientCertificate};

pub(super) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// How long a test waits for a condition to hold.
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
        egress: Egress {
            allow_private: vec!["127.0.0.0/8".parse().unwrap()],
            allow_http: true,
            ..Egress::default()
        },
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
    Record::User(plain_user(n))
}

pub(super) fn role(n: u32) -> Record {
    Record::Role(plain_role(n))
}

/// Makes a user with only the required fields.
pub(super) fn plain_user(n: u32) -> User {
    User {
        name: Some(format!("Zoë {n}")),
        email: Some(format!("user{n}@example.com")),
        ..User::new(UserId(id(n)), format!("idp|{n}"))
    }
}

/// Makes a role with only the required fields.
pub(super) fn plain_role(n: u32) -> Role {
    Role::new(
        RoleId(id(n)),
        format!("Role {n}"),
        Coded::new(RoleType::Admin, "admin"),
    )
}

/// Makes a group with only the required fields.
pub(super) fn plain_group(n: u32) -> Group {
    Group {
        id: GroupId(id(n)),
        name: format!("Group {n}"),
        description: None,
        group_type: Coded::new(GroupType::Group, "idp"),
        status: None,
        idp_id: None,
        roles: None,
        created_at: None,
        updated_at: None,
    }
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
    let changes: Vec<_> = changes.into_iter().collect();
    for chunk in changes.chunks(40) {
        let writes = chunk.iter().map(|change| Write::Change {
            change: change.clone(),
            fingerprint: Fingerprint([change.kind() as u8; 16]),
            raw: "{}".into(),
            reported: None,
        });
        commit(store, writes.collect(), Closing::Nothing);
    }
}

/// Writes records as a first load does, without events.
pub(super) fn load(store: &Store, records: impl IntoIterator<Item = Record>) {
    let records: Vec<_> = records.into_iter().collect();
    for chunk in records.chunks(40) {
        let writes = chunk.iter().map(|record| Write::Quiet {
            record: record.clone(),
            fingerprint: Fingerprint([record.kind() as u8; 16]),
            raw: "{}".into(),
        });
        commit(store, writes.collect(), Closing::Nothing);
    }
}

/// Ends the tenant's first load, which takes a position in the journal.
pub(super) fn end_load(store: &Store) {
    let closing = Closing::Loaded {
        roles: 0,
        groups: 0,
        users: 0,
    };
    commit(store, Vec::new(), closing);
}

/// Makes the change by which a user, everybody or a list of this many users come to hold a role.
/// Writes the list.
pub(super) fn granted(store: &Store, no: TenantNo, n_users: Option<usize>) -> RightChange {
    let holder = |n: usize| Holder {
        id: UserId(id(u32::try_from(n).unwrap())),
        subject: format!("idp|{n}"),
        name: Some(format!("User {n}")),
        email: None,
        is_bot: false,
        barrier: None,
        account: AccountChange::Stayed,
    };
    let holders = match n_users {
        None => RightHolders::Everybody { count: 3 },
        Some(1) => RightHolders::One(holder(1)),
        Some(n_users) => {
            let list = store.next_list(no, Remains::BehindLast).unwrap();
            let users: Vec<Holder> = (0..n_users).map(holder).collect();
            for (part, users) in (0..).zip(users.chunks(USERS_IN_PART)) {
                store.add_list_part(no, list, part, users).unwrap();
            }
            RightHolders::Listed {
                list,
                count: n_users as u64,
            }
        }
    };
    RightChange {
        right: Right::Role(RoleMention {
            id: RoleId(id(2)),
            name: "Steward".into(),
            level: None,
            is_unknown: false,
        }),
        change: AccessChange::Granted,
        holders,
        before: Vec::new(),
        after: Vec::new(),
    }
}

/// Writes an entry with a list of users who come to hold a role.
pub(super) fn grant(store: &Store, n_users: usize) {
    let granted = granted(store, adopt(store).no, Some(n_users));
    let closing = Closing::Rights {
        facts: vec![Fact::RightChanged(granted)],
        mark: RightsMark::reported(Seq(0)),
    };
    commit(store, Vec::new(), closing);
}

fn adopt(store: &Store) -> Known {
    let tenant = Tenant {
        id: TenantId("tenant-1".into()),
        name: "Acme".into(),
        hosts: vec!["acme.eu.qlikcloud.com".into()],
        region: Some("eu".into()),
        status: None,
    };
    store
        .adopt(&tenant, &TenantName("acme".into()), start())
        .unwrap()
}

fn commit(store: &Store, writes: Vec<Write>, closing: Closing) {
    let known = adopt(store);
    store
        .commit(Commit {
            tenant: known.no,
            run: RunId(1),
            at: start(),
            account: known.tenant.account(),
            writes,
            closing,
        })
        .unwrap();
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
    pub method: Method,
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
    /// A status and headers.
    WithAll(u16, Vec<(&'static str, String)>),
    /// No answer at all.
    Silence,
    /// A status, once it is released.
    OnRelease(tokio::sync::watch::Receiver<bool>, u16),
    /// A status and headers, once the answer is released.
    OnReleaseWith(
        tokio::sync::watch::Receiver<bool>,
        u16,
        Vec<(&'static str, String)>,
    ),
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
    /// Starts a receiver that answers the n-th request, counted from zero, as a script says.
    pub(super) async fn start(
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    /// Starts a receiver that speaks TLS and accepts everything.
    pub(super) async fn by_tls(server: ServerConfig) -> Self {
        Self::by_tls_at("127.0.0.1:0", server).await
    }

    /// Starts a receiver that speaks TLS and accepts everything, at an address.
    pub(super) async fn by_tls_at(address: &str, server: ServerConfig) -> Self {
        let inner = TcpListener::bind(address).await.unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        Self::on(TlsListener { inner, acceptor }, |_, _| Reply::Status(204))
    }

    /// Starts a receiver that answers as a script says, on an existing listener.
    pub(super) fn on<L: Listener<Addr = SocketAddr>>(
        listener: L,
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let received = Arc::default();
        let shared = Arc::new(Shared {
            received: Arc::clone(&received),
            script: Box::new(script),
        });
        let app = axum::Router::new()
            .route("/hook", any(take))
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

    /// Starts a receiver that answers OPTIONS with a status and headers, and accepts events.
    pub(super) async fn consenting(status: u16, headers: &[(&'static str, &str)]) -> Self {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        Self::start(move |_, request| match request.method {
            Method::OPTIONS => Reply::WithAll(status, headers.clone()),
            _ => Reply::Status(204),
        })
        .await
    }

    pub(super) fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    pub(super) fn sequences(&self) -> Vec<u64> {
        self.received().iter().map(Received::sequence).collect()
    }
}

/// Listens for TLS. Connections that fail the handshake are ignored.
struct TlsListener {
    inner: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, peer) = self.inner.accept().await.unwrap();
            match self.acceptor.accept(stream).into_fallible().await {
                Ok(secured) => return (secured, peer),
                Err((_refusal, stream)) => read_to_end(stream).await,
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// Lets a client that was refused finish. A socket that is closed before everything was read resets
/// the connection, and the alert that says why may get lost.
async fn read_to_end(mut stream: TcpStream) {
    drop(stream.shutdown().await);
    drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
}

/// An authority that issues certificates in a test.
pub(super) struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Each authority has a name of its own, since a certificate's issuer is looked up by name.
        let name = format!("authority {:016x}", fastrand::u64(..));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    pub(super) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(super) fn authorities(&self) -> Authorities {
        Authorities::parse(&self.pem()).unwrap()
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Issues a certificate to show to receivers.
    pub(super) fn client(&self) -> ClientCertificate {
        let (certificate, key) = self.issue("roster.example.com");
        let key = Secret::new(&key.serialize_pem());
        ClientCertificate::parse(&certificate.pem(), &key).unwrap()
    }

    /// Issues a certificate for a server, which may ask clients for one of an authority's.
    pub(super) fn serving(&self, name: &str, clients_of: Option<&Self>) -> ServerConfig {
        let provider = Arc::new(ring::default_provider());
        let (certificate, key) = self.issue(name);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients_of {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate.der().clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Received {
        method,
        headers,
        body,
    };
    let reply = {
        let mut received = lock(&shared.received);
        let reply = (shared.script)(received.len(), &request);
        received.push(request);
        reply
    };
    let reply = match reply {
        Reply::OnReleaseWith(mut released, status, headers) => {
            drop(released.wait_for(|released| *released).await);
            Reply::WithAll(status, headers)
        }
        Reply::OnRelease(mut released, status) => {
            drop(released.wait_for(|released| *released).await);
            Reply::Status(status)
        }
        at_once => at_once,
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
        Reply::WithAll(status, headers) => {
            let mut response = respond(status).into_response();
            for (header, value) in headers {
                response
                    .headers_mut()
                    .append(header, value.parse().unwrap());
            }
            response
        }
        Reply::Silence | Reply::OnRelease(..) | Reply::OnReleaseWith(..) => {
            std::future::pending().await
        }
    }
}

fn respond(status: u16) -> axum::http::StatusCode {
    axum::http::StatusCode::from_u16(status).unwrap()
}
