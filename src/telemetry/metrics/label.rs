//! What labels say: names of the configuration, and words of ours, each of a type of its own.

use crate::clock::ClockJump;
use crate::model::{EndpointName, ExportName, Kind, Outcome, TenantName, Trigger, Verb};

/// The value of a label. A row of the catalogue names the type of each of its labels, so that a
/// tenant's name cannot stand where an endpoint's belongs.
pub trait Label {
    /// Returns the value as it is printed.
    fn text(&self) -> &str;
}

/// How a poll of the audit log ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollOutcome {
    /// It waits for a run.
    Asleep,
    /// There was nothing new.
    Quiet,
    /// There was something new.
    Found,
    /// The records that the log named could not be read.
    Failed,
    /// The log did not answer.
    Silent,
    /// We are not allowed to read the log.
    Forbidden,
    /// Part of the log was not read.
    Gap,
}

/// How an attempt at a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The receiver took it.
    Delivered,
    /// The receiver did not take it; it is tried again.
    Failed,
    /// The receiver wants no more events, so the endpoint is disabled.
    Disabled,
}

/// How an attempt to write an export ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportOutcome {
    /// It is in its folder, even if an old one could not be deleted.
    Written,
    /// It was not written.
    Failed,
}

/// A part of the daemon that runs all the time, and is started again if it crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Answers at the control socket.
    Control,
    /// Answers at `server.listen`.
    Web,
    /// Reads the certificate of `[server.tls]` again.
    Certificate,
    /// Maintains the store.
    Maintenance,
    /// Watches the clock.
    Clock,
    /// Delivers to an endpoint.
    Deliveries,
    /// Writes exports.
    Exports,
    /// Finds the tenants of an organization.
    Discovery,
    /// Reads the configuration again.
    Reload,
    /// Reads a whole tenant on its schedule.
    Sweeps,
    /// Polls the audit log of a tenant.
    Polls,
    /// Reads the spaces of a tenant.
    Spaces,
    /// Reads to whom the licence of a tenant is assigned.
    Licences,
}

/// A class of requests to Qlik that share a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QlikTier {
    /// Most reads.
    One,
    /// Tokens, writes, and some reads.
    Two,
}

/// The status of an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpStatus(String);

impl HttpStatus {
    /// The status of an answer.
    pub fn of(status: u16) -> Self {
        Self(status.to_string())
    }

    /// No answer came, or not all of it.
    pub fn none() -> Self {
        Self("none".to_owned())
    }
}

/// The route of a request: a path with names in place of its variable parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRoute(String);

impl HttpRoute {
    /// A route of ours.
    pub fn of(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// No route of ours has the requested path.
    pub fn unknown() -> Self {
        Self("unknown".to_owned())
    }
}

/// What one of Qlik's webhooks contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookResult {
    /// An event that was not received before.
    New,
    /// An event that was received before.
    Repeated,
    /// An event without source or id.
    Unreadable,
}

/// Why a webhook was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookRejection {
    /// No tenant has this name, or it has no webhook.
    UnknownTenant,
    /// It has no signature.
    Unsigned,
    /// Its signature was not made with the secret.
    BadSignature,
    /// Its body is too large.
    TooLarge,
    /// Its body did not arrive in time.
    TooSlow,
    /// As many bodies as we accept at one time are already being read.
    TooMany,
}

impl Label for TenantName {
    fn text(&self) -> &str {
        &self.0
    }
}

impl Label for EndpointName {
    fn text(&self) -> &str {
        &self.0
    }
}

impl Label for ExportName {
    fn text(&self) -> &str {
        &self.0
    }
}

impl Label for Kind {
    fn text(&self) -> &str {
        self.singular()
    }
}

impl Label for Verb {
    fn text(&self) -> &str {
        self.word()
    }
}

impl Label for Trigger {
    fn text(&self) -> &str {
        self.word()
    }
}

impl Label for Outcome {
    fn text(&self) -> &str {
        self.word()
    }
}

impl Label for ClockJump {
    fn text(&self) -> &str {
        self.word()
    }
}

impl Label for PollOutcome {
    fn text(&self) -> &str {
        match self {
            Self::Asleep => "asleep",
            Self::Quiet => "quiet",
            Self::Found => "found",
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Forbidden => "forbidden",
            Self::Gap => "gap",
        }
    }
}

impl Label for DeliveryOutcome {
    fn text(&self) -> &str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Disabled => "disabled",
        }
    }
}

impl Label for ExportOutcome {
    fn text(&self) -> &str {
        match self {
            Self::Written => "written",
            Self::Failed => "failed",
        }
    }
}

impl Part {
    /// Returns the word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Web => "web",
            Self::Certificate => "certificate",
            Self::Maintenance => "maintenance",
            Self::Clock => "clock",
            Self::Deliveries => "deliveries",
            Self::Exports => "exports",
            Self::Discovery => "discovery",
            Self::Reload => "reload",
            Self::Sweeps => "sweeps",
            Self::Polls => "polls",
            Self::Spaces => "spaces",
            Self::Licences => "licences",
        }
    }
}

impl Label for Part {
    fn text(&self) -> &str {
        self.word()
    }
}

impl Label for QlikTier {
    fn text(&self) -> &str {
        match self {
            Self::One => "1",
            Self::Two => "2",
        }
    }
}

impl Label for HttpStatus {
    fn text(&self) -> &str {
        &self.0
    }
}

impl Label for HttpRoute {
    fn text(&self) -> &str {
        &self.0
    }
}

impl Label for HookResult {
    fn text(&self) -> &str {
        match self {
            Self::New => "new",
            Self::Repeated => "repeated",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Label for HookRejection {
    fn text(&self) -> &str {
        match self {
            Self::UnknownTenant => "unknown-tenant",
            Self::Unsigned => "unsigned",
            Self::BadSignature => "bad-signature",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::TooMany => "too-many",
        }
    }
}
