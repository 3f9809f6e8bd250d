//! What the daemon serves: the control socket for the command line, its health and metrics, records
//! for programs, and the address for Qlik's own webhooks.
//!
//! The control socket is a Unix socket in the store's folder. Only those who may open the folder
//! can send requests. That needs no token that could leak or expire and no port that could be
//! taken, and the command line finds it where it looks for the store anyway. Health is plain HTTP
//! on `server.listen`, says nothing about people, and needs no credentials, since probes have none;
//! the same is true of the metrics. A webhook is signed with its tenant's secret, and whatever it
//! says, it only wakes the tenant's poll. Programs read records on `server.listen` too, each with a
//! token (`api/`).
//!
//! Anybody may open a connection, so connections are bounded ([`Limits`]): how many there are, how
//! long a head may take, how long each may live. So they never use up the descriptors that the
//! daemon's other work needs.
//!
//! axum's words live here; `control` answers.

mod connections;
mod openapi;
mod server;
mod tls;

mod api;

mod health;
mod hooks;
mod metrics;

mod socket;

pub use connections::Limits;
pub use health::Health;
pub use hooks::{HookCheck, QlikHooks};
pub use server::{Address, Front, serve, serve_opening};
pub use socket::{ControlSocket, SocketError};
pub use tls::Tls;
