//! Starts an HTTP server on a task of its own, and joins it at the end.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::serve::ListenerExt;
use bytes::Bytes;
use http_body::Frame;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::signal::{Shutdown, ShutdownTrigger, shutdown};

/// Open requests have this long to end; a client that never reads must not hold us.
const GRACE: Duration = Duration::from_secs(2);

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    trigger: ShutdownTrigger,
    task: JoinHandle<()>,
}

impl Served {
    /// Binds the address, or a free port on loopback, and serves the router that `build` returns
    /// together with whatever the caller wants to keep. `build` gets the shutdown, so that nothing
    /// slow outlives the server.
    #[expect(
        clippy::disallowed_methods,
        reason = "the demo may not import the daemon's tasks; this one is joined in `stop`"
    )]
    pub async fn start<T>(
        address: Option<SocketAddr>,
        build: impl FnOnce(Shutdown) -> (Router, T),
    ) -> io::Result<(Self, T)> {
        let address = address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        // Without it a small answer may wait 40 ms for the client's acknowledgement.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let (trigger, ended) = shutdown();
        let (router, made) = build(ended.clone());
        let task = tokio::spawn(async move {
            let served = axum::serve(listener, router)
                .with_graceful_shutdown(async move { ended.triggered().await });
            // Accepting never fails for good: axum waits and goes on.
            drop(served.await);
        });
        let served = Self {
            address,
            trigger,
            task,
        };
        Ok((served, made))
    }

    /// Returns where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Stops listening, lets open requests end within a bound, and joins the task.
    pub async fn stop(mut self) {
        self.trigger.trigger();
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// Returns a body whose connection breaks after the given bytes.
pub fn break_after(bytes: Bytes) -> Body {
    Body::new(BrokenBody::Sending(bytes))
}

enum BrokenBody {
    Sending(Bytes),
    /// Yields once without data. The server writes its buffer only when there is nothing more to
    /// read, so an immediate error would discard the bytes before it.
    Flushing,
    Broken,
}

impl HttpBody for BrokenBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Sending(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Flushing;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Flushing => {
                *self = Self::Broken;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Broken => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }
}
