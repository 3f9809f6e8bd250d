//! Which events are wanted, and whether a given event is one of them.

use serde::{Deserialize, Serialize};

use super::choice::contains;
use crate::model::{
    Called, Change, Entry, Fact, Holder, Id, Kind, Record, RightChange, RightHolders, Seq,
    Timestamp,
};

/// Filters for events. An event must match all of them; the default matches every event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventChoice {
    /// Of this type, `user.updated`, or of several, `user.*`, `*.deleted`.
    pub event_type: Option<String>,
    /// About records of this kind.
    pub kind: Option<Kind>,
    /// About this user.
    pub user: Option<Whose>,
    /// Found at this time or later.
    pub since: Option<Timestamp>,
}

/// Filters for changes that a dry run would report. A change must match all of them; the default
/// matches every change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeChoice {
    /// Of this type, `user.updated`, or of several, `user.*`, `*.deleted`.
    pub event_type: Option<String>,
    /// Of records of this kind.
    pub kind: Option<Kind>,
    /// Of records whose id, name, subject or e-mail address contains this text, before the change
    /// or after it. Letter case is ignored.
    pub text: Option<String>,
}

/// The user whose events are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whose {
    /// The accounts that have this name now.
    pub ids: Vec<Id>,
    /// The name, subject, e-mail address or id, which an account may also have had earlier.
    pub called: String,
}

/// Where a page of events begins, and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventPage {
    /// After this position, in the order of the journal.
    After(Seq),
    /// Before this position, the newest first; `None` to begin at the end of the journal.
    Before(Option<Seq>),
}

/// The type of entries that receivers never get, such as a first load.
pub const MARK: &str = "mark";

/// Returns whether a type matches: the same type, or a pattern such as `user.*`, `*.deleted` or
/// `*`.
pub fn is_of_type(wanted: &str, event_type: &str) -> bool {
    match (wanted.strip_suffix('*'), wanted.strip_prefix('*')) {
        (Some(begin), _) => event_type.starts_with(begin),
        (None, Some(end)) => event_type.ends_with(end),
        (None, None) => event_type == wanted,
    }
}

impl EventChoice {
    /// Returns whether an entry matches.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        let Self {
            event_type,
            kind,
            user,
            since,
        } = self;
        let change = match &entry.fact {
            Fact::Changed(change) => Some(change),
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
            | Fact::RoleContentChanged { .. } => None,
        };
        let holder = match &entry.fact {
            Fact::RightChanged(RightChange {
                holders: RightHolders::One(holder),
                ..
            }) => Some(holder),
            _ => None,
        };
        let is_of = |kind: Kind| match &entry.fact {
            Fact::RightChanged(_) => kind == Kind::User,
            Fact::RoleContentChanged { .. } => kind == Kind::Role,
            _ => change.is_some_and(|change| change.kind() == kind),
        };
        let is_typed =
            |wanted: &String| is_of_type(wanted, entry.fact.event_type().unwrap_or(MARK));
        event_type.as_ref().is_none_or(is_typed)
            && kind.is_none_or(is_of)
            && since.is_none_or(|since| entry.at >= since)
            && user.as_ref().is_none_or(|whose| {
                change.is_some_and(|change| whose.is_of(change))
                    || holder.is_some_and(|holder| whose.is(holder))
            })
    }
}

impl ChangeChoice {
    /// Returns whether every change matches.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn takes(&self, change: &Change) -> bool {
        let Self {
            event_type,
            kind,
            text,
        } = self;
        let mut records = change.before().into_iter().chain(change.after());
        event_type
            .as_ref()
            .is_none_or(|wanted| is_of_type(wanted, change.event_type()))
            && kind.is_none_or(|kind| kind == change.kind())
            && text.as_ref().is_none_or(|part| {
                records.any(|record| record.any_name(|name| contains(name, part)))
            })
    }
}

impl Whose {
    fn is(&self, holder: &Holder) -> bool {
        self.ids.contains(&holder.id.0) || holder.is_called(&self.called)
    }

    fn is_of(&self, change: &Change) -> bool {
        let is_named =
            |record: Option<&Record>| record.is_some_and(|it| it.is_called(&self.called));
        change.kind() == Kind::User
            && (self.ids.contains(change.id())
                || is_named(change.before())
                || is_named(change.after()))
    }
}
