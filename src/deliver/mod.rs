//! Tells webhook receivers what changed.
//!
//! There is one journal and, for each endpoint, one cursor in the store. A [`Worker`] reads the
//! entries behind its cursor, leaves out what its endpoint does not want, sends the rest, several
//! at once, as Standard Webhooks 1.0.0 says, and moves the cursor when a receiver answered with
//! a 2xx. Nothing comes to it but hints to look; a restart goes on where the cursor stands.
//!
//! What must stay true:
//!
//! - **At least once.** The cursor moves after the answer, never before. A crash between the two
//!   sends again what was not settled on disk: a thousand events at the most, or four times what
//!   may be under way, up to eight thousand. It never skips one. Receivers tell a repetition by
//!   `webhook-id`, in a batch by the ids of its events.
//! - **In order for each record.** Events of one record wait for one another, also where one
//!   waits for its next attempt; those of others do not. A successor under a new id is told of
//!   after its predecessor has gone.
//! - **Trouble is the endpoint's.** One that takes nothing is probed by one message at a time,
//!   not by each event on a schedule of its own, and no other endpoint notices.
//! - **The same bytes.** Body and id are a pure function of store and entry ([`Event`]), as long as
//!   the endpoint's configuration and the program stay the same. So nothing is kept of them, and
//!   all attempts, also those after a restart, send the same. Only the time-stamp and with it the
//!   signature are the attempt's own.
//! - **The schedule outlives the process.** An event that failed has a row of its own, with how
//!   often it did and when it is due; the cursor steps over it. Waiting is a matter of the wall
//!   clock, so a machine that slept does not wait longer. Where somebody sets that clock, which the
//!   monotonic one tells, what waits follows it, rows and all: set back, it would wait for as much
//!   longer; set ahead by days, an endpoint would seem to have failed for days.
//! - **Nothing is lost.** When the [`Schedule`] ends, the event is parked in the same write
//!   that takes its row away. An endpoint that answers 410, or fails for days, is disabled and
//!   keeps its place. What is gone is the URL: another one in the configuration brings the
//!   endpoint back, and so does an operator's order.
//! - **Operators' wishes are rows, too.** Orders and replays stand in the store until the worker
//!   has taken them up, so that they outlive a crash, and nobody but the worker writes its cursor.
//! - **Memory has a bound, in bytes**, that all endpoints share ([`Feed`]): entries that were read
//!   ahead, which are shared as well, and messages under way. Beyond it, deliveries go without
//!   their entries, which are read again when they are sent. Their number has a bound, too: four
//!   times what may be under way is read ahead, five hundred at the least and eight thousand at the
//!   most; ten thousand that failed are known by their places; the rest of a backlog stays on disk.
//! - **What is known is told by the same cursor.** A backfill sends records as they are, then the
//!   journal goes on where it was: a snapshot never tells who is gone. A tenant whose first load
//!   has not ended is not known; an endpoint that is told first what is known gets its records when
//!   the entry comes that ends the load.
//! - **The configuration of now counts.** What waits, and what is asked for once more, is
//!   compared with it again when it is read.
//! - **No way inside.** Whoever can write a URL must not reach what only this machine can: the
//!   address rule is applied to every address that a name resolves to, between look-up and
//!   connection, so that a name cannot answer differently the second time. Each endpoint has a
//!   client of its own, so that no connection serves another's rule. Redirects are not followed
//!   and the environment's proxies not used; either would go around the rule. A proxy that the
//!   endpoint names takes the rule's place, for names. Plain http reaches named networks only.
//! - **Nobody is sent to who has not agreed**, where an endpoint asks for a handshake; what was
//!   agreed on goes with every request.
//! - **Nobody shows.** No URL, body, answer, header's value or secret is in a log line, an error
//!   or `Debug`. What an answer began with is kept for the operator, and shown on demand alone.
//! - **No format sees a record.** What an endpoint may not see is taken out of an event before
//!   a format gets it (`shown`), so that none can show it by mistake.
//!
//! Four folders, by what they are about:
//!
//! - `endpoint`: how an endpoint is set up ([`Endpoint`], [`Flow`], [`Schedule`], [`Egress`]).
//!   Pure.
//! - `content`: what is sent. Pure: [`EventFilter`], [`Event`], [`Selection`], [`Privacy`],
//!   [`Format`], [`Message`], the signature.
//! - `transport`: the way to a receiver, and what came of one attempt. The address rule,
//!   [`Failure`] and [`Verdict`] are pure; around them are the resolver, the endpoint's client, the
//!   handshake and one attempt (`send`).
//! - `queue`: what is to be sent next. The order of events (`lanes`), whom a failure is to blame on
//!   (`health`) and how far an endpoint is (`position`, `state`) are pure; around them are what is
//!   read and written (`reader`, `endpoint_store`), the dispatch of a message (`dispatch`) and the
//!   loop of an endpoint ([`Worker`]).

mod content;
mod endpoint;
mod queue;
mod transport;

mod error;

#[cfg(test)]
mod tests;

pub use content::event::{Data, Event, Subject, TEST_EVENT};
pub use content::filter::{EVENT_TYPES, EventFilter, InvalidFilter, UNSENT_TYPES};
pub use content::format::{
    Batching, EventSource, Format, InvalidSetKey, InvalidSource, Mode, ScimSets, SetEvents, SetKey,
    body,
};
pub use content::message::Message;
pub use content::privacy::{InvalidPrivacy, Privacy};
pub use content::secret_generation::{NoRandomness, generate_secret, generate_shared_secret};
pub use content::selection::Selection;
pub use content::signature::{InvalidSecret, SigningSecret, signatures};
pub use endpoint::egress::{Egress, ExtraHeaders, InvalidHeader};
pub use endpoint::flow::{Backfilling, DEFAULT_IN_FLIGHT, Flow, MAX_IN_FLIGHT};
pub use endpoint::options::{DEFAULT_TIMEOUT, Endpoint, InvalidEndpoint, Options};
pub use endpoint::schedule::Schedule;
pub use error::RunError;
pub use queue::feed::Feed;
pub use queue::state::Drained;
pub use queue::worker::Worker;
pub use transport::address::{Range, RefusedAddress};
pub use transport::consent::{Grant, InvalidOrigin, Origin, Refusal};
pub use transport::failure::Failure;
pub use transport::send::test;
pub use transport::verdict::{Answer, Verdict};
