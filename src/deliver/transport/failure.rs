//! Why an attempt did not deliver, and what an operator can do about it.

use std::time::Duration;

use super::address::RefusedAddress;
use super::consent::Refusal;
use crate::obstacle::{Obstacle, Stage};
use crate::telemetry::chain;

/// Why an attempt did not deliver. No message contains the endpoint's URL, which may include
/// tokens, or any part of the event or the receiver's answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The receiver has an address that endpoints may not be reached at.
    #[error("refusing to connect to the receiver")]
    RefusedAddress(#[source] RefusedAddress),
    /// This machine has no descriptor left for a connection: the receiver was not contacted.
    #[error("opening a connection: too many files are open on this machine")]
    NoDescriptor,
    /// No connection could be established, or no secure one.
    #[error("reaching the receiver")]
    Unreached(#[source] Obstacle),
    /// No answer came in time.
    #[error("no answer came within {limit:?}")]
    Timeout {
        /// The endpoint's time-out.
        limit: Duration,
    },
    /// The connection broke before an answer came, or the answer was not HTTP.
    #[error("sending the event to the receiver: {0}")]
    Broken(&'static str),
    /// The receiver redirects. Events are not sent to a place for which their secret and address
    /// rule were not meant.
    #[error("the receiver answered {status}, and redirects are not followed")]
    Redirect {
        /// The answer's status.
        status: u16,
    },
    /// The receiver asks for fewer requests.
    #[error("the receiver answered {status}: it asks us to slow down")]
    Throttled {
        /// The answer's status.
        status: u16,
    },
    /// The receiver was asked whether it wants events, and did not agree.
    #[error("the receiver does not consent to getting events (status {status}): {refusal}")]
    NoConsent {
        /// The answer's status, on which consent does not depend.
        status: u16,
        /// What is missing.
        refusal: Refusal,
    },
    /// The receiver wants no more events.
    #[error("the receiver answered 410: it wants no more events")]
    Gone,
    /// The receiver does not accept the event.
    #[error("the receiver answered {status}: it does not accept the event")]
    Rejected {
        /// The answer's status.
        status: u16,
    },
    /// The receiver does not accept bodies as large as this one.
    #[error("the receiver answered 413: {bytes} bytes are too large for it")]
    TooLarge {
        /// Size of the body that was sent, in bytes.
        bytes: usize,
    },
    /// The receiver has a failure of its own.
    #[error("the receiver answered {status}: it failed")]
    ReceiverFailed {
        /// The answer's status.
        status: u16,
    },
}

/// What may be to blame for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::deliver) enum Blame {
    /// The endpoint: any other event would have failed, too.
    Endpoint,
    /// The event: the endpoint works, and does not want it.
    Event,
    /// Either; the outcome of other events decides.
    Either,
}

impl Failure {
    /// Returns what may be to blame.
    pub(in crate::deliver) fn blame(&self) -> Blame {
        match self {
            Self::RefusedAddress(_)
            | Self::NoDescriptor
            | Self::Unreached(_)
            | Self::Throttled { .. }
            | Self::NoConsent { .. }
            | Self::Gone => Blame::Endpoint,
            // A credential that is refused is refused for every event, but a receiver may well
            // answer the same for a single event that it does not want.
            Self::Timeout { .. }
            | Self::Broken(_)
            | Self::ReceiverFailed { .. }
            | Self::Rejected { status: 401 | 403 } => Blame::Either,
            Self::Redirect { .. } | Self::Rejected { .. } | Self::TooLarge { .. } => Blame::Event,
        }
    }

    /// Returns whether the receiver had no part in the failure, so that the failure says nothing
    /// about the receiver.
    pub(in crate::deliver) fn is_ours(&self) -> bool {
        matches!(self, Self::NoDescriptor)
    }

    /// Returns code and message, with all causes in one line.
    pub(in crate::deliver) fn in_words(&self) -> String {
        format!("{}: {}", self.code(), chain(self))
    }

    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RefusedAddress(_) => "deliver.refused-address",
            Self::NoDescriptor => "deliver.no-descriptor",
            Self::Unreached(obstacle) => match obstacle.stage() {
                Stage::Name => "deliver.lookup",
                Stage::Connection => "deliver.connect",
                Stage::Proxy => "deliver.proxy",
                Stage::Tls => "deliver.tls",
            },
            Self::Timeout { .. } => "deliver.timeout",
            Self::Broken(_) => "deliver.broken",
            Self::Redirect { .. } => "deliver.redirect",
            Self::Throttled { .. } => "deliver.throttled",
            Self::NoConsent { .. } => "deliver.no-consent",
            Self::Gone => "deliver.gone",
            Self::Rejected { .. } => "deliver.rejected",
            Self::TooLarge { .. } => "deliver.too-large",
            Self::ReceiverFailed { .. } => "deliver.receiver-failed",
        }
    }

    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::RefusedAddress(_) => {
                "name the network in `allow_private` if the receiver really is there"
            }
            Self::NoDescriptor => {
                "raise the process's limit of open files (`LimitNOFILE` of systemd, `ulimit -n`), \
                 or lower `max_in_flight`"
            }
            Self::Unreached(obstacle) => match (obstacle.remedy(), obstacle.stage()) {
                (Some(remedy), _) => remedy,
                (None, Stage::Name) => "check the host name in `url` and this machine's DNS",
                (None, Stage::Connection | Stage::Tls) => {
                    "check that the receiver runs and that a firewall lets this machine reach it"
                }
                (None, Stage::Proxy) => {
                    "check `proxy` and its password, and that the proxy lets this machine reach \
                     the receiver; its log says more"
                }
            },
            Self::Timeout { .. } => {
                "let the receiver answer first and work afterwards, or raise `timeout`"
            }
            Self::Broken(_) => "look into the receiver's log, and that of any proxy in front of it",
            Self::Redirect { .. } => "put the address that the receiver points to into `url`",
            Self::Throttled { .. } => "nothing, unless this continues: the receiver sets the pace",
            Self::NoConsent { .. } => {
                "let the receiver answer OPTIONS with `WebHook-Allowed-Origin`: our \
                 `handshake_origin` or `*`; or leave `handshake` out if it does not know of it"
            }
            Self::Gone => {
                "remove the endpoint from the configuration; or enable it \
                 again, with `qlik-roster endpoints enable` or by a change of its `url`, for \
                 which adding `#again` is enough"
            }
            Self::Rejected { status: 401 | 403 } => {
                "check the endpoint's secret, its `headers` and its client certificate; the \
                 receiver's log says which of them it does not accept"
            }
            Self::Rejected { .. } => {
                "check `url` and the secret; the receiver's log says why it does not accept"
            }
            Self::TooLarge { .. } => {
                "let the receiver, and any proxy in front of it, accept bodies of that size \
                 (nginx: `client_max_body_size`); or leave large fields out of its events with \
                 `omit`"
            }
            Self::ReceiverFailed { .. } => "look into the receiver's log",
        }
    }

    /// Returns the status that the receiver answered with, if it answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Redirect { status }
            | Self::Throttled { status }
            | Self::Rejected { status }
            | Self::NoConsent { status, .. }
            | Self::ReceiverFailed { status } => Some(*status),
            Self::Gone => Some(410),
            Self::TooLarge { .. } => Some(413),
            Self::RefusedAddress(_)
            | Self::NoDescriptor
            | Self::Unreached(_)
            | Self::Timeout { .. }
            | Self::Broken(_) => None,
        }
    }
}
