//! Tells webhook receivers what changed.
//!
//! There is one journal and, for each endpoint, one cursor in the store. A [`Worker`] reads the
//! entries after its cursor, skips what its endpoint does not want, and sends the rest as Standard
//! Webhooks 1.0.0 says, several at once. It moves the cursor once a receiver answers with a 2xx.
//! It takes no input but hints to look; after a restart it continues from the cursor.
//!
//! What must stay true:
//!
//! - **At least once.** The cursor moves after the answer, never before. A crash between the two
//!   sends again what was not settled on disk: at most a thousand events or, if that is more, four
//!   times what may be under way, up to eight thousand. It never skips one. Receivers recognise a
//!   repetition by `webhook-id`, in a batch by the ids of its events.
//! - **In order for each record.** Events of one record wait for one another, even while one waits
//!   for its next attempt; events of other records do not. A successor under a new id is announced
//!   after the deletion of its predecessor.
//! - **Failures stay with their endpoint.** An endpoint that accepts nothing is probed with one
//!   message at a time, not by each event on its own schedule, and no other endpoint notices.
//! - **The same bytes.** Body and id are a pure function of store and entry ([`Event`]), as long as
//!   the endpoint's configuration and the program stay the same. So they are not stored, and all
//!   attempts, even those after a restart, send the same. Only the time-stamp and thus the
//!   signature belong to the attempt.
//! - **The schedule outlives the process.** An event that failed has a row of its own, with the
//!   number of failures and the time when it is due; the cursor moves past it. Waits use the wall
//!   clock, so a machine that slept does not wait longer. If somebody sets that clock, which the
//!   monotonic clock reveals, waiting events and their rows are adapted to it. Otherwise, a clock
//!   set back would make them wait that much longer, and a clock set ahead by days would make an
//!   endpoint seem to have failed for days.
//! - **Nothing is lost.** When the [`Schedule`] ends, the event is parked in the same write that
//!   removes its row. An endpoint that answers 410, or fails for days, is disabled and keeps its
//!   position. A 410 is about the URL: another one in the configuration enables the endpoint again,
//!   and so does an operator's order.
//! - **Operators' requests are rows, too.** Orders and replays stay in the store until the worker
//!   has carried them out, so that they survive a crash, and only the worker writes its cursor.
//! - **Memory has a bound, in bytes**, that all endpoints share ([`Feed`]): for entries that were
//!   read ahead, which are shared as well, and for messages under way. Beyond it, deliveries are
//!   kept without their entries, which are read again when they are sent. The number of deliveries
//!   has a bound, too: four times what may be under way is read ahead, at least five hundred and at
//!   most eight thousand; of failed events, ten thousand are remembered by position; the rest of a
//!   backlog stays on disk.
//! - **Known records are sent by the same cursor.** A backfill sends records as they are, then the
//!   journal continues where it was: a snapshot never shows deletions. A tenant whose first load
//!   has not ended is not known; an endpoint that starts with a backfill gets its records when the
//!   entry comes that ends the load.
//! - **The current configuration counts.** Whatever waits or has to be sent again is checked
//!   against it again when it is read.
//! - **No way inside.** Whoever can write a URL must not reach what only this machine can. The
//!   address rule is applied to every address that a name resolves to, between look-up and
//!   connection, so that a name cannot answer differently the second time. Each endpoint has a
//!   client of its own, so that no connection serves another's rule. Redirects are not followed and
//!   the environment's proxies are not used, since either would bypass the rule. A proxy that the
//!   endpoint names replaces the rule for names. Plain http reaches named networks only.
//! - **Nothing is sent without consent** if an endpoint asks for a handshake; the agreed origin
//!   goes with every request.
//! - **Nothing leaks.** No URL, body, answer, header value or secret is in a log line, an error or
//!   `Debug`. The beginning of an answer is kept for the operator, and shown only on demand.
//! - **No format sees a record.** Whatever an endpoint may not see is removed from an event before
//!   a format gets it (`shown`), so that no format can show it by mistake.
//!
//! Programs that cannot be reached from outside pull the same events ([`PullRequest`]). They
//! keep their own positions, so nothing is stored for them.
//!
//! Folders, by subject:
//!
//! - `endpoint`: how an endpoint is set up ([`Endpoint`], [`Flow`], [`Schedule`], [`Egress`]).
//!   Pure.
//! - `content`: what is sent. Pure: [`EventFilter`], [`Event`], [`Selection`], [`Privacy`],
//!   [`Format`], [`Message`], the signature.
//! - `transport`: the way to a receiver, and the result of one attempt. The address rule,
//!   [`Failure`] and [`Verdict`] are pure; around them are the resolver, the endpoint's client, the
//!   handshake and one attempt (`send`).
//! - `pull`: pages of events for programs that ask for them.
//! - `queue`: what to send next. The order of events (`lanes`), what is to blame for a failure
//!   (`health`) and how far an endpoint has got (`position`, `state`) are pure; around them are
//!   reading and writing (`reader`, `endpoint_store`), the dispatch of a message
//!   (`dispatch`) and the loop of an endpoint ([`Worker`]).

mod content;
mod endpoint;
mod pull;
mod queue;
mod transport;

mod error;

#[cfg(test)]
mod tests;

pub use content::event::{Data, Event, Subject, TEST_EVENT};
pub use content::filter::{EVENT_TYPES, EventFilter, InvalidFilter};
pub use content::format::{
    ALERT_TYPES, AlertRoles, AlertStyle, AlertTemplate, Alerts, Batching, EventSource, Format,
    InvalidSetKey, InvalidSource, InvalidTemplate, Mode, ScimSets, SetEvents, SetKey, body,
};
pub use content::message::Message;
pub use content::privacy::{InvalidPrivacy, Privacy};
pub use content::secret_generation::{NoRandomness, generate_secret, generate_shared_secret};
pub use content::selection::Selection;
pub use content::signature::{InvalidSecret, SigningSecret, signatures};
pub use content::subscription::Subscription;
pub use endpoint::egress::{Egress, ExtraHeaders, InvalidHeader};
pub use endpoint::flow::{Backfilling, DEFAULT_IN_FLIGHT, Flow, Lists, MAX_IN_FLIGHT};
pub use endpoint::options::{DEFAULT_TIMEOUT, Endpoint, InvalidEndpoint, Options};
pub use endpoint::schedule::Schedule;
pub use error::DeliverError;
pub use pull::{Gone, PullError, PullFrom, PullRequest, Pulled, PulledEvent};
pub use queue::feed::Feed;
pub use queue::state::Drained;
pub use queue::worker::Worker;
pub use transport::address::{Range, RefusedAddress};
pub use transport::consent::{Grant, InvalidOrigin, Origin, Refusal};
pub use transport::failure::Failure;
pub use transport::send::test;
pub use transport::verdict::{HttpReply, Verdict};
