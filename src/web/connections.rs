//! Serves HTTP to any client, so that nobody can keep others out by holding connections open.
//!
//! A connection costs a descriptor and some memory before its client has authenticated. So the
//! number of connections is bounded, and so is the life of each: the request head must arrive in
//! time, and, if anybody may connect, so must all the rest. Near the bound, the connections that
//! have waited longest for a head are closed. So a few places are always free, and a probe, which
//! sends its head at once, is answered however many sockets somebody else leaves open.
//!
//! An answer that is sent bit by bit to a client that has authenticated prolongs the life of its
//! connection while the client reads it ([`Lifetime::stream`]).

mod lifetime;
mod slot;

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures_util::future::BoxFuture;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::signal::Shutdown;
use crate::telemetry::{Metrics, Sample};

use lifetime::reach;
pub(super) use lifetime::{Lifetime, Streaming};
use slot::{Doing, Slot};

/// Places that are kept free for the next connections.
const SPARE: usize = 8;

/// How long a connection may wait for its head before it can be closed in favour of another: one
/// that was just opened and is about to send a request is not the problem.
const PATIENCE: Duration = Duration::from_millis(200);

/// The most bytes of a head, and of what is read of a body at once. hyper's own bound is 400 KiB
/// for each connection.
const MAX_BUFFER: usize = 16 * 1024;

/// How long an answer may still take after its connection's time is over.
const GRACE: Duration = Duration::from_secs(5);

/// The same while the daemon ends: a client that does not read must not delay it.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long to wait after the system refused a connection, for example for lack of descriptors:
/// some of the open ones will end.
const PAUSE: Duration = Duration::from_secs(1);

/// How often, at most, we log that connections are closed in favour of others, or cannot be
/// accepted.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Where connections come from.
pub(in crate::web) trait Listener {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Takes the next connection, with the address that it comes from; `None` on a Unix socket.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Io, Option<IpAddr>)>> + Send;
}

impl Listener for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Option<IpAddr>)> {
        let (io, from) = Self::accept(self).await?;
        Ok((io, Some(from.ip())))
    }
}

impl<L: Listener + Send + Sync> Listener for Arc<L> {
    type Io = L::Io;

    async fn accept(&self) -> io::Result<(L::Io, Option<IpAddr>)> {
        L::accept(self).await
    }
}

impl Listener for UnixListener {
    type Io = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Option<IpAddr>)> {
        Self::accept(self).await.map(|(io, _from)| (io, None))
    }
}

/// What connections to one listener may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most connections at one time.
    pub connections: usize,
    /// How long a head may take to arrive, and how long a connection may be idle.
    pub head: Duration,
    /// How long a connection may live, or `None` for as long as it is used.
    pub life: Option<Duration>,
}

/// Serves until told to end, and then briefly finishes the requests under way.
pub(super) async fn serve(
    listener: impl Listener,
    router: Router,
    limits: Limits,
    metrics: &Metrics,
    shutdown: Shutdown,
) {
    let mut open = Open::default();
    let mut refused = Seldom::default();
    loop {
        let again = open.close_idle(limits.connections, metrics);
        let is_full = open.tasks.len() >= limits.connections;
        tokio::select! {
            () = shutdown.triggered() => break,
            Some(_ended) = open.tasks.join_next() => {}
            () = reach(again) => {}
            accepted = listener.accept(), if !is_full => match accepted {
                Ok((io, from)) => {
                    let slot = Arc::new(Slot::new(Instant::now()));
                    open.slots.push(Arc::clone(&slot));
                    let router = TowerToHyperService::new(router.clone());
                    let end = limits.life.map(|life| Instant::now() + life);
                    let lifetime = Lifetime::of(Arc::clone(&slot), end);
                    let answering = Answering { router, slot, from, lifetime };
                    open.tasks.spawn(serve_one(io, answering, limits, shutdown.clone()));
                }
                // The client has already gone.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if refused.may_say() {
                        warn!(
                            error = %error,
                            "No connection could be accepted ({error}); it is tried again each second"
                        );
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    // Connections that do not end by themselves are dropped with the set.
    let mut n_cut_off = 0;
    let all = async {
        while let Some(parting) = open.tasks.join_next().await {
            n_cut_off += usize::from(matches!(parting, Ok(Parting::CutOff)));
        }
    };
    drop(timeout(FAREWELL, all).await);
    n_cut_off += open.tasks.len();
    if n_cut_off > 0 {
        warn!(
            connections = n_cut_off,
            "Connections that had to be cut off {FAREWELL:?} after the shutdown began: \
             {n_cut_off}; the clients sent no complete request, or did not read the answer"
        );
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parting {
    /// By itself, or closed in favour of others.
    Ended,
    /// In the middle of a request or an answer.
    CutOff,
}

/// The connections that are open.
#[derive(Default)]
struct Open {
    tasks: JoinSet<Parting>,
    slots: Vec<Arc<Slot>>,
    crowded: Seldom,
}

impl Open {
    /// Closes as many as necessary of the connections that have waited longest for a head. Returns
    /// when to try again if some have not waited long enough yet.
    fn close_idle(&mut self, limit: usize, metrics: &Metrics) -> Option<Instant> {
        // If nobody else holds a slot, its connection has ended.
        self.slots.retain(|slot| Arc::strong_count(slot) > 1);
        let n_staying = limit.saturating_sub(SPARE).max(1);
        let n_open = self.slots.iter().filter(|slot| !slot.is_leaving()).count();
        let n_over = n_open.saturating_sub(n_staying);
        if n_over == 0 {
            return None;
        }
        let mut waiting: Vec<_> = self
            .slots
            .iter()
            .filter_map(|slot| Some((slot.waits_since()?, slot)))
            .collect();
        waiting.sort_by_key(|(since, _)| *since);
        let now = Instant::now();
        for (since, slot) in waiting.into_iter().take(n_over) {
            if now < since + PATIENCE {
                return Some(since + PATIENCE);
            }
            slot.leave();
            metrics.count(Sample::CrowdedOut {});
            if self.crowded.may_say() {
                warn!(
                    "{n_open} connections are open, close to the limit; those that have waited \
                     longest without a request are closed"
                );
            }
        }
        None
    }
}

/// Limits how often something is logged, however often it happens.
#[derive(Default)]
struct Seldom(Option<Instant>);

impl Seldom {
    fn may_say(&mut self) -> bool {
        let now = Instant::now();
        let may = self.0.is_none_or(|said| now >= said + SAY_EVERY);
        if may {
            self.0 = Some(now);
        }
        may
    }
}

/// Answers the requests of one connection, and keeps its slot up to date.
struct Answering {
    router: TowerToHyperService<Router>,
    slot: Arc<Slot>,
    from: Option<IpAddr>,
    lifetime: Lifetime,
}

/// The address that a request comes from, stored in its extensions; `None` on a Unix socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) Option<IpAddr>);

impl Service<Request<Incoming>> for Answering {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.slot.does(Doing::Answering);
        let mut request = request.map(Body::new);
        let extensions = request.extensions_mut();
        extensions.insert(Peer(self.from));
        extensions.insert(self.lifetime.clone());
        let answer = self.router.call(request);
        let slot = Arc::clone(&self.slot);
        Box::pin(async move {
            let answer = answer.await;
            slot.does(Doing::Waiting(Instant::now()));
            answer
        })
    }
}

/// Serves one connection to its end. Errors on it are the client's concern.
async fn serve_one(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answering: Answering,
    limits: Limits,
    shutdown: Shutdown,
) -> Parting {
    let slot = Arc::clone(&answering.slot);
    let lifetime = answering.lifetime.clone();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(io), answering);
    let mut connection = std::pin::pin!(connection);
    let grace = tokio::select! {
        _ended = connection.as_mut() => return Parting::Ended,
        () = slot.left.notified() => return Parting::Ended,
        () = lifetime.over() => GRACE,
        () = shutdown.triggered() => FAREWELL,
    };
    // The answer under way is sent, and nothing after it.
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ended = connection => Parting::Ended,
        () = sleep(grace) => Parting::CutOff,
    }
}

#[cfg(test)]
mod tests;
