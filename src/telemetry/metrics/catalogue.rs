//! What there is to measure: names, units, labels and what each number means.

/// A number that is measured, by tenant and other labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Runs that ended.
    Runs,
    /// When the last run began that read the whole tenant.
    LastAttempt,
    /// When the last of them ended that succeeded.
    LastSuccess,
    /// How long ago that was.
    SinceSuccess,
    /// Records that the last of them could not read.
    Unreadable,
    /// Changes that were found.
    Changes,
    /// Polls of the audit log.
    Polls,
    /// Changes that the audit log should have told of and had not.
    AuditMissed,
    /// Requests to Qlik.
    Requests,
    /// Requests that were sent again.
    Retries,
    /// Time spent waiting for the rate limit.
    Waited,
    /// Qlik's webhooks that were taken.
    HooksReceived,
    /// Qlik's webhooks that were refused.
    HooksRejected,
    /// Connections that were closed to make room for others.
    CrowdedOut,
    /// Attempts to deliver an event.
    Deliveries,
    /// Messages that were sent, each of an event or a batch.
    Messages,
    /// Time until their answers.
    DeliverySeconds,
    /// Events given up on.
    Parked,
    /// How far an endpoint is behind the journal.
    Behind,
    /// Whether an endpoint takes events.
    EndpointTakes,
    /// Room that the store takes.
    StoreBytes,
    /// Of that, what lives in it.
    StoreLive,
    /// Room that is missing for a copy of it.
    StoreLacks,
    /// Copies that took its place.
    StoreCompactions,
    /// Losses of history that nobody has taken note of.
    StoreLosses,
    /// Entries of the journal.
    JournalEntries,
    /// When the first of them was found.
    JournalOldest,
    /// Since when an endpoint holds the journal.
    JournalHeld,
    /// Times that somebody set the clock.
    ClockTurns,
}

/// How a number moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Up only, from zero at the start of the process.
    Counter,
    /// Up and down.
    Gauge,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::Runs,
        Self::LastAttempt,
        Self::LastSuccess,
        Self::SinceSuccess,
        Self::Unreadable,
        Self::Changes,
        Self::Polls,
        Self::AuditMissed,
        Self::Requests,
        Self::Retries,
        Self::Waited,
        Self::HooksReceived,
        Self::HooksRejected,
        Self::CrowdedOut,
        Self::Deliveries,
        Self::Messages,
        Self::DeliverySeconds,
        Self::Parked,
        Self::Behind,
        Self::EndpointTakes,
        Self::StoreBytes,
        Self::StoreLive,
        Self::StoreLacks,
        Self::StoreCompactions,
        Self::StoreLosses,
        Self::JournalEntries,
        Self::JournalOldest,
        Self::JournalHeld,
        Self::ClockTurns,
    ];

    /// Returns the name, which stays the same from release to release.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "qlik_roster_runs_total",
            Self::LastAttempt => "qlik_roster_last_attempt_timestamp_seconds",
            Self::LastSuccess => "qlik_roster_last_success_timestamp_seconds",
            Self::SinceSuccess => "qlik_roster_since_success_seconds",
            Self::Unreadable => "qlik_roster_unreadable_records",
            Self::Changes => "qlik_roster_changes_total",
            Self::Polls => "qlik_roster_polls_total",
            Self::AuditMissed => "qlik_roster_audit_missed",
            Self::Requests => "qlik_roster_qlik_requests_total",
            Self::Retries => "qlik_roster_qlik_retries_total",
            Self::Waited => "qlik_roster_qlik_waited_seconds_total",
            Self::HooksReceived => "qlik_roster_qlik_webhooks_total",
            Self::HooksRejected => "qlik_roster_qlik_webhooks_rejected_total",
            Self::CrowdedOut => "qlik_roster_connections_crowded_out_total",
            Self::Deliveries => "qlik_roster_deliveries_total",
            Self::Messages => "qlik_roster_messages_total",
            Self::DeliverySeconds => "qlik_roster_delivery_seconds_total",
            Self::Parked => "qlik_roster_parked_total",
            Self::Behind => "qlik_roster_endpoint_behind_entries",
            Self::EndpointTakes => "qlik_roster_endpoint_takes_events",
            Self::StoreBytes => "qlik_roster_store_bytes",
            Self::StoreLive => "qlik_roster_store_live_bytes",
            Self::StoreLacks => "qlik_roster_store_lacks_bytes",
            Self::StoreCompactions => "qlik_roster_store_compactions_total",
            Self::StoreLosses => "qlik_roster_store_losses",
            Self::JournalEntries => "qlik_roster_journal_entries",
            Self::JournalOldest => "qlik_roster_journal_oldest_timestamp_seconds",
            Self::JournalHeld => "qlik_roster_journal_held_since_timestamp_seconds",
            Self::ClockTurns => "qlik_roster_clock_jumps_total",
        }
    }

    /// Returns what it means, in one line.
    pub fn help(self) -> &'static str {
        match self {
            Self::Runs => "Runs that ended, dry runs left out.",
            Self::LastAttempt => "When the last run began that read the whole tenant.",
            Self::LastSuccess => {
                "When the last run ended that read the whole tenant and succeeded."
            }
            Self::SinceSuccess => {
                "How long ago that was, whatever the clock says; the start counts as well."
            }
            Self::Unreadable => {
                "Records that could not be read by the last run over the whole tenant."
            }
            Self::Changes => "Changes that were found and taken over.",
            Self::Polls => "Polls of the tenant's audit log.",
            Self::AuditMissed => {
                "Changes that the last run over the whole tenant found and the audit log should \
                 have told of. Should be 0."
            }
            Self::Requests => "Requests sent to Qlik, those sent again among them.",
            Self::Retries => "Requests sent to Qlik again after a failure.",
            Self::Waited => "Time spent waiting for the rate limit, Qlik's or our own.",
            Self::HooksReceived => "Webhooks of Qlik's that were signed as they should be.",
            Self::HooksRejected => "Webhooks that were refused.",
            Self::CrowdedOut => {
                "Connections that waited without a request and were closed to make room for others."
            }
            Self::Deliveries => "Attempts to deliver an event, by outcome.",
            Self::Messages => "Messages that were sent, each of one event or a batch.",
            Self::DeliverySeconds => "Time from sending a message to its answer.",
            Self::Parked => "Events that were given up on.",
            Self::Behind => "Entries of the journal that the endpoint has not settled.",
            Self::EndpointTakes => {
                "1 while the endpoint takes events; 0 while it is in trouble or disabled."
            }
            Self::StoreBytes => "Bytes on disk of everything that is the store's.",
            Self::StoreLive => "Bytes of what lives in the store; 0: not known.",
            Self::StoreLacks => {
                "Bytes that have to be made free before the store can give its room back; 0: none."
            }
            Self::StoreCompactions => "Times that the store was compacted.",
            Self::JournalEntries => "Events in the journal.",
            Self::StoreLosses => {
                "Times that history was lost with a damaged store, and no operator has taken note."
            }
            Self::JournalOldest => "When the first event in the journal was found; 0: it is empty.",
            Self::JournalHeld => {
                "When the event was found that the endpoint has to settle before the journal can \
                 be cut at its keep time; 0: the endpoint holds nothing."
            }
            Self::ClockTurns => {
                "Times that the machine's clock was set by more than half a minute, or it slept."
            }
        }
    }

    /// Returns how it moves.
    pub fn shape(self) -> Shape {
        match self {
            Self::LastAttempt
            | Self::LastSuccess
            | Self::SinceSuccess
            | Self::Unreadable
            | Self::AuditMissed
            | Self::Behind
            | Self::EndpointTakes
            | Self::StoreBytes
            | Self::StoreLive
            | Self::StoreLacks
            | Self::JournalEntries
            | Self::JournalOldest
            | Self::StoreLosses
            | Self::JournalHeld => Shape::Gauge,
            Self::Runs
            | Self::Changes
            | Self::Polls
            | Self::Requests
            | Self::Retries
            | Self::Waited
            | Self::HooksReceived
            | Self::HooksRejected
            | Self::CrowdedOut
            | Self::ClockTurns
            | Self::StoreCompactions
            | Self::Deliveries
            | Self::Messages
            | Self::DeliverySeconds
            | Self::Parked => Shape::Counter,
        }
    }

    /// Returns the names of its labels.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Runs => &["tenant", "trigger", "outcome"],
            Self::LastAttempt
            | Self::LastSuccess
            | Self::SinceSuccess
            | Self::AuditMissed
            | Self::Requests
            | Self::Retries
            | Self::Waited => &["tenant"],
            Self::Unreadable => &["tenant", "kind"],
            Self::Changes => &["tenant", "kind", "verb"],
            Self::Polls => &["tenant", "outcome"],
            Self::HooksReceived => &["tenant", "result"],
            Self::HooksRejected => &["reason"],
            Self::ClockTurns => &["direction"],
            Self::Deliveries | Self::Messages | Self::DeliverySeconds => &["endpoint", "outcome"],
            Self::Parked | Self::Behind | Self::EndpointTakes | Self::JournalHeld => &["endpoint"],
            Self::CrowdedOut
            | Self::StoreBytes
            | Self::StoreLive
            | Self::StoreLacks
            | Self::StoreCompactions
            | Self::StoreLosses
            | Self::JournalEntries
            | Self::JournalOldest => &[],
        }
    }
}
