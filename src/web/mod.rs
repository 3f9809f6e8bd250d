//! What the daemon serves: the control socket for the command line, and its health.
//!
//! The control socket is a Unix socket in the store's folder. Whoever may open the folder
//! may ask; nobody else can. That needs no token that could leak or expire, no port that
//! could be taken, and the command line finds it where it looks for the store anyway.
//! Health is plain HTTP on `server.listen`, tells nothing about people, and needs no
//! credentials, as probes have none.
//!
//! axum's words live here; `control` answers.

mod health;
mod socket;

pub use health::{Health, serve_health};
pub use socket::{ControlSocket, SocketError};
