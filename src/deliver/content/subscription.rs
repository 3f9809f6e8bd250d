//! Which events a receiver gets, and what it sees of them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::event::Event;
use super::filter::EventFilter;
use super::format::Format;
use super::message::Message;
use super::privacy::Privacy;
use super::selection::Selection;
use crate::model::{
    AccessChange, Account, Change, Entry, Fact, Field, Kind, Record, TenantId, TenantName,
};

/// Which events a receiver gets, and what it sees of them. The default is everything.
#[derive(Debug, Clone, Default)]
pub struct Subscription {
    /// The types of events that it wants.
    pub events: EventFilter,
    /// The records that it wants events about.
    pub selection: Selection,
    /// What it may not see of them.
    pub privacy: Privacy,
    /// How events are written for it.
    pub format: Format,
    /// The tenants that it may know of; `None` for all.
    pub covered: Option<BTreeSet<TenantId>>,
    /// The operator's names for tenants, as of the last look-up.
    pub called: BTreeMap<TenantId, TenantName>,
}

impl Subscription {
    /// Returns whether it needs the operator's names for tenants.
    pub(in crate::deliver) fn needs_names(&self) -> bool {
        self.selection.names_tenants()
    }

    /// Returns whether an entry has an event that it wants.
    pub(in crate::deliver) fn wants(&self, entry: &Entry) -> bool {
        let Some(event_type) = entry.fact.event_type() else {
            return false;
        };
        // Every receiver has to know that history is missing, whatever `events` names.
        let is_chosen = match &entry.fact {
            Fact::HistoryLost(_) => true,
            Fact::Changed(_)
            | Fact::Loaded { .. }
            | Fact::SpaceChanged(_)
            | Fact::LicenceChanged(_)
            | Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::EndpointDisabled { .. }
            | Fact::Unreadable
            | Fact::RightChanged(_)
            | Fact::RoleContentChanged { .. } => self.events.wants(event_type),
        };
        if !is_chosen || !self.format.can_tell(entry) {
            return false;
        }
        let wants = match &entry.fact {
            // Endpoints belong to the operator: their names may tell of other tenants.
            Fact::EndpointDisabled { .. } => self.covered.is_none(),
            Fact::Changed(change) => self.wants_change(change),
            // A receiver that may not know the roles of users must not learn them in another way,
            // nor those in spaces.
            Fact::RightChanged(right) => {
                self.selection.wants_right(&right.right)
                    && !self.privacy.omits(Field::UserRoles)
                    && (right.change != AccessChange::PathChanged || self.may_know_groups())
            }
            Fact::RoleContentChanged { role, .. } => {
                self.selection.wants_role(role)
                    && !self.privacy.omits(Field::RolePermissions)
                    && !self.privacy.omits(Field::RoleScopes)
            }
            Fact::SpaceChanged(_) => self.selection.wants_spaces(),
            Fact::Loaded { .. }
            | Fact::LicenceChanged(_)
            | Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::Unreadable
            | Fact::HistoryLost(_) => true,
        };
        wants
            && entry
                .account()
                .is_none_or(|account| self.wants_tenant(account))
    }

    /// Returns whether there are snapshots that it wants.
    pub(in crate::deliver) fn wants_snapshots(&self) -> bool {
        Kind::ALL.into_iter().any(|kind| {
            self.events.wants(kind.snapshot_type())
                && self.format.can_tell_record(kind)
                && self.selection.may_want(kind)
        })
    }

    /// Returns whether it wants a snapshot of a record.
    pub(in crate::deliver) fn wants_record(&self, account: &Account, record: &Record) -> bool {
        self.events.wants(record.kind().snapshot_type())
            && self.format.can_tell_record(record.kind())
            && self.selection.wants_record(None, Some(record))
            && self.wants_tenant(account)
    }

    /// Writes events, with what it may see of them: at least one, and more only if the format has
    /// batches.
    pub(in crate::deliver) fn message(&self, events: &[Event<'_>]) -> Message {
        let events: Vec<_> = events
            .iter()
            .map(|event| self.privacy.show(event))
            .collect();
        self.format.message(&events)
    }

    /// Returns whether it may know which groups give users their roles. If not, it is not told that
    /// only a path changed, since that would reveal that a group did.
    fn may_know_groups(&self) -> bool {
        let of_groups = [Field::UserGroups, Field::GroupRoles];
        !of_groups.into_iter().any(|field| self.privacy.omits(field))
    }

    fn wants_tenant(&self, account: &Account) -> bool {
        let covered = self.covered.as_ref();
        let is_covered = covered.is_none_or(|covered| covered.contains(&account.tenant));
        let called = self.called.get(&account.tenant);
        is_covered && self.selection.wants_tenant(account, called)
    }

    /// Returns whether it wants a change. A change only of fields that it may not see is not sent:
    /// even the fact that something changed would reveal something.
    fn wants_change(&self, change: &Change) -> bool {
        if !self.selection.wants_record(change.before(), change.after()) {
            return false;
        }
        match change {
            Change::Created { .. } | Change::Deleted { .. } => true,
            Change::Updated { before, after } => {
                let kind = change.kind();
                if self.format.tells_all_fields() && !self.privacy.omits_any(kind) {
                    return true;
                }
                let visible = self.privacy.visible_changes(before, after);
                let mut visible = visible.into_iter();
                visible.any(|field| self.format.can_tell_field(kind, field))
            }
        }
    }
}
