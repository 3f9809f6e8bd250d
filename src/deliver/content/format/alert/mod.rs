//! Messages that a person reads: what has happened, who is concerned, and the next step.
//!
//! What names come from a source is untrusted text. It can neither mention anybody in the chat, nor
//! make a link, nor change how the message is laid out.

mod notice;
mod plain;
mod slack;
mod teams;
mod template;

use super::super::message::Message;
use super::super::shown::Shown;
use crate::model::{AccessChange, Entry, Fact, Right, RightChange};
use notice::Notice;

pub use template::{AlertTemplate, InvalidTemplate};

/// The types of events that alerts tell of.
pub const ALERT_TYPES: [&str; 7] = [
    "sync.held",
    "sync.failed",
    "sync.recovered",
    "endpoint.disabled",
    "history.lost",
    "access.granted",
    "access.revoked",
];

/// How alerts are written for an endpoint.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// The service that they are for.
    pub style: AlertStyle,
    /// Of which roles they tell who gains or loses them.
    pub roles: AlertRoles,
}

/// The service that alerts are written for.
#[derive(Debug, Clone)]
pub enum AlertStyle {
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow of Microsoft Teams.
    Teams,
    /// Any address, by a template.
    Template(AlertTemplate),
}

/// The roles whose new and former holders alerts tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertRoles {
    /// Those whose holders are administrators, as the source says.
    OfAdministrators,
    /// Those that the endpoint selects.
    Selected,
}

impl Alerts {
    /// Returns the name of the style in the configuration.
    pub(super) fn name(&self) -> &'static str {
        match self.style {
            AlertStyle::Slack => "slack",
            AlertStyle::Teams => "teams",
            AlertStyle::Template(_) => "template",
        }
    }

    /// Returns whether there is an alert about an entry.
    pub(super) fn can_tell(&self, entry: &Entry) -> bool {
        match &entry.fact {
            Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::EndpointDisabled { .. }
            | Fact::HistoryLost(_) => true,
            Fact::RightChanged(change) => self.tells_of(change),
            Fact::Changed(_)
            | Fact::Loaded { .. }
            | Fact::SpaceChanged(_)
            | Fact::LicenceChanged(_)
            | Fact::Unreadable
            | Fact::RoleContentChanged { .. } => false,
        }
    }

    fn tells_of(&self, change: &RightChange) -> bool {
        let is_begun_or_ended = match change.change {
            AccessChange::Granted | AccessChange::Revoked => true,
            AccessChange::PathChanged => false,
        };
        let is_of_role = match &change.right {
            Right::Role(role) => match self.roles {
                AlertRoles::OfAdministrators => role.is_admin(),
                AlertRoles::Selected => true,
            },
            Right::SpaceRole { .. } | Right::App { .. } => false,
        };
        is_begun_or_ended && is_of_role
    }

    /// Writes the alert about an event.
    pub(super) fn message(&self, event: &Shown<'_>) -> Message {
        let notice = Notice::of(event);
        let body = match &self.style {
            AlertStyle::Slack => slack::body(&notice),
            AlertStyle::Teams => teams::body(&notice),
            AlertStyle::Template(template) => template.body(&notice),
        };
        Message {
            id: event.id.to_owned(),
            content_type: "application/json",
            headers: Vec::new(),
            body: body.to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests;
