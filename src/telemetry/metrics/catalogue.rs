//! All metrics: their names, units, labels and meanings.

use super::label::{
    DeliveryOutcome, ExportOutcome, HookRejection, HookResult, HttpRoute, HttpStatus, Label, Part,
    PollOutcome, QlikTier,
};
use crate::clock::ClockJump;
use crate::model::{EndpointName, ExportName, Kind, Outcome, TenantName, Trigger, Verb};

macro_rules! metrics {
    ($($metric:ident { $($label:ident: $value:ty),* } $shape:ident $name:literal $help:literal;)+) => {
        /// A metric, by tenant and other labels; `help` says what it means.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each row of the table says what it means")]
        pub enum Metric {
            $($metric,)+
        }

        /// A metric with a value for each of its labels: one series.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each row of the table says what it means")]
        pub enum Sample<'a> {
            $($metric { $($label: &'a $value),* },)+
        }

        impl Metric {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$metric,)+];

            /// Returns the name, which stays the same from release to release.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$metric => $name,)+
                }
            }

            /// Returns what it means, in one line.
            pub fn help(self) -> &'static str {
                match self {
                    $(Self::$metric => $help,)+
                }
            }

            /// Returns how it moves.
            pub fn shape(self) -> Shape {
                match self {
                    $(Self::$metric => Shape::$shape,)+
                }
            }

            /// Returns the names of its labels.
            pub fn labels(self) -> &'static [&'static str] {
                match self {
                    $(Self::$metric => &[$(stringify!($label)),*],)+
                }
            }
        }

        impl<'a> Sample<'a> {
            /// Returns the metric.
            pub fn metric(self) -> Metric {
                match self {
                    $(Self::$metric { .. } => Metric::$metric,)+
                }
            }

            /// Returns the values of its labels, in the order of [`Metric::labels`].
            pub fn values(self) -> Vec<&'a str> {
                match self {
                    $(Self::$metric { $($label),* } => vec![$(Label::text($label)),*],)+
                }
            }
        }
    };
}

// Metric, its labels and their types, how it moves, its name, and what it means.
metrics! {
    Runs { tenant: TenantName, trigger: Trigger, outcome: Outcome } Counter "qlik_roster_runs_total"
        "Runs that ended, without dry runs.";
    LastAttempt { tenant: TenantName } Gauge "qlik_roster_last_attempt_timestamp_seconds"
        "When the last run that read the whole tenant began.";
    LastSuccess { tenant: TenantName } Gauge "qlik_roster_last_success_timestamp_seconds"
        "When the last successful run that read the whole tenant ended.";
    SinceSuccess { tenant: TenantName } Gauge "qlik_roster_since_success_seconds"
        "How long ago the last successful run ended, or how long the daemon has run without one; \
         changes of the clock have no effect.";
    Unreadable { tenant: TenantName, kind: Kind } Gauge "qlik_roster_unreadable_records"
        "Records that the last run over the whole tenant could not read.";
    Changes { tenant: TenantName, kind: Kind, verb: Verb } Counter "qlik_roster_changes_total"
        "Changes that were found and applied.";
    Records { tenant: TenantName, kind: Kind } Gauge "qlik_roster_records"
        "Users, groups and roles that are known.";
    HeldPlans { tenant: TenantName } Gauge "qlik_roster_held_plans"
        "Plans of held removals that wait for an operator: 0 or 1.";
    Polls { tenant: TenantName, outcome: PollOutcome } Counter "qlik_roster_polls_total"
        "Polls of the tenant's audit log.";
    AuditMissed { tenant: TenantName } Gauge "qlik_roster_audit_missed"
        "Changes that the last run over the whole tenant found but the audit log did not show. Should be 0.";
    SessionGaps { tenant: TenantName } Counter "qlik_roster_session_gaps_total"
        "Polls that found a session that may be anybody's, so that the last sessions of users are \
         known only from then on.";
    Requests { tenant: TenantName } Counter "qlik_roster_qlik_requests_total"
        "Requests sent to Qlik, including those sent again.";
    Retries { tenant: TenantName } Counter "qlik_roster_qlik_retries_total"
        "Requests sent to Qlik again after a failure.";
    QlikAnswers { tenant: TenantName, tier: QlikTier, status: HttpStatus } Counter "qlik_roster_qlik_answers_total"
        "Answers of Qlik to requests, by the tier of its rate limits and the HTTP status.";
    Waited { tenant: TenantName } Counter "qlik_roster_qlik_waited_seconds_total"
        "Time spent waiting for the rate limit, Qlik's or our own.";
    HooksReceived { tenant: TenantName, result: HookResult } Counter "qlik_roster_qlik_webhooks_total"
        "Webhooks from Qlik with a valid signature.";
    HooksRejected { reason: HookRejection } Counter "qlik_roster_qlik_webhooks_rejected_total"
        "Webhooks that were refused.";
    HttpRequests { route: HttpRoute, status: HttpStatus } Counter "qlik_roster_http_requests_total"
        "Requests that were answered, by route and status.";
    EventConsumers {} Gauge "qlik_roster_event_consumers"
        "Programs that wait for events or have a stream of them open.";
    CertificateExpiry {} Gauge "qlik_roster_server_certificate_expiry_timestamp_seconds"
        "When the certificate that is shown at `server.listen` expires.";
    CrowdedOut {} Counter "qlik_roster_connections_crowded_out_total"
        "Connections that waited without a request and were closed in favour of others.";
    Deliveries { endpoint: EndpointName, outcome: DeliveryOutcome } Counter "qlik_roster_deliveries_total"
        "Attempts to deliver an event, by outcome: delivered, failed, or disabled the endpoint.";
    Messages { endpoint: EndpointName, outcome: DeliveryOutcome } Counter "qlik_roster_messages_total"
        "Messages that were sent, each of one event or a batch.";
    DeliverySeconds { endpoint: EndpointName, outcome: DeliveryOutcome } Counter "qlik_roster_delivery_seconds_total"
        "Time from sending a message to its answer.";
    Parked { endpoint: EndpointName } Counter "qlik_roster_parked_total"
        "Events that were given up on.";
    ParkedNow { endpoint: EndpointName } Gauge "qlik_roster_parked_events"
        "Events that are parked now: given up on, and not sent again or dismissed.";
    OldestUndelivered { endpoint: EndpointName } Gauge "qlik_roster_endpoint_oldest_undelivered_seconds"
        "How long ago the oldest event was found that the endpoint still has to get; 0: there is \
         none.";
    Behind { endpoint: EndpointName } Gauge "qlik_roster_endpoint_behind_entries"
        "Entries of the journal that the endpoint has not settled.";
    EndpointTakes { endpoint: EndpointName } Gauge "qlik_roster_endpoint_takes_events"
        "1 while the endpoint accepts events; 0 while it is in trouble or disabled.";
    Exports { export: ExportName, outcome: ExportOutcome } Counter "qlik_roster_exports_total"
        "Attempts to write an export, by outcome: written or failed.";
    ExportWritten { export: ExportName } Gauge "qlik_roster_export_last_written_timestamp_seconds"
        "The time that the newest export in the folder describes.";
    StoreBytes {} Gauge "qlik_roster_store_bytes"
        "Bytes on disk of everything that belongs to the store.";
    StoreLive {} Gauge "qlik_roster_store_live_bytes"
        "Bytes of the store's live contents; 0: not known.";
    StoreLacks {} Gauge "qlik_roster_store_lacks_bytes"
        "Bytes that have to be freed on the disk before the store can be compacted; 0: none.";
    StoreCompactions {} Counter "qlik_roster_store_compactions_total"
        "Times that the store was compacted.";
    StoreLosses {} Gauge "qlik_roster_store_losses"
        "Times that history was lost with a damaged store and no operator has acknowledged it.";
    JournalEntries {} Gauge "qlik_roster_journal_entries"
        "Events in the journal.";
    JournalOldest {} Gauge "qlik_roster_journal_oldest_timestamp_seconds"
        "When the first event in the journal was found; 0: it is empty.";
    JournalKept { endpoint: EndpointName } Gauge "qlik_roster_journal_held_since_timestamp_seconds"
        "When the oldest event that is kept beyond its keep time only for this endpoint was found; \
         0: there is none.";
    ClockJumps { direction: ClockJump } Counter "qlik_roster_clock_jumps_total"
        "Times that the machine's clock was changed by more than half a minute, or the machine \
         slept.";
    Crashes { part: Part } Counter "qlik_roster_crashes_total"
        "Times that a part of the daemon crashed because of a mistake in the program, and was \
         started again.";
}

/// How a number moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Up only, from zero at the start of the process.
    Counter,
    /// Up and down.
    Gauge,
}
