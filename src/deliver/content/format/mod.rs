//! The formats in which an endpoint can get its events.
//!
//! Each format uses only what [`Shown`] contains of an event. It is pure, so every attempt sends
//! the same bytes.

mod alert;
mod batching;
mod cloudevents;
mod scim;
mod scim_patch;
mod scim_set;
mod source;
mod standard;

use serde_json::Value;

use super::message::Message;
use super::shown::Shown;
use crate::model::{Entry, Fact, Kind};

pub use alert::{ALERT_TYPES, AlertRoles, AlertStyle, AlertTemplate, Alerts, InvalidTemplate};
pub use batching::Batching;
pub use cloudevents::Mode;
pub use scim_set::{InvalidSetKey, ScimSets, SetEvents, SetKey};
pub use source::{EventSource, InvalidSource};
pub use standard::body;

/// How events are written for an endpoint.
#[derive(Debug, Clone, Default)]
pub enum Format {
    /// The body that Standard Webhooks describes, one event in each message.
    #[default]
    Standard,
    /// `CloudEvents` 1.0.2.
    CloudEvents {
        /// How events are laid out in a request.
        mode: Mode,
        /// Who the events are from.
        source: EventSource,
    },
    /// Security Event Tokens of SCIM.
    ScimSet(Box<ScimSets>),
    /// Messages that a person reads.
    Alert(Box<Alerts>),
}

impl Format {
    /// Returns whether its messages have to be signed. Services for people verify no signature:
    /// whoever knows the address can post there.
    pub(in crate::deliver) fn is_signed(&self) -> bool {
        match self {
            Self::Standard | Self::CloudEvents { .. } | Self::ScimSet(_) => true,
            Self::Alert(_) => false,
        }
    }

    /// Returns its name in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::CloudEvents { mode, .. } => match mode {
                Mode::Structured => "cloudevents",
                Mode::Binary => "cloudevents-binary",
                Mode::Batch(_) => "cloudevents-batch",
            },
            Self::ScimSet(_) => "scim-set",
            Self::Alert(alerts) => alerts.name(),
        }
    }

    /// Returns the public half of the key that signs its tokens, as a JSON Web Key; `None` for a
    /// format without tokens.
    pub fn set_key(&self) -> Option<Value> {
        match self {
            Self::Standard | Self::CloudEvents { .. } | Self::Alert(_) => None,
            Self::ScimSet(sets) => Some(sets.key.public()),
        }
    }

    /// Returns how events are batched; `None` for a format with one event in each message.
    pub fn batching(&self) -> Option<Batching> {
        match self {
            Self::CloudEvents {
                mode: Mode::Batch(batching),
                ..
            } => Some(*batching),
            Self::CloudEvents {
                mode: Mode::Structured | Mode::Binary,
                ..
            }
            | Self::Standard
            | Self::ScimSet(_)
            | Self::Alert(_) => None,
        }
    }

    /// Returns whether the format can express an entry's event.
    pub(in crate::deliver) fn can_tell(&self, entry: &Entry) -> bool {
        match self {
            Self::Standard | Self::CloudEvents { .. } => true,
            Self::Alert(alerts) => alerts.can_tell(entry),
            Self::ScimSet(_) => match &entry.fact {
                Fact::Changed(change) => ScimSets::can_tell(change.kind()),
                Fact::Loaded { .. }
                | Fact::SpaceChanged(_)
                | Fact::LicenceChanged(_)
                | Fact::Held { .. }
                | Fact::Failed { .. }
                | Fact::Recovered(_)
                | Fact::EndpointDisabled { .. }
                | Fact::Unreadable
                | Fact::HistoryLost(_)
                | Fact::RightChanged(_)
                | Fact::RoleContentChanged { .. } => false,
            },
        }
    }

    /// Returns whether the format can express a record of this kind.
    pub(in crate::deliver) fn can_tell_record(&self, kind: Kind) -> bool {
        match self {
            Self::Standard | Self::CloudEvents { .. } => true,
            Self::ScimSet(_) => ScimSets::can_tell(kind),
            Self::Alert(_) => false,
        }
    }

    /// Returns whether the format can express every field.
    pub(in crate::deliver) fn tells_all_fields(&self) -> bool {
        match self {
            Self::Standard | Self::CloudEvents { .. } => true,
            Self::ScimSet(_) | Self::Alert(_) => false,
        }
    }

    /// Returns whether the format can express a field.
    pub(in crate::deliver) fn can_tell_field(&self, kind: Kind, field: &str) -> bool {
        match self {
            Self::Standard | Self::CloudEvents { .. } => true,
            Self::ScimSet(_) => ScimSets::can_tell_field(kind, field),
            Self::Alert(_) => false,
        }
    }

    /// Writes events in this format: at least one, and more only if it has batches.
    pub(in crate::deliver) fn message(&self, events: &[Shown<'_>]) -> Message {
        let event = events.first().expect("a message carries an event");
        match self {
            Self::Standard => standard::message(event),
            Self::CloudEvents { mode, source } => cloudevents::message(*mode, source, events),
            Self::ScimSet(sets) => sets.message(event),
            Self::Alert(alerts) => alerts.message(event),
        }
    }
}
