//! Journal entries.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::{Account, Change, Fact, HistoryLoss, Missing, Recovery, Reported, RunId};
use crate::store::layout::{v1, v3, v5, v6, v8};

use super::{owned, pairs, text};

impl<'a> From<(RunId, &'a Account)> for v1::Origin<'a> {
    fn from((run, account): (RunId, &'a Account)) -> Self {
        let account = account.into();
        Self { run, account }
    }
}

impl<'a> From<&'a Account> for v1::Account<'a> {
    fn from(account: &'a Account) -> Self {
        let Account {
            tenant,
            name,
            region,
        } = account;
        Self {
            tenant: Cow::Borrowed(tenant),
            name: Cow::Borrowed(name),
            region: text(region.as_ref()),
        }
    }
}

impl From<v1::Account<'_>> for Account {
    fn from(account: v1::Account<'_>) -> Self {
        let v1::Account {
            tenant,
            name,
            region,
        } = account;
        Self {
            tenant: tenant.into_owned(),
            name: name.into_owned(),
            region: owned(region),
        }
    }
}

impl<'a> From<&'a Change> for v1::Change<'a> {
    fn from(change: &'a Change) -> Self {
        match change {
            Change::Created { after, replaces } => Self::Created {
                after: after.into(),
                replaces: replaces.clone(),
            },
            Change::Updated { before, after } => Self::Updated {
                before: before.into(),
                after: after.into(),
            },
            Change::Deleted { before } => Self::Deleted {
                before: before.into(),
            },
        }
    }
}

impl From<v1::Change<'_>> for Change {
    fn from(change: v1::Change<'_>) -> Self {
        match change {
            v1::Change::Created { after, replaces } => Self::Created {
                after: after.into(),
                replaces,
            },
            v1::Change::Updated { before, after } => Self::Updated {
                before: before.into(),
                after: after.into(),
            },
            v1::Change::Deleted { before } => Self::Deleted {
                before: before.into(),
            },
        }
    }
}

impl<'a> From<&'a Fact> for v8::Fact<'a> {
    fn from(fact: &'a Fact) -> Self {
        match fact {
            Fact::Changed(change) => Self::Changed(change.into()),
            Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles: *roles,
                groups: *groups,
                users: *users,
            },
            Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan: *plan,
                supersedes: *supersedes,
                losses: pairs(losses.clone()),
            },
            Fact::Failed { code, message } => Self::Failed {
                code: Cow::Borrowed(code),
                message: Cow::Borrowed(message),
            },
            Fact::Recovered(recovery) => Self::Recovered((*recovery).into()),
            Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: Cow::Borrowed(endpoint),
                reason: Cow::Borrowed(reason),
                failing_since: *failing_since,
            },
            Fact::Unreadable => Self::Unreadable,
            Fact::HistoryLost(missing) => Self::HistoryLost((*missing).into()),
            Fact::RightChanged(right) => Self::RightChanged(right.into()),
            Fact::RoleContentChanged { role, gained, lost } => {
                let words = |words: &'a BTreeSet<String>| {
                    words
                        .iter()
                        .map(|word| Cow::Borrowed(word.as_str()))
                        .collect()
                };
                Self::RoleContentChanged {
                    role: role.into(),
                    gained: words(gained),
                    lost: words(lost),
                }
            }
            Fact::SpaceChanged(change) => Self::SpaceChanged(change.clone().into()),
        }
    }
}

impl From<v1::Fact<'_>> for Fact {
    fn from(fact: v1::Fact<'_>) -> Self {
        match fact {
            v1::Fact::Changed(change) => Self::Changed(change.into()),
            v1::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v1::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v1::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v1::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v1::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: without_causes(&reason),
                failing_since,
            },
        }
    }
}

impl From<v3::Fact<'_>> for Fact {
    fn from(fact: v3::Fact<'_>) -> Self {
        match fact {
            v3::Fact::Changed(change) => Self::Changed(change.into()),
            v3::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v3::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v3::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v3::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v3::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: without_causes(&reason),
                failing_since,
            },
            v3::Fact::Unreadable => Self::Unreadable,
            v3::Fact::HistoryLost(missing) => Self::HistoryLost(missing.into()),
        }
    }
}

impl From<v5::Fact<'_>> for Fact {
    fn from(fact: v5::Fact<'_>) -> Self {
        match fact {
            v5::Fact::Changed(change) => Self::Changed(change.into()),
            v5::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v5::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v5::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v5::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v5::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: reason.into_owned(),
                failing_since,
            },
            v5::Fact::Unreadable => Self::Unreadable,
            v5::Fact::HistoryLost(missing) => Self::HistoryLost(missing.into()),
            v5::Fact::RightChanged(right) => Self::RightChanged(right.into()),
            v5::Fact::RoleContentChanged { role, gained, lost } => Self::RoleContentChanged {
                role: role.into(),
                gained: gained.into_iter().map(Cow::into_owned).collect(),
                lost: lost.into_iter().map(Cow::into_owned).collect(),
            },
        }
    }
}

impl From<v6::Fact<'_>> for Fact {
    fn from(fact: v6::Fact<'_>) -> Self {
        match fact {
            v6::Fact::Changed(change) => Self::Changed(change.into()),
            v6::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v6::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v6::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v6::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v6::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: reason.into_owned(),
                failing_since,
            },
            v6::Fact::Unreadable => Self::Unreadable,
            v6::Fact::HistoryLost(missing) => Self::HistoryLost(missing.into()),
            v6::Fact::RightChanged(right) => Self::RightChanged(right.into()),
            v6::Fact::RoleContentChanged { role, gained, lost } => Self::RoleContentChanged {
                role: role.into(),
                gained: gained.into_iter().map(Cow::into_owned).collect(),
                lost: lost.into_iter().map(Cow::into_owned).collect(),
            },
            v6::Fact::SpaceChanged(change) => Self::SpaceChanged(change.into()),
        }
    }
}

impl From<v8::Fact<'_>> for Fact {
    fn from(fact: v8::Fact<'_>) -> Self {
        match fact {
            v8::Fact::Changed(change) => Self::Changed(change.into()),
            v8::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v8::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v8::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v8::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v8::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: reason.into_owned(),
                failing_since,
            },
            v8::Fact::Unreadable => Self::Unreadable,
            v8::Fact::HistoryLost(missing) => Self::HistoryLost(missing.into()),
            v8::Fact::RightChanged(right) => Self::RightChanged(right.into()),
            v8::Fact::RoleContentChanged { role, gained, lost } => Self::RoleContentChanged {
                role: role.into(),
                gained: gained.into_iter().map(Cow::into_owned).collect(),
                lost: lost.into_iter().map(Cow::into_owned).collect(),
            },
            v8::Fact::SpaceChanged(change) => Self::SpaceChanged(change.into()),
        }
    }
}

impl From<&Reported> for v8::Reported {
    fn from(reported: &Reported) -> Self {
        let Reported { first, last, by } = reported;
        Self {
            first: *first,
            last: *last,
            by: by.as_ref().map(|users| users.iter().cloned().collect()),
        }
    }
}

impl From<v8::Reported> for Reported {
    fn from(reported: v8::Reported) -> Self {
        let v8::Reported { first, last, by } = reported;
        Self {
            first,
            last,
            by: by.map(BTreeSet::from_iter),
        }
    }
}

/// Removes the causes, which follow the second colon: older entries have them, and they reveal
/// where a receiver is located.
fn without_causes(reason: &str) -> String {
    let parts: Vec<_> = reason.splitn(3, ": ").take(2).collect();
    parts.join(": ")
}

impl From<Missing> for v3::Missing {
    fn from(missing: Missing) -> Self {
        let Missing {
            entries,
            places,
            records,
        } = missing;
        Self {
            entries,
            places,
            records,
        }
    }
}

impl From<v3::Missing> for Missing {
    fn from(missing: v3::Missing) -> Self {
        let v3::Missing {
            entries,
            places,
            records,
        } = missing;
        Self {
            entries,
            places,
            records,
        }
    }
}

impl From<HistoryLoss> for v3::HistoryLoss {
    fn from(loss: HistoryLoss) -> Self {
        let HistoryLoss {
            at,
            entry,
            moved_to,
            damage,
            missing,
            accepted_at,
        } = loss;
        Self {
            at,
            entry,
            moved_to,
            damage,
            missing: missing.into(),
            accepted_at,
        }
    }
}

impl From<v3::HistoryLoss> for HistoryLoss {
    fn from(loss: v3::HistoryLoss) -> Self {
        let v3::HistoryLoss {
            at,
            entry,
            moved_to,
            damage,
            missing,
            accepted_at,
        } = loss;
        Self {
            at,
            entry,
            moved_to,
            damage,
            missing: missing.into(),
            accepted_at,
        }
    }
}

impl From<Recovery> for v1::Recovery {
    fn from(recovery: Recovery) -> Self {
        match recovery {
            Recovery::Plan(plan) => Self::Plan(plan),
            Recovery::Sync => Self::Sync,
        }
    }
}

impl From<v1::Recovery> for Recovery {
    fn from(recovery: v1::Recovery) -> Self {
        match recovery {
            v1::Recovery::Plan(plan) => Self::Plan(plan),
            v1::Recovery::Sync => Self::Sync,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_receiver_stands_is_not_read() {
        for (reason, expected) in [
            (
                "nothing but failures since 2026-03-01T10:00:00.000Z, 9 attempts, the last one \
                 deliver.refused-address: refusing to connect to the receiver: 10.0.0.5 is a \
                 private address",
                "nothing but failures since 2026-03-01T10:00:00.000Z, 9 attempts, the last one \
                 deliver.refused-address: refusing to connect to the receiver",
            ),
            ("deliver.gone", "deliver.gone"),
        ] {
            assert_eq!(without_causes(reason), expected);
        }
    }
}
