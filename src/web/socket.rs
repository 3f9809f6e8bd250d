//! The control socket: questions and answers as JSON over HTTP on a Unix socket.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path as AxumPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::control::{
    AnyQuery, Control, ControlError, GivenCommand, SentError, TaskId, socket_path,
};
use crate::history::HistoryError;
use crate::signal::Shutdown;
use crate::telemetry::{Metrics, chain};

use super::{Limits, connections};

/// The most bytes of a socket's path, without the closing zero: `sun_path` in unix(7).
const MAX_PATH: usize = 107;

/// How long a command may be silent between two requests.
const HEAD: Duration = Duration::from_secs(60);

/// How long a request waits for the end of a task.
const LONG_POLL: Duration = Duration::from_secs(20);

/// The size of a piece of a backup, and how many wait for the client at most.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 4;

/// The state of the routes: what answers, and when the daemon ends.
type Answering = (Arc<Control>, Shutdown);

/// Why the control socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Unix limits the length of a socket's path.
    #[error(
        "the control socket {} has a path of more than {MAX_PATH} bytes; choose a shorter \
         `store.path`",
        path.display()
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("opening the control socket {}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl SocketError {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PathTooLong { .. } => "web.socket-path",
            Self::Io { .. } => "web.socket",
        }
    }
}

/// The open socket. Clones share it, and its file is removed when it has been served.
#[derive(Debug, Clone)]
pub struct ControlSocket {
    listener: Arc<UnixListener>,
    path: PathBuf,
}

impl ControlSocket {
    /// Opens the socket of a store. The caller has the store open, so an existing socket file was
    /// left by a process that is gone.
    pub fn open(store: &Path) -> Result<Self, SocketError> {
        let path = socket_path(store);
        if path.as_os_str().len() > MAX_PATH {
            return Err(SocketError::PathTooLong { path });
        }
        let open = || {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        let listener = open().map_err(|source| SocketError::Io {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            listener: Arc::new(listener),
            path,
        })
    }

    /// Answers until told to end.
    pub async fn serve(
        self,
        control: Arc<Control>,
        connections: usize,
        metrics: Metrics,
        shutdown: Shutdown,
    ) -> io::Result<()> {
        let router = Router::new()
            .route("/queries", post(ask))
            .route("/commands", post(order))
            .route("/tasks/{task}", get(watch))
            .route("/backup", get(back_up))
            .with_state((control, shutdown.clone()));
        let limits = Limits {
            connections,
            head: HEAD,
            // An answer takes as long as the disk takes.
            life: None,
        };
        connections::serve(self.listener, router, limits, &metrics, shutdown).await;
        // The next process would remove it as well, and it does not matter if the file is already
        // gone.
        drop(std::fs::remove_file(&self.path));
        Ok(())
    }
}

async fn ask(
    State((control, shutdown)): State<Answering>,
    Json(query): Json<AnyQuery>,
) -> Response {
    respond(control.ask_with_sources(query), &shutdown).await
}

async fn order(
    State((control, shutdown)): State<Answering>,
    Json(order): Json<GivenCommand>,
) -> Response {
    let GivenCommand { by, command } = order;
    respond(control.order(by, command), &shutdown).await
}

async fn watch(
    State((control, shutdown)): State<Answering>,
    AxumPath(task): AxumPath<TaskId>,
) -> Response {
    respond(control.watch(&task, LONG_POLL), &shutdown).await
}

/// Sends a backup as it is made. A client that gets less than all of it notices that: the answer is
/// cut off, and the checksum at its end is missing.
async fn back_up(State((control, _shutdown)): State<Answering>) -> Response {
    let (sender, mut receiver) = mpsc::channel(PIECES);
    let out = BufWriter::with_capacity(PIECE, Pieces(sender.clone()));
    control.begin_backup(out, move |ended| match ended {
        Ok(backed_up) => info!(rows = backed_up.rows, "A backup was made"),
        Err(failed) => {
            warn!(code = failed.code(), error = %chain(&failed), "A backup failed: {}", chain(&failed));
            // Nobody receives it if the client has gone.
            drop(sender.blocking_send(Err(io::Error::other(failed.to_string()))));
        }
    });
    let pieces = stream::poll_fn(move |context| receiver.poll_recv(context));
    Body::from_stream(pieces).into_response()
}

/// Where a backup is written: to a client, piece by piece. It waits while the client is slow.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        match sent {
            Ok(()) => Ok(bytes.len()),
            Err(_gone) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits for an answer, unless the daemon ends before.
async fn respond<T: Serialize>(
    answer: impl Future<Output = Result<T, ControlError>>,
    shutdown: &Shutdown,
) -> Response {
    let answered = tokio::select! {
        answered = answer => answered,
        () = shutdown.triggered() => Err(ControlError::Ending),
    };
    match answered {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => (status(&error), Json(SentError::of(&error))).into_response(),
    }
}

/// Returns the HTTP status for an error.
pub(super) fn status(error: &ControlError) -> StatusCode {
    match error {
        ControlError::UnknownTenant { .. }
        | ControlError::UnknownPlan { .. }
        | ControlError::UnknownFinding { .. }
        | ControlError::NotAccepted { .. }
        | ControlError::UnknownEndpoint { .. }
        | ControlError::UnknownExport { .. }
        | ControlError::UnknownEvent { .. }
        | ControlError::UnknownTask { .. }
        | ControlError::OtherStore { .. }
        | ControlError::UnknownToken { .. }
        | ControlError::NoSuchAccount { .. }
        | ControlError::NotParked { .. } => StatusCode::NOT_FOUND,
        ControlError::SupersededPlan { .. }
        | ControlError::ClosedPlan { .. }
        | ControlError::Unwanted { .. }
        | ControlError::NotSentYet { .. }
        | ControlError::NotEnded { .. }
        | ControlError::FailedTask { .. }
        | ControlError::TooManyTokens { .. }
        | ControlError::NoSnapshots { .. }
        | ControlError::NotExported { .. } => StatusCode::CONFLICT,
        ControlError::DroppedOutcome { .. } | ControlError::PositionGone { .. } => StatusCode::GONE,
        ControlError::WrongFeedChoice { .. } => StatusCode::BAD_REQUEST,
        ControlError::Ending | ControlError::NoRandomness { .. } => StatusCode::SERVICE_UNAVAILABLE,
        ControlError::History { source } => match source {
            HistoryError::NotCovered { .. }
            | HistoryError::TooManyInSpaces { .. }
            | HistoryError::TooManyInLicence { .. } => StatusCode::CONFLICT,
            HistoryError::WasCut | HistoryError::Unsteady { .. } => StatusCode::SERVICE_UNAVAILABLE,
            HistoryError::Store { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        },
        ControlError::Store { .. } | ControlError::Compact { .. } => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
