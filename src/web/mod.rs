//! What the daemon serves: the control socket for the command line, its health and its
//! numbers, and the door for Qlik's own webhooks.
//!
//! The control socket is a Unix socket in the store's folder. Whoever may open the folder
//! may ask; nobody else can. That needs no token that could leak or expire, no port that
//! could be taken, and the command line finds it where it looks for the store anyway.
//! Health is plain HTTP on `server.listen`, tells nothing about people, and needs no
//! credentials, as probes have none; the same goes for the metrics. A webhook is signed with
//! its tenant's secret, and whatever it says, all that it does is wake the tenant's poll.
//!
//! Anybody may open a connection, so connections are what has a bound ([`Limits`]): how many
//! there are, how long a head may take, how long each may live. The daemon's other work never
//! lacks a descriptor for them.
//!
//! axum's words live here; `control` answers.

mod connections;
mod server;

mod health;
mod hooks;
mod metrics;

mod socket;

pub use connections::Limits;
pub use health::Health;
pub use hooks::{HookCheck, QlikHooks};
pub use server::{Front, serve};
pub use socket::{ControlSocket, SocketError};
