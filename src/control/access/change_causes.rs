//! Finds the entries that changed a right, and so who did it, as far as that is known.
//!
//! A run reports changes of rights after the changes that they follow from. So the entries before
//! a report say what changed: a user's roles or groups, what a group gives, or a space.

use std::collections::{BTreeSet, VecDeque};

use crate::control::ControlError;
use crate::model::{
    Entry, Fact, Id, Path, Record, Reported, Right, RightChange, RightHolders, Seq, ShownPath,
    SpaceAssignment, SpaceChange, SpaceHead, SpaceShare, Timestamp, UserId,
};
use crate::store::Store;

use super::change_rows::{ChangeBasis, ChangeCause};

/// How many entries before a report are searched. A change that is farther back counts as unknown.
const LOOK_BACK: u64 = 2_000;

/// The changes that were read last, the oldest first.
pub(super) struct Causes {
    entries: VecDeque<Entry>,
}

impl Causes {
    /// Reads the last entries up to this one.
    pub(super) fn up_to(store: &Store, last: Seq) -> Result<Self, ControlError> {
        let mut causes = Self {
            entries: VecDeque::new(),
        };
        let mut after = Seq(last.0.saturating_sub(LOOK_BACK));
        while after < last {
            let entries = store.entries(after, 500)?;
            let Some(newest) = entries.last().map(|entry| entry.seq) else {
                break;
            };
            after = newest;
            let entries = entries.into_iter();
            entries
                .filter(|entry| entry.seq <= last)
                .for_each(|entry| causes.take(entry));
        }
        Ok(causes)
    }

    /// Adds the next entry, if it is a change.
    pub(super) fn take(&mut self, entry: Entry) {
        if !matches!(entry.fact, Fact::Changed(_) | Fact::SpaceChanged(_)) {
            return;
        }
        self.entries.push_back(entry);
        if self.entries.len() as u64 > LOOK_BACK {
            self.entries.pop_front();
        }
    }

    /// Returns what changed a right: the latest entries that gave its new paths, or that took away
    /// its old paths if none is new. If one of these entries is not found, only the time of the
    /// report is known.
    pub(super) fn of(&self, entry: &Entry, right: &RightChange) -> ChangeCause {
        let observed = ChangeCause {
            basis: ChangeBasis::Observed,
            at: entry.at,
            by: BTreeSet::new(),
        };
        let holder = match &right.holders {
            RightHolders::One(holder) => Some(&holder.id),
            RightHolders::Listed { .. } | RightHolders::Everybody { .. } => None,
        };
        let tenant = entry.account().map(|account| &account.tenant);
        let paths = |paths: &[ShownPath]| -> BTreeSet<Path> {
            paths.iter().map(|shown| shown.path.clone()).collect()
        };
        let (before, after) = (paths(&right.before), paths(&right.after));
        let new: BTreeSet<_> = after.difference(&before).collect();
        let gone: BTreeSet<_> = before.difference(&after).collect();
        let differing = if new.is_empty() { gone } else { new };
        let mut whole: Option<ChangeCause> = None;
        for path in differing {
            let change = Changed {
                right: &right.right,
                path,
                holder,
            };
            let entries = self.entries.iter().rev();
            let mut of_tenant = entries.filter(|it| {
                it.seq < entry.seq && it.account().map(|account| &account.tenant) == tenant
            });
            let Some(cause) = of_tenant.find_map(|it| change.cause(it)) else {
                return observed;
            };
            whole = Some(match whole {
                None => cause,
                Some(before) => before.and(cause),
            });
        }
        whole.unwrap_or(observed)
    }
}

/// A path to a right that was added or removed.
struct Changed<'a> {
    right: &'a Right,
    path: &'a Path,
    /// The user whose path it is; `None` if several users share it.
    holder: Option<&'a UserId>,
}

impl Changed<'_> {
    /// Returns what an entry says of the change; `None` if the entry did not make it.
    fn cause(&self, entry: &Entry) -> Option<ChangeCause> {
        match &entry.fact {
            Fact::Changed(change) => {
                let (before, after) = (change.before(), change.after());
                let is_cause = self.is_given_by(before) != self.is_given_by(after);
                is_cause.then(|| reported(entry))
            }
            Fact::SpaceChanged(change) => self.in_space(entry, change),
            Fact::Loaded { .. }
            | Fact::LicenceChanged(_)
            | Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::EndpointDisabled { .. }
            | Fact::Unreadable
            | Fact::HistoryLost(_)
            | Fact::RightChanged(_)
            | Fact::RoleContentChanged { .. } => None,
        }
    }

    /// Returns whether a record does its part in giving the path: for a path through a group, the
    /// user is in the group, and the group gives the role.
    fn is_given_by(&self, record: Option<&Record>) -> bool {
        match record {
            None | Some(Record::Role(_)) => false,
            Some(Record::User(user)) => {
                self.holder == Some(&user.id)
                    && match (self.path, self.right) {
                        (Path::Direct, Right::Role(role)) => {
                            user.roles.iter().any(|roles| roles.contains_key(&role.id))
                        }
                        (Path::Group(group), _) => {
                            user.groups.iter().any(|groups| groups.contains_key(group))
                        }
                        (_, _) => false,
                    }
            }
            Some(Record::Group(group)) => match (self.path, self.right) {
                (Path::Group(id) | Path::Everyone(id), Right::Role(role)) => {
                    *id == group.id && group.roles.iter().any(|roles| roles.contains_key(&role.id))
                }
                (_, _) => false,
            },
        }
    }

    fn in_space(&self, entry: &Entry, change: &SpaceChange) -> Option<ChangeCause> {
        if self.right.space().map(|space| &space.id) != Some(&change.id) {
            return None;
        }
        let assignee = match self.path {
            Path::Direct => self.holder.map(|user| user.0.clone()),
            Path::Group(group) | Path::Everyone(group) => Some(group.0.clone()),
            Path::UserDefault | Path::Owner => None,
        };
        match self.right {
            Right::Role(_) => None,
            Right::SpaceRole { role, .. } => {
                if *self.path == Path::Owner {
                    let owner = |head: &Option<SpaceHead>| {
                        head.as_ref().and_then(|head| head.owner.clone())
                    };
                    let differs = owner(&change.before) != owner(&change.after);
                    return differs.then(|| observed(entry));
                }
                let mut members = change.assignments.members.iter();
                members.find_map(|(of, (before, after))| {
                    let has = |it: &Option<SpaceAssignment>| {
                        it.as_ref().is_some_and(|it| it.roles.contains(role))
                    };
                    let is_cause = Some(&of.id) == assignee.as_ref() && has(before) != has(after);
                    is_cause.then(|| match (before, after) {
                        (None, Some(new)) => {
                            by_source(entry, new.created_at, new.created_by.as_ref())
                        }
                        (_, _) => observed(entry),
                    })
                })
            }
            Right::App { resource, role, .. } => {
                let mut members = change.shares.members.values();
                members.find_map(|(before, after)| {
                    let has = |it: &Option<SpaceShare>| {
                        it.as_ref().is_some_and(|it| {
                            it.resource == *resource
                                && it.roles.contains(role)
                                && it.with == assignee
                        })
                    };
                    let is_cause = has(before) != has(after);
                    is_cause.then(|| match (before, after) {
                        (None, Some(new)) => {
                            by_source(entry, new.created_at, new.created_by.as_ref())
                        }
                        (_, _) => observed(entry),
                    })
                })
            }
        }
    }
}

/// Returns who made a change and when, as the audit log reports it.
fn reported(entry: &Entry) -> ChangeCause {
    match &entry.reported {
        None => observed(entry),
        Some(Reported { last, by, .. }) => ChangeCause {
            basis: ChangeBasis::Audit,
            at: *last,
            by: by.clone().unwrap_or_default(),
        },
    }
}

/// Returns who created an assignment or a share and when, as the source shows it.
fn by_source(entry: &Entry, at: Option<Timestamp>, by: Option<&Id>) -> ChangeCause {
    match at {
        None => observed(entry),
        Some(at) => ChangeCause {
            basis: ChangeBasis::Api,
            at,
            by: by.map(|id| UserId(id.clone())).into_iter().collect(),
        },
    }
}

fn observed(entry: &Entry) -> ChangeCause {
    ChangeCause {
        basis: ChangeBasis::Observed,
        at: entry.at,
        by: BTreeSet::new(),
    }
}
