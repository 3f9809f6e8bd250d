//! An emulated Qlik tenant, a console that lists some, and a webhook receiver, with faults that can
//! be switched on.
//!
//! The demo command and the integration tests run against them, so they are exact: where Qlik's
//! documentation says something inconvenient they do it, and where it leaves a question open they
//! take the answer that is harder on a client. They listen on loopback by default, keep everything
//! in memory, and end when their value is dropped.
//!
//! Nothing here knows how the connector reads or how deliveries are made: the tenant speaks
//! Qlik's JSON over HTTP, the receiver checks signatures with code that is not ours.
//!
//! Reading order: the people's names, the tenant, the console, the receiver, then the story that
//! happens in the tenant. `serve` is the one place that starts a task.

mod console;
mod names;
mod oauth;
mod serve;

pub mod tenant;

mod receiver;

mod happening;
mod story;

pub use console::{ConsoleOptions, EmulatedConsole, Required};
pub use happening::{Happening, Step};
pub use oauth::ClientProof;
pub use receiver::{Delivery, Receiver, Reply, Retention};
pub use story::Story;
pub use tenant::EmulatedTenant;

#[cfg(test)]
mod ask;
