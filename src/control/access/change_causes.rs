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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        AccessChange, AccountChange, Change, Coded, Found, Group, GroupId, GroupType, Holder,
        RoleId, RoleMention, Space, SpaceId, SpaceMention,
    };

    fn id(n: u32) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// Returns a space that shares an app with user 3, since time 5, by user 4.
    fn sharing(is_disabled: bool) -> Space {
        let share = SpaceShare {
            sort: "user".to_owned(),
            with: Some(id(3)),
            roles: ["consumer".to_owned()].into(),
            resource: Some("app-1".to_owned()),
            resource_sort: Some("app".to_owned()),
            is_disabled,
            created_at: Some(at(5)),
            created_by: Some(id(4)),
        };
        Space {
            id: SpaceId(id(1)),
            head: SpaceHead {
                name: "Sales".to_owned(),
                sort: None,
                owner: None,
                created_at: None,
                unseen: BTreeSet::new(),
            },
            assignments: Some([].into()),
            shares: Some([(id(2), share)].into()),
            partial: BTreeSet::new(),
        }
    }

    fn entry(seq: u64, fact: Fact) -> Entry {
        Entry {
            seq: Seq(seq),
            stamp: None,
            at: at(100),
            origin: None,
            reported: None,
            fact,
        }
    }

    /// Returns what changed the right to the app, which user 3 came to hold.
    fn cause(changes: Vec<SpaceChange>) -> ChangeCause {
        let mut causes = Causes {
            entries: VecDeque::new(),
        };
        let mut last = 0;
        for change in changes {
            last += 1;
            causes.take(entry(last, Fact::SpaceChanged(change)));
        }
        let right = RightChange {
            right: Right::App {
                space: SpaceMention {
                    id: SpaceId(id(1)),
                    name: "Sales".to_owned(),
                    sort: None,
                },
                resource: Some("app-1".to_owned()),
                sort: Some("app".to_owned()),
                role: "consumer".to_owned(),
            },
            change: AccessChange::Granted,
            holders: RightHolders::One(Holder {
                id: UserId(id(3)),
                subject: "idp|3".to_owned(),
                name: None,
                email: None,
                is_bot: false,
                barrier: None,
                account: AccountChange::Stayed,
            }),
            before: Vec::new(),
            after: vec![ShownPath {
                path: Path::Direct,
                group: None,
            }],
        };
        let report = entry(last + 1, Fact::RightChanged(right.clone()));
        causes.of(&report, &right)
    }

    /// Returns what changed a role of everybody, after group 7 was changed.
    fn everybodys_cause(group_type: GroupType, gives: u32, role: u32) -> ChangeCause {
        let group = |roles: &[u32]| {
            let roles = roles.iter().map(|n| (RoleId(id(*n)), String::new()));
            Record::Group(Group {
                id: GroupId(id(7)),
                name: "G".to_owned(),
                description: None,
                group_type: Coded::new(group_type, "x"),
                status: None,
                idp_id: None,
                roles: Some(roles.collect()),
                created_at: None,
                updated_at: None,
            })
        };
        let change = Change::Updated {
            before: group(&[]),
            after: group(&[gives]),
        };
        let reported = Reported {
            first: at(5),
            last: at(6),
            by: Some([UserId(id(4))].into()),
        };
        let mut causes = Causes {
            entries: VecDeque::new(),
        };
        causes.take(Entry {
            reported: Some(reported),
            ..entry(1, Fact::Changed(change))
        });
        let id_of_group = GroupId(id(7));
        let path = match group_type == GroupType::Organization {
            true => Path::Everyone(id_of_group),
            false => Path::Group(id_of_group),
        };
        let right = RightChange {
            right: Right::Role(RoleMention {
                id: RoleId(id(role)),
                name: "Steward".to_owned(),
                level: None,
                is_unknown: false,
            }),
            change: AccessChange::Granted,
            holders: RightHolders::Everybody { count: 9 },
            before: Vec::new(),
            after: vec![ShownPath { path, group: None }],
        };
        causes.of(&entry(2, Fact::RightChanged(right.clone())), &right)
    }

    #[test]
    fn whoever_changed_what_a_group_gives_changed_the_rights_by_this_group() {
        let given = ChangeCause {
            basis: ChangeBasis::Audit,
            at: at(6),
            by: [UserId(id(4))].into(),
        };
        for group_type in [GroupType::Organization, GroupType::Group] {
            assert_eq!(everybodys_cause(group_type, 1, 1), given, "{group_type:?}");
            let of_another = everybodys_cause(group_type, 2, 1);
            assert_eq!(of_another.basis, ChangeBasis::Observed, "{group_type:?}");
        }
    }

    #[test]
    fn whoever_shared_an_app_gave_the_right_also_if_the_share_is_switched_off() {
        let given = ChangeCause {
            basis: ChangeBasis::Api,
            at: at(5),
            by: [UserId(id(4))].into(),
        };
        let none = Space {
            shares: Some([].into()),
            ..sharing(false)
        };
        let change = |before: &Space, after: &Space| {
            SpaceChange::between(Some(before), Some(after), Found::New).unwrap()
        };
        let (on, off) = (sharing(false), sharing(true));

        assert_eq!(cause(vec![change(&none, &off)]), given);
        // Switching it off changed nobody's right.
        let then_off = vec![change(&none, &on), change(&on, &off)];
        assert_eq!(cause(then_off), given);
        let other = Space {
            head: SpaceHead {
                name: "Vault".to_owned(),
                ..none.head.clone()
            },
            ..none.clone()
        };
        let observed = ChangeCause {
            basis: ChangeBasis::Observed,
            at: at(100),
            by: BTreeSet::new(),
        };
        assert_eq!(cause(vec![change(&none, &other)]), observed);
    }
}
